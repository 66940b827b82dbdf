"""A Map reads the items of the files that a manifest lists: S3's inventory, and the results of a query of Athena's."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from enginehouse.tasks.items import ItemReaderFault
from enginehouse.tasks.manifests import is_manifest, manifest_items

INVENTORY = {
    "sourceBucket": "shop",
    "destinationBucket": "arn:aws:s3:::lists",
    "version": "2016-11-30",
    "fileFormat": "CSV",
    "fileSchema": "Bucket, Key, Size",
    "files": [{"key": "daily/1.csv.gz", "size": 9, "MD5checksum": "x"}, {"key": "daily/2.csv.gz"}],
}
FILES = {
    ("lists", "daily/1.csv.gz"): gzip.compress(b'"shop","a%20b.png","12"\n"shop","c.png","3"\n'),
    ("lists", "daily/2.csv.gz"): gzip.compress(b'"shop","d.png","4"\n'),
}
ROWS = [
    {"Bucket": "shop", "Key": "a%20b.png", "Size": "12"},
    {"Bucket": "shop", "Key": "c.png", "Size": "3"},
    {"Bucket": "shop", "Key": "d.png", "Size": "4"},
]
ATHENA = {"ManifestType": "ATHENA_DATA", "InputType": "JSONL"}


def items(manifest: Any, config: dict[str, Any], files: dict[tuple[str, str], bytes]) -> list[Any]:
    data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return manifest_items(data, config, lambda bucket, key: files[bucket, key])


@pytest.mark.parametrize("config", [{"InputType": "MANIFEST"}, {"ManifestType": "S3_INVENTORY"}])
def test_the_rows_of_an_inventory_are_the_items(config: dict[str, Any]) -> None:
    assert is_manifest(config)
    assert items(INVENTORY, config, FILES) == ROWS


def test_no_file_is_read_that_is_not_needed() -> None:
    first = {place: data for place, data in FILES.items() if "/1" in place[1]}
    assert items(INVENTORY, {"InputType": "MANIFEST", "MaxItems": 2}, first) == ROWS[:2]


def test_without_a_destination_the_files_are_where_the_manifest_is() -> None:
    own = {key: value for key, value in INVENTORY.items() if key != "destinationBucket"}
    assert items(own, {"InputType": "MANIFEST"}, {("", key): data for (_, key), data in FILES.items()}) == ROWS


def test_an_inventory_of_nothing_has_no_items() -> None:
    assert items({**INVENTORY, "files": []}, {"InputType": "MANIFEST"}, {}) == []


def test_the_results_of_a_query_are_read_as_what_they_are() -> None:
    manifest = b's3://results/q/1\n"s3://more/q/2"\n\n'
    files = {("results", "q/1"): gzip.compress(b"1\n2\n"), ("more", "q/2"): b"3\n"}
    assert items(manifest, ATHENA, files) == [1, 2, 3]
    assert items(manifest, {**ATHENA, "MaxItems": 1}, files) == [1]
    given = {"ManifestType": "ATHENA_DATA", "InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["n"]}
    assert items(b"s3://results/q/1", given, files) == [{"n": "1"}, {"n": "2"}]


@pytest.mark.parametrize(
    ("manifest", "config", "complaint"),
    [
        ({**INVENTORY, "fileFormat": "Parquet"}, {"InputType": "MANIFEST"}, "An inventory in Parquet is not read here"),
        ({}, {"InputType": "MANIFEST"}, "none of an S3 inventory"),
        ([], {"InputType": "MANIFEST"}, "none of an S3 inventory"),
        ({**INVENTORY, "files": ["x"]}, {"InputType": "MANIFEST"}, "a file without a key"),
        (b"{", {"InputType": "MANIFEST"}, "not valid JSON"),
        (b"\xff", {"InputType": "MANIFEST"}, "not UTF-8 text"),
        (b"results/q/1\n", ATHENA, "no s3://BUCKET/KEY"),
        (b"s3://results/q/1\n", {**ATHENA, "InputType": "PARQUET"}, "'PARQUET' is not read here"),
    ],
)
def test_a_manifest_that_cannot_be_read_says_why(manifest: Any, config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ItemReaderFault, match=complaint):
        items(manifest, config, {("results", "q/1"): b"1"})
