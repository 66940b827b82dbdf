"""The turn: what happened goes in, commands and history events come out, the state is advanced.

Chain rule of the history (``previous_id``), as AWS keeps it: each thread of control has its own chain, and the first state
entered follows event 0. Leaves, which nothing on the chain follows: an iteration's Succeeded and Failed events (but for
the last Succeeded), and MapRunSucceeded, MapStateSucceeded and ParallelStateSucceeded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from enginehouse.asl.commands import CancelTask, CancelTimer, Command, Finish, StopChild
from enginehouse.asl.context import FrameContext
from enginehouse.asl.events import Event
from enginehouse.asl.faults import StateFault, runtime_fault
from enginehouse.asl.notifications import ChangeMapRun
from enginehouse.asl.retry import handle_fault
from enginehouse.asl.scope import Chance, Scope
from enginehouse.asl.state import Fork, Frame, State
from enginehouse.asl.states.base import CompiledState, ForkState

PAYLOAD_LIMIT = 262_144
"""Bytes of UTF-8 that a state's input or output, a task's result or a variable may have (256 KiB)."""

EVENT_LIMIT = 25_000
"""Events of one execution's history; one that reaches it fails, as on AWS."""

EXPRESS_EVENT_LIMIT = 250_000
"""AWS sets none for EXPRESS, and ends by the clock what goes round for ever; a turn has no clock."""

TURN_STEPS = 1_000_000
"""What bounded turns at one time may cost together, in steps of roughly a microsecond; the state that it is in is finished."""

_STATE_STEPS, _CHARACTERS_PER_STEP = 5, 256

HELD = 8_000_000
"""Characters of input that the threads of a bounded execution have among them before a Map starts another iteration."""

NOT_TRUNCATED = {"truncated": False}

_encode = msgspec.json.Encoder().encode


class Machine(msgspec.Struct, frozen=True):
    """A compiled state machine: the workflow itself, a branch, or a Map's processor."""

    pointer: str
    start_at: str
    states: dict[str, CompiledState]


