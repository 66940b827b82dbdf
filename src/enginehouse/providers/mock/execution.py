"""What the mock remembers of an execution, and of the tasks that it waits for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from enginehouse import asl
from enginehouse.models import ExecutionInput, ExecutionState
from enginehouse.providers.mock.clock import Timer

_STATES = {
    "RUNNING": ExecutionState.RUNNING,
    "SUCCEEDED": ExecutionState.SUCCEEDED,
    "FAILED": ExecutionState.FAILED,
    "TIMED_OUT": ExecutionState.TIMED_OUT,
    "ABORTED": ExecutionState.CANCELLED,
}


@dataclass(slots=True, eq=False)
class Pending:
    """A task whose outcome is awaited, with all that may bring it. ``answered``: by AWS, to a job that it took. ``used``: somebody
    has answered by its token already."""

    command: asl.ScheduleTask
    timers: list[Timer] = field(default_factory=list)
    heartbeat: Timer | None = None
    job: asyncio.Task[None] | None = None
    child: Execution | None = None
    submitted: bool = False
    taken: bool = False
    used: bool = False
    answered: Any = None

    def drop(self) -> None:
        """Nothing more comes of it."""
        for timer in self.timers:
            timer.cancel()
        if self.heartbeat is not None:
            self.heartbeat.cancel()
        if self.job is not None and self.job is not asyncio.current_task():
            self.job.cancel()


@dataclass(slots=True, eq=False)
class Execution:
    """One execution. ``state`` is None until its first turn; ``events`` only grows; ``broken`` is a defect of the core.

    ``role`` is what it sees as its role, where it has one of its own. ``inner`` ones run an item, or batch, of a distributed Map, at ``index``; ``map_run`` names its run, which has
    ``map_run_size`` of them, and ``map_path`` is the Map's JSON pointer. A redrive begins a new one in the place of one that
    failed, which then is ``replaced``; ``attempts`` counts those before. ``tried`` has the newest by run and index. The first of a run has its ``map_run_limits``; all
    have how many ``items`` they were given.
    """

    id: str
    name: str
    workflow_id: str
    program: asl.Program
    definition: asl.Program
    input: Any
    input_text: str
    request: ExecutionInput
    started: float
    role: str = ""
    express: bool = False
    inner: bool = False
    index: int | None = None
    map_run: str = ""
    map_run_size: int = 0
    map_path: str = ""
    map_run_limits: asl.MapRunLimits | None = None
    items: int = 1
    attempts: int = 0
    replaced: bool = False
    state: asl.State | None = None
    events: list[asl.Event] = field(default_factory=list)
    stopped: float | None = None
    stop_reason: str | None = None
    broken: str = ""
    tasks: dict[int, Pending] = field(default_factory=dict)
    timers: dict[int, Timer] = field(default_factory=dict)
    children: dict[int, Execution] = field(default_factory=dict)
    tried: dict[tuple[str, int], Execution] = field(default_factory=dict)
    numbers: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    on_end: Callable[[Execution], None] | None = None

    @property
    def status(self) -> ExecutionState:
        if self.broken:
            return ExecutionState.FAILED
        return ExecutionState.RUNNING if self.state is None else _STATES[self.state.status]

    @property
    def finished(self) -> bool:
        return self.status.is_terminal

    @property
    def redrivable(self) -> bool:
        """Whether it can go on from where it failed."""
        ended = self.finished and self.status is not ExecutionState.SUCCEEDED
        return ended and self.state is not None and not self.broken

    def reopen(self) -> None:
        """It is about to go on."""
        self.stopped = self.stop_reason = None
        self.ended = asyncio.Event()

    @property
    def output_text(self) -> str | None:
        return None if self.state is None else self.state.output_text

    def tell(self) -> None:
        """Wake all who watch."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def waits_for(self) -> str:
        """What an execution that does not go on waits for, in words."""
        silent = [f"the answer to {task.command.state!r} (token {task.command.token})" for task in self.tasks.values()]
        inner = [
            f"{child.id}, which waits for {child.waits_for()}" for child in self.children.values() if not child.finished
        ]
        timed = [f"{len(self.timers)} timers"] if self.timers else []
        return ", ".join([*silent, *inner, *timed]) or "nothing that is known"
