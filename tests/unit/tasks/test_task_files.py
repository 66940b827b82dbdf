"""A Map's items and results in local files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from enginehouse.asl.commands import ReadItems, WriteResults
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.tasks import LocalFiles, TaskRunner
from enginehouse.tasks.readers import GET_OBJECT, LIST_OBJECTS, PUT_OBJECT, READ_FILE, WRITE_FILE

RUN = "arn:aws:states:us-east-1:111111111111:mapRun:w/M:7d2a"


def read(
    folder: Path | None, resource: str, arguments: Any, config: Any = None, **more: Any
) -> TaskSucceeded | TaskFailed:
    async def ask() -> TaskSucceeded | TaskFailed:
        async with TaskRunner({}, items=LocalFiles(folder, **more) if folder else None) as runner:
            return await runner.read(ReadItems(1, resource, arguments, config or {}))

    return asyncio.run(ask())


def write(folder: Path, resource: str, arguments: Any, config: Any, results: list[Any]) -> TaskSucceeded | TaskFailed:
    async def ask() -> TaskSucceeded | TaskFailed:
        async with TaskRunner({}, items=LocalFiles(folder)) as runner:
            return await runner.write(WriteResults(1, resource, arguments, config, RUN, results))

    return asyncio.run(ask())


def test_a_file_is_read_by_path_or_as_an_object_of_a_bucket(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "names.csv").write_text("name\nada\n")
    expected = TaskSucceeded(1, [{"name": "ada"}])
    assert read(tmp_path, READ_FILE, {"Path": "in/names.csv"}) == expected
    assert read(tmp_path, GET_OBJECT, {"Bucket": "in", "Key": "names.csv"}) == expected
    elsewhere = read(tmp_path / "none", GET_OBJECT, {"Bucket": "b", "Key": "names.csv"}, buckets={"b": tmp_path / "in"})
    assert elsewhere == expected


@pytest.mark.parametrize(
    ("resource", "arguments"),
    [(READ_FILE, {"Path": "lists/manifest.json"}), (GET_OBJECT, {"Bucket": "lists", "Key": "manifest.json"})],
)
@pytest.mark.parametrize("destination", ["arn:aws:s3:::lists", ""])
def test_the_files_of_a_manifest_are_read(
    tmp_path: Path, resource: str, arguments: dict[str, str], destination: str
) -> None:
    (tmp_path / "lists").mkdir()
    key = "1.csv" if destination or resource == GET_OBJECT else "lists/1.csv"
    manifest = {"destinationBucket": destination, "fileSchema": "Bucket, Key", "files": [{"key": key}]}
    (tmp_path / "lists" / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "lists" / "1.csv").write_text('"shop","a.png"\n')
    outcome = read(tmp_path, resource, arguments, {"InputType": "MANIFEST"})
    assert outcome == TaskSucceeded(1, [{"Bucket": "shop", "Key": "a.png"}])


def test_a_manifest_reaches_no_file_outside_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "q.csv").write_text("s3://b/../../secret\n")
    outcome = read(tmp_path / "in", READ_FILE, {"Path": "q.csv"}, {"ManifestType": "ATHENA_DATA", "InputType": "JSONL"})
    assert isinstance(outcome, TaskFailed)
    assert "outside of the folder" in str(outcome.cause)


def test_objects_are_listed_with_their_keys(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/sub/1.txt", "b/sub/2.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    outcome = read(tmp_path, LIST_OBJECTS, {"Bucket": "b", "Prefix": "sub/"})
    assert isinstance(outcome, TaskSucceeded)
    assert [(item["Key"], item["Size"]) for item in outcome.output] == [("sub/1.txt", 1), ("sub/2.txt", 1)]
    assert sorted(outcome.output[0]) == ["Etag", "Key", "LastModified", "Size", "StorageClass"]


def test_listed_objects_are_loaded_where_the_items_are_in_them(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.json").write_text("[1, 2]")
    (tmp_path / "b" / "2.json").write_text("[3]")
    config = {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}
    assert read(tmp_path, LIST_OBJECTS, {"Bucket": "b"}, config) == TaskSucceeded(1, [1, 2, 3])


@pytest.mark.parametrize(
    ("resource", "arguments", "complaint"),
    [
        (READ_FILE, {"Path": "none.json"}, "'none.json' cannot be read: No such file or directory"),
        (READ_FILE, {"Path": "../secret.json"}, "is outside of the folder"),
        (READ_FILE, {"Path": "/etc/hosts"}, "is outside of the folder"),
        (GET_OBJECT, {"Bucket": "..", "Key": "x"}, "is outside of the folder"),
        (GET_OBJECT, {"Bucket": "b"}, "Key is missing"),
        (LIST_OBJECTS, {"Bucket": "b"}, "There is no bucket 'b'"),
        ("arn:aws:states:::dynamodb:scan", {}, "known are file:read"),
    ],
)
def test_what_cannot_be_read_fails_as_item_reader(
    tmp_path: Path, resource: str, arguments: Any, complaint: str
) -> None:
    outcome = read(tmp_path, resource, arguments)
    assert isinstance(outcome, TaskFailed)
    assert outcome.error == "States.ItemReaderFailed"
    assert complaint in (outcome.cause or "")


@pytest.mark.parametrize(
    ("resource", "arguments", "details"),
    [
        (PUT_OBJECT, {"Bucket": "b", "Prefix": "out"}, {"Bucket": "b", "Key": "out/7d2a/manifest.json"}),
        (PUT_OBJECT, {"Bucket": "b"}, {"Bucket": "b", "Key": "7d2a/manifest.json"}),
        (WRITE_FILE, {"Path": "b/out"}, {"Path": "b/out/7d2a/manifest.json"}),
    ],
)
def test_results_are_written_with_a_manifest(tmp_path: Path, resource: str, arguments: Any, details: Any) -> None:
    outcome = write(tmp_path, resource, arguments, {}, [{"id": 1}, 2])
    assert outcome == TaskSucceeded(1, {"MapRunArn": RUN, "ResultWriterDetails": details})
    key = details.get("Path") or f"{details['Bucket']}/{details['Key']}"
    manifest = json.loads((tmp_path / key).read_text())
    assert (manifest["MapRunArn"], manifest["ResultFiles"]["FAILED"]) == (RUN, [])
    written = (tmp_path / key).parent / "SUCCEEDED_0.json"
    assert json.loads(written.read_text()) == [{"id": 1}, 2]
    assert manifest["ResultFiles"]["SUCCEEDED"][0]["Size"] == written.stat().st_size


def test_results_may_be_lines(tmp_path: Path) -> None:
    write(tmp_path, WRITE_FILE, {"Path": "o"}, {"OutputType": "JSONL"}, [1, [2]])
    assert (tmp_path / "o" / "7d2a" / "SUCCEEDED_0.jsonl").read_text() == "1\n[2]"


def test_results_cannot_leave_the_folder(tmp_path: Path) -> None:
    outcome = write(tmp_path / "in", WRITE_FILE, {"Path": "../out"}, {}, [])
    assert isinstance(outcome, TaskFailed)
    assert outcome.error == "States.ResultWriterFailed"
    assert not (tmp_path / "out").exists()


def test_without_a_folder_the_failure_says_how_to_give_one() -> None:
    outcome = read(None, READ_FILE, {"Path": "x.json"})
    assert isinstance(outcome, TaskFailed)
    assert "items=FOLDER" in (outcome.cause or "")


class Source:
    """Does as it is told, and not what it should."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def read(self, command: ReadItems) -> Any:
        return self.act()

    def write(self, command: WriteResults) -> Any:
        return self.act()


