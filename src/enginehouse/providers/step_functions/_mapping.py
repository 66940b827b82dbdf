"""Between AWS's words and the contract's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from enginehouse.models import (
    JSON,
    ExecutionError,
    ExecutionEvent,
    ExecutionState,
    ExecutionStatus,
    ExecutionSummary,
)
from enginehouse.providers.step_functions.settings import PROVIDER

CAUSE_LIMIT, ERROR_LIMIT = 32_768, 256
"""Characters of a cause and of an error."""

STATES = {
    "RUNNING": ExecutionState.RUNNING,
    "SUCCEEDED": ExecutionState.SUCCEEDED,
    "FAILED": ExecutionState.FAILED,
    "TIMED_OUT": ExecutionState.TIMED_OUT,
    "ABORTED": ExecutionState.CANCELLED,
    "PENDING_REDRIVE": ExecutionState.PENDING,
}
STATUSES: Mapping[ExecutionState, tuple[str, ...]] = {
    state: tuple(word for word, other in STATES.items() if other == state) for state in ExecutionState
}
OVER = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"})
"""The events after which nothing comes but a redrive."""


def utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def cut(text: str, limit: int) -> str:
    """The text within AWS's limit; one that was cut says so. Half surrogate pairs are written out."""
    text = text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
    if len(text) <= limit:
        return text
    mark = f" [cut at {limit:,} characters]"
    return text[: limit - len(mark)] + mark if limit > len(mark) else text[:limit]


# -- what callers get


def status(answer: Mapping[str, Any], workflow_id: str, history: Sequence[ExecutionEvent]) -> ExecutionStatus:
    state = STATES.get(answer["status"], ExecutionState.RUNNING)
    withheld = [
        field
        for field in ("input", "output")
        if (answer.get(f"{field}Details") or {}).get("included") is False
        or (answer.get(f"{field}Details") or {}).get("truncated")
    ]
    return ExecutionStatus(
        execution_id=answer["executionArn"],
        workflow_id=workflow_id,
        provider_type=PROVIDER,
        state=state,
        start_time=utc(answer["startDate"]),
        stop_time=_stopped(answer, state, history),
        input=value_of(answer.get("input")),
        output=value_of(answer.get("output")) if state == ExecutionState.SUCCEEDED else None,
        error=_error(answer, state, history),
        history=tuple(history),
        metadata=_metadata(answer, state, history, withheld),
    )


def value_of(text: str | None) -> JSON:
    """The value of a JSON text; a text that was cut off is given as it is."""
    if text is None or text == "":
        return None
    try:
        value: JSON = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return text
    return value


def _stopped(answer: Mapping[str, Any], state: ExecutionState, history: Sequence[ExecutionEvent]) -> datetime | None:
    stopped = answer.get("stopDate")
    if not state.is_terminal:
        return None
    if stopped is not None:
        return utc(stopped)
    return history[-1].timestamp if history else None


def _error(
    answer: Mapping[str, Any], state: ExecutionState, history: Sequence[ExecutionEvent]
) -> ExecutionError | None:
    if state not in (ExecutionState.FAILED, ExecutionState.TIMED_OUT):
        return None
    error, cause = answer.get("error") or "", answer.get("cause") or ""
    if not error and state == ExecutionState.TIMED_OUT:
        error = "States.Timeout"
    return ExecutionError(
        code=error, message=cause or error, cause=cause, failed_at=failed_at(history, state == ExecutionState.FAILED)
    )


def failed_at(history: Sequence[ExecutionEvent], failed: bool) -> str:
    """The state that the last failure came out of; "" where the history does not tell."""
    if not failed or not history:
        return ""
    events = {event.id: event for event in history}
    event: ExecutionEvent | None = history[-1]
    while event is not None:
        if event.type.endswith("StateEntered"):
            return str(event.details.get("name", ""))
        event = events.get(event.previous_id)
    return ""


def _metadata(
    answer: Mapping[str, Any], state: ExecutionState, history: Sequence[ExecutionEvent], withheld: list[str]
) -> dict[str, JSON]:
    found: dict[str, JSON] = {"execution_name": answer.get("name") or answer["executionArn"].rpartition(":")[2]}
    if state == ExecutionState.CANCELLED and answer.get("cause"):
        found["stop_reason"] = answer["cause"]
    for field, key in (
        ("redriveCount", "redrive_count"),
        ("redriveStatus", "redrive_status"),
        ("mapRunArn", "map_run"),
        ("stateMachineVersionArn", "version"),
        ("stateMachineAliasArn", "alias"),
        ("traceHeader", "trace"),
    ):
        if answer.get(field) and answer[field] != "NOT_REDRIVABLE":
            found[key] = answer[field]
    if withheld:
        found["withheld"] = list(withheld)
    truncated: list[JSON] = [event.id for event in history if _is_truncated(event)]
    if truncated:
        found["truncated_events"] = truncated
    return found


def _is_truncated(event: ExecutionEvent) -> bool:
    return any(
        isinstance(value, Mapping) and value.get("truncated") is True
        for key, value in event.details.items()
        if key.endswith("Details")
    )


def events(answer: Iterable[Mapping[str, Any]]) -> list[ExecutionEvent]:
    """A page of the history: what AWS keeps under a field named after the type of event is under ``details``."""
    return [
        ExecutionEvent(
            id=item["id"],
            previous_id=item.get("previousEventId", 0),
            timestamp=utc(item["timestamp"]),
            type=item["type"],
            details=next((value for key, value in item.items() if key.endswith("EventDetails")), {}),
        )
        for item in answer
    ]


def summary(item: Mapping[str, Any], workflow_id: str) -> ExecutionSummary:
    state = STATES.get(item["status"], ExecutionState.RUNNING)
    stopped = item.get("stopDate")
    return ExecutionSummary(
        execution_id=item["executionArn"],
        workflow_id=workflow_id,
        provider_type=PROVIDER,
        state=state,
        start_time=utc(item["startDate"]),
        stop_time=utc(stopped) if stopped is not None and state.is_terminal else None,
    )
