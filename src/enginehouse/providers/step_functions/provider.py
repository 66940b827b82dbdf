"""Step Functions as its callers see it: the contract, and the optional capabilities."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

import msgspec
from msgspec import Meta

from enginehouse.abc import Page, Provider
from enginehouse.errors import CapabilityError, Diagnostic, EnginehouseError, InvalidSpecError, ProviderNotFoundError
from enginehouse.mapping import INPUT_LIMIT, read_input
from enginehouse.models import (
    JSON,
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
from enginehouse.opening import Opening
from enginehouse.paging import page_size
from enginehouse.providers.step_functions.settings import PROVIDER, Settings, read_resources
from enginehouse.tasks import handlers_of
from enginehouse.tasks.results import json_copy

if TYPE_CHECKING:
    from enginehouse.providers.step_functions.kinds import Kinds
    from enginehouse.providers.step_functions.session import Session

log = logging.getLogger(__name__)

# Stopping takes less than five seconds in all.
_LONGEST_GRACE = 2.5


class StepFunctionsProvider(Provider):
    """Workflows on AWS Step Functions. Needs the extra ``enginehouse[aws]``.

    ``region``, ``profile``: where, and with which credentials; what is not given is taken from AWS's own configuration, as
    boto3 reads it. ``endpoint``: the URL of another server of the same API; ``queue_endpoint``: of one of SQS's. ``role``: the ARN
    of the role that state machines run as, where a workflow's ``provider_config["roleArn"]`` names no other. ``account``: the
    account's number, where neither the role nor STS is to be asked. ``resources``: where ``task:NAME`` goes, by name, ``*``
    for all others: ``activity`` (the default), an activity's ARN, the URL of an SQS queue, or a Lambda function's ARN.
    ``prefix``: what the activities that create makes are named with.

    ``tasks``: as ``LocalProvider`` takes them; given some, the provider works for them while it is open; without,
    ``enginehouse worker`` does, in any number of processes. ``works`` says so by hand. ``concurrency``: how many tasks run at once; ``pollers``: how many calls wait for each
    activity and queue. ``beat``: seconds between two signs of life of a running task, by which it also learns that nobody
    waits for it any more. ``liveness``: seconds after which a silent worker's activity is given to another one. ``drain``:
    seconds that running tasks have to end when this process stops working, ``grace``: to clean up once they are cancelled. ``threads``: for plain task functions.

    ``timeout``: seconds that one question to AWS may take, with all its repetitions. ``remote_validation``: ask AWS too
    whether a definition is valid.
    """

    def __init__(
        self,
        region: str | None = None,
        *,
        profile: str | None = None,
        endpoint: str | None = None,
        queue_endpoint: str | None = None,
        role: str = "",
        account: str | int = "",
        resources: Mapping[str, str] | str | None = None,
        prefix: str = "enginehouse-",
        tasks: Mapping[str, Callable[..., Any]] | Sequence[str | Path | Callable[..., Any]] | str | Path | None = None,
        works: bool | None = None,
        tuning: Mapping[str, Any] | None = None,
        concurrency: int = 100,
        pollers: int = 1,
        beat: float = 10.0,
        liveness: int = 60,
        drain: Annotated[float, Meta(ge=0)] | None = None,
        grace: Annotated[float, Meta(ge=0)] = 2.0,
        threads: Annotated[int, Meta(ge=1)] | None = None,
        timeout: float = 8.0,
        remote_validation: bool = False,
    ) -> None:
        handlers = handlers_of(tasks)
        given = {"concurrency": concurrency, "pollers": pollers, **_tuned(tuning or {})}
        self.settings = Settings(
            region=region,
            profile=profile,
            endpoint=endpoint,
            queue_endpoint=queue_endpoint,
            role=role,
            account=str(account),
            resources=read_resources(resources),
            prefix=prefix,
            timeout=timeout,
            remote_validation=remote_validation,
            works=bool(handlers) if works is None else works,
            pollers=given["pollers"],
            concurrency=given["concurrency"],
            beat=beat,
            liveness=max(1, int(liveness)),
            drain=grace if drain is None else drain,
            grace=min(grace, _LONGEST_GRACE),
            handlers=handlers,
            task_threads=threads,
        )
        self._opening = Opening(PROVIDER, self._begin, _translated)
        self._kinds: Kinds  # of the session that is open

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

        from enginehouse.providers.step_functions.kinds import Kinds

        self._kinds = Kinds()
        return session

    async def work(self) -> None:
        """Poll for tasks and run them until this is cancelled; closing the provider then drains. Raises ``ProviderError``
        where the worker fails."""
        async with self._opening.asked("work") as session:
            await session.work()

    # -- workflows

    async def validate(self, spec: WorkflowSpec) -> None:
        """Our own rules for what AWS takes and, with ``remote_validation``, AWS's."""
        async with self._opening.asked("validate", workflow_id=spec.workflow_id) as session:
            from enginehouse.providers.step_functions import machines

            made, _ = await machines.made_of(session, spec)
            if self.settings.remote_validation:
                found = await machines.validate_remotely(session, made)
                faults = [
                    Diagnostic("error", item.get("code", ""), item.get("message", ""), item.get("location", ""))
                    for item in found
                ]
                if faults:
                    raise InvalidSpecError("AWS finds the definition invalid", diagnostics=faults)

    async def create_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        """Make a state machine, and the activities of its tasks. The message tells where one exists that differs."""
        async with self._opening.asked("create_workflow", workflow_id=spec.workflow_id) as session:
            from enginehouse.providers.step_functions import machines

            made, arns = await machines.made_of(session, spec)
            return await machines.create(session, spec, made, arns)

    async def update_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        """Replace the workflow's definition, role and settings; running executions end on what they began with, and AWS may
        begin new ones on it for a few seconds more. Raises ``WorkflowNotFoundError``, ``InvalidSpecError``."""
        async with self._opening.asked("update_workflow", workflow_id=spec.workflow_id) as session:
            from enginehouse.providers.step_functions import machines

            made, arns = await machines.made_of(session, spec)
            return await machines.update(session, spec, made, arns)

    async def get_definition(self, workflow_id: str, *, execution_id: str = "") -> str:
        """The definition as AWS holds it, its tasks rewritten: the workflow's as it is now, or the one that this execution
        began with. Raises ``WorkflowNotFoundError``, ``ExecutionNotFoundError``."""
        async with self._opening.asked("get_definition", workflow_id=workflow_id, execution_id=execution_id) as session:
            from enginehouse.providers.step_functions import executions, machines

            if not execution_id:
                return await machines.definition(session, workflow_id)
            arn = await executions.arn_of(session, execution_id)
            await executions.described(session, arn)
            answer = await session.ask("describe_state_machine_for_execution", executionArn=arn)
            return str(answer["definition"])

    async def delete_workflow(self, workflow_id: str) -> None:
        """Remove the state machine, and the activities that no other one mentions. Raises ``WorkflowBusyError`` while
        executions run."""
        async with self._opening.asked("delete_workflow", workflow_id=workflow_id) as session:
            from enginehouse.providers.step_functions import machines

            self._kinds.forget(workflow_id)
            await machines.delete(session, workflow_id)

    # -- executions

    async def start_execution(self, workflow_id: str, input: ExecutionInput) -> ExecutionResult:
        """Start an execution; its id is its ARN. AWS has no place for an execution's tags, metadata and trigger. Raises
        ``CapabilityError`` for an EXPRESS workflow: ``run_synchronously`` is for those."""
        async with self._opening.asked("start_execution", workflow_id=workflow_id) as session:
            from enginehouse.providers.step_functions import executions

            if not self._kinds.knows(workflow_id):
                read_input(input, compact=True)  # refused before anything is asked
                await self._kinds.refuse_express(session, workflow_id)
            try:
                return await executions.start(session, workflow_id, input)
            except CapabilityError:  # it is another one than when it was asked for
                self._kinds.forget(workflow_id)
                raise

    async def run_synchronously(self, workflow_id: str, input: ExecutionInput) -> ExecutionStatus:
        """Run an EXPRESS workflow to its end, within AWS's five minutes, and give how it ended."""
        async with self._opening.asked("run_synchronously", workflow_id=workflow_id) as session:
            from enginehouse.providers.step_functions import executions

            return await executions.run(session, workflow_id, input)

    async def get_execution_status(self, execution_id: str, *, history: bool = True) -> ExecutionStatus:
        async with self._opening.asked("get_execution_status", execution_id=execution_id) as session:
            from enginehouse.providers.step_functions import executions

            return await executions.status(session, await executions.arn_of(session, execution_id), history=history)

    async def stop_execution(self, execution_id: str, reason: str) -> None:
        """End it as cancelled; AWS keeps 32,768 characters of the reason. Its tasks learn of it at their next beat."""
        async with self._opening.asked("stop_execution", execution_id=execution_id) as session:
            from enginehouse.providers.step_functions import executions

            await executions.stop(session, await executions.arn_of(session, execution_id), reason)

    async def redrive_execution(self, execution_id: str) -> ExecutionResult:
        """Run a failed, cancelled or timed-out execution on from where it failed; finished work is kept. Raises
        ``ExecutionNotFoundError``, and ``ProviderError`` where AWS does not redrive it."""
        async with self._opening.asked("redrive_execution", execution_id=execution_id) as session:
            from enginehouse.providers.step_functions import executions

            return await executions.redrive(session, await executions.arn_of(session, execution_id))

    # -- watching and listing

    async def watch_execution(self, execution_id: str, *, after: int = 0) -> AsyncIterator[ExecutionEvent]:
        """The events with ids above ``after``, as AWS records them; ends with the execution."""
        async with self._opening.asked("watch_execution", execution_id=execution_id) as session:
            from enginehouse.providers.step_functions import executions

            async for event in executions.watch(session, await executions.arn_of(session, execution_id), after):
                yield event

    async def list_workflows(self, *, limit: int = 100, token: str = "") -> Page[WorkflowSummary]:
        """All state machines of the account and region, also those of others; their tags are left out."""
        async with self._opening.asked("list_workflows") as session:
            from enginehouse.providers.step_functions import listing

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
        """Newest first, without the children of distributed Maps. AWS keeps a list for each workflow: without one, all are
        read."""
        async with self._opening.asked("list_executions", workflow_id=workflow_id) as session:
            from enginehouse.providers.step_functions import listing

            size = page_size(limit)
            return await listing.executions(session, workflow_id, states, started_after, started_before, size, token)

    async def list_map_runs(self, execution_id: str) -> Sequence[MapRun]:
        """How far the execution's distributed Maps are. Raises ``ExecutionNotFoundError``."""
        async with self._opening.asked("list_map_runs", execution_id=execution_id) as session:
            from enginehouse.providers.step_functions import executions, listing

            return await listing.map_runs(session, await executions.arn_of(session, execution_id))

    async def list_children(self, execution_id: str, *, limit: int = 100, token: str = "") -> Page[ExecutionSummary]:
        """The child executions of the execution's distributed Maps, newest first. Raises ``ExecutionNotFoundError``."""
        async with self._opening.asked("list_children", execution_id=execution_id) as session:
            from enginehouse.providers.step_functions import executions, listing

            return await listing.children(
                session,
                await executions.arn_of(session, execution_id),
                page_size(limit),
                token,
            )

    # -- task tokens

    async def send_task_success(self, token: str, output: JSON) -> None:
        """The task's result. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        async with self._opening.asked("send_task_success") as session:
            await session.ask("send_task_success", taskToken=token, output=_output_text(output))

    async def send_task_failure(self, token: str, error: str, cause: str) -> None:
        """The task's failure, as a Catch sees it. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        from enginehouse.providers.step_functions._mapping import CAUSE_LIMIT, ERROR_LIMIT, cut

        async with self._opening.asked("send_task_failure") as session:
            await session.ask(
                "send_task_failure", taskToken=token, error=cut(error, ERROR_LIMIT), cause=cut(cause, CAUSE_LIMIT)
            )

    async def send_task_heartbeat(self, token: str) -> None:
        """The task is alive. Raises ``ExecutionNotFoundError`` for a token that nothing waits for."""
        async with self._opening.asked("send_task_heartbeat") as session:
            await session.ask("send_task_heartbeat", taskToken=token)


