"""What is read from the store. Each function takes a connection and gives plain rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple, TypeAlias

import msgspec

RowNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
"""A number in a page token, which anybody may have made up; SQLite takes none that is larger."""


class WorkflowRow(NamedTuple):
    id: str
    digest: str
    spec: str
    created_at: float


class ExecutionRow(NamedTuple):
    number: int
    id: str
    workflow: str
    name: str
    digest: str
    pointer: str
    parent: int | None
    child: int | None
    link: str | None
    state: str
    input: str
    request: str
    seed: str
    started_at: float
    stopped_at: float | None
    output: str | None
    error: str | None
    cause: str | None
    failed_at: str | None
    reason: str | None
    wake: float | None
    busy: int
    redrives: int


class TurnRow(NamedTuple):
    execution: int
    seq: int
    at: float
    last_event: int
    notification: bytes | None


class Letter(NamedTuple):
    number: int
    execution: int
    notification: bytes | None
    reason: str | None


class Saved(NamedTuple):
    """All that one execution is rebuilt from."""

    execution: ExecutionRow
    snapshot: bytes | None
    snapshot_seq: int | None
    turns: Sequence[TurnRow]


_EXECUTION = ", ".join(f"e.{field}" for field in ExecutionRow._fields)
_WORKFLOW = ", ".join(WorkflowRow._fields)


def workflow(connection: sqlite3.Connection, id: str) -> WorkflowRow | None:
    row = connection.execute(f"SELECT {_WORKFLOW} FROM workflow WHERE id = ?", (id,)).fetchone()  # noqa: S608
    return WorkflowRow._make(row) if row else None


def workflow_digest(connection: sqlite3.Connection, id: str) -> str | None:
    row = connection.execute("SELECT digest FROM workflow WHERE id = ?", (id,)).fetchone()
    return row[0] if row else None


def definition(connection: sqlite3.Connection, digest: str) -> tuple[str, str] | None:
    """The text and the options of a definition."""
    row = connection.execute("SELECT text, options FROM definition WHERE digest = ?", (digest,)).fetchone()
    return (row[0], row[1]) if row else None


def execution(connection: sqlite3.Connection, id: str) -> ExecutionRow | None:
    row = connection.execute(f"SELECT {_EXECUTION} FROM execution e WHERE id = ?", (id,)).fetchone()  # noqa: S608
    return ExecutionRow._make(row) if row else None


def status(connection: sqlite3.Connection, id: str, history: bool) -> tuple[ExecutionRow, list[bytes]] | None:
    """The execution and the events of each of its turns, as of one moment."""
    connection.execute("BEGIN")
    try:
        row = execution(connection, id)
        if row is None:
            return None
        return row, events(connection, row.number, 0) if history else []
    finally:
        connection.execute("COMMIT")


def events(connection: sqlite3.Connection, number: int, seq: int) -> list[bytes]:
    """The events of the turns from ``seq`` on."""
    rows = connection.execute("SELECT events FROM journal WHERE execution = ? AND seq >= ? ORDER BY seq", (number, seq))
    return [row[0] for row in rows]


def turns_from(
    connection: sqlite3.Connection, number: int, seq: int | None, reverse: bool
) -> Iterator[tuple[int, bytes]]:
    """Turns and their events, one after the other, from this turn on, or from it back."""
    order, clause = ("DESC", "AND seq <= ?") if reverse else ("", "AND seq >= ?")
    values = (number,) if seq is None else (number, seq)
    yield from connection.execute(
        f"SELECT seq, events FROM journal WHERE execution = ? {clause if seq is not None else ''} ORDER BY seq {order}",  # noqa: S608
        values,
    )


def news(connection: sqlite3.Connection, number: int, seq: int) -> tuple[list[bytes], bool]:
    """The events of the turns from ``seq`` on, and whether the execution is over."""
    connection.execute("BEGIN")
    try:
        found = events(connection, number, seq)
        row = connection.execute("SELECT stopped_at IS NOT NULL FROM execution WHERE number = ?", (number,)).fetchone()
        return found, row is None or bool(row[0])
    finally:
        connection.execute("COMMIT")


def is_busy(connection: sqlite3.Connection, workflow: str) -> bool:
    """Whether an execution of the workflow is unfinished."""
    found = connection.execute(
        "SELECT 1 FROM execution INDEXED BY execution_open WHERE workflow = ? AND stopped_at IS NULL LIMIT 1",
        (workflow,),
    )
    return found.fetchone() is not None


def unfinished(connection: sqlite3.Connection) -> list[tuple[int, float | None, int]]:
    """Number, time to wake, and whether work was in flight, of all executions that have begun and not ended."""
    return connection.execute(
        "SELECT number, wake, busy FROM execution INDEXED BY execution_open WHERE stopped_at IS NULL"
    ).fetchall()


def letters(connection: sqlite3.Connection, after: int, limit: int) -> list[Letter]:
    rows = connection.execute(
        "SELECT number, execution, notification, reason FROM inbox WHERE number > ? ORDER BY number LIMIT ?",
        (after, limit),
    )
    return [Letter._make(row) for row in rows]


def letter_waits(connection: sqlite3.Connection, number: int) -> bool:
    """Whether the engine has not yet dealt with a letter."""
    return connection.execute("SELECT 1 FROM inbox WHERE number = ?", (number,)).fetchone() is not None


def saved(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[Saved]:
    """What the executions are rebuilt from, as of one moment."""
    connection.execute("BEGIN")
    try:
        found = []
        for number in numbers:
            row = connection.execute(
                f"SELECT {_EXECUTION}, snapshot, snapshot_seq FROM execution e WHERE number = ?",  # noqa: S608
                (number,),
            ).fetchone()
            if row is None:
                continue
            *fields, snapshot, snapshot_seq = row
            turns = connection.execute(
                "SELECT execution, seq, at, last_event, notification FROM journal WHERE execution = ? AND seq > ? ORDER BY seq",
                (number, -1 if snapshot_seq is None else snapshot_seq),
            )
            found.append(
                Saved(ExecutionRow._make(fields), snapshot, snapshot_seq, [TurnRow._make(turn) for turn in turns])
            )
        return found
    finally:
        connection.execute("COMMIT")


def turns(connection: sqlite3.Connection, number: int) -> list[TurnRow]:
    """All turns of an execution, for when its snapshot cannot be used."""
    rows = connection.execute(
        "SELECT execution, seq, at, last_event, notification FROM journal WHERE execution = ? ORDER BY seq", (number,)
    )
    return [TurnRow._make(row) for row in rows]


def child(connection: sqlite3.Connection, parent: int, child: int) -> int | None:
    """The unfinished execution that its parent knows by this number."""
    row = connection.execute(
        "SELECT number FROM execution WHERE parent = ? AND child = ? AND stopped_at IS NULL", (parent, child)
    ).fetchone()
    return row[0] if row else None


def open_children(connection: sqlite3.Connection, parent: int) -> list[int]:
    """The numbers by which an execution knows those that it waits for."""
    rows = connection.execute("SELECT child FROM execution WHERE parent = ? AND stopped_at IS NULL", (parent,))
    return [row[0] for row in rows]


class Stood(NamedTuple):
    """Where an execution's journal ends: how many turns it has, and the last event's id."""

    turns: int
    event: int
    redrives: int
    stopped: bool


def standing(connection: sqlite3.Connection, number: int) -> Stood | None:
    row = connection.execute(
        "SELECT (SELECT coalesce(max(seq) + 1, 0) FROM journal WHERE execution = e.number),"
        " (SELECT coalesce(max(last_event), 0) FROM journal WHERE execution = e.number),"
        " redrives, stopped_at IS NOT NULL FROM execution e WHERE number = ?",
        (number,),
    ).fetchone()
    return Stood(row[0], row[1], row[2], bool(row[3])) if row else None


def token(connection: sqlite3.Connection, token: str) -> tuple[int, int, str | None] | None:
    """The execution, the task and the activity that a token stands for."""
    row = connection.execute("SELECT execution, task, activity FROM token WHERE token = ?", (token,)).fetchone()
    return (row[0], row[1], row[2]) if row else None


def activity_waits(connection: sqlite3.Connection, activity: str) -> bool:
    """Whether a task of the activity waits for a worker."""
    found = connection.execute("SELECT 1 FROM token WHERE activity = ? AND worker IS NULL LIMIT 1", (activity,))
    return found.fetchone() is not None


def beat(connection: sqlite3.Connection, token: str) -> float | None:
    """When the task of a token was last heard of, 0 for never; None for a token that was used, or never was one."""
    row = connection.execute("SELECT coalesce(beat, 0) FROM token WHERE token = ?", (token,)).fetchone()
    return row[0] if row else None


def resources(connection: sqlite3.Connection) -> list[str]:
    """The records of the Step Functions API."""
    return [row[0] for row in connection.execute("SELECT record FROM resource ORDER BY id")]


def engine_port(connection: sqlite3.Connection) -> int:
    """Where the engine listens; 0 where none does."""
    row = connection.execute("SELECT port FROM engine").fetchone()
    return row[0] if row else 0


def list_workflows(connection: sqlite3.Connection, limit: int, before: tuple[float, str] | None) -> list[WorkflowRow]:
    """Newest first."""
    clause, values = ("WHERE (created_at, id) < (?, ?)", before) if before else ("", ())
    rows = connection.execute(
        f"SELECT {_WORKFLOW} FROM workflow {clause} ORDER BY created_at DESC, id DESC LIMIT ?",  # noqa: S608
        (*values, limit),
    )
    return [WorkflowRow._make(row) for row in rows]


def list_executions(
    connection: sqlite3.Connection,
    *,
    workflow: str,
    states: Sequence[str],
    started_after: float | None,
    started_before: float | None,
    limit: int,
    before: int | None,
    metadata: Mapping[str, object] | None = None,
    redriven: bool | None = None,
    parent: int | None = None,
    ended_before: float | None = None,
) -> list[ExecutionRow]:
    """Newest first; children of a distributed Map are left out, or, with ``parent``, are all that is listed. ``metadata`` must
    be among what they were started with. ``ended_before``: see ``map_run_counts``."""
    clauses: list[str] = ["e.pointer = ''"] if parent is None else ["e.link = 'child'", f"e.parent = {parent:d}"]
    values: list[object] = []
    if redriven is not None:
        clauses.append("e.redrives > 0" if redriven else "e.redrives = 0")
    for key, value in (metadata or {}).items():
        clauses.append("json_extract(e.request, ?) = ?")
        values += [f"$.metadata.{key}", value]
    for clause, value in (
        ("e.workflow = ?", workflow or None),
        ("e.started_at >= ?", started_after),
        ("e.started_at < ?", started_before),
        ("e.number < ?", before),
    ):
        if value is not None:
            clauses.append(clause)
            values.append(value)
    if states:
        clauses.append(f"{_STATE_IN_RUN} IN ({', '.join('?' * len(states))})")
        values += [ended_before, *states]
    listed = _EXECUTION.replace("e.state", _STATE_IN_RUN)
    rows = connection.execute(
        f"SELECT {listed} FROM execution e WHERE {' AND '.join(clauses)} ORDER BY e.number DESC LIMIT ?",  # noqa: S608
        (ended_before, *values, limit),
    )
    return [ExecutionRow._make(row) for row in rows]


# The state of a child in a map run that has been redriven, given when; of any execution, given NULL.
_STATE_IN_RUN = "CASE WHEN e.state IN ('failed', 'timed_out', 'cancelled') AND e.stopped_at < ? THEN 'pending_redrive' ELSE e.state END"


class MapRunRow(NamedTuple):
    pointer: str
    run: str | None
    total: int | None
    state: str
    children: int


def map_runs(connection: sqlite3.Connection, number: int) -> list[MapRunRow]:
    """The children of each map run of the execution, counted by state; runs in the order in which they began."""
    rows = connection.execute(
        "SELECT pointer, json_extract(request, '$.metadata.map_run') AS run,"
        " json_extract(request, '$.metadata.map_run_size'), state, count(*)"
        " FROM execution WHERE parent = ? AND link = 'child' GROUP BY pointer, run, state ORDER BY min(number)",
        (number,),
    )
    return [MapRunRow._make(row) for row in rows]


def map_run_owner(connection: sqlite3.Connection, workflow: str, run: str) -> str | None:
    """The id of the execution that a map run is of. One that has begun no child yet is looked for in the workflow's histories."""
    row = connection.execute(
        "SELECT id FROM execution WHERE number = (SELECT parent FROM execution"
        " WHERE link = 'child' AND json_extract(request, '$.metadata.map_run') = ? LIMIT 1)",
        (run,),
    ).fetchone()
    if row is None:
        row = connection.execute(
            "SELECT e.id FROM execution e JOIN journal j ON j.execution = e.number"
            " WHERE e.workflow = ? AND instr(j.events, ?) LIMIT 1",
            (workflow, run.encode()),
        ).fetchone()
    return row[0] if row else None


