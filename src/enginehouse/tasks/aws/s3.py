"""Where a Map's items come from and its results go to: S3 itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from enginehouse.asl.commands import ReadItems, WriteResults
from enginehouse.tasks.aws.catalog import model
from enginehouse.tasks.aws.failures import Speaker, failure_of
from enginehouse.tasks.items import ItemReaderFault, max_items, parse_items
from enginehouse.tasks.readers import (
    GET_OBJECT,
    LIST_OBJECTS,
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
        bucket = text_of(arguments, "Bucket")
        try:
            if command.resource == LIST_OBJECTS:
                return list(self._listed(bucket, str(arguments.get("Prefix") or ""), max_items(config)))
            key = text_of(arguments, "Key")
            version = {"VersionId": arguments["VersionId"]} if arguments.get("VersionId") else {}
            data = self._client().get_object(Bucket=bucket, Key=key, **version)["Body"].read()
        except (ClientError, BotoCoreError, OSError) as error:
            raise ItemReaderFault(_cause(error)) from error
        return parse_items(data, config, key)

    def _listed(self, bucket: str, prefix: str, limit: int | None) -> Iterator[dict[str, Any]]:
        """Objects as AWS makes items of them, in pages no longer than what is wanted."""
        left, token = limit, ""
        while left is None or left > 0:
            more = {"ContinuationToken": token} if token else {}
            page = self._client().list_objects_v2(
                Bucket=bucket, Prefix=prefix, MaxKeys=_PAGE if left is None else min(left, _PAGE), **more
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
                    Bucket=bucket, Key=f"{place}/{name}", Body=text.encode(), ContentType="application/json"
                )
        except ItemReaderFault as fault:
            raise ResultWriterFault(str(fault)) from None
        except (ClientError, BotoCoreError, OSError) as error:
            raise ResultWriterFault(_cause(error)) from error
        return {
            "MapRunArn": command.run,
            "ResultWriterDetails": {"Bucket": bucket, "Key": f"{place}/manifest.json"},
        }


def _cause(error: Exception) -> str:
    return failure_of(error, _SPEAKER, model("s3")).cause
