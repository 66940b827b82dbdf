"""The embedded engine as its callers see it: the contract, and all optional capabilities."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal, Self

import msgspec

from enginehouse.abc import Page, Provider
from enginehouse.asl.notifications import Redrive, Stop, TaskAnswered, TaskFailed, TaskSucceeded
from enginehouse.errors import (
    Diagnostic,
    EnginehouseError,
    ExecutionNotFoundError,
    InvalidSpecError,
    ProviderError,
    WorkflowBusyError,
    WorkflowNotFoundError,
)
from enginehouse.mapping import same_json, spec_text, when
from enginehouse.models import (
    JSON,
    AuditRecord,
    CreateWorkflowResult,
    ExecutionEvent,
    ExecutionInput,
    ExecutionResult,
    ExecutionState,
    ExecutionStatus,
    ExecutionSummary,
    MapRun,
    WorkflowSpec,
    WorkflowSummary,
)
from enginehouse.names import Names, execution_of
from enginehouse.opening import Opening
from enginehouse.providers.local import activities, listing, mapping, queries, retention, starts
from enginehouse.providers.local.activities import ActivityTask
from enginehouse.providers.local.definitions import Definition, checked
from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.providers.local.session import Session, Settings
from enginehouse.providers.local.store import Batch
from enginehouse.tasks import HttpAccess, ItemSource, Tasks, handlers_of
from enginehouse.tasks.aws import AwsAccess, aws_access
from enginehouse.tasks.http_invoke import http_access
from enginehouse.tasks.lambda_invoke import LambdaFunction
from enginehouse.tasks.readers import items_of

log = logging.getLogger(__name__)

# Seconds between two looks at what another process's engine does.
_LOOK_AGAIN = 0.05

_NO_WORKFLOW = "there is no such workflow; create it first"
_NO_EXECUTION = "there is no such execution"
_NO_TASK = "no task waits for this token; it has ended, or the token is of another store"


class LocalProvider(Provider):
    """Durable executions in one SQLite file, with no server.

    ``store``: the file, made where there is none; ``:memory:`` is a temporary one that goes with the provider.
    ``tasks``: the task functions: a mapping of name to function, functions marked with ``@task``, or sources as
    ``load_tasks`` takes them. ``engine``: ``"auto"`` drives the store where no other process does, and takes over when
    that one ends; True insists; False only asks. ``synchronous``: ``FULL`` survives power loss, ``NORMAL`` a crash of
    the process (docs/durability.md). ``grace``: seconds that running tasks have to clean up at the end.
    ``lambdas``, ``http``, ``threads``: as ``TaskRunner`` takes them; ``http`` may be a list of the hosts that HTTP tasks
    may call. ``items``: where Maps read items and write results, a folder or an ``ItemSource``; files beside the store by default.
    ``aws``: how AWS services are called, True or a table of ``AwsAccess``'s fields; without it none is.
    ``arns``: a prefix such as ``arn:aws:states:us-east-1:111111111111``, under which a definition sees its ids as AWS
    would show them; ``role``: what it sees as its role.
    ``wait_scale`` is by what Wait states are shortened, or drawn out. ``activities`` says of an ARN whether there is such an activity:
    a task of one that is not there fails, as on AWS; by default there is any.

    Beyond the contract: ``get_definition``, ``get_activity_task``, ``purge``. Errors of the store are ``ProviderUnavailableError`` where
    trying again may help (a full disk), and ``ProviderError`` where not (a damaged file).
    """

    def __init__(
        self,
        store: Annotated[str, msgspec.Meta(min_length=1)] | Path = "enginehouse.db",
        *,
        tasks: Tasks | None = None,
        engine: Literal["auto"] | bool = "auto",
        synchronous: Literal["FULL", "NORMAL", "OFF"] = "FULL",
        lambdas: Mapping[str, LambdaFunction] | None = None,
        http: HttpAccess | Iterable[str] | None = None,
        threads: Annotated[int, msgspec.Meta(ge=1)] | None = None,
        items: ItemSource | str | Path | None = None,
        aws: AwsAccess | Mapping[str, object] | bool | None = None,
        grace: Annotated[float, msgspec.Meta(ge=0)] = 5.0,
        arns: str = "",
        role: str = "",
        wait_scale: Annotated[float, msgspec.Meta(ge=0)] = 1.0,
        activities: Callable[[str], bool] | None = None,
    ) -> None:
        if synchronous not in ("FULL", "NORMAL", "OFF"):
            raise ValueError(f"synchronous is FULL, NORMAL or OFF, not {synchronous!r}")
        if engine not in ("auto", True, False):
            raise ValueError(f"engine is 'auto', True or False, not {engine!r}")
        self.settings = Settings(
            store=str(store),
            handlers=handlers_of(tasks),
            engine=engine,
            synchronous=synchronous,
            lambdas=dict(lambdas or {}),
            http=http_access(http),
            threads=threads,
            items=items_of(items),
            aws=aws_access(aws),
            grace=grace,
            names=Names(arns, role),
            wait_scale=wait_scale,
            activities=activities,
        )
        self._opening = Opening(
            mapping.PROVIDER, self._begin, _translated, check=Session.check, abandon=Session.abandon
        )

    @property
    def name(self) -> str:
        return mapping.PROVIDER

    async def __aenter__(self) -> Self:
        await self._opening.session()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opening.close()

    async def session(self) -> Session:
        """What is open, for the rooms above that need more than the contract: rows as they stand, records of their own."""
        return await self._opening.session()

    async def _begin(self) -> Session:
        session = Session(self.settings)
        await session.open()
        return session

    # -- workflows

    async def validate(self, spec: WorkflowSpec) -> None:
        await self._compiled(spec, "validate")

    async def create_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        async with self._opening.asked("create_workflow", workflow_id=spec.workflow_id) as session:
            made = await self._compiled(spec, "create_workflow")
            text, now = spec_text(spec), time.time()

            def write(batch: Batch) -> tuple[float, str]:
                existing = queries.workflow(batch.connection, spec.workflow_id)
                if existing is None:
                    batch.insert_definition(made.digest, made.text, made.options)
                    batch.insert_workflow(spec.workflow_id, made.digest, text, now)
                    return now, ""
                if existing.digest == made.digest and same_json(existing.spec, text):
                    return existing.created_at, "the workflow exists already, with the same content"
                return existing.created_at, (
                    "the workflow exists already, with other content, and was left as it is; replace it with update_workflow"
                )

            created_at, message = await session.writer.write(write)
            if not message:
                session.definitions.keep(made, spec.workflow_id)
                log.info("workflow.created workflow=%s definition=%s", spec.workflow_id, made.digest)
            return self._created(spec, made, created_at, message)

    async def update_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        """Replace the workflow's definition; running executions end on the one that they began with.
        Raises ``WorkflowNotFoundError``, ``InvalidSpecError``."""
        async with self._opening.asked("update_workflow", workflow_id=spec.workflow_id) as session:
            made = await self._compiled(spec, "update_workflow")
            text = spec_text(spec)

            def write(batch: Batch) -> float:
                existing = queries.workflow(batch.connection, spec.workflow_id)
                if existing is None:
                    raise WorkflowNotFoundError(_NO_WORKFLOW)
                batch.insert_definition(made.digest, made.text, made.options)
                batch.update_workflow(spec.workflow_id, made.digest, text)
                return existing.created_at

            created_at = await session.writer.write(write)
            session.definitions.keep(made, spec.workflow_id)
            log.info("workflow.updated workflow=%s definition=%s", spec.workflow_id, made.digest)
            return self._created(spec, made, created_at, "the workflow was replaced")

    async def get_definition(self, workflow_id: str, *, execution_id: str = "") -> str:
        """The definition as JSON text: the workflow's as it is now, or the one that this execution began with.
        Raises ``WorkflowNotFoundError``, ``ExecutionNotFoundError``."""
        async with self._opening.asked("get_definition", workflow_id=workflow_id, execution_id=execution_id) as session:
            if execution_id:
                digest: str | None = (await _row(session, execution_id)).digest
            else:
                digest = await session.definitions.current(workflow_id)
            if digest is None:
                raise WorkflowNotFoundError(_NO_WORKFLOW)
            return (await session.definitions.program(digest)).text

    async def delete_workflow(self, workflow_id: str) -> None:
        workflow_id = mapping.readable(workflow_id)
        async with self._opening.asked("delete_workflow", workflow_id=workflow_id) as session:

            def write(batch: Batch) -> None:
                batch.flush()
                if queries.is_busy(batch.connection, workflow_id):
                    raise WorkflowBusyError("executions of it run; stop them or wait for them, and call again")
                batch.delete_workflow(workflow_id)

            await session.writer.write(write)
            session.definitions.forget(workflow_id)
            log.info("workflow.deleted workflow=%s", workflow_id)

    async def _compiled(self, spec: WorkflowSpec, operation: str) -> Definition:
        return await asyncio.to_thread(checked, spec, operation)

    def _created(self, spec: WorkflowSpec, made: Definition, created_at: float, message: str) -> CreateWorkflowResult:
        return CreateWorkflowResult(
            workflow_id=spec.workflow_id,
            provider_type=self.name,
            resource_ids={"definition": made.digest, "arn": self.settings.names.workflow(spec.workflow_id)},
            created_at=when(created_at),
            message=message,
        )

    # -- executions

    async def start_execution(self, workflow_id: str, input: ExecutionInput) -> ExecutionResult:
        async with self._opening.asked("start_execution", workflow_id=workflow_id) as session:
            return await starts.start(session, workflow_id, input)

    async def get_execution_status(self, execution_id: str, *, history: bool = True) -> ExecutionStatus:
        async with self._opening.asked("get_execution_status", execution_id=execution_id) as session:
            found = await session.reader.read(
                lambda connection: _status(
                    queries.status(connection, execution_of(mapping.readable(execution_id)), history)
                )
            )
            if found is None:
                raise ExecutionNotFoundError(_NO_EXECUTION)
            if found.state.is_terminal or session.settings.engine is not False:
                return found
            return await _standing(session, found)

    async def stop_execution(self, execution_id: str, reason: str) -> None:
        async with self._opening.asked("stop_execution", execution_id=execution_id) as session:
            row = await _row(session, execution_id)
            if row.stopped_at is None:
                reason = mapping.readable(reason)
                await session.ask(row.number, Stop(None, reason or None), reason)
                log.info("execution.stopped execution=%s reason=%s", execution_id, reason)

    async def redrive_execution(self, execution_id: str) -> ExecutionResult:
        """Run a failed, cancelled or timed-out execution on from where it failed; finished work is kept.
        Raises ``ExecutionNotFoundError``, and ``ProviderError`` where there is nothing to run again."""
        async with self._opening.asked("redrive_execution", execution_id=execution_id) as session:
            row = await _row(session, execution_id)
            if row.stopped_at is None or row.state == ExecutionState.SUCCEEDED:
                raise ProviderError(
                    f"the execution is {row.state}; only a failed, cancelled or timed-out one is redriven"
                )
            await session.ask(row.number, Redrive())
            if (await _row(session, execution_id)).redrives == row.redrives:
                raise ProviderError("the engine could not run the execution on; its log says why")
            log.info("execution.redriven execution=%s", execution_id)
            return ExecutionResult(
                execution_id=row.id,
                workflow_id=row.workflow,
                provider_type=self.name,
                state=ExecutionState.RUNNING,
                started_at=when(row.started_at),
                message="the execution goes on from where it failed",
            )

    # -- watching and listing

    async def watch_execution(self, execution_id: str, *, after: int = 0) -> AsyncIterator[ExecutionEvent]:
        """The events with ids above ``after``, as they are recorded, by whichever process; ends with the execution."""
        async with self._opening.asked("watch_execution", execution_id=execution_id) as session:
            row = await _row(session, execution_id)
            event, end = session.watch(row.number)
            seq = 0
            try:
                while True:
                    event.clear()
                    turns, over = await session.reader.read(partial(queries.news, number=row.number, seq=seq))
                    seq += len(turns)
                    for turn in turns:
                        for item in mapping.events(turn):
                            if item.id > after:
                                yield item
                    if over:
                        return
                    session.check()
                    try:
                        async with asyncio.timeout(None if session.engine is not None else _LOOK_AGAIN):
                            await event.wait()
                    except TimeoutError:
                        pass
            finally:
                end()

    async def list_workflows(self, *, limit: int = 100, token: str = "") -> Page[WorkflowSummary]:
        async with self._opening.asked("list_workflows") as session:
            return await listing.workflows(session, limit, token)

    async def list_executions(
        self,
        *,
        workflow_id: str = "",
        states: Sequence[ExecutionState] = (),
        started_after: datetime | None = None,
        started_before: datetime | None = None,
        limit: int = 100,
        token: str = "",
    ) -> Page[ExecutionSummary]:
        """Newest first. The children of a distributed Map are not listed."""
        async with self._opening.asked("list_executions", workflow_id=workflow_id) as session:
            return await listing.executions(session, workflow_id, states, started_after, started_before, limit, token)

    async def list_map_runs(self, execution_id: str) -> Sequence[MapRun]:
        """How far the execution's distributed Maps are. Raises ``ExecutionNotFoundError``."""
        async with self._opening.asked("list_map_runs", execution_id=execution_id) as session:
            row = await _row(session, execution_id)
            return mapping.map_runs(await session.reader.read(partial(queries.map_runs, number=row.number)))

    async def list_children(self, execution_id: str, *, limit: int = 100, token: str = "") -> Page[ExecutionSummary]:
        """The child executions of the execution's distributed Maps, newest first. Raises ``ExecutionNotFoundError``."""
        async with self._opening.asked("list_children", execution_id=execution_id) as session:
            return await listing.children(session, (await _row(session, execution_id)).number, limit, token)

    # -- task tokens and activities

    async def send_task_success(self, token: str, output: JSON) -> None:
        """The task's result. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        async with self._opening.asked("send_task_success") as session:
            number, task = await _waiting(session, token)
            try:
                value = msgspec.json.decode(msgspec.json.encode(output))
            except (TypeError, ValueError, RecursionError, OverflowError) as error:
                fault = Diagnostic("error", "INVALID_OUTPUT", f"the output is not JSON: {error}")
                raise InvalidSpecError("", diagnostics=[fault]) from error
            await _answer(session, token, number, TaskSucceeded(task, value))

    async def send_task_failure(self, token: str, error: str, cause: str) -> None:
        """The task's failure, as a Catch sees it. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        async with self._opening.asked("send_task_failure") as session:
            number, task = await _waiting(session, token)
            failed = TaskFailed(task, mapping.readable(error) or None, mapping.readable(cause) or None)
            await _answer(session, token, number, failed)

    async def send_task_heartbeat(self, token: str) -> None:
        """The task is alive. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        async with self._opening.asked("send_task_heartbeat") as session:
            if not await session.writer.write(lambda batch: batch.beat(token, time.time())):
                raise ExecutionNotFoundError(_NO_TASK)

    async def get_activity_task(self, activity: str, *, worker: str = "", wait: float = 60.0) -> ActivityTask | None:
        """The oldest waiting task of an activity (its ARN), taken for this worker; None where none comes within ``wait``
        seconds. A task is given to one worker."""
        async with self._opening.asked("get_activity_task") as session:
            return await activities.take(session, activity, worker, wait)

    # -- upkeep

    async def append_audit(self, record: AuditRecord) -> None:
        async with self._opening.asked(
            "append_audit", workflow_id=record.workflow_id, execution_id=record.execution_id
        ) as session:
            text = record.to_json()
            await session.writer.write(lambda batch: batch.append_audit(record.workflow_id, record.execution_id, text))

    async def list_audit(
        self, *, workflow_id: str = "", execution_id: str = "", limit: int = 100, token: str = ""
    ) -> Page[AuditRecord]:
        """Newest first."""
        async with self._opening.asked("list_audit", workflow_id=workflow_id, execution_id=execution_id) as session:
            return await listing.audit(session, workflow_id, execution_id, limit, token)

    async def purge(
        self, older_than: Mapping[ExecutionState, timedelta], *, dry_run: bool = False
    ) -> Mapping[ExecutionState, int]:
        """Delete finished executions that ended longer ago than their state's age; how many, by state.
        ``dry_run``: only count. Raises ``ValueError`` for a state that is not terminal."""
        async with self._opening.asked("purge") as session:
            return await retention.purge(session, older_than, dry_run=dry_run)


async def _row(session: Session, execution_id: str) -> ExecutionRow:
    row = await session.reader.read(partial(queries.execution, id=execution_of(mapping.readable(execution_id))))
    if row is None:
        raise ExecutionNotFoundError(_NO_EXECUTION)
    return row


async def _waiting(session: Session, token: str) -> tuple[int, int]:
    found = await session.reader.read(partial(queries.token, token=mapping.readable(token)))
    if found is None:
        raise ExecutionNotFoundError(_NO_TASK)
    return found[0], found[1]


async def _answer(session: Session, token: str, number: int, outcome: TaskSucceeded | TaskFailed) -> None:
    if not await session.answer(token, number, TaskAnswered(outcome.task, outcome)):
        raise ExecutionNotFoundError(_NO_TASK)


def _translated(error: Exception) -> EnginehouseError | None:
    if isinstance(error, UnicodeEncodeError):
        return InvalidSpecError("what was asked for holds half a surrogate pair, which is no text")
    return None


async def _standing(session: Session, found: ExecutionStatus) -> ExecutionStatus:
    """The status of what is not over, as a client has it: with a message where no engine is there to go on with it."""
    if not await asyncio.to_thread(session.lease.abandoned):
        return found
    message = f"no process drives the store {session.path}; run: enginehouse engine"
    return replace(found, metadata={**found.metadata, "message": message})


def _status(found: tuple[ExecutionRow, list[bytes]] | None) -> ExecutionStatus | None:
    """Runs in the reader's thread: a long history is decoded there, not on the loop."""
    return mapping.status(*found) if found is not None else None
