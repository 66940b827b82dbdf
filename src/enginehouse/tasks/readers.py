"""Where a Map's items come from and its results go to: files of a local folder, also in the shape of S3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from enginehouse.asl.commands import ReadItems, WriteResults
from enginehouse.tasks.items import ItemReaderFault, load_and_flatten, max_items, parse_items
from enginehouse.tasks.manifests import is_manifest, manifest_items

GET_OBJECT = "arn:aws:states:::s3:getObject"
LIST_OBJECTS = "arn:aws:states:::s3:listObjectsV2"
PUT_OBJECT = "arn:aws:states:::s3:putObject"
LOAD_AND_FLATTEN = "LOAD_AND_FLATTEN"
READ_FILE = "file:read"
WRITE_FILE = "file:write"


class ResultWriterFault(Exception):  # noqa: N818 -- becomes States.ResultWriterFailed
    """The results cannot be written; the message is the cause that the workflow sees."""


class ItemSource(Protocol):
    """What a host asks for a Map's items, and gives its results. Both may block; they are called in a thread.

    They raise ``ItemReaderFault`` and ``ResultWriterFault``.
    """

    def read(self, command: ReadItems) -> list[Any]: ...

    def write(self, command: WriteResults) -> Any: ...


def items_of(given: ItemSource | str | Path | None) -> ItemSource | None:
    """What a provider is given as ``items``: a source, or the folder that has the files."""
    return LocalFiles(given) if isinstance(given, str | Path) else given


class LocalFiles:
    """Items and results in files below ``folder``; nothing outside of it is touched.

    ============================== ================================ ==================================================
    resource                       arguments                        means
    ============================== ================================ ==================================================
    ``file:read``                  ``{"Path": "in/names.csv"}``     that file, as ``InputType`` or its ending says
    ``s3:getObject``               ``{"Bucket": .., "Key": ..}``    the file ``Bucket/Key``
    ``s3:listObjectsV2``           ``{"Bucket": .., "Prefix": ..}`` one item for each file, as S3 lists objects; or, with
                                                                    the ``Transformation`` for it, the items in them
    ``file:write``                 ``{"Path": "out/names"}``        files in that folder, as below
    ``s3:putObject``               ``{"Bucket": .., "Prefix": ..}`` ``manifest.json`` and ``SUCCEEDED_0.json`` and so on
    ============================== ================================ ==================================================

    ``buckets`` puts a bucket into another folder than one of its name.
    """

    def __init__(self, folder: str | Path, *, buckets: Mapping[str, str | Path] | None = None) -> None:
        self.folder = Path(folder)
        self.buckets = {name: Path(place) for name, place in (buckets or {}).items()}

    def read(self, command: ReadItems) -> list[Any]:
        arguments = command.arguments if isinstance(command.arguments, dict) else {}
        config = reader_config(command)
        if command.resource == LIST_OBJECTS:
            if config.get("Transformation") == LOAD_AND_FLATTEN:
                root = self._bucket(text_of(arguments, "Bucket"))
                return load_and_flatten(self._keys(arguments), lambda key: _bytes(root / key, key), config)
            return self._listed(arguments, max_items(config))
        if command.resource == READ_FILE:
            name, root = text_of(arguments, "Path"), self.folder
        elif command.resource == GET_OBJECT:
            name, root = text_of(arguments, "Key"), self._bucket(text_of(arguments, "Bucket"))
        else:
            raise ItemReaderFault(
                f"Items cannot be read by {command.resource!r} here; known are {READ_FILE}, {GET_OBJECT}, {LIST_OBJECTS}."
            )
        data = _bytes(_inside(root, name), name)
        if not is_manifest(config):
            return parse_items(data, config, name)

        def listed(bucket: str, key: str) -> bytes:
            return _bytes(_inside(self._bucket(bucket) if bucket else root, key), key)

        return manifest_items(data, config, listed)

    def write(self, command: WriteResults) -> Any:
        arguments = command.arguments if isinstance(command.arguments, dict) else {}
        run = run_name(command)
        try:
            if command.resource == WRITE_FILE:
                prefix = text_of(arguments, "Path").rstrip("/")
                root, details = self.folder, {"Path": f"{prefix}/{run}/manifest.json"}
            elif command.resource == PUT_OBJECT:
                bucket, prefix = text_of(arguments, "Bucket"), str(arguments.get("Prefix") or "").rstrip("/")
                key = f"{prefix}/{run}/manifest.json" if prefix else f"{run}/manifest.json"
                root, details = self._bucket(bucket), {"Bucket": bucket, "Key": key}
            else:
                raise ResultWriterFault(
                    f"Results cannot be written by {command.resource!r} here; known are {WRITE_FILE}, {PUT_OBJECT}."
                )
            place = f"{prefix}/{run}" if prefix else run
            _write_run(_inside(root, place), place, command, str(arguments.get("Bucket", "")))
        except ItemReaderFault as fault:
            raise ResultWriterFault(str(fault)) from None
        except OSError as error:
            raise ResultWriterFault(f"The results cannot be written: {error.strerror} ({error.filename}).") from None
        return {"MapRunArn": command.run, "ResultWriterDetails": details}

    def _bucket(self, bucket: str) -> Path:
        return self.buckets[bucket] if bucket in self.buckets else _inside(self.folder, bucket)

    def _listed(self, arguments: dict[str, Any], limit: int | None) -> list[Any]:
        root = self._bucket(text_of(arguments, "Bucket"))
        return [_object(root / key, key) for key in self._keys(arguments)[:limit]]

    def _keys(self, arguments: dict[str, Any]) -> list[str]:
        root = self._bucket(text_of(arguments, "Bucket"))
        if not root.is_dir():
            raise ItemReaderFault(f"There is no bucket {arguments['Bucket']!r}: no folder {root}.")
        prefix = str(arguments.get("Prefix") or "")
        keys = sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())
        return [key for key in keys if key.startswith(prefix)]


def _bytes(file: Path, name: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ItemReaderFault(f"{name!r} cannot be read: {error.strerror} ({file}).") from None


def _object(file: Path, key: str) -> dict[str, Any]:
    facts = file.stat()
    return {
        "Etag": f'"{hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()}"',
        "Key": key,
        "LastModified": int(facts.st_mtime),
        "Size": facts.st_size,
        "StorageClass": "STANDARD",
    }


def result_files(command: WriteResults, place: str, bucket: str = "") -> dict[str, str]:
    """The text of each file that a map run's results make, by its name below ``place``; the manifest is the last."""
    config = command.config if isinstance(command.config, dict) else {}
    lines = config.get("OutputType") == "JSONL"
    listed: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    files: dict[str, str] = {}
    for status, results in _by_status(command.results).items():
        name = f"{status}_0.{'jsonl' if lines else 'json'}"
        files[name] = "\n".join(map(json.dumps, results)) if lines else json.dumps(results)
        listed[status].append({"Key": f"{place}/{name}", "Size": len(files[name].encode())})
    manifest = {"DestinationBucket": bucket, "MapRunArn": command.run, "ResultFiles": listed}
    return {**files, "manifest.json": json.dumps(manifest)}


