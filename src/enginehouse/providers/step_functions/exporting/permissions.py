"""What the role of a state machine must be allowed, and no more: computed from the resources of its definition.

Names of resources that are known only when an execution runs are allowed for all of their kind in the account.
https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from enginehouse.errors import Diagnostic, InvalidSpecError, ProviderError
from enginehouse.providers.step_functions.settings import PROVIDER

PARTITION, REGION, ACCOUNT = "<partition>", "<region>", "<account>"
"""Stand in ARNs for what is known where the stack is deployed."""

_RESOURCE = re.compile(r"arn:[^:]+:states:::(.+?)(?:\.(sync:2|sync|waitForTaskToken))?")
_LAMBDA = re.compile(r"arn:[^:]+:lambda:[^:]*:[^:]*:function:[^:]+(?::[^:]+)?")
_EXPRESSION = "{%"
_RULES = {
    "states:startExecution": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
    "ecs:runTask": "StepFunctionsGetEventsForECSTaskRule",
    "batch:submitJob": "StepFunctionsGetEventsForBatchJobsRule",
}
_IAM_PREFIXES = {"monitoring": "cloudwatch"}
_S3_ACTIONS = {
    "ListObjects": ("ListBucket",),
    "ListObjectsV2": ("ListBucket",),
    "HeadBucket": ("ListBucket",),
    "ListBuckets": ("ListAllMyBuckets",),
    "HeadObject": ("GetObject",),
    "CopyObject": ("GetObject", "PutObject"),
    "DeleteObjects": ("DeleteObject",),
    "CreateMultipartUpload": ("PutObject",),
    "UploadPart": ("PutObject",),
    "CompleteMultipartUpload": ("PutObject",),
}
TRACING = ("GetSamplingRules", "GetSamplingTargets", "PutTelemetryRecords", "PutTraceSegments")
DELIVERY = (
    "CreateLogDelivery",
    "DeleteLogDelivery",
    "DescribeLogGroups",
    "DescribeResourcePolicies",
    "GetLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "UpdateLogDelivery",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What is allowed, on which resources; ``condition`` as IAM writes it."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Any] = field(default_factory=dict, hash=False)


def allow(actions: str, *resources: str, condition: Mapping[str, Any] | None = None) -> Statement:
    """``allow("sqs:SendMessage", arn)``; several actions of one service are separated by blanks."""
    service, _, names = actions.partition(":")
    return Statement(
        tuple(f"{service}:{name}" for name in sorted(names.split())), tuple(sorted(resources)), condition or {}
    )


def needed(document: Mapping[str, Any], machine: str) -> list[Statement]:
    """The statements that a definition needs; ``machine`` is the name of its state machine."""
    return merged([statement for state in _states(document) for statement in _of_state(state, machine)])


def merged(statements: list[Statement]) -> list[Statement]:
    """The same actions under the same condition are one statement."""
    grouped: dict[tuple[tuple[str, ...], str], Statement] = {}
    for item in statements:
        key = item.actions, repr(item.condition)
        known = grouped.get(key)
        resources = {*item.resources, *(known.resources if known else ())}
        grouped[key] = Statement(item.actions, tuple(sorted(resources)), item.condition)
    return sorted(grouped.values(), key=lambda item: (item.actions, item.resources))


def _states(machine: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for state in machine.get("States", {}).values():
        yield state
        inner = [state[name] for name in ("ItemProcessor", "Iterator") if isinstance(state.get(name), Mapping)]
        for one in [*inner, *state.get("Branches", ())]:
            yield from _states(one)


def _of_state(state: Mapping[str, Any], machine: str) -> Iterator[Statement]:
    if state.get("Type") == "Task":
        yield from _of_task(state)
    elif state.get("Type") == "Map":
        yield from _of_map(state, machine)


def _of_task(state: Mapping[str, Any]) -> Iterator[Statement]:
    resource, given = str(state.get("Resource")), _given(state)
    credentials = state.get("Credentials")
    if credentials is not None:
        role = _static(credentials, "RoleArn") if isinstance(credentials, Mapping) else ""
        yield allow("sts:AssumeRole", role or f"arn:{PARTITION}:iam::*:role/*")
        return  # that role does the rest
    if _LAMBDA.fullmatch(resource):
        yield allow("lambda:InvokeFunction", resource)
        return
    found = _RESOURCE.fullmatch(resource)
    if found is None:
        return
    name, pattern = found[1], found[2] or ""
    if name.startswith("aws-sdk:"):
        yield from _of_sdk(name, given)
        return
    yield from _of_integration(name, given)
    if pattern.startswith("sync"):
        yield from _of_job(name, given)


def _of_integration(name: str, given: Mapping[str, Any]) -> Iterator[Statement]:
    service, _, action = name.partition(":")
    match service:
        case "lambda":
            yield allow("lambda:InvokeFunction", _function(given))
        case "sqs":
            yield allow("sqs:SendMessage", _queue(given))
        case "sns":
            topic = _static(given, "TopicArn") or _static(given, "TargetArn")
            # A message to a telephone has no resource of its own.
            number = "PhoneNumber" in given or "PhoneNumber.$" in given
            yield allow("sns:Publish", "*" if number else topic or _any("sns", "*"))
        case "dynamodb":
            yield allow(f"dynamodb:{action[:1].upper()}{action[1:]}", _table(given))
        case "events":
            yield allow("events:PutEvents", *_buses(given))
        case "states":
            yield allow("states:StartExecution", _static(given, "StateMachineArn") or _any("states", "stateMachine:*"))
        case "ecs":
            yield allow("ecs:RunTask", _named(given, "TaskDefinition", "ecs", "task-definition/{}:*", "{}"))
            passed = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
            yield allow("iam:PassRole", f"arn:{PARTITION}:iam::{ACCOUNT}:role/*", condition=passed)
        case "batch":
            yield allow(
                "batch:SubmitJob",
                _named(given, "JobDefinition", "batch", "job-definition/{}:*", "{}"),
                _named(given, "JobQueue", "batch", "job-queue/{}", "{}"),
            )
        case "glue":
            yield allow("glue:StartJobRun", _named(given, "JobName", "glue", "job/{}", "{}"))
        case "http":
            yield from _of_http(given)


def _of_job(name: str, given: Mapping[str, Any]) -> Iterator[Statement]:
    """What waiting for a job takes besides: to look at it, to stop it, and a rule by which AWS hears of its end."""
    if name == "states:startExecution":
        machine = _static(given, "StateMachineArn")
        runs = f"{machine.replace(':stateMachine:', ':execution:')}:*" if machine else _any("states", "execution:*")
        yield allow("states:DescribeExecution StopExecution", runs)
    elif name == "ecs:runTask":
        yield allow("ecs:DescribeTasks StopTask", _any("ecs", "task/*"))
    elif name == "batch:submitJob":  # these take no resource
        yield allow("batch:DescribeJobs TerminateJob", "*")
    elif name == "glue:startJobRun":
        job = _named(given, "JobName", "glue", "job/{}", "{}")
        yield allow("glue:BatchStopJobRun GetJobRun GetJobRuns", job)
    if name in _RULES:
        yield allow("events:DescribeRule PutRule PutTargets", _any("events", f"rule/{_RULES[name]}"))


def _of_http(given: Mapping[str, Any]) -> Iterator[Statement]:
    condition = {}
    for parameter, key in (("ApiEndpoint", "states:HTTPEndpoint"), ("Method", "states:HTTPMethod")):
        value = _static(given, parameter)
        if value:
            condition[key] = value
    told = {"StringEquals": condition} if condition else None
    yield allow("states:InvokeHTTPEndpoint", "*", condition=told)
    authentication = given.get("Authentication")
    connection = _static(authentication, "ConnectionArn") if isinstance(authentication, Mapping) else ""
    yield allow("events:RetrieveConnectionCredentials", connection or _any("events", "connection/*"))
    yield allow("secretsmanager:DescribeSecret GetSecretValue", _any("secretsmanager", "secret:events!connection/*"))


def _of_sdk(name: str, given: Mapping[str, Any]) -> Iterator[Statement]:
    try:
        from enginehouse.tasks.aws import catalog  # botocore, which a definition without aws-sdk does not need
    except ImportError:
        message = f"to tell what {name} needs, boto3 must be installed: pip install 'enginehouse[aws]'"
        raise ProviderError(message, provider=PROVIDER) from None
    _, service, action = (name + "::").split(":")[:3]
    try:
        botocore_name = catalog.service(service)
        operation = catalog.operation(botocore_name, action)
    except catalog.UnknownNameError as unknown:
        fault = Diagnostic("error", "UNKNOWN_RESOURCE", f"arn:aws:states:::{name} cannot be called: {unknown}.")
        raise InvalidSpecError(diagnostics=[fault], provider=PROVIDER) from None
    signed = str(catalog.model(botocore_name).signing_name)
    prefix = _IAM_PREFIXES.get(signed, signed)
    if prefix == "s3":
        names = _S3_ACTIONS.get(operation, (operation,))
        yield allow(f"s3:{' '.join(names)}", _object(given))
    elif (prefix, operation) == ("lambda", "Invoke"):
        yield allow("lambda:InvokeFunction", _function(given))
    else:
        yield allow(f"{prefix}:{operation}", *_sdk_resources(prefix, operation, given))


def _sdk_resources(prefix: str, operation: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The resources of an action: by the field that names it, or by the ARNs of the service that it is given."""
    if prefix == "dynamodb" and _mentions(given, "TableName"):
        index = (
            (f"{_table(given)}/index/*",) if operation in ("Query", "Scan") and _mentions(given, "IndexName") else ()
        )
        return (_table(given), *index)
    if prefix == "sqs" and _mentions(given, "QueueUrl"):
        return (_queue(given),)
    found = {
        value
        for key, value in given.items()
        if isinstance(value, str) and not key.endswith(".$") and re.match(rf"arn:[^:]+:{re.escape(prefix)}:", value)
    }
    return tuple(found) or ("*",)


