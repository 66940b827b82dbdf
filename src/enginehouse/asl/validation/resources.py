"""Task resources: ARNs, integration patterns, what an integration must be given, credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from enginehouse.asl.validation import values as v
from enginehouse.asl.validation.jsonata import is_expression
from enginehouse.asl.validation.report import JSONATA, Report, child, kind

_PORTABLE = re.compile(r"task:[A-Za-z0-9_.:-]{1,128}\Z", re.ASCII)
_ARN = re.compile(r"arn:[a-z][a-z0-9-]*:([a-z0-9-]+):([a-z0-9-]*):([a-z0-9-]*):(.+)\Z", re.DOTALL)
_SUFFIX = re.compile(r"(.*?)(\.sync(?::2)?|\.waitForTaskToken)?\Z", re.DOTALL)

_BOTH = ("sync", "token")
_SYNC = ("sync",)
_TOKEN = ("token",)
_PLAIN = ()

INTEGRATIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "apigateway": {"invoke": _TOKEN},
    "athena": {
        "startQueryExecution": _SYNC,
        "stopQueryExecution": _PLAIN,
        "getQueryExecution": _PLAIN,
        "getQueryResults": _PLAIN,
    },
    "batch": {"submitJob": _SYNC},
    "bedrock-agentcore": {},
    "bedrock": {"invokeModel": _TOKEN, "createModelCustomizationJob": _BOTH},
    "codebuild": {
        "startBuild": _SYNC,
        "stopBuild": _PLAIN,
        "batchDeleteBuilds": _PLAIN,
        "batchGetReports": _PLAIN,
        "startBuildBatch": _SYNC,
        "stopBuildBatch": _PLAIN,
        "retryBuildBatch": _SYNC,
        "deleteBuildBatch": _PLAIN,
    },
    "databrew": {"startJobRun": _SYNC},
    "dynamodb": {"getItem": _PLAIN, "putItem": _PLAIN, "updateItem": _PLAIN, "deleteItem": _PLAIN},
    "ecs": {"runTask": _BOTH},
    "eks": {
        "createCluster": _BOTH,
        "deleteCluster": _BOTH,
        "createNodegroup": _BOTH,
        "deleteNodegroup": _BOTH,
        "createFargateProfile": _BOTH,
        "deleteFargateProfile": _BOTH,
        "call": _TOKEN,
        "runJob": _BOTH,
    },
    "elasticmapreduce": {
        "createCluster": _SYNC,
        "terminateCluster": _SYNC,
        "addStep": _SYNC,
        "cancelStep": _PLAIN,
        "setClusterTerminationProtection": _PLAIN,
        "modifyInstanceFleetByName": _PLAIN,
        "modifyInstanceGroupByName": _PLAIN,
    },
    "emr-containers": {"createVirtualCluster": _PLAIN, "deleteVirtualCluster": _SYNC, "startJobRun": _SYNC},
    "emr-serverless": {
        "createApplication": _SYNC,
        "startApplication": _SYNC,
        "stopApplication": _SYNC,
        "deleteApplication": _SYNC,
        "startJobRun": _SYNC,
        "cancelJobRun": _SYNC,
    },
    "events": {"putEvents": _TOKEN},
    "glue": {"startJobRun": _SYNC},
    "http": {"invoke": _PLAIN},
    "lambda": {"invoke": _TOKEN},
    "mediaconvert": {"createJob": _SYNC},
    "sagemaker": {
        "createEndpoint": _PLAIN,
        "createEndpointConfig": _PLAIN,
        "createHyperParameterTuningJob": _SYNC,
        "createLabelingJob": _SYNC,
        "createModel": _PLAIN,
        "createProcessingJob": _SYNC,
        "createTrainingJob": _SYNC,
        "createTransformJob": _SYNC,
        "updateEndpoint": _PLAIN,
    },
    "sns": {"publish": _TOKEN},
    "sqs": {"sendMessage": _TOKEN},
    "states": {"startExecution": _BOTH},
}
"""Optimized integrations, their calls, and the patterns each offers besides request and response (AWS's table)."""

REQUIRED_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "apigateway:invoke": ("ApiEndpoint", "Method"),
    "athena:startQueryExecution": ("QueryString",),
    "batch:submitJob": ("JobDefinition", "JobName", "JobQueue"),
    "codebuild:startBuild": ("ProjectName",),
    "databrew:startJobRun": ("Name",),
    "dynamodb:deleteItem": ("TableName", "Key"),
    "dynamodb:getItem": ("TableName", "Key"),
    "dynamodb:putItem": ("TableName", "Item"),
    "dynamodb:updateItem": ("TableName", "Key"),
    "ecs:runTask": ("TaskDefinition",),
    "elasticmapreduce:addStep": ("ClusterId", "Step"),
    "events:putEvents": ("Entries",),
    "glue:startJobRun": ("JobName",),
    "http:invoke": ("ApiEndpoint", "Method"),
    "lambda:invoke": ("FunctionName",),
    "sns:publish": ("Message",),
    "sqs:sendMessage": ("QueueUrl", "MessageBody"),
    "states:startExecution": ("StateMachineArn",),
}


