"""What a host tells the core. Recorded, they are all that an execution can be rebuilt from."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec


class TaskStarted(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """An activity's task was taken by a worker. Other tasks count as started when they are scheduled."""

    task: int
    worker: str | None = None


class TaskSubmitted(msgspec.Struct, frozen=True, tag=True):
    """The request of a ``sync`` or ``waitForTaskToken`` task was taken; ``output`` is what the service answered."""

    task: int
    output: Any


class TaskSucceeded(msgspec.Struct, frozen=True, tag=True):
    """``output`` is the result, as a JSON value."""

    task: int
    output: Any


class TaskFailed(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """``error`` and ``cause`` as a Catch sees them; None where there is none."""

    task: int
    error: str | None = None
    cause: str | None = None


class TaskAnswered(msgspec.Struct, frozen=True, tag=True):
    """Somebody used the task's token. An answer that is quicker than the service's own waits for that; then it is taken, also
    where the service refused the request, and the task cancelled. Of two answers the first is taken."""

    task: int
    outcome: TaskSucceeded | TaskFailed


class TaskTimedOut(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The task took longer than its timeout, or was silent for longer than its heartbeat."""

    task: int
    heartbeat: bool = False


class TimerFired(msgspec.Struct, frozen=True, tag=True):
    """The timer's time has come."""

    timer: int


class ChildFinished(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """A child execution ended. ``output`` is its JSON value, for SUCCEEDED only."""

    child: int
    status: str
    output: Any = None
    error: str | None = None
    cause: str | None = None


class Stop(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Somebody stops the execution."""

    error: str | None = None
    cause: str | None = None


class Redrive(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """A failed, stopped or timed-out execution goes on from where it failed. ``child``: the number under which its parent waits for
    it from now on; 0 for one that is no child execution."""

    child: int = 0


class GoOn(msgspec.Struct, frozen=True, tag=True):
    """There is time for what the last turn left to do (``State.paused``)."""


class ChangeMapRun(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Somebody gives the map run of this ARN other limits while it runs; None is as it was. ``limit`` 0 is no limit."""

    run: str
    limit: int | None = None
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None


Notification: TypeAlias = (
    TaskStarted
    | TaskSubmitted
    | TaskSucceeded
    | TaskFailed
    | TaskAnswered
    | TaskTimedOut
    | TimerFired
    | ChildFinished
    | Stop
    | Redrive
    | GoOn
    | ChangeMapRun
)
