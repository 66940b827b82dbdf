"""Calls AWS for a task: request and response, a job that is waited for, a request that carries a token."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from botocore.exceptions import ClientError
from botocore.model import OperationModel

from enginehouse.asl.commands import ScheduleTask
from enginehouse.asl.machine import PAYLOAD_LIMIT, too_large
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.tasks.aws import catalog
from enginehouse.tasks.aws.access import AwsAccess
from enginehouse.tasks.aws.clients import HEADERS, Clients, names_of
from enginehouse.tasks.aws.convert import SDK, Dialect, RefusedFields, answer, json_text, parameters
from enginehouse.tasks.aws.failures import CALL_FAILED, DENIED, ServiceFailure, Speaker, failure_of, sdk_speaker
from enginehouse.tasks.aws.iam import permissions
from enginehouse.tasks.aws.jobs import JOBS, Answer, Job
from enginehouse.tasks.aws.names import service_action
from enginehouse.tasks.aws.optimised import INTEGRATIONS, LAMBDA_INVOKE, Integration, queue_host
from enginehouse.tasks.aws.s3 import S3Items
from enginehouse.tasks.context import ExecutionInfo
from enginehouse.tasks.readers import ItemSource
from enginehouse.tasks.results import NotJson, json_copy
from enginehouse.tasks.threads import Threads

log = logging.getLogger(__name__)

_FIRST_LOOK, _SLOWER = 0.2, 1.5
_STOPPING = 10.0
# What answers when it is done, on the same connection.
_PATIENT = {("lambda", "Invoke"), ("stepfunctions", "StartSyncExecution"), ("stepfunctions", "GetActivityTask")}


@dataclass(frozen=True, slots=True)
class _Call:
    """What a resource asks for, found in botocore's models."""

    service: str
    operation: OperationModel
    dialect: Dialect
    speaker: Speaker
    integration: Integration | None = None


