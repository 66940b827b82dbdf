"""StartExecution and DescribeExecution over HTTP: ours and moto's server with its engine on, the same boto3 clients, in one run.

Not part of `make bench`: the clients cost more than the server. python -m bench.step_functions_api
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import psutil
from botocore.config import Config

from bench.figure import Figure, main

ROLE = "arn:aws:iam::123456789012:role/anybody"
PASS = json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}})
ALONE, CLIENTS, SECONDS = 300, 8, 5.0
SPAWN = multiprocessing.get_context("spawn")


class Served(NamedTuple):
    """A server: its address, its process, and the seconds from its start to its first answer."""

    url: str
    process: psutil.Process
    seconds: float


class Measured(NamedTuple):
    """``calls`` a second by all clients, the median milliseconds of a call by one alone, and the server's own milliseconds of
    processor a call."""

    calls: float
    start: float
    describe: float
    server: float


def client(url: str) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
        config=Config(retries={"total_max_attempts": 1}),
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def ours(*, durable: bool = True) -> Iterator[Served]:
    """The server on a store of its own, or keeping nothing, as moto's does."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        where = ["--store", str(Path(folder) / "s.db")] if durable else ["--memory"]
        words = ["step-functions-api", "--port", "0", "--json", "--log", "error", *where]
        with subprocess.Popen([sys.executable, "-m", "enginehouse.cli", *words], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            asked = urllib.request.Request(url, b"{}", {"X-Amz-Target": "AWSStepFunctions.ListStateMachines"})
            urllib.request.urlopen(asked).close()
            yield Served(url, psutil.Process(process.pid), time.perf_counter() - begun)
            process.terminate()


@contextmanager
def motos() -> Iterator[Served]:
    """moto's server, with the engine that runs executions."""
    port = free_port()
    begun = time.perf_counter()
    url = f"http://127.0.0.1:{port}"
    words = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        config = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
        request = urllib.request.Request(f"{url}/moto-api/config", config, {"Content-Type": "application/json"})
        for _ in range(200):
            try:
                urllib.request.urlopen(request).close()
                break
            except OSError:
                time.sleep(0.02)
        yield Served(url, psutil.Process(process.pid), time.perf_counter() - begun)
        process.terminate()


def pair(sfn: Any, machine: str) -> tuple[float, float]:
    """Seconds of a start and of the description of what it started."""
    begun = time.perf_counter()
    arn = sfn.start_execution(stateMachineArn=machine, name=uuid.uuid4().hex, input='{"n": 1}')["executionArn"]
    started = time.perf_counter()
    assert sfn.describe_execution(executionArn=arn)["executionArn"] == arn
    return started - begun, time.perf_counter() - started


def busy(url: str, machine: str, begin: Any, counted: Any) -> None:
    """One client process: pairs of calls for so many seconds."""
    sfn = client(url)
    pair(sfn, machine)
    begin.wait()
    calls, end = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        pair(sfn, machine)
        calls += 2
    counted.put(calls)


def measured(url: str, server: psutil.Process) -> Measured:
    sfn = client(url)
    machine = sfn.create_state_machine(name="bench", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    for _ in range(20):
        pair(sfn, machine)
    alone = [pair(sfn, machine) for _ in range(ALONE)]
    begin, counted = SPAWN.Barrier(CLIENTS + 1), SPAWN.Queue()
    clients = [SPAWN.Process(target=busy, args=(url, machine, begin, counted)) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    begin.wait()
    before = server.cpu_times()
    calls = sum(counted.get() for _ in clients)
    after = server.cpu_times()
    for each in clients:
        each.join()
    spent = after.user + after.system - before.user - before.system
    return Measured(
        calls / SECONDS,
        statistics.median(start for start, _ in alone) * 1000,
        statistics.median(describe for _, describe in alone) * 1000,
        spent / calls * 1000,
    )


def measure() -> list[Figure]:
    found = []
    with motos() as served:
        theirs = measured(served.url, served.process)
    with ours() as served:
        found.append(Figure("ours: start to first answer", served.seconds, "s", "less"))
        found.append(Figure("ours: memory at rest", served.process.memory_info().rss / 1e6, "MB", "less"))
        mine = measured(served.url, served.process)
    with ours(durable=False) as served:
        kept = measured(served.url, served.process)
    for who, it in (("moto_server", theirs), ("ours", mine), ("ours, --memory", kept)):
        found += [
            Figure(f"{who}: start and describe, {CLIENTS} boto3 clients", it.calls, "calls/s"),
            Figure(f"{who}: StartExecution, one client, p50", it.start, "ms", "less"),
            Figure(f"{who}: DescribeExecution, one client, p50", it.describe, "ms", "less"),
            Figure(f"{who}: the server's processor time a call", it.server, "ms", "less"),
        ]
    cores = f"{os.cpu_count()} cores, which the clients share"
    found.append(Figure("ours to moto_server: calls", mine.calls / theirs.calls, "times", note=cores))
    found.append(Figure("ours, --memory, to moto_server: calls", kept.calls / theirs.calls, "times", note=cores))
    found.append(Figure("moto_server to ours: processor time a call", theirs.server / mine.server, "times"))
    return found


if __name__ == "__main__":
    main(measure)
