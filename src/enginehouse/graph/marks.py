"""What an execution did to each state, from its history: what the pictures are coloured by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from enginehouse.graph.model import Graph, Node

Outcome: TypeAlias = Literal["succeeded", "failed", "caught", "running", "stopped"]
# of several visits to one state the one that a reader should see first
_WEIGHT: dict[Outcome, int] = {"running": 4, "failed": 3, "stopped": 2, "caught": 1, "succeeded": 0}


class HistoryEvent(Protocol):
    """The part of a history event that is read here, as ``enginehouse.ExecutionEvent`` has it."""

    @property
    def id(self) -> int: ...
    @property
    def previous_id(self) -> int: ...
    @property
    def timestamp(self) -> datetime: ...
    @property
    def type(self) -> str: ...
    @property
    def details(self) -> Mapping[str, object]: ...


class MapRunCounts(Protocol):
    """The part of a map run that is read here, as ``enginehouse.MapRun`` has it."""

    @property
    def path(self) -> str: ...
    @property
    def total(self) -> int: ...
    @property
    def succeeded(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened to one state, all its visits together.

    ``visits`` is how often it was entered and ``done`` how often it was left; ``attempts`` how often its work was begun;
    ``items`` is (finished, known) for a Map; ``seconds`` is the time in which at least one visit was open, up to the last
    event; ``error`` is the last error seen. ``inside_map`` says that the visits are iterations and not a loop.
    """

    outcome: Outcome
    visits: int
    done: int
    attempts: int
    seconds: float
    items: tuple[int, int] | None = None
    error: str = ""
    inside_map: bool = False


@dataclass(slots=True, eq=False)
class _Visit:
    node: Node
    parent: _Visit | None
    entered: datetime
    left: datetime | None = None
    outcome: Outcome | None = None
    attempts: int = 0
    failing: bool = False
    error: str = ""
    children: list[_Visit] = field(default_factory=list)


@dataclass(slots=True)
class _Items:
    known: int = 0
    started: int = 0
    finished: int = 0


def marks(graph: Graph, history: Iterable[HistoryEvent]) -> dict[str, Mark]:
    """The mark of every state that was reached, by name. States that were not reached are not in it."""
    tracker = Tracker(graph)
    for event in history:
        tracker.read(event)
    return tracker.marks()


