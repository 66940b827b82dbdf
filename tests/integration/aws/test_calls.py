"""Requests and answers of real services (moto's server), from the engine and from the mock."""

from __future__ import annotations

import asyncio
import gzip
import json
import uuid
from typing import Any

import pytest

from enginehouse.asl.commands import ReadItems, WriteResults
from enginehouse.models import ExecutionInput, WorkflowSpec
from enginehouse.tasks.aws.s3 import S3Items
from enginehouse.tasks.readers import GET_OBJECT, LIST_OBJECTS, PUT_OBJECT
from tests.integration.aws.running import HOSTS, call, details, ended, host, run, seen, task, types
from tests.moto_server import client

hosts = pytest.mark.parametrize("name", HOSTS)


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


@hosts
async def test_an_sdk_integration(name: str, moto: str) -> None:
    queue = unique("queue")
    status = await run(host(name, {"endpoint": moto}), task("aws-sdk:sqs:createQueue", {"QueueName": queue}))
    assert status.output == {"QueueUrl": f"{moto}/123456789012/{queue}"}
    scheduled = details(status, "TaskScheduled")
    assert (scheduled["resourceType"], scheduled["resource"]) == ("aws-sdk:sqs", "createQueue")


@hosts
async def test_an_action_that_answers_nothing(name: str, moto: str) -> None:
    url = (await call(moto, "sqs", "create_queue", QueueName=unique("empty")))["QueueUrl"]
    status = await run(host(name, {"endpoint": moto}), task("aws-sdk:sqs:purgeQueue", {"QueueUrl": url}))
    assert status.output == {}


@hosts
async def test_an_object_that_is_looked_for(name: str, moto: str) -> None:
    bucket = unique("bucket")
    await call(moto, "s3", "create_bucket", Bucket=bucket)
    catch = [{"ErrorEquals": ["S3.NoSuchKeyException"], "Next": "Missing"}]
    definition = task("aws-sdk:s3:headObject", {"Bucket": bucket, "Key": "nope"}, Catch=catch)
    definition["States"]["Missing"] = {"Type": "Pass", "Result": "missing", "End": True}
    assert (await run(host(name, {"endpoint": moto}), definition)).output == "missing"


@hosts
async def test_a_failure_is_named_and_caught(name: str, moto: str) -> None:
    catch = [{"ErrorEquals": ["DynamoDb.ResourceNotFoundException"], "Next": "Caught"}]
    definition = task("aws-sdk:dynamodb:getItem", {"TableName": "nope", "Key": {"id": {"S": "1"}}}, Catch=catch)
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    status = await run(host(name, {"endpoint": moto}), definition)
    assert isinstance(status.output, dict)
    assert status.output["Error"] == "DynamoDb.ResourceNotFoundException"
    assert "(Service: DynamoDb, Status Code: 400, Request ID: " in str(status.output["Cause"])


