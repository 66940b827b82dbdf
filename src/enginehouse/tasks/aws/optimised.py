"""The optimized integrations that are served here, and what is particular about each.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from enginehouse.asl.commands import ScheduleTask
from enginehouse.tasks.aws.convert import Dialect, json_text, optimised
from enginehouse.tasks.aws.failures import ServiceFailure, Speaker
from enginehouse.tasks.context import ExecutionInfo

LAMBDA_INVOKE = "lambda:invoke"


@dataclass(frozen=True, slots=True)
class Integration:
    """``service`` and ``operation`` are botocore's. ``prepare`` adds to the parameters what AWS adds by itself, ``check`` is
    told the answer and raises ``ServiceFailure`` where AWS fails the state over it."""

    service: str
    operation: str
    dialect: Dialect
    speaker: Speaker
    prepare: Callable[[dict[str, Any], ScheduleTask, ExecutionInfo], None] = lambda given, command, info: None
    check: Callable[[dict[str, Any], ScheduleTask], dict[str, Any]] = lambda answer, command: answer


def _older(prefix: str, service: str, base: str = "") -> Speaker:
    return Speaker(prefix, service, f"{base or service}Exception", older=True)


def _name_sources(given: dict[str, Any], command: ScheduleTask, info: ExecutionInfo) -> None:
    """Each event names the execution and the state machine that it comes from."""
    sources = [name for name in (info.execution_arn, info.workflow_arn) if name]
    for entry in given.get("Entries", ()):
        entry["Resources"] = [*entry.get("Resources", ()), *sources]


def _no_failed_entry(answer: dict[str, Any], command: ScheduleTask) -> dict[str, Any]:
    if not answer.get("FailedEntryCount"):
        return answer
    told = {"Entries": answer.get("Entries", []), "FailedEntryCount": answer["FailedEntryCount"]}
    raise ServiceFailure("EventBridge.FailedEntry", json_text(told))


def _key(command: ScheduleTask, length: int) -> str:
    """The beginning of the task's token, which tells it from every other task's, in letters that any name may have."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in command.token[:length])


def _one_token(given: dict[str, Any], command: ScheduleTask, info: ExecutionInfo) -> None:
    """ECS starts one task for one token, however often it is asked."""
    given.setdefault("clientToken", _key(command, 64))


def _no_failures(answer: dict[str, Any], command: ScheduleTask) -> dict[str, Any]:
    if command.pattern and answer.get("Failures"):
        told = {"Failures": answer["Failures"], "Tasks": answer.get("Tasks", [])}
        raise ServiceFailure("AmazonECS.Unknown", json_text(told))
    return answer


def _one_name(given: dict[str, Any], command: ScheduleTask, info: ExecutionInfo) -> None:
    """A start that was cut off is repeated under the same name."""
    given.setdefault("name", _key(command, 80))


def _unwrapped(answer: dict[str, Any], command: ScheduleTask) -> dict[str, Any]:
    """The function's result as a JSON value; its failure as the task's."""
    text = answer.get("Payload", "")
    try:
        payload = json.loads(text) if text else text
    except ValueError:
        payload = text
    if answer.get("FunctionError"):
        told = payload if isinstance(payload, dict) else {}
        raise ServiceFailure(str(told.get("errorType") or "Lambda.Unknown"), text)
    return {**answer, "Payload": payload}


_DYNAMODB = _older("DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDB")

INTEGRATIONS: Mapping[str, Integration] = {
    "sqs:sendMessage": Integration("sqs", "SendMessage", optimised({"MessageBody"}), _older("SQS", "AmazonSQS")),
    "sns:publish": Integration("sns", "Publish", optimised({"Message"}), _older("SNS", "AmazonSNS")),
    **{
        f"dynamodb:{action}": Integration("dynamodb", action[:1].upper() + action[1:], optimised(()), _DYNAMODB)
        for action in ("putItem", "getItem", "updateItem", "deleteItem")
    },
    "events:putEvents": Integration(
        "events",
        "PutEvents",
        optimised({"Detail"}),
        _older("EventBridge", "AmazonEventBridge"),
        _name_sources,
        _no_failed_entry,
    ),
    "states:startExecution": Integration(
        "stepfunctions", "StartExecution", optimised({"Input"}), _older("StepFunctions", "AWSStepFunctions"), _one_name
    ),
    "ecs:runTask": Integration("ecs", "RunTask", optimised(()), _older("ECS", "AmazonECS"), _one_token, _no_failures),
    "batch:submitJob": Integration("batch", "SubmitJob", optimised(()), _older("Batch", "AWSBatch")),
    "glue:startJobRun": Integration("glue", "StartJobRun", optimised(()), _older("Glue", "AWSGlue")),
    LAMBDA_INVOKE: Integration(
        "lambda", "Invoke", optimised({"Payload"}), _older("Lambda", "AWSLambda"), check=_unwrapped
    ),
}


def queue_host(given: Mapping[str, Any]) -> str:
    """Where a message goes whose QueueUrl names no queue: AWS's SDK sends to the host of the URL."""
    url = urlsplit(str(given.get("QueueUrl") or ""))
    return f"{url.scheme}://{url.netloc}" if url.scheme in ("http", "https") and not url.path.strip("/") else ""
