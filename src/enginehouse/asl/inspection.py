"""One state run by itself, and what each stage of its data flow gave.

The state's own code runs, on a turn of its own. Each field of its data flow is replaced by one that does the same and
notes what it gave; an absent field by one that gives what it is given. So the order of the stages is known to the states
alone, and a state in an execution pays nothing for this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from enginehouse.asl.commands import Command
from enginehouse.asl.dataflow import Flow
from enginehouse.asl.faults import StateFault
from enginehouse.asl.machine import Machine, Turn
from enginehouse.asl.notifications import Notification, TaskSucceeded
from enginehouse.asl.program import Program
from enginehouse.asl.retry import matches
from enginehouse.asl.scope import Scope
from enginehouse.asl.state import ExecutionContext, Fork, Frame, State
from enginehouse.asl.states.base import CompiledState, ForkState
from enginehouse.asl.states.distributed import THRESHOLD, DistributedMapState
from enginehouse.asl.states.items import Items

Notes: TypeAlias = dict[str, Any]
"""What was given out, by the field that gave it: ``InputPath``, ``Parameters``, ``Arguments``, ``ItemsPath``, ``ItemSelector``
(a list), ``ItemBatcher`` (a list), ``MaxConcurrency``, ``Result`` (of the state's work), ``ResultSelector``, ``ResultPath``."""

Status: TypeAlias = Literal["WAITING", "SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"]


class Inspection:
    """One run of one state of ``program``: the one called ``name`` in the machine at ``pointer``.

    ``text`` is the input as its caller wrote it. ``context`` is the Context object; ``item`` what ``Map.Item`` in it tells,
    where the state is one of a Map's. ``retries`` is how often the retrier of an error has been used already. With ``reads``
    a Map with a reader asks for its items; otherwise it takes them from the input, as one without does.

    First ``start``; while ``status`` is WAITING, the state is told what it waits for: by ``notify`` what a host would, by
    ``succeed`` and ``fail`` what its work gave, also that of a Parallel or Map state, whose children never run.
    """

    def __init__(
        self,
        program: Program,
        pointer: str,
        name: str,
        input: Any,
        text: str,
        *,
        context: Mapping[str, Any],
        now: float,
        seed: str,
        variables: Mapping[str, Any] | None = None,
        item: dict[str, Any] | None = None,
        retries: int = 0,
        reads: bool = False,
    ) -> None:
        self.notes: Notes = {}
        self.state = _noted(program.machines[pointer].states[name], self.notes, reads)
        self.fault: StateFault | None = None
        self.fork: Fork | None = None
        """The iterations of a Map state, as they were when it had been started."""
        owner = ExecutionContext(execution_id=seed, execution_name=seed, start_time=now)
        frame = self._frame = Frame(
            id=1,
            parent=0,
            index=0,
            machine=pointer,
            state=name,
            input=input,
            input_text=text,
            entered=2,
            entered_at=now,
            variables=dict(variables or {}),
            retry_count=retries,
            retries=dict.fromkeys(range(len(self.state.retriers)), retries),
        )
        execution = State(seed=seed, context=owner, input=input, input_text=text, last_id=1, frames={1: frame})
        machines = {**program.machines, pointer: Machine(pointer, name, {name: self.state})}
        self._turn = _OneState(machines, execution, now, context, item)

    def start(self) -> Command | None:
        """Run the state as far as it goes by itself; what it asks of a host is given."""
        try:
            self._step(lambda: self.state.run(self._turn, self._frame))
        except _WorkDone:
            pass
        finally:
            self._keep_fork()
        return self._turn.commands[-1] if self.status == "WAITING" and self._turn.commands else None

    def notify(self, notification: Notification) -> None:
        """What the state waits for has happened."""
        if isinstance(notification, TaskSucceeded) and not isinstance(self.state, ForkState):
            self.notes["Result"] = notification.output
        self._turn.state.waits.pop(self._frame.wait, None)
        self._frame.wait = 0
        try:
            self._step(lambda: self.state.notified(self._turn, self._frame, notification))
        except _WorkDone:
            pass
        finally:
            self._keep_fork()

    def succeed(self, result: Any) -> None:
        """The state's work gave this."""
        turn, frame, fork = self._turn, self._frame, self._frame.fork
        turn.worked = True
        if fork is None or isinstance(self.state, DistributedMapState):
            self.notify(TaskSucceeded(frame.wait, result))
            return
        fork.texts = [turn.text(part, frame) for part in result]
        fork.done = fork.size
        state: ForkState = self.state  # type: ignore[assignment]
        self._step(lambda: state.redriven(turn, frame))

    def fail(self, error: str | None, cause: str | None) -> None:
        """The state's work failed."""

        def step() -> str | None:
            raise StateFault(error, cause, located=False)

        self._step(step)

    def exceed(self, failures: int) -> bool:
        """Fail a distributed Map state if it names a threshold that so many failed iterations exceed."""
        fork = self.fork
        if fork is None or (fork.tolerated_count is None and fork.tolerated_percentage is None):
            return False
        fork.failures = list(range(failures))
        if not DistributedMapState.exceeded(fork):
            return False
        self.fail(THRESHOLD, "The specified tolerated failure threshold was exceeded")
        return True

    @property
    def status(self) -> Status:
        """How it stands."""
        if self._turn.state.status == "FAILED":
            return "FAILED"
        if self._turn.left:
            return "SUCCEEDED" if self.fault is None else "CAUGHT_ERROR"
        return "RETRIABLE" if self._frame.retrying else "WAITING"

    @property
    def next(self) -> str | None:
        """The state that follows; None where the state ends its machine or has not been left."""
        return self._turn.following

    @property
    def output(self) -> tuple[Any, str]:
        """The output and its text."""
        return self._frame.input, self._frame.input_text

    @property
    def items(self) -> int:
        """How many items a Map state has that has been started."""
        batches = self.notes.get("ItemBatcher")
        if batches is not None:
            return sum(len(batch["Items"]) for batch in batches)
        return 0 if self.fork is None else self.fork.size

    @property
    def error(self) -> tuple[str | None, str | None]:
        """Error and cause of what went wrong; that a state of an execution failed is not said in the cause."""
        state, fault = self._turn.state, self.fault
        if fault is None or (state.status == "FAILED" and state.error != fault.error):
            return state.error, state.cause
        return fault.error, fault.cause

    @property
    def variables(self) -> Mapping[str, Any]:
        """The variables after the state."""
        return self._frame.variables

    @property
    def retrier(self) -> tuple[int, float | None] | None:
        """Which retrier has the error, and in how many seconds it tries again, jitter apart; None where it is used up."""
        for index, retrier in enumerate(self.state.retriers):
            if self.fault is not None and matches(retrier.errors, self.fault.error or ""):
                tried = self._frame.retries.get(index, 0) - 1
                return index, retrier.delay(tried) if self.status == "RETRIABLE" else None
        return None

    @property
    def catcher(self) -> int | None:
        """Which catcher caught the error."""
        if self.status != "CAUGHT_ERROR" or self.fault is None:
            return None
        error = self.fault.error or ""
        return next(index for index, catcher in enumerate(self.state.catchers) if matches(catcher.errors, error))

    def _step(self, step: Callable[[], str | None]) -> None:
        def noted() -> str | None:
            try:
                return step()
            except StateFault as fault:
                self.fault = fault
                raise

        self._turn.advance(self._frame, noted)

    def _keep_fork(self) -> None:
        fork = self._frame.fork
        if fork is not None and not self._turn.worked:
            self.fork = fork
            if isinstance(self.state, DistributedMapState) and self.state.batcher is not None and fork.items:
                self.notes["ItemBatcher"] = fork.items


class _WorkDone(Exception):  # noqa: N818 -- not an error: it leaves a state that needs nobody's work
    """A Map without items has come to its end, and what its work gives is still to be told."""


class _OneState(Turn):
    """A turn that ends where the state is left."""

    __slots__ = ("context", "following", "item", "left", "worked")

    def __init__(
        self,
        machines: Mapping[str, Machine],
        state: State,
        now: float,
        context: Mapping[str, Any],
        item: dict[str, Any] | None,
    ) -> None:
        super().__init__(machines, state, now)
        self.context = context
        self.item = item
        self.following: str | None = None
        self.left = False
        self.worked = False

    def scope(
        self,
        frame: Frame,
        input: Any,
        states: Mapping[str, Any] | None = None,
        item: dict[str, Any] | None = None,
    ) -> Scope:
        scope = super().scope(frame, input, states, item)
        told = item or self.item
        context = self.context if told is None else {**self.context, "Map": {"Item": told}}
        scope.context = lambda: context
        return scope

    def emit(self, previous: int, type: str, details: dict[str, Any]) -> int:
        if type in ("MapStateSucceeded", "ParallelStateSucceeded") and not self.worked:
            raise _WorkDone
        return super().emit(previous, type, details)

    def leave(
        self,
        frame: Frame,
        current: CompiledState,
        output: Any,
        text: str,
        following: str | None,
        assigned: dict[str, Any] | None = None,
    ) -> str | None:
        super().leave(frame, current, output, text, following, assigned)
        self.left, self.following = True, following
        return None


class _Stage:
    """A field of the data flow: does what ``inner`` does, or gives what it is given, and notes it. ``before`` is the name
    under which what it is given is noted too."""

    constant = False

    def __init__(self, notes: Notes, field: str, inner: Callable[[Scope], Any] | None, before: str = "") -> None:
        self.notes = notes
        self.field = field
        self.inner = inner
        self.before = before

    def evaluate(self, scope: Scope) -> Any:
        if self.before:
            self.notes[self.before] = scope.input
        value = scope.input if self.inner is None else self.inner(scope)
        self.notes[self.field] = value
        return value

    find = evaluate


class _NotedItems(Items, frozen=True, kw_only=True):
    """What a Map iterates over: all of it is made ready at once, and noted."""

    notes: Notes

    def read(self, turn: Turn, frame: Frame, *, objects: bool) -> Any:
        found = Items.read(self, turn, frame, objects=objects)
        if not self.flow.jsonata:
            self.notes["ItemsPath"] = found
        return found

    def in_flight(self, limit: int) -> int:
        self.notes.setdefault("MaxConcurrency", 0)
        return sys.maxsize

    def input_of(self, turn: Turn, frame: Frame, index: int, item: Any, more: Mapping[str, Any] = {}) -> Any:
        given = Items.input_of(self, turn, frame, index, item, more)
        if self.selector is not None:
            self.notes.setdefault("ItemSelector", []).append(given)
        return given


def _noted(state: CompiledState, notes: Notes, reads: bool) -> CompiledState:
    """The state, with its data flow noted."""
    changes: dict[str, Any] = {}
    items = getattr(state, "items", None)
    if isinstance(items, Items):
        fields = msgspec.structs.asdict(items)
        concurrency = items.concurrency
        if concurrency is not None:
            fields["concurrency"] = _Stage(notes, "MaxConcurrency", concurrency).evaluate
        changes["items"] = _NotedItems(**{**fields, "flow": _noted_flow(items.flow, notes, "")}, notes=notes)
        if not reads and hasattr(state, "reader"):
            changes["reader"] = None
    elif isinstance(flow := getattr(state, "flow", None), Flow):
        arguments = "Arguments" if flow.jsonata else "Parameters"
        works = state.type in ("Task", "Parallel") or (state.type == "Pass" and not flow.jsonata)
        changes["flow"] = _noted_flow(flow, notes, arguments if works else "")
    return msgspec.structs.replace(state, **changes)


def _noted_flow(flow: Flow, notes: Notes, arguments: str) -> Flow:
    """``arguments`` names the field that makes what the state's work is given; empty where it has none."""
    changes: dict[str, Any] = {"plain": False}
    if arguments:
        changes["arguments"] = _Stage(notes, arguments, None if flow.arguments is None else flow.arguments.evaluate)
    if not flow.jsonata:
        changes["input_path"] = _Stage(notes, "InputPath", _finder(flow.input_path))
        selector = None if flow.selector is None else flow.selector.evaluate
        changes["selector"] = _Stage(notes, "ResultSelector", selector, before="Result")
        changes["output_path"] = _Stage(notes, "OutputPath", _finder(flow.output_path), before="ResultPath")
    return msgspec.structs.replace(flow, **changes)


def _finder(path: Any) -> Callable[[Scope], Any] | None:
    """What InputPath or OutputPath does; a path that is null leads to an empty object."""
    if path is None:
        return None
    return (lambda scope: {}) if isinstance(path, str) else path.find
