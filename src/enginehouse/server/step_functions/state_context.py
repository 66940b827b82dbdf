"""The Context object that TestState shows to a state: the caller's own, or a made-up one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from enginehouse.asl.context import iso
from enginehouse.server.step_functions.errors import ApiError

_FIELDS: Mapping[str, Mapping[str, str]] = {
    "Execution": {
        "Id": "string",
        "Input": "",
        "Name": "string",
        "RoleArn": "string",
        "StartTime": "string",
        "RedriveCount": "number",
        "RedriveTime": "string",
    },
    "State": {"EnteredTime": "string", "Name": "string", "RetryCount": "number"},
    "StateMachine": {"Id": "string", "Name": "string"},
    "Task": {"Token": "string"},
}
_TYPES: Mapping[str, tuple[type, ...]] = {"string": (str,), "number": (int, float)}


def check_context(context: Mapping[str, Any], *, waits: bool) -> None:
    """Raise ValidationException unless it is a Context object. ``waits``: the state is a Task that waits for a job or a token."""
    for name, value in context.items():
        if name == "Map":
            raise _refused("'Map' field is not supported when mocking a Context object")
        if name not in _FIELDS:
            raise _refused(f"Field '{name}' is not allowed")
        if name == "Task" and not waits:
            raise _refused(
                "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
                "service integration pattern"
            )
        if not isinstance(value, dict):
            raise _refused(f"{name} must be an object")
        for field, inner in value.items():
            wanted = _FIELDS[name].get(field)
            if wanted is None:
                raise _refused(f"Field '{field}' is not allowed")
            if wanted and (not isinstance(inner, _TYPES[wanted]) or isinstance(inner, bool)):
                raise _refused(f"{name}.{field} must be a {wanted}")


def _refused(why: str) -> ApiError:
    return ApiError("ValidationException", f"Invalid Context object provided: {why}")


def default_context(
    state: str, input: Any, *, role: str | None, prefix: str, now: float, retries: int | None, token: bool
) -> dict[str, Any]:
    """What AWS fills in: an EXPRESS execution of a state machine, both with made-up names. ``prefix`` is ``arn:aws:states:REGION:ACCOUNT``;
    ``retries`` is None for a state that has no Retry."""
    machine, execution = str(uuid.uuid4()), str(uuid.uuid4())
    context: dict[str, Any] = {
        "Execution": {
            "Id": f"{prefix}:express:{machine}:{execution}",
            "Input": input,
            "Name": execution,
            "RoleArn": role,
            "StartTime": iso(now),
        },
        "StateMachine": {"Id": f"{prefix}:stateMachine:{machine}", "Name": machine},
        "State": {"Name": state, "EnteredTime": iso(now)},
    }
    if retries is not None:
        context["State"]["RetryCount"] = retries
    if token:
        context["Task"] = {"Token": str(uuid.uuid4())}
    return context
