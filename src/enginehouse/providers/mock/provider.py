"""The mock: workflows run in memory, tasks answer as scripted, and three days of waiting pass at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from enginehouse import asl
from enginehouse.abc import Page, Provider
from enginehouse.errors import (
    ExecutionConflictError,
    ProviderError,
    WorkflowBusyError,
)
from enginehouse.mapping import event_of, when
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
from enginehouse.names import Names, execution_id
from enginehouse.providers.mock import _mapping as mapping
from enginehouse.providers.mock.clock import Clock, Mode
from enginehouse.providers.mock.execution import Execution
from enginehouse.providers.mock.faults import Faults
from enginehouse.providers.mock.host import Host
from enginehouse.providers.mock.memory import Memory, Workflow
from enginehouse.providers.mock.script import Call, Script
from enginehouse.tasks import HttpAccess, ItemSource, TaskRunner, Tasks, handlers_of
from enginehouse.tasks.aws import AwsAccess, aws_access
from enginehouse.tasks.http_invoke import http_access
from enginehouse.tasks.lambda_invoke import LambdaFunction
from enginehouse.tasks.readers import items_of
from enginehouse.tasks.results import json_copy

log = logging.getLogger(__name__)

_START = datetime(2025, 1, 1, tzinfo=UTC)
_GRACE = 1.0


class MockProvider(Provider):
    """A provider for tests: the same core as everywhere, in memory, under a virtual clock.

    ``script`` says what tasks answer (see ``Script``). What it does not answer is run for real: by the task functions
    ``tasks`` (files, modules, functions, or functions by name), the Lambda functions ``lambdas``, requests to the hosts that
    ``http`` allows, AWS services as ``aws`` says (True, or a table of ``AwsAccess``'s fields); ``items`` is where Maps read items and write results, a
    folder or an ``ItemSource``. What none of them knows fails the execution with ``States.Runtime`` and says so. A task that waits for a token is left waiting.

    ``clock``: ``jump``, time passes at once whenever nothing runs; ``manual``, it passes only in ``advance``, ``settle`` and
    ``wait``; ``real``, it is the wall's. It begins at ``start``. ``arns``, a prefix as in ``arn:aws:states:us-east-1:123456789012``,
    gives definitions ARNs instead of ids, and ``role`` is the role that they see. ``activities`` says of an ARN whether there is such an
    activity; by default there is any.

    ``calls`` records every task that was asked for; ``faults`` is where calls of the provider itself can be made to fail.
    """

    def __init__(
        self,
        script: Script | Mapping[str, object] | None = None,
        *,
        tasks: Tasks | None = None,
        lambdas: Mapping[str, LambdaFunction] | None = None,
        http: HttpAccess | Iterable[str] | None = None,
        items: ItemSource | str | Path | None = None,
        aws: AwsAccess | Mapping[str, object] | bool | None = None,
        clock: Mode = "jump",
        start: datetime | None = None,
        arns: str = "",
        role: str = "",
        activities: Callable[[str], bool] | None = None,
    ) -> None:
        begin = start or (datetime.now(UTC) if clock == "real" else _START)
        self.faults = Faults()
        self._memory = Memory(Clock(begin.timestamp(), clock), Names(arns, role))
        self._audit: list[AuditRecord] = []
        self._host = Host(
            self._memory,
            script=script if isinstance(script, Script) else Script(script),
            runner=TaskRunner(
                handlers_of(tasks),
                lambdas=lambdas,
                http=http_access(http),
                items=items_of(items),
                aws=aws_access(aws),
                activities=activities,
            ),
            faults=self.faults,
        )

    # -- for tests

    @property
    def script(self) -> Script:
        """What tasks answer; more can be added at any time."""
        return self._host.script

    @property
    def calls(self) -> list[Call]:
        """Every task that a workflow asked for, in order."""
        return self._host.calls

    @property
    def now(self) -> datetime:
        """The time on the provider's clock."""
        return when(self._memory.clock.read())

    @property
    def executions(self) -> tuple[Execution, ...]:
        """All executions, those within others too, in the order in which they were started."""
        return tuple(self._memory.executions.values())

    async def settle(self) -> None:
        """Let all executions go on, and time pass, until nothing can go on by itself."""
        await self._host.settle()

    async def advance(self, duration: timedelta | float) -> None:
        """Let so much time pass, in seconds or as a duration, and all happen that falls into it; 0: what can happen now."""
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
        if seconds < 0:
            raise ValueError(f"time does not go back: {duration!r}")
        await self._host.settle(self._memory.clock.read() + seconds)

    async def wait(self, execution_id: str) -> ExecutionStatus:
        """How the execution ended, once it has. Raises ``ExecutionNotFoundError``, and ``ProviderError`` where it waits
        for something that nothing here will bring; the message says for what."""
        execution = self._memory.execution(execution_id, "wait")
        await self._host.until(execution)
        return mapping.status_of(execution, history=True)

    # -- beyond the contract

    def begin(
        self,
        workflow_id: str,
        input: ExecutionInput,
        value: JSON,
        text: str,
        *,
        program: asl.Program,
        role: str = "",
        express: bool = False,
        started: float | None = None,
    ) -> Execution:
        """Start this program as an execution of the workflow; its name must be free. ``text`` is the input, ``value`` the same
        read; ``express``: the execution is one of those whose name ends in an id of its own."""
        execution = self._memory.open(workflow_id, input, value, text, program=program, role=role, express=express)
        execution.started = execution.started if started is None else started
        self._host.begin(execution)
        return execution

    @property
    def runner(self) -> TaskRunner:
        """What runs tasks for real."""
        return self._host.runner

    def find(self, execution_id: str) -> Execution | None:
        """The execution of this id."""
        return self._memory.executions.get(execution_id)

    def stop(self, execution: Execution, error: str | None, cause: str | None) -> None:
        """Stop it with an error and a cause, as AWS takes them."""
        execution.stop_reason = cause
        self._host.now(execution, asl.Stop(error, cause))

    def tell(self, execution: Execution, notification: asl.Notification) -> None:
        """Tell the core something, in its turn."""
        self._host.now(execution, notification)
        self._host.drive()

    def take_activity_task(self, activity: str, worker: str) -> tuple[str, JSON] | None:
        """The token and the input of the oldest waiting task of an activity (its ARN), taken for this worker."""
        found = self._memory.untaken(activity)
        if found is None:
            return None
        execution, pending = found
        pending.taken = True
        self._host.notify(execution, asl.TaskStarted(pending.command.task, worker or None))
        return pending.command.token, pending.command.arguments

    # -- the contract

    @property
    def name(self) -> str:
        return mapping.NAME

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._host.close()

    async def validate(self, spec: WorkflowSpec) -> None:
        await self.faults.strike("validate", workflow_id=spec.workflow_id)
        mapping.compile_spec(spec, "validate")

    async def create_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        await self.faults.strike("create workflow", workflow_id=spec.workflow_id)
        program = mapping.compile_spec(spec, "create workflow")
        known = self._memory.workflows.get(spec.workflow_id)
        if known is None:
            return self._created_result(self._memory.store(spec, program))
        message = (
            "exists already"
            if known.same(spec, program)
            else "exists already with another definition, which stays; update_workflow replaces it"
        )
        return self._created_result(known, message)

    async def update_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        """Replace the definition; running executions end on the one that they began with."""
        await self.faults.strike("update workflow", workflow_id=spec.workflow_id)
        program = mapping.compile_spec(spec, "update workflow")
        self._memory.workflow(spec.workflow_id, "update workflow")
        return self._created_result(self._memory.store(spec, program))

    async def start_execution(self, workflow_id: str, input: ExecutionInput) -> ExecutionResult:
        await self.faults.strike("start execution", workflow_id=workflow_id)
        self._memory.workflow(workflow_id, "start execution")
        value, text = mapping.read_input(input.input, workflow_id)
        id = execution_id(workflow_id, input.execution_name) if input.execution_name else ""
        known = self._memory.executions.get(id)
        if known is None:
            execution = self._memory.open(workflow_id, input, value, text)
            self._host.begin(execution)
            return mapping.started_result(execution, ExecutionState.RUNNING)
        if mapping.canonical(known.input) != mapping.canonical(value):
            raise ExecutionConflictError(
                f"the name {input.execution_name!r} is taken by a start with another input",
                operation="start execution",
                workflow_id=workflow_id,
                execution_id=id,
                provider=mapping.NAME,
            )
        return mapping.started_result(known, known.status, "was started before under this name")

    async def get_execution_status(self, execution_id: str, *, history: bool = True) -> ExecutionStatus:
        await self.faults.strike("get execution status", execution_id=execution_id)
        return mapping.status_of(self._memory.execution(execution_id, "get execution status"), history=history)

    async def stop_execution(self, execution_id: str, reason: str) -> None:
        await self.faults.strike("stop execution", execution_id=execution_id)
        execution = self._memory.execution(execution_id, "stop execution")
        if execution.finished:
            return
        log.info("stop execution", extra={"execution_id": execution_id, "reason": reason})
        jobs = [task.job for task in execution.tasks.values() if task.job is not None]
        execution.stop_reason = reason
        self._host.now(execution, asl.Stop(None, reason or None))
        if jobs:
            await asyncio.wait(jobs, timeout=_GRACE)

    async def delete_workflow(self, workflow_id: str) -> None:
        await self.faults.strike("delete workflow", workflow_id=workflow_id)
        running = [
            item.id
            for item in self._memory.executions.values()
            if item.workflow_id == workflow_id and not item.finished
        ]
        if running and workflow_id in self._memory.workflows:
            raise WorkflowBusyError(
                f"{len(running)} executions of it run, {running[0]!r} among them; stop them or wait",
                operation="delete workflow",
                workflow_id=workflow_id,
                provider=mapping.NAME,
            )
        self._memory.workflows.pop(workflow_id, None)

    # -- optional capabilities

    async def get_definition(self, workflow_id: str, *, execution_id: str = "") -> str:
        """The definition as JSON text: the workflow's as it is now, or the one that this execution began with.
        Raises ``WorkflowNotFoundError`` and ``ExecutionNotFoundError``."""
        await self.faults.strike("get definition", workflow_id=workflow_id, execution_id=execution_id)
        if execution_id:
            return self._memory.execution(execution_id, "get definition").definition.text
        return self._memory.workflow(workflow_id, "get definition").program.text

    async def list_workflows(self, *, limit: int = 100, token: str = "") -> Page[WorkflowSummary]:
        """The workflows, newest first."""
        await self.faults.strike("list workflows")
        known = sorted(self._memory.workflows.items(), key=lambda item: item[1].number)
        summaries = [
            (
                workflow.number,
                WorkflowSummary(
                    workflow_id=id,
                    provider_type=mapping.NAME,
                    name=workflow.spec.name,
                    created_at=when(workflow.created),
                    tags=workflow.spec.tags,
                ),
            )
            for id, workflow in known
        ]
        return mapping.page_of(summaries, limit, token, "list workflows")

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
        """The executions that fit all that is given, newest first; a Map's own child executions are left out."""
        await self.faults.strike("list executions", workflow_id=workflow_id)
        found = [
            (number, mapping.summary_of(execution))
            for number, execution in enumerate(self._memory.executions.values(), 1)
            if not execution.inner
            and (not workflow_id or execution.workflow_id == workflow_id)
            and (not states or execution.status in states)
            and (started_after is None or when(execution.started) > started_after)
            and (started_before is None or when(execution.started) < started_before)
        ]
        return mapping.page_of(found, limit, token, "list executions")

    async def list_map_runs(self, execution_id: str) -> Sequence[MapRun]:
        """How far the execution's distributed Maps are. Raises ``ExecutionNotFoundError``."""
        await self.faults.strike("list map runs", execution_id=execution_id)
        execution = self._memory.execution(execution_id, "list map runs")
        return mapping.map_runs(self._memory.children_of(execution))

    async def list_children(self, execution_id: str, *, limit: int = 100, token: str = "") -> Page[ExecutionSummary]:
        """The child executions of the execution's distributed Maps, newest first. Raises ``ExecutionNotFoundError``."""
        await self.faults.strike("list children", execution_id=execution_id)
        execution = self._memory.execution(execution_id, "list children")
        children = enumerate(map(mapping.summary_of, self._memory.children_of(execution)), 1)
        return mapping.page_of(list(children), limit, token, "list children")

    async def watch_execution(self, execution_id: str, *, after: int = 0) -> AsyncIterator[ExecutionEvent]:
        """The events after the one of the id ``after``, as they happen, until the execution ends."""
        await self.faults.strike("watch execution", execution_id=execution_id)
        execution = self._memory.execution(execution_id, "watch execution")
        while True:
            changed = execution.changed
            for event in execution.events[max(after, 0) :]:
                after = event.id
                yield event_of(event)
            if execution.finished and len(execution.events) <= after:
                return
            if execution.changed is changed:
                await changed.wait()

    async def send_task_success(self, token: str, output: JSON) -> None:
        """The waiting task succeeds. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        await self.faults.strike("send task success")
        execution, task = self._memory.waiting(token, "send task success")
        self._host.answered(execution, asl.TaskSucceeded(task, json_copy(output, "the output")))

    async def send_task_failure(self, token: str, error: str, cause: str) -> None:
        """The waiting task fails. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        await self.faults.strike("send task failure")
        execution, task = self._memory.waiting(token, "send task failure")
        self._host.answered(execution, asl.TaskFailed(task, error or None, cause or None))

    async def send_task_heartbeat(self, token: str) -> None:
        """The waiting task is alive. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        await self.faults.strike("send task heartbeat")
        self._host.beat(*self._memory.waiting(token, "send task heartbeat"))

    async def redrive_execution(self, execution_id: str) -> ExecutionResult:
        """Run an execution on from where it failed. Raises ``ProviderError`` for one that runs or succeeded."""
        await self.faults.strike("redrive execution", execution_id=execution_id)
        execution = self._memory.execution(execution_id, "redrive execution")
        if not execution.redrivable:
            raise ProviderError(
                f"it is {execution.status}; only what failed, was cancelled or timed out can be redriven",
                operation="redrive execution",
                execution_id=execution_id,
                provider=mapping.NAME,
            )
        execution.reopen()
        self._host.now(execution, asl.Redrive())
        self._host.drive()
        return mapping.started_result(execution, execution.status, "goes on from where it failed")

    async def append_audit(self, record: AuditRecord) -> None:
        """Keep a line of the audit trail."""
        self._audit.append(record)

    async def list_audit(
        self,
        *,
        workflow_id: str = "",
        execution_id: str = "",
        limit: int = 100,
        token: str = "",
    ) -> Page[AuditRecord]:
        """The audit trail, newest first."""
        found = [
            (number, record)
            for number, record in enumerate(self._audit, 1)
            if (not workflow_id or record.workflow_id == workflow_id)
            and (not execution_id or record.execution_id == execution_id)
        ]
        return mapping.page_of(found, limit, token, "list audit")

    def _created_result(self, workflow: Workflow, message: str = "") -> CreateWorkflowResult:
        id = workflow.spec.workflow_id
        return CreateWorkflowResult(
            workflow_id=id,
            provider_type=mapping.NAME,
            resource_ids={"arn": self._memory.names.workflow(id), "digest": workflow.program.digest},
            created_at=when(workflow.created),
            message=message,
        )
