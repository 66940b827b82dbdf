"""Waiting is free: an execution leaves memory, and comes back as it was."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from enginehouse import ExecutionInput, ExecutionState
from enginehouse.providers.local import LocalProvider, live, memory
from tests.unit.providers.local.local_runs import chain, reached, run

WAIT = {"Type": "Wait", "Seconds": 1}


async def test_executions_that_only_wait_leave_memory_and_wake_in_time(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_HOT", 5)
    async with LocalProvider(store) as local:
        await local.create_workflow(chain("w", WAIT, {"Type": "Pass", "Result": "woken"}))
        started = [await local.start_execution("w", ExecutionInput()) for _ in range(50)]
        session = await local.session()
        assert session.engine is not None
        assert len(session.engine._memory._lives) <= 5
        for result in started:
            await reached(local, result.execution_id, "ExecutionSucceeded")
            assert (await local.get_execution_status(result.execution_id)).output == "woken"


async def test_a_restart_takes_up_what_waits_and_runs_again_what_was_in_flight(store: Path) -> None:
    calls: list[str] = []
    free = asyncio.Event()

    async def before() -> str:
        calls.append("before")
        return "before"

    async def blocked() -> str:
        calls.append("blocked")
        await free.wait()
        return "through"

    tasks = [before, blocked]
    async with LocalProvider(store, tasks=tasks, grace=0.2) as first:
        await first.create_workflow(chain("waits", WAIT))
        steps = [{"Type": "Task", "Resource": f"task:{name}"} for name in ("before", "blocked")]
        await first.create_workflow(chain("works", *steps))
        waits = await first.start_execution("waits", ExecutionInput())
        works = await first.start_execution("works", ExecutionInput())
        while "blocked" not in calls:  # noqa: ASYNC110
            await asyncio.sleep(0)
    free.set()
    async with LocalProvider(store, tasks=tasks) as second:
        await reached(second, waits.execution_id, "ExecutionSucceeded")
        await reached(second, works.execution_id, "ExecutionSucceeded")
        assert (await second.get_execution_status(works.execution_id)).output == "through"
    assert calls == ["before", "blocked", "blocked"]


@pytest.mark.parametrize("turns", [1, 7, 64])
async def test_snapshots_change_nothing(store: Path, monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    """A long execution, forgotten after every turn and rebuilt from its last snapshot, ends as if it had stayed."""
    monkeypatch.setattr(live, "_SNAPSHOT_TURNS", turns)
    monkeypatch.setattr(memory, "_HOT", 0)

    async def add(given: dict[str, Any]) -> dict[str, Any]:
        return {"n": given["n"] + 1}

    step = {"Type": "Task", "Resource": "task:add"}
    pause = {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z"}
    async with LocalProvider(store, tasks=[add]) as local:
        await local.create_workflow(chain("w", *[step, pause] * 20))
        status = await run(local, "w", {"n": 0})
    assert status.state is ExecutionState.SUCCEEDED
    assert status.output == {"n": 20}
    assert [event.id for event in status.history] == list(range(1, len(status.history) + 1))


async def test_an_unreadable_snapshot_is_replaced_by_a_full_replay(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(live, "_SNAPSHOT_TURNS", 1)
    async with LocalProvider(store) as local:
        await local.create_workflow(
            chain("w", {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z"}, WAIT, {"Type": "Pass", "Result": "on"})
        )
        started = await local.start_execution("w", ExecutionInput())
        async for event in local.watch_execution(started.execution_id):
            if event.type == "WaitStateEntered" and event.id > 2:
                break

    def spoil() -> int:
        connection = sqlite3.connect(store)
        try:
            with connection:
                return connection.execute("UPDATE execution SET snapshot = x'00' WHERE snapshot IS NOT NULL").rowcount
        finally:
            connection.close()

    assert await asyncio.to_thread(spoil) == 1
    async with LocalProvider(store) as local:
        await reached(local, started.execution_id, "ExecutionSucceeded")
        assert (await local.get_execution_status(started.execution_id)).output == "on"


async def test_an_execution_whose_replay_differs_is_left_alone_and_logged(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalProvider(store) as local:
        await local.create_workflow(chain("w", WAIT))
        odd = await local.start_execution("w", ExecutionInput())
        even = await local.start_execution("w", ExecutionInput())

    def tamper() -> None:
        connection = sqlite3.connect(store)
        try:
            with connection:
                connection.execute("UPDATE journal SET last_event = 9 WHERE execution = 1")
        finally:
            connection.close()

    await asyncio.to_thread(tamper)
    async with LocalProvider(store) as local:
        await reached(local, even.execution_id, "ExecutionSucceeded")
        assert (await local.get_execution_status(odd.execution_id)).state is ExecutionState.RUNNING
    assert "up to event 9, and its replay comes to event 2" in caplog.text