class Turn:
    """One turn under way."""

    __slots__ = ("chance", "commands", "events", "machines", "now", "ready", "state", "steps")

    def __init__(self, machines: Mapping[str, Machine], state: State, now: float) -> None:
        self.machines = machines
        self.state = state
        self.now = now
        self.steps = state.spent if state.spent_at == now else 0
        self.chance = Chance(state.seed, state.draws)
        self.events: list[Event] = []
        self.commands: list[Command] = []
        self.ready: deque[tuple[Frame, Callable[[], str | None] | None]] = deque()

    # -- history

    def emit(self, previous: int, type: str, details: dict[str, Any]) -> int:
        """Add an event; give its id."""
        state = self.state
        state.last_event = number = state.last_event + 1
        self.events.append(Event(number, previous, self.now, type, details))
        return number

    def follow(self, frame: Frame, type: str, details: dict[str, Any]) -> None:
        """Add an event to the frame's chain."""
        frame.last = self.emit(frame.last, type, details)

    # -- ids, texts, scopes

    def new_id(self) -> int:
        """A number for a task, a timer, a child or a frame, unique in the execution."""
        self.state.last_id += 1
        return self.state.last_id

    def await_(self, frame: Frame) -> int:
        """A number that the frame waits for an answer to."""
        number = self.new_id()
        frame.wait = number
        self.state.waits[number] = frame.id
        return number

    def text(self, value: Any, frame: Frame) -> str:
        """The value as JSON text. Raises the data limit's fault where it is too large to pass on."""
        if value.__class__ in (dict, list) and _surely_too_large(value):
            raise too_large(frame.state)
        try:
            data = _encode(value)
        except (UnicodeEncodeError, ValueError, TypeError, RecursionError) as error:
            raise runtime_fault(f"The value cannot be written as JSON: {error}") from error
        self.steps += len(data) // _CHARACTERS_PER_STEP
        if len(data) > PAYLOAD_LIMIT:
            raise too_large(frame.state)
        return data.decode()

    def check_size(self, text: str, frame: Frame) -> None:
        """Raise the data limit's fault where the text is too large to pass on."""
        if len(text) > PAYLOAD_LIMIT // 4 and len(text.encode()) > PAYLOAD_LIMIT:
            raise too_large(frame.state)

    def scope(
        self,
        frame: Frame,
        input: Any,
        states: Mapping[str, Any] | None = None,
        item: dict[str, Any] | None = None,
    ) -> Scope:
        """What an expression of the frame's state can see; ``item`` is the Map item that it is evaluated for."""
        context = FrameContext(self.state, frame, self.current(frame).type in ("Task", "Parallel", "Map"), item)
        return Scope(input, context, frame.variables, self.chance, self.now, states)

    # -- bounds

    @property
    def spent(self) -> bool:
        """Whether a bounded turn has done enough."""
        return self.state.bounded and self.steps + self.chance.steps > TURN_STEPS

    def room(self) -> float:
        """How many characters of input another iteration may add."""
        state = self.state
        if not state.bounded:
            return float("inf")
        if self.spent:
            return 0
        held = 0
        for frame in state.frames.values():
            held += len(frame.input_text)
            if frame.fork is not None:
                held += sum(frame.fork.held.values())
        return HELD - held

    # -- the loop

    def current(self, frame: Frame) -> CompiledState:
        """The state that the frame stands in."""
        return self.machines[frame.machine].states[frame.state]

    def redriving(self, frame: Frame) -> Callable[[], str | None]:
        """How a redrive wakes the frame: its state runs again; one with children goes on with those it still owes."""
        current = self.current(frame)
        if frame.fork is None:
            return lambda: current.run(self, frame)
        fork: ForkState = current  # type: ignore[assignment]
        return lambda: fork.redriven(self, frame)

    def changing(self, frame: Frame, change: ChangeMapRun) -> Callable[[], str | None]:
        """How the frame, which stands in a distributed Map, takes other limits."""
        fork: ForkState = self.current(frame)  # type: ignore[assignment]
        return lambda: fork.changed(self, frame, change)

    def push(self, frame: Frame) -> None:
        """Let the frame enter its state, in its turn."""
        self.ready.append((frame, None))

    def drain(self) -> None:
        """Advance every frame until all wait or have ended."""
        while self.ready and self.state.status == "RUNNING":
            frame, resume = self.ready.popleft()
            if not frame.halted and frame.id in self.state.frames:
                self.advance(frame, resume)
                limit = self.state.event_limit
                if self.state.last_event >= limit - 2 and self.state.status == "RUNNING":
                    cause = f"The execution reached the maximum number of history events ({limit})."
                    self.finish("FAILED", frame.last, "ExecutionFailed", "States.Runtime", cause, frame.state)
        self.state.draws = self.chance.draws
        if self.state.bounded:
            self.state.spent, self.state.spent_at = self.steps + self.chance.steps, self.now

    def advance(self, frame: Frame, resume: Callable[[], str | None] | None = None) -> None:
        """Run the frame from where it stands: from state to state, until it waits or ends."""
        states = self.machines[frame.machine].states
        state = self.state
        events = self.events
        now = self.now
        bounded = state.bounded
        limit = state.event_limit - 2  # room for a state that is left and the end; ``drain`` ends it
        while True:
            current = states[frame.state]
            try:
                if resume is not None:
                    step, resume = resume, None
                    following = step()
                else:
                    if bounded:
                        if self.spent:
                            state.paused.append(frame.id)
                            return
                        self.steps += _STATE_STEPS
                    state.last_event = number = state.last_event + 1
                    details = {"name": current.name, "input": frame.input_text, "inputDetails": NOT_TRUNCATED}
                    events.append(Event(number, frame.last, now, current.entered, details))
                    frame.last = frame.entered = number
                    frame.entered_at = now
                    following = current.run(self, frame)
            except StateFault as fault:
                following = handle_fault(self, frame, current, fault)
            if following is None:
                return
            if state.last_event >= limit:
                return
            frame.state = following

    def leave(
        self,
        frame: Frame,
        current: CompiledState,
        output: Any,
        text: str,
        following: str | None,
        assigned: dict[str, Any] | None = None,
    ) -> str | None:
        """The state is done: record it, keep the variables, go on to ``following`` or end the frame."""
        details: dict[str, Any] = {"name": current.name, "output": text, "outputDetails": NOT_TRUNCATED}
        if assigned:
            details["assignedVariables"] = {name: self.text(value, frame) for name, value in assigned.items()}
            details["assignedVariablesDetails"] = NOT_TRUNCATED
            frame.variables = {**frame.variables, **assigned}
        state = self.state
        state.last_event = number = state.last_event + 1
        self.events.append(Event(number, frame.last, self.now, current.exited, details))
        frame.last = number
        frame.input = output
        frame.input_text = text
        if frame.retry_count:
            frame.retry_count = 0
        if frame.retries:
            frame.retries = {}
        frame.token = ""
        if frame.fork is not None:
            self.drop_children(frame)
        if following is None:
            self.end(frame, output, text)
        return following

    # -- ends

    def end(self, frame: Frame, output: Any, text: str) -> None:
        """The frame's machine succeeded."""
        if frame.parent:
            self.tell_parent(frame, lambda fork, parent: fork.child_succeeded(self, parent, frame, text))
            return
        state = self.state
        state.frames.pop(frame.id, None)
        self.emit(frame.last, "ExecutionSucceeded", {"output": text, "outputDetails": NOT_TRUNCATED})
        self.close_deadline()
        state.status = "SUCCEEDED"
        state.output_text = text
        self.commands.append(Finish("SUCCEEDED", output=text))

    def fail(self, frame: Frame, fault: StateFault) -> None:
        """The frame's machine failed: its parent's state fails, or the execution does. Frames are kept for a redrive."""
        self.halt(frame)
        if frame.parent:
            self.tell_parent(frame, lambda fork, parent: fork.child_failed(self, parent, frame, fault))
            return
        self.finish("FAILED", frame.last, "ExecutionFailed", fault.error, fault.cause, frame.state)

    def tell_parent(self, frame: Frame, step: Callable[[ForkState, Frame], str | None]) -> None:
        parent = self.state.frames[frame.parent]
        fork: ForkState = self.current(parent)  # type: ignore[assignment]

        def tell() -> str | None:
            # A sibling that failed in the same turn was told of first: the parent has left, or waits to try again.
            stale = frame.id not in self.state.frames or parent.retrying
            return None if stale else step(fork, parent)

        self.ready.append((parent, tell))

    def finish(
        self, status: str, previous: int, type: str, error: str | None, cause: str | None, failed_at: str | None = None
    ) -> None:
        """The execution ends without output: nothing goes on."""
        details = {key: value for key, value in (("error", error), ("cause", cause)) if value is not None}
        state = self.state
        for frame in state.frames.values():
            self.halt(frame)
        self.close_deadline()
        self.emit(previous, type, details)
        state.status, state.error, state.cause, state.failed_at = status, error, cause, failed_at
        self.commands.append(Finish(status, error=error, cause=cause, state=failed_at))

    def halt(self, frame: Frame) -> None:
        """Whatever the frame waits for no longer matters."""
        frame.halted = True
        fork = frame.fork
        if fork is not None:
            self.stop_children(fork)
        if frame.wait:
            self.state.waits.pop(frame.wait, None)
            timer = frame.retrying or self.machines[frame.machine].states[frame.state].type == "Wait"
            self.commands.append(CancelTimer(frame.wait) if timer else CancelTask(frame.wait))
            frame.wait = 0

    def stop_children(self, fork: Fork) -> None:
        """End the child executions of a distributed Map."""
        for child in fork.give_up():
            self.state.waits.pop(child, None)
            self.commands.append(StopChild(child))

    def drop_children(self, frame: Frame) -> None:
        """Forget the children of a Parallel or Map state that begins again or is left."""
        if frame.fork is None:
            return
        frames = self.state.frames
        doomed = {frame.id}
        for child in list(frames.values()):
            if child.parent in doomed:
                doomed.add(child.id)
                if not child.halted:
                    self.halt(child)
                del frames[child.id]
        frame.fork = None

    def close_deadline(self) -> None:
        """The execution's own timeout is no longer wanted."""
        if self.state.deadline:
            self.commands.append(CancelTimer(self.state.deadline))
            self.state.deadline = 0


def _surely_too_large(value: Any) -> bool:
    """Whether the value has more text than the limit: an expression may name one large value a thousand times, which costs
    nothing until it is written out."""
    room = PAYLOAD_LIMIT
    level = [value]
    while level:
        inner: list[Any] = []
        for part in level:
            kind = part.__class__
            if kind is str:
                room -= len(part)
            elif kind is list:
                room -= len(part)
                inner += part
            elif kind is dict:
                room -= 4 * len(part)
                inner += part.values()
            if room < 0:
                return True
        level = inner
    return False


def too_large(name: str) -> StateFault:
    """The language's payload limit was broken (``States.DataLimitExceeded``)."""
    return StateFault(
        "States.DataLimitExceeded",
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit.",
        located=False,
    )
