"""What is known of an execution: read from Temporal's description and history of it, with no worker's help."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import msgspec
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHistoryEventAsyncIterator,
    WorkflowHistoryEventFilterType,
)
from temporalio.common import RawValue
from temporalio.service import RPCError

from enginehouse.asl import Event
from enginehouse.errors import ExecutionNotFoundError
from enginehouse.mapping import when
from enginehouse.models import ExecutionError, ExecutionState, ExecutionStatus
from enginehouse.providers.temporal import _mapping as mapping
from enginehouse.providers.temporal import calls
from enginehouse.providers.temporal.connection import is_bad_request, is_not_found
from enginehouse.providers.temporal.names import workflow_id_of
from enginehouse.providers.temporal.payloads import text_of, value_of
from enginehouse.providers.temporal.records import Ending, Start
from enginehouse.providers.temporal.replay import Replay, told_at
from enginehouse.providers.temporal.session import Session
from enginehouse.providers.temporal.settings import MEMO, NATIVE, PROVIDER
from enginehouse.providers.temporal.standing import standing

A = TypeVar("A")
B = TypeVar("B")

_REVERSE_PAGE = 64
# Events that are read before others on the loop have a turn: what follows from one may be as much as a worker does in a second.
_IN_A_ROW = 32
_CLOSING = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
)


class First(msgspec.Struct, frozen=True):
    """What the first event of an execution's run says. ``run`` is the run whose event it was at first: a reset by Temporal's
    own tools copies it into the run that it makes."""

    run: str
    input_text: str
    start: Start
    definition: str
    at: float
    native: bool


async def described(session: Session, execution_id: str) -> WorkflowExecutionDescription:
    """Temporal's description of the latest run. Raises ``ExecutionNotFoundError``."""
    if not execution_id:
        raise no_execution(execution_id)
    try:
        return await session.ask(session.client.get_workflow_handle(execution_id).describe())
    except RPCError as error:
        if is_not_found(error) or is_bad_request(error):
            raise no_execution(execution_id) from error
        raise


def no_execution(execution_id: str) -> ExecutionNotFoundError:
    return ExecutionNotFoundError("there is no such execution", execution_id=execution_id, provider=PROVIDER)


def is_native(description: WorkflowExecutionDescription) -> bool:
    """Whether Temporal runs it without us: started so, or not by us at all."""
    fields = description.raw_description.workflow_execution_info.memo.fields
    if NATIVE in fields:
        return True
    if MEMO in fields:
        return b'"native":true' in fields[MEMO].data.replace(b" ", b"")
    return description.workflow_type != workflow_id_of(description.id)


async def first(session: Session, execution_id: str, run_id: str, *, native: bool) -> First:
    """What a run began with."""
    return await _begun(session, await _first_event(session, execution_id, run_id), native=native)


async def _first_event(session: Session, execution_id: str, run_id: str) -> HistoryEvent:
    pages = session.client.get_workflow_handle(execution_id, run_id=run_id).fetch_history_events(page_size=1)
    await session.ask(pages.fetch_next_page())
    return next(iter(pages.current_page or ()))


async def oldest_run(session: Session, description: WorkflowExecutionDescription) -> str:
    """The oldest run that Temporal still has of those which led to the latest: each is kept for a time after its own end,
    also while the execution goes on."""
    run, begun = description.run_id, first_run(description)
    if run == begun or await _kept(session, description.id, begun) is not None:
        return begun
    return (await kept_runs(session, description))[0]


async def kept_runs(session: Session, description: WorkflowExecutionDescription) -> list[str]:
    """The runs that led to the latest, that one last, as far back as Temporal has them."""
    runs = [description.run_id]
    event: HistoryEvent | None = await _first_event(session, description.id, description.run_id)
    while event is not None and (
        before := event.workflow_execution_started_event_attributes.continued_execution_run_id
    ):
        event = await _kept(session, description.id, before)
        if event is not None:
            runs.insert(0, before)
    return runs


