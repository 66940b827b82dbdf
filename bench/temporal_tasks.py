"""Temporal's dev server: ten activities in a row, as a definition of ours and as a hand-written workflow, in one run.

The dev server is the bottleneck of both, so it is their ratio that counts.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.figure import Figure, main
from enginehouse import ExecutionInput, WorkflowSpec
from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.testing import DevServer

TASKS, ALONE, MANY, AT_ONCE, CALLS = 10, 15, 120, 20, 240
ONCE = RetryPolicy(maximum_attempts=1)

Pair = tuple[float, float, str, str]  # by hand, ours, the unit, which is better


@activity.defn
async def step(value: int) -> int:
    return value + 1


@workflow.defn
class ByHand:
    @workflow.run
    async def run(self, value: int) -> int:
        for _ in range(TASKS):
            value = await workflow.execute_activity(
                step, value, start_to_close_timeout=timedelta(seconds=60), retry_policy=ONCE
            )
        return value


async def add(value: int) -> int:
    return value + 1


def definition() -> dict[str, object]:
    states = {
        f"S{number}": {
            "Type": "Task",
            "Resource": "task:add",
            **({"Next": f"S{number + 1}"} if number + 1 < TASKS else {"End": True}),
        }
        for number in range(TASKS)
    }
    return {"StartAt": "S0", "States": states}


async def p50(count: int, call: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(count):
        begin = time.perf_counter()
        await call()
        took.append(time.perf_counter() - begin)
    return statistics.median(took)


async def in_turn(theirs: Callable[[], Awaitable[object]], ours: Callable[[], Awaitable[object]]) -> Pair:
    """Both medians, taken in turns, so that both meet the same machine."""
    await theirs()
    await ours()
    pairs = [(await p50(CALLS // 4, theirs), await p50(CALLS // 4, ours)) for _ in range(4)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs), "s", "less"


async def rate(call: Callable[[], Awaitable[object]]) -> float:
    """Activities a second, with so many executions in flight."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with free:
            await call()

    begin = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(MANY)))
    return MANY * TASKS / (time.perf_counter() - begin)


async def measured() -> list[Figure]:
    server = await asyncio.to_thread(DevServer)
    try:
        await server.ready()
        client = await Client.connect(server.address)
        by_hand = Worker(
            client,
            task_queue="hand",
            workflows=[ByHand],
            activities=[step],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_concurrent_activities=200,
            max_concurrent_workflow_tasks=100,
        )
        async with by_hand, TemporalProvider(server.address, task_queue="ours", tasks={"add": add}) as provider:
            await provider.create_workflow(WorkflowSpec(workflow_id="ten", definition=definition()))

            async def hand() -> None:
                await client.execute_workflow(ByHand.run, 0, id=uuid.uuid4().hex, task_queue="hand")

            async def ours() -> None:
                started = await provider.start_execution("ten", ExecutionInput(input=0))
                await client.get_workflow_handle(started.execution_id).result()

            await hand()
            await ours()
            pairs: dict[str, Pair] = {
                "chain of 10 activities alone, p50": (await p50(ALONE, hand), await p50(ALONE, ours), "s", "less"),
                "chains of 10 activities, 20 in flight": (await rate(hand), await rate(ours), "activities/s", "more"),
            }
            last = await provider.start_execution("ten", ExecutionInput(input=0, execution_name="last"))
            handle = client.get_workflow_handle(last.execution_id)
            await handle.result()
        # Nobody works for the queues from here on: a start costs its call alone.
        async with TemporalProvider(server.address, task_queue="ours") as asking:

            async def start_by_hand() -> None:
                await client.start_workflow(ByHand.run, 0, id=uuid.uuid4().hex, task_queue="nobody")

            async def start() -> None:
                await asking.start_execution("ten", ExecutionInput(input=0))

            async def status() -> None:
                await asking.get_execution_status(last.execution_id)

            async def status_by_hand() -> None:
                await handle.describe()
                await handle.fetch_history()

            async def short() -> None:
                await asking.get_execution_status(last.execution_id, history=False)

            async def short_by_hand() -> None:
                await handle.describe()
                await handle.result()

            pairs |= {
                "start, p50": await in_turn(start_by_hand, start),
                "status with history, p50": await in_turn(status_by_hand, status),
                "status without history, p50": await in_turn(short_by_hand, short),
            }
    finally:
        await asyncio.to_thread(server.kill)
    found = []
    for name, (theirs, own, unit, better) in pairs.items():
        ratio = own / theirs if better == "less" else theirs / own
        found.append(Figure(f"temporal by hand: {name}", theirs, unit, better))
        found.append(Figure(f"temporal: {name}", own, unit, better, f"{ratio:.2f} times the cost by hand"))
    return found


if __name__ == "__main__":
    main(lambda: asyncio.run(measured()))
