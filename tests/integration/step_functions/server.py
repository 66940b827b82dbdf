"""The Step Functions API as its users start it, and boto3 clients of it. For tests of other rooms too."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.integration.cli.command import ENVIRONMENT

ROLE = "arn:aws:iam::123456789012:role/anybody"
REGION = "us-east-1"
KEYS = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
LIMIT = 60


class Server:
    """A process that serves the API at ``url``. ``port`` 0: a free one, which it keeps when it is started again."""

    def __init__(self, folder: Path, *flags: str, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.flags = flags
        self.environment = {**ENVIRONMENT, **(environment or {})}
        self.port = 0
        self.url = ""
        self.process: subprocess.Popen[str] | None = None
        self.log = (folder / "server.log").open("a+")

    def start(self) -> None:
        """Returns when it answers. Raises ``RuntimeError`` with what it said where it does not start."""
        words = ["step-functions-api", "--port", str(self.port), "--json", "--log", "warning", *self.flags]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "enginehouse.cli", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith('{"url"'):
            self.kill()
            raise RuntimeError(f"the server did not start: {line}{self.said()}")
        self.url = json.loads(line)["url"]
        self.port = int(self.url.rpartition(":")[2])

    def said(self) -> str:
        """What stands in its log."""
        self.log.seek(0)
        return self.log.read()

    def kill(self) -> None:
        """As a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """As Ctrl-C does; the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        process = self.process
        assert process is not None
        process.send_signal(number)
        status = process.wait(LIMIT)
        assert process.stdout is not None
        process.stdout.close()
        self.process = None
        return status

    def client(self, **settings: Any) -> Any:
        """A boto3 client, which neither retries nor prefixes the host unless told to."""
        config = Config(**{"inject_host_prefix": False, "retries": {"total_max_attempts": 1}, **settings})
        return boto3.client("stepfunctions", endpoint_url=self.url, region_name=REGION, config=config, **KEYS)


@contextmanager
def serving(folder: Path, *flags: str, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """A server for the length of the block, on a store in the folder unless the flags say otherwise."""
    server = Server(folder, *flags, environment=environment)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.stop()
        server.log.close()


def definition(*states: tuple[str, dict[str, Any]]) -> str:
    """A machine of these states, one after the other."""
    names = [name for name, _ in states]
    following = [{"Next": name} for name in names[1:]] + [{"End": True}]
    made = {
        name: state if state["Type"] in ("Succeed", "Fail") else {**state, **after}
        for (name, state), after in zip(states, following, strict=True)
    }
    return json.dumps({"StartAt": names[0], "States": made})


def many_of(resource: str) -> str:
    """A machine whose only state is a distributed Map: each item of its input is given to the resource."""
    item = {"StartAt": "Item", "States": {"Item": {"Type": "Task", "Resource": resource, "End": True}}}
    mode = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return definition(("Many", {"Type": "Map", "ItemProcessor": {"ProcessorConfig": mode, **item}}))


PASS = definition(("Only", {"Type": "Pass"}))
HOLD = definition(("Hold", {"Type": "Wait", "Seconds": 3600}))