def check_resource(report: Report, at: str, value: Any) -> None:
    """A portable task, a Lambda function, an activity or a service integration, with a pattern that it has."""
    if type(value) is not str:
        report.error(at, f"A resource must be text, not {kind(value)}.")
        return
    if value.startswith("task:"):
        _check_portable(report, at, value)
        return
    found = _ARN.match(value)
    if found is None:
        hint = f"Write `task:{value}` for a task function." if _PORTABLE.match(f"task:{value}") else ""
        report.error(at, "The value is not a valid resource ARN.", hint)
        return
    service, region, account, rest = found.groups()
    if service == "states" and rest.startswith("activity:"):
        if rest == "activity:":
            report.error(at, "The ARN names no activity.", "Its name stands behind `activity:`.")
        if report.express:
            report.error(at, "An EXPRESS workflow cannot use activities.")
    elif service == "states" and not region and not account:
        _check_integration(report, at, value, rest)
    elif service not in ("lambda", "states"):
        hint = "Call other services by `arn:aws:states:::aws-sdk:SERVICE:ACTION`."
        report.warning(at, f"Step Functions runs no task of the service `{service}` by its ARN.", hint)


def _check_portable(report: Report, at: str, value: str) -> None:
    matched = _SUFFIX.match(value)
    name, suffix = (matched[1], matched[2] or "") if matched else (value, "")
    if not _PORTABLE.match(name):
        report.error(at, "A task's name is made of letters, digits, `_`, `.`, `:` and `-`.")
    elif suffix.startswith(".sync"):
        _report_pattern(report, at, value, suffix)
    elif suffix and report.express:
        report.error(at, f"An EXPRESS workflow cannot use the `{suffix}` pattern.")


def _check_integration(report: Report, at: str, value: str, rest: str) -> None:
    matched = _SUFFIX.match(rest)
    call, suffix = (matched[1], matched[2] or "") if matched else (rest, "")
    service, _, action = call.partition(":")
    if "." in action:
        unknown = action[action.index(".") :] + suffix
        hint = f"Write `{value.removesuffix(unknown):.200}`, or end it in `.sync` or `.waitForTaskToken`."
        report.error(at, f"There is no integration pattern `{unknown:.80}`.", hint)
        return
    if suffix and report.express:
        shown = ".sync" if suffix.startswith(".sync") else suffix
        report.error(at, f"An EXPRESS workflow cannot use the `{shown}` pattern.")
    if service == "aws-sdk":
        name, _, sdk_action = action.partition(":")
        if not name or not sdk_action or not sdk_action[0].islower():
            hint = "Write `aws-sdk:SERVICE:ACTION`, the action in camelCase."
            report.error(at, f"The resource `{value:.200}` is not recognized.", hint)
        elif suffix.startswith(".sync"):
            _report_pattern(report, at, value, suffix)
        return
    calls = INTEGRATIONS.get(service)
    if calls is None:
        _report_name(report, at, value, service, list(INTEGRATIONS))
        return
    offered = calls.get(action)
    if offered is None:
        _report_name(report, at, value, action, list(calls))
        offered = tuple({pattern for patterns in calls.values() for pattern in patterns})
    pattern = "token" if suffix == ".waitForTaskToken" else "sync"
    if suffix and (pattern not in offered or (suffix == ".sync:2" and service != "states")):
        _report_pattern(report, at, value, suffix)


