"""Temporal as its callers see it: the contract, and the optional capabilities."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

from msgspec import Meta

from enginehouse.abc import Page, Provider
from enginehouse.errors import EnginehouseError, WorkflowNotFoundError
from enginehouse.mapping import same_json, when
from enginehouse.models import (
    JSON,
    CreateWorkflowResult,
    ExecutionEvent,
    ExecutionInput,
    ExecutionResult,
    ExecutionState,
    ExecutionStatus,
    ExecutionSummary,
    WorkflowSpec,
    WorkflowSummary,
)
from enginehouse.names import Names, execution_of
from enginehouse.opening import Opening
from enginehouse.paging import page_size
from enginehouse.providers.temporal.names import workflow_id_of
from enginehouse.providers.temporal.settings import PROVIDER, Settings
from enginehouse.tasks import Handler, HttpAccess, ItemSource, handlers_of
from enginehouse.tasks.aws import AwsAccess, aws_access
from enginehouse.tasks.http_invoke import http_access
from enginehouse.tasks.lambda_invoke import LambdaFunction
from enginehouse.tasks.readers import items_of

if TYPE_CHECKING:
    from enginehouse.providers.temporal.definitions import Definition
    from enginehouse.providers.temporal.session import Session

log = logging.getLogger(__name__)


class TemporalProvider(Provider):
    """Workflows on a Temporal cluster. Needs the extra ``enginehouse[temporal]``.

    ``address``, ``namespace``, ``api_key``, ``tls``: the cluster; what is not given is taken from Temporal's own environment
    configuration (``TEMPORAL_ADDRESS`` and so on, and the ``profile`` of ``config_file``), else ``localhost:7233`` and
    ``default``. ``codec``: a payload codec, or ``module:name`` of one: encrypts all that leaves this process.
    ``interceptors``: of ``temporalio.client``, for tracing, or ``skipping.SkipTime`` for tests.
    ``task_queue``: where workers look for work. ``prefix``: what the schedules that hold definitions are named with.
    ``tasks``, ``lambdas``, ``http``, ``threads``, ``items``, ``aws``: as ``LocalProvider`` takes them; given ``tasks`` or ``lambdas``,
    the provider works for the queue itself while it is open; without, ``enginehouse worker`` does, in any number of
    processes. ``works`` says so by hand; ``tuning`` goes to ``temporalio.worker.Worker``, and ``metrics`` is the address
    (``127.0.0.1:9464``) at which Prometheus finds the SDK's metrics. ``timeout``: seconds that one call to Temporal may take. ``grace``: seconds that
    running tasks have to clean up when they are stopped; ``drain``: to end, when this process stops working. ``liveness``: seconds after which a silent worker's tasks are
    run by another one. ``arns``, ``role``: how a definition sees its ids, as ``LocalProvider`` has it.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        namespace: str | None = None,
        api_key: str | None = None,
        tls: bool | None = None,
        profile: str | None = None,
        config_file: str | None = None,
        codec: object = None,
        interceptors: Sequence[object] = (),
        task_queue: Annotated[str, Meta(min_length=1)] = "enginehouse",
        prefix: str = "enginehouse:",
        tasks: Mapping[str, Callable[..., Any]] | Sequence[str | Path | Callable[..., Any]] | str | Path | None = None,
        lambdas: Mapping[str, LambdaFunction] | None = None,
        http: HttpAccess | Iterable[str] | None = None,
        threads: Annotated[int, Meta(ge=1)] | None = None,
        items: ItemSource | str | Path | None = None,
        aws: AwsAccess | Mapping[str, object] | bool | None = None,
        works: bool | None = None,
        tuning: Mapping[str, Any] | None = None,
        metrics: str = "",
        timeout: Annotated[float, Meta(gt=0)] = 8.0,
        grace: Annotated[float, Meta(ge=0)] = 2.0,
        drain: Annotated[float, Meta(ge=0)] | None = None,
        liveness: Annotated[float, Meta(gt=0)] = 30.0,
        arns: str = "",
        role: str = "",
    ) -> None:
        handlers: dict[str, Handler] = handlers_of(tasks)
        self.settings = Settings(
            address=address,
            namespace=namespace,
            api_key=api_key,
            tls=tls,
            profile=profile,
            config_file=config_file,
            codec=codec,
            interceptors=tuple(interceptors),
            task_queue=task_queue,
            prefix=prefix,
            timeout=timeout,
            grace=min(grace, _LONGEST_GRACE),
            drain=grace if drain is None else drain,
            tuning=dict(tuning or {}),
            metrics=metrics,
            liveness=liveness,
            works=bool(handlers or lambdas) if works is None else works,
            handlers=handlers,
            lambdas=dict(lambdas or {}),
            http=http_access(http),
            threads=threads,
            items=items_of(items),
            aws=aws_access(aws),
            names=Names(arns, role),
        )
        self._opening = Opening(PROVIDER, self._begin, _translated)

    @property
    def name(self) -> str:
        return PROVIDER

    async def __aenter__(self) -> Self:
        async with self._opening.asked("open"):
            return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opening.close()

    async def _begin(self) -> Session:
        session = (await asyncio.to_thread(_load))(self.settings)
        await session.open()
        return session

    async def work(self) -> None:
        """Run what is on the task queue until this is cancelled; closing the provider then drains. Raises
        ``ProviderUnavailableError`` where Temporal cannot be reached, ``ProviderError`` where the worker fails."""
        async with self._opening.asked("work") as session:
            await session.work()

    # -- workflows

    async def validate(self, spec: WorkflowSpec) -> None:
        await self._compiled(spec, "validate")

    async def create_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        async with self._opening.asked("create_workflow", workflow_id=spec.workflow_id) as session:
            made = await self._compiled(spec, "create_workflow")
            existing = await session.definitions.create(spec.workflow_id, made)
            if existing is None:
                log.info("workflow.created workflow=%s definition=%s", spec.workflow_id, made.stored.digest)
                return self._created(session, spec, made, "")
            same = existing.stored.digest == made.stored.digest and same_json(existing.stored.spec, made.stored.spec)
            message = "the workflow exists already, " + (
                "with the same content"
                if same
                else "with other content, and was left as it is; replace it with update_workflow"
            )
            return self._created(session, spec, existing, message)

    async def update_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        """Replace the workflow's definition; running executions end on the one that they began with.
        Raises ``WorkflowNotFoundError``, ``InvalidSpecError``."""
        async with self._opening.asked("update_workflow", workflow_id=spec.workflow_id) as session:
            made = await self._compiled(spec, "update_workflow")
            kept = await session.definitions.update(spec.workflow_id, made)
            if kept is None:
                raise self._no_workflow(spec.workflow_id)
            log.info("workflow.updated workflow=%s definition=%s", spec.workflow_id, kept.stored.digest)
            return self._created(session, spec, kept, "the workflow was replaced")

    async def get_definition(self, workflow_id: str, *, execution_id: str = "") -> str:
        """The definition as JSON text: the workflow's as it is now, or the one that this execution began with.
        Raises ``WorkflowNotFoundError``, ``ExecutionNotFoundError``."""
        from enginehouse.providers.temporal import reading

        async with self._opening.asked("get_definition", workflow_id=workflow_id, execution_id=execution_id) as session:
            if execution_id:
                description = await reading.described(session, execution_of(execution_id))
                if not reading.is_native(description):
                    return (await reading.first(session, description.id, description.run_id, native=False)).definition
                workflow_id = workflow_id_of(description.id)
            found = await session.definitions.find(workflow_id)
            if found is None:
                raise self._no_workflow(workflow_id)
            return found.text

    async def delete_workflow(self, workflow_id: str) -> None:
        """Remove the definition. Running executions carry theirs with them, and go on."""
        async with self._opening.asked("delete_workflow", workflow_id=workflow_id) as session:
            await session.definitions.delete(workflow_id)
            log.info("workflow.deleted workflow=%s", workflow_id)

    async def _compiled(self, spec: WorkflowSpec, operation: str) -> Definition:
        return await asyncio.to_thread(_compile, spec, operation)

    def _created(self, session: Session, spec: WorkflowSpec, made: Definition, message: str) -> CreateWorkflowResult:
        return CreateWorkflowResult(
            workflow_id=spec.workflow_id,
            provider_type=self.name,
            resource_ids={
                "schedule": session.definitions.schedule_id(spec.workflow_id),
                "definition": made.stored.digest,
                "arn": self.settings.names.workflow(spec.workflow_id),
            },
            created_at=when(made.stored.created_at),
            message=message,
        )

    def _no_workflow(self, workflow_id: str) -> WorkflowNotFoundError:
        return WorkflowNotFoundError(
            "there is no such workflow; create it first", workflow_id=workflow_id, provider=self.name
        )

    # -- executions

    async def start_execution(self, workflow_id: str, input: ExecutionInput) -> ExecutionResult:
        from enginehouse.providers.temporal import starts

        async with self._opening.asked("start_execution", workflow_id=workflow_id) as session:
            name = input.execution_name or str(uuid.uuid4())
            return await starts.start(session, workflow_id, input, name, secrets.token_hex(8), time.time())

    async def get_execution_status(self, execution_id: str, *, history: bool = True) -> ExecutionStatus:
        from enginehouse.providers.temporal import reading

        async with self._opening.asked("get_execution_status", execution_id=execution_id) as session:
            return await reading.status(session, execution_of(execution_id), history=history)

    async def stop_execution(self, execution_id: str, reason: str) -> None:
        """Cancel it, and end it by force where it has not ended within its grace: also where no worker lives."""
        from enginehouse.providers.temporal import stops

        async with self._opening.asked("stop_execution", execution_id=execution_id) as session:
            await stops.stop(session, execution_of(execution_id), reason)

    async def redrive_execution(self, execution_id: str) -> ExecutionResult:
        """Run a failed, cancelled or timed-out execution on from where it failed, as a new run of the same id; finished
        work is kept. Raises ``ExecutionNotFoundError``, and ``ProviderError`` where there is nothing to run again."""
        from enginehouse.providers.temporal import starts

        async with self._opening.asked("redrive_execution", execution_id=execution_id) as session:
            return await starts.redrive(session, execution_of(execution_id))

    # -- watching and listing

    async def watch_execution(self, execution_id: str, *, after: int = 0) -> AsyncIterator[ExecutionEvent]:
        """The events with ids above ``after``, as Temporal records them; ends with the execution."""
        from enginehouse.providers.temporal import watching

        async with self._opening.asked("watch_execution", execution_id=execution_id) as session:
            async for event in watching.watch(session, execution_of(execution_id), after):
                yield event

    async def list_workflows(self, *, limit: int = 100, token: str = "") -> Page[WorkflowSummary]:
        from enginehouse.providers.temporal import listing

        async with self._opening.asked("list_workflows") as session:
            return await listing.workflows(session, page_size(limit), token)

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
        """Newest first. The children of a distributed Map are not listed. Temporal's visibility store answers: what just
        happened may be missing from it for a moment."""
        from enginehouse.providers.temporal import listing

        async with self._opening.asked("list_executions", workflow_id=workflow_id) as session:
            size = page_size(limit)
            return await listing.executions(session, workflow_id, states, started_after, started_before, size, token)

    # -- task tokens

    async def send_task_success(self, token: str, output: JSON) -> None:
        """The task's result. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        from enginehouse.providers.temporal import tokens

        async with self._opening.asked("send_task_success") as session:
            await tokens.success(session, token, output)

    async def send_task_failure(self, token: str, error: str, cause: str) -> None:
        """The task's failure, as a Catch sees it. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        from enginehouse.providers.temporal import tokens

        async with self._opening.asked("send_task_failure") as session:
            await tokens.failure(session, token, error, cause)

    async def send_task_heartbeat(self, token: str) -> None:
        """The task is alive. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        from enginehouse.providers.temporal import tokens

        async with self._opening.asked("send_task_heartbeat") as session:
            await tokens.heartbeat(session, token)


def _translated(error: Exception) -> EnginehouseError | None:
    from enginehouse.providers.temporal.connection import translated

    return translated(error)


def _load() -> type[Session]:
    """Import all that imports Temporal's library, on a thread: it takes a while, and reads files."""
    from enginehouse.providers.temporal import (  # noqa: F401
        listing,
        native,
        nested,
        reading,
        starts,
        stops,
        tokens,
        watching,
    )
    from enginehouse.providers.temporal.session import Session

    return Session


def _compile(spec: WorkflowSpec, operation: str) -> Definition:
    from enginehouse.providers.temporal.definitions import compile_spec

    return compile_spec(spec, operation)


# Stopping takes less than five seconds in all.
_LONGEST_GRACE = 2.5
