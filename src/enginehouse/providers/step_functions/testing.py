"""Step Functions under the conformance kit: on our own server of its API and on moto's, by way of a proxy that can be cut."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, ClassVar

import boto3
from botocore.config import Config

from enginehouse.abc import Provider
from enginehouse.conformance.harness import NotOfferedError
from enginehouse.conformance.proxy import ServedHarness, free_port
from enginehouse.providers.step_functions.provider import StepFunctionsProvider

REGION = "us-east-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/enginehouse"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

_START = 60.0
_FIRST = '{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}'
_STRANGE = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\nConnection: close\r\n"
    b'Content-Length: 70\r\n\r\n{"__type":"SomethingElse","message":"the kit\'s own error, unheard of"}'
)


class Server:
    """A server of the Step Functions API as a process of its own."""

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str] | None = None) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.command = command
        self.environment = {**os.environ, **KEYS, **(environment or {})}
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens. Raises ``NotOfferedError`` where it does not."""
        self.process = subprocess.Popen(  # noqa: S603 -- our own, and a tool of the tests
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + _START
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise NotOfferedError(f"{self.command[2]} does not start: {error}") from error
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def api_server(store: Path | None = None) -> Server:
    """Our own server, in memory or on a store."""
    port = free_port()
    kept = ["--memory"] if store is None else ["--store", str(store)]
    command = [
        sys.executable,
        "-m",
        "enginehouse.cli",
        "step-functions-api",
        "--port",
        str(port),
        "--log",
        "error",
    ]
    return Server([*command, *kept], port)


def moto_server() -> Server:
    """moto's server, with its Step Functions engine on."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server(command, port, {"MOTO_PORT": str(port), "AWS_DEFAULT_REGION": REGION})
    settings = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    request = urllib.request.Request(  # noqa: S310
        f"{server.url}/moto-api/config", json.dumps(settings).encode(), method="POST"
    )
    urllib.request.urlopen(request, timeout=_START).close()  # noqa: S310
    with _client("stepfunctions", server.url) as client:  # moto loads its engine with the first of these, for seconds
        client.create_state_machine(name="first", definition=_FIRST, roleArn=ROLE)
    return server


_shared: dict[Callable[[], Server], Server] = {}


def _one(make: Callable[[], Server]) -> Server:
    """The one server of this kind in this process, started at the first call."""
    for key, value in KEYS.items():
        os.environ.setdefault(key, value)
    if make not in _shared:
        server = make()
        atexit.register(server.kill)
        _shared[make] = server
    return _shared[make]


def make_queue(url: str, name: str) -> str:
    """A new queue's URL."""
    with _client("sqs", url) as client:
        answer: dict[str, Any] = client.create_queue(QueueName=name)
        return str(answer["QueueUrl"])


def _client(service: str, url: str) -> closing[Any]:
    keys = {name.lower(): os.environ.get(name, value) for name, value in KEYS.items()}
    session = boto3.session.Session(region_name=REGION, **keys)
    return closing(session.client(service, endpoint_url=url, config=Config(read_timeout=_START)))


class _Served(ServedHarness):
    """Workflows on one server of the API for the whole session."""

    not_offered: ClassVar[Mapping[str, str]] = {
        "audit": "AWS has no place for an audit trail; it is kept by the manager",
    }

    @asynccontextmanager
    async def erring(self, provider: Provider) -> AsyncIterator[None]:
        assert self.proxy is not None
        await self.proxy.answer(_STRANGE)
        try:
            yield
        finally:
            await self.proxy.answer(b"")


class Harness(_Served):
    """On our own server of the API, by activities."""

    async def make(self) -> Provider:
        server = await asyncio.to_thread(_one, api_server)
        return StepFunctionsProvider(
            REGION,
            endpoint=f"http://{await self.way(server.port)}",
            role=ROLE,
            prefix=f"kit-{self.scope}-",
            tasks=self.tasks.functions(),
            beat=0.2,
            grace=1.0,
        )

    async def token(self, provider: Provider, execution_id: str) -> str:
        """The token, as it was handed to the task ``kit-hand-out``."""
        return next((str(given["token"]) for given in self.tasks.given if isinstance(given, dict)), "")


class MotoHarness(_Served):
    """On moto's server, by a queue, as moto has no activities."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._queue = ""

    async def make(self) -> Provider:
        server = await asyncio.to_thread(_one, moto_server)
        if not self._queue:
            self._queue = await asyncio.to_thread(make_queue, server.url, f"kit-{self.scope}")
        return StepFunctionsProvider(
            REGION,
            endpoint=f"http://{await self.way(server.port)}",
            queue_endpoint=server.url,
            role=ROLE,
            resources=self._queue,
            tasks=self.tasks.functions(),
            beat=0.2,
            grace=1.0,
        )

    async def token(self, provider: Provider, execution_id: str) -> str:
        """The token, which is in the message for the task ``kit-hand-out``."""
        status = await provider.get_execution_status(execution_id)
        for event in status.history:
            parameters = event.details.get("parameters")
            if event.type == "TaskScheduled" and isinstance(parameters, str):
                return str(json.loads(parameters)["MessageBody"]["task"]["token"])
        return ""
