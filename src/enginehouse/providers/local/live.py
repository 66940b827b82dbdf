"""An execution in memory: the core's state, and what the host has promised the core."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

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
from enginehouse.asl.notifications import (
    ChildFinished,
    Notification,
    TaskAnswered,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TaskTimedOut,
    TimerFired,
)
from enginehouse.providers.local.queries import ExecutionRow, Saved, TurnRow
from enginehouse.providers.local.store import NewExecution
from enginehouse.tasks.answers import is_from_here

Work: TypeAlias = ScheduleTask | ReadItems | WriteResults

encode = msgspec.json.Encoder().encode
decode_notification = msgspec.json.Decoder(Notification).decode


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """The core's state after a turn, and what was open then."""

    state: bytes
    tasks: list[Work]
    submitted: list[int]
    timers: dict[int, float]
    children: list[int]
    jobs: dict[int, Any] = {}
    answered: list[int] = []


_encode_snapshot = msgspec.msgpack.Encoder().encode
_decode_snapshot = msgspec.msgpack.Decoder(Snapshot).decode


def is_activity(resource: str) -> bool:
    """Whether workers poll for this task, rather than the engine running it."""
    return ":activity:" in resource and resource.startswith("arn:")


def is_followed(command: Work, answer: Any) -> bool:
    """Whether a submitted job is followed from here. An execution on this engine is not: it tells its parent by itself."""
    return (
        isinstance(command, ScheduleTask)
        and command.pattern.startswith("sync")
        and not is_from_here(answer, command.token)
    )


class DivergedError(Exception):
    """A replay does not come to where the journal ends. The execution is left as it stands rather than run on wrongly."""


