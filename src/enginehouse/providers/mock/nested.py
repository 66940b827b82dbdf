"""Executions within executions: what ``states:startExecution`` starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from enginehouse import asl
from enginehouse.asl.context import iso
from enginehouse.errors import EnginehouseError, ExecutionConflictError, WorkflowNotFoundError
from enginehouse.providers.mock.execution import Execution, Pending
from enginehouse.tasks.answers import answered_here, described

if TYPE_CHECKING:
    from enginehouse.providers.mock.host import Host

RESOURCES = ("arn:aws:states:::states:startExecution", "arn:aws:states:::aws-sdk:sfn:startExecution")


def start_nested(host: Host, execution: Execution, pending: Pending) -> bool:
    """Start the workflow that the task names; False where the task asks for something else."""
    command = pending.command
    if command.resource not in RESOURCES:
        return False
    given = command.arguments if isinstance(command.arguments, dict) else {}
    target, argument = given.get("StateMachineArn"), given.get("Input")
    text = "{}" if argument is None else argument if isinstance(argument, str) else json.dumps(argument)
    try:
        if not isinstance(target, str):
            raise EnginehouseError("StateMachineArn is missing, or is not a string")
        child = host.memory.open_nested(target, str(given.get("Name") or ""), text)
    except EnginehouseError as error:
        elsewhere = isinstance(error, WorkflowNotFoundError) and str(target).startswith("arn:")
        if elsewhere and host.runner.resolves(command.resource):
            return False  # AWS may have it
        host.outcome(execution, asl.TaskFailed(command.task, _aws_name(error), error.message or str(error)))
        return True
    arn = host.memory.names.execution(child.id)
    if command.resource == RESOURCES[1]:
        answer = {"ExecutionArn": arn, "StartDate": iso(child.started)}
    else:
        answer = answered_here({"ExecutionArn": arn, "StartDate": int(child.started * 1000)}, command.token)
    if command.pattern.startswith("sync"):
        pending.child = child
        host.submit(execution, pending, answer)
        child.on_end = lambda ended: _tell_parent(host, execution, pending, ended)
    elif command.pattern:
        host.submit(execution, pending, answer)
    else:
        host.outcome(execution, asl.TaskSucceeded(command.task, answer))
    host.begin(child)
    return True


def _aws_name(error: EnginehouseError) -> str:
    match error:
        case WorkflowNotFoundError():
            return "StepFunctions.StateMachineDoesNotExistException"
        case ExecutionConflictError():
            return "StepFunctions.ExecutionAlreadyExistsException"
    return "StepFunctions.ValidationException"


def _tell_parent(host: Host, execution: Execution, pending: Pending, child: Execution) -> None:
    pending.child = None
    command = pending.command
    answer = _described(host, child, parsed=command.pattern == "sync:2")
    if answer["Status"] == "SUCCEEDED":
        host.outcome(execution, asl.TaskSucceeded(command.task, answer))
    else:
        host.outcome(execution, asl.TaskFailed(command.task, "States.TaskFailed", json.dumps(answer)))


def _described(host: Host, child: Execution, *, parsed: bool) -> dict[str, Any]:
    state, names = child.state, host.memory.names
    return described(
        arn=names.execution(child.id),
        machine=names.workflow(child.workflow_id),
        name=child.name,
        status="FAILED" if state is None else state.status,
        started_at=child.started,
        stopped_at=child.stopped or child.started,
        input=child.input if parsed else child.input_text,
        output=None if state is None else state.output if parsed else state.output_text,
        error=None if state is None else state.error,
        cause=None if state is None else state.cause,
        redrives=0 if state is None else state.context.redrive_count,
    )