class AwsServices:
    """Calls each service in at most ``access.connections`` threads of its own, made when they are needed: one that is silent
    keeps nobody from the others. ``items`` is S3 for Maps; it blocks, and is used from the threads of its resources."""

    def __init__(self, access: AwsAccess) -> None:
        self._access = access
        self._clients = Clients(access)
        self.items: ItemSource = S3Items(partial(self._clients.get, "s3"))
        self._threads: dict[str, Threads] = {}

    def threads(self, resource: str) -> Threads:
        """Those from which what the resource asks for is called."""
        service = service_action(resource).rpartition(":")[0]
        if service not in self._threads:
            self._threads[service] = Threads(self._access.connections)
        return self._threads[service]

    def close(self) -> None:
        """Let the threads go; calls that still run are not waited for."""
        for threads in self._threads.values():
            threads.close()

    async def run(
        self,
        command: ScheduleTask,
        info: ExecutionInfo,
        *,
        submitted: Callable[[Any], None],
        answered: Any = None,
        alive: Callable[[], None] | None = None,
    ) -> TaskSucceeded | TaskFailed:
        """The outcome of the task; a failure is a value.

        ``submitted`` is told what the service answered to a job that is waited for; ``answered`` is that, of a job that was
        submitted before: it is followed, and not submitted again. ``alive`` is called whenever the job is seen to run.
        """
        try:
            if not service_action(command.resource):
                output = await self._invoke(command, info)
            else:
                output = await self._run(command, info, submitted, answered, alive)
            return TaskSucceeded(command.task, json_copy(output))
        except ServiceFailure as failure:
            return TaskFailed(command.task, failure.error, failure.cause)
        except NotJson as fault:
            return TaskFailed(command.task, "States.Runtime", f"{command.resource}: {fault}")
        except Exception as error:
            log.exception("aws.call_failed resource=%s", command.resource)
            return TaskFailed(command.task, "States.Runtime", f"{command.resource}: {type(error).__name__}: {error}")

    async def _run(
        self,
        command: ScheduleTask,
        info: ExecutionInfo,
        submitted: Callable[[Any], None],
        answered: Any,
        alive: Callable[[], None] | None,
    ) -> Any:
        job = None
        if command.pattern.startswith("sync"):
            job = JOBS.get(service_action(command.resource))
            if job is None:
                raise ServiceFailure("States.Runtime", f"{command.resource!r} cannot be waited for here; {_served()}")
        if answered is None:
            answered = await self.threads(command.resource).run(self._request, command, info)
            if job is not None:
                submitted(answered)
        return answered if job is None else await self._follow(job, command, answered, alive)

    async def _invoke(self, command: ScheduleTask, info: ExecutionInfo) -> Any:
        """The bare result of a Lambda function whose ARN is the resource."""
        arguments = {"FunctionName": command.resource, "Payload": json_text(command.arguments)}
        wrapped = msgspec.structs.replace(command, resource=f"arn:aws:states:::{LAMBDA_INVOKE}", arguments=arguments)
        return (await self.threads(wrapped.resource).run(self._request, wrapped, info))["Payload"]

    async def drop(self, command: ScheduleTask, answered: Any) -> None:
        """Stop a job whose outcome no longer matters; that it cannot be stopped is logged."""
        job = JOBS.get(service_action(command.resource))
        if job is None or not isinstance(answered, dict):
            return
        try:
            async with asyncio.timeout(_STOPPING):
                await self.threads(command.resource).run(job.stop, self._ask(command), command, answered)
        except (ServiceFailure, TimeoutError) as error:
            log.warning("aws.not_stopped resource=%s error=%s", command.resource, error or type(error).__name__)

    async def _follow(
        self, job: Job, command: ScheduleTask, submitted: Answer, alive: Callable[[], None] | None
    ) -> Answer:
        ask, pause = self._ask(command), min(_FIRST_LOOK, self._access.poll)
        while True:
            try:
                ended = await self.threads(command.resource).run(job.look, ask, command, submitted)
            except ServiceFailure as failure:
                if not failure.passing:
                    raise
                log.warning("aws.not_seen resource=%s cause=%s", command.resource, failure.cause)
                ended = None
            else:
                if alive is not None:
                    alive()
            if ended is not None:
                return dict(ended)
            await asyncio.sleep(pause)
            pause = min(pause * _SLOWER, self._access.poll)

    # -- in the threads

    def _request(self, command: ScheduleTask, info: ExecutionInfo) -> Answer:
        call = _call(command.resource)
        shape = call.operation.input_shape
        try:
            given = parameters(command.arguments, shape, call.dialect)
        except RefusedFields as faults:
            cause = f"The Parameters '{json_text(command.arguments)}' could not be used to start the Task: [{faults}]"
            raise ServiceFailure("States.Runtime", cause) from None
        if call.integration is not None:
            call.integration.prepare(given, command, info)
        _check_path(call, given)
        told = self._send(call, given, _role(command))
        result: Answer = answer(told, call.operation.output_shape, call.dialect)
        if call.integration is None:
            return result
        return call.integration.check({**result, **_about(told)}, command)

    def _ask(self, command: ScheduleTask) -> Callable[[str, dict[str, Any]], Answer]:
        """Asks the job's service with botocore's parameters."""

        def ask(operation: str, given: dict[str, Any]) -> Answer:
            first = _call(command.resource)
            model = catalog.model(first.service).operation_model(operation)
            call = _Call(first.service, model, first.dialect, first.speaker)
            told: Answer = answer(self._send(call, given, _role(command)), model.output_shape, first.dialect)
            return told

        return ask

    def _send(self, call: _Call, given: dict[str, Any], role: str) -> dict[str, Any]:
        name = call.operation.name
        if not self._access.reaches(*names_of(call.service)):
            raise ServiceFailure(
                "TaskNotFound",
                f"{call.service} has no endpoint, and services are called at given endpoints alone: name it by "
                f"{call.service.upper().replace('-', '_')}_ENDPOINT, or among the endpoints of the option aws",
            )
        by_url = call.service == "sqs" and not self._access.endpoints_only
        try:
            client = self._clients.get(
                call.service,
                role=role,
                endpoint=queue_host(given) if by_url else "",
                patient=(call.service, name) in _PATIENT,
            )
            told: dict[str, Any] = getattr(client, _method(client, name))(**given)
            return _read(told, call)
        except CALL_FAILED as error:
            if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in DENIED:
                log.warning("aws.access_denied action=%s role=%s", _denied(error, call, given), role)
            raise failure_of(error, call.speaker, call.operation.service_model) from error