class Live:
    """One unfinished execution. ``state`` is None until it has begun.

    ``tasks`` are scheduled and unanswered; ``flying`` counts those of them that this process must run; ``running`` are
    the ones that it does. ``answered`` are tasks whose token was used before the service had taken the request: nobody else may
    answer. ``jobs`` are tasks that were submitted and must be followed, with what the service answered. ``beats`` says when a task will have been silent for too long. ``unwritten`` turns are not
    yet committed. ``dead`` says why it cannot go on, where it cannot: then its state is not what the journal says.
    """

    __slots__ = (
        "answered",
        "beats",
        "busy",
        "bytes_since",
        "children",
        "context",
        "dead",
        "deadlines",
        "flying",
        "jobs",
        "number",
        "program",
        "redrives",
        "row",
        "running",
        "seq",
        "snapshot_size",
        "state",
        "submitted",
        "tasks",
        "timers",
        "tokens",
        "turns_since",
        "unwritten",
        "wake",
    )

    def __init__(
        self, row: ExecutionRow | NewExecution, program: asl.Program, context: asl.ExecutionContext, number: int = 0
    ) -> None:
        self.number = number
        self.row = row
        self.program = program
        self.context = context
        self.state: asl.State | None = None
        self.dead = ""
        self.seq = 0
        self.tasks: dict[int, Work] = {}
        self.submitted: set[int] = set()
        self.answered: set[int] = set()
        self.jobs: dict[int, Any] = {}
        self.deadlines: dict[int, float] = {}
        self.timers: dict[int, float] = {}
        self.children: set[int] = set()
        self.running: dict[int, asyncio.Task[None]] = {}
        self.beats: dict[int, float] = {}
        self.flying = 0
        self.tokens = False
        self.redrives = row.redrives if isinstance(row, ExecutionRow) else 0
        self.unwritten = 0
        self.wake: float | None = row.wake
        self.busy = row.busy
        self.turns_since = 0
        self.bytes_since = 0
        self.snapshot_size = 0

    # -- what is open

    def open(self, commands: Sequence[Command]) -> None:
        """Note what a turn asks for."""
        for command in commands:
            kind = type(command)
            if kind is ScheduleTask:
                self._open_task(command)  # type: ignore[arg-type]
            elif kind is CancelTask:
                self.close_task(command.task)  # type: ignore[union-attr]
            elif kind is StartTimer:
                self.timers[command.timer] = command.at  # type: ignore[union-attr]
            elif kind is CancelTimer:
                self.timers.pop(command.timer, None)  # type: ignore[union-attr]
            elif kind is ReadItems or kind is WriteResults:
                self.tasks[command.task] = command  # type: ignore[union-attr, assignment]
                self.flying += 1
            elif kind is StartChild:
                self.children.add(command.child)  # type: ignore[union-attr]
            elif kind is StopChild:
                self.children.discard(command.child)  # type: ignore[union-attr]

    def _open_task(self, command: ScheduleTask) -> None:
        self.tasks[command.task] = command
        if command.deadline is not None:
            self.deadlines[command.task] = command.deadline
        if is_activity(command.resource):
            self.tokens = True
        else:
            self.flying += 1
            if command.pattern == "waitForTaskToken":
                self.tokens = True

    def close(self, notification: Notification) -> None:
        """Note what a notification answers."""
        kind = type(notification)
        if kind is TaskSucceeded or kind is TaskFailed or kind is TaskTimedOut:
            self.close_task(notification.task)  # type: ignore[union-attr]
        elif kind is TimerFired:
            self.timers.pop(notification.timer, None)  # type: ignore[union-attr]
        elif kind is TaskSubmitted:
            task = notification.task  # type: ignore[union-attr]
            if task in self.tasks and task not in self.submitted and task not in self.jobs:
                self._submitted(task, notification.output)  # type: ignore[union-attr]
        elif kind is TaskAnswered:
            task = notification.task  # type: ignore[union-attr]
            if self.is_out(task):
                self.close_task(task)
            elif task in self.tasks:
                self.answered.add(task)
        elif kind is ChildFinished:
            self.children.discard(notification.child)  # type: ignore[union-attr]

    def is_out(self, task: int) -> bool:
        """Whether the task is out in the world: nothing of ours runs it."""
        command = self.tasks.get(task)
        return task in self.submitted or (isinstance(command, ScheduleTask) and is_activity(command.resource))

    def awaits(self, task: int) -> bool:
        """Whether an answer to the task's token would be its outcome."""
        return task in self.tasks and task not in self.answered

    def _submitted(self, task: int, answer: Any) -> None:
        if is_followed(self.tasks[task], answer):
            self.jobs[task] = answer
        else:
            self.submitted.add(task)
            self.flying -= 1

    def close_task(self, task: int) -> None:
        command = self.tasks.pop(task, None)
        if command is None:
            return
        self.answered.discard(task)
        self.jobs.pop(task, None)
        self.deadlines.pop(task, None)
        self.beats.pop(task, None)
        if task in self.submitted:
            self.submitted.discard(task)
        elif type(command) is not ScheduleTask or not is_activity(command.resource):
            self.flying -= 1

    def due(self) -> float | None:
        """When the next timer, deadline or heartbeat is due."""
        at = min(self.timers.values()) if self.timers else _NEVER
        if self.deadlines:
            at = min(at, min(self.deadlines.values()))
        if self.beats:
            at = min(at, min(self.beats.values()))
        return at if at < _NEVER else None

    def note_standing(self) -> bool:
        """Bring ``wake`` and ``busy`` up to date; whether they have changed. While work is in flight nothing else is kept:
        a restart rebuilds the execution at once."""
        running = self.state is not None and self.state.status == "RUNNING"
        busy = 1 if running and self.flying > 0 else 0
        wake = self.due() if running and not busy else None
        if busy == self.busy and wake == self.wake:
            return False
        self.busy, self.wake = busy, wake
        return True

    # -- snapshots and replay

    def wants_snapshot(self) -> bool:
        """Whether a replay has grown longer than reading a snapshot would be."""
        return self.turns_since >= _SNAPSHOT_TURNS and self.bytes_since >= self.snapshot_size

    def snapshot(self) -> bytes:
        if self.state is None:
            raise ValueError("an execution that has not begun has no snapshot")
        data = _encode_snapshot(
            Snapshot(
                self.program.dump(self.state),
                list(self.tasks.values()),
                list(self.submitted),
                dict(self.timers),
                list(self.children),
                dict(self.jobs),
                list(self.answered),
            )
        )
        self.turns_since = self.bytes_since = 0
        self.snapshot_size = len(data)
        return data

    def rebuild(self, saved: Saved) -> bool:
        """Bring the execution to where its journal ends. False where the snapshot is of another format: replay all turns."""
        if saved.snapshot is not None and saved.snapshot_seq is not None:
            try:
                kept = _decode_snapshot(saved.snapshot)
                self.state = self.program.load(kept.state)
            except ValueError:
                return False
            self.seq = saved.snapshot_seq + 1
            self.snapshot_size = len(saved.snapshot)
            self.open(kept.tasks)
            for task in kept.submitted:
                self.close(TaskSubmitted(task, None))
            self.jobs = dict(kept.jobs)
            self.answered = set(kept.answered)
            self.timers = dict(kept.timers)
            self.children = set(kept.children)
        self.replay(saved.turns)
        return True

    def replay(self, turns: Sequence[TurnRow]) -> None:
        for turn in turns:
            if turn.notification is None or self.state is None:
                text = self.row.input
                made = self.program.start(msgspec.json.decode(text), self.context, turn.at, self.row.seed, text=text)
                self.state = made.state
            else:
                notification = decode_notification(turn.notification)
                made = self.program.resume(self.state, notification, turn.at)
                self.close(notification)
                self.bytes_since += len(turn.notification)
            if made.state.last_event != turn.last_event:
                raise DivergedError(
                    f"turn {turn.seq} was recorded up to event {turn.last_event}, and its replay comes to event "
                    f"{made.state.last_event}: this release does not run the execution as it began"
                )
            self.open(made.commands)
            self.turns_since += 1
            self.seq = turn.seq + 1


def needs_token(command: Command) -> bool:
    """Whether the outcome of what is asked for comes from outside, by token."""
    return type(command) is ScheduleTask and (command.pattern == "waitForTaskToken" or is_activity(command.resource))


_NEVER = float("inf")
_SNAPSHOT_TURNS = 64

__all__ = ["Live", "Work", "decode_notification", "encode", "is_activity", "needs_token"]
