"""Executions: started, told of, stopped and started again. The execution's name is the key: also after its end."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

from botocore.exceptions import ClientError

from enginehouse.errors import (
    CapabilityError,
    ExecutionConflictError,
    ExecutionNotFoundError,
    ProviderError,
    WorkflowNotFoundError,
)
from enginehouse.mapping import read_input, same_json
from enginehouse.models import (
    ExecutionEvent,
    ExecutionInput,
    ExecutionResult,
    ExecutionState,
    ExecutionStatus,
)
from enginehouse.providers.step_functions import _mapping as mapping
from enginehouse.providers.step_functions.faults import code_of
from enginehouse.providers.step_functions.names import is_execution, legal_name, machine_of, name_of
from enginehouse.providers.step_functions.session import Session
from enginehouse.providers.step_functions.settings import PROVIDER

log = logging.getLogger(__name__)

PAGE = 1000
"""Events in a page of the history: the most that AWS gives."""

_LOOK_FIRST, _LOOK_LATER = 0.1, 2.0


async def start(session: Session, workflow_id: str, input: ExecutionInput) -> ExecutionResult:
    """Start an execution, or find the one that a start of this name made. Raises as ``Provider.start_execution``."""
    _, text = read_input(input, compact=True)
    arns = await session.arns()
    machine = arns.machine(workflow_id)
    name = legal_name(input.execution_name or str(uuid.uuid4()))
    try:
        answer = await session.ask("start_execution", stateMachineArn=machine, name=name, input=text)
    except ClientError as error:
        if code_of(error) == "ExecutionAlreadyExists":
            return await _existing(session, workflow_id, arns.execution(name_of(machine), name), text)
        if code_of(error) == "InvalidArn":
            raise WorkflowNotFoundError("there is no such workflow; create it first") from error
        raise
    if not is_execution(answer["executionArn"]):
        raise CapabilityError(
            "it is EXPRESS: AWS has started an execution of it, and keeps no status; await run_synchronously"
        )
    dropped = [field for field in ("tags", "metadata", "trigger_source") if getattr(input, field)]
    log.info(
        "execution.started workflow=%s execution=%s%s",
        workflow_id,
        answer["executionArn"],
        f" not_kept={','.join(dropped)}" if dropped else "",
    )
    return _result(answer["executionArn"], workflow_id, ExecutionState.RUNNING, answer["startDate"])


async def _existing(session: Session, workflow_id: str, arn: str, text: str) -> ExecutionResult:
    there = await described(session, arn)
    if not same_json(there.get("input", ""), text):
        raise ExecutionConflictError(
            "an execution of this name was started with another input; use another name, or the same input",
            workflow_id=workflow_id,
            execution_id=arn,
            provider=PROVIDER,
        )
    return _result(
        arn,
        workflow_id,
        mapping.STATES.get(there["status"], ExecutionState.RUNNING),
        there["startDate"],
        "an execution of this name exists already; nothing was started",
    )


def _result(arn: str, workflow_id: str, state: ExecutionState, started: Any, message: str = "") -> ExecutionResult:
    return ExecutionResult(
        execution_id=arn,
        workflow_id=workflow_id,
        provider_type=PROVIDER,
        state=state,
        started_at=mapping.utc(started),
        message=message,
    )


async def run(session: Session, workflow_id: str, input: ExecutionInput) -> ExecutionStatus:
    """Run an EXPRESS workflow to its end, as ``StartSyncExecution`` does."""
    _, text = read_input(input, compact=True)
    machine = (await session.arns()).machine(workflow_id)
    name = legal_name(input.execution_name or str(uuid.uuid4()))
    answer = await session.connection.ask_slowly("start_sync_execution", stateMachineArn=machine, name=name, input=text)
    return mapping.status(answer, workflow_id, ())


async def arn_of(session: Session, execution_id: str) -> str:
    """The ARN of an execution, which may be given as ``WORKFLOW:NAME`` too. Raises ``ExecutionNotFoundError``."""
    workflow_id, _, name = execution_id.rpartition(":")
    if is_execution(execution_id):
        return execution_id
    if execution_id.startswith("arn:") or not workflow_id or not name:
        raise ExecutionNotFoundError("there is no such execution; its id is the ARN that start_execution gave")
    return (await session.arns()).execution(legal_name(workflow_id), legal_name(name))


async def described(session: Session, execution_id: str) -> Any:
    """AWS's description, by the ARN. Raises ``ExecutionNotFoundError`` for what is not there."""
    try:
        return await session.ask("describe_execution", executionArn=execution_id)
    except ClientError as error:
        raise _not_found(error) from error


