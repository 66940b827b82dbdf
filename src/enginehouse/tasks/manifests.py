"""The items of files that a manifest lists: S3's inventory of a bucket, and the results of a query of Athena's.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from enginehouse.tasks.items import ItemReaderFault, load_and_flatten, uncompressed

_SCHEME = "s3://"


def is_manifest(config: Mapping[str, Any]) -> bool:
    """Whether an evaluated ``ReaderConfig`` is for a manifest."""
    return bool(config.get("ManifestType")) or config.get("InputType") == "MANIFEST"


def manifest_items(data: bytes, config: Mapping[str, Any], read: Callable[[str, str], bytes]) -> list[Any]:
    """The items in all files that the manifest ``data`` lists, one file's after the other's, at most ``MaxItems``. Raises
    ``ItemReaderFault``.

    ``read`` is given a bucket, or "" for the manifest's own, and a key. An inventory's items are its rows, with the columns that it names,
    as texts; S3 writes a key there as in a URL. A result of Athena's is read as ``InputType`` says.
    """
    text = _text(data)
    if config.get("ManifestType") == "ATHENA_DATA":
        uris, of_files = _athena(text), {key: value for key, value in config.items() if key != "ManifestType"}
    else:
        uris, columns = _inventory(text)
        given = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": columns}
        of_files = {**given, "MaxItems": config.get("MaxItems")}
    return load_and_flatten(uris, lambda uri: read(*_split(uri)), of_files)


def _text(data: bytes) -> str:
    try:
        return uncompressed(data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ItemReaderFault(f"The manifest is not UTF-8 text: {error.reason} at byte {error.start}.") from None


def _inventory(text: str) -> tuple[list[str], list[str]]:
    """The files of an inventory and its columns."""
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ItemReaderFault(f"The manifest is not valid JSON: {error}") from None
    told = manifest if isinstance(manifest, dict) else {}
    if told.get("fileFormat") not in ("CSV", None):
        raise ItemReaderFault(f"An inventory in {told['fileFormat']!s:.40} is not read here; CSV is.")
    schema, files = told.get("fileSchema"), told.get("files")
    if not isinstance(schema, str) or not isinstance(files, list):
        raise ItemReaderFault("The manifest is none of an S3 inventory: it has no fileSchema, or no files.")
    bucket = str(told.get("destinationBucket") or "").rpartition(":")[2]  # S3 gives its ARN
    keys = [item.get("key") if isinstance(item, dict) else None for item in files]
    if not all(isinstance(key, str) for key in keys):
        raise ItemReaderFault("The manifest lists a file without a key.")
    return [f"{_SCHEME}{bucket}/{key}" for key in keys], [column.strip() for column in schema.split(",")]


def _athena(text: str) -> list[str]:
    """The files of a query's result, a line each."""
    uris = [line.strip().strip('"') for line in text.splitlines() if line.strip()]
    strange = next((uri for uri in uris if not uri.startswith(_SCHEME)), None)
    if strange is not None:
        raise ItemReaderFault(
            f"The manifest is none of Athena's: it lists {strange!r:.80}, which is no s3://BUCKET/KEY."
        )
    return uris


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
    return bucket, key