def map_run_counts(
    connection: sqlite3.Connection, run: str, ended_before: float | None
) -> list[tuple[str, int, int, int]]:
    """Of a map run: by the state of its children how many there are, how many items they have, and how many there are to be.
    Those that had failed ``ended_before`` this wait for their redrive: they are ``pending_redrive``.

    Children of older stores do not say how many items they have; a batch holds them as ``Items``.
    """
    items = "json_extract(request, '$.metadata.map_run_items')"
    return connection.execute(
        f"SELECT {_STATE_IN_RUN}, count(*), total(coalesce({items}, json_array_length(input, '$.Items'), 1)),"  # noqa: S608
        " max(json_extract(request, '$.metadata.map_run_size'))"
        " FROM execution e WHERE link = 'child' AND json_extract(request, '$.metadata.map_run') = ? GROUP BY 1",
        (ended_before, run),
    ).fetchall()


def map_run_limits(connection: sqlite3.Connection, run: str) -> str | None:
    """The limits of a map run, as the JSON that its first child came with; None where there is none, or came without."""
    row = connection.execute(
        "SELECT json_extract(request, '$.metadata.map_run_limits') FROM execution WHERE link = 'child'"
        " AND json_extract(request, '$.metadata.map_run') = ? AND json_extract(request, '$.metadata.map_run_index') = 0",
        (run,),
    ).fetchone()
    return row[0] if row else None


