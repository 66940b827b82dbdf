"""The store's file: who may open it, who drives it, and what is said when it cannot be used."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from enginehouse import EnginehouseError, ExecutionInput, ExecutionState, ProviderError, ProviderUnavailableError
from enginehouse.providers.local import LocalProvider, queries
from enginehouse.providers.local import store as store_module
from enginehouse.providers.local.lease import Lease
from tests.unit.providers.local.local_runs import chain, reached, run

PASS = {"Type": "Pass"}
WAIT = {"Type": "Wait", "Seconds": 3600}

MIGRATIONS = Path(store_module.__file__).with_name("migrations")
NEWEST = len(list(MIGRATIONS.glob("*.sql")))


async def test_one_engine_drives_a_store_and_a_second_that_insists_is_told_by_whom(store: Path) -> None:
    async with LocalProvider(store) as first:
        with pytest.raises(ProviderUnavailableError, match=f"driven by process {os.getpid()}"):
            async with LocalProvider(store, engine=True):
                pass
        await first.create_workflow(chain("w", PASS))
        assert (await run(first, "w")).state is ExecutionState.SUCCEEDED


async def test_a_client_starts_reads_and_stops_through_the_engine(store: Path) -> None:
    async with LocalProvider(store) as engine, LocalProvider(store, engine=False) as client:
        await client.create_workflow(chain("w", PASS))
        await client.create_workflow(chain("long", WAIT))
        assert (await run(client, "w", {"a": 1})).output == {"a": 1}
        started = await client.start_execution("long", ExecutionInput())
        assert started.state is ExecutionState.PENDING
        assert "message" not in (await client.get_execution_status(started.execution_id)).metadata
        await client.stop_execution(started.execution_id, "from afar")
        status = await engine.get_execution_status(started.execution_id)
        assert (status.state, status.metadata["stop_reason"]) == (ExecutionState.CANCELLED, "from afar")


async def test_without_an_engine_a_start_waits_for_one(store: Path) -> None:
    async with LocalProvider(store, engine=False) as client:
        await client.create_workflow(chain("w", PASS))
        started = await client.start_execution("w", ExecutionInput())
        waiting = await client.get_execution_status(started.execution_id)
        assert waiting.state is ExecutionState.PENDING
        assert "no process drives the store" in waiting.metadata["message"]
    async with LocalProvider(store) as engine:
        await reached(engine, started.execution_id, "ExecutionSucceeded")


async def test_without_an_engine_a_stop_is_done_by_the_client_and_no_task_is_run(store: Path) -> None:
    async with LocalProvider(store, engine=False) as client:
        await client.create_workflow(chain("w", {"Type": "Task", "Resource": "task:known-to-the-engine"}))
        stopped = await client.start_execution("w", ExecutionInput(execution_name="stopped"))
        other = await client.start_execution("w", ExecutionInput(execution_name="other"))
        await client.stop_execution(stopped.execution_id, "never mind")
        assert (await client.get_execution_status(stopped.execution_id)).state is ExecutionState.CANCELLED

    async def known() -> str:
        return "done"

    async with LocalProvider(store, tasks={"known-to-the-engine": known}) as engine:
        await reached(engine, other.execution_id, "ExecutionSucceeded")


async def test_a_client_takes_over_when_the_engine_ends(store: Path) -> None:
    first = LocalProvider(store)
    async with first:
        await first.create_workflow(chain("w", {"Type": "Wait", "Seconds": 1}, PASS))
        async with LocalProvider(store) as second:
            started = await first.start_execution("w", ExecutionInput())
            await first.__aexit__(None, None, None)
            await reached(second, started.execution_id, "ExecutionSucceeded")


def test_a_lease_is_free_the_moment_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    import subprocess

    script = (
        "import sys, time; from enginehouse.providers.local.lease import Lease; "
        f"lease = Lease({str(path)!r}); print(lease.take(), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        mine = Lease(str(path))
        assert not mine.take()
        assert mine.holder().startswith(f"{holder.pid} on ")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert mine.take()
        mine.close()
        assert not mine.take()


async def damaged(store: Path, text: bytes) -> EnginehouseError:
    await asyncio.to_thread(store.write_bytes, text)
    with pytest.raises(EnginehouseError) as raised:
        async with LocalProvider(store):
            pass
    return raised.value


async def test_a_file_that_is_no_store_is_refused_with_its_path(store: Path) -> None:
    error = await damaged(store, b"this is not a database, by any means" * 100)
    assert isinstance(error, ProviderError)
    assert str(store) in str(error)
    assert "is no store" in str(error)


async def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="does its folder exist"):
        async with LocalProvider(tmp_path / "nowhere" / "store.db"):
            pass


async def test_a_newer_store_is_refused_and_left_alone(store: Path) -> None:
    async with LocalProvider(store):
        pass

    def version(number: int | None = None) -> int:
        connection = sqlite3.connect(store)
        try:
            if number is not None:
                connection.execute(f"PRAGMA user_version = {number}")
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
        finally:
            connection.close()

    await asyncio.to_thread(version, 9999)
    with pytest.raises(ProviderError, match="upgrade enginehouse"):
        async with LocalProvider(store):
            pass
    assert await asyncio.to_thread(version) == 9999


async def test_a_store_of_the_first_schema_is_brought_up_to_date_with_all_that_it_holds(store: Path) -> None:
    def old() -> None:
        with closing(sqlite3.connect(store)) as connection:
            connection.executescript((MIGRATIONS / "0001.sql").read_text())
            connection.execute("PRAGMA user_version = 1")

    def version() -> int:
        with closing(sqlite3.connect(store)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    await asyncio.to_thread(old)
    async with LocalProvider(store) as local:
        await local.create_workflow(chain("w", PASS))
        assert (await run(local, "w")).state is ExecutionState.SUCCEEDED
    assert await asyncio.to_thread(version) == NEWEST
    async with LocalProvider(store) as local:
        assert [item.workflow_id for item in (await local.list_workflows()).items] == ["w"]


async def test_a_temporary_store_goes_with_its_provider() -> None:
    async with LocalProvider(":memory:") as local:
        await local.create_workflow(chain("w", PASS))
        assert (await run(local, "w")).state is ExecutionState.SUCCEEDED
        path = Path((await local.session()).path)
        assert await asyncio.to_thread(path.exists)
    assert not await asyncio.to_thread(path.parent.exists)


async def test_an_engine_whose_store_fails_stops_and_says_so(
    local: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from enginehouse.providers.local.writer import Writer

    await local.create_workflow(chain("w", {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z"}, PASS))
    left = [1]

    def full(self: Writer, connection: sqlite3.Connection) -> None:
        if left[0] <= 0:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        left[0] -= 1
        connection.execute("COMMIT")

    monkeypatch.setattr(Writer, "_commit", full)
    started = await local.start_execution("w", ExecutionInput())
    with pytest.raises(ProviderUnavailableError, match=r"disk of the store .* is full"):
        await reached(local, started.execution_id, "ExecutionSucceeded")
    with pytest.raises(ProviderUnavailableError, match="open the provider anew"):
        await local.get_execution_status(started.execution_id)


async def test_a_write_that_fails_does_not_take_others_with_it(local: LocalProvider) -> None:
    await local.create_workflow(chain("w", PASS))
    write = (await local.session()).writer.write

    def bad(batch: object) -> None:
        raise KeyError("a fault of one caller")

    good = [local.start_execution("w", ExecutionInput(execution_name=f"e{number}")) for number in range(5)]
    results = await asyncio.gather(write(bad), *good, return_exceptions=True)
    assert isinstance(results[0], ProviderError)
    assert [result.execution_id for result in results[1:]] == [f"w:e{number}" for number in range(5)]  # type: ignore[union-attr]


async def test_without_an_engine_many_stops_at_once_are_all_done(store: Path) -> None:
    async with LocalProvider(store, engine=False) as client:
        await client.create_workflow(chain("w", WAIT))
        ids = [(await client.start_execution("w", ExecutionInput())).execution_id for _ in range(10)]
        await asyncio.gather(*(client.stop_execution(id, "enough") for id in ids))
        states = {(await client.get_execution_status(id)).state for id in ids}
        assert states == {ExecutionState.CANCELLED}


async def test_of_the_children_that_a_redrive_doubled_in_an_old_store_the_newest_is_one(store: Path) -> None:
    children = [("w:x/1", 0, 1), ("w:x/2", 1, 2), ("w:x/3", 0, 3), ("w:x/4", None, 4), ("w:x/5", None, 5)]

    def old() -> None:
        with closing(sqlite3.connect(store)) as connection:
            connection.executescript((MIGRATIONS / "0001.sql").read_text() + (MIGRATIONS / "0002.sql").read_text())
            connection.execute("PRAGMA user_version = 2")
            for id, index, child in children:
                place = {"map_run": "run" if index is not None else "older", "map_run_size": 2, "map_run_index": index}
                request = {"metadata": {key: value for key, value in place.items() if value is not None}}
                connection.execute(
                    "INSERT INTO execution (id, workflow, name, digest, pointer, parent, child, link, state, input, request,"
                    " seed, started_at, stopped_at) VALUES (?, 'w', 'x', '', '/p', 99, ?, 'child', 'failed', '1', ?, '', 0, 1)",
                    (id, child, json.dumps(request)),
                )
            connection.commit()

    def left() -> list[tuple[str, int]]:
        with closing(sqlite3.connect(store)) as connection:
            return [(row.run or "", row.children) for row in queries.map_runs(connection, 99)]

    await asyncio.to_thread(old)
    async with LocalProvider(store):
        pass
    assert sorted(await asyncio.to_thread(left)) == [("older", 2), ("run", 2)]
