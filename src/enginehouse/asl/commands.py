"""What the core asks of a host. A host carries commands out after it has recorded the turn that gave them."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec


class ScheduleTask(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Run a task, and answer with its outcome.

    ``task`` is unique within the execution and the same under replay; ``token`` is what the outside world holds.
    ``pattern`` is empty (request and response), ``sync``, ``sync:2`` or ``waitForTaskToken``: in the latter three the host
    answers ``TaskSubmitted`` when the request was taken, and the outcome later. ``timeout`` and ``heartbeat`` are seconds, kept
    by the host, which answers ``TaskTimedOut``. ``deadline`` is when the timeout ends, in seconds since the epoch.
    """

    task: int
    token: str
    resource: str
    arguments: Any
    state: str
    attempt: int = 0
    pattern: str = ""
    timeout: float | None = None
    heartbeat: float | None = None
    deadline: float | None = None
    credentials: Any = None
    index: int | None = None


class CancelTask(msgspec.Struct, frozen=True, tag=True):
    """The outcome of this task no longer matters: tell it, and drop what it answers."""

    task: int


class StartTimer(msgspec.Struct, frozen=True, tag=True):
    """Answer ``TimerFired`` at ``at``, in seconds since the epoch; at once if that has passed."""

    timer: int
    at: float


class CancelTimer(msgspec.Struct, frozen=True, tag=True):
    """The timer is no longer wanted."""

    timer: int


class MapRunLimits(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a distributed Map's MaxConcurrency, ToleratedFailureCount and ToleratedFailurePercentage came to; 0 where it has none."""

    concurrency: int = 0
    tolerated_count: int = 0
    tolerated_percentage: float = 0.0


class StartChild(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Run one item, or batch, of a distributed Map as an execution of its own; answer ``ChildFinished``.

    ``processor`` is the JSON pointer of the Map's processor: the child runs ``program.processor(processor)``.
    ``run`` names the map run that it belongs to, ``index`` its place in it, ``total`` how many that run has. The first
    comes with the run's ``limits``. ``items`` is how many items a batch holds. ``before``: a redrive; the execution that was
    first started for this place, under that number, failed or was stopped, and is to go on. Where it cannot, a new one begins.
    """

    child: int
    processor: str
    run: str
    index: int
    input: Any
    execution_type: str = "STANDARD"
    total: int = 0
    items: int = 1
    limits: MapRunLimits | None = None
    before: int = 0


class StopChild(msgspec.Struct, frozen=True, tag=True):
    """The map run is over: stop this child execution."""

    child: int


class ReadItems(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Read what a Map iterates over; answer ``TaskSucceeded`` with the list of items, or ``TaskFailed`` (``States.ItemReaderFailed``)."""

    task: int
    resource: str
    arguments: Any
    config: Any = None
    pointer: str = ""


class WriteResults(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Write what a map run gave; answer ``TaskSucceeded`` with what becomes the state's result, or ``TaskFailed`` (``States.ResultWriterFailed``)."""

    task: int
    resource: str
    arguments: Any
    config: Any
    run: str
    results: Any


class Finish(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The execution is over. ``status`` is SUCCEEDED, FAILED, TIMED_OUT or ABORTED; ``output`` is JSON text, for SUCCEEDED only."""

    status: str
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    state: str | None = None


Command: TypeAlias = (
    ScheduleTask | CancelTask | StartTimer | CancelTimer | StartChild | StopChild | ReadItems | WriteResults | Finish
)
