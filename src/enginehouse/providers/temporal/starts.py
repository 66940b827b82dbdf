"""Starting executions, and starting failed ones again. The execution's name is the key: also after its end."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from enginehouse.errors import ExecutionConflictError, ProviderError, WorkflowNotFoundError
from enginehouse.mapping import read_input, same_json, when
from enginehouse.models import ExecutionInput, ExecutionResult, ExecutionState
from enginehouse.names import execution_id
from enginehouse.providers.temporal import _mapping as mapping
from enginehouse.providers.temporal import reading
from enginehouse.providers.temporal.definitions import Definition, memo_of_execution
from enginehouse.providers.temporal.live import compiled
from enginehouse.providers.temporal.payloads import json_text, json_value, packed
from enginehouse.providers.temporal.records import VERSION, Start
from enginehouse.providers.temporal.session import Session
from enginehouse.providers.temporal.settings import PROVIDER


async def start(
    session: Session, workflow_id: str, input: ExecutionInput, name: str, seed: str, now: float
) -> ExecutionResult:
    """Start an execution, or find the one that a start of this name made. Raises as ``Provider.start_execution``."""
    _, text = read_input(input)
    found = await session.definitions.to_start(workflow_id)
    if found is None:
        raise WorkflowNotFoundError(
            "there is no such workflow; create it first", workflow_id=workflow_id, provider=PROVIDER
        )
    id = execution_id(workflow_id, name)
    start = Start(
        seed=seed,
        name=name,
        options=found.stored.options,
        digest=found.stored.digest,
        arns=session.settings.names.prefix,
        role=session.settings.names.role,
        request=mapping.request_of(input),
        grace=session.settings.grace,
        liveness=session.settings.liveness,
        version=VERSION,
    )
    try:
        await _begin(session, workflow_id, id, found, text, start)
    except WorkflowAlreadyStartedError:
        return await _existing(session, workflow_id, id, text)
    session.recent.add(id, None)
    return _result(id, workflow_id, ExecutionState.RUNNING, now)


async def _begin(session: Session, workflow_id: str, id: str, found: Definition, text: str, start: Start) -> None:
    if found.native is not None:
        workflow_type, queue = found.native
        args = [json_text(text)]
        limit = found.stored.options.timeout
    else:
        workflow_type, queue = workflow_id, session.settings.task_queue
        args = [packed(found.text), json_text(text), json_value(start)]
        limit = compiled(found.text, found.stored.options).timeout
    await session.ask(
        session.client.start_workflow(
            workflow_type,
            args=args,
            id=id,
            task_queue=queue,
            execution_timeout=timedelta(seconds=limit) if limit is not None else None,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo=memo_of_execution(native=found.native is not None),
        )
    )


async def _existing(session: Session, workflow_id: str, id: str, text: str) -> ExecutionResult:
    description = await reading.described(session, id)
    native = reading.is_native(description)
    run = await reading.oldest_run(session, description) if native else description.run_id
    begun = await reading.first(session, id, run, native=native)
    if not same_json(begun.input_text, text):
        raise ExecutionConflictError(
            "an execution of this name was started with another input; use another name, or the same input",
            workflow_id=workflow_id,
            execution_id=id,
            provider=PROVIDER,
        )
    status = await reading.status(session, id, history=False)
    return _result(
        id,
        workflow_id,
        status.state,
        begun.at,
        "an execution of this name exists already; nothing was started",
    )


async def redrive(session: Session, id: str) -> ExecutionResult:
    """Run a failed execution on, from the core's state at its end, as a new run of the same id."""
    description = await reading.described(session, id)
    if description.status in (None, WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED):
        state = mapping.STATES.get(description.status or WorkflowExecutionStatus.RUNNING, ExecutionState.RUNNING)
        raise ProviderError(f"the execution is {state}; only a failed, cancelled or timed-out one is redriven")
    if reading.is_native(description):
        raise ProviderError("Temporal runs this workflow without us; use Temporal's own reset")
    replay = await reading.replayed(session, id, description)
    live = replay.live
    if live is None or live.state is None or not live.state.finished:
        raise ProviderError("the execution ended by a fault outside of its definition, and has no state to go on from")
    live.tasks.clear()
    live.timers.clear()
    start = msgspec.structs.replace(
        live.start,
        chains=[*replay.start.chains, reading.first_run(description)],
        started_at=live.started_at,
        version=VERSION,
    )
    carried = live.carry([], redriven=True)
    if carried is None:
        raise ProviderError("the execution's state is too large to be handed on to a new run")
    limit = live.program.timeout
    try:
        await session.ask(
            session.client.start_workflow(
                live.workflow_id,
                args=[packed(live.definition), json_text(live.input_text), json_value(start), carried],
                id=id,
                task_queue=description.task_queue,
                execution_timeout=timedelta(seconds=limit) if limit is not None else None,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo=memo_of_execution(native=False),
            )
        )
    except WorkflowAlreadyStartedError as error:
        raise ProviderError("the execution runs: somebody has redriven it already") from error
    session.recent.add(id, None)
    return _result(
        id,
        live.workflow_id,
        ExecutionState.RUNNING,
        live.started_at,
        "the execution goes on from where it failed",
    )


def _result(id: str, workflow_id: str, state: ExecutionState, started_at: float, message: str = "") -> ExecutionResult:
    return ExecutionResult(
        execution_id=id,
        workflow_id=workflow_id,
        provider_type=PROVIDER,
        state=state,
        started_at=when(started_at),
        message=message,
    )
