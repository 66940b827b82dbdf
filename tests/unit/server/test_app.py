"""What callers are answered while the store cannot be written."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from enginehouse.providers.local import LocalProvider
from enginehouse.providers.local import writer as writer_module
from enginehouse.server.step_functions import api as api_module
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.app import App, make_app
from enginehouse.server.step_functions.arns import Arns
from enginehouse.server.step_functions.on_local import LocalEngine
from tests.service_model import MODEL

ARNS = Arns()
PASS = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Pass", "End": True}}})
HOLD = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Wait", "Seconds": 3600, "End": True}}})


async def asked(app: App, operation: str, **request: Any) -> tuple[int, dict[str, Any]]:
    """Status and answer."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(request).encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-amz-target", f"{MODEL.target_prefix}.{operation}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


@dataclass
class Held:
    """The API on a store that another process can hold."""

    api: Api
    app: App
    other: sqlite3.Connection

    async def hold(self) -> None:
        await asyncio.to_thread(self.other.execute, "BEGIN IMMEDIATE")

    async def let_go(self) -> None:
        await asyncio.to_thread(self.other.execute, "ROLLBACK")

    async def made(self, definition: str) -> str:
        """The ARN of a new machine."""
        role = "arn:aws:iam::1:role/r"
        _, answer = await asked(self.app, "CreateStateMachine", name="w", definition=definition, roleArn=role)
        return str(answer["stateMachineArn"])


@pytest.fixture
async def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Held]:
    path = tmp_path / "s.db"
    api = Api(LocalEngine(LocalProvider(path, engine=True, arns=ARNS.prefix)), ARNS)
    await api.open()
    other = await asyncio.to_thread(sqlite3.connect, path, isolation_level=None, check_same_thread=False)
    monkeypatch.setattr(writer_module, "_CALLERS_PATIENCE", 0.05)
    monkeypatch.setattr(api_module, "_PATIENCE", 0.05)
    yield Held(api, make_app(api, MODEL), other)
    await asyncio.to_thread(other.close)
    await api.close()


async def test_while_another_process_holds_the_store_a_start_is_refused_for_now_and_nothing_is_begun(
    held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    machine = await held.made(PASS)
    await held.hold()
    async with asyncio.timeout(10):
        status, answer = await asked(held.app, "StartExecution", stateMachineArn=machine, name="a")
        many = [asked(held.app, "CreateActivity", name=f"a{number}") for number in range(20)]
        assert {status for status, _ in await asyncio.gather(*many)} == {503}
    assert (status, answer["__type"]) == (503, "ServiceUnavailable")
    assert "held by another process" in answer["message"]
    assert "operation=StartExecution" in caplog.text
    await held.let_go()
    assert (await asked(held.app, "ListExecutions", stateMachineArn=machine))[1] == {"executions": []}
    assert (await asked(held.app, "ListActivities"))[1] == {"activities": []}
    assert (await asked(held.app, "StartExecution", stateMachineArn=machine, name="a"))[0] == 200


async def test_a_machine_is_deleted_as_soon_as_the_store_can_be_written(held: Held) -> None:
    machine = await held.made(HOLD)
    await asked(held.app, "StartExecution", stateMachineArn=machine, name="a")
    assert await asked(held.app, "DeleteStateMachine", stateMachineArn=machine) == (200, {})
    await held.api.engine.ended("w:a")
    await held.hold()
    (deleting,) = held.api.background
    await asyncio.wait([deleting], timeout=0.5)
    assert (await asked(held.app, "DescribeStateMachine", stateMachineArn=machine))[1]["status"] == "DELETING"
    await held.let_go()
    async with asyncio.timeout(10):
        await deleting
    assert (await asked(held.app, "ListStateMachines"))[1] == {"stateMachines": []}
