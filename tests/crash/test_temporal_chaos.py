"""Workers killed at random, and the server killed and started again on its file: every execution ends as it would have.

``ENGINEHOUSE_CHAOS_EXECUTIONS`` and ``ENGINEHOUSE_CHAOS_KILLS`` give the size; 300 and 10 are the full one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from enginehouse import ExecutionInput, ExecutionState
from enginehouse.errors import EnginehouseError
from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.testing import DevServer
from tests.crash.workflow import CALLS, INPUT, OUTPUT, calls, spec

pytestmark = pytest.mark.temporal_server

EXECUTIONS = int(os.environ.get("ENGINEHOUSE_CHAOS_EXECUTIONS", "12"))
KILLS = int(os.environ.get("ENGINEHOUSE_CHAOS_KILLS", "2"))
QUEUE = "chaos"
ROOT = Path(__file__).parents[2]


async def worker(address: str) -> asyncio.subprocess.Process:
    """One that works: where the server dies while a worker begins, that one ends, as nothing is known to be there."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crash.temporal_worker", address, QUEUE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    assert made.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await made.stdout.readline() == b"ready\n"
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            made.kill()
        raise
    return made


async def persisted(provider: TemporalProvider, name: str) -> None:
    """Start an execution, however often the server has to be asked."""
    while True:
        with contextlib.suppress(EnginehouseError):
            await provider.start_execution("ten", ExecutionInput(input=INPUT, execution_name=name))
            return
        await asyncio.sleep(0.2)


async def over(provider: TemporalProvider) -> int:
    with contextlib.suppress(EnginehouseError):
        states = [state for state in ExecutionState if state.is_terminal]
        return len((await provider.list_executions(workflow_id="ten", states=states, limit=EXECUTIONS + 1)).items)
    return 0


async def test_workers_and_the_server_may_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log, database = tmp_path / "calls", tmp_path / "temporal.db"
    monkeypatch.setenv(CALLS, str(log))
    server = await asyncio.to_thread(DevServer, database)
    chance, began = random.Random(time.time_ns()), time.monotonic()
    workers: list[asyncio.subprocess.Process] = []
    restarts = 0
    try:
        await server.ready()
        async with TemporalProvider(server.address, task_queue=QUEUE, liveness=3.0) as client:
            await client.create_workflow(spec(1))
            workers = [await worker(server.address) for _ in range(2)]
            await asyncio.gather(*(persisted(client, f"n{number}") for number in range(EXECUTIONS)))
            for kill in range(KILLS):
                await asyncio.sleep(chance.uniform(1, 3))
                doomed = workers.pop(chance.randrange(len(workers)))
                doomed.kill()
                await doomed.wait()
                if kill % 2:
                    await asyncio.to_thread(server.kill)
                    server = await asyncio.to_thread(DevServer, database, server.port)
                    await server.ready()
                    restarts += 1
                workers.append(await worker(server.address))
            async with asyncio.timeout(60 + EXECUTIONS):
                while await over(client) < EXECUTIONS:  # noqa: ASYNC110 -- other processes bring it about
                    await asyncio.sleep(0.5)
            found = [await client.get_execution_status(f"ten:n{number}") for number in range(EXECUTIONS)]
    finally:
        for process in workers:
            process.kill()
            await process.wait()
        await asyncio.to_thread(server.kill)

    assert Counter(status.state for status in found) == {ExecutionState.SUCCEEDED: EXECUTIONS}
    assert [status.output for status in found if status.output != OUTPUT] == []
    histories = Counter(tuple(sorted(Counter(event.type for event in status.history).items())) for status in found)
    assert len(histories) == 1, histories
    ran = await asyncio.to_thread(calls, log)
    again = sum(count - 1 for count in Counter((call.execution, call.task) for call in ran).values())
    with capsys.disabled():
        print(
            f"\n{EXECUTIONS} executions, {KILLS} workers and {restarts} servers killed, {len(ran)} task calls, "
            f"{again} of them again, {time.monotonic() - began:.0f} s"
        )
