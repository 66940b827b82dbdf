"""``states:startExecution``: a task that starts another workflow and, as its pattern says, waits for its end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError

from enginehouse.asl.commands import ScheduleTask
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.errors import EnginehouseError, ExecutionConflictError, InvalidSpecError, WorkflowNotFoundError
from enginehouse.models import ExecutionInput, ExecutionState, ExecutionStatus
from enginehouse.names import Names, execution_id, workflow_of
from enginehouse.providers.temporal import reading, starts, stops
from enginehouse.providers.temporal.session import Session
from enginehouse.tasks.answers import answered_here, described

_STATUSES = {
    ExecutionState.SUCCEEDED: "SUCCEEDED",
    ExecutionState.FAILED: "FAILED",
    ExecutionState.CANCELLED: "ABORTED",
    ExecutionState.TIMED_OUT: "TIMED_OUT",
}


async def start(session: Session, command: ScheduleTask, seed: str, now: float) -> TaskSucceeded | TaskFailed:
    """Start the execution that the task asks for. Done again, after the loss of a worker, it finds it there.

    For ``sync`` the output is a ``Waited``: what the start answered, and how the execution ended."""
    task = command.task
    arguments = command.arguments if isinstance(command.arguments, dict) else {}
    target = arguments.get("StateMachineArn")
    if not isinstance(target, str):
        return TaskFailed(task, "StepFunctions.ValidationException", "startExecution needs StateMachineArn, a string")
    workflow_id = workflow_of(target)
    name = str(arguments.get("Name") or command.token.replace(":", "-"))
    names = session.settings.names
    arn = names.execution(execution_id(workflow_id, name))
    given = arguments.get("Input")
    text = "{}" if given is None else given if isinstance(given, str) else msgspec.json.encode(given).decode()
    try:
        result = await starts.start(session, workflow_id, ExecutionInput(input=text), name, seed, now)
    except WorkflowNotFoundError:
        error, cause = "StateMachineDoesNotExistException", f"State Machine Does Not Exist: '{target}'"
    except InvalidSpecError as fault:
        error, cause = "InvalidExecutionInputException", f"Invalid State Machine Execution Input: {fault}"
    except ExecutionConflictError:
        error, cause = "ExecutionAlreadyExistsException", f"Execution Already Exists: '{arn}'"
    else:
        answer = answered_here(
            {"ExecutionArn": arn, "StartDate": int(result.started_at.timestamp() * 1000)}, command.token
        )
        if not command.pattern.startswith("sync"):
            return TaskSucceeded(task, answer)
        status = await _ended(session, result.execution_id)
        told = _described(status, names, name, parsed=command.pattern == "sync:2")
        if status.state == ExecutionState.SUCCEEDED:
            return TaskSucceeded(task, {"submitted": answer, "output": told})
        return TaskSucceeded(task, {"submitted": answer, "failed": msgspec.json.encode(told).decode()})
    return TaskFailed(task, f"StepFunctions.{error}", cause)


async def _ended(session: Session, id: str) -> ExecutionStatus:
    """Wait for the end. Where nobody waits any more, the execution is stopped."""
    handle: WorkflowHandle[Any, Any] = session.client.get_workflow_handle(id)
    try:
        with contextlib.suppress(WorkflowFailureError):
            await handle.result()
    except asyncio.CancelledError:
        with contextlib.suppress(EnginehouseError, RPCError):
            if not await _waited_for(session):
                await stops.ask(session, id, "The parent execution no longer waits for this one.")
        raise
    return await reading.status(session, id, history=False)


async def _waited_for(session: Session) -> bool:
    """Whether this activity, which is cancelled, is still wanted: a worker that ends leaves it to another one."""
    details = activity.cancellation_details()
    if details is not None and details.cancel_requested:
        return False
    info = activity.info()
    parent = await reading.described(session, info.workflow_id or "")
    return parent.status == WorkflowExecutionStatus.RUNNING and any(
        pending.activity_id == info.activity_id for pending in parent.raw_description.pending_activities
    )


def _described(status: ExecutionStatus, names: Names, name: str, *, parsed: bool) -> dict[str, Any]:
    def shown(value: Any) -> Any:
        return value if parsed else msgspec.json.encode(value).decode()

    error = status.error
    return described(
        arn=names.execution(status.execution_id),
        machine=names.workflow(status.workflow_id),
        name=name,
        status=_STATUSES[status.state],
        started_at=status.start_time.timestamp(),
        stopped_at=(status.stop_time or status.start_time).timestamp(),
        input=shown(status.input),
        output=shown(status.output),
        error=(error.code or None) if error is not None else None,
        cause=(error.cause or None) if error is not None else None,
    )
