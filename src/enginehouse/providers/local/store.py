"""The store's file: how it is opened, brought up to date, and written. With ``queries`` the only place with SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from enginehouse.errors import EnginehouseError, ProviderError, ProviderUnavailableError
from enginehouse.providers.local import queries

_MIGRATIONS = Path(__file__).with_name("migrations")

# How long a reader waits where SQLite makes it wait at all: recovery after a kill, a schema change.
_READ_PATIENCE = 10.0

# Pages in the log before they are moved to the file; larger than SQLite's 1,000 because the journal's index pages
# are written again by each commit, and are moved but once.
_CHECKPOINT_PAGES = 4000


def connect(path: str, synchronous: str) -> sqlite3.Connection:
    """A connection that writes. Transactions are begun and ended by hand."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0.05, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    return connection


def connect_reader(path: str) -> sqlite3.Connection:
    """A connection that only reads; it sees the last commit and waits for no writer."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=_READ_PATIENCE, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, one numbered file after the other, in the transaction that the caller opened.

    Raises ``ProviderError`` for a store of a newer release: it is left untouched.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    scripts = sorted(_MIGRATIONS.glob("[0-9]*.sql"))
    newest = int(scripts[-1].stem)
    if version > newest:
        raise ProviderError(
            f"the store has schema version {version}, and this release of enginehouse knows versions up to {newest}; "
            "upgrade enginehouse to use it",
            operation="open store",
        )
    for script in scripts[version:]:
        for statement in _statements(script.read_text()):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {int(script.stem)}")


def _statements(script: str) -> list[str]:
    found, text = [], ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            found.append(text)
            text = ""
    return found


def translated(error: sqlite3.Error, path: str) -> EnginehouseError:
    """The error as its reader needs it: what is wrong with the store, and what to do."""
    name = getattr(error, "sqlite_errorname", "") or ""
    told: EnginehouseError
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        told = ProviderUnavailableError(f"the store {path} is held by another process for too long; try again")
    elif name.startswith("SQLITE_FULL"):
        told = ProviderUnavailableError(f"the disk of the store {path} is full; free space and start again")
    elif name.startswith("SQLITE_IOERR"):
        told = ProviderUnavailableError(f"the store {path} cannot be read or written ({error}); check its disk")
    elif name.startswith("SQLITE_READONLY"):
        told = ProviderError(f"the store {path} is read-only; give this process the right to write it and its folder")
    elif name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        told = ProviderError(f"the file {path} is damaged or is no store ({error}); restore it from a backup")
    elif name.startswith("SQLITE_CANTOPEN") and Path(path).is_dir():
        told = ProviderError(
            f"the store {path} is a directory ({error}); name a file, such as {Path(path) / 'enginehouse.db'}"
        )
    elif name.startswith("SQLITE_CANTOPEN"):
        told = ProviderError(f"the store {path} cannot be opened ({error}); does its folder exist?")
    else:
        told = ProviderError(f"the store {path} refused: {error}")
    told.__cause__ = error
    return told


class NewExecution(NamedTuple):
    """A row of an execution that begins."""

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
    stopped_at: float | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    failed_at: str | None = None
    wake: float | None = None
    busy: int = 0


class NewToken(NamedTuple):
    """A task whose outcome comes from outside."""

    token: str
    execution: int
    task: int
    activity: str | None
    input: str | None
    heartbeat: float | None


class Standing(NamedTuple):
    """What an execution's row says after a turn, as ``Batch.stand`` takes it. ``number``, the last, is whose row it is."""

    state: str
    output: str | None
    error: str | None
    cause: str | None
    failed_at: str | None
    reason: str | None
    stopped_at: float | None
    wake: float | None
    busy: int
    redrives: int
    number: int


def _into(table: str, *fields: str) -> str:
    return f"INTO {table} ({', '.join(fields)}) VALUES ({', '.join('?' * len(fields))})"


_ADD_EXECUTION = f"INSERT {_into('execution', 'number', *NewExecution._fields)}"
_INSERT_EXECUTION = f"{_ADD_EXECUTION} ON CONFLICT (id) DO NOTHING"
_INSERT_TURN = "INSERT INTO journal (execution, seq, at, last_event, notification, events) VALUES (?, ?, ?, ?, ?, ?)"
_UPDATE_STANDING = (
    f"UPDATE execution SET {', '.join(f'{field} = ?' for field in Standing._fields[:-1])} WHERE number = ?"  # noqa: S608
)
_UPDATE_WAIT = "UPDATE execution SET wake = ?, busy = ? WHERE number = ?"
_UPDATE_SNAPSHOT = "UPDATE execution SET snapshot = ?, snapshot_seq = ? WHERE number = ?"
_DELETE_INBOX = "DELETE FROM inbox WHERE number = ?"
_INSERT_TOKEN = f"INSERT OR REPLACE {_into('token', *NewToken._fields)}"
_DELETE_TOKEN = "DELETE FROM token WHERE token = ?"  # noqa: S105
_DELETE_TOKENS = "DELETE FROM token WHERE execution = ?"
_INSERT_INBOX = "INSERT INTO inbox (execution, notification, reason) VALUES (?, ?, ?)"


