"""Where a Map's items come from and its results go to: S3 itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from enginehouse.asl.commands import ReadItems, WriteResults
from enginehouse.tasks.aws.catalog import model
from enginehouse.tasks.aws.failures import CALL_FAILED, Speaker, failure_of
from enginehouse.tasks.items import ItemReaderFault, load_and_flatten, max_items, parse_items
from enginehouse.tasks.manifests import is_manifest, manifest_items
from enginehouse.tasks.readers import (
    GET_OBJECT,
    LIST_OBJECTS,
    LOAD_AND_FLATTEN,
    PUT_OBJECT,
    ResultWriterFault,
    reader_config,
    result_files,
    run_name,
    text_of,
)

RESOURCES = frozenset({GET_OBJECT, LIST_OBJECTS, PUT_OBJECT})
_SPEAKER = Speaker("S3", "Amazon S3", "AmazonS3Exception", older=True)
_PAGE = 1000


class S3Items:
    """An ``ItemSource`` on S3. ``client`` gives the client, blocking; so do ``read`` and ``write``."""

    def __init__(self, client: Callable[[], Any]) -> None:
        self._client = client

    def read(self, command: ReadItems) -> list[Any]:
        arguments = command.arguments if isinstance(command.arguments, dict) else {}
        config = reader_config(command)
        place = {"Bucket": text_of(arguments, "Bucket"), **_owner(arguments)}
        try:
            if command.resource == LIST_OBJECTS:
                return self._from_list(place, str(arguments.get("Prefix") or ""), config)
            key = text_of(arguments, "Key")
            version = {"VersionId": arguments["VersionId"]} if arguments.get("VersionId") else {}
            data = self._object(key, {**place, **version})
            if is_manifest(config):
                return manifest_items(data, config, partial(self._listed_by, place))
        except CALL_FAILED as error:
            raise ItemReaderFault(_cause(error)) from error
        return parse_items(data, config, key)

    def _listed_by(self, place: Mapping[str, Any], bucket: str, key: str) -> bytes:
        """A file that a manifest lists. Whose another bucket must be is not said."""
        return self._object(key, place if bucket in ("", place["Bucket"]) else {"Bucket": bucket})

    def _object(self, key: str, place: Mapping[str, Any]) -> bytes:
        data: bytes = self._client().get_object(Key=key, **place)["Body"].read()
        return data

    def _from_list(self, place: Mapping[str, Any], prefix: str, config: Mapping[str, Any]) -> list[Any]:
        if config.get("Transformation") != LOAD_AND_FLATTEN:
            return list(self._listed(place, prefix, max_items(config)))
        keys = (item["Key"] for item in self._listed(place, prefix, None))
        return load_and_flatten(keys, lambda key: self._object(key, place), config)

    def _listed(self, place: Mapping[str, Any], prefix: str, limit: int | None) -> Iterator[dict[str, Any]]:
        """Objects as AWS makes items of them, in pages no longer than what is wanted."""
        left, token = limit, ""
        while left is None or left > 0:
            more = {"ContinuationToken": token} if token else {}
            page = self._client().list_objects_v2(
                **place, Prefix=prefix, MaxKeys=_PAGE if left is None else min(left, _PAGE), **more
            )
            found = page.get("Contents", [])
            for item in found:
                yield {
                    "Etag": item.get("ETag"),
                    "Key": item["Key"],
                    "LastModified": int(item["LastModified"].timestamp()),
                    "Size": item.get("Size", 0),
                    "StorageClass": item.get("StorageClass", "STANDARD"),
                }
            left = None if left is None else left - len(found)
            token = page.get("NextContinuationToken") or ""
            if not token:
                return

    def write(self, command: WriteResults) -> Any:
        """The manifest is written last: whoever finds it finds all."""
        arguments = command.arguments if isinstance(command.arguments, dict) else {}
        try:
            bucket, prefix = text_of(arguments, "Bucket"), str(arguments.get("Prefix") or "").rstrip("/")
            place = f"{prefix}/{run_name(command)}" if prefix else run_name(command)
            for name, text in result_files(command, place, bucket).items():
                self._client().put_object(
                    Bucket=bucket,
                    Key=f"{place}/{name}",
                    Body=text.encode(),
                    ContentType="application/json",
                    **_owner(arguments),
                )
        except ItemReaderFault as fault:
            raise ResultWriterFault(str(fault)) from None
        except CALL_FAILED as error:
            raise ResultWriterFault(_cause(error)) from error
        return {
            "MapRunArn": command.run,
            "ResultWriterDetails": {"Bucket": bucket, "Key": f"{place}/manifest.json"},
        }


def _owner(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Whose the bucket must be, where the definition says so."""
    owner = arguments.get("ExpectedBucketOwner")
    return {"ExpectedBucketOwner": str(owner)} if owner else {}


def _cause(error: Exception) -> str:
    return failure_of(error, _SPEAKER, model("s3")).cause
