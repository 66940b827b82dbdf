"""The lease is given back only when nothing of its holder goes on."""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from pathlib import Path

import pytest

from enginehouse import ExecutionInput, ExecutionState, ProviderError, ProviderUnavailableError
from enginehouse.providers.local import LocalProvider
from enginehouse.providers.local.engine import Engine
from enginehouse.providers.local.lease import Lease
from tests.unit.providers.local.local_runs import chain

WAIT = {"Type": "Wait", "Seconds": 3600}


async def taken(store: Path) -> bool:
    """Whether somebody else has the lease."""
    lease = Lease(str(store))
    try:
        return not await asyncio.to_thread(lease.take)
    finally:
        lease.close()


async def given_back(store: Path) -> None:
    """Return once nobody has the lease."""

    def take() -> None:
        with open(f"{store}.lock", "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    async with asyncio.timeout(10):
        await asyncio.to_thread(take)


async def test_a_caller_that_gives_up_does_not_let_go_of_it_half_way(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear, begun, free = Engine.clear_inbox, asyncio.Event(), asyncio.Event()

    async def slow(self: Engine) -> None:
        begun.set()
        await free.wait()
        await clear(self)

    monkeypatch.setattr(Engine, "clear_inbox", slow)
    async with LocalProvider(store, engine=False) as client:
        await client.create_workflow(chain("w", WAIT))
        started = await client.start_execution("w", ExecutionInput())
        stop = asyncio.create_task(client.stop_execution(started.execution_id, "enough"))
        await begun.wait()
        stop.cancel()
        await asyncio.wait([stop])
        assert stop.cancelled()
        assert await taken(store)
        free.set()
        await given_back(store)
        status = await client.get_execution_status(started.execution_id)
    assert status.state is ExecutionState.CANCELLED


async def test_a_broken_engine_tells_its_tasks_before_another_may_drive_the_store(store: Path) -> None:
    running, told, cleaned = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        running.set()
        try:
            await asyncio.sleep(60)
        finally:
            told.set()
            await cleaned.wait()

    def full(_: object) -> None:
        raise sqlite3.OperationalError("the disk is full, say")

    async with LocalProvider(store, tasks=[work], grace=30) as local:
        await local.create_workflow(chain("w", {"Type": "Task", "Resource": "task:work"}))
        started = await local.start_execution("w", ExecutionInput())
        await running.wait()
        session = await local.session()
        session.writer._commit = full  # type: ignore[method-assign]
        with pytest.raises(ProviderError, match="the disk is full, say"):
            await local.stop_execution(started.execution_id, "enough")
        with pytest.raises(ProviderUnavailableError, match="the engine has stopped"):
            await local.stop_execution(started.execution_id, "enough")
        await told.wait()
        assert await taken(store)
        cleaned.set()
        await given_back(store)
