"""A status is the same with the history and without, whatever the execution's state."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import Client

from enginehouse import ExecutionState, ExecutionStatus
from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.testing import DevServer
from tests.integration.temporal.running import begin, one, until_over

pytestmark = pytest.mark.temporal_server

Make = Callable[..., TemporalProvider]


async def both_ways(provider: TemporalProvider, execution: str) -> ExecutionStatus:
    """The status, with its history, once it is found to be the same without."""
    long = await provider.get_execution_status(execution)
    short = await provider.get_execution_status(execution, history=False)
    assert short == dataclasses.replace(long, history=())
    return long


async def fails() -> None:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("definition", "state"),
    [
        (one("Pass"), ExecutionState.SUCCEEDED),
        (one("Task", Resource="task:fails"), ExecutionState.FAILED),
        (one("Wait", Seconds=600) | {"TimeoutSeconds": 1}, ExecutionState.TIMED_OUT),
        (one("Wait", Seconds=600), ExecutionState.CANCELLED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_of_what_is_over_and_of_what_was_redriven(
    make: Make, definition: dict[str, Any], state: ExecutionState
) -> None:
    async with make(tasks={"fails": fails}) as provider, asyncio.timeout(60):
        execution = await begin(provider, definition)
        for redrives in (0, 1, 2):
            if state == ExecutionState.CANCELLED:
                await provider.stop_execution(execution, "no more")
            await until_over(provider, execution)
            status = await both_ways(provider, execution)
            assert status.state == state
            assert status.metadata.get("redrive_count", 0) == redrives
            if state != ExecutionState.SUCCEEDED:
                await provider.redrive_execution(execution)
                assert (await provider.get_execution_status(execution)).metadata["redrive_count"] == redrives + 1
            else:
                break


async def test_of_what_is_pending_also_after_a_signal(make: Make, server: DevServer) -> None:
    async with make() as provider:
        execution = await begin(provider, one("Pass"))
        await (await Client.connect(server.address)).get_workflow_handle(execution).signal("poke")
        status = await both_ways(provider, execution)
    assert status.state == ExecutionState.PENDING
    queue = provider.settings.task_queue
    assert status.metadata["message"] == (
        f"no worker polls the task queue {queue!r}; run: enginehouse worker --provider temporal --queue {queue} --tasks FILE"
    )


async def test_of_what_no_worker_gets_through(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enginehouse.providers.temporal.starts.VERSION", 99)
    async with make(works=True) as provider, asyncio.timeout(30):
        execution = await begin(provider, one("Pass"))
        while "stuck" not in (status := await provider.get_execution_status(execution, history=False)).metadata:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        assert status.state == ExecutionState.PENDING
        assert "update the worker" in str(status.metadata["stuck"])
        assert (await provider.get_execution_status(execution)).metadata["stuck"] == status.metadata["stuck"]
        await provider.stop_execution(execution, "seen enough")


async def test_nobody_is_told_to_run_our_worker_for_a_native_workflow(make: Make) -> None:
    async with make() as provider:
        execution = await begin(provider, {"workflowType": "Invoice", "taskQueue": "nobodys"})
        status = await both_ways(provider, execution)
    assert status.metadata["message"] == "no worker polls the task queue 'nobodys'"
