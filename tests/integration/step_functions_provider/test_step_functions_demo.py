"""The first workflow of the README with another provider and a worker: the same files, and the same output."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from enginehouse.providers.step_functions.testing import REGION, ROLE, Server, api_server, make_queue, moto_server

README = Path(__file__).parents[3] / "README.md"
SAME = ["run", "hello.yaml", "--input", '{"who": "Ada"}', "--quiet"]

# moto evaluates no JSONata, so the same workflow is written in JSONPath for it.
IN_JSONPATH = """
    Comment: Greet somebody, wait, and part.
    StartAt: Greet
    States:
      Greet:
        Type: Task
        Resource: task:greet
        Retry:
          - ErrorEquals: [Shy]
            IntervalSeconds: 1
            MaxAttempts: 3
        ResultPath: $.greeting
        Next: Talk
      Talk:
        Type: Wait
        Seconds: 1
        Next: Part
      Part:
        Type: Task
        Resource: task:part
        ResultPath: $.parting
        Next: Both
      Both:
        Type: Pass
        Parameters:
          said.$: States.Array($.greeting, $.parting)
        OutputPath: $.said
        End: true
"""


def of_readme(title: str) -> str:
    found = re.search(rf'```\w+ title="{re.escape(title)}"\n(.*?)```', README.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def call(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "enginehouse.cli", *words],
        cwd=folder, env=os.environ, capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def worker(folder: Path, *lines: str) -> Iterator[None]:
    options = [f'region = "{REGION}"', f'role = "{ROLE}"', *lines]
    (folder / "enginehouse.toml").write_text("\n".join(["[providers.step-functions]", *options]), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "enginehouse.cli", "worker", "-p", "step-functions", "-t", "tasks.py"],
        cwd=folder, env=os.environ, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text(of_readme("tasks.py"), encoding="utf-8")
    (tmp_path / "hello.yaml").write_text(of_readme("hello.yaml"), encoding="utf-8")
    return tmp_path


@contextmanager
def served(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        server.kill()


def test_the_readmes_workflow_runs_by_activities_on_our_own_server(folder: Path) -> None:
    with served(api_server()) as server, worker(folder, f'endpoint = "{server.url}"'):
        there = call(folder, *SAME, "--provider", "step-functions")
    assert there == call(folder, *SAME, "--provider", "local", "--tasks", "tasks.py")
    assert "Hello, Ada." in there


def test_the_same_runs_by_a_queue_and_tokens_on_moto(folder: Path) -> None:
    (folder / "hello.yaml").write_text(textwrap.dedent(IN_JSONPATH), encoding="utf-8")
    with served(moto_server()) as server:
        queue = make_queue(server.url, f"demo-{uuid.uuid4().hex[:8]}")
        lines = [f'endpoint = "{server.url}"', f'queue_endpoint = "{server.url}"', f'resources = "{queue}"']
        with worker(folder, *lines):
            there = call(folder, *SAME, "--provider", "step-functions")
    assert there == call(folder, *SAME, "--provider", "local", "--tasks", "tasks.py")
    assert "Hello, Ada." in there


def test_the_demo_runs_by_activities_on_our_own_server(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(README.parent / "examples" / "tenant_provisioning", folder)
    words = ["run", "tenant-provisioning.yaml", "--input", "@input.json", "--quiet", "--name", "one"]
    store = folder / "api.db"  # a Map's files are read where it is
    with served(api_server(store)) as server, worker(folder, f'endpoint = "{server.url}"', "pollers = 4"):
        there = json.loads(call(folder, *words, "--provider", "step-functions"))
        history = call(folder, "history", "tenant-provisioning:one", "--provider", "step-functions")
    assert (there["tenant"], there["plans"]) == ("acme", 8)
    assert "ExecutionSucceeded" in history
