"""What the API asks of the engine that it stands on: the local one, or the mock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from enginehouse.abc import TakesTaskTokens
from enginehouse.asl import ChangeMapRun, Event, MapRunLimits, ScheduleTask, TaskFailed, TaskSucceeded
from enginehouse.models import WorkflowSpec
from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.tasks import ExecutionInfo


class Kept(NamedTuple):
    """A record to keep under this id, or, where ``record`` is None, to forget; ``digest`` names the definition that it needs."""

    id: str
    digest: str | None
    record: str | None


class Workflow(NamedTuple):
    """A workflow, the key of its definition, and what the engine made of that."""

    spec: WorkflowSpec
    digest: str
    compiled: Any


class Start(NamedTuple):
    """An execution to begin. ``text`` is the input as it was sent, ``value`` the same read; ``named``: its name may be taken.
    ``case`` is the test case of the mock configuration that says what its tasks answer."""

    machine: str
    name: str
    digest: str
    text: str
    value: Any
    metadata: Mapping[str, Any]
    started_at: float
    named: bool
    case: str = ""


class Wanted(NamedTuple):
    """Which executions to list, newest first. ``metadata`` must be among what they were started with. Of a map run that was
    redriven, those that had failed ``ended_before`` this are ``pending_redrive``."""

    machine: str = ""
    states: Sequence[str] = ()
    metadata: Mapping[str, Any] = {}
    redriven: bool | None = None
    parent: int | None = None
    ended_before: float | None = None
    started_after: float | None = None
    before: int | None = None
    limit: int = 100


class EventsPage(NamedTuple):
    """Events in the order asked for, and where the next page begins: None on the last one."""

    events: list[Event]
    next: tuple[int, int] | None


class Counts(NamedTuple):
    """How many children of a map run are in a state, and how many items they were given; ``total`` is of the whole run."""

    state: str
    children: int
    items: int
    total: int


class Engine(Protocol):
    """Executions, and the place where records are kept. Ids are as in ARNs, after ``execution:``."""

    @property
    def tokens(self) -> TakesTaskTokens:
        """Who takes the outcomes of tasks that wait for a token."""
        ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def until_broken(self) -> None:
        """Wait until it cannot go on. Raises why."""
        ...

    async def records(self) -> list[str]:
        """All records that are kept."""
        ...

    async def compile(self, spec: WorkflowSpec) -> Workflow:
        """The workflow, ready to keep. Raises ``InvalidSpecError``."""
        ...

    async def keep(self, kept: Sequence[Kept], *, workflow: Workflow | None = None, removed: str = "") -> None:
        """Write all this at once: records; a workflow as it is from now on; the name of one that is gone."""
        ...

    def now(self) -> float:
        """The time of its clock, in seconds since the epoch."""
        ...

    def fresh_name(self) -> str:
        """A name that no execution has."""
        ...

    async def start(self, start: Start) -> ExecutionRow | None:
        """Begin it. Gives the existing execution where the name is taken. Raises ``StaleDefinitionError``."""
        ...

    async def execution(self, id: str) -> ExecutionRow | None: ...

    async def ended(self, id: str) -> ExecutionRow:
        """The execution, once it is over."""
        ...

    async def executions(self, wanted: Wanted) -> list[ExecutionRow]: ...

    async def events(
        self, row: ExecutionRow, place: tuple[int, int] | None, limit: int, reverse: bool
    ) -> EventsPage: ...

    async def stop(self, row: ExecutionRow, error: str | None, cause: str | None) -> None: ...

    async def redrive(self, row: ExecutionRow) -> None: ...

    async def map_run_owner(self, machine: str, run: str) -> ExecutionRow | None:
        """The execution that the map run is of; ``run`` is its ARN."""
        ...

    async def map_run_counts(self, run: str, ended_before: float | None) -> list[Counts]:
        """See ``Wanted``."""
        ...

    async def map_run_limits(self, run: str) -> MapRunLimits | None:
        """What the run's limits came to; None where it has begun no child yet."""
        ...

    async def change_map_run(self, row: ExecutionRow, change: ChangeMapRun) -> None: ...

    async def run(self, command: ScheduleTask, info: ExecutionInfo) -> TaskSucceeded | TaskFailed:
        """Run a task that no execution asks for; ``info`` is of one that is made up."""
        ...

    async def task(self, activity: str, worker: str, wait: float) -> tuple[str, str] | None:
        """A task of the activity, by its ARN, for this worker: token and input. None where none comes in so many seconds."""
        ...
