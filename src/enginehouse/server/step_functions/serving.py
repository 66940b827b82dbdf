"""Serving the API at a socket until somebody asks the process to end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from enginehouse.errors import ProviderUnavailableError
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.app import make_app
from enginehouse.server.step_functions.machines import go_on_deleting
from enginehouse.server.step_functions.model import load
from enginehouse.server.step_functions.signature import Signatures

# Seconds that requests under way have to end; those that are held are told to.
_DRAIN = 1


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises ``ProviderUnavailableError`` where the address is taken."""
    # asyncio sends small packets at once only on sockets that say that they are TCP; an answer's parts would wait 40 ms
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
        return listening
    except OSError as error:
        listening.close()
        raise ProviderUnavailableError(f"{host}:{port} cannot be listened at: {error.strerror}") from error


async def serve(
    api: Api, listening: socket.socket, ready: Callable[[str], None], signatures: Signatures | None = None
) -> None:
    """Open the engine, tell ``ready`` the URL, and serve."""
    model = load()
    host, port = listening.getsockname()[:2]
    await api.open()
    try:
        for machine in list(api.catalogue.machines.values()):
            if machine.deleting:
                go_on_deleting(api, machine)
        config = uvicorn.Config(
            make_app(api, model, signatures),
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            date_header=True,
            timeout_graceful_shutdown=_DRAIN,
            timeout_keep_alive=75,
            backlog=1024,
        )
        ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        await _until_ended(_Server(config), api, listening)
    finally:
        await api.close()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the business of whoever started this."""
        yield


async def _until_ended(server: uvicorn.Server, api: Api, listening: socket.socket) -> None:
    """Serve; when this is cancelled, or the engine has to stop, answer what is under way first. Raises why it has stopped."""
    running = asyncio.ensure_future(server.serve(sockets=[listening]))
    broken = asyncio.ensure_future(api.engine.until_broken())
    try:
        await asyncio.wait({running, broken}, return_when=asyncio.FIRST_COMPLETED)
        if broken.done():
            await broken
    finally:
        broken.cancel()
        server.should_exit = True
        api.leaving.set()
        await running
