"""An execution that cannot go on harms no other, is left for a release that can run it, and can be stopped."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from enginehouse import ExecutionInput, ExecutionState, ProviderError, asl
from enginehouse.asl.notifications import Stop, TaskSucceeded, TimerFired
from enginehouse.providers.local import LocalProvider
from enginehouse.tasks import TaskError
from tests.unit.providers.local.local_runs import chain, reached, run

WAIT = {"Type": "Wait", "Seconds": 3600}
PASS = {"Type": "Pass"}
TASK = {"Type": "Task", "Resource": "task:work"}


def fail_on(monkeypatch: pytest.MonkeyPatch, *kinds: type) -> asyncio.Queue[object]:
    """Break the core for these notifications. Gives what it was told of them."""
    resume, seen = asl.Program.resume, asyncio.Queue[object]()

    def broken(self: asl.Program, state: asl.State, notification: Any, now: float) -> asl.Turn:
        if isinstance(notification, kinds):
            seen.put_nowait(notification)
            raise RuntimeError("a fault of the core's")
        return resume(self, state, notification, now)

    monkeypatch.setattr(asl.Program, "resume", broken)
    return seen


def change(store: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(store)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


async def test_a_turn_that_fails_ends_what_the_execution_runs_and_no_other(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            told.set()
            raise

    branches = [
        {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "task:slow", "End": True}}},
        {"StartAt": "B", "States": {"B": {**TASK, "End": True}}},
    ]
    async with LocalProvider(store, tasks={"slow": slow, "work": lambda: 1}, grace=0.2) as local:
        await local.create_workflow(chain("w", {"Type": "Parallel", "Branches": branches}))
        await local.create_workflow(chain("other", PASS))
        seen = fail_on(monkeypatch, TaskSucceeded)
        started = await local.start_execution("w", ExecutionInput())
        async with asyncio.timeout(10):
            await told.wait()
        assert seen.qsize() == 1
        assert (await local.get_execution_status(started.execution_id)).state is ExecutionState.RUNNING
        assert (await run(local, "other")).state is ExecutionState.SUCCEEDED
    monkeypatch.undo()
    async with LocalProvider(store, tasks={"slow": lambda: 2, "work": lambda: 1}) as local:
        await reached(local, started.execution_id, "ExecutionSucceeded")
        assert (await local.get_execution_status(started.execution_id)).output == [2, 1]


async def test_a_timer_whose_turn_fails_is_not_rung_again(
    local: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = fail_on(monkeypatch, TimerFired)
    await local.create_workflow(chain("w", {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z"}))
    await local.create_workflow(chain("other", PASS))
    await local.start_execution("w", ExecutionInput())
    async with asyncio.timeout(10):
        await seen.get()
    for _ in range(20):
        await run(local, "other")
    assert seen.empty()


async def test_a_start_that_fails_is_said_and_starts_nothing(
    local: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await local.create_workflow(chain("w", PASS))

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of the core's")

    with monkeypatch.context() as patch:
        patch.setattr(asl.Program, "start", broken)
        with pytest.raises(ProviderError, match=r"start_execution workflow 'w'.*nothing was started"):
            await local.start_execution("w", ExecutionInput())
    assert not (await local.list_executions()).items
    assert (await run(local, "w")).state is ExecutionState.SUCCEEDED


async def test_a_start_of_another_process_that_fails_does_not_keep_the_rest_waiting(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = asl.Program.start

    def broken(self: asl.Program, value: Any, *rest: Any, **more: Any) -> asl.Turn:
        if value == ["bad"]:
            raise RuntimeError("a fault of the core's")
        return start(self, value, *rest, **more)

    monkeypatch.setattr(asl.Program, "start", broken)
    async with LocalProvider(store, engine=False) as client:
        await client.create_workflow(chain("w", PASS))
        bad = await client.start_execution("w", ExecutionInput(input=["bad"]))
        good = await client.start_execution("w", ExecutionInput(input=["good"]))
        async with LocalProvider(store) as local:
            await reached(local, good.execution_id, "ExecutionSucceeded")
            assert (await local.get_execution_status(bad.execution_id)).state is ExecutionState.PENDING
            await client.stop_execution(bad.execution_id, "it never began")
            status = await local.get_execution_status(bad.execution_id)
    assert (status.state, status.metadata["stop_reason"]) == (ExecutionState.CANCELLED, "it never began")
    monkeypatch.undo()
    async with LocalProvider(store) as local:
        await run(local, "w")
        assert (await local.get_execution_status(bad.execution_id)).state is ExecutionState.CANCELLED
    assert await asyncio.to_thread(change, store, "SELECT * FROM inbox") == []


async def test_a_stop_that_the_core_fails_on_stops(local: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    await local.create_workflow(chain("w", WAIT))
    started = await local.start_execution("w", ExecutionInput())
    fail_on(monkeypatch, Stop)
    await local.stop_execution(started.execution_id, "enough")
    status = await local.get_execution_status(started.execution_id)
    assert (status.state, status.metadata["stop_reason"]) == (ExecutionState.CANCELLED, "enough")
    assert status.history[-1].type == "ExecutionAborted"
    await local.delete_workflow("w")


@pytest.mark.parametrize("driver", ["here", "elsewhere", "nobody"])
async def test_an_execution_that_cannot_be_rebuilt_can_be_stopped(store: Path, driver: str) -> None:
    async with LocalProvider(store) as local:
        await local.create_workflow(chain("w", WAIT))
        started = await local.start_execution("w", ExecutionInput())
    await asyncio.to_thread(change, store, "UPDATE journal SET last_event = 9")
    engine = LocalProvider(store) if driver != "nobody" else None
    if engine is not None:
        await engine.__aenter__()
    try:
        client = engine if engine is not None and driver == "here" else LocalProvider(store, engine=False)
        async with client:
            await client.stop_execution(started.execution_id, "it cannot go on")
            status = await client.get_execution_status(started.execution_id)
            assert (status.state, status.metadata["stop_reason"]) == (ExecutionState.CANCELLED, "it cannot go on")
            assert [event.id for event in status.history] == [1, 2, 10]
            assert status.history[-1].details == {"cause": "it cannot go on"}
            with pytest.raises(ProviderError, match="redrive_execution"):
                await client.redrive_execution(started.execution_id)
            assert (await client.get_execution_status(started.execution_id)).state is ExecutionState.CANCELLED
    finally:
        if engine is not None:
            await engine.__aexit__(None, None, None)
    assert await asyncio.to_thread(change, store, "SELECT * FROM inbox") == []


async def test_what_an_execution_that_cannot_be_rebuilt_is_told_waits_for_an_engine_that_can(store: Path) -> None:
    tokens: list[str] = []

    def ask(_: object, context: Any) -> None:
        tokens.append(context.token)

    waiting = {"Type": "Task", "Resource": "task:ask.waitForTaskToken"}
    async with LocalProvider(store, tasks={"ask": ask}) as local:
        await local.create_workflow(chain("w", waiting))
        await local.create_workflow(chain("other", PASS))
        started = await local.start_execution("w", ExecutionInput())
        await reached(local, started.execution_id, "TaskSubmitted")
    await asyncio.to_thread(change, store, "UPDATE journal SET last_event = last_event + 90")
    async with LocalProvider(store, engine=False) as client:
        await client.send_task_success(tokens[0], "yes")
    async with LocalProvider(store, tasks={"ask": ask}) as local:
        assert (await run(local, "other")).state is ExecutionState.SUCCEEDED
    await asyncio.to_thread(change, store, "UPDATE journal SET last_event = last_event - 90 WHERE last_event > 90")
    async with LocalProvider(store, tasks={"ask": ask}) as local:
        await reached(local, started.execution_id, "ExecutionSucceeded")


async def test_the_parent_of_a_stuck_child_is_told_that_it_was_stopped(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": "inner", "Name": "one"},
    }

    def work() -> None:
        raise TaskError("E", "why")

    async with LocalProvider(store, tasks={"work": work}) as local:
        await local.create_workflow(chain("inner", WAIT))
        await local.create_workflow(chain("outer", inner))
        outer = await local.start_execution("outer", ExecutionInput())
        await reached(local, outer.execution_id, "TaskSubmitted")
        await reached(local, "inner:one", "WaitStateEntered")
        fail_on(monkeypatch, Stop)
        await local.stop_execution("inner:one", "enough")
        await reached(local, outer.execution_id, "ExecutionFailed")
