"""One task of AWS's, run by the local engine or the mock."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from enginehouse.models import ExecutionInput, ExecutionStatus, WorkflowSpec
from enginehouse.providers.local import LocalProvider
from enginehouse.providers.mock import MockProvider
from tests.moto_server import client

LONGEST = 60.0
ARNS = "arn:aws:states:us-east-1:123456789012"
PASS = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": {"x": 1}, "End": True}}})
WAIT = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}})
HOSTS = ("local", "mock")


async def call(url: str, service: str, method: str, **given: Any) -> Any:
    """Call moto by botocore, beside the engine."""
    return await asyncio.to_thread(lambda: getattr(client(url, service), method)(**given))


def host(name: str, aws: object, **more: Any) -> Any:
    if name == "local":
        return LocalProvider(**{"store": ":memory:", "engine": True, "grace": 0.1, "arns": ARNS, "aws": aws, **more})
    return MockProvider(**{"clock": "real", "arns": ARNS, "aws": aws, **more})


def task(resource: str, given: object, **more: Any) -> dict[str, Any]:
    """A definition of one task."""
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": given, "End": True, **more}
    return {"StartAt": "T", "States": {"T": state}}


async def run(provider: Any, definition: object, input: object = None) -> ExecutionStatus:
    """How an execution of the definition ends."""
    async with provider:
        await provider.create_workflow(
            WorkflowSpec(workflow_id="w", provider_type=provider.name, definition=definition)  # type: ignore[arg-type]
        )
        started = await provider.start_execution("w", ExecutionInput(input=input or {}))  # type: ignore[arg-type]
        return await ended(provider, started.execution_id)


async def ended(provider: Any, execution: str) -> ExecutionStatus:
    async with asyncio.timeout(LONGEST):
        async for _ in provider.watch_execution(execution):
            pass
    status: ExecutionStatus = await provider.get_execution_status(execution)
    return status


async def seen(provider: Any, execution: str, event: str) -> None:
    """Return once an event of that type has happened."""
    async with asyncio.timeout(LONGEST):
        async for happened in provider.watch_execution(execution):
            if happened.type == event:
                return
    raise AssertionError(f"it ended without {event}")


def types(status: ExecutionStatus) -> list[str]:
    return [event.type for event in status.history]


def details(status: ExecutionStatus, type: str) -> dict[str, Any]:
    (found,) = [event.details for event in status.history if event.type == type]
    return dict(found)
