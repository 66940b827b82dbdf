"""The memory of one execution: a value that can be stored, compared and rebuilt by replay."""

from __future__ import annotations

from typing import Any

import msgspec

from enginehouse.asl.notifications import TaskFailed, TaskSucceeded

FORMAT = 1
"""The number of the stored form. A snapshot of another number is refused, and the journal replayed instead."""


class ExecutionContext(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who the execution is: what the Context object (``$$``, ``$states.context``) tells of it. Times are seconds since the epoch.
    ``wait_scale`` is by what Wait states are shortened, or drawn out."""

    execution_id: str
    execution_name: str
    start_time: float
    role_arn: str = ""
    state_machine_id: str = ""
    state_machine_name: str = ""
    region: str = "us-east-1"
    account: str = "000000000000"
    redrive_count: int = 0
    redrive_time: float | None = None
    wait_scale: float = 1.0


class Fork(msgspec.Struct, omit_defaults=True):
    """The children of a Parallel or Map state, while it runs.

    ``texts`` holds what each child gave, as JSON text; ``pending`` the places that a redrive starts again; ``children``, of a
    distributed Map, the place of each child execution by its number, and ``held`` the length of its input, where that is bounded; ``tried`` the child execution that was first started for a place and did not succeed; ``keyed`` says that the items are an object's; ``source`` where they came from; ``concurrency`` is the limit as it was asked for; ``chain`` the event that the next iteration follows.
    """

    size: int
    texts: list[str | None]
    limit: int
    chain: int = 0
    next: int = 0
    running: int = 0
    done: int = 0
    items: list[Any] = []
    pending: list[int] = []
    failures: list[int] = []
    tolerated_count: float | None = None
    tolerated_percentage: float | None = None
    run: str = ""
    children: dict[int, int] = {}
    held: dict[int, int] = {}
    phase: str = ""
    keyed: bool = False
    source: str = "STATE_DATA"
    concurrency: int = 0
    tried: dict[int, int] = {}

    def give_up(self) -> list[int]:
        """Wait for no child execution any more; their numbers. A redrive knows which place each had."""
        given_up = list(self.children)
        for child, index in self.children.items():
            self.tried.setdefault(index, child)
        self.children, self.held = {}, {}
        return given_up


class Frame(msgspec.Struct, omit_defaults=True):
    """One thread of control: the execution's own, a branch's, or an iteration's; it stands in one state at a time.

    ``last`` is the event that the next one follows, ``entered`` the Entered event of the state that it stands in.
    ``submitted``: a service has taken the request of the task that it waits for; ``answer`` came before that.
    ``variables`` is replaced, never changed: inner frames begin by sharing their parent's.
    """

    id: int
    parent: int
    index: int
    machine: str
    state: str
    input: Any
    input_text: str
    last: int = 0
    entered: int = 0
    entered_at: float = 0.0
    variables: dict[str, Any] = {}
    retry_count: int = 0
    retries: dict[int, int] = {}
    wait: int = 0
    token: str = ""
    submitted: bool = False
    answer: TaskSucceeded | TaskFailed | None = None
    retrying: bool = False
    halted: bool = False
    mapped: bool = False
    item: Any = None
    item_index: int = 0
    fork: Fork | None = None


class State(msgspec.Struct, omit_defaults=True):
    """An execution between two turns. A host may read the outcome fields, and ``paused``; all else is the core's.

    ``bounded``: a turn does only so much, and the threads hold only so much text (``Program.start``). ``paused`` are frames
    that the last turn had no time for: the host answers ``GoOn``. ``spent``: what bounded turns at the time ``spent_at`` have
    cost, for a host tells all that came in one go at one time, and has one go's time for it."""

    seed: str
    context: ExecutionContext
    input: Any
    input_text: str
    format: int = FORMAT
    status: str = "RUNNING"
    output_text: str | None = None
    error: str | None = None
    cause: str | None = None
    failed_at: str | None = None
    last_event: int = 0
    last_id: int = 0
    draws: int = 0
    deadline: int = 0
    frames: dict[int, Frame] = {}
    waits: dict[int, int] = {}
    bounded: bool = False
    paused: list[int] = []
    event_limit: int = 25_000
    spent: int = 0
    spent_at: float | None = None

    @property
    def finished(self) -> bool:
        """True once the execution is SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return self.status != "RUNNING"

    @property
    def output(self) -> Any:
        """The output as a JSON value; None unless it SUCCEEDED."""
        return None if self.output_text is None else msgspec.json.decode(self.output_text)


_ENCODER = msgspec.json.Encoder()  # not msgpack: JSON numbers may be larger than 64 bits
_DECODER = msgspec.json.Decoder(State)


def dump(state: State) -> bytes:
    """The state as bytes, for ``load``."""
    return _ENCODER.encode(state)


def load(data: bytes) -> State:
    """The state that ``dump`` gave ``data`` for. Raises ``ValueError`` for another format."""
    try:
        state = _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"this is no snapshot of an execution: {error}") from error
    if state.format != FORMAT:
        raise ValueError(f"the snapshot has format {state.format}, this version reads format {FORMAT}")
    return state
