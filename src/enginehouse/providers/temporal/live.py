"""One execution between the pure core and Temporal: the same for the worker that drives it and for the client that reads
its history.

Both feed it the same happenings in the same order at the same times, so both come to the same state and events. That is
why what a client shows needs no worker, and why nothing here may ask for a clock, for chance or for Temporal.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from temporalio.common import RawValue

from enginehouse import asl
from enginehouse.asl.commands import (
    CancelTask,
    CancelTimer,
    Command,
    ReadItems,
    ScheduleTask,
    StartChild,
    StartTimer,
    StopChild,
    WriteResults,
)
from enginehouse.asl.machine import HELD
from enginehouse.asl.notifications import (
    ChangeMapRun,
    ChildFinished,
    GoOn,
    Notification,
    Redrive,
    Stop,
    TaskAnswered,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TaskTimedOut,
    TimerFired,
)
from enginehouse.names import Names
from enginehouse.providers.temporal.payloads import LIMIT, LIST_LIMIT, squeezed
from enginehouse.providers.temporal.records import Carried, Options, Start, Work

_decode = msgspec.json.Decoder().decode

PAUSE = "turn"
"""The name of the timer after which the core goes on with what one turn had no time for."""

_CARRIED_TEXT = 2 * HELD
"""Characters of text in a snapshot; the larger part is there up to five times. It takes a second to write and squeeze."""


class TaskReturned(msgspec.Struct, frozen=True):
    """A task's activity ended well. Whether that is the task's outcome depends on its pattern."""

    task: int
    output: Any


class Beat(msgspec.Struct, frozen=True):
    """A task out in the world gave a sign of life."""

    task: int


class AlarmRang(msgspec.Struct, frozen=True):
    """A task out in the world took too long, or was silent for too long."""

    task: int
    heartbeat: bool = False


class FromOutside(msgspec.Struct, frozen=True):
    """What a caller sent, by token."""

    happened: TaskSucceeded | TaskFailed | Beat


Happening: TypeAlias = "Notification | TaskReturned | Beat | AlarmRang | FromOutside"


class SetAlarm(msgspec.Struct, frozen=True):
    """Ring at ``at`` unless the task has ended; an alarm of the same kind for the same task is replaced."""

    task: int
    at: float
    heartbeat: bool = False


Order: TypeAlias = "Command | SetAlarm"


def in_order(happenings: Iterable[Happening]) -> list[Happening]:
    """What came in one go, in the one order in which it is told to the core: callers first, then by number, a stop last.

    Temporal's libraries do not promise an order within a workflow task, so that it must not matter."""
    return sorted(happenings, key=_place)


def _place(happening: Happening) -> tuple[int, int, int]:
    if isinstance(happening, FromOutside | ChangeMapRun):
        return 0, 0, 0
    if isinstance(happening, Stop | Redrive):
        return 2, 0, 0
    if isinstance(happening, GoOn):
        return 1, 0, 0
    if isinstance(happening, TimerFired):
        return 1, happening.timer, 0
    if isinstance(happening, ChildFinished):
        return 1, happening.child, 0
    return 1, happening.task, 1 if isinstance(happening, AlarmRang | TaskTimedOut) else 0


@lru_cache(maxsize=128)
def _compiled(text: str, options: str) -> asl.Program:
    given = msgspec.json.decode(options, type=Options)
    return asl.compile(text, type=given.type, timeout=given.timeout, retry=given.retry)


def compiled(text: str, options: Options, pointer: str = "") -> asl.Program:
    """The program of a definition, or of a Map's processor in it."""
    program = _compiled(text, msgspec.json.encode(options).decode())
    return program.processor(pointer) if pointer else program


def is_activity(resource: str) -> bool:
    """Whether pollers out in the world take this task."""
    return ":activity:" in resource and resource.startswith("arn:")


def waits_for_token(command: Work | Command) -> bool:
    """Whether the outcome of the task comes from outside, by token."""
    return isinstance(command, ScheduleTask) and (
        command.pattern == "waitForTaskToken" or is_activity(command.resource)
    )