class Batch:
    """The writes of one transaction. Rows that many turns write are gathered and written together by ``flush``."""

    __slots__ = (
        "_digests",
        "_held",
        "_last_number",
        "connection",
        "done",
        "executions",
        "standings",
        "tokens",
        "tokens_done",
        "tokens_dropped",
        "turns",
        "waits",
    )

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._last_number = 0
        self._digests: dict[str, str] = {}
        self._held: set[str] = set()
        self._clear()

    def _clear(self) -> None:
        self.executions: list[tuple[Any, ...]] = []
        self.turns: list[tuple[int, int, float, int, bytes | None, bytes]] = []
        self.standings: dict[int, Standing] = {}
        self.waits: dict[int, tuple[float | None, int, int]] = {}
        self.done: list[tuple[int]] = []
        self.tokens: list[NewToken] = []
        self.tokens_done: list[tuple[str]] = []
        self.tokens_dropped: list[tuple[int]] = []

    def flush(self) -> None:
        """Write what is gathered; a write that must see it calls this first."""
        gathered: tuple[tuple[str, Collection[tuple[Any, ...]]], ...] = (
            (_ADD_EXECUTION, self.executions),
            (_INSERT_TURN, self.turns),
            (_UPDATE_WAIT, self.waits.values()),
            (_UPDATE_STANDING, self.standings.values()),
            (_INSERT_TOKEN, self.tokens),
            (_DELETE_TOKEN, self.tokens_done),
            (_DELETE_TOKENS, self.tokens_dropped),
            (_DELETE_INBOX, self.done),
        )
        for statement, rows in gathered:
            if rows:
                self.connection.executemany(statement, rows)
        self._clear()

    def wait(self, number: int, wake: float | None, busy: int) -> None:
        """The execution now waits for this time, or works. The last word on an execution holds."""
        stood = self.standings.get(number)
        if stood is None:
            self.waits[number] = (wake, busy, number)
        else:
            self.standings[number] = stood._replace(wake=wake, busy=busy)

    def stand(self, standing: Standing) -> None:
        """All that an execution's row says after a turn."""
        self.waits.pop(standing.number, None)
        self.standings[standing.number] = standing

    def insert_execution(self, row: NewExecution) -> int | None:
        """The number of the new execution; None where its id is taken."""
        number = self._new_number()
        cursor = self.connection.execute(_INSERT_EXECUTION, (number, *row))
        return number if cursor.rowcount else None

    def add_execution(self, row: NewExecution) -> int:
        """As ``insert_execution``, for an id that was made up and so is not taken; written with others."""
        number = self._new_number()
        self.executions.append((number, *row))
        return number

    def renumber_child(self, id: str, child: int) -> int | None:
        """The child of a map run that has ended without success is known to its parent by another number, and is to go on. Gives
        the execution's number; None where there is no such child."""
        row = self.connection.execute(
            "UPDATE execution SET child = ? WHERE id = ? AND link = 'child' AND state IN ('failed', 'timed_out', 'cancelled')"
            " RETURNING number",
            (child, id),
        ).fetchone()
        return row[0] if row else None

    def replace_child(self, child: int, run: str, index: int) -> None:
        """The child runs an item of a map run that an earlier one failed at: that one is no child any more."""
        before = self.connection.execute(
            "UPDATE execution SET link = 'replaced' WHERE link = 'child' AND number != ?"
            " AND json_extract(request, '$.metadata.map_run') = ?"
            " AND json_extract(request, '$.metadata.map_run_index') = ? RETURNING redrives",
            (child, run, index),
        ).fetchone()
        if before is not None:
            self.connection.execute("UPDATE execution SET redrives = ? WHERE number = ?", (before[0] + 1, child))

    def _new_number(self) -> int:
        # The transaction holds the store's write lock, so nobody else gives numbers meanwhile.
        if not self._last_number:
            found = self.connection.execute("SELECT max(number) FROM execution").fetchone()
            self._last_number = found[0] or 0
        self._last_number += 1
        return self._last_number

    def digest_of(self, workflow: str) -> str | None:
        """Which definition the workflow has now; looked up once a transaction."""
        digest = self._digests.get(workflow)
        if digest is None:
            digest = queries.workflow_digest(self.connection, workflow)
            if digest is not None:
                self._digests[workflow] = digest
        return digest

    def holds(self, digest: str) -> bool:
        """Whether the store has this definition; looked up once a transaction."""
        if digest not in self._held:
            found = self.connection.execute("SELECT 1 FROM definition WHERE digest = ?", (digest,)).fetchone()
            if found is None:
                return False
            self._held.add(digest)
        return True

    def post(self, execution: int, notification: bytes | None, reason: str | None = None) -> int:
        """Ask the engine to start the execution, or to tell it something. Gives the letter's number."""
        return self.connection.execute(_INSERT_INBOX, (execution, notification, reason)).lastrowid or 0

    def delete_letters(self, execution: int) -> None:
        """Nothing that an execution was to be told matters any more."""
        self.connection.execute("DELETE FROM inbox WHERE execution = ?", (execution,))

    def snapshot(self, number: int, seq: int, state: bytes) -> None:
        self.connection.execute(_UPDATE_SNAPSHOT, (state, seq, number))

    def beat(self, token: str, now: float) -> bool:
        """Note that a task was heard of. False for an unknown token."""
        return self.connection.execute("UPDATE token SET beat = ? WHERE token = ?", (now, token)).rowcount > 0

    def use_token(self, token: str) -> bool:
        """Take a token away from everybody else: its task is being answered. False for an unknown one."""
        return self.connection.execute(_DELETE_TOKEN, (token,)).rowcount > 0

    def claim(self, activity: str, worker: str, now: float) -> tuple[str, int, int, str | None] | None:
        """Take the oldest waiting task of the activity: token, execution, task, input."""
        row = self.connection.execute(
            "UPDATE token SET worker = ?, beat = ? WHERE token = (SELECT token FROM token"
            " WHERE activity = ? AND worker IS NULL ORDER BY execution, task LIMIT 1)"
            " RETURNING token, execution, task, input",
            (worker, now, activity),
        ).fetchone()
        return tuple(row) if row else None

    def give_back(self, token: str, letter: int) -> None:
        """Undo a claim that nobody heard of, and the letter that tells of it if it is still unread."""
        self.connection.execute("UPDATE token SET worker = NULL, beat = NULL WHERE token = ?", (token,))
        self.done.append((letter,))

    def insert_definition(self, digest: str, text: str, options: str) -> None:
        self.connection.execute(
            "INSERT INTO definition (digest, text, options) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (digest, text, options),
        )

    def insert_workflow(self, id: str, digest: str, spec: str, now: float) -> None:
        self.connection.execute(
            "INSERT INTO workflow (id, digest, spec, created_at) VALUES (?, ?, ?, ?)", (id, digest, spec, now)
        )

    def update_workflow(self, id: str, digest: str, spec: str) -> None:
        self.connection.execute("UPDATE workflow SET digest = ?, spec = ? WHERE id = ?", (digest, spec, id))
        self._digests.pop(id, None)

    def delete_workflow(self, id: str) -> None:
        self.connection.execute("DELETE FROM workflow WHERE id = ?", (id,))
        self._digests.pop(id, None)

    def delete_executions(self, numbers: Sequence[int]) -> None:
        """Forget finished executions and their journals."""
        rows = [(number,) for number in numbers]
        self.connection.executemany("DELETE FROM journal WHERE execution = ?", rows)
        self.connection.executemany("DELETE FROM token WHERE execution = ?", rows)
        self.connection.executemany("DELETE FROM inbox WHERE execution = ?", rows)
        self.connection.executemany("DELETE FROM execution WHERE number = ?", rows)

    def delete_unused_definitions(self) -> None:
        self.connection.execute(
            "DELETE FROM definition WHERE digest NOT IN (SELECT digest FROM workflow)"
            " AND digest NOT IN (SELECT digest FROM execution)"
            " AND digest NOT IN (SELECT digest FROM resource WHERE digest IS NOT NULL)"
        )

    def put_resource(self, id: str, digest: str | None, record: str) -> None:
        """Keep a record of the Step Functions API, in the place of one that has its id."""
        self.connection.execute(
            "INSERT OR REPLACE INTO resource (id, digest, record) VALUES (?, ?, ?)", (id, digest, record)
        )

    def delete_resource(self, id: str) -> None:
        self.connection.execute("DELETE FROM resource WHERE id = ?", (id,))

    def append_audit(self, workflow: str, execution: str, record: str) -> None:
        self.connection.execute(
            "INSERT INTO audit (workflow, execution, record) VALUES (?, ?, ?)", (workflow, execution, record)
        )

    def set_engine(self, pid: int, host: str, port: int, now: float) -> None:
        """Say where the engine listens; port 0: no engine."""
        self.connection.execute(
            "INSERT INTO engine (one, pid, host, port, since) VALUES (1, ?, ?, ?, ?) ON CONFLICT (one)"
            " DO UPDATE SET pid = excluded.pid, host = excluded.host, port = excluded.port, since = excluded.since",
            (pid, host, port, now),
        )