class Tracker:
    """Follows a history, event by event: which visit each belongs to is told by the id of the event before it."""

    def __init__(self, graph: Graph) -> None:
        self.nodes: dict[str, Node] = {}
        self.parents: dict[str, str] = {}
        self.names: dict[str, str] = {}
        for node, parent in graph.walk():
            self.nodes.setdefault(node.name, node)
            self.names[node.path] = node.name
            if parent is not None:
                self.parents.setdefault(node.name, parent.name)
        self.visits: dict[str, list[_Visit]] = {}
        self.open: dict[str, list[_Visit]] = {}
        self.by_event: dict[int, _Visit] = {}
        self.items: dict[str, _Items] = {}
        self.map_runs = 0
        self.ended = ""
        self.end_of: _Visit | None = None
        self.last: datetime | None = None

    def read(self, event: HistoryEvent) -> None:
        """Take the next event."""
        self.last = event.timestamp
        visit = self._visit(event)
        if visit is not None:
            self.by_event[event.id] = visit
        kind = event.type
        self.map_runs += kind == "MapRunStarted"
        if kind.startswith("Execution"):
            self._execution(event)
        elif visit is None:
            return
        elif kind.endswith("StateExited"):
            self._leave(visit, event.timestamp)
        elif kind.startswith("MapIteration"):
            self._iteration(visit, event)
        elif kind.endswith("Aborted") and visit.left is None:
            self._close(visit, event.timestamp, "stopped")
        elif kind.endswith(("Failed", "TimedOut")):
            before = self.by_event.get(event.previous_id)
            for culprit in (visit, before):  # a fork fails by what stands before it: the state inside that failed
                if culprit is not None and culprit.left is None:
                    culprit.failing = True
            inner = before.error if before is not None and kind.endswith("StateFailed") else ""
            visit.error = str(event.details.get("error") or inner or visit.error)
            self._abandon(visit, event.timestamp)
        elif kind.endswith("Scheduled") or kind in ("MapStateStarted", "ParallelStateStarted"):
            visit.attempts += 1
            visit.failing = False
            if kind == "MapStateStarted":
                length = event.details.get("length")
                self.items.setdefault(visit.node.name, _Items()).known += length if isinstance(length, int) else 0

    def count(self, runs: Iterable[MapRunCounts]) -> None:
        """Take how far the distributed Maps are, which events do not tell: all runs of the execution, at once."""
        counts: dict[str, _Items] = {}
        for run in runs:
            if run.path in self.names:
                items = counts.setdefault(self.names[run.path], _Items())
                items.known += run.total
                items.finished += run.succeeded
        self.items.update(counts)

    def adopt(self, child: Tracker) -> None:
        """Take what an item of a distributed Map did: the tracker of its own execution, over the same graph."""
        fatal = child._fatal()
        for name, visits in child.visits.items():
            for visit in visits:
                outcome = child._outcome(visit, fatal)
                if outcome != "running":
                    visit.outcome, visit.left = outcome, visit.left or child.last
            self.visits.setdefault(name, []).extend(visits)
        for name, found in child.items.items():
            items = self.items.setdefault(name, _Items())
            items.known += max(found.known, found.started)
            items.finished += found.finished
        if child.last is not None:
            self.last = max(self.last or child.last, child.last)

    def _visit(self, event: HistoryEvent) -> _Visit | None:
        before = self.by_event.get(event.previous_id)
        kind = event.type
        name = event.details.get("state" if kind == "EvaluationFailed" else "name")
        if isinstance(name, str):
            if kind.endswith("StateEntered"):
                return self._enter(name, before, event.timestamp)
            if kind.endswith(("StateExited", "EvaluationFailed")) or kind.startswith("MapIteration"):
                return self._open(name, before)
        if kind.startswith(("ParallelState", "MapState", "MapRun")):
            wanted = "Parallel" if kind.startswith("Parallel") else "Map"
            while before is not None and (before.node.type != wanted or before.left is not None):
                before = before.parent
        return before

    def _enter(self, name: str, before: _Visit | None, at: datetime) -> _Visit | None:
        node = self.nodes.get(name)
        if node is None:
            return None
        owner = self.parents.get(name)
        parent = self._open(owner, before) if owner is not None else None
        visit = _Visit(node, parent, at)
        if node.type == "Fail":
            visit.failing = True
        if parent is not None:
            parent.children.append(visit)
        self.visits.setdefault(name, []).append(visit)
        self.open.setdefault(name, []).append(visit)
        return visit

    def _open(self, name: str, before: _Visit | None) -> _Visit | None:
        while before is not None:
            if before.node.name == name and before.left is None:
                return before
            before = before.parent
        still = self.open.get(name)
        return still[-1] if still else None

    def _close(self, visit: _Visit, at: datetime, outcome: Outcome) -> None:
        visit.left, visit.outcome = at, outcome
        self.open[visit.node.name].remove(visit)

    def _leave(self, visit: _Visit, at: datetime) -> None:
        self._close(visit, at, "caught" if visit.failing else "succeeded")
        self._abandon(visit, at)

    def _abandon(self, visit: _Visit, at: datetime) -> None:
        """What is still open inside of a visit that is over will not go on."""
        waiting = list(visit.children)
        while waiting:
            child = waiting.pop()
            if child.left is None:
                self._close(child, at, "failed" if child.failing else "stopped")
            waiting.extend(child.children)
        visit.children.clear()

    def _iteration(self, visit: _Visit, event: HistoryEvent) -> None:
        items = self.items.setdefault(visit.node.name, _Items())
        items.started += event.type == "MapIterationStarted"
        items.finished += event.type == "MapIterationSucceeded"
        culprit = self.by_event.get(event.previous_id) if event.type == "MapIterationFailed" else None
        visit.error = culprit.error or visit.error if culprit is not None else visit.error
        while culprit is not None and culprit is not visit:
            if culprit.left is None:
                self._abandon(culprit, event.timestamp)
                self._close(culprit, event.timestamp, "failed")
            culprit = culprit.parent

    def _execution(self, event: HistoryEvent) -> None:
        if event.type in ("ExecutionStarted", "ExecutionRedriven"):
            self.ended, self.end_of = "", None
        else:
            self.ended, self.end_of = event.type, self.by_event.get(event.previous_id)

    def marks(self) -> dict[str, Mark]:
        """The mark of every state that was reached so far, in the order in which they were."""
        fatal = self._fatal()
        return {name: self._mark(name, visits, fatal) for name, visits in self.visits.items()}

    def mark(self, name: str) -> Mark:
        """The mark of one state that was reached."""
        return self._mark(name, self.visits[name], self._fatal())

    def running(self) -> dict[str, datetime]:
        """The states that are open now, with the time at which the first open visit began."""
        if self.ended:
            return {}
        return {name: min(visit.entered for visit in visits) for name, visits in self.open.items() if visits}

    def inside_map(self, name: str) -> bool:
        """Whether a state belongs to what a Map does for each item."""
        owner = self.parents.get(name)
        while owner is not None and self.nodes[owner].type != "Map":
            owner = self.parents.get(owner)
        return owner is not None

    def depth(self, name: str) -> int:
        """How many states this one is inside of."""
        owner, depth = self.parents.get(name), 0
        while owner is not None:
            owner, depth = self.parents.get(owner), depth + 1
        return depth

    def _fatal(self) -> set[int]:
        """The visits that the execution failed in: the last one, and those around it."""
        fatal: set[int] = set()
        visit = self.end_of if self.ended == "ExecutionFailed" else None
        while visit is not None:
            fatal.add(id(visit))
            visit = visit.parent
        return fatal

    def _mark(self, name: str, visits: list[_Visit], fatal: set[int]) -> Mark:
        outcomes = [self._outcome(visit, fatal) for visit in visits]
        items = self.items.get(name)
        return Mark(
            outcome=max(outcomes, key=lambda outcome: _WEIGHT[outcome]),
            visits=len(visits),
            done=sum(outcome in ("succeeded", "caught") for outcome in outcomes),
            attempts=sum(visit.attempts for visit in visits),
            seconds=_covered([(visit.entered, visit.left or self.last or visit.entered) for visit in visits]),
            items=(items.finished, max(items.known, items.started))
            if items and (items.known or items.started)
            else None,
            error=next((visit.error for visit in reversed(visits) if visit.error), ""),
            inside_map=self.inside_map(name),
        )

    def _outcome(self, visit: _Visit, fatal: set[int]) -> Outcome:
        if visit.outcome is not None:
            return visit.outcome
        if not self.ended:
            return "running"
        if id(visit) in fatal or visit.failing or self.ended == "ExecutionTimedOut":
            return "failed"
        return "stopped"


def _covered(spans: list[tuple[datetime, datetime]]) -> float:
    """The length of the union of spans, in seconds: iterations that overlap count once."""
    total = 0.0
    end: datetime | None = None
    for begin, until in sorted(spans):
        if end is None or begin > end:
            total += (until - begin).total_seconds()
            end = until
        elif until > end:
            total += (until - end).total_seconds()
            end = until
    return total
