"""Between Temporal's words and the contract's and the core's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from temporalio import exceptions
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError, TimeoutType

from enginehouse import asl
from enginehouse.asl.notifications import ChildFinished, TaskFailed, TaskTimedOut
from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.models import ExecutionError, ExecutionEvent, ExecutionInput, ExecutionState, WorkflowSpec
from enginehouse.providers.temporal.records import Ending
from enginehouse.providers.temporal.settings import PROVIDER
from enginehouse.tasks.results import json_copy

INPUT_LIMIT = 262_144
"""Bytes of UTF-8 that an execution's input may have, as on AWS."""

STATES = {
    WorkflowExecutionStatus.RUNNING: ExecutionState.RUNNING,
    WorkflowExecutionStatus.COMPLETED: ExecutionState.SUCCEEDED,
    WorkflowExecutionStatus.FAILED: ExecutionState.FAILED,
    WorkflowExecutionStatus.CANCELED: ExecutionState.CANCELLED,
    WorkflowExecutionStatus.TERMINATED: ExecutionState.CANCELLED,
    WorkflowExecutionStatus.TIMED_OUT: ExecutionState.TIMED_OUT,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: ExecutionState.RUNNING,
}

_sorted = msgspec.json.Encoder(order="sorted").encode


def when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


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


# -- what callers give


def read_input(input: ExecutionInput, workflow_id: str) -> str:
    """The JSON text of an execution's input. Raises ``InvalidSpecError``."""
    given = input.input
    try:
        if isinstance(given, str | bytes):
            text = given.decode() if isinstance(given, bytes) else given
            msgspec.json.decode(text)
        else:
            text = msgspec.json.encode(
                json_copy(dict(given) if isinstance(given, Mapping) else given, "the input")
            ).decode()
        size = len(text.encode())
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise _bad_input(f"the input is not valid JSON: {error}", "INVALID_INPUT", workflow_id) from error
    if size > INPUT_LIMIT:
        raise _bad_input(
            f"the input has {size:,} bytes, and {INPUT_LIMIT:,} are allowed; pass a reference to large data instead",
            "INPUT_TOO_LARGE",
            workflow_id,
        )
    return text


def _bad_input(message: str, code: str, workflow_id: str) -> InvalidSpecError:
    return InvalidSpecError(
        "",
        diagnostics=[Diagnostic("error", code, message)],
        operation="start_execution",
        workflow_id=workflow_id,
        provider=PROVIDER,
    )


def same_json(one: str, other: str) -> bool:
    """Whether two texts hold the same JSON value."""
    return one == other or _sorted(msgspec.json.decode(one)) == _sorted(msgspec.json.decode(other))


def request_of(input: ExecutionInput) -> dict[str, Any]:
    """What else a start carries."""
    request = {
        "tags": dict(input.tags),
        "metadata": dict(input.metadata),
        "trigger_source": input.trigger_source,
    }
    return {key: value for key, value in request.items() if value}


def spec_text(spec: WorkflowSpec) -> str:
    """The spec without its definition, as JSON."""
    fields = spec.to_dict()
    fields.pop("definition")
    return msgspec.json.encode(fields).decode()


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


def event_of(event: asl.Event) -> ExecutionEvent:
    return ExecutionEvent(
        id=event.id,
        previous_id=event.previous_id,
        timestamp=when(event.timestamp),
        type=event.type,
        details=event.details,
    )
