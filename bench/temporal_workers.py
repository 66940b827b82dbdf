"""Two worker processes against one, on Temporal's dev server: tasks that take a slot's time, and tasks that take none.

A worker here has ten slots. What the slots bound grows with the workers; what the dev server bounds, on the same machine, does not.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.figure import Figure, main
from enginehouse import ExecutionInput, WorkflowSpec
from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.testing import DevServer

SLOTS, TASKS, AT_ONCE, ROUNDS = 10, 10, 60, 2
EXECUTIONS = {"half-a-second": 30, "no-time": 60}
QUEUE = "workers"

FILE = """
import asyncio
from enginehouse import task

@task("half-a-second")
async def waiting(value):
    await asyncio.sleep(0.5)
    return value

@task("no-time")
async def nothing(value):
    return value
"""


def definition(task: str) -> dict[str, object]:
    states = {
        f"S{number}": {
            "Type": "Task",
            "Resource": f"task:{task}",
            **({"Next": f"S{number + 1}"} if number + 1 < TASKS else {"End": True}),
        }
        for number in range(TASKS)
    }
    return {"StartAt": "S0", "States": states}


@asynccontextmanager
async def workers(count: int, address: str, tasks: Path) -> AsyncIterator[None]:
    """So many ``enginehouse worker`` processes, ready."""
    command = [sys.executable, "-m", "enginehouse.cli", "worker", "--provider", "temporal", "--tasks", str(tasks)]
    command += ["--queue", QUEUE, "--concurrency", str(SLOTS), "--json"]
    environment = {**os.environ, "TEMPORAL_ADDRESS": address}
    running = [
        await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        for _ in range(count)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            await process.stdout.readline()
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            await process.wait()


async def rate(provider: TemporalProvider, workflow_id: str, executions: int) -> float:
    """Tasks a second, with so many executions in flight."""
    session = await provider._opening.session()
    free = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with free:
            started = await provider.start_execution(workflow_id, ExecutionInput(input=0))
            await session.client.get_workflow_handle(started.execution_id).result()

    await one()
    begin = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(executions)))
    return executions * TASKS / (time.perf_counter() - begin)


async def measured() -> list[Figure]:
    server = await asyncio.to_thread(DevServer)
    found: dict[tuple[str, int], list[float]] = {}
    try:
        await server.ready()
        with tempfile.TemporaryDirectory() as folder:
            tasks = Path(folder) / "tasks.py"
            tasks.write_text(FILE)
            async with TemporalProvider(server.address, task_queue=QUEUE) as provider:
                for number, task in enumerate(EXECUTIONS):
                    await provider.create_workflow(WorkflowSpec(workflow_id=f"w{number}", definition=definition(task)))
                for _ in range(ROUNDS):
                    for count in (1, 2):
                        async with workers(count, server.address, tasks):
                            for number, (task, executions) in enumerate(EXECUTIONS.items()):
                                measured = await rate(provider, f"w{number}", executions)
                                found.setdefault((task, count), []).append(measured)
    finally:
        await asyncio.to_thread(server.kill)
    figures = []
    for task in EXECUTIONS:
        one, two = (statistics.median(found[task, count]) for count in (1, 2))
        figures.append(Figure(f"temporal: {task} tasks, one worker", one, "tasks/s"))
        figures.append(Figure(f"temporal: {task} tasks, two workers", two, "tasks/s", note=f"{two / one:.2f} times"))
    return figures


if __name__ == "__main__":
    main(lambda: asyncio.run(measured()))