def _output_text(output: JSON) -> str:
    """The output as JSON text. Raises ``InvalidSpecError``."""
    try:
        text = msgspec.json.encode(json_copy(output, "the output"))
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        fault = Diagnostic("error", "INVALID_OUTPUT", f"the output is not JSON: {error}")
        raise InvalidSpecError("", diagnostics=[fault], provider=PROVIDER) from error
    if len(text) > INPUT_LIMIT:
        fault = Diagnostic(
            "error", "OUTPUT_TOO_LARGE", f"the output has {len(text):,} bytes, and {INPUT_LIMIT:,} are allowed"
        )
        raise InvalidSpecError("", diagnostics=[fault], provider=PROVIDER)
    return text.decode()


def _tuned(tuning: Mapping[str, Any]) -> dict[str, Any]:
    """What ``enginehouse worker`` was told on its command line. Raises ``InvalidSpecError``."""
    unknown = sorted(set(tuning) - {"concurrency", "pollers"})
    if unknown:
        message = f"a worker of step-functions has no {', '.join(unknown)}: AWS advances the executions"
        raise InvalidSpecError(message, provider=PROVIDER)
    return dict(tuning)


def _translated(error: Exception) -> EnginehouseError | None:
    from enginehouse.providers.step_functions.faults import translated

    return translated(error)


def _load() -> type[Session]:
    """Import all that imports boto3, on a thread: it takes a while, and reads files. Raises
    ``ProviderNotFoundError`` where boto3 is not installed."""
    try:
        from enginehouse.providers.step_functions import executions, listing, machines, worker  # noqa: F401
        from enginehouse.providers.step_functions.session import Session
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("boto3", "botocore"):
            raise
        message = "step-functions needs boto3, which is not installed"
        raise ProviderNotFoundError(message, remedy="pip install 'enginehouse[aws]'", provider=PROVIDER) from error
    return Session
