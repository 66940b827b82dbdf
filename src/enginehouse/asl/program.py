"""The core as its hosts see it: compile a definition once, then start and resume executions of it.

    program = compile(definition)
    turn = program.start(input, context, now, seed)
    turn = program.resume(turn.state, notification, now)

The same definition, input, context, seed and notifications always give the same commands and events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from enginehouse.asl import state as snapshots
from enginehouse.asl.commands import Command, StartTimer
from enginehouse.asl.compiler import compile_machine
from enginehouse.asl.document import Document, read_document
from enginehouse.asl.events import Event
from enginehouse.asl.faults import StateFault
from enginehouse.asl.machine import EVENT_LIMIT, EXPRESS_EVENT_LIMIT, NOT_TRUNCATED, Machine, too_large
from enginehouse.asl.machine import Turn as _Turn
from enginehouse.asl.notifications import (
    ChangeMapRun,
    ChildFinished,
    GoOn,
    Notification,
    Redrive,
    Stop,
    TaskAnswered,
    TaskStarted,
    TaskSubmitted,
    TimerFired,
)
from enginehouse.asl.state import ExecutionContext, Frame, State
from enginehouse.asl.validation import validate as _validate
from enginehouse.errors import Diagnostic, InvalidSpecError

CACHED = 256
"""Programs kept by the content of their definition."""


class Turn(msgspec.Struct, frozen=True):
    """What one call of ``start`` or ``resume`` gave: the state as it is now, what the host must do, what the history gains."""

    state: State
    commands: list[Command]
    events: list[Event]


class Program(msgspec.Struct, frozen=True):
    """A compiled definition. ``digest`` is the SHA-256 of its content, whatever the order of its keys."""

    definition: dict[str, Any]
    text: str
    digest: str
    machines: dict[str, Machine]
    root: str = ""
    timeout: float | None = None
    event_limit: int = EVENT_LIMIT

    def start(
        self,
        input: Any,
        context: ExecutionContext,
        now: float,
        seed: str,
        *,
        text: str | None = None,
        bounded: bool = False,
    ) -> Turn:
        """Begin an execution. ``text`` is the input as its caller wrote it, where that is known: the history shows it so.
        An input above the payload limit fails the execution at once.

        ``bounded`` is for a host whose engine lets a turn take little time and a snapshot little room: a turn ends after
        about a second, with what it has not come to in ``State.paused``; a Map has no more iterations under way than
        ``HELD`` characters of input."""
        machine = self.machines[self.root]
        state = State(seed=seed, context=context, input=input, input_text="", bounded=bounded)
        state.event_limit = self.event_limit
        turn = _Turn(self.machines, state, now)
        frame = Frame(
            id=turn.new_id(), parent=0, index=0, machine=self.root, state=machine.start_at, input=input, input_text=""
        )
        fault = None
        try:
            if text is None:
                text = turn.text(input, frame)
            else:
                turn.check_size(text, frame)
        except StateFault:
            text, fault = "", too_large(machine.start_at)
        state.input_text = frame.input_text = text
        state.frames[frame.id] = frame
        details = {"input": text, "inputDetails": NOT_TRUNCATED, "roleArn": context.role_arn}
        turn.emit(0, "ExecutionStarted", details)
        if fault is not None:
            turn.fail(frame, fault)
            state.frames.clear()  # there is nothing that a redrive could do better
        else:
            self._set_deadline(turn)
            turn.push(frame)
        return self._done(turn)

    def resume(self, state: State, notification: Notification, now: float) -> Turn:
        """Advance the execution by what happened. What no longer matters gives no command and no event."""
        turn = _Turn(self.machines, state, now)
        if isinstance(notification, Redrive):
            self._redrive(turn)
        elif state.status != "RUNNING":
            pass
        elif isinstance(notification, Stop):
            turn.finish("ABORTED", 0, "ExecutionAborted", notification.error, notification.cause)
        elif isinstance(notification, GoOn):
            turn.steps, paused, state.paused = 0, state.paused, []
            turn.ready.extend((state.frames[frame], None) for frame in paused if frame in state.frames)
        elif isinstance(notification, TimerFired) and notification.timer == state.deadline:
            state.deadline = 0
            turn.finish("TIMED_OUT", 0, "ExecutionTimedOut", "States.Timeout", None)
        elif isinstance(notification, ChangeMapRun):
            self._change(turn, notification)
        else:
            self._notify(turn, notification)
        return self._done(turn)

    @staticmethod
    def _change(turn: _Turn, change: ChangeMapRun) -> None:
        for frame in list(turn.state.frames.values()):
            if frame.fork is not None and frame.fork.run == change.run and not frame.halted:
                turn.ready.append((frame, turn.changing(frame, change)))

    def _notify(self, turn: _Turn, notification: Any) -> None:
        state = turn.state
        number = (
            notification.timer
            if isinstance(notification, TimerFired)
            else notification.child
            if isinstance(notification, ChildFinished)
            else notification.task
        )
        owner = state.waits.get(number)
        if owner is None:
            return
        frame = state.frames[owner]
        timer = frame.retrying or turn.current(frame).type == "Wait"
        child = frame.fork is not None and number in frame.fork.children
        if child != isinstance(notification, ChildFinished) or (
            not child and timer != isinstance(notification, TimerFired)
        ):
            return
        current = turn.current(frame)
        if isinstance(notification, TaskAnswered | TaskStarted | TaskSubmitted) and not current.goes_through(
            notification
        ):
            return
        del state.waits[number]
        if frame.wait == number:
            frame.wait = 0
        turn.ready.append((frame, lambda: current.notified(turn, frame, notification)))

    def _set_deadline(self, turn: _Turn) -> None:
        if self.timeout is not None:
            turn.state.deadline = turn.new_id()
            turn.commands.append(StartTimer(turn.state.deadline, turn.now + self.timeout))

    def _redrive(self, turn: _Turn) -> None:
        """Wake every thread of control where it stood; what had finished is kept."""
        state = turn.state
        if state.status not in ("FAILED", "TIMED_OUT", "ABORTED") or not state.frames:
            return
        count = state.context.redrive_count + 1
        state.context = msgspec.structs.replace(state.context, redrive_count=count, redrive_time=turn.now)
        last = turn.emit(state.last_event, "ExecutionRedriven", {"redriveCount": count})
        state.status, state.error, state.cause, state.failed_at = "RUNNING", None, None, None
        self._set_deadline(turn)
        for frame in list(state.frames.values()):
            frame.halted, frame.retrying, frame.retries, frame.retry_count = False, False, {}, 0
            frame.last = last
            if frame.fork is not None:
                frame.fork.running = 0
        for frame in state.frames.values():
            if frame.parent:
                fork = state.frames[frame.parent].fork
                if fork is not None:
                    fork.running += 1
        for frame in list(state.frames.values()):
            # what was paused stands before its state, and enters it
            turn.ready.append((frame, None if frame.id in state.paused else turn.redriving(frame)))
        state.paused = []

    @staticmethod
    def _done(turn: _Turn) -> Turn:
        turn.drain()
        return Turn(turn.state, turn.commands, turn.events)

    def processor(self, pointer: str) -> Program:
        """The program of a distributed Map's processor, which its child executions run."""
        if pointer not in self.machines:
            raise KeyError(f"the definition has no processor at {pointer!r}")
        definition: Any = self.definition
        for step in pointer.removeprefix(self.root).split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            definition = definition[int(step)] if isinstance(definition, list) else definition[step]
        return msgspec.structs.replace(
            self,
            definition=definition,
            root=pointer,
            timeout=definition.get("TimeoutSeconds") or None,
            event_limit=_event_limit(definition.get("ProcessorConfig", {}).get("ExecutionType", "STANDARD")),
        )

    def dump(self, state: State) -> bytes:
        """The state as bytes, for ``load``."""
        return snapshots.dump(state)

    def load(self, data: bytes) -> State:
        """The state that ``dump`` gave ``data`` for. Raises ``ValueError`` for another format."""
        return snapshots.load(data)


