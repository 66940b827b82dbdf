"""The items of a Map out of JSON, JSON Lines and CSV; the rules of CSV are those recorded from AWS."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.tasks.items import ItemReaderFault, load_and_flatten, parse_items

GIVEN = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}
FIRST = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}


def test_a_json_array_gives_its_elements() -> None:
    assert parse_items(b'\xef\xbb\xbf[1, {"a": 2}]', {"InputType": "JSON"}) == [1, {"a": 2}]


def test_a_pointer_leads_to_the_array_within() -> None:
    data = json.dumps({"a/b": [{"c~d": [1, 2]}]}).encode()
    assert parse_items(data, {"InputType": "JSON", "ItemsPointer": "/a~1b/0/c~0d"}) == [1, 2]


def test_json_lines_give_a_value_each_and_blank_lines_none() -> None:
    assert parse_items(b'{"a": 1}\r\n\n[2]\n"x"', {"InputType": "JSONL"}) == [{"a": 1}, [2], "x"]


def test_rows_are_objects_of_strings() -> None:
    data = b"Value1,Value2,Value3\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   \n"
    assert parse_items(data, {**GIVEN, "CSVHeaders": ["H1", "H2", "H3"]}) == [
        {"H1": "Value1", "H2": "Value2", "H3": "Value3"},
        {"H1": "Value4", "H2": "Value5", "H3": "Value6"},
        {"H1": "", "H2": "", "H3": ""},
        {"H1": "true", "H2": "1", "H3": "'HelloWorld'"},
        {"H1": "Null", "H2": "None", "H3": ""},
        {"H1": "   ", "H2": "", "H3": ""},
    ]


def test_fields_past_the_headers_are_dropped_and_an_empty_header_is_one() -> None:
    data = b"H1,\nValue4,Value5,Value6\nNull\n"
    assert parse_items(data, FIRST) == [{"H1": "Value4", "": "Value5"}, {"H1": "Null", "": ""}]


def test_a_delimiter_may_be_another() -> None:
    assert parse_items(b"a;b\n1;'2,3'\n", {**FIRST, "CSVDelimiter": "SEMICOLON"}) == [{"a": "1", "b": "'2,3'"}]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=2, max_size=2), max_size=5))
def test_what_was_written_as_csv_is_read_back(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["a", "b"], *rows])
    assert parse_items(text.getvalue().encode(), FIRST) == [{"a": one, "b": two} for one, two in rows]


@pytest.mark.parametrize(("most", "count"), [(2, 2), (2.0, 2), ("2", 2), (0, 4), (100_000_000, 4), (None, 4)])
def test_max_items_bounds_all_formats(most: Any, count: int) -> None:
    for kind, data in (("JSON", b"[1,2,3,4]"), ("JSONL", b"1\n2\n3\n4\n"), ("CSV", b"a\n1\n2\n3\n4\n")):
        assert len(parse_items(data, {"InputType": kind, "MaxItems": most})) == count


def test_without_an_input_type_the_ending_decides() -> None:
    assert parse_items(b"a\n1\n", {}, "names.CSV") == [{"a": "1"}]
    assert parse_items(b"1\n2\n", {}, "names.ndjson") == [1, 2]


def test_what_is_compressed_is_read_as_what_it_was() -> None:
    assert parse_items(gzip.compress(b"a\n1\n"), FIRST) == [{"a": "1"}]
    assert parse_items(gzip.compress(b"1\n2\n"), {}, "numbers.jsonl.gz") == [1, 2]


def test_the_items_of_many_files_are_one_list_and_no_more_are_read_than_are_wanted() -> None:
    files = {"in/": b"", "in/1.json": b"[1, 2]", "in/2.json": b"[3]", "in/3.json": b"not JSON"}
    with pytest.raises(ItemReaderFault, match="not valid JSON"):
        load_and_flatten(files, files.__getitem__, {"InputType": "JSON"})
    assert load_and_flatten(files, files.__getitem__, {"InputType": "JSON", "MaxItems": 3}) == [1, 2, 3]
    assert load_and_flatten(files, files.__getitem__, {"InputType": "JSON", "MaxItems": 1}) == [1]


@pytest.mark.parametrize(
    ("data", "config", "complaint"),
    [
        (b"a,a\n1,2\n", FIRST, "CSV headers cannot contain duplicates."),
        (b"1,2\n", {**GIVEN, "CSVHeaders": ["H1", "H1"]}, "CSV headers cannot contain duplicates."),
        (b'{"Hello": "world"}', {"InputType": "JSON"}, "Attempting to map over non-iterable node."),
        (b'{"a": 1}', {"InputType": "JSON", "ItemsPointer": "/a"}, "Attempting to map over non-iterable node."),
        (b"{", {"InputType": "JSON"}, "The JSON file is not valid JSON: Expecting property name"),
        (b"[NaN]", {"InputType": "JSON"}, "NaN is not JSON"),
        (b"[" * 100_000, {"InputType": "JSON"}, "The JSON file is not valid JSON"),
        (b"1\n{\n", {"InputType": "JSONL"}, "Line 2 of the JSONL file is not valid JSON"),
        (b"{}", {"InputType": "JSON", "ItemsPointer": "/a/b"}, "there is no 'a'"),
        (b"{}", {"InputType": "JSON", "ItemsPointer": "a"}, "must start with '/'"),
        (b"\xff", {"InputType": "JSON"}, "not UTF-8 text: invalid start byte at byte 0"),
        (b"1", {**GIVEN}, "GIVEN needs CSVHeaders"),
        (b"1", {**FIRST, "CSVDelimiter": "DOT"}, "CSVDelimiter 'DOT' is not one of COMMA, PIPE"),
        (b"1", {"InputType": "CSV", "CSVHeaderLocation": "LAST"}, "'LAST' is not one of FIRST_ROW, GIVEN"),
        (b"1", {"InputType": "PARQUET"}, "InputType 'PARQUET' is not read here; known are CSV, JSON, JSONL"),
        (b"1", {}, "ReaderConfig needs an InputType"),
        (
            b"1",
            {"InputType": "CSV", "ManifestType": "ATHENA_DATA"},
            "A manifest lists files, and is no file of items itself",
        ),
        (b"\x1f\x8bno", {"InputType": "JSON"}, "The GZIP file cannot be read"),
        (gzip.compress(b"[1]", mtime=0)[:-4], {"InputType": "JSON"}, "The GZIP file cannot be read"),
        (b"\x28\xb5\x2f\xfd", {"InputType": "JSON"}, "compressed by ZSTD"),
        (b"[]", {"InputType": "JSON", "MaxItems": 1.5}, "MaxItems must be a whole number"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ItemReaderFault) as caught:
        parse_items(data, config, "file")
    assert complaint in str(caught.value)