def _report_pattern(report: Report, at: str, value: str, suffix: str) -> None:
    call = value.removesuffix(suffix)
    report.error(at, f"`{call:.200}` does not offer the `{suffix}` pattern.", f"Write `{call:.200}`.")


def _report_name(report: Report, at: str, value: str, word: str, known: list[str]) -> None:
    message = f"The resource `{value:.200}` is not recognized."
    if nearest := report.nearest(word, known, 0.8):
        report.error(at, message, f"Did you mean `{nearest}`?")
    else:
        report.warning(at, message, "It is kept as it is.", "UNKNOWN_RESOURCE")


def check_task(report: Report, at: str, state: Mapping[str, Any]) -> None:
    """What only the whole Task can tell: what its integration must be given, credentials and timeouts that fit."""
    resource = state.get("Resource")
    if type(resource) is not str:
        return
    found = _ARN.match(resource)
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if type(timeout) is int and type(heartbeat) is int and heartbeat >= timeout:
        message = f"`HeartbeatSeconds` ({heartbeat}) must be smaller than `TimeoutSeconds` ({timeout})."
        report.error(f"{at}/HeartbeatSeconds", message)
    if found is None:
        return
    service, region, account, rest = found.groups()
    if service != "states":
        return
    if rest.startswith("activity:"):
        if "Credentials" in state:
            report.error(f"{at}/Credentials", "`Credentials` are not supported for activities.")
    elif not region and not account:
        _check_parameters(report, at, state, resource, rest)


def _check_parameters(report: Report, at: str, state: Mapping[str, Any], resource: str, rest: str) -> None:
    name = "Arguments" if report.language == JSONATA else "Parameters"
    if name not in state:
        report.error(at, f"`{name}` is required for the resource `{resource:.200}`.")
        return
    given = state[name]
    if type(given) is not dict:
        return
    matched = _SUFFIX.match(rest)
    needed = REQUIRED_PARAMETERS.get(matched[1] if matched else rest, ())
    for field in needed:
        if field not in given and not (name == "Parameters" and f"{field}.$" in given):
            lower = {key.lower(): key for key in given}
            wrong = lower.get(field.lower()) or lower.get(f"{field.lower()}.$")
            hint = f"Rename `{wrong}`." if wrong else ""
            report.error(f"{at}/{name}", f"The field `{field}` is required but was missing.", hint)
    authentication = given.get("Authentication")
    if rest == "http:invoke" and type(authentication) is dict:
        arn = authentication.get("ConnectionArn")
        if type(arn) is str and not arn.startswith("arn:") and not is_expression(arn):
            report.error(f"{at}/{name}/Authentication/ConnectionArn", "The value is not a valid ARN.")


def check_credentials(report: Report, at: str, value: Any) -> None:
    """The role that a task is done with."""
    if report.language == JSONATA and is_expression(value):
        v.template(report, at, value)
        return
    if type(value) is not dict:
        report.error(at, f"`Credentials` must be an object with `RoleArn`, not {kind(value)}.")
        return
    v.template(report, at, value)
    if "RoleArn" not in value and not ("RoleArn.$" in value and report.language != JSONATA):
        report.error(at, "The field `RoleArn` is required but was missing.")
    if "RoleArn" in value:
        v.text(report, f"{at}/RoleArn", value["RoleArn"])
    for key in value:
        if key not in ("RoleArn", "RoleArn.$"):
            report.warning(child(at, key), f"`Credentials` has no field `{key:.80}`.")
