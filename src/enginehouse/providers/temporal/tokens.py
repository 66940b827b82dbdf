"""Outcomes from outside, by a task's token. They reach the execution as signals: also while no worker lives."""

from __future__ import annotations

import msgspec
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from enginehouse.errors import Diagnostic, ExecutionNotFoundError, InvalidSpecError
from enginehouse.models import JSON
from enginehouse.names import execution_of
from enginehouse.providers.temporal import reading
from enginehouse.providers.temporal.connection import is_not_found
from enginehouse.providers.temporal.payloads import json_text
from enginehouse.providers.temporal.session import Session
from enginehouse.providers.temporal.settings import PROVIDER
from enginehouse.providers.temporal.signals import FAILURE, HEARTBEAT, SUCCESS


async def success(session: Session, token: str, output: JSON) -> None:
    id, task = await _waiting(session, token)
    try:
        text = msgspec.json.encode(output)
        msgspec.json.decode(text)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        fault = Diagnostic("error", "INVALID_OUTPUT", f"the output is not JSON: {error}")
        raise InvalidSpecError("", diagnostics=[fault], provider=PROVIDER) from error
    await _signal(session, id, SUCCESS, [task, json_text(text)])


async def failure(session: Session, token: str, error: str, cause: str) -> None:
    id, task = await _waiting(session, token)
    await _signal(session, id, FAILURE, [task, _readable(error) or None, _readable(cause) or None])


async def heartbeat(session: Session, token: str) -> None:
    id, task = await _waiting(session, token)
    await _signal(session, id, HEARTBEAT, [task])


async def _waiting(session: Session, token: str) -> tuple[str, int]:
    """The execution and the task that wait for the token. A token leads back to its execution, so none is kept."""
    parts = token.split(".", 2)
    id = execution_of(parts[2]) if len(parts) == 3 else ""
    try:
        description = await reading.described(session, id)
    except ExecutionNotFoundError:
        raise _no_token() from None
    if description.status != WorkflowExecutionStatus.RUNNING or reading.is_native(description):
        raise _no_token()
    replay = await reading.replayed(session, id, description)
    task = replay.live.waiting(token) if replay.live is not None else None
    if task is None or replay.answered(task):
        raise _no_token()
    return id, task


async def _signal(session: Session, id: str, name: str, args: list[object]) -> None:
    try:
        await session.ask(session.client.get_workflow_handle(id).signal(name, args=args))
    except RPCError as error:
        if is_not_found(error):
            raise _no_token() from error
        raise
    session.recent.add(id, None)


def _no_token() -> ExecutionNotFoundError:
    return ExecutionNotFoundError(
        "no task waits for this token; it has ended, or the token is of another cluster", provider=PROVIDER
    )


def _readable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
