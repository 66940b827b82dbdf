"""Executions within executions: the children of a distributed Map, and what ``states:startExecution`` starts.

A child is an execution like any other. What goes between it and its parent stands in the inbox, written in the same
commit as the turn that gave rise to it: so a crash loses nothing and tells nothing twice.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

import msgspec

from enginehouse.asl.commands import Finish, ScheduleTask, StartChild
from enginehouse.asl.notifications import ChildFinished, Redrive, Stop, TaskFailed, TaskSucceeded
from enginehouse.errors import EnginehouseError
from enginehouse.names import Names, execution_id, workflow_of
from enginehouse.providers.local import queries
from enginehouse.providers.local.live import Live, Work, encode
from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.providers.local.store import Batch, NewExecution
from enginehouse.tasks.answers import answered_here, described

START_EXECUTION = "arn:aws:states:::states:startExecution"
_UNKNOWN = "StepFunctions.StateMachineDoesNotExistException"


class RefusedError(EnginehouseError):
    """Why ``startExecution`` failed, as AWS names it."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(cause)
        self.args = (error, cause)
        self.error = error

    @property
    def is_elsewhere(self) -> bool:
        """Whether this engine has no such workflow, and its name is an ARN: AWS may have it."""
        return self.error == _UNKNOWN and "'arn:" in self.message


def is_nested(command: Work) -> bool:
    """Whether the task is to start another workflow."""
    return type(command) is ScheduleTask and command.resource == START_EXECUTION


# Writes of a parent's turn.


def insert_child(
    row: NewExecution | ExecutionRow, command: StartChild, redriven: bool, batch: Batch, number: int
) -> None:
    """Put an item of a distributed Map into the store, to be started. ``redriven``: the item may have been tried before."""
    if command.before:
        ended = batch.renumber_child(f"{row.id}/{command.before}", command.child)
        if ended is not None:
            batch.post(ended, encode(Redrive(command.child)))
            return
    name = f"{row.name}/{command.child}"
    place: dict[str, Any] = {
        "map_run": command.run,
        "map_run_size": command.total,
        "map_run_index": command.index,
        "map_run_items": command.items,
    }
    if command.limits is not None:
        place["map_run_limits"] = command.limits
    child = batch.insert_execution(
        NewExecution(
            id=f"{row.id}/{command.child}",
            workflow=row.workflow,
            name=name,
            digest=row.digest,
            pointer=command.processor,
            parent=number,
            child=command.child,
            link="child",
            state="pending",
            input=encode(command.input).decode(),
            request=encode({"metadata": place}).decode(),
            seed=secrets.token_hex(8),
            started_at=time.time(),
        )
    )
    if child is not None:
        if redriven:
            batch.replace_child(child, command.run, command.index)
        batch.post(child, None)


def stop_child(child: int, batch: Batch, number: int) -> None:
    """Stop a child that its parent no longer waits for."""
    found = queries.child(batch.connection, number, child)
    if found is not None:
        batch.post(found, encode(Stop(None, "The parent execution no longer waits for this one.")))


def tell_parent(row: NewExecution | ExecutionRow, finish: Finish, names: Names, batch: Batch, number: int) -> None:
    """Tell the parent how the child ended, in the commit that ends it."""
    if row.parent is None or row.child is None or row.link == "replaced":
        return
    notification: ChildFinished | TaskSucceeded | TaskFailed
    if row.link == "child":
        output = msgspec.json.decode(finish.output) if finish.output is not None else None
        notification = ChildFinished(row.child, finish.status, output, finish.error, finish.cause)
    else:
        answer = _described(row, finish, names, parsed=row.link == "sync:2")
        if finish.status == "SUCCEEDED":
            notification = TaskSucceeded(row.child, answer)
        else:
            notification = TaskFailed(row.child, "States.TaskFailed", encode(answer).decode())
    batch.post(row.parent, encode(notification))


def fail_again(
    row: NewExecution | ExecutionRow, child: int, error: str | None, cause: str | None, batch: Batch
) -> None:
    """Tell the parent of a child that was to go on that it has failed as it stands."""
    if row.parent is not None:
        batch.post(row.parent, encode(ChildFinished(child, "FAILED", None, error, cause)))


def _described(row: NewExecution | ExecutionRow, finish: Finish, names: Names, *, parsed: bool) -> dict[str, Any]:
    return described(
        arn=names.execution(row.id),
        machine=names.workflow(row.workflow),
        name=row.name,
        status=finish.status,
        started_at=row.started_at,
        stopped_at=time.time(),
        input=msgspec.json.decode(row.input) if parsed else row.input,
        output=msgspec.json.decode(finish.output) if parsed and finish.output is not None else finish.output,
        error=finish.error,
        cause=finish.cause,
        redrives=getattr(row, "redrives", 0),
    )


def start(live: Live, command: ScheduleTask, names: Names, now: float, batch: Batch) -> dict[str, Any]:
    """Put the execution that the task asks for into the store, to be started; AWS's answer. Done again, it finds it there."""
    arguments = command.arguments if isinstance(command.arguments, dict) else {}
    target = arguments.get("StateMachineArn")
    if not isinstance(target, str):
        raise RefusedError("StepFunctions.ValidationException", "startExecution needs StateMachineArn, a string")
    workflow = workflow_of(target)
    digest = queries.workflow_digest(batch.connection, workflow)
    if digest is None:
        raise RefusedError(_UNKNOWN, f"State Machine Does Not Exist: '{target}'")
    given = arguments.get("Input")
    text = "{}" if given is None else given if isinstance(given, str) else encode(given).decode()
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise RefusedError(
            "StepFunctions.InvalidExecutionInputException", f"Invalid State Machine Execution Input: {error}"
        ) from None
    name = str(arguments.get("Name") or command.token.replace(":", "-"))
    waits = command.pattern.startswith("sync")
    id = execution_id(workflow, name)
    existing = queries.execution(batch.connection, id)
    if existing is not None:
        ours = existing.parent == live.number and existing.child == command.task
        if not ours and (waits or existing.input != text):
            raise RefusedError(
                "StepFunctions.ExecutionAlreadyExistsException", f"Execution Already Exists: '{names.execution(id)}'"
            )
        return _answer(names.execution(id), existing.started_at, command.token)
    child = batch.insert_execution(
        NewExecution(
            id=id,
            workflow=workflow,
            name=name,
            digest=digest,
            pointer="",
            parent=live.number if waits else None,
            child=command.task if waits else None,
            link=command.pattern if waits else None,
            state="pending",
            input=text,
            request="{}",
            seed=secrets.token_hex(8),
            started_at=now,
        )
    )
    if child is not None:
        batch.post(child, None)
    return _answer(names.execution(id), now, command.token)


def _answer(arn: str, started_at: float, token: str) -> dict[str, Any]:
    return answered_here({"ExecutionArn": arn, "StartDate": int(started_at * 1000)}, token)
