"""Tasks that travel in a queue, on moto's server: their tokens, and their messages when a worker is lost."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from enginehouse import ExecutionInput, ExecutionStatus, WorkflowSpec
from enginehouse.providers.step_functions import StepFunctionsProvider
from enginehouse.providers.step_functions.testing import REGION, ROLE, Server, make_queue, moto_server
from enginehouse.tasks import TaskContext

STUCK = """
import time
from enginehouse import task

@task("do")
def stuck(input, context):
    print(context.idempotency_key, flush=True)
    time.sleep(3600)
"""
ONE = {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "task:do", "End": True}}}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = moto_server()
    yield made
    made.kill()


@pytest.fixture
def queue(server: Server) -> str:
    return make_queue(server.url, f"tasks-{uuid.uuid4().hex[:8]}")


@asynccontextmanager
async def opened(server: Server, queue: str, **options: Any) -> AsyncIterator[StepFunctionsProvider]:
    given = {"beat": 0.2, "liveness": 2, "grace": 0.2, "drain": 0.1, "timeout": 20.0, **options}
    async with StepFunctionsProvider(
        REGION, endpoint=server.url, queue_endpoint=server.url, role=ROLE, resources=queue, **given
    ) as provider:
        yield provider


async def started(provider: StepFunctionsProvider, count: int) -> list[str]:
    id = f"flow-{uuid.uuid4().hex[:8]}"
    await provider.create_workflow(WorkflowSpec(workflow_id=id, definition=ONE))
    return [
        (await provider.start_execution(id, ExecutionInput(input={"n": number}))).execution_id
        for number in range(count)
    ]


async def ended(provider: StepFunctionsProvider, id: str) -> ExecutionStatus:
    async with asyncio.timeout(60):
        while True:
            status = await provider.get_execution_status(id, history=False)
            if status.state.is_terminal:
                return status
            await asyncio.sleep(0.1)


async def test_the_messages_of_a_killed_worker_come_again_under_the_same_key(
    server: Server, queue: str, tmp_path: Path
) -> None:
    options = {"region": REGION, "role": ROLE, "endpoint": server.url, "queue_endpoint": server.url, "resources": queue}
    lines = ["[providers.step-functions]", "liveness = 2", *(f'{key} = "{value}"' for key, value in options.items())]
    await asyncio.to_thread((tmp_path / "enginehouse.toml").write_text, "\n".join(lines))
    await asyncio.to_thread((tmp_path / "tasks.py").write_text, STUCK)
    keys: list[str] = []

    async def do(input: Any, context: TaskContext) -> Any:
        keys.append(context.idempotency_key)
        return input

    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "enginehouse.cli", "worker", "-p", "step-functions", "-t", "tasks.py",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with opened(server, queue, works=False) as client:
        (id,) = await started(client, 1)
        assert worker.stdout is not None
        first = (await asyncio.wait_for(worker.stdout.readline(), 60)).decode().strip()
        worker.kill()
        await worker.wait()
    async with opened(server, queue, tasks={"do": do}) as second:
        status = await ended(second, id)
    assert status.output == {"n": 0}
    assert keys == [first]


async def test_what_a_stopping_worker_gives_back_another_one_runs_at_once(server: Server, queue: str) -> None:
    taken = asyncio.Event()

    async def stuck() -> None:
        taken.set()
        await asyncio.Event().wait()

    async with opened(server, queue, tasks={"do": stuck}, liveness=600) as first:
        (id,) = await started(first, 1)
        await taken.wait()
    async with opened(server, queue, tasks={"do": lambda given: given}, liveness=600) as second:
        assert (await ended(second, id)).output == {"n": 0}


async def test_a_task_of_another_workers_is_left_to_it(server: Server, queue: str) -> None:
    async with opened(server, queue, tasks={"another": lambda: None}) as first:
        (id,) = await started(first, 1)
        await asyncio.sleep(0.5)
        async with opened(server, queue, tasks={"do": lambda given: given}) as second:
            assert (await ended(second, id)).output == {"n": 0}


async def test_many_tasks_are_done_once_each(server: Server, queue: str) -> None:
    done: list[int] = []

    async def do(input: Any) -> Any:
        done.append(input["n"])
        return input

    async with opened(server, queue, tasks={"do": do}, pollers=2) as provider:
        ids = await started(provider, 30)
        found = [await ended(provider, id) for id in ids]
    assert [status.output for status in found] == [{"n": number} for number in range(30)]
    assert sorted(done) == list(range(30))


async def test_a_computed_heartbeat_is_kept_by_a_worker_that_beats_more_rarely(server: Server, queue: str) -> None:
    async def do(input: Any, context: TaskContext) -> Any:
        for _ in range(20):
            await asyncio.sleep(0.2)
            context.heartbeat()
        return input

    definition = {
        "StartAt": "Do",
        "States": {"Do": {"Type": "Task", "Resource": "task:do", "HeartbeatSecondsPath": "$.beat", "End": True}},
    }
    async with opened(server, queue, tasks={"do": do}, beat=10.0, liveness=60) as provider:
        id = f"flow-{uuid.uuid4().hex[:8]}"
        await provider.create_workflow(WorkflowSpec(workflow_id=id, definition=definition))
        started = await provider.start_execution(id, ExecutionInput(input={"beat": 2}))
        status = await ended(provider, started.execution_id)
    assert (status.output, status.error) == ({"beat": 2}, None)
