"""Step Functions under the conformance kit: on moto's server with its engine on, by way of a proxy that can be cut."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import boto3

from enginehouse.abc import Provider
from enginehouse.conformance.harness import Harness as KitHarness
from enginehouse.conformance.harness import NotOfferedError
from enginehouse.conformance.proxy import Proxy, free_port
from enginehouse.providers.step_functions.provider import StepFunctionsProvider

REGION = "us-east-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/enginehouse"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

_START = 60.0
_STRANGE = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\nConnection: close\r\n"
    b'Content-Length: 70\r\n\r\n{"__type":"SomethingElse","message":"the kit\'s own error, unheard of"}'
)


class MotoServer:
    """moto's server as a process of its own, with its Step Functions engine on."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(  # noqa: S603 -- a tool of the tests
            command,
            env={**os.environ, **KEYS, "MOTO_PORT": str(self.port), "AWS_DEFAULT_REGION": REGION},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ready(self) -> None:
        """Wait until it answers, and turn its engine on. Raises ``NotOfferedError`` where it does not start."""
        settings = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/moto-api/config", json.dumps(settings).encode(), method="POST"
        )
        for _ in range(int(_START / 0.2)):
            try:
                urllib.request.urlopen(request, timeout=2).close()  # noqa: S310
                return
            except OSError as error:
                if self.process.poll() is not None:
                    raise NotOfferedError(f"moto's server does not start: {error}") from error
            time.sleep(0.2)
        raise NotOfferedError("moto's server does not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


_shared: list[MotoServer] = []


async def moto_server() -> MotoServer:
    """The one moto server of this process, started at the first call."""
    if not _shared:
        server = await asyncio.to_thread(MotoServer)
        _shared.append(server)
        atexit.register(server.kill)
        await asyncio.to_thread(server.ready)
    return _shared[0]


def make_queue(url: str, name: str) -> str:
    """A new queue's URL."""
    os.environ.update({key: os.environ.get(key, value) for key, value in KEYS.items()})
    client = boto3.session.Session(region_name=REGION).client("sqs", endpoint_url=url)
    try:
        answer: dict[str, Any] = client.create_queue(QueueName=name)
        return str(answer["QueueUrl"])
    finally:
        client.close()


class MotoHarness(KitHarness):
    """Workflows on one moto server for the whole session; each test has a queue and a way there of its own."""

    not_offered: ClassVar[Mapping[str, str]] = {
        "audit": "AWS has no place for an audit trail; it is kept by the manager",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._scope = uuid.uuid4().hex[:12]
        self._proxy: Proxy | None = None
        self._queue = ""

    async def make(self) -> Provider:
        server = await moto_server()
        if self._proxy is None:
            self._queue = await asyncio.to_thread(make_queue, server.url, f"kit-{self._scope}")
            self._proxy = Proxy(server.port)
            await self._proxy.open()
        return StepFunctionsProvider(
            REGION,
            endpoint=f"http://127.0.0.1:{self._proxy.port}",
            queue_endpoint=server.url,
            role=ROLE,
            resources=self._queue,
            tasks=self.tasks.functions(),
            beat=0.2,
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
        assert self._proxy is not None
        await self._proxy.answer(_STRANGE)
        try:
            yield
        finally:
            await self._proxy.answer(b"")

    async def token(self, provider: Provider, execution_id: str) -> str:
        """The token, which is in what was handed out by the task ``kit-hand-out``."""
        status = await provider.get_execution_status(execution_id)
        for event in status.history:
            parameters = event.details.get("parameters")
            if event.type == "TaskScheduled" and isinstance(parameters, str):
                return str(json.loads(parameters)["MessageBody"]["task"]["token"])
        return ""

    async def cleanup(self) -> None:
        if self._proxy is not None:
            await self._proxy.close()