def _of_map(state: Mapping[str, Any], machine: str) -> Iterator[Statement]:
    processor = state.get("ItemProcessor") or state.get("Iterator") or {}
    if processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
        yield allow("states:StartExecution", _any("states", f"stateMachine:{machine}"))
        yield allow("states:DescribeExecution StopExecution", _any("states", f"execution:{machine}/*:*"))
        yield allow("states:RedriveExecution", _any("states", f"execution:{machine}/*:*"))
    reader, writer = state.get("ItemReader") or {}, state.get("ResultWriter") or {}
    given = _given(reader)
    if reader.get("Resource", "").endswith(":s3:getObject"):
        yield allow(f"s3:GetObject{' GetObjectVersion' if _mentions(given, 'VersionId') else ''}", _object(given))
    elif reader.get("Resource", "").endswith(":s3:listObjectsV2"):
        yield allow("s3:ListBucket", _bucket(given))
    if writer.get("Resource", "").endswith(":s3:putObject"):
        given = _given(writer)
        prefix = _static(given, "Prefix").strip("/")
        place = f"{_bucket(given)}/{prefix + '/' if prefix else ''}*"
        yield allow("s3:AbortMultipartUpload GetObject ListMultipartUploadParts PutObject", place)


# -- names of resources


def _given(state: Mapping[str, Any]) -> Mapping[str, Any]:
    given = state.get("Arguments", state.get("Parameters"))
    return given if isinstance(given, Mapping) else {}