@hosts
async def test_a_token_goes_out_and_comes_back(name: str, moto: str) -> None:
    url = (await call(moto, "sqs", "create_queue", QueueName=unique("tokens")))["QueueUrl"]
    given = {"QueueUrl": url, "MessageBody": {"Token.$": "$$.Task.Token"}}
    definition = task("sqs:sendMessage.waitForTaskToken", given)
    provider = host(name, {"endpoint": moto})
    async with provider:
        await provider.create_workflow(WorkflowSpec(workflow_id="w", provider_type=name, definition=definition))
        started = await provider.start_execution("w", ExecutionInput())
        await seen(provider, started.execution_id, "TaskSubmitted")
        (message,) = (await call(moto, "sqs", "receive_message", QueueUrl=url))["Messages"]
        await provider.send_task_success(json.loads(message["Body"])["Token"], {"ok": True})
        status = await ended(provider, started.execution_id)
    assert status.output == {"ok": True}
    assert types(status)[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


@hosts
async def test_what_is_refused_before_it_is_taken(name: str, moto: str) -> None:
    given = {"QueueUrl": f"{moto}/123456789012/nope", "MessageBody": "m"}
    status = await run(host(name, {"endpoint": moto}), task("sqs:sendMessage.waitForTaskToken", given))
    assert types(status)[2:5] == ["TaskScheduled", "TaskStarted", "TaskSubmitFailed"]
    assert details(status, "TaskSubmitFailed")["error"] == "SQS.QueueDoesNotExistException"
    assert status.error is not None
    assert status.error.code == "SQS.QueueDoesNotExistException"


@hosts
async def test_events_name_where_they_come_from(name: str, moto: str) -> None:
    queue = unique("events")
    url = (await call(moto, "sqs", "create_queue", QueueName=queue))["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:123456789012:{queue}"
    await call(moto, "events", "put_rule", Name=queue, EventPattern=json.dumps({"source": [queue]}))
    await call(moto, "events", "put_targets", Rule=queue, Targets=[{"Id": "1", "Arn": arn}])
    entry = {"Source": queue, "DetailType": "d", "Detail": {"a": 1}, "Resources": ["mine"]}
    status = await run(host(name, {"endpoint": moto}), task("events:putEvents", {"Entries": [entry]}))
    assert isinstance(status.output, dict)
    assert status.output["FailedEntryCount"] == 0
    (message,) = (await call(moto, "sqs", "receive_message", QueueUrl=url))["Messages"]
    event = json.loads(message["Body"])
    assert event["detail"] == {"a": 1}
    assert event["resources"][0] == "mine"
    assert [part.split(":")[5] for part in event["resources"][1:]] == ["execution", "stateMachine"]


@hosts
async def test_a_map_reads_from_s3_and_writes_to_it(name: str, moto: str) -> None:
    bucket = unique("bucket")
    await call(moto, "s3", "create_bucket", Bucket=bucket)
    await call(moto, "s3", "put_object", Bucket=bucket, Key="in/rows.jsonl", Body=b'{"n": 1}\n{"n": 2}\n')
    for index in range(3):
        await call(moto, "s3", "put_object", Bucket=bucket, Key=f"many/{index}", Body=b"x")

    def over(resource: str, arguments: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
        reader = {"Resource": f"arn:aws:states:::s3:{resource}", "ReaderConfig": config, "Parameters": arguments}
        writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": bucket, "Prefix": "out"}}
        processor = {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P",
            "States": {"P": {"Type": "Pass", "End": True}},
        }
        state = {"Type": "Map", "ItemReader": reader, "ResultWriter": writer, "ItemProcessor": processor, "End": True}
        return {"StartAt": "M", "States": {"M": state}}

    async def read(key: str) -> Any:
        told = await call(moto, "s3", "get_object", Bucket=bucket, Key=key)
        return json.loads(await asyncio.to_thread(told["Body"].read))

    async def results(definition: dict[str, Any]) -> list[Any]:
        status = await run(host(name, {"endpoint": moto}), definition)
        assert isinstance(status.output, dict), status.error
        place: Any = status.output["ResultWriterDetails"]
        (file,) = (await read(place["Key"]))["ResultFiles"]["SUCCEEDED"]
        return [json.loads(item["Output"]) for item in await read(file["Key"])]

    rows = await results(over("getObject", {"Bucket": bucket, "Key": "in/rows.jsonl"}, {"InputType": "JSONL"}))
    assert rows == [{"n": 1}, {"n": 2}]
    objects = await results(over("listObjectsV2", {"Bucket": bucket, "Prefix": "many/"}, {"MaxItems": 2}))
    assert [item["Key"] for item in objects] == ["many/0", "many/1"]
    assert set(objects[0]) == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    for number in range(2):
        await call(moto, "s3", "put_object", Bucket=bucket, Key=f"lines/{number}", Body=b'{"n": 1}\n{"n": 2}\n')
    flat = {"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"}
    assert await results(over("listObjectsV2", {"Bucket": bucket, "Prefix": "lines/"}, flat)) == [*rows, *rows]
    lists = unique("lists")
    await call(moto, "s3", "create_bucket", Bucket=lists)
    await call(moto, "s3", "put_object", Bucket=lists, Key="1.csv.gz", Body=gzip.compress(b'"b","a.png"\n'))
    listed = {"destinationBucket": f"arn:aws:s3:::{lists}", "fileSchema": "Bucket, Key", "files": [{"key": "1.csv.gz"}]}
    await call(moto, "s3", "put_object", Bucket=bucket, Key="manifest.json", Body=json.dumps(listed).encode())
    inventory = over("getObject", {"Bucket": bucket, "Key": "manifest.json"}, {"InputType": "MANIFEST"})
    assert await results(inventory) == [{"Bucket": "b", "Key": "a.png"}]


@hosts
async def test_items_that_are_not_there(name: str, moto: str) -> None:
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}}
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}},
    }
    state = {
        "Type": "Map",
        "ItemReader": {**reader, "Parameters": {"Bucket": "no-such-bucket", "Key": "k"}},
        "ItemProcessor": processor,
        "End": True,
    }
    status = await run(host(name, {"endpoint": moto}), {"StartAt": "M", "States": {"M": state}})
    assert status.error is not None
    assert status.error.code == "States.ItemReaderFailed"
    assert status.error.cause.startswith("The specified bucket does not exist (Service: Amazon S3; Status Code: 404;")


