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
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._break()

    async def _answering(self, data: bytes) -> None:
        self._answer = data
        await self._break()

    async def _break(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0)  # lets the closed transports go

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._answer:
            await reader.read(65_536)
            writer.write(self._answer)
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far)
        except OSError:
            writer.close()
            return
        if self._server is None:  # it was cut meanwhile
            writer.close()
            far_writer.close()
            return
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while data := await source.read(65_536):
                    await self._flowing.wait()
                    sink.write(data)
                    await sink.drain()
        finally:
            sink.close()


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