async def _kept(session: Session, execution_id: str, run_id: str) -> HistoryEvent | None:
    """The run's first event; None where Temporal no longer has the run."""
    try:
        return await _first_event(session, execution_id, run_id)
    except RPCError as error:
        if not is_not_found(error):
            raise
        return None


async def _begun(session: Session, event: HistoryEvent, *, native: bool) -> First:
    given = event.workflow_execution_started_event_attributes
    found = list(given.input.payloads)
    raw = [item.payload for item in await session.client.data_converter.decode(found, [RawValue] * len(found))]
    at, run = told_at(event), _run_of(event)
    if native:
        return First(run, text_of(raw[0]) if raw else "null", Start(), "", at, True)
    start = calls.start_of(raw, given.first_execution_run_id)
    return First(run, text_of(raw[1]), start, text_of(raw[0]), start.started_at or at, False)


def first_run(description: WorkflowExecutionDescription) -> str:
    info = description.raw_description.workflow_execution_info
    return info.first_run_id or description.run_id


async def events_of(
    session: Session, execution_id: str, run_id: str, *, follow: bool = False
) -> AsyncIterator[HistoryEvent]:
    """One run's events; with ``follow`` as they come, until its end."""
    handle = session.client.get_workflow_handle(execution_id, run_id=run_id)
    pages = handle.fetch_history_events(wait_new_event=follow)
    await (pages.fetch_next_page() if follow else session.ask(pages.fetch_next_page()))
    async for event in _all_of(session, pages, follow=follow):
        yield event


async def _all_of(
    session: Session, pages: WorkflowHistoryEventAsyncIterator, *, follow: bool = False
) -> AsyncIterator[HistoryEvent]:
    """The events of a history whose first page is there."""
    while True:
        for number, event in enumerate(pages.current_page or ()):
            yield event
            if number % _IN_A_ROW == _IN_A_ROW - 1:
                await asyncio.sleep(0)
        if not pages.next_page_token:
            return
        await (pages.fetch_next_page() if follow else session.ask(pages.fetch_next_page()))