def fail() -> None:
    raise KeyError("boom")


@pytest.mark.parametrize(
    ("act", "complaint"), [(fail, "KeyError: 'boom'"), (lambda: {1}, "a set"), (lambda: [float("inf")], "inf")]
)
async def test_a_source_that_breaks_or_gives_no_json_fails_the_state_and_hangs_nothing(
    act: Any, complaint: str
) -> None:
    async with TaskRunner({}, items=Source(act)) as runner:
        outcomes = [
            await runner.read(ReadItems(1, READ_FILE, {}, {})),
            await runner.write(WriteResults(1, WRITE_FILE, {}, {}, RUN, [])),
        ]
    assert [outcome.error for outcome in outcomes if isinstance(outcome, TaskFailed)] == [
        "States.ItemReaderFailed",
        "States.ResultWriterFailed",
    ]
    assert all(complaint in str(outcome) for outcome in outcomes)


async def test_a_source_that_reads_no_list_fails_the_state() -> None:
    async with TaskRunner({}, items=Source(lambda: 5)) as runner:
        outcome = await runner.read(ReadItems(1, READ_FILE, {}, {}))
    assert outcome == TaskFailed(1, "States.ItemReaderFailed", "What was read is no list of items.")


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_name_that_no_file_can_have_fails_the_state(tmp_path: Path, name: str) -> None:
    outcome = read(tmp_path, READ_FILE, {"Path": name})
    assert isinstance(outcome, TaskFailed)
    assert outcome.error == "States.ItemReaderFailed"


@pytest.mark.parametrize("text", ["[1e400]", '["\\ud800"]'])
def test_a_file_with_what_json_cannot_hold_fails_the_state(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.json").write_text(text)
    outcome = read(tmp_path, READ_FILE, {"Path": "odd.json"})
    assert isinstance(outcome, TaskFailed)
    assert outcome.error == "States.ItemReaderFailed"