def children(connection: sqlite3.Connection, number: int, before: int | None, limit: int) -> list[ExecutionRow]:
    """The children of the execution's map runs, newest first."""
    rows = connection.execute(
        f"SELECT {_EXECUTION} FROM execution e WHERE e.parent = ? AND e.child < ? AND e.link = 'child'"  # noqa: S608
        " ORDER BY e.child DESC LIMIT ?",
        (number, before if before is not None else 1 << 62, limit),
    )
    return [ExecutionRow._make(row) for row in rows]


def list_audit(
    connection: sqlite3.Connection, workflow: str, execution: str, limit: int, before: int | None
) -> list[tuple[int, str]]:
    """Number and record, newest first."""
    clauses, values = ["number < ?"], [before if before is not None else 1 << 62]
    for column, value in (("workflow", workflow), ("execution", execution)):
        if value:
            clauses.append(f"{column} = ?")
            values.append(value)  # type: ignore[arg-type]
    return connection.execute(
        f"SELECT number, record FROM audit WHERE {' AND '.join(clauses)} ORDER BY number DESC LIMIT ?",  # noqa: S608
        (*values, limit),
    ).fetchall()


def finished(connection: sqlite3.Connection, state: str, before: float, limit: int | None) -> list[int]:
    """Finished executions of a state that ended before a time, with the children of those."""
    rows = connection.execute(
        "SELECT number FROM execution WHERE state = ? AND stopped_at < ? AND ("
        " parent IS NULL OR parent NOT IN (SELECT number FROM execution WHERE stopped_at IS NULL)) LIMIT ?",
        (state, before, -1 if limit is None else limit),
    )
    return [row[0] for row in rows]
