"""Workflows that Temporal runs without us, in any language: their history in the words of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowExecutionDescription

from enginehouse.mapping import when
from enginehouse.models import ExecutionEvent, ExecutionState, ExecutionStatus
from enginehouse.providers.temporal import _mapping as mapping
from enginehouse.providers.temporal import reading
from enginehouse.providers.temporal.names import workflow_id_of
from enginehouse.providers.temporal.session import Session
from enginehouse.providers.temporal.settings import PROVIDER
from enginehouse.providers.temporal.standing import standing

_TYPES = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "ExecutionStarted",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "ExecutionSucceeded",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "ExecutionFailed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "ExecutionTimedOut",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "ExecutionAborted",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "ExecutionAborted",
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: "TaskScheduled",
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: "TaskStarted",
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: "TaskSucceeded",
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: "TaskFailed",
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: "TaskTimedOut",
    EventType.EVENT_TYPE_TIMER_STARTED: "WaitStateEntered",
    EventType.EVENT_TYPE_TIMER_FIRED: "WaitStateExited",
}
_DROPPED = ("WORKFLOW_TASK_",)


class _Numbering:
    """Events numbered as the contract numbers them."""

    def __init__(self) -> None:
        self.last = 0

    def of(self, event: HistoryEvent) -> ExecutionEvent | None:
        name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
        if name.startswith(_DROPPED):
            return None
        self.last += 1
        return ExecutionEvent(
            id=self.last,
            previous_id=self.last - 1,
            timestamp=when(event.event_time.ToNanoseconds() / 1e9),
            type=_TYPES.get(event.event_type) or "".join(part.capitalize() for part in name.split("_")),
            details=_details(event),
        )


def _details(event: HistoryEvent) -> dict[str, Any]:
    found: dict[str, Any] = {"temporalEventId": event.event_id}
    kind = event.event_type
    if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        given = event.activity_task_scheduled_event_attributes
        found |= {"resourceType": "activity", "resource": given.activity_type.name, "name": given.activity_id}
    elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
        found["cause"] = event.workflow_execution_cancel_requested_event_attributes.cause
    elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        found["cause"] = event.workflow_execution_terminated_event_attributes.reason
    elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        found["name"] = event.workflow_execution_signaled_event_attributes.signal_name
    elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
        found["cause"] = event.activity_task_failed_event_attributes.failure.message
    elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
        found["cause"] = event.workflow_execution_failed_event_attributes.failure.message
    return found


async def status(session: Session, description: WorkflowExecutionDescription, *, history: bool) -> ExecutionStatus:
    """What is known of an execution of a native workflow."""
    run = await reading.oldest_run(session, description)
    begun = await reading.first(session, description.id, run, native=True)
    state = reading.state_of(description)
    output, ending = (None, None)
    metadata: dict[str, Any] = {"workflow_type": description.workflow_type}
    if state == ExecutionState.CANCELLED:
        reason = await reading.stop_reason(session, description)
        if reason is not None:
            metadata["stop_reason"] = reason
    elif state.is_terminal:
        output, ending = await reading.ended(session, description)
    else:
        metadata |= await standing(session, description, state, native=True)
    events: list[ExecutionEvent] = []
    if history:
        events = [item async for item in _events(session, description, follow=False)]
    return ExecutionStatus(
        execution_id=description.id,
        workflow_id=workflow_id_of(description.id),
        provider_type=PROVIDER,
        state=state,
        start_time=when(begun.at),
        stop_time=description.close_time,
        input=msgspec.json.decode(begun.input_text),
        output=output,
        error=mapping.error_of(ending) if ending is not None else None,
        history=tuple(events),
        metadata=metadata,
    )


async def watch(
    session: Session, description: WorkflowExecutionDescription, after: int
) -> AsyncIterator[ExecutionEvent]:
    """The events with ids above ``after`` as they come."""
    async for item in _events(session, description, follow=True):
        if item.id > after:
            yield item


async def _events(
    session: Session, description: WorkflowExecutionDescription, *, follow: bool
) -> AsyncIterator[ExecutionEvent]:
    numbering = _Numbering()
    # backwards: no run leads on to one that a reset made
    run, *further = await reading.kept_runs(session, description)
    while run:
        following = ""
        async for event in reading.events_of(session, description.id, run, follow=follow):
            following = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id or following
            numbered = numbering.of(event)
            if numbered is not None:
                yield numbered
        run = further.pop(0) if further else following
