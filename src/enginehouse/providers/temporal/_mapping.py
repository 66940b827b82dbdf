"""Between Temporal's words and the contract's and the core's. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
from temporalio import exceptions
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError, TimeoutType

from enginehouse import asl
from enginehouse.asl.notifications import ChildFinished, TaskFailed, TaskTimedOut
from enginehouse.mapping import event_of
from enginehouse.models import ExecutionError, ExecutionEvent, ExecutionInput, ExecutionState
from enginehouse.providers.temporal.records import Ending

STATES = {
    WorkflowExecutionStatus.RUNNING: ExecutionState.RUNNING,
    WorkflowExecutionStatus.COMPLETED: ExecutionState.SUCCEEDED,
    WorkflowExecutionStatus.FAILED: ExecutionState.FAILED,
    WorkflowExecutionStatus.CANCELED: ExecutionState.CANCELLED,
    WorkflowExecutionStatus.TERMINATED: ExecutionState.CANCELLED,
    WorkflowExecutionStatus.TIMED_OUT: ExecutionState.TIMED_OUT,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: ExecutionState.RUNNING,
}

# -- failures, as Temporal's exceptions, on both sides


def ending_of(failure: BaseException | None) -> Ending:
    """What a failure of an activity or of a child workflow says in the language's words."""
    match failure:
        case ApplicationError():
            given = failure.details[0] if failure.details else None
            if isinstance(given, dict) and "status" in given:
                return msgspec.convert(given, Ending)
            return Ending(failure.type or "States.TaskFailed", failure.message or None)
        case exceptions.TimeoutError():
            return Ending("States.Timeout", None, status="TIMED_OUT")
        case CancelledError() | TerminatedError():
            return Ending(None, None, status="ABORTED")
    return Ending("States.TaskFailed", str(failure) if failure is not None else None)


def ended_by_server(identity: str, reason: str) -> Ending | None:
    """How an execution failed that Temporal itself terminated, over one of its limits; None where somebody did."""
    if identity != "history-service":
        return None
    return Ending("States.Runtime", f"Temporal ended the execution, which was over one of its limits: {reason}")


def task_failed(task: int, failure: BaseException | None) -> TaskFailed | TaskTimedOut | None:
    """The outcome of a task whose activity failed; None where it was cancelled, which nobody waits for."""
    if isinstance(failure, CancelledError):
        return None
    if isinstance(failure, exceptions.TimeoutError):
        return TaskTimedOut(task, heartbeat=failure.type == TimeoutType.HEARTBEAT)
    ending = ending_of(failure)
    if ending.status == "TIMED_OUT":
        return TaskTimedOut(task, heartbeat=ending.error == "States.HeartbeatTimeout")
    return TaskFailed(task, ending.error, ending.cause)


def child_failed(child: int, failure: BaseException | None) -> ChildFinished:
    """The outcome of a child execution that did not succeed."""
    ending = ending_of(failure)
    return ChildFinished(child, ending.status, None, ending.error, ending.cause)


def child_not_started(child: int) -> ChildFinished:
    """The outcome of a child execution that Temporal did not start. After a reset of the parent that is the earlier run's child."""
    cause = (
        "Temporal has a running workflow of the id that this execution was to have; redrive once that one has ended."
    )
    return ChildFinished(child, "FAILED", None, "States.Runtime", cause)


# -- what callers give


def request_of(input: ExecutionInput) -> dict[str, Any]:
    """What else a start carries."""
    request = {
        "tags": dict(input.tags),
        "metadata": dict(input.metadata),
        "trigger_source": input.trigger_source,
    }
    return {key: value for key, value in request.items() if value}


# -- what callers get


def error_of(ending: Ending) -> ExecutionError:
    return ExecutionError(
        code=ending.error or "",
        message=ending.cause or ending.error or "",
        cause=ending.cause or "",
        failed_at=ending.failed_at or "",
    )


def events_of(events: list[asl.Event]) -> tuple[ExecutionEvent, ...]:
    return tuple(event_of(event) for event in events)
