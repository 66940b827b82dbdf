"""An execution's state and its history in the language's terms, from Temporal's own history alone.

The happenings that Temporal recorded are told to the pure core, in the order and at the times at which the worker told
them: so no worker has to live for an execution to be looked at.
"""

from __future__ import annotations

from typing import Any

import msgspec
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.common import RawValue
from temporalio.converter import DataConverter

from enginehouse import asl
from enginehouse.asl.notifications import ChildFinished, GoOn, Stop, TimerFired
from enginehouse.providers.temporal import _mapping as mapping
from enginehouse.providers.temporal import calls, signals
from enginehouse.providers.temporal.live import (
    PAUSE,
    AlarmRang,
    Beat,
    FromOutside,
    Happening,
    Live,
    TaskReturned,
    in_order,
)
from enginehouse.providers.temporal.payloads import text_of, value_of
from enginehouse.providers.temporal.records import Ending, Start


class Replay:
    """Reads one execution's events, run after run. ``live`` is what it comes to; None before a worker took it up."""

    def __init__(self, converter: DataConverter, execution_id: str) -> None:
        self._converter = converter
        self._execution_id = execution_id
        self._first: HistoryEvent | None = None
        self._args: list[Payload] = []
        self._begun = False
        self._pending: list[Happening] = []
        self._cut = 0
        self._turn_at = 0.0
        self._names: dict[int | str, str] = {}
        self.live: Live | None = None
        self.next_run = ""
        self.reason: str | None = None
        self.ending: Ending | None = None
        self.output: Any = None
        self.stopped_at: float | None = None

    async def feed(self, event: HistoryEvent) -> list[asl.Event]:
        """Take one event of Temporal's; gives the language's events that follow from it."""
        live = self.live
        before = len(live.events) if live is not None else 0
        handler = _HANDLERS.get(event.event_type)
        if handler is not None:
            await handler(self, event, _seconds(event))
        live = self.live
        return live.events[before:] if live is not None else []

    @property
    def started(self) -> bool:
        """Whether a worker has taken it up."""
        return self._begun

    @property
    def start(self) -> Start:
        return self._start

    def answered(self, task: int) -> bool:
        """Whether a caller has told the task's outcome, and no worker has heard of it yet."""
        told = [item.happened for item in self._pending if isinstance(item, FromOutside)]
        return any(item.task == task for item in told if not isinstance(item, Beat))

    # -- payloads

    async def _decoded(self, payloads: Payloads) -> list[Payload]:
        found = list(payloads.payloads)
        raw = await self._converter.decode(found, [RawValue] * len(found))
        return [item.payload for item in raw]

    async def _one(self, payloads: Payloads) -> Any:
        found = await self._decoded(payloads)
        return value_of(found[0]) if found else None

    async def _failure(self, failure: Any) -> BaseException:
        return await self._converter.decode_failure(failure)

    async def _summary(self, event: HistoryEvent) -> str:
        if not event.HasField("user_metadata") or not event.user_metadata.HasField("summary"):
            return ""
        [summary] = await self._converter.decode([event.user_metadata.summary], [str])
        return str(summary)

    # -- the run

    async def _on_started(self, event: HistoryEvent, at: float) -> None:
        given = event.workflow_execution_started_event_attributes
        self._args = await self._decoded(given.input)
        self._names.clear()
        self._pending.clear()
        self._begun = False
        self._start = calls.start_of(self._args, given.first_execution_run_id)
        self.next_run = ""
        self.reason = self.ending = self.stopped_at = self.output = None
        if self.live is None:
            self.live = Live(
                self._start,
                definition=text_of(self._args[0]),
                input_text=text_of(self._args[1]),
                execution_id=self._execution_id,
                workflow_id=given.workflow_type.name,
                started_at=told_at(event),
                keep=True,
            )
        elif self.live.start.version != self._start.version:
            # the worker was brought up to date meanwhile
            self.live.start = msgspec.structs.replace(self.live.start, version=self._start.version)

    async def _on_turn_started(self, event: HistoryEvent, at: float) -> None:
        self._turn_at, self._cut = at, len(self._pending)

    async def _on_turn_completed(self, event: HistoryEvent, at: float) -> None:
        self._turn(self._cut, self._turn_at)

    def _turn(self, count: int, now: float) -> None:
        """What the worker did in one workflow task."""
        live = self.live
        if live is None:
            return
        if not self._begun:
            self._begun = True
            if (carried := calls.carried_of(self._args)) is not None:
                live.go_on(carried, now)
            else:
                live.begin(now)
        happenings, self._pending = in_order(self._pending[:count]), self._pending[count:]
        for happening in happenings:
            live.tell(happening, now)

    # -- tasks, timers, children

    async def _on_activity_scheduled(self, event: HistoryEvent, at: float) -> None:
        self._names[event.event_id] = event.activity_task_scheduled_event_attributes.activity_id

    async def _on_activity_completed(self, event: HistoryEvent, at: float) -> None:
        given = event.activity_task_completed_event_attributes
        self._pending.append(TaskReturned(self._task(given.scheduled_event_id), await self._one(given.result)))

    async def _on_activity_failed(self, event: HistoryEvent, at: float) -> None:
        given = event.activity_task_failed_event_attributes
        await self._activity_failed(given)

    async def _on_activity_timed_out(self, event: HistoryEvent, at: float) -> None:
        await self._activity_failed(event.activity_task_timed_out_event_attributes)

    async def _activity_failed(self, given: Any) -> None:
        outcome = mapping.task_failed(self._task(given.scheduled_event_id), await self._failure(given.failure))
        if outcome is not None:
            self._pending.append(outcome)

    def _task(self, scheduled: int) -> int:
        return _number(self._names.get(scheduled, ""))[0]

    async def _on_timer_started(self, event: HistoryEvent, at: float) -> None:
        self._names[event.timer_started_event_attributes.timer_id] = await self._summary(event)

    async def _on_timer_fired(self, event: HistoryEvent, at: float) -> None:
        name = self._names.get(event.timer_fired_event_attributes.timer_id, "")
        number, kind = _number(name)
        if number and kind:
            self._pending.append(AlarmRang(number, kind == "heartbeat"))
        elif number:
            self._pending.append(TimerFired(number))
        elif name == PAUSE:
            self._pending.append(GoOn())

    async def _on_child_not_started(self, event: HistoryEvent, at: float) -> None:
        given = event.start_child_workflow_execution_failed_event_attributes
        if self._start.version >= 3:
            self._pending.append(mapping.child_not_started(_child(given.workflow_id)))

    async def _on_child_completed(self, event: HistoryEvent, at: float) -> None:
        given = event.child_workflow_execution_completed_event_attributes
        number = _child(given.workflow_execution.workflow_id)
        self._pending.append(ChildFinished(number, "SUCCEEDED", await self._one(given.result)))

    async def _on_child_failed(self, event: HistoryEvent, at: float) -> None:
        given = event.child_workflow_execution_failed_event_attributes
        number = _child(given.workflow_execution.workflow_id)
        self._pending.append(mapping.child_failed(number, await self._failure(given.failure)))

    async def _on_child_timed_out(self, event: HistoryEvent, at: float) -> None:
        given = event.child_workflow_execution_timed_out_event_attributes
        number = _child(given.workflow_execution.workflow_id)
        self._pending.append(ChildFinished(number, "TIMED_OUT", None, "States.Timeout"))

    async def _on_child_canceled(self, event: HistoryEvent, at: float) -> None:
        given = event.child_workflow_execution_canceled_event_attributes
        self._pending.append(ChildFinished(_child(given.workflow_execution.workflow_id), "ABORTED"))

    async def _on_child_terminated(self, event: HistoryEvent, at: float) -> None:
        given = event.child_workflow_execution_terminated_event_attributes
        self._pending.append(ChildFinished(_child(given.workflow_execution.workflow_id), "ABORTED"))

    # -- from outside

    async def _on_signaled(self, event: HistoryEvent, at: float) -> None:
        given = event.workflow_execution_signaled_event_attributes
        told = signals.read(given.signal_name, await self._decoded(given.input))
        if told is not None:
            self._pending.append(told)

    async def _on_cancel_requested(self, event: HistoryEvent, at: float) -> None:
        cause = event.workflow_execution_cancel_requested_event_attributes.cause
        self.reason = cause
        self._pending.append(Stop(None, cause or None))

    # -- ends

    async def _on_completed(self, event: HistoryEvent, at: float) -> None:
        self.stopped_at = told_at(event)
        self.output = await self._one(event.workflow_execution_completed_event_attributes.result)

    async def _on_failed(self, event: HistoryEvent, at: float) -> None:
        self.stopped_at = told_at(event)
        failure = await self._failure(event.workflow_execution_failed_event_attributes.failure)
        self._fail(mapping.ending_of(failure), at)

    async def _on_timed_out(self, event: HistoryEvent, at: float) -> None:
        self.stopped_at = told_at(event)
        state = self._running(at)
        if state is not None and self.live is not None:
            # The execution's timeout is Temporal's to keep; the core is told when it has passed.
            self.live.tell(TimerFired(state.deadline), at)
        self.ending = Ending("States.Timeout", None, status="TIMED_OUT")

    async def _on_canceled(self, event: HistoryEvent, at: float) -> None:
        self.stopped_at = told_at(event)
        self._abort(at)

    async def _on_terminated(self, event: HistoryEvent, at: float) -> None:
        given = event.workflow_execution_terminated_event_attributes
        self.stopped_at = told_at(event)
        if (ending := mapping.ended_by_server(given.identity, given.reason)) is not None:
            self._fail(ending, at)
            return
        if self.reason is None:
            self.reason = given.reason
        self._abort(at)

    async def _on_continued(self, event: HistoryEvent, at: float) -> None:
        self.next_run = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id

    def _fail(self, ending: Ending, at: float) -> None:
        """It failed: as the core knows, or by what is outside of the definition, which the core is not told of."""
        self.ending = ending
        if (state := self._running(at)) is not None and self.live is not None:
            told = {
                key: value for key, value in (("error", ending.error), ("cause", ending.cause)) if value is not None
            }
            number = state.last_event + 1
            self.live.events.append(asl.Event(number, state.last_event, at, "ExecutionFailed", told))

    def _abort(self, at: float) -> None:
        if self._running(at) is not None and self.live is not None:
            self.live.tell(Stop(None, self.reason or None), at)

    def _running(self, at: float) -> asl.State | None:
        """The core's state, where it does not know yet that Temporal has ended the execution."""
        live = self.live
        if live is None:
            return None
        if not self._begun:
            self._turn(0, at)
        return live.state if live.state is not None and not live.state.finished else None