async def both(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Two calls at once. The first one's error is told before the second one's."""
    other = asyncio.create_task(second)
    try:
        return await first, await other
    finally:
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)


async def replayed(
    session: Session,
    execution_id: str,
    description: WorkflowExecutionDescription,
    latest: WorkflowHistoryEventAsyncIterator | None = None,
) -> Replay:
    """The execution rebuilt from all its runs that Temporal still has. ``latest``: the history of its latest run, where
    the first page of that was read already."""
    replay = Replay(session.client.data_converter, execution_id)
    event = next(iter(latest.current_page or ()), None) if latest is not None else None
    if event is None or _run_of(event) != description.run_id:
        latest = None  # it went on in a new run between the two calls
    if latest is None or event is None:
        begun = await first(session, execution_id, description.run_id, native=False)
    else:
        begun = await _begun(session, event, native=False)
    async for _ in told(session, description, begun, replay, latest):
        pass
    if replay.live is None:
        raise no_execution(execution_id)
    return replay


async def told(
    session: Session,
    description: WorkflowExecutionDescription,
    begun: First,
    replay: Replay,
    latest: WorkflowHistoryEventAsyncIterator | None = None,
    *,
    follow: bool = False,
) -> AsyncIterator[list[Event]]:
    """Tell ``replay`` of all runs that Temporal still has, and give what follows from each of its events. ``begun``: what the
    latest run began with. With ``follow`` the events are told as they come, until the execution's end."""
    id, last = description.id, first_run(description)
    for chain in [*begun.start.chains, last]:
        run, further = chain, list[str]()
        if chain == last and not begun.run == description.run_id == last:
            # backwards: no run leads on to one that a reset made
            run, *further = await kept_runs(session, description)
        while run:
            known = latest if run == description.run_id else None
            events = _all_of(session, known) if known else events_of(session, id, run, follow=follow and chain == last)
            try:
                async for event in events:
                    yield await replay.feed(event)
            except RPCError as error:
                if not is_not_found(error) or (chain == last and not further):
                    raise
                # Temporal no longer keeps it: the next run's snapshot has to do
                run = further.pop(0) if further else ""
            else:
                run = further.pop(0) if further else replay.next_run


def _run_of(event: HistoryEvent) -> str:
    return event.workflow_execution_started_event_attributes.original_execution_run_id


async def status(session: Session, execution_id: str, *, history: bool) -> ExecutionStatus:
    """What is known of an execution now. Raises ``ExecutionNotFoundError``."""
    if not execution_id:
        raise no_execution(execution_id)
    pages = session.client.get_workflow_handle(execution_id).fetch_history_events(page_size=None if history else 1)
    known = both(described(session, execution_id), session.ask(pages.fetch_next_page()))
    if history:
        (description, _), last = await known, None
    else:
        (description, _), last = await both(known, _last(session, execution_id))
    if is_native(description):
        from enginehouse.providers.temporal import native

        return await native.status(session, description, history=history)
    if history:
        return await _whole(session, description, pages)
    begun = await _begun(session, next(iter(pages.current_page or ())), native=False)
    return await _short(session, description, begun, last)


async def _whole(
    session: Session, description: WorkflowExecutionDescription, latest: WorkflowHistoryEventAsyncIterator
) -> ExecutionStatus:
    replay = await replayed(session, description.id, description, latest)
    live = replay.live
    if live is None:
        raise no_execution(description.id)
    stopped_at = replay.stopped_at
    if stopped_at is None:
        begun = replay.started or live.events or replay.start.chains
        state = ExecutionState.RUNNING if begun else ExecutionState.PENDING
    else:
        state = STATE_OF_CORE.get(live.state.status if live.state else "", state_of(description))
        if replay.ending is not None:
            state = ExecutionState.TIMED_OUT if replay.ending.status == "TIMED_OUT" else ExecutionState.FAILED
    ending = replay.ending
    if live.state is not None and live.state.finished and state in (ExecutionState.FAILED, ExecutionState.TIMED_OUT):
        ending = Ending(live.state.error, live.state.cause, live.state.status, live.state.failed_at)
    metadata = metadata_of(replay.start, live.name)
    if replay.reason is not None and state == ExecutionState.CANCELLED:
        metadata["stop_reason"] = replay.reason
    metadata |= await standing(session, description, state)
    return ExecutionStatus(
        execution_id=description.id,
        workflow_id=live.workflow_id,
        provider_type=PROVIDER,
        state=state,
        start_time=when(live.started_at),
        stop_time=when(stopped_at) if stopped_at is not None else None,
        input=msgspec.json.decode(live.input_text),
        output=replay.output if state == ExecutionState.SUCCEEDED else None,
        error=mapping.error_of(ending) if ending is not None and state in _BAD else None,
        history=mapping.events_of(live.events),
        metadata=metadata,
    )


STATE_OF_CORE = {
    "SUCCEEDED": ExecutionState.SUCCEEDED,
    "FAILED": ExecutionState.FAILED,
    "TIMED_OUT": ExecutionState.TIMED_OUT,
    "ABORTED": ExecutionState.CANCELLED,
}
_BAD = (ExecutionState.FAILED, ExecutionState.TIMED_OUT)


def state_of(description: WorkflowExecutionDescription) -> ExecutionState:
    found = mapping.STATES.get(description.status or WorkflowExecutionStatus.RUNNING, ExecutionState.RUNNING)
    if found == ExecutionState.RUNNING and _unbegun(description):
        return ExecutionState.PENDING
    return found


def _unbegun(description: WorkflowExecutionDescription) -> bool:
    """Whether no worker has got through a workflow task of the run, and none had an earlier run of it. Temporal notes the first
    task that a worker completes; the history is no measure, as callers' signals are in it too."""
    raw = description.raw_description
    info = raw.workflow_execution_info
    completed = info.HasField("most_recent_worker_version_stamp") or info.auto_reset_points.points
    return description.run_id == first_run(description) and raw.HasField("pending_workflow_task") and not completed


async def _short(
    session: Session, description: WorkflowExecutionDescription, begun: First, last: HistoryEvent | None
) -> ExecutionStatus:
    state = state_of(description)
    if state == ExecutionState.PENDING and begun.start.chains:
        state = ExecutionState.RUNNING
    output: Any = None
    error: ExecutionError | None = None
    metadata = metadata_of(begun.start, begun.start.name or description.id)
    if description.status == WorkflowExecutionStatus.TERMINATED:
        _, ending = await ended(session, description, last)
        if ending is not None:
            state, error = ExecutionState.FAILED, mapping.error_of(ending)
    if state == ExecutionState.CANCELLED:
        reason = await stop_reason(session, description)
        if reason is not None:
            metadata["stop_reason"] = reason
    elif state.is_terminal and error is None:
        output, ending = await ended(session, description, last)
        error = mapping.error_of(ending) if ending is not None else None
    elif not state.is_terminal:
        metadata |= await standing(session, description, state)
    return ExecutionStatus(
        execution_id=description.id,
        workflow_id=description.workflow_type,
        provider_type=PROVIDER,
        state=state,
        start_time=when(begun.at),
        stop_time=description.close_time,
        input=msgspec.json.decode(begun.input_text),
        output=output,
        error=error,
        metadata=metadata,
    )


async def _last(session: Session, execution_id: str) -> HistoryEvent | None:
    """The last event so far, without waiting for the end, as a filter for it would."""
    request = GetWorkflowExecutionHistoryReverseRequest(namespace=session.client.namespace, maximum_page_size=1)
    request.execution.workflow_id = execution_id
    answer = await session.ask(session.client.workflow_service.get_workflow_execution_history_reverse(request))
    return next(iter(answer.history.events), None)


async def ended(
    session: Session, description: WorkflowExecutionDescription, last: HistoryEvent | None = None
) -> tuple[Any, Ending | None]:
    """The output of a run that is over, or how it failed. ``last``: its last event, where that is known already."""
    if last is None or last.event_type not in _CLOSING:
        handle = session.client.get_workflow_handle(description.id, run_id=description.run_id)
        pages = handle.fetch_history_events(event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT)
        await session.ask(pages.fetch_next_page())
        last = next(iter(pages.current_page or ()), None)
    converter = session.client.data_converter
    if last is not None and last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
        found = list(last.workflow_execution_completed_event_attributes.result.payloads)
        raw = await converter.decode(found, [RawValue] * len(found))
        return (value_of(raw[0].payload) if raw else None), None
    if last is not None and last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
        failure = await converter.decode_failure(last.workflow_execution_failed_event_attributes.failure)
        return None, mapping.ending_of(failure)
    if last is not None and last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        given = last.workflow_execution_terminated_event_attributes
        return None, mapping.ended_by_server(given.identity, given.reason)
    if description.status == WorkflowExecutionStatus.TIMED_OUT:
        return None, Ending("States.Timeout", None, status="TIMED_OUT")
    return None, None


async def stop_reason(session: Session, description: WorkflowExecutionDescription) -> str | None:
    """The first reason for which somebody stopped the run; None where nobody did."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=session.client.namespace, maximum_page_size=_REVERSE_PAGE
    )
    request.execution.workflow_id, request.execution.run_id = description.id, description.run_id
    found: str | None = None
    while True:
        answer = await session.ask(session.client.workflow_service.get_workflow_execution_history_reverse(request))
        for event in answer.history.events:
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED and found is None:
                found = event.workflow_execution_terminated_event_attributes.reason
            elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
                return event.workflow_execution_cancel_requested_event_attributes.cause
        if not answer.next_page_token:
            return found
        request.next_page_token = answer.next_page_token


def metadata_of(start: Start, name: str) -> dict[str, Any]:
    request = dict(start.request)
    redriven = {"redrive_count": len(start.chains)} if start.chains else {}
    return {**request.pop("metadata", {}), **request, "execution_name": name, **redriven}
