"""A way to a server that can be made to hang or be cut, for harnesses of engines that are servers."""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from enginehouse.abc import Provider
from enginehouse.conformance.harness import Harness


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Proxy:
    """A way to a server that can hang or be cut. It runs on a loop of its own: the test's shows the provider's tasks alone."""

    def __init__(self, port: int) -> None:
        self._far = port
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._answer = b""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = 0

    async def open(self) -> None:
        await self._there(self._open())

    async def cut(self) -> None:
        """Refuse connections, and break those that there are."""
        await self._there(self._cut())

    async def close(self) -> None:
        await self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    async def answer(self, data: bytes) -> None:
        """Answer all that is asked with ``data``, and close; empty: let it through again."""
        await self._there(self._answering(data))

    def hang(self) -> None:
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        self._loop.call_soon_threadsafe(self._flowing.set)

    async def _there(self, work: Coroutine[Any, Any, None]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        # What asyncio has accepted, but not yet begun, when its server closes is never closed itself.
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        await self._break()
        server.close()

    async def _answering(self, data: bytes) -> None:
        self._answer = data
        await self._break()

    async def _break(self) -> None:
        """End all connections, those too that asyncio is just accepting in tasks of its own."""
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(others)
            if self._server is not None:
                return  # others may come all the time

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # it was cut meanwhile
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # also where it was cancelled before it began

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _closing(writer):
            if self._answer:
                await reader.read(65_536)
                writer.write(self._answer)
                return
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far)
                async with _closing(far_writer):
                    await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        async with _closing(sink):
            while data := await source.read(65_536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class ServedHarness(Harness):
    """Of an engine that is a server which many tests share: each has a ``scope`` and a way there of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.scope = uuid.uuid4().hex[:12]
        self.proxy: Proxy | None = None

    async def way(self, port: int) -> str:
        """The address by which this test reaches the server at ``port``."""
        if self.proxy is None:
            self.proxy = Proxy(port)
            await self.proxy.open()
        return f"127.0.0.1:{self.proxy.port}"

    @asynccontextmanager
    async def hanging(self, provider: Provider) -> AsyncIterator[None]:
        assert self.proxy is not None
        self.proxy.hang()
        try:
            yield
        finally:
            self.proxy.flow()

    @asynccontextmanager
    async def unreachable(self, provider: Provider) -> AsyncIterator[None]:
        assert self.proxy is not None
        await self.proxy.cut()
        try:
            yield
        finally:
            await self.proxy.open()

    async def cleanup(self) -> None:
        if self.proxy is not None:
            await self.proxy.close()