def told_at(event: HistoryEvent) -> float:
    """When it happened, as exact as the SDK tells of a start or an end: in whole microseconds."""
    return event.event_time.ToMicroseconds() / 1e6


def _seconds(event: HistoryEvent) -> float:
    return event.event_time.ToNanoseconds() / 1e9


def _number(name: str) -> tuple[int, str]:
    """The number in ``State#12`` or ``State#12 timeout``, and what follows; 0 for any other text."""
    number, _, kind = name.rpartition("#")[2].partition(" ")
    return (int(number) if "#" in name and number.isdecimal() else 0), kind


def _child(workflow_id: str) -> int:
    number = workflow_id.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0


_HANDLERS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: Replay._on_started,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED: Replay._on_turn_started,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: Replay._on_turn_completed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: Replay._on_activity_scheduled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: Replay._on_activity_completed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: Replay._on_activity_failed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: Replay._on_activity_timed_out,
    EventType.EVENT_TYPE_TIMER_STARTED: Replay._on_timer_started,
    EventType.EVENT_TYPE_TIMER_FIRED: Replay._on_timer_fired,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: Replay._on_child_not_started,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: Replay._on_child_completed,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: Replay._on_child_failed,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: Replay._on_child_timed_out,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: Replay._on_child_canceled,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: Replay._on_child_terminated,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: Replay._on_signaled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: Replay._on_cancel_requested,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: Replay._on_completed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: Replay._on_failed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: Replay._on_timed_out,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: Replay._on_canceled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: Replay._on_terminated,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: Replay._on_continued,
}