def _write_run(folder: Path, place: str, command: WriteResults, bucket: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in result_files(command, place, bucket).items():
        (folder / name).write_text(text, encoding="utf-8")


def _by_status(results: Any) -> dict[str, list[Any]]:
    """Records of child executions by their status; transformed results, which have none, are of children that succeeded."""
    grouped: dict[str, list[Any]] = {}
    for result in results if isinstance(results, list) else [results]:
        status = result.get("Status") if isinstance(result, dict) and "ExecutionArn" in result else "SUCCEEDED"
        grouped.setdefault(status if status in ("SUCCEEDED", "PENDING") else "FAILED", []).append(result)
    return grouped


def run_name(command: WriteResults) -> str:
    """The last part of a map run's ARN, which names the folder of its results."""
    return command.run.rpartition(":")[2] or "run"


def reader_config(command: ReadItems) -> dict[str, Any]:
    """The ``ReaderConfig``, with the pointer to the items in a JSON file."""
    config = dict(command.config or {})
    return {**config, "ItemsPointer": command.pointer} if command.pointer else config


def text_of(arguments: dict[str, Any], name: str) -> str:
    """A field that must be there. Raises ``ItemReaderFault``."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise ItemReaderFault(f"{name} is missing, or is not a string.")
    return value


def _inside(root: Path, name: str) -> Path:
    base = root.resolve()
    place = (base / name).resolve()
    if not place.is_relative_to(base):
        raise ItemReaderFault(f"{name!r} is outside of the folder {base}.")
    return place