def _static(given: Mapping[str, Any], name: str) -> str:
    """A field's text where the definition has it; "" where it is known when an execution runs."""
    value = given.get(name)
    return value if isinstance(value, str) and not value.startswith(_EXPRESSION) else ""


def _mentions(given: Mapping[str, Any], name: str) -> bool:
    return name in given or f"{name}.$" in given


def _any(service: str, rest: str) -> str:
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{rest}"


def _named(given: Mapping[str, Any], name: str, service: str, unversioned: str, arn: str) -> str:
    """The ARN of what a field names, by ARN or by name, with any version where it gives none."""
    value = _static(given, name)
    if value.startswith("arn:"):
        return arn.format(value)
    if not value:
        return _any(service, unversioned.partition("{}")[0] + "*")
    return _any(service, unversioned.format(value).removesuffix(":*") if ":" in value else unversioned.format(value))


def _function(given: Mapping[str, Any]) -> str:
    value = _static(given, "FunctionName")
    if value.startswith("arn:"):
        return value
    return _any("lambda", f"function:{value.rpartition('function:')[2] or '*'}")


def _queue(given: Mapping[str, Any]) -> str:
    url = urlsplit(_static(given, "QueueUrl"))
    parts = url.path.strip("/").split("/")
    host = (url.hostname or "").split(".")
    if len(parts) != 2 or not all(parts):
        return _any("sqs", "*")
    region = host[1] if len(host) > 2 and host[0] == "sqs" else REGION
    return f"arn:{PARTITION}:sqs:{region}:{parts[0]}:{parts[1]}"


def _table(given: Mapping[str, Any]) -> str:
    value = _static(given, "TableName")
    return value if value.startswith("arn:") else _any("dynamodb", f"table/{value or '*'}")


def _bucket(given: Mapping[str, Any]) -> str:
    return f"arn:{PARTITION}:s3:::{_static(given, 'Bucket') or '*'}"


def _object(given: Mapping[str, Any]) -> str:
    """An object, or the bucket where the action is on that."""
    if not _mentions(given, "Key") and not _mentions(given, "CopySource"):
        return _bucket(given) if _mentions(given, "Bucket") else "*"
    return f"{_bucket(given)}/{_static(given, 'Key') or '*'}"


def _buses(given: Mapping[str, Any]) -> list[str]:
    entries = given.get("Entries")
    if not isinstance(entries, list):
        return [_any("events", "event-bus/*")]
    found = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            return [_any("events", "event-bus/*")]
        bus = _static(entry, "EventBusName") or ("*" if _mentions(entry, "EventBusName") else "default")
        found.append(bus if bus.startswith("arn:") else _any("events", f"event-bus/{bus}"))
    return found
