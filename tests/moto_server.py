"""moto's server on loopback: an emulation of AWS, real enough to be called by botocore over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
_PATIENCE = 60.0


@contextmanager
def moto_server(account: str = "") -> Iterator[str]:
    """The URL of a server that ends with the block. With an ``account`` it has that one, whatever role is taken on."""
    only = {"MOTO_ACCOUNT_ID": account} if account else {}
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, **KEYS, **only, "NO_PROXY": "127.0.0.1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _await(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5) as answer:
                answer.read()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"moto's server did not come up (exit {process.poll()})") from None
            time.sleep(0.1)


def configure(url: str, settings: str) -> None:
    """Set moto's own options, as in ``{"stepfunctions": {"execute_state_machine": true}}``."""
    request = urllib.request.Request(f"{url}/moto-api/config", settings.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


@cache
def client(url: str, service: str) -> Any:
    """botocore's client of a service on the server."""
    from botocore.session import Session

    return Session().create_client(
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