_programs: dict[tuple[str, str, float | None, str], Program] = {}


def compile(
    definition: str | bytes | Mapping[str, Any],
    *,
    type: str = "STANDARD",
    timeout: float | None = None,
    retry: Mapping[str, Any] | None = None,
) -> Program:
    """The program of a definition, which is JSON or YAML text or a mapping.

    ``type``: whose rules apply, STANDARD's or EXPRESS's. ``timeout``: seconds that an execution may take, where the
    definition says nothing. ``retry``: an entry of Retry, for every Task that has no Retry.
    Raises ``InvalidSpecError`` with all faults at once, and nothing else.
    """
    document = read_document(definition)
    text = msgspec.json.encode(document.value).decode()
    digest = hashlib.sha256(msgspec.json.encode(document.value, order="sorted")).hexdigest()
    key = (text, type, timeout, msgspec.json.encode(retry, order="sorted").decode())
    program = _programs.get(key)
    if program is None:
        program = _compile(document, text, digest, type, timeout, retry)
        while len(_programs) >= CACHED:
            _programs.pop(next(iter(_programs)), None)
        _programs[key] = program
    return program


def _compile(
    document: Document, text: str, digest: str, type: str, timeout: float | None, retry: Mapping[str, Any] | None
) -> Program:
    faults = [fault for fault in document.located(_validate(document.value, type=type)) if fault.severity == "error"]
    if faults:
        raise InvalidSpecError("the definition is invalid", diagnostics=faults)
    value = document.value if retry is None else with_retry(document.value, retry)
    machines: dict[str, Machine] = {}
    try:
        compile_machine(value, "", "JSONPath", machines)
    except (ValueError, KeyError, TypeError, RecursionError, StateFault) as error:
        fault = Diagnostic("error", "COMPILATION_FAILED", f"the definition cannot be compiled: {error}")
        raise InvalidSpecError("the definition is invalid", diagnostics=[fault]) from error
    return Program(
        document.value,
        text,
        digest,
        machines,
        timeout=value.get("TimeoutSeconds") or timeout,
        event_limit=_event_limit(type),
    )


def _event_limit(type: str) -> int:
    return EXPRESS_EVENT_LIMIT if type == "EXPRESS" else EVENT_LIMIT


def validate(definition: str | bytes | Mapping[str, Any], *, type: str = "STANDARD") -> list[Diagnostic]:
    """All faults and warnings of a definition, with line and column where it is text; empty where there is none."""
    try:
        document = read_document(definition)
    except InvalidSpecError as error:
        return list(error.diagnostics)
    return document.located(_validate(document.value, type=type))


def with_retry(definition: dict[str, Any], retry: Mapping[str, Any]) -> dict[str, Any]:
    """The definition in which every Task without a Retry of its own has this one."""
    states = {}
    for name, state in definition["States"].items():
        if state["Type"] == "Task" and "Retry" not in state:
            state = {**state, "Retry": [dict(retry)]}
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                state = {**state, field: with_retry(state[field], retry)}
        if "Branches" in state:
            state = {**state, "Branches": [with_retry(branch, retry) for branch in state["Branches"]]}
        states[name] = state
    return {**definition, "States": states}
