"""Starting an execution: here, where this process drives the store, or by leaving it to the engine that does."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from enginehouse.errors import ExecutionConflictError, WorkflowNotFoundError
from enginehouse.mapping import read_input, same_json, when
from enginehouse.models import ExecutionInput, ExecutionResult, ExecutionState
from enginehouse.names import execution_id
from enginehouse.providers.local import mapping, queries
from enginehouse.providers.local.doorbell import ring
from enginehouse.providers.local.engine import Engine
from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.providers.local.session import Session
from enginehouse.providers.local.store import Batch, NewExecution
from enginehouse.providers.local.turns import StaleDefinitionError


async def start(session: Session, workflow_id: str, input: ExecutionInput) -> ExecutionResult:
    """Start an execution, or find the one that a start of this name made. Raises as ``Provider.start_execution``."""
    value, text = read_input(input)
    request = mapping.request_text(input)
    seed = session.chance.draw(8).hex()
    named, name = bool(input.execution_name), input.execution_name or session.chance.name(time.time())
    engine = session.engine
    while True:
        digest = await session.definitions.current(workflow_id)
        if digest is None:
            raise WorkflowNotFoundError("there is no such workflow; create it first")
        row = NewExecution(
            id=execution_id(workflow_id, name),
            workflow=workflow_id,
            name=name,
            digest=digest,
            pointer="",
            parent=None,
            child=None,
            link=None,
            state="pending",
            input=text,
            request=request,
            seed=seed,
            started_at=round(time.time(), 6),  # as exact as the datetime that the caller gets
        )
        try:
            existing = await (begin(session, engine, row, value, named) if engine is not None else _there(session, row))
        except StaleDefinitionError:
            session.definitions.forget(workflow_id)
        else:
            break
    if existing is not None:
        return _found(existing, row)
    return _result(row, ExecutionState.RUNNING if engine is not None else ExecutionState.PENDING)


async def begin(
    session: Session, engine: Engine, row: NewExecution, value: Any, named: bool, *, pinned: bool = False
) -> ExecutionRow | None:
    """Start it in this process: the first turn and the execution's row are one commit. Gives the existing execution where the
    name is taken. ``pinned`` and its error: see ``Engine.start``."""
    program = session.definitions.known(row.digest) or await session.definitions.program(row.digest)
    future: asyncio.Future[ExecutionRow | None] = session.loop.create_future()

    def told(existing: ExecutionRow | None, error: BaseException | None) -> None:
        if not future.done():
            if error is None:
                future.set_result(existing)
            else:
                future.set_exception(error)

    engine.start(row, program, value, named, told, pinned=pinned)
    return await future


async def _there(session: Session, row: NewExecution) -> ExecutionRow | None:
    """The row and a letter to the engine are one commit. Gives the existing execution where the name is taken."""

    def write(batch: Batch) -> tuple[ExecutionRow | None, int]:
        if batch.digest_of(row.workflow) != row.digest:
            raise StaleDefinitionError
        number = batch.insert_execution(row)
        if number is None:
            return queries.execution(batch.connection, row.id), 0
        batch.post(number, None)
        return None, queries.engine_port(batch.connection)

    existing, port = await session.writer.write(write)
    ring(port)
    return existing


def _found(existing: ExecutionRow, row: NewExecution) -> ExecutionResult:
    if not same_json(existing.input, row.input):
        raise ExecutionConflictError(
            "an execution of this name was started with another input; use another name, or the same input",
            execution_id=row.id,
        )
    return _result(
        existing, ExecutionState(existing.state), "an execution of this name exists already; nothing was started"
    )


def _result(row: NewExecution | ExecutionRow, state: ExecutionState, message: str = "") -> ExecutionResult:
    return ExecutionResult(
        execution_id=row.id,
        workflow_id=row.workflow,
        provider_type=mapping.PROVIDER,
        state=state,
        started_at=when(row.started_at),
        message=message,
    )
