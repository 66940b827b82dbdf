"""What callers are answered while the store cannot be written."""

from __future__ import annotations

import asyncio
import json
import sqlite3
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
DEFINITION = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Pass", "End": True}}})


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


async def test_while_another_process_holds_the_store_a_start_is_refused_for_now_and_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "s.db"
    api = Api(LocalEngine(LocalProvider(path, engine=True, arns=ARNS.prefix)), ARNS)
    app = make_app(api, MODEL)
    await api.open()
    other = await asyncio.to_thread(sqlite3.connect, path, isolation_level=None, check_same_thread=False)
    try:
        _, made = await asked(
            app, "CreateStateMachine", name="w", definition=DEFINITION, roleArn="arn:aws:iam::1:role/r"
        )
        start = {"stateMachineArn": made["stateMachineArn"], "name": "a"}
        monkeypatch.setattr(writer_module, "_CALLERS_PATIENCE", 0.05)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        async with asyncio.timeout(10):
            status, answer = await asked(app, "StartExecution", **start)
        assert (status, answer["__type"]) == (503, "ServiceUnavailable")
        assert "held by another process" in answer["message"]
        assert "operation=StartExecution" in caplog.text
        monkeypatch.setattr(api_module, "_PATIENCE", 0.05)
        async with asyncio.timeout(10):
            many = [asked(app, "CreateActivity", name=f"a{number}") for number in range(20)]
            assert {status for status, _ in await asyncio.gather(*many)} == {503}
        await asyncio.to_thread(other.execute, "ROLLBACK")
        _, listed = await asked(app, "ListExecutions", stateMachineArn=made["stateMachineArn"])
        assert listed["executions"] == []
        assert (await asked(app, "ListActivities"))[1] == {"activities": []}
        assert (await asked(app, "StartExecution", **start))[0] == 200
    finally:
        await asyncio.to_thread(other.close)
        await api.close()
