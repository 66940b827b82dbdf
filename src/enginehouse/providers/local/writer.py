"""One thread that writes: what many callers hand in while it is busy shares the next commit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from enginehouse.errors import EnginehouseError, ProviderError, ProviderUnavailableError
from enginehouse.providers.local import store
from enginehouse.providers.local.store import Batch

log = logging.getLogger(__name__)

T = TypeVar("T")
Write: TypeAlias = Callable[[Batch], Any]
"""Runs in the writer's thread. It may raise an ``EnginehouseError`` to refuse, before it has written anything."""
Done: TypeAlias = Callable[[Any, BaseException | None], None]
"""Runs on the loop after the commit, with what the write gave, or with why it did not happen."""

Entry: TypeAlias = tuple[Write, Done, bool, bool, float]
"""A write, whom to tell, whether it is vital, whether it is patient, and when it was handed in."""

# Seconds to wait for another process's commit before a caller is told. Far longer than any commit takes; he may ask again, and
# his own patience often ends at a minute: boto3's does.
_CALLERS_PATIENCE = 10.0
# Seconds after which it is said, again and again, that an engine waits.
_SAY = 10.0
# Seconds for which the store is tried for in short steps; one that is held for longer may be held for hours.
_BRISK = 1.0


class Writer:
    """Group commit: one batch is on its way at a time, and what is handed in meanwhile is the next. A write that comes
    alone waits for nothing.

    Where the next batch is there already, those who wait for the last one are told when its rows are in and only its commit
    is left: a commit needs no interpreter, so that it goes on beside what they do next. Rows do need it, and do not.

    ``vital`` writes are an engine's turns: after one has failed nothing more is written, so that the store never
    holds a turn without the one before it. ``patient`` ones, and all that are vital, have no caller who could ask again: they
    wait for as long as another process holds the store, or until the writer is to end.
    """

    def __init__(self, path: str, synchronous: str, loop: asyncio.AbstractEventLoop) -> None:
        self._path = path
        self._synchronous = synchronous
        self._loop = loop
        self._gathered: deque[Entry] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._awake = False
        self._untold: list[tuple[Done, Any, BaseException | None]] = []
        self._broken: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="enginehouse-writer", daemon=True)
        self._thread.start()

    def submit(self, write: Write, done: Done, *, vital: bool = False, patient: bool = False) -> None:
        """Hand in a write. Call it on the loop."""
        if self._closed:
            done(None, ProviderUnavailableError("the provider is closed"))
            return
        self._gathered.append((write, done, vital, vital or patient, time.monotonic()))
        if not self._awake:
            self._awake = True
            self._bell.put(None)

    async def write(self, write: Callable[[Batch], T], *, patient: bool = False) -> T:
        """What ``write`` gave, once it is committed. A caller that is cancelled leaves it to happen wholly or not at all."""
        future: asyncio.Future[T] = self._loop.create_future()

        def done(result: T, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.submit(write, done, patient=patient)
        return await future

    async def close(self) -> None:
        """Commit what was handed in, then end the thread."""
        self.end()
        await asyncio.to_thread(self._thread.join)

    def end(self) -> None:
        """As ``close``, without waiting for it."""
        if not self._closed:
            self._closed = True
            self._bell.put(None)

    def _deliver(self, outcomes: list[tuple[Done, Any, BaseException | None]]) -> None:
        for done, result, error in outcomes:
            try:
                done(result, error)
            except Exception:
                # The others still wait to be told.
                log.exception("store.caller_failed")

    # What follows runs in the thread.

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while batch := self._next():
            try:
                if connection is None:
                    connection = self._open(batch)
                outcomes = self._write(connection, batch)
            except BaseException as error:
                outcomes = self._refuse(batch, error)
            self._tell()
            self._untold = outcomes
        if connection is not None:
            connection.close()

    def _next(self) -> list[Entry]:
        """What was handed in meanwhile; where nothing was, wait for it. Empty at the end."""
        while not self._gathered:
            self._tell()
            self._awake = False
            if self._gathered:  # handed in by one who saw the thread awake
                break
            if self._closed:
                return []
            self._bell.get()
        return self._take()

    def _take(self) -> list[Entry]:
        return [self._gathered.popleft() for _ in range(len(self._gathered))]

    def _tell(self) -> None:
        """Call those who wait for the last batch, unless they have been called."""
        if self._untold:
            outcomes, self._untold = self._untold, []
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._deliver, outcomes)

    def _open(self, batch: list[Entry]) -> sqlite3.Connection:
        deadline = time.monotonic() + _CALLERS_PATIENCE
        while True:
            connection: sqlite3.Connection | None = None
            try:
                connection = store.connect(self._path, self._synchronous)
                self._begin(connection, batch)
                store.migrate(connection)
                connection.execute("COMMIT")
                return connection
            except BaseException as error:
                if connection is not None:
                    connection.close()
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(0.001, 0.01))

    def _begin(self, connection: sqlite3.Connection, batch: list[Entry]) -> None:
        # SQLite's own waiting backs off up to 100 ms and starves beside a busy engine; short, even tries do not.
        began = said = time.monotonic()
        ending: float | None = None
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                now = time.monotonic()
                if self._closed and ending is None:
                    ending = now
                if not _is_busy(error) or (ending is not None and now > ending + _CALLERS_PATIENCE):
                    raise
                self._tell()
                self._refuse_late(batch, error)
                if now - said >= _SAY:
                    said = now
                    log.warning(
                        "store.held_by_another path=%s waiting=%d seconds=%.0f"
                        " hint=end its transaction; lsof on the path names who has it open",
                        self._path,
                        len(batch),
                        now - began,
                    )
                time.sleep(random.uniform(0.0005, 0.002) if now - began < _BRISK else random.uniform(0.01, 0.04))

    def _refuse_late(self, batch: list[Entry], error: sqlite3.OperationalError) -> None:
        """Tell callers that have waited for long, of this batch and of the next. Raises where nothing else is in the batch."""
        before = time.monotonic() - _CALLERS_PATIENCE
        on_time = [entry for entry in batch if _is_on_time(entry, before)]
        if batch and not on_time:
            raise error
        late = [entry for entry in batch if not _is_on_time(entry, before)]
        batch[:] = on_time
        if self._gathered and self._gathered[0][-1] < before:
            waiting = self._take()
            late += [entry for entry in waiting if not _is_on_time(entry, before)]
            self._gathered.extendleft(entry for entry in reversed(waiting) if _is_on_time(entry, before))
        self._untold = self._refuse(late, error)
        self._tell()

    def _write(
        self, connection: sqlite3.Connection, batch: list[Entry]
    ) -> list[tuple[Done, Any, BaseException | None]]:
        if self._broken is not None:
            return self._refuse(batch, self._broken)
        try:
            return self._transact(connection, batch)
        except Exception as error:
            # A full disk or a damaged file concerns all; anything else has one culprit, and only it is told.
            if len(batch) == 1 or type(error) in (sqlite3.OperationalError, sqlite3.DatabaseError):
                return self._refuse(batch, error)
        outcomes: list[tuple[Done, Any, BaseException | None]] = []
        for item in batch:
            outcomes += self._write(connection, [item])
        return outcomes

    def _transact(
        self, connection: sqlite3.Connection, batch: list[Entry]
    ) -> list[tuple[Done, Any, BaseException | None]]:
        self._begin(connection, batch)
        try:
            rows = Batch(connection)
            outcomes: list[tuple[Done, Any, BaseException | None]] = []
            for write, done, *_ in batch:
                try:
                    outcomes.append((done, write(rows), None))
                except EnginehouseError as error:
                    outcomes.append((done, None, error))
            rows.flush()
            self._tell()
            self._commit(connection)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return outcomes

    def _commit(self, connection: sqlite3.Connection) -> None:
        connection.execute("COMMIT")

    def _refuse(self, batch: list[Entry], error: BaseException) -> list[tuple[Done, Any, BaseException | None]]:
        if self._broken is None and any(vital for _, _, vital, *_ in batch):
            self._broken = error
            log.error("store.broken path=%s error=%s", self._path, error)
        elif batch and _is_busy(error):
            log.warning("store.held_by_another path=%s refused=%d", self._path, len(batch))
        return [(done, None, self._told(error)) for _, done, *_ in batch]

    def _told(self, error: BaseException) -> EnginehouseError:
        """An error of the caller's own: each fills in what it had asked."""
        if isinstance(error, sqlite3.Error):
            return store.translated(error, self._path)
        text = error.message if isinstance(error, EnginehouseError) else f"the store could not be written: {error!r}"
        told = ProviderError(text, provider="local")
        told.__cause__ = error
        return told


def _is_on_time(entry: Entry, before: float) -> bool:
    """Whether it may wait on: it was not handed in before this, or cannot be refused."""
    *_, patient, at = entry
    return patient or at >= before


def _is_busy(error: BaseException) -> bool:
    name = getattr(error, "sqlite_errorname", "") or ""
    return isinstance(error, sqlite3.OperationalError) and name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
