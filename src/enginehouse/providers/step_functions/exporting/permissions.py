"""What the role of a state machine must be allowed, and no more: computed from the resources of its definition.

Names of resources that are known only when an execution runs are allowed for all of their kind in the account.
https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from enginehouse.errors import Diagnostic, InvalidSpecError, ProviderError
from enginehouse.providers.step_functions.exporting.arns import (
    PARTITION,
    anywhere,
    bucket,
    buses,
    function,
    given_to,
    mentions,
    named,
    objects,
    queue,
    role,
    static,
    table,
    under,
    unqualified,
)
from enginehouse.providers.step_functions.exporting.integrations import INTEGRATIONS
from enginehouse.providers.step_functions.exporting.statements import Statement, allow, merged, passing, ruling
from enginehouse.providers.step_functions.settings import PROVIDER

_RESOURCE = re.compile(r"arn:[^:]+:states:::(.+?)(?:\.(sync:2|sync|waitForTaskToken))?")
_LAMBDA = re.compile(r"arn:[^:]+:lambda:[^:]*:[^:]*:function:[^:]+(?::[^:]+)?")
_SERVICES = frozenset(
    ["aws-sdk", "batch", "dynamodb", "ecs", "events", "glue", "http", "lambda", "sns", "sqs", "states"]
)
_RULES = {
    "states:startExecution": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
    "ecs:runTask": "StepFunctionsGetEventsForECSTaskRule",
    "batch:submitJob": "StepFunctionsGetEventsForBatchJobsRule",
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


def needed(document: Mapping[str, Any], machine: str) -> list[Statement]:
    """The statements that a definition needs; ``machine`` is the name of its state machine."""
    return merged([statement for state in _states(document) for statement in _of_state(state, machine)])


def untold(document: Mapping[str, Any]) -> list[str]:
    """The resources whose permissions are not known here, in the order of the definition."""
    found = [
        str(state["Resource"])
        for state in _states(document)
        if state.get("Type") == "Task" and "Credentials" not in state
        if (match := _RESOURCE.fullmatch(str(state.get("Resource")))) and not _is_known(match[1])
    ]
    return list(dict.fromkeys(found))


def _is_known(name: str) -> bool:
    return name.partition(":")[0] in _SERVICES or name in INTEGRATIONS


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
    resource, given = str(state.get("Resource")), given_to(state)
    credentials = state.get("Credentials")
    if credentials is not None:
        arn = static(credentials, "RoleArn") if isinstance(credentials, Mapping) else ""
        yield allow("sts:AssumeRole", arn or f"arn:{PARTITION}:iam::*:role/*")
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
    if name in INTEGRATIONS:
        yield from INTEGRATIONS[name].statements(given, waited=pattern.startswith("sync"))
        return
    yield from _of_integration(name, given)
    if pattern.startswith("sync"):
        yield from _of_job(name, given)


def _of_integration(name: str, given: Mapping[str, Any]) -> Iterator[Statement]:
    service, _, action = name.partition(":")
    match service:
        case "lambda":
            yield allow("lambda:InvokeFunction", function(given))
        case "sqs":
            yield allow("sqs:SendMessage", queue(given))
        case "sns":
            topic = static(given, "TopicArn") or static(given, "TargetArn")
            # A message to a telephone has no resource of its own.
            number = "PhoneNumber" in given or "PhoneNumber.$" in given
            yield allow("sns:Publish", "*" if number else topic or anywhere("sns", "*"))
        case "dynamodb":
            yield allow(f"dynamodb:{action[:1].upper()}{action[1:]}", table(given))
        case "events":
            yield allow("events:PutEvents", *buses(given))
        case "states":
            yield allow(
                "states:StartExecution",
                unqualified(static(given, "StateMachineArn")) or anywhere("states", "stateMachine:*"),
            )
        case "ecs":
            yield allow("ecs:RunTask", named(given, "TaskDefinition", "ecs", "task-definition", versioned=True))
            yield passing("ecs-tasks", role({}, ""))
            if mentions(given, "Tags") or mentions(given, "PropagateTags"):
                yield allow("ecs:TagResource", anywhere("ecs", "task/*"))
        case "batch":
            yield allow(
                "batch:SubmitJob",
                named(given, "JobDefinition", "batch", "job-definition", versioned=True),
                named(given, "JobQueue", "batch", "job-queue"),
            )
            if mentions(given, "Tags"):
                yield allow("batch:TagResource", anywhere("batch", "job/*"))
        case "glue":
            yield allow("glue:StartJobRun", named(given, "JobName", "glue", "job"))
        case "http":
            yield from _of_http(given)


def _of_job(name: str, given: Mapping[str, Any]) -> Iterator[Statement]:
    """What waiting for a job takes besides: to look at it, to stop it, and a rule by which AWS hears of its end."""
    if name == "states:startExecution":
        machine = unqualified(static(given, "StateMachineArn"))
        runs = f"{machine.replace(':stateMachine:', ':execution:')}:*" if machine else anywhere("states", "execution:*")
        yield allow("states:DescribeExecution StopExecution", runs)
    elif name == "ecs:runTask":
        yield allow("ecs:DescribeTasks StopTask", anywhere("ecs", "task/*"))
    elif name == "batch:submitJob":  # these take no resource
        yield allow("batch:DescribeJobs TerminateJob", "*")
    elif name == "glue:startJobRun":
        job = named(given, "JobName", "glue", "job")
        yield allow("glue:BatchStopJobRun GetJobRun GetJobRuns", job)
    if name in _RULES:
        yield ruling(_RULES[name])


def _of_http(given: Mapping[str, Any]) -> Iterator[Statement]:
    condition = {}
    for parameter, key in (("ApiEndpoint", "states:HTTPEndpoint"), ("Method", "states:HTTPMethod")):
        value = static(given, parameter)
        if value:
            condition[key] = value
    told = {"StringEquals": condition} if condition else None
    yield allow("states:InvokeHTTPEndpoint", "*", condition=told)
    authentication = given.get("Authentication")
    connection = static(authentication, "ConnectionArn") if isinstance(authentication, Mapping) else ""
    yield allow("events:RetrieveConnectionCredentials", connection or anywhere("events", "connection/*"))
    yield allow(
        "secretsmanager:DescribeSecret GetSecretValue", anywhere("secretsmanager", "secret:events!connection/*")
    )


def _of_sdk(name: str, given: Mapping[str, Any]) -> Iterator[Statement]:
    try:
        from enginehouse.providers.step_functions.exporting import sdk  # botocore, which others do not need
        from enginehouse.tasks.aws.catalog import UnknownNameError, names_of_sdk
    except ImportError:
        message = f"to tell what {name} needs, boto3 must be installed: pip install 'enginehouse[aws]'"
        raise ProviderError(message, provider=PROVIDER) from None
    try:
        found = list(sdk.allowed(*names_of_sdk(name), given))
    except UnknownNameError as unknown:
        fault = Diagnostic("error", "UNKNOWN_RESOURCE", f"arn:aws:states:::{name} cannot be called: {unknown}.")
        raise InvalidSpecError(diagnostics=[fault], provider=PROVIDER) from None
    for actions, resources in found:
        yield allow(actions, *resources)


def _of_map(state: Mapping[str, Any], machine: str) -> Iterator[Statement]:
    processor = state.get("ItemProcessor") or state.get("Iterator") or {}
    if processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
        yield allow("states:StartExecution", anywhere("states", f"stateMachine:{machine}"))
        # AWS's example has the machine's executions; those of a map run have its label behind a slash.
        runs, children = (anywhere("states", f"execution:{machine}{label}:*") for label in ("", "/*"))
        yield allow("states:DescribeExecution StopExecution", runs, children)
        yield allow("states:RedriveExecution", children)
    reader, writer = state.get("ItemReader") or {}, state.get("ResultWriter") or {}
    given = given_to(reader)
    if reader.get("Resource", "").endswith(":s3:getObject"):
        place = objects(given)
        config = reader.get("ReaderConfig", {})
        if config.get("InputType") == "MANIFEST" or "ManifestType" in config:  # and the files that it lists
            place = under(given, "*") if config.get("ManifestType") != "ATHENA_DATA" else f"arn:{PARTITION}:s3:::*"
        yield allow(f"s3:GetObject{' GetObjectVersion' if mentions(given, 'VersionId') else ''}", place)
    elif reader.get("Resource", "").endswith(":s3:listObjectsV2"):
        yield allow("s3:ListBucket", bucket(given))
        if reader.get("ReaderConfig", {}).get("Transformation") == "LOAD_AND_FLATTEN":  # reads what it lists
            yield allow("s3:GetObject", under(given, f"{static(given, 'Prefix')}*"))
    if writer.get("Resource", "").endswith(":s3:putObject"):
        given = given_to(writer)
        prefix = static(given, "Prefix").strip("/")
        place = under(given, f"{prefix + '/' if prefix else ''}*")
        yield allow("s3:AbortMultipartUpload GetObject ListMultipartUploadParts PutObject", place)
