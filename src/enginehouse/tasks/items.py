"""The items that a Map reads from a file: JSON, JSON Lines and CSV, after AWS's rules for ``ReaderConfig``.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_NOT_ITERABLE = "Attempting to map over non-iterable node."


class ItemReaderFault(Exception):  # noqa: N818 -- becomes States.ItemReaderFailed
    """The items cannot be read; the message is the cause that the workflow sees."""


def parse_items(data: bytes, config: Mapping[str, Any], name: str = "") -> list[Any]:
    """The items in ``data``, at most ``MaxItems`` of them. Raises ``ItemReaderFault``.

    ``config`` is an evaluated ``ReaderConfig``, of no manifest. Without ``InputType`` the ending of ``name`` decides. What is compressed by
    GZIP is read as what it was before.
    """
    if config.get("ManifestType") or config.get("InputType") == "MANIFEST":
        raise ItemReaderFault("A manifest lists files, and is no file of items itself; name it by its Key or Path.")
    kind = config.get("InputType") or _by_ending(name)
    read = _FORMATS.get(str(kind).upper())
    if read is None:
        raise ItemReaderFault(
            f"InputType {kind!r} is not read here; known are {', '.join(sorted(_FORMATS))}."
            if kind
            else f"ReaderConfig needs an InputType: {', '.join(sorted(_FORMATS))}."
        )
    try:
        text = uncompressed(data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ItemReaderFault(f"The file is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    return list(islice(read(text, config), max_items(config)))


def load_and_flatten(names: Iterable[str], read: Callable[[str], bytes], config: Mapping[str, Any]) -> list[Any]:
    """The items of all files, one file's after the other's: ``Transformation`` ``LOAD_AND_FLATTEN``. No file is read that is
    not needed for ``MaxItems``; a name that ends in a slash stands for a folder. Raises ``ItemReaderFault``."""
    limit, found = max_items(config), list[Any]()
    for name in names:
        if limit is not None and len(found) >= limit:
            break
        if not name.endswith("/"):
            found += parse_items(read(name), config, name)
    return found[:limit]


def uncompressed(data: bytes) -> bytes:
    """The bytes as they were before GZIP. Raises ``ItemReaderFault``."""
    if data.startswith(_ZSTD):
        raise ItemReaderFault("The file is compressed by ZSTD, which is not read here; GZIP is.")
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ItemReaderFault(f"The GZIP file cannot be read: {error}") from None


def max_items(config: Mapping[str, Any]) -> int | None:
    """How many items may be read at most; None for all. 0 means all, and digits in a string count, as for AWS."""
    limit = config.get("MaxItems")
    if isinstance(limit, str) and limit.isdecimal():
        limit = int(limit)
    if not limit:
        return None
    if isinstance(limit, float) and limit.is_integer():
        limit = int(limit)
    if not isinstance(limit, int) or limit < 0:
        raise ItemReaderFault(f"MaxItems must be a whole number, not {limit!r}.")
    return limit


def _by_ending(name: str) -> str:
    ending = name.removesuffix(".gz").rpartition(".")[2].upper()
    return {"NDJSON": "JSONL"}.get(ending, ending if ending in _FORMATS else "")


def _json(text: str, config: Mapping[str, Any]) -> Iterator[Any]:
    value = _parse(text, "The JSON file")
    pointer = config.get("ItemsPointer")
    if pointer:
        value = _at(value, str(pointer))
    if not isinstance(value, list):
        raise ItemReaderFault(_NOT_ITERABLE)
    return iter(value)


def _jsonl(text: str, config: Mapping[str, Any]) -> Iterator[Any]:
    for number, line in enumerate(io.StringIO(text), 1):
        if line.strip():
            yield _parse(line, f"Line {number} of the JSONL file")


def _parse(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ItemReaderFault(f"{what} is not valid JSON: {error}") from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _at(value: Any, pointer: str) -> Any:
    """The value that a JSON pointer (RFC 6901) names."""
    if not pointer.startswith("/"):
        raise ItemReaderFault(f"ItemsPointer {pointer!r} is not a JSON pointer: it must start with '/'.")
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise ItemReaderFault(f"ItemsPointer {pointer!r} points at nothing in the file: there is no {key!r}.")
    return value


def _csv(text: str, config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Each row as an object: fields past the headers are dropped, missing ones are empty, all are strings."""
    name = str(config.get("CSVDelimiter") or "COMMA")
    delimiter = _DELIMITERS.get(name)
    if delimiter is None:
        raise ItemReaderFault(f"CSVDelimiter {name!r} is not one of {', '.join(_DELIMITERS)}.")
    rows = (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row)
    try:
        headers = _headers(rows, config)
        for row in rows:
            yield {header: row[place] if place < len(row) else "" for place, header in enumerate(headers)}
    except csv.Error as error:
        raise ItemReaderFault(f"The CSV file cannot be read: {error}.") from None


def _headers(rows: Iterator[list[str]], config: Mapping[str, Any]) -> list[str]:
    location = config.get("CSVHeaderLocation", "FIRST_ROW")
    if location == "GIVEN":
        headers = config.get("CSVHeaders")
        if not isinstance(headers, list) or not headers or not all(isinstance(item, str) for item in headers):
            raise ItemReaderFault("CSVHeaderLocation GIVEN needs CSVHeaders, an array of strings.")
    elif location == "FIRST_ROW":
        headers = next(rows, [])
    else:
        raise ItemReaderFault(f"CSVHeaderLocation {location!r} is not one of FIRST_ROW, GIVEN.")
    if len(set(headers)) != len(headers):
        raise ItemReaderFault("CSV headers cannot contain duplicates.")
    return headers


_FORMATS: dict[str, Callable[[str, Mapping[str, Any]], Iterator[Any]]] = {"JSON": _json, "JSONL": _jsonl, "CSV": _csv}
