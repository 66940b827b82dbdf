"""What TestState tells of an HTTP task at the level TRACE: the request that was sent, and the answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from enginehouse.asl.commands import ScheduleTask
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded, TaskTimedOut
from enginehouse.tasks.http_invoke import RESOURCE, HttpFailure, request_of

_STATUS = "States.Http.StatusCode."


def trace(command: ScheduleTask, outcome: TaskSucceeded | TaskFailed | TaskTimedOut) -> dict[str, dict[str, str]]:
    """``request`` and ``response`` in AWS's shape; nothing for a task of another sort, nor for a request that was never sent."""
    if command.resource != RESOURCE:
        return {}
    try:
        request = request_of(command.arguments if isinstance(command.arguments, dict) else {})
    except HttpFailure:
        return {}
    protocol = urlsplit(request.url).scheme
    sent = {"protocol": protocol, "method": request.method, "url": request.url, "headers": _headers(request.headers)}
    if request.body is not None:
        sent["body"] = request.body.decode("utf-8", "replace")
    answered = _answered(outcome)
    return {"request": sent} | ({"response": {"protocol": protocol, **answered}} if answered else {})


def _answered(outcome: TaskSucceeded | TaskFailed | TaskTimedOut) -> dict[str, str]:
    if isinstance(outcome, TaskSucceeded) and isinstance(outcome.output, dict):
        answer = outcome.output
        body = answer.get("ResponseBody", "")
        return {
            "statusCode": str(answer.get("StatusCode", "")),
            "statusMessage": str(answer.get("StatusText", "")),
            "headers": _headers(answer.get("Headers", {})),
            "body": body if isinstance(body, str) else msgspec.json.encode(body).decode(),
        }
    if isinstance(outcome, TaskFailed) and (outcome.error or "").startswith(_STATUS):
        return {"statusCode": (outcome.error or "").removeprefix(_STATUS), "body": outcome.cause or ""}
    return {}


def _headers(headers: Mapping[str, Any]) -> str:
    """As AWS writes them: ``[content-type: application/json, date: ...]``."""
    lines = [f"{name}: {', '.join(value) if isinstance(value, list) else value}" for name, value in headers.items()]
    return f"[{', '.join(lines)}]"