@hosts
async def test_a_role_is_taken_on(name: str, moto: str) -> None:
    role = "arn:aws:iam::222222222222:role/other"
    status = await run(
        host(name, {"endpoint": moto}), task("aws-sdk:sts:getCallerIdentity", {}, Credentials={"RoleArn": role})
    )
    assert isinstance(status.output, dict)
    assert status.output["Account"] == "222222222222"


@hosts
async def test_lambda_functions_of_the_account(name: str, moto: str) -> None:
    """moto answers to any invocation with what it was given."""
    status = await run(
        host(name, {"endpoint": moto}), task("lambda:invoke", {"FunctionName": "f", "Payload": {"a": 1}})
    )
    assert isinstance(status.output, dict)
    assert status.output["Payload"] == {"a": 1}
    assert status.output["StatusCode"] == 200
    direct = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": True}
    status = await run(host(name, {"endpoint": moto}), {"StartAt": "T", "States": {"T": direct}}, {"b": 2})
    assert status.output == {"b": 2}
    assert "LambdaFunctionSucceeded" in types(status)


@hosts
async def test_endpoints_from_the_environment(name: str, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    status = await run(host(name, True), task("aws-sdk:sts:getCallerIdentity", {}))
    assert isinstance(status.output, dict)
    assert status.output["Account"] == "123456789012"


@hosts
async def test_an_action_with_a_host_of_its_own_goes_to_the_endpoint(name: str, moto: str) -> None:
    """At AWS it is sync-states.REGION.amazonaws.com."""
    given = {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:nope", "Input": "{}"}
    status = await run(host(name, {"endpoint": moto}), task("aws-sdk:sfn:startSyncExecution", given))
    assert status.error is not None
    assert status.error.code != "Sfn.SdkClientException"


@hosts
async def test_an_object_too_large_for_a_state(name: str, moto: str) -> None:
    bucket = unique("bucket")
    await call(moto, "s3", "create_bucket", Bucket=bucket)
    await call(moto, "s3", "put_object", Bucket=bucket, Key="k", Body=b"x" * 300_000)
    status = await run(host(name, {"endpoint": moto}), task("aws-sdk:s3:getObject", {"Bucket": bucket, "Key": "k"}))
    assert status.error is not None
    assert status.error.code == "States.DataLimitExceeded"


# -- what a user is told


async def failure(name: str, aws: object, resource: str, given: object) -> tuple[str, str]:
    status = await run(host(name, aws), task(resource, given))
    assert status.error is not None
    return status.error.code, status.error.cause


@hosts
async def test_off_by_default(name: str) -> None:
    _, cause = await failure(name, None, "sqs:sendMessage", {"QueueUrl": "q", "MessageBody": "m"})
    told = "aws = true among the provider's options" if name == "local" else "Nothing says what"
    assert told in cause


@hosts
@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ("aws-sdk:sqss:sendMessage", "there is no AWS service 'sqss' for aws-sdk; did you mean 'sqs'?"),
        ("aws-sdk:sqs:sendMesage", "has no action 'sendMesage'; did you mean 'sendMessage'?"),
        ("athena:startQueryExecution.sync", "'arn:aws:states:::athena:startQueryExecution' cannot be waited for here"),
        ("athena:getQueryExecution", "is not served here; served are batch:submitJob, "),
        ("aws-sdk:s3:selectObjectContent", "'selectObjectContent' streams events"),
    ],
)
async def test_what_cannot_be_called(name: str, resource: str, told: str, moto: str) -> None:
    error, cause = await failure(name, {"endpoint": moto}, resource, {"QueryString": "q"})
    assert error == "States.Runtime"
    assert told in cause


