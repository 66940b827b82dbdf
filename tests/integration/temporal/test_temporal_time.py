"""Virtual time on the real dev server, by its experimental switch: waits of days pass at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from enginehouse import ExecutionState
from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.skipping import SkipTime
from enginehouse.providers.temporal.testing import DevServer
from enginehouse.tasks import TaskContext
from tests.integration.temporal.running import one, run

pytestmark = pytest.mark.temporal_server

SWITCH = ("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true")


@pytest.fixture
async def skipping() -> AsyncIterator[DevServer]:
    server = await asyncio.to_thread(DevServer, None, 0, *SWITCH)
    try:
        await server.ready()
        yield server
    finally:
        await asyncio.to_thread(server.kill)


async def flaky(given: Any, context: TaskContext) -> int:
    if context.attempt < 3:
        raise ValueError("not yet")
    return context.attempt


async def test_a_wait_of_thirty_days_passes_at_once(skipping: DevServer) -> None:
    days = timedelta(days=30)
    async with TemporalProvider(skipping.address, works=True, interceptors=[SkipTime()]) as provider:
        status = await run(provider, one("Wait", Seconds=int(days.total_seconds())), {"n": 1})
    assert status.output == {"n": 1}
    entered, left = (event for event in status.history if event.type.startswith("WaitState"))
    assert days <= left.timestamp - entered.timestamp < days + timedelta(minutes=1)
    assert status.stop_time is not None
    assert days <= status.stop_time - status.start_time < days + timedelta(minutes=1)


async def test_retries_of_hours_pass_at_once_and_a_distributed_maps_children_wait_so_too(skipping: DevServer) -> None:
    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 3600, "MaxAttempts": 5, "BackoffRate": 24}]
    task = one("Task", Resource="task:flaky", Retry=retry)
    mode = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    inner = {"ProcessorConfig": mode, "StartAt": "Each", "States": {"Each": task["States"]["Only"]}}
    async with TemporalProvider(skipping.address, tasks={"flaky": flaky}, interceptors=[SkipTime()]) as provider:
        status = await run(provider, task)
        assert status.output == 3
        assert status.stop_time is not None
        assert status.stop_time - status.start_time > timedelta(days=25)
        assert (await run(provider, one("Map", ItemProcessor=inner), [1, 2])).output == [3, 3]


async def test_a_timeout_of_days_passes_at_once(skipping: DevServer) -> None:
    wait = {**one("Wait", Seconds=864_000), "TimeoutSeconds": 86_400}
    async with TemporalProvider(skipping.address, works=True, interceptors=[SkipTime()]) as provider:
        status = await run(provider, wait)
    assert status.state == ExecutionState.TIMED_OUT
