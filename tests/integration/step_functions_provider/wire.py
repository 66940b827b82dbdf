"""A server that speaks Step Functions' wire protocol by script: what AWS says, and what goes wrong on the way to it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Answer:
    """What is sent back: a body as JSON, or a fault of AWS's."""

    body: Any = None
    status: int = 200
    type: str | None = None
    message: str = ""
    after: float = 0.0

    def data(self) -> bytes:
        body = self.body
        if self.type is not None:
            body = {"__type": self.type, "message": self.message} if self.type else {"message": self.message}
        text = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        return (
            f"HTTP/1.1 {self.status} X\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"x-amzn-RequestId: 1\r\nContent-Length: {len(text)}\r\n\r\n"
        ).encode() + text


def fault(type: str, message: str = "because", status: int = 400) -> Answer:
    return Answer(type=type, message=message, status=status)


class Silent:
    """No answer, for as long as the connection holds."""


class Cut:
    """The connection is closed in the place of an answer."""


Said: TypeAlias = "Answer | Silent | Cut | Callable[[Mapping[str, Any]], Answer | Silent | Cut]"


class Wire:
    """``script(operation, ...)``: what that operation is answered, call by call; the last answer stays. ``calls``: what was
    asked, in order."""

    def __init__(self) -> None:
        self._scripts: dict[str, list[Said]] = defaultdict(list)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._news = asyncio.Condition()
        self._server: asyncio.Server
        self.url = ""

    def script(self, operation: str, *answers: Said) -> None:
        self._scripts[operation] = list(answers)

    def scripted(self, operation: str) -> bool:
        return bool(self._scripts[operation])

    def asked(self, operation: str) -> list[Mapping[str, Any]]:
        return [body for name, body in self.calls if name == operation]

    async def reached(self, operation: str, count: int = 1) -> Mapping[str, Any]:
        """The latest of ``count`` calls of an operation, once they were made. From any loop: the server is on one of its own."""
        waiting = asyncio.run_coroutine_threadsafe(self._reached(operation, count), self._loop)
        async with asyncio.timeout(10):
            return await asyncio.wrap_future(waiting)

    async def _reached(self, operation: str, count: int) -> Mapping[str, Any]:
        async with self._news:
            await self._news.wait_for(lambda: len(self.asked(operation)) >= count)
        return self.asked(operation)[count - 1]

    def open(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(5)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**22)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines()[1:])
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        given = json.loads(body) if operation else {}
        async with self._news:
            self.calls.append((operation, given))
            self._news.notify_all()
        script = self._scripts[operation]
        if not script:
            answer: Any = fault("NotScripted", operation, 400)
        else:
            answer = script.pop(0) if len(script) > 1 else script[0]
        if callable(answer):
            answer = answer(given)
        if isinstance(answer, Silent):
            await asyncio.sleep(3600)
        if isinstance(answer, Cut):
            return False
        await asyncio.sleep(answer.after)
        writer.write(answer.data())
        await writer.drain()
        return True


@contextmanager
def wire() -> Iterator[Wire]:
    server = Wire()
    server.open()
    try:
        yield server
    finally:
        server.close()