@hosts
async def test_wrong_parameters_are_refused_before_the_call(name: str) -> None:
    aws = {"endpoint": "http://127.0.0.1:1"}  # nothing is there to be called
    error, cause = await failure(name, aws, "aws-sdk:sqs:sendMessage", {"QueueURL": "q", "MessageBody": "m"})
    assert error == "States.Runtime"
    assert cause == (
        'The Parameters \'{"QueueURL":"q","MessageBody":"m"}\' could not be used to start the Task: '
        "[The field \"QueueURL\" is not supported by Step Functions; write QueueUrl, The field 'QueueUrl' is required but was missing]"
    )


@hosts
async def test_nobody_at_the_endpoint(name: str) -> None:
    error, cause = await failure(name, {"endpoint": "http://127.0.0.1:1"}, "aws-sdk:sqs:listQueues", {})
    assert (error, cause) == (
        "Sqs.SdkClientException",
        "Unable to execute HTTP request: Connect to 127.0.0.1:1 failed: Connection refused",
    )


@hosts
async def test_no_credentials(name: str, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error, cause = await failure(name, {"endpoint": moto}, "aws-sdk:sqs:listQueues", {})
    assert error == "Sqs.SdkClientException"
    assert cause.startswith("Unable to load AWS credentials: set AWS_ACCESS_KEY_ID")


@hosts
async def test_no_region(name: str, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    _, cause = await failure(name, {"endpoint": moto}, "aws-sdk:sqs:listQueues", {})
    assert cause.startswith("No AWS region is known: set AWS_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    status = await run(host(name, {"endpoint": moto}), task("aws-sdk:sqs:listQueues", {}))
    assert status.error is None


async def test_a_bucket_of_another_owner_is_not_used_where_the_owner_is_said(moto: str) -> None:
    bucket = unique("owned")
    await call(moto, "s3", "create_bucket", Bucket=bucket)
    await call(moto, "s3", "put_object", Bucket=bucket, Key="in.json", Body=b"[1]")
    asked = client(moto, "s3")
    owners: list[str | None] = []

    def note(params: Any, **_: object) -> None:
        owners.append(params["headers"].get("x-amz-expected-bucket-owner"))

    asked.meta.events.register("before-call.s3", note)
    source = S3Items(lambda: asked)
    given = {"Bucket": bucket, "ExpectedBucketOwner": "123456789012"}
    try:
        for reader, arguments in ((GET_OBJECT, {**given, "Key": "in.json"}), (LIST_OBJECTS, given)):
            await asyncio.to_thread(source.read, ReadItems(1, reader, arguments, {"InputType": "JSON"}))
        await asyncio.to_thread(source.write, WriteResults(1, PUT_OBJECT, given, {}, "arn:run", []))
    finally:
        asked.meta.events.unregister("before-call.s3", note)
    assert set(owners) == {"123456789012"}
    assert len(owners) >= 3
