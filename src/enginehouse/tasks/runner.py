"""Runs what ``ScheduleTask`` asks for: task functions, Lambda functions of this process, HTTP requests, AWS services."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from enginehouse.asl.commands import ReadItems, ScheduleTask, WriteResults
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.tasks import lambda_invoke
from enginehouse.tasks.aws import AwsAccess
from enginehouse.tasks.aws.names import service_action
from enginehouse.tasks.context import ExecutionInfo, TaskContext
from enginehouse.tasks.failures import error_and_cause, lambda_cause, lambda_report
from enginehouse.tasks.handlers import Handler
from enginehouse.tasks.http_invoke import RESOURCE as HTTP
from enginehouse.tasks.http_invoke import HttpAccess, HttpFailure, http_invoke
from enginehouse.tasks.items import ItemReaderFault
from enginehouse.tasks.lambda_invoke import LambdaFunction
from enginehouse.tasks.readers import ItemSource, ResultWriterFault
from enginehouse.tasks.results import NotJson, json_copy
from enginehouse.tasks.threads import Threads

if TYPE_CHECKING:
    from enginehouse.tasks.aws.services import AwsServices

Outcome: TypeAlias = TaskSucceeded | TaskFailed
_PREFIX = "task:"
_NO_FILES = "No folder is known for a Map's files; give the provider items=FOLDER, in enginehouse.toml or in Python."
_NO_AWS = (
    "it is AWS's, and no AWS service is called from here. To call it for real, with the credentials that this process has, "
    "switch it on by aws = true among the provider's options (pip install 'enginehouse[aws]')."
)


class TaskRunner:
    """Serves ``task:NAME``, Lambda functions given as ``lambdas``, HTTP requests to the hosts that ``http`` allows, and what
    else is AWS's where ``aws`` says how to call it.

    Async functions run on the loop, plain ones on at most ``threads`` threads. A Lambda function that is not among
    ``lambdas`` is served by the task of its name. Cancelling ``run`` cancels an async function; a plain one sees
    ``context.cancelled``. ``items`` is where Maps read items and write results, but for S3 where ``aws`` is given.
    ``activities`` says of an ARN whether there is such an activity; by default there is any. An async context manager: leaving
    it lets its threads go.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        lambdas: Mapping[str, LambdaFunction] | None = None,
        http: HttpAccess | None = None,
        items: ItemSource | None = None,
        threads: int | None = None,
        aws: AwsAccess | None = None,
        activities: Callable[[str], bool] | None = None,
    ) -> None:
        self.handlers = dict(handlers)
        self._portable = {_PREFIX + name: handler for name, handler in handlers.items()}
        self._lambdas = dict(lambdas or {})
        self._http = http or HttpAccess()
        self._items = items
        self._limit = threads or min(32, (os.cpu_count() or 1) + 4)
        self._threads: Threads | None = None
        self._aws = aws
        self._aws_services: AwsServices | None = None
        self._activities = activities

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the threads go; functions that still run on them are not waited for."""
        if self._threads is not None:
            self._threads.close()
            self._threads = None
        if self._aws_services is not None:
            self._aws_services.close()
            self._aws_services = None

    def has_activity(self, arn: str) -> bool:
        """Whether workers could poll for it."""
        return self._activities is None or self._activities(arn)

    def resolves(self, resource: str, arguments: object = None) -> bool:
        """Whether ``run`` would find something to run for this resource."""
        if resource.startswith(_PREFIX):
            return resource in self._portable
        if self._aws is not None and (service_action(resource) or lambda_invoke.is_lambda(resource)):
            return True
        if lambda_invoke.is_lambda(resource):
            try:
                return self._lambda(lambda_invoke.invocation(resource, arguments).name) is not None
            except (lambda_invoke.InvalidRequest, NotJson):
                return False
        if resource == HTTP:
            return bool(self._http.hosts)
        return False

    async def run(
        self,
        command: ScheduleTask,
        info: ExecutionInfo,
        heartbeat: Callable[[], None] | None = None,
        *,
        submitted: Callable[[Any], None] = lambda answer: None,
        answered: Any = None,
    ) -> Outcome:
        """The outcome of the task; a failure is a value. ``heartbeat`` is called when the function gives a sign of
        life, always on the loop. Raises nothing but ``CancelledError``, when it was cancelled.

        A ``sync`` task of AWS calls ``submitted`` with what the service answered when it took the job, and returns when the
        job has ended. Given that answer again as ``answered``, it follows the job, and submits none.
        """
        handler = self._portable.get(command.resource)
        if handler is None:
            return await self._serve(command, info, heartbeat, submitted, answered)
        if heartbeat is not None and not handler.is_async:
            heartbeat = _on_loop(heartbeat)
        context = TaskContext(command, info, heartbeat)
        try:
            result = await self._call(handler, json_copy(command.arguments), context)
            return TaskSucceeded(command.task, json_copy(result))
        except NotJson as fault:
            return TaskFailed(command.task, "TaskResultInvalid", f"task {handler.name!r}: {fault}")
        except asyncio.CancelledError as error:
            context.cancel()
            if _was_cancelled():
                raise
            return TaskFailed(command.task, *error_and_cause(error))
        except (KeyboardInterrupt, GeneratorExit):  # not the function's own: the program ends, or this call is closed
            raise
        except BaseException as error:
            return TaskFailed(command.task, *error_and_cause(error))

    async def drop(self, command: ScheduleTask, answered: Any) -> None:
        """Nobody waits any more for the job that was answered to by ``answered``: stop it, as far as it can be."""
        if self._aws is not None:
            await (await self._load_services(self._aws)).drop(command, answered)

    async def read(self, command: ReadItems) -> Outcome:
        """The items of a Map as a list, or ``States.ItemReaderFailed``."""
        try:
            source, threads = await self._source(command)
            items = await threads.run(lambda: json_copy(source.read(command), "what was read"))
        except Exception as error:
            return TaskFailed(command.task, "States.ItemReaderFailed", _file_cause(error))
        if not isinstance(items, list):
            return TaskFailed(command.task, "States.ItemReaderFailed", "What was read is no list of items.")
        return TaskSucceeded(command.task, items)

    async def write(self, command: WriteResults) -> Outcome:
        """What a Map's state gives once its results are written, or ``States.ResultWriterFailed``."""
        try:
            source, threads = await self._source(command)
            written = await threads.run(lambda: json_copy(source.write(command), "what writing gave"))
        except Exception as error:
            return TaskFailed(command.task, "States.ResultWriterFailed", _file_cause(error))
        return TaskSucceeded(command.task, written)

    async def _source(self, command: ReadItems | WriteResults) -> tuple[ItemSource, Threads]:
        """Where items are, and the threads to reach it from."""
        if self._aws is not None and service_action(command.resource).startswith("s3:"):
            services = await self._load_services(self._aws)
            return services.items, services.threads(command.resource)
        if self._items is None:
            raise ItemReaderFault(_NO_FILES)
        return self._items, self._pool()

    async def _serve(
        self,
        command: ScheduleTask,
        info: ExecutionInfo,
        heartbeat: Callable[[], None] | None,
        submitted: Callable[[Any], None],
        answered: Any,
    ) -> Outcome:
        if command.resource == HTTP:
            return await self._request(command)
        is_lambda = lambda_invoke.is_lambda(command.resource)
        if is_lambda and (self._aws is None or not self._aws.reaches("lambda") or self._is_here(command)):
            return await self._invoke(command, info)
        if command.resource.startswith(_PREFIX):
            name = command.resource.removeprefix(_PREFIX)
            return TaskFailed(command.task, "TaskNotFound", f"no task is called {name!r}; {_known(self.handlers)}")
        is_aws = is_lambda or bool(service_action(command.resource))
        if self._aws is not None and is_aws:
            services = await self._load_services(self._aws)
            return await services.run(command, info, submitted=submitted, answered=answered, alive=heartbeat)
        hint = _NO_AWS if is_aws else f"served are task:NAME, Lambda functions and {HTTP}"
        return TaskFailed(command.task, "TaskNotFound", f"nothing here runs the resource {command.resource!r}; {hint}")

    def _is_here(self, command: ScheduleTask) -> bool:
        """Whether a function of this process serves the Lambda function that is asked for."""
        try:
            return self._lambda(lambda_invoke.invocation(command.resource, command.arguments).name) is not None
        except (lambda_invoke.InvalidRequest, NotJson):
            return True  # and it is refused

    async def _load_services(self, access: AwsAccess) -> AwsServices:
        if self._aws_services is None:
            made = await self._pool().run(_services, access)
            self._aws_services = self._aws_services or made
        return self._aws_services

    async def _request(self, command: ScheduleTask) -> Outcome:
        try:
            answer = await self._pool().run(http_invoke, command.arguments, self._http, command.timeout)
        except HttpFailure as failure:
            return TaskFailed(command.task, *failure.args)
        return TaskSucceeded(command.task, answer)

    async def _invoke(self, command: ScheduleTask, info: ExecutionInfo) -> Outcome:
        try:
            call = lambda_invoke.invocation(command.resource, command.arguments)
        except lambda_invoke.InvalidRequest as refusal:
            return TaskFailed(command.task, *refusal.args)
        found = self._lambda(call.name)
        if found is None:
            return TaskFailed(
                command.task,
                "Lambda.ResourceNotFoundException",
                f"no Lambda function and no task is called {call.name!r}; {_known({**self._lambdas, **self.handlers})}",
            )
        handler, is_lambda = found
        request = lambda_invoke.request_id(f"{info.execution_id}/{command.task}")
        plain = TaskContext(command, info)
        context = lambda_invoke.context_of(call, command, request, info.execution_arn) if is_lambda else plain
        report: dict[str, object]
        try:
            result = await self._call(handler, call.event, context)
            return TaskSucceeded(command.task, lambda_invoke.answer(call, result, request))
        except NotJson as fault:
            report = lambda_invoke.marshal_report(fault, request)
        except asyncio.CancelledError as error:
            plain.cancel()
            if _was_cancelled():
                raise
            report = lambda_report(error, request, lambda_invoke.source_file(handler.function))
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            report = lambda_report(error, request, lambda_invoke.source_file(handler.function))
        return TaskFailed(command.task, str(report["errorType"]), lambda_cause(report, compact=call.enveloped))

    async def _call(self, handler: Handler, given: Any, context: object) -> Any:
        if handler.is_async:
            return await handler.call(given, context)
        result = await self._pool().run(handler.call, given, context)
        return await result if inspect.iscoroutine(result) else result

    def _lambda(self, name: str) -> tuple[Handler, bool] | None:
        function = lambda_invoke.find(name, self._lambdas)
        if function is not None:
            return Handler.of(name, function), True
        handler = self.handlers.get(name)
        if handler is not None:
            return handler, False
        function = self._lambdas.get(lambda_invoke.ANY)
        return None if function is None else (Handler.of(name, function), True)

    def _pool(self) -> Threads:
        if self._threads is None:
            self._threads = Threads(self._limit)
        return self._threads


def _services(access: AwsAccess) -> AwsServices:
    """botocore takes a third of a second to import: with the first call, and on a thread."""
    from enginehouse.tasks.aws.services import AwsServices

    return AwsServices(access)


def _file_cause(error: Exception) -> str:
    """Why items could not be read or results written; what a source raises of its own is named."""
    if isinstance(error, ItemReaderFault | ResultWriterFault | NotJson):
        return str(error)
    return ": ".join(filter(None, error_and_cause(error)))


def _on_loop(call: Callable[[], None]) -> Callable[[], None]:
    threadsafe = asyncio.get_running_loop().call_soon_threadsafe

    def beat() -> None:
        threadsafe(call)

    return beat


def _was_cancelled() -> bool:
    """Whether somebody cancelled the task that awaits, rather than the function raising ``CancelledError`` by itself."""
    current = asyncio.current_task()
    return current is None or current.cancelling() > 0


def _known(names: Mapping[str, Any]) -> str:
    listed = ", ".join(sorted(names)[:20]) + (", ..." if len(names) > 20 else "")
    what = f"known are {listed}" if names else "none is registered"
    return f'{what}. Mark the function with @task("NAME") and give its module with --tasks FILE.'
