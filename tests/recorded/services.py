"""Run recorded cases that call AWS services: the local engine and the mock, with moto's server as AWS.

A recording names the resources that its test had made beforehand: buckets, queues, topics, tables, state machines. They are
made here by those names, objects with what ``setup`` says they held. Where the test answered a token, it is answered here.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from enginehouse.cli.case_providers import ARNS, ROLE
from enginehouse.conformance.asl.cases import Case
from enginehouse.conformance.asl.observed import Observed, observed_of
from enginehouse.models import ExecutionInput, WorkflowSpec
from enginehouse.providers.local import LocalProvider
from enginehouse.providers.mock import MockProvider
from tests.moto_server import REGION, client

TARGET = {"StartAt": "State_1", "States": {"State_1": {"Type": "Pass", "Result": {"Arg1": "argument1"}, "End": True}}}
HOSTS = ("local", "mock")
_LONGEST = 60.0
_MACHINE = re.compile(r"arn:aws:states:[^:]+:\d+:stateMachine:([\w-]+)")
_QUEUE = re.compile(r"https://sqs\.[^/]+/\d+/([\w-]+)")
_TOPIC = re.compile(r"arn:aws:sns:[^:]+:\d+:([\w-]+)")


def provider(host: str, url: str) -> Any:
    aws = {"region": REGION, "endpoint": url, "poll": 0.2}
    if host == "local":
        return LocalProvider(":memory:", engine=True, grace=0.1, arns=ARNS, role=ROLE, aws=aws)
    return MockProvider(clock="real", arns=ARNS, role=ROLE, aws=aws)


def run_service_cases(host: str, cases: Iterable[Case], url: str) -> tuple[list[Case], list[Observed | str]]:
    """The cases and what each did, one after the other: they share buckets. Headers are left out of both."""
    asked: list[Case] = []
    seen: list[Observed | str] = []
    for case in cases:
        asked.append({**case, "expected": without_headers(case["expected"])})
        found = asyncio.run(run_service_case(host, case, url))
        if isinstance(found, Observed):
            found = replace(found, output=without_headers(found.output), history=without_headers(found.history))
        seen.append(found)
    return asked, seen


async def run_service_case(host: str, case: Case, url: str) -> Observed | str:
    """What the case did, or the problem in its way."""
    await asyncio.to_thread(make_resources, case, url)
    async with provider(host, url) as engine:
        machines = dict.fromkeys(_MACHINE.findall(json.dumps([case["definition"], case["input"]])))
        for name in machines:
            await engine.create_workflow(WorkflowSpec(workflow_id=name, provider_type=host, definition=TARGET))
        spec = WorkflowSpec(workflow_id="case", provider_type=host, definition=case["definition"])
        await engine.create_workflow(spec)
        started = await engine.start_execution("case", ExecutionInput(input=case["input"]))
        answering = asyncio.create_task(_answer(engine, case, url)) if case["callback"] else None
        try:
            async with asyncio.timeout(_LONGEST):
                async for _ in engine.watch_execution(started.execution_id):
                    pass
            return observed_of(await engine.get_execution_status(started.execution_id))
        except TimeoutError:
            return f"no end within {_LONGEST:g} s"
        finally:
            if answering is not None:
                answering.cancel()
                with suppress(asyncio.CancelledError):
                    await answering


def make_resources(case: Case, url: str) -> None:
    """What the recorded test had made before it began."""
    text = json.dumps([case["definition"], json.loads(case["input"])])
    given = json.loads(case["input"])
    services = case["services"]
    for name in _QUEUE.findall(text):
        client(url, "sqs").create_queue(QueueName=name)
    for name in _TOPIC.findall(text):
        client(url, "sns").create_topic(Name=name)
    if "s3" in services and isinstance(given, dict):
        _make_bucket(client(url, "s3"), given["Bucket"])
    if "dynamodb" in services and re.fullmatch(r"[\w.-]+", given["TableName"]):
        key, dynamodb = {"AttributeName": "id"}, client(url, "dynamodb")
        with suppress(dynamodb.exceptions.ResourceInUseException):
            dynamodb.create_table(
                TableName=given["TableName"],
                KeySchema=[{**key, "KeyType": "HASH"}],
                AttributeDefinitions=[{**key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
    for name in _MACHINE.findall(text) if "sfn" in services else ():
        client(url, "stepfunctions").create_state_machine(name=name, definition=json.dumps(TARGET), roleArn=ROLE)
    for item in case["setup"]:
        parameters = {key: _plain(value) for key, value in item["parameters"].items()}
        getattr(client(url, item["service"]), item["operation"])(**parameters)


def _make_bucket(s3: Any, name: str) -> None:
    """With the encryption that S3 gives to every bucket by itself."""
    s3.create_bucket(Bucket=name)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})


def _plain(value: Any) -> Any:
    """Bytes were recorded as Python shows them."""
    if isinstance(value, str) and value.startswith("bytearray("):
        return ast.literal_eval(value.removeprefix("bytearray(").removesuffix(")"))
    return value


async def _answer(engine: Any, case: Case, url: str) -> None:
    """Do what stood behind the queue when the case was recorded: ``worker_fixtures`` says, else the token was refused."""
    fixtures = " ".join(case["worker_fixtures"] or ())
    (name,) = set(_QUEUE.findall(case["input"]))
    body = await asyncio.to_thread(_receive, name, url)
    token = body["TaskToken"]
    if "heartbeat" in fixtures:
        await engine.send_task_heartbeat(token)
    if "success" in fixtures:
        await engine.send_task_success(token, body["Message"])
    else:
        await engine.send_task_failure(token, "", "")


def _receive(name: str, url: str) -> dict[str, Any]:
    sqs = client(url, "sqs")
    queue = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    while True:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", ()):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            body: dict[str, Any] = json.loads(message["Body"])
            return body


def without_headers(value: Any) -> Any:
    """The value with the headers of requests left out: those that came are the emulator's."""
    if isinstance(value, Mapping):
        if {"AllHttpHeaders", "HttpHeaders", "HttpStatusCode"} == set(value):
            return {"HttpStatusCode": value["HttpStatusCode"]}
        return {key: without_headers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_headers(item) for item in value]
    if isinstance(value, str) and "AllHttpHeaders" in value:
        with suppress(ValueError):
            return json.dumps(without_headers(json.loads(value)))
    return value
