"""What the step-functions provider costs over the same calls of boto3, on our own server of the API, turn by turn in one run."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from bench.figure import Figure, main
from enginehouse import ExecutionInput, WorkflowSpec
from enginehouse.providers.step_functions import StepFunctionsProvider
from enginehouse.providers.step_functions.testing import KEYS, REGION, ROLE, api_server

ALONE, TURN, CROWD, CALLS = 600, 20, 16, 1200
INPUT = {"tenant": "t-1", "image": "app:v1", "items": list(range(20))}
TEXT = '{"tenant":"t-1","image":"app:v1","items":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]}'
PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}


def measure() -> list[Figure]:
    os.environ.update(KEYS)
    cores = sorted(os.sched_getaffinity(0))
    apart = len(cores) > 1
    try:
        figures = _served(cores[1:] if apart else cores, cores[:1], crowd=True)
        # On few cores the scheduler puts a thread of ours beside the server, where boto3's one thread has a core of its own.
        return figures + (_served(cores, cores, crowd=False, where=", on any core") if apart else [])
    finally:
        os.sched_setaffinity(0, cores)


def _served(theirs: list[int], ours: list[int], *, crowd: bool, where: str = "") -> list[Figure]:
    """The server on cores of its own, as one that is elsewhere has them; it inherits those that this process has now."""
    os.sched_setaffinity(0, theirs)
    server = api_server()
    os.sched_setaffinity(0, ours)
    try:
        return asyncio.run(_measure(server.url, crowd=crowd, where=where))
    finally:
        server.kill()


async def _measure(url: str, *, crowd: bool, where: str) -> list[Figure]:
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=CROWD)
    client = boto3.session.Session(region_name=REGION).client("stepfunctions", endpoint_url=url, config=config)
    async with StepFunctionsProvider(REGION, endpoint=url, role=ROLE) as provider:
        made = await provider.create_workflow(WorkflowSpec(workflow_id="flow", definition=PASS))
        arn = made.resource_ids["arn"]
        one = (await provider.start_execution("flow", ExecutionInput(input=INPUT))).execution_id

        def raw_start() -> Any:
            return client.start_execution(stateMachineArn=arn, name=str(uuid.uuid4()), input=TEXT)

        def raw_status() -> Any:
            return client.describe_execution(executionArn=one)

        def our_start() -> Awaitable[Any]:
            return provider.start_execution("flow", ExecutionInput(input=INPUT))

        def our_status() -> Awaitable[Any]:
            return provider.get_execution_status(one, history=False)

        figures = []
        for what, raw, ours in (("start", raw_start, our_start), ("status", raw_status, our_status)):
            figures += await _alone(f"{what}{where}", raw, ours)
            if crowd:
                figures += await _crowd(what, raw, ours)
        return figures


async def _alone(what: str, raw: Callable[[], Any], ours: Callable[[], Awaitable[Any]]) -> list[Figure]:
    """The median of a call by one caller; the two take turns of ``TURN`` calls, as callers make them: one after the other.
    Where each call of ours comes after one that has held the loop, it pays for threads that have gone cold."""
    there: list[float] = []
    here: list[float] = []
    for _ in range(ALONE // TURN):
        for _ in range(TURN):
            begun = time.perf_counter()
            raw()
            there.append(time.perf_counter() - begun)
        for _ in range(TURN):
            begun = time.perf_counter()
            await ours()
            here.append(time.perf_counter() - begun)
    one, other = statistics.median(there) * 1000, statistics.median(here) * 1000
    name = f"step-functions: {what}, alone, p50"
    return [Figure(name, other, "ms", "less", f"boto3 {one:.3g} ms"), _ratio(f"{name}, over boto3", other / one)]


async def _crowd(what: str, raw: Callable[[], Any], ours: Callable[[], Awaitable[Any]]) -> list[Figure]:
    """Calls a second by many callers: threads of boto3's, tasks of ours; the two take turns."""
    there, here = 0.0, 0.0
    with ThreadPoolExecutor(CROWD) as pool:
        for _ in range(4):
            begun = time.perf_counter()
            list(pool.map(lambda _: raw(), range(CALLS // 4)))
            there += time.perf_counter() - begun
            begun = time.perf_counter()
            free = asyncio.Semaphore(CROWD)

            async def one() -> None:
                async with free:  # noqa: B023
                    await ours()

            await asyncio.gather(*(one() for _ in range(CALLS // 4)))
            here += time.perf_counter() - begun
    name = f"step-functions: {what}, {CROWD} callers"
    return [
        Figure(name, CALLS / here, "calls/s", "more", f"boto3 {CALLS / there:,.0f} calls/s"),
        _ratio(f"{name}, time over boto3's", here / there),
    ]


def _ratio(name: str, value: float) -> Figure:
    return Figure(name, value, "times", "less")


if __name__ == "__main__":
    main(measure)
