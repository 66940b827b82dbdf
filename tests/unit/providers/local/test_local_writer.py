"""Group commit: what is handed in while a batch is on its way is the next, and nobody waits for the one after his own."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from enginehouse import ProviderUnavailableError
from enginehouse.providers.local import LocalProvider
from enginehouse.providers.local import writer as writer_module
from enginehouse.providers.local.store import Batch
from enginehouse.providers.local.writer import Entry, Writer

ROOM = 10.0


@pytest.fixture
async def writer(store: Path) -> AsyncIterator[Writer]:
    made = Writer(str(store), "OFF", asyncio.get_running_loop())
    await made.write(lambda _: None)
    yield made
    await made.close()


class Commits:
    """A writer's commits, held one by one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: asyncio.Queue[None] = asyncio.Queue()
        self.free = threading.Semaphore(0)
        loop, commit = asyncio.get_running_loop(), Writer._commit

        def held(writer: Writer, connection: sqlite3.Connection) -> None:
            loop.call_soon_threadsafe(self.begun.put_nowait, None)
            self.free.acquire(timeout=ROOM)
            commit(writer, connection)

        monkeypatch.setattr(Writer, "_commit", held)


async def test_what_comes_while_a_batch_is_committed_is_one_batch(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits, batches = Commits(monkeypatch), []
    first = asyncio.create_task(writer.write(lambda batch: batches.append(batch)))
    await commits.begun.get()
    others = [asyncio.create_task(writer.write(lambda batch: batches.append(batch))) for _ in range(20)]
    await asyncio.sleep(0)
    commits.free.release(2)
    async with asyncio.timeout(ROOM):
        await asyncio.gather(first, *others)
    assert len(batches) == 21
    assert len({id(batch) for batch in batches[1:]}) == 1


async def test_a_batch_is_told_before_the_next_one_is_committed(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = Commits(monkeypatch)
    first = asyncio.create_task(writer.write(lambda _: "first"))
    await commits.begun.get()
    second = asyncio.create_task(writer.write(lambda _: "second"))
    await asyncio.sleep(0)
    commits.free.release()
    async with asyncio.timeout(ROOM):
        assert await first == "first"
        await commits.begun.get()
        assert not second.done()
        commits.free.release()
        assert await second == "second"


async def test_a_batch_is_told_while_the_next_one_waits_for_another_process(
    writer: Writer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = Commits(monkeypatch)
    other = await asyncio.to_thread(sqlite3.connect, store, isolation_level=None, check_same_thread=False)
    begin, holding = Writer._begin, threading.Event()

    def begun(self: Writer, connection: sqlite3.Connection, batch: list[Entry]) -> None:
        if holding.is_set():
            other.execute("BEGIN IMMEDIATE")
            holding.clear()
        begin(self, connection, batch)

    monkeypatch.setattr(Writer, "_begin", begun)
    first = asyncio.create_task(writer.write(lambda _: "first"))
    await commits.begun.get()
    second = asyncio.create_task(writer.write(lambda _: "second"))
    await asyncio.sleep(0)
    holding.set()
    commits.free.release(2)
    async with asyncio.timeout(ROOM):
        assert await first == "first"
        assert not second.done()
        await asyncio.to_thread(other.close)
        assert await second == "second"


async def test_callers_are_told_when_another_process_holds_the_store_and_an_engine_waits_on(
    writer: Writer, store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer_module, "_CALLERS_PATIENCE", 0.05)
    other = await asyncio.to_thread(sqlite3.connect, store, isolation_level=None, check_same_thread=False)
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
    turn: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    written: list[str] = []
    try:
        async with asyncio.timeout(ROOM):
            with pytest.raises(ProviderUnavailableError, match="held by another process"):
                await writer.write(lambda _: written.append("alone"))
            writer.submit(lambda _: written.append("turn"), lambda result, error: turn.set_result(error), vital=True)
            own = asyncio.create_task(writer.write(partial(_note, written, "the engine's own"), patient=True))
            for name in ("beside the turn", "after it"):
                with pytest.raises(ProviderUnavailableError, match="held by another process"):
                    await writer.write(partial(_note, written, name))
            assert (turn.done(), own.done()) == (False, False)
    finally:
        await asyncio.to_thread(other.close)
    async with asyncio.timeout(ROOM):
        assert await turn is None
        await own
        await writer.write(partial(_note, written, "now"))
    assert written == ["turn", "the engine's own", "now"]
    assert "store.held_by_another" in caplog.text


async def test_an_engine_waits_for_as_long_as_the_store_is_held_and_says_so(
    writer: Writer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, said = asyncio.get_running_loop(), asyncio.Queue[str]()
    monkeypatch.setattr(writer_module, "_SAY", 0.0)
    monkeypatch.setattr(writer_module, "_BRISK", 0.0)
    monkeypatch.setattr(writer_module.log, "warning", lambda text, *_: loop.call_soon_threadsafe(said.put_nowait, text))
    other = await asyncio.to_thread(sqlite3.connect, store, isolation_level=None, check_same_thread=False)
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
    turn: asyncio.Future[object] = loop.create_future()
    written: list[str] = []
    try:
        writer.submit(lambda _: written.append("turn"), lambda result, error: turn.set_result(error), vital=True)
        async with asyncio.timeout(ROOM):
            for _ in range(5):
                assert "store.held_by_another" in await said.get()
        assert not turn.done()
    finally:
        await asyncio.to_thread(other.close)
    async with asyncio.timeout(ROOM):
        assert await turn is None
    assert written == ["turn"]


async def test_an_engine_that_is_told_to_end_does_not_wait_for_a_held_store_for_ever(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_CALLERS_PATIENCE", 0.05)
    writer = Writer(str(store), "OFF", asyncio.get_running_loop())
    await writer.write(lambda _: None)
    other = await asyncio.to_thread(sqlite3.connect, store, isolation_level=None, check_same_thread=False)
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
    try:
        own = asyncio.create_task(writer.write(lambda _: None, patient=True))
        await asyncio.sleep(0)
        async with asyncio.timeout(ROOM):
            await writer.close()
            with pytest.raises(ProviderUnavailableError, match="held by another process"):
                await own
    finally:
        await asyncio.to_thread(other.close)


async def test_who_opens_a_store_that_another_process_holds_is_told_too(
    writer: Writer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_CALLERS_PATIENCE", 0.05)
    other = await asyncio.to_thread(sqlite3.connect, store, isolation_level=None, check_same_thread=False)
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
    try:
        async with asyncio.timeout(ROOM):
            with pytest.raises(ProviderUnavailableError, match="held by another process"):
                await LocalProvider(store).__aenter__()
    finally:
        await asyncio.to_thread(other.close)
    async with asyncio.timeout(ROOM), LocalProvider(store):
        pass


def _note(written: list[str], name: str, _: Batch) -> None:
    written.append(name)


async def test_what_was_handed_in_before_the_end_is_committed_and_told(store: Path) -> None:
    writer = Writer(str(store), "OFF", asyncio.get_running_loop())
    writes = [asyncio.create_task(writer.write(lambda batch: batch.post(1, None))) for _ in range(50)]
    await asyncio.sleep(0)
    async with asyncio.timeout(ROOM):
        await writer.close()
        assert len(set(await asyncio.gather(*writes))) == 50


async def test_a_write_that_refuses_leaves_the_others_of_its_batch(writer: Writer) -> None:
    def odd(batch: Batch) -> None:
        raise RuntimeError("odd")

    writes = [writer.write(odd), *(writer.write(lambda batch: batch.post(1, None)) for _ in range(5))]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert "odd" in str(outcomes[0])
    assert all(isinstance(item, int) for item in outcomes[1:])
