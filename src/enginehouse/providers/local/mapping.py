"""Between the store's rows and the contract's values. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from enginehouse.asl import Event
from enginehouse.mapping import bad_input, event_of, when
from enginehouse.models import (
    ExecutionError,
    ExecutionEvent,
    ExecutionInput,
    ExecutionState,
    ExecutionStatus,
    ExecutionSummary,
    MapRun,
    WorkflowSummary,
)
from enginehouse.providers.local.queries import ExecutionRow, MapRunRow, WorkflowRow

PROVIDER = "local"

_events = msgspec.json.Decoder(list[Event]).decode


def request_text(input: ExecutionInput) -> str:
    """What else a start carries, as JSON. Raises ``InvalidSpecError``."""
    request = {
        key: value
        for key, value in (
            ("tags", dict(input.tags)),
            ("metadata", dict(input.metadata)),
            ("trigger_source", input.trigger_source),
        )
        if value
    }
    try:
        input.execution_name.encode()
        return msgspec.json.encode(request).decode() if request else "{}"
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        what = "the name, the tags, the metadata or the trigger of the execution cannot be stored"
        raise bad_input("INVALID_INPUT", f"{what}: {error}") from error


def status(row: ExecutionRow, turns: Iterable[bytes]) -> ExecutionStatus:
    state = ExecutionState(row.state)
    return ExecutionStatus(
        execution_id=row.id,
        workflow_id=row.workflow,
        provider_type=PROVIDER,
        state=state,
        start_time=when(row.started_at),
        stop_time=when(row.stopped_at) if row.stopped_at is not None else None,
        input=msgspec.json.decode(row.input),
        output=msgspec.json.decode(row.output) if row.output is not None else None,
        error=_error(row, state),
        history=tuple(event for turn in turns for event in events(turn)),
        metadata=_metadata(row),
    )


def _error(row: ExecutionRow, state: ExecutionState) -> ExecutionError | None:
    if state not in (ExecutionState.FAILED, ExecutionState.TIMED_OUT):
        return None
    return ExecutionError(
        code=row.error or "", message=row.cause or row.error or "", cause=row.cause or "", failed_at=row.failed_at or ""
    )


def _metadata(row: ExecutionRow) -> dict[str, Any]:
    request = msgspec.json.decode(row.request)
    found: dict[str, Any] = {**request.pop("metadata", {}), **request, "execution_name": row.name}
    if row.reason is not None:
        found["stop_reason"] = row.reason
    if row.redrives:
        found["redrive_count"] = row.redrives
    return found


def events(turn: bytes) -> list[ExecutionEvent]:
    """The events of one turn."""
    return [event_of(event) for event in _events(turn)]


def execution_summary(row: ExecutionRow) -> ExecutionSummary:
    return ExecutionSummary(
        execution_id=row.id,
        workflow_id=row.workflow,
        provider_type=PROVIDER,
        state=ExecutionState(row.state),
        start_time=when(row.started_at),
        stop_time=when(row.stopped_at) if row.stopped_at is not None else None,
    )


def map_runs(rows: Iterable[MapRunRow]) -> list[MapRun]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        counts = found.setdefault((row.run or "", row.pointer), {"total": row.total or 0})
        counts[row.state] = row.children
    return [
        MapRun(
            map_run_id=run,
            path=pointer.rpartition("/")[0],
            total=max(counts.pop("total"), sum(counts.values())),
            running=counts.get("pending", 0) + counts.get("running", 0),
            succeeded=counts.get("succeeded", 0),
            failed=counts.get("failed", 0) + counts.get("timed_out", 0),
            cancelled=counts.get("cancelled", 0),
        )
        for (run, pointer), counts in found.items()
    ]


def workflow_summary(row: WorkflowRow) -> WorkflowSummary:
    spec = msgspec.json.decode(row.spec)
    return WorkflowSummary(
        workflow_id=row.id,
        provider_type=PROVIDER,
        name=spec.get("name", ""),
        created_at=when(row.created_at),
        tags=spec.get("tags", {}),
    )


def readable(text: str) -> str:
    """The text, with half surrogate pairs written out: a caller's text may have one, and the store holds none."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
