"""Executions within executions: what ``states:startExecution`` starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from enginehouse import asl
from enginehouse.asl.context import iso
from enginehouse.errors import EnginehouseError, ExecutionConflictError, WorkflowNotFoundError
from enginehouse.providers.mock.execution import Execution, Pending
from enginehouse.tasks.answers import answered_here

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
    answer = describe(host, child, as_values=command.pattern == "sync:2")
    if answer["Status"] == "SUCCEEDED":
        host.outcome(execution, asl.TaskSucceeded(command.task, answer))
    else:
        host.outcome(execution, asl.TaskFailed(command.task, "States.TaskFailed", json.dumps(answer)))


def describe(host: Host, child: Execution, *, as_values: bool) -> dict[str, Any]:
    """A finished execution in the shape of AWS's DescribeExecution; input and output as JSON values, or as text."""
    state = child.state
    status = state.status if state is not None else "FAILED"
    names = host.memory.names
    succeeded = status == "SUCCEEDED"
    answer: dict[str, Any] = {
        "ExecutionArn": names.execution(child.id),
        "Input": child.input if as_values else child.input_text,
        "InputDetails": {"Included": True},
        "Name": child.name,
        "RedriveCount": 0 if state is None else state.context.redrive_count,
        "RedriveStatus": "NOT_REDRIVABLE" if succeeded else "REDRIVABLE",
        "StartDate": int(child.started * 1000),
        "StateMachineArn": names.workflow(child.workflow_id),
        "Status": status,
        "StopDate": int((child.stopped or child.started) * 1000),
    }
    if state is not None and succeeded:
        answer["Output"] = state.output if as_values else state.output_text
        answer["OutputDetails"] = {"Included": True}
        answer["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
    elif state is not None:
        found = (("Error", state.error), ("Cause", state.cause))
        answer |= {key: value for key, value in found if value is not None}
    return dict(sorted(answer.items()))