class Live:
    """One execution. ``events`` gathers its history where ``keep`` is set; ``tasks`` are scheduled and unanswered."""

    def __init__(
        self,
        start: Start,
        *,
        definition: str,
        input_text: str,
        execution_id: str,
        workflow_id: str,
        started_at: float,
        keep: bool = False,
    ) -> None:
        self.start = start
        self.definition = definition
        self.input_text = input_text
        self.execution_id = execution_id
        self.workflow_id = workflow_id
        self.started_at = started_at if start.started_at is None else start.started_at
        self.program = compiled(definition, start.options, start.pointer)
        self.state: asl.State | None = None
        self.tasks: dict[int, Work] = {}
        self.submitted: set[int] = set()
        self.timers: dict[int, float] = {}
        self.children: set[int] = set()
        self.keep = keep
        self.events: list[asl.Event] = []

    @property
    def name(self) -> str:
        return self.start.name or self.execution_id

    def context(self) -> asl.ExecutionContext:
        names = Names(self.start.arns, self.start.role)
        return asl.ExecutionContext(
            execution_id=names.execution(self.execution_id),
            execution_name=self.name,
            start_time=self.started_at,
            role_arn=names.role,
            state_machine_id=names.workflow(self.workflow_id),
            state_machine_name=self.workflow_id,
            region=names.region(),
        )

    # -- turns

    def begin(self, now: float) -> list[Order]:
        """The first turn."""
        value = _decode(self.input_text)
        bounded = self.start.version >= 1
        turn = self.program.start(value, self.context(), now, self.start.seed, text=self.input_text, bounded=bounded)
        self.state = turn.state
        return self._taken(turn, now)

    def tell(self, happening: Happening, now: float) -> list[Order]:
        """What is to be done after ``happening``; what comes too late changes nothing."""
        if isinstance(happening, FromOutside):
            happening = self._from_outside(happening.happened)
        if isinstance(happening, Beat):
            return self._beaten(happening, now)
        if isinstance(happening, TaskReturned):
            return self._returned(happening, now)
        if isinstance(happening, AlarmRang):
            happening = TaskTimedOut(happening.task, heartbeat=happening.heartbeat)
        return self._notify(happening, now)

    def _from_outside(self, happened: TaskSucceeded | TaskFailed | Beat) -> Notification | Beat:
        if isinstance(happened, Beat) or self.start.version < 2:
            return happened
        return TaskAnswered(happened.task, happened)

    def _notify(self, notification: Notification, now: float) -> list[Order]:
        if self.state is None:
            return []
        task = getattr(notification, "task", None)
        if task is not None and task not in self.tasks:
            return []
        if isinstance(notification, TaskFailed | TaskTimedOut) and self.start.version < 3:
            frame = self.state.frames.get(self.state.waits.get(notification.task, 0))
            if frame is not None:
                frame.answer = None
        if isinstance(notification, TaskSubmitted):
            self.submitted.add(notification.task)
        elif isinstance(notification, TaskAnswered) and not self.is_out(self.tasks[notification.task]):
            pass  # quicker than the service itself: the core keeps it
        elif task is not None:
            self._close(task)
        elif isinstance(notification, TimerFired):
            self.timers.pop(notification.timer, None)
        elif isinstance(notification, ChildFinished):
            self.children.discard(notification.child)
        return self._taken(self.program.resume(self.state, notification, now), now)

    def _returned(self, returned: TaskReturned, now: float) -> list[Order]:
        command = self.tasks.get(returned.task)
        if not isinstance(command, ScheduleTask) or not command.pattern:
            return self._notify(TaskSucceeded(returned.task, returned.output), now)
        submitted = returned.output
        ended: TaskSucceeded | TaskFailed = TaskSucceeded(returned.task, submitted)
        if command.pattern.startswith("sync") and isinstance(submitted, dict) and "submitted" in submitted:
            told, submitted = submitted, submitted["submitted"]
            ended = (
                TaskSucceeded(returned.task, told["output"])
                if "output" in told
                else TaskFailed(returned.task, told.get("error", "States.TaskFailed"), told["failed"])
            )
        orders = self._notify(TaskSubmitted(returned.task, submitted), now)
        if command.pattern == "waitForTaskToken":
            return orders + self._alarms(command, now)
        return orders + self._notify(ended, now)

    def _beaten(self, beat: Beat, now: float) -> list[Order]:
        command = self.tasks.get(beat.task)
        if not isinstance(command, ScheduleTask) or command.heartbeat is None or not self.is_out(command):
            return []
        return [SetAlarm(beat.task, now + command.heartbeat, heartbeat=True)]

    def _taken(self, turn: asl.Turn, now: float) -> list[Order]:
        self.state = turn.state
        if self.keep:
            self.events += turn.events
        orders: list[Order] = []
        over: list[int] = []
        refused: list[TaskFailed] = []
        for command in turn.commands:
            if isinstance(command, StartTimer):
                if command.timer == turn.state.deadline:
                    continue  # Temporal keeps it: the execution's own timeout there
                if command.at <= now:
                    over.append(command.timer)
                    continue
                self.timers[command.timer] = command.at
            elif isinstance(command, CancelTimer):
                self.timers.pop(command.timer, None)
            elif isinstance(command, ScheduleTask | ReadItems | WriteResults):
                self.tasks[command.task] = command
            elif isinstance(command, CancelTask):
                self._close(command.task)
            elif isinstance(command, StartChild):
                self.children.add(command.child)
            elif isinstance(command, StopChild):
                self.children.discard(command.child)
            limit = LIST_LIMIT if self.start.version >= 1 else LIMIT
            if isinstance(command, WriteResults) and (size := len(msgspec.json.encode(command.results))) > limit:
                cause = f"The results have {size:,} bytes, and Temporal takes {limit:,}."
                refused.append(TaskFailed(command.task, "States.ResultWriterFailed", cause))
                continue
            orders.append(command)
            if isinstance(command, ScheduleTask) and is_activity(command.resource):
                orders += self._alarms(command, now)
        for timer in over:
            orders += self._notify(TimerFired(timer), now)
        for failed in refused:
            orders += self._notify(failed, now)
        return orders

    def _alarms(self, command: ScheduleTask, now: float) -> list[Order]:
        """What keeps the limits of a task that nothing here runs."""
        if command.task not in self.tasks:
            return []
        orders: list[Order] = []
        if command.deadline is not None:
            orders.append(SetAlarm(command.task, command.deadline))
        if command.heartbeat is not None:
            orders.append(SetAlarm(command.task, now + command.heartbeat, heartbeat=True))
        return orders

    def _close(self, task: int) -> None:
        self.tasks.pop(task, None)
        self.submitted.discard(task)

    # -- what is open

    def is_out(self, command: Work) -> bool:
        """Whether the task is out in the world: nothing of ours runs it."""
        return command.task in self.submitted or (isinstance(command, ScheduleTask) and is_activity(command.resource))

    def waiting(self, token: str) -> int | None:
        """The task that waits for this token."""
        for command in self.tasks.values():
            if isinstance(command, ScheduleTask) and command.token == token and waits_for_token(command):
                return command.task
        return None

    def timer_name(self, timer: int) -> str:
        """The name of the state that waits for a timer."""
        if self.state is None:
            return ""
        frame = self.state.frames.get(self.state.waits.get(timer, 0))
        return frame.state if frame is not None else ""

    # -- from one run to the next

    def carry(self, deferred: list[Any], *, redriven: bool = False) -> RawValue | None:
        """What the next run needs, as its argument; None where it is too much to be made small in a workflow task's time.
        Nothing but timers and tasks out in the world may be open, and what is ``deferred``."""
        if self.state is None:
            raise ValueError("an execution that has not begun cannot go on")
        if _text_in(self.state) > _CARRIED_TEXT:
            return None
        carried = Carried(
            state=self.program.dump(self.state).decode(),
            tasks=list(self.tasks.values()),
            submitted=sorted(self.submitted),
            timers=dict(self.timers),
            deferred=deferred,
            redriven=redriven,
        )
        return squeezed(msgspec.json.encode(carried))

    def go_on(self, carried: Carried, now: float) -> list[Order]:
        """Take up where the last run ended."""
        if self.state is None:
            # Before version 1 it was packed in letters; JSON's second one is none of them.
            text = carried.state
            self.state = self.program.load(text.encode() if text[:2] == '{"' else base64.b85decode(text))
            self.tasks = {command.task: command for command in carried.tasks}
            self.submitted = set(carried.submitted)
            self.timers = dict(carried.timers)
            self.children = {item.child for item in carried.deferred if isinstance(item, StartChild)}
        orders: list[Order] = list(carried.deferred)
        for timer, at in sorted(self.timers.items()):
            orders.append(StartTimer(timer, at))
        for _, command in sorted(self.tasks.items()):
            if isinstance(command, ScheduleTask) and self.is_out(command):
                orders += self._alarms(command, now)
        if carried.redriven:
            orders += self._notify(Redrive(), now)
        return orders


def _text_in(state: asl.State) -> int:
    """Characters of text that the state's threads hold."""
    frames = state.frames.values()
    texts = (text for frame in frames if frame.fork is not None for text in frame.fork.texts if text is not None)
    return sum(len(frame.input_text) for frame in frames) + sum(map(len, texts))