def _call(resource: str) -> _Call:
    name = service_action(resource)
    try:
        if name.startswith("aws-sdk:"):
            service_name, action = catalog.names_of_sdk(name)
            service = catalog.service(service_name)
            operation = catalog.model(service).operation_model(catalog.operation(service, action))
            if operation.has_event_stream_output or operation.has_event_stream_input:
                raise catalog.UnknownNameError(f"{action!r} streams events, and a task cannot")
            return _Call(service, operation, SDK, sdk_speaker(catalog.prefix(service)))
    except catalog.UnknownNameError as unknown:
        raise ServiceFailure("States.Runtime", f"The resource {resource!r} cannot be called: {unknown}") from None
    found = INTEGRATIONS.get(name)
    if found is None:
        raise ServiceFailure("States.Runtime", f"The resource {resource!r} is not served here; {_served()}")
    operation = catalog.model(found.service).operation_model(found.operation)
    return _Call(found.service, operation, found.dialect, found.speaker, found)


def _served() -> str:
    return f"served are {', '.join(sorted(INTEGRATIONS))}, and every action as aws-sdk:SERVICE:ACTION"


def _check_path(call: _Call, given: Mapping[str, Any]) -> None:
    """A part of the URL that is empty would make another request of it: ``DeleteObject`` without a key is ``DeleteBucket``."""
    for name, shape in call.operation.input_shape.members.items() if call.operation.input_shape else ():
        if shape.serialization.get("location") == "uri" and given.get(name) == "":
            named = call.dialect.naming(name)
            raise ServiceFailure(f"{call.speaker.prefix}.SdkClientException", f"Parameter '{named}' must not be empty")


def _role(command: ScheduleTask) -> str:
    """The role that the task asks for; "" where it asks for none, never where it asks for what is none."""
    if command.credentials is None:
        return ""
    role = command.credentials.get("RoleArn") if isinstance(command.credentials, Mapping) else None
    if not isinstance(role, str) or not role.startswith("arn:"):
        raise ServiceFailure(
            "States.Runtime", f"The RoleArn of the Credentials is not the ARN of a role: {role!r:.200}"
        )
    return role


def _method(client: Any, operation: str) -> str:
    methods: Mapping[str, str] = client.meta.method_to_api_mapping
    return next(method for method, name in methods.items() if name == operation)


def _denied(error: ClientError, call: _Call, given: Mapping[str, Any]) -> str:
    """What IAM did not allow: the action, or before it to take on the role."""
    if error.operation_name == "AssumeRole" and call.operation.name != "AssumeRole":
        return "sts:AssumeRole"
    prefix, names = permissions(call.operation, given)
    return f"{prefix}:{','.join(names)}"


def _read(told: dict[str, Any], call: _Call) -> dict[str, Any]:
    """The answer with its stream read, as far as a task may hold it."""
    for name, value in told.items():
        if hasattr(value, "read"):
            data = value.read(PAYLOAD_LIMIT + 1)
            value.close()
            if len(data) > PAYLOAD_LIMIT:
                fault = too_large(call.speaker.prefix)
                raise ServiceFailure(str(fault.error), str(fault.cause))
            told[name] = data
    return told


def _about(told: Mapping[str, Any]) -> Answer:
    """What optimized integrations show of the request."""
    about = told.get("ResponseMetadata", {})
    headers = {str(name): str(value) for name, value in told.get(HEADERS, {}).items()}
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": about.get("HTTPStatusCode", 200),
        },
        "SdkResponseMetadata": {"RequestId": about.get("RequestId") or ""},
    }
