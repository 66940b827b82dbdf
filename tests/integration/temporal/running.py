"""What the tests do with providers."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client

from enginehouse import ExecutionInput, ExecutionStatus, WorkflowSpec
from enginehouse.asl.commands import ScheduleTask
from enginehouse.providers.temporal import TemporalProvider, reading
from enginehouse.providers.temporal.testing import DevServer


async def begin(provider: TemporalProvider, definition: Any, given: Any = None, *, name: str = "", **more: Any) -> str:
    """Create a workflow and start it; the execution's id."""
    workflow_id = f"flow-{uuid.uuid4().hex[:10]}"
    await provider.create_workflow(WorkflowSpec(workflow_id=workflow_id, definition=definition, **more))
    result = await provider.start_execution(
        workflow_id, ExecutionInput(input={} if given is None else given, execution_name=name)
    )
    return result.execution_id


async def until_over(provider: TemporalProvider, execution_id: str) -> ExecutionStatus:
    async for _ in provider.watch_execution(execution_id):
        pass
    return await provider.get_execution_status(execution_id)


async def until_event(provider: TemporalProvider, execution_id: str, type: str) -> None:
    """Wait for an event of this type."""
    async for event in provider.watch_execution(execution_id):
        if event.type == type:
            return
    raise AssertionError(f"{execution_id} ended without {type}")


async def token_of(provider: TemporalProvider, id: str, state: str) -> str:
    """The token that the state waits with, once it does."""
    session = await provider._opening.session()
    async with asyncio.timeout(20):
        while True:
            live = (await reading.replayed(session, id, await reading.described(session, id))).live
            for task in live.tasks.values() if live is not None else ():
                if isinstance(task, ScheduleTask) and task.state == state and live.is_out(task):
                    return task.token
            await asyncio.sleep(0.05)


async def run(provider: TemporalProvider, definition: Any, given: Any = None, **more: Any) -> ExecutionStatus:
    async with asyncio.timeout(60):
        return await until_over(provider, await begin(provider, definition, given, **more))


async def reset(server: DevServer, id: str) -> None:
    """Run the execution again from its first workflow task on, as Temporal's own tools do."""
    raw = await Client.connect(server.address)
    whole = await raw.get_workflow_handle(id).fetch_history()
    first_done = next(
        event.event_id for event in whole.events if event.HasField("workflow_task_completed_event_attributes")
    )
    await raw.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=id, run_id=whole.run_id),
            workflow_task_finish_event_id=first_done,
            request_id=uuid.uuid4().hex,
            reason="once more",
        )
    )


def one(type: str, **fields: Any) -> dict[str, Any]:
    """A definition with one state, which is called Only."""
    end = {} if type in ("Fail", "Succeed") else {"End": True}
    return {"StartAt": "Only", "States": {"Only": {"Type": type, **end, **fields}}}
