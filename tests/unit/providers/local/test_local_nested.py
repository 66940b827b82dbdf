"""Executions within executions: ``states:startExecution``, and the children of a distributed Map."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from enginehouse import ExecutionInput, ExecutionState, ProviderUnavailableError, WorkflowSpec
from enginehouse.asl.commands import ScheduleTask
from enginehouse.providers.local import LocalProvider
from enginehouse.providers.local import writer as writer_module
from enginehouse.providers.local.live import Live
from enginehouse.providers.local.work import Workshop
from tests.unit.providers.local.local_runs import chain, reached, run

START = "arn:aws:states:::states:startExecution"


def starts(pattern: str, **arguments: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": START + pattern,
        "Parameters": {"StateMachineArn": "inner", "Input": {"a": 1}, **arguments},
    }


async def test_request_and_response_does_not_wait(local: LocalProvider) -> None:
    await local.create_workflow(chain("inner", {"Type": "Wait", "Seconds": 3600}))
    await local.create_workflow(chain("outer", starts("", Name="one")))
    status = await run(local, "outer")
    assert isinstance(status.output, dict)
    assert status.output["ExecutionArn"] == "inner:one"
    await reached(local, "inner:one", "WaitStateEntered")
    assert (await local.get_execution_status("inner:one")).state is ExecutionState.RUNNING


async def test_sync_waits_and_gives_texts_and_sync2_values(local: LocalProvider) -> None:
    await local.create_workflow(chain("inner", {"Type": "Pass", "Result": {"b": 2}}))
    await local.create_workflow(chain("outer", starts(".sync")))
    await local.create_workflow(chain("outer2", starts(".sync:2")))
    texts = (await run(local, "outer")).output
    values = (await run(local, "outer2")).output
    assert isinstance(texts, dict)
    assert isinstance(values, dict)
    assert (texts["Input"], texts["Output"], texts["Status"]) == ('{"a":1}', '{"b":2}', "SUCCEEDED")
    assert (values["Input"], values["Output"], values["Status"]) == ({"a": 1}, {"b": 2}, "SUCCEEDED")


async def test_a_failed_inner_execution_fails_the_task_with_its_description(local: LocalProvider) -> None:
    await local.create_workflow(chain("inner", {"Type": "Fail", "Error": "Bad", "Cause": "luck"}))
    await local.create_workflow(chain("outer", starts(".sync:2", Name="one")))
    status = await run(local, "outer")
    assert status.error is not None
    assert status.error.code == "States.TaskFailed"
    told = json.loads(status.error.cause)
    assert (told["Error"], told["Cause"], told["Status"]) == ("Bad", "luck", "FAILED")


async def test_an_unknown_workflow_and_a_taken_name_fail_the_task(local: LocalProvider) -> None:
    await local.create_workflow(chain("outer", starts(".sync:2", StateMachineArn="nothing")))
    missing = await run(local, "outer")
    assert missing.error is not None
    assert missing.error.code == "StepFunctions.StateMachineDoesNotExistException"
    await local.create_workflow(chain("inner", {"Type": "Pass"}))
    await run(local, "inner", {"other": 1}, "one")
    await local.create_workflow(chain("outer2", starts(".sync:2", Name="one")))
    taken = await run(local, "outer2")
    assert taken.error is not None
    assert taken.error.code == "StepFunctions.ExecutionAlreadyExistsException"


async def test_stopping_the_outer_execution_stops_the_inner_one_that_it_waits_for(local: LocalProvider) -> None:
    await local.create_workflow(chain("inner", {"Type": "Wait", "Seconds": 3600}))
    await local.create_workflow(chain("outer", starts(".sync", Name="one")))
    started = await local.start_execution("outer", ExecutionInput())
    await reached(local, started.execution_id, "TaskSubmitted")
    await reached(local, "inner:one", "WaitStateEntered")
    await local.stop_execution(started.execution_id, "enough")
    await reached(local, "inner:one", "ExecutionAborted")


async def test_the_engine_waits_for_a_store_that_another_process_holds_when_it_starts_an_inner_execution(
    local: LocalProvider, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding = asyncio.Event()
    begin = Workshop._start

    async def held(workshop: Workshop, live: Live, command: ScheduleTask) -> None:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        holding.set()
        await begin(workshop, live, command)

    await local.create_workflow(chain("inner", {"Type": "Pass"}))
    await local.create_workflow(chain("outer", starts(".sync:2", Name="one")))
    monkeypatch.setattr(Workshop, "_start", held)
    monkeypatch.setattr(writer_module, "_CALLERS_PATIENCE", 0.05)
    other = await asyncio.to_thread(sqlite3.connect, store, isolation_level=None, check_same_thread=False)
    try:
        started = await local.start_execution("outer", ExecutionInput())
        async with asyncio.timeout(10):
            await holding.wait()
            with pytest.raises(ProviderUnavailableError, match="held by another process"):
                await local.start_execution("inner", ExecutionInput())
    finally:
        await asyncio.to_thread(other.close)
    async with asyncio.timeout(10):
        await reached(local, started.execution_id, "TaskSucceeded")


def distributed(**more: Any) -> WorkflowSpec:
    return chain(
        "w",
        {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Double",
                "States": {"Double": {"Type": "Task", "Resource": "task:double", "End": True}},
            },
            **more,
        },
    )


async def double(given: int) -> int:
    if given < 0:
        raise ValueError("negative")
    return given * 2


async def test_a_distributed_map_runs_its_items_as_executions_that_are_not_listed(store: Path) -> None:
    async with LocalProvider(store, tasks=[double]) as local:
        await local.create_workflow(distributed(MaxConcurrency=3))
        status = await run(local, "w", {"items": list(range(50))})
        assert status.output == [number * 2 for number in range(50)]
        assert len((await local.list_executions()).items) == 1


async def test_a_failed_item_stops_the_map_run(store: Path) -> None:
    async with LocalProvider(store, tasks=[double]) as local:
        await local.create_workflow(distributed())
        status = await run(local, "w", {"items": [1, -1, 2]})
        assert status.state is ExecutionState.FAILED
        assert status.error is not None
        assert status.error.code == "States.ExceedToleratedFailureThreshold"


def in_steps(kind: str = "STANDARD") -> WorkflowSpec:
    steps = {
        "First": {"Type": "Task", "Resource": "task:first", "Next": "Second"},
        "Second": {"Type": "Task", "Resource": "task:second", "End": True},
    }
    mode = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    return distributed(ItemProcessor={"ProcessorConfig": mode, "StartAt": "First", "States": steps})


@pytest.mark.parametrize(
    ("kind", "ids", "firsts"), [("STANDARD", ["w:x/2"], 1), ("EXPRESS", ["w:x/3"], 2)], ids=["standard", "express"]
)
async def test_a_redriven_child_goes_on_as_the_same_execution_unless_it_is_express(
    store: Path, kind: str, ids: list[str], firsts: int
) -> None:
    seen: list[str] = []

    async def first(given: int) -> int:
        seen.append("first")
        return given

    async def second(given: int) -> int:
        seen.append("second")
        if seen.count("second") == 1:
            raise ValueError("not yet")
        return given

    async with LocalProvider(store, tasks=[first, second]) as local:
        await local.create_workflow(in_steps(kind))
        assert (await run(local, "w", {"items": [1]}, name="x")).state is ExecutionState.FAILED
    async with LocalProvider(store, tasks=[first, second]) as local:
        await local.redrive_execution("w:x")
        async for _ in local.watch_execution("w:x"):
            pass
        assert (await local.get_execution_status("w:x")).output == [1]
        children = (await local.list_children("w:x")).items
        history = (await local.get_execution_status(children[0].execution_id)).history
    assert [child.execution_id for child in children] == ids
    assert (seen.count("first"), seen.count("second")) == (firsts, 2)
    assert [event.type for event in history].count("ExecutionRedriven") == (1 if kind == "STANDARD" else 0)


async def test_a_redriven_child_that_cannot_go_on_fails_its_map_run_again(store: Path) -> None:
    async def first(given: int) -> int:
        raise ValueError("never")

    async with LocalProvider(store, tasks={"first": first, "second": first}) as local:
        await local.create_workflow(in_steps())
        assert (await run(local, "w", {"items": [1]}, name="x")).state is ExecutionState.FAILED

    def spoil() -> None:
        with contextlib.closing(sqlite3.connect(store)) as connection:
            connection.execute("UPDATE journal SET last_event = 9 WHERE execution = 2")
            connection.commit()

    await asyncio.to_thread(spoil)
    async with LocalProvider(store, tasks={"first": first, "second": first}) as local:
        await local.redrive_execution("w:x")
        async for _ in local.watch_execution("w:x"):
            pass
        status = await local.get_execution_status("w:x")
    assert status.state is ExecutionState.FAILED
    assert [event.type for event in status.history][-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


async def test_items_are_read_from_files_beside_the_store_and_results_written(store: Path, tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "numbers.json").write_text, "[1, 2, 3]")
    async with LocalProvider(store, tasks=[double]) as local:
        await local.create_workflow(
            distributed(
                ItemsPath="$",
                ItemReader={"Resource": "file:read", "Parameters": {"Path": "numbers.json"}},
                ResultWriter={"Resource": "file:write", "Parameters": {"Path": "out"}},
            )
        )
        status = await run(local, "w")
    assert status.state is ExecutionState.SUCCEEDED, status.error
    assert await asyncio.to_thread(lambda: list((tmp_path / "out").rglob("manifest.json")))


async def test_an_execution_may_have_the_name_of_a_maps_child(local: LocalProvider) -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P"}
    processor["States"] = {"P": {"Type": "Pass", "End": True}}  # type: ignore[assignment]
    await local.create_workflow(chain("w", {"Type": "Map", "ItemProcessor": processor}))
    for number in range(5):
        await run(local, "w", [], name=f"x/{number}")
    assert (await run(local, "w", [1, 2], name="x")).output == [1, 2]


async def test_an_inner_input_nested_too_deep_fails_the_task(local: LocalProvider) -> None:
    arguments = {"StateMachineArn": "inner", "Input.$": "$.text"}
    await local.create_workflow(chain("inner", {"Type": "Pass"}))
    resource = "arn:aws:states:::states:startExecution"
    await local.create_workflow(chain("w", {"Type": "Task", "Resource": resource, "Parameters": arguments}))
    status = await run(local, "w", {"text": "[" * 100_000 + "]" * 100_000})
    assert status.error is not None
    assert status.error.code == "StepFunctions.InvalidExecutionInputException"