def _not_found(error: Exception) -> Exception:
    code = code_of(error)
    if code == "InvalidArn" and "express" in str(error).lower():
        return CapabilityError("AWS keeps no status of an EXPRESS execution")
    if code in ("ExecutionDoesNotExist", "InvalidArn", "StateMachineDoesNotExist"):
        return ExecutionNotFoundError("there is no such execution")
    return error


async def status(session: Session, execution_id: str, *, history: bool) -> ExecutionStatus:
    """What is known of it, with its whole history where that is asked for."""
    there = await described(session, execution_id)
    workflow_id = await session.workflow_id(there.get("stateMachineArn") or machine_of(execution_id))
    if not history:
        return mapping.status(there, workflow_id, ())
    events = [event async for page in pages(session, execution_id) for event in page]
    if events and events[-1].type in mapping.OVER and not mapping.status(there, workflow_id, ()).state.is_terminal:
        there = await described(session, execution_id)  # it ended between the two questions
    return mapping.status(there, workflow_id, events)


async def pages(session: Session, execution_id: str) -> AsyncIterator[list[ExecutionEvent]]:
    """The history, page by page."""
    token: dict[str, str] = {}
    while True:
        answer = await _page(session, execution_id, token)
        yield mapping.events(answer["events"])
        if not answer.get("nextToken"):
            return
        token = {"nextToken": answer["nextToken"]}


async def _page(session: Session, execution_id: str, token: dict[str, str]) -> Any:
    try:
        return await session.ask("get_execution_history", executionArn=execution_id, maxResults=PAGE, **token)
    except ClientError as error:
        raise _not_found(error) from error


async def watch(session: Session, execution_id: str, after: int) -> AsyncIterator[ExecutionEvent]:
    """The events with ids above ``after``, as AWS records them; ends with the execution. AWS streams nothing, so it is
    asked, soon after something happened and more rarely where nothing does."""
    await described(session, execution_id)
    token: dict[str, str] = {}
    seen, pause, over = after, _LOOK_FIRST, False
    while True:
        try:
            answer = await _page(session, execution_id, token)
        except ClientError as error:
            if not token or code_of(error) != "InvalidToken":
                raise
            token = {}  # AWS keeps a page's token for a day; what was given already is left out below
            continue
        fresh = [event for event in mapping.events(answer["events"]) if event.id > seen]
        for event in fresh:
            seen = event.id
            yield event
        if answer.get("nextToken"):
            token = {"nextToken": answer["nextToken"]}
            continue
        if over:
            return
        if (fresh and fresh[-1].type in mapping.OVER) or (not fresh and pause >= _LOOK_FIRST * 4):
            there = await described(session, execution_id)
            over = mapping.STATES.get(there["status"], ExecutionState.RUNNING).is_terminal
            if over:
                continue
        await asyncio.sleep(pause)
        pause = _LOOK_FIRST if fresh else min(pause * 1.5, _LOOK_LATER)


async def stop(session: Session, execution_id: str, reason: str) -> None:
    """End it as cancelled; one that is over is left alone. Raises ``ExecutionNotFoundError``."""
    there = await described(session, execution_id)
    if mapping.STATES.get(there["status"], ExecutionState.RUNNING).is_terminal:
        return
    cause = mapping.cut(reason, mapping.CAUSE_LIMIT)
    try:
        await session.ask("stop_execution", executionArn=execution_id, **({"cause": cause} if cause else {}))
    except ClientError as error:
        raise _not_found(error) from error
    await session.abandon(execution_id)
    if len(cause) < len(reason):
        log.warning("execution.reason_cut execution=%s limit=%d", execution_id, mapping.CAUSE_LIMIT)
    log.info("execution.stopped execution=%s reason=%s", execution_id, reason)


async def redrive(session: Session, execution_id: str) -> ExecutionResult:
    """Run a failed, cancelled or timed-out execution on from where it failed. Raises ``ProviderError`` for any other."""
    there = await described(session, execution_id)
    state = mapping.STATES.get(there["status"], ExecutionState.RUNNING)
    if state in (ExecutionState.RUNNING, ExecutionState.SUCCEEDED):
        raise ProviderError(f"the execution is {state}; only a failed, cancelled or timed-out one is redriven")
    try:
        await session.ask("redrive_execution", executionArn=execution_id, clientToken=str(uuid.uuid4()))
    except ClientError as error:
        if code_of(error) == "ExecutionNotRedrivable":
            raise ProviderError("AWS does not redrive this execution") from error
        raise _not_found(error) from error
    log.info("execution.redriven execution=%s", execution_id)
    workflow_id = await session.workflow_id(there.get("stateMachineArn") or machine_of(execution_id))
    return _result(
        execution_id,
        workflow_id,
        ExecutionState.RUNNING,
        there["startDate"],
        "the execution goes on from where it failed",
    )
