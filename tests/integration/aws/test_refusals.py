"""What AWS refuses is named as AWS names it, and the log says which permission would have done."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.aws.running import HOSTS, host, run, task
from tests.integration.step_functions_provider.wire import Answer, Silent, Wire, fault, wire

LOCALLY = "http://127.0.0.1:9"
STS_REFUSAL = b"""<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not you.</Message></Error>
<RequestId>1</RequestId></ErrorResponse>"""
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/q"


@pytest.fixture
def aws() -> Iterator[Wire]:
    with wire() as server:
        yield server


async def failure_of(name: str, aws: Wire, resource: str, given: dict[str, Any], **more: Any) -> tuple[str, str]:
    status = await run(host(name, {"endpoint": aws.url}), task(resource, given, **more))
    assert status.error is not None
    return status.error.code, status.error.cause


async def error_of(name: str, aws: Wire, resource: str, given: dict[str, Any], **more: Any) -> str:
    return (await failure_of(name, aws, resource, given, **more))[0]


@pytest.mark.parametrize("name", HOSTS)
async def test_a_refusal_is_logged_by_the_permission_that_is_missing(
    name: str, aws: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    aws.script("SendMessageBatch", fault("AccessDeniedException", "No."))
    given = {"QueueUrl": QUEUE, "Entries": [{"Id": "1", "MessageBody": "m"}]}
    with caplog.at_level(logging.WARNING):
        assert await error_of(name, aws, "aws-sdk:sqs:sendMessageBatch", given) == "Sqs.SqsException"
    assert "aws.access_denied action=sqs:SendMessage role=" in caplog.text


async def test_a_role_that_may_not_be_taken_on(aws: Wire, caplog: pytest.LogCaptureFixture) -> None:
    aws.script("", Answer(STS_REFUSAL, 403))
    role = "arn:aws:iam::222222222222:role/other"
    with caplog.at_level(logging.WARNING):
        await error_of("local", aws, "aws-sdk:sqs:listQueues", {}, Credentials={"RoleArn": role})
    assert f"aws.access_denied action=sts:AssumeRole role={role}" in caplog.text


@pytest.mark.parametrize("name", HOSTS)
async def test_credentials_that_have_expired(name: str, aws: Wire) -> None:
    aws.script("PutItem", fault("ExpiredTokenException", "The security token included in the request is expired"))
    given = {"TableName": "t", "Item": {"id": {"S": "1"}}}
    assert await error_of(name, aws, "dynamodb:putItem", given) == "DynamoDB.AmazonDynamoDBException"
    assert await error_of(name, aws, "aws-sdk:dynamodb:putItem", given) == "DynamoDb.DynamoDbException"


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize(
    ("resource", "given", "field"),
    [
        ("aws-sdk:s3:deleteObject", {"Bucket": "b", "Key": ""}, "Key"),  # without a key it is DeleteBucket
        ("aws-sdk:s3:getObject", {"Bucket": "", "Key": "k"}, "Bucket"),
        ("aws-sdk:lambda:deleteFunction", {"FunctionName": ""}, "FunctionName"),
    ],
)
async def test_an_empty_part_of_the_path_does_not_make_another_request(
    name: str, resource: str, given: dict[str, Any], field: str, aws: Wire
) -> None:
    error, cause = await failure_of(name, aws, resource, given)
    assert error in ("S3.SdkClientException", "Lambda.SdkClientException")
    assert cause == f"Parameter '{field}' must not be empty"
    assert aws.calls == []


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("role", [None, "", 5, "other"])
async def test_credentials_without_a_role_are_not_those_of_the_process(name: str, role: object, aws: Wire) -> None:
    definition = task("aws-sdk:sqs:listQueues", {}, Credentials={"RoleArn.$": "$.role"})
    status = await run(host(name, {"endpoint": aws.url}), definition, {"role": role})
    assert status.error is not None
    assert status.error.code == "States.Runtime"
    assert "is not the ARN of a role" in status.error.cause
    assert aws.calls == []


async def test_what_a_gateway_says_in_place_of_the_service_may_be_tried_again(aws: Wire) -> None:
    aws.script("", Answer(b"<!doctype html><title>502 Bad Gateway</title>", 502))
    given = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m"}
    error, cause = await failure_of("local", aws, "sns:publish", given)
    assert error == "SNS.SdkClientException"
    assert cause.startswith("Unable to unmarshall response:")


@pytest.mark.parametrize("body", [b"<html>sign in to the network</html>", b"[1]"])
async def test_what_a_gateway_says_with_success_is_no_success(aws: Wire, body: bytes) -> None:
    aws.script("PutItem", Answer(body))
    given = {"TableName": "t", "Item": {"id": {"S": "1"}}}
    error, cause = await failure_of("local", aws, "aws-sdk:dynamodb:putItem", given)
    assert error == "DynamoDb.SdkClientException"
    assert cause.startswith("Unable to unmarshall response: the answer is no JSON object: ")


async def test_a_silent_service_keeps_nobody_from_the_others(aws: Wire) -> None:
    aws.script("PutItem", Silent())
    aws.script("SendMessage", Answer({"MessageId": "m-1"}))
    silent = task("dynamodb:putItem", {"TableName": "t", "Item": {"id": {"S": "1"}}}, TimeoutSeconds=2)
    silent["States"]["T"]["Catch"] = [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]
    silent["States"]["Late"] = {"Type": "Pass", "Result": "late", "End": True}
    message = task("sqs:sendMessage", {"QueueUrl": QUEUE, "MessageBody": "m"})["States"]["T"]
    soon = {"Type": "Wait", "Seconds": 1, "Next": "Send"}  # the silent one has its thread by then
    sent = {"StartAt": "Soon", "States": {"Soon": soon, "Send": message}}
    branches = [silent, sent]
    states = {"All": {"Type": "Parallel", "Branches": branches, "End": True}}
    definition = {"StartAt": "All", "States": states, "TimeoutSeconds": 20}
    status = await run(host("local", {"endpoint": aws.url, "connections": 1}), definition)
    assert isinstance(status.output, list), status.error
    assert status.output[0] == "late"
    assert status.output[1]["MessageId"] == "m-1"


async def test_a_resource_of_too_many_parts(aws: Wire) -> None:
    error, cause = await failure_of("local", aws, "aws-sdk:sqs:listQueues:all", {})
    assert error == "States.Runtime"
    assert "is not aws-sdk:SERVICE:ACTION" in cause


@pytest.mark.parametrize(("given", "meant"), [("SQS", "sqs"), ("sqss", "sqs"), ("dynamo", "dynamodb")])
async def test_an_endpoint_for_what_is_no_service_calls_nothing(aws: Wire, given: str, meant: str) -> None:
    """Else what is misspelt would be called at AWS itself."""
    status = await run(
        host("local", {"endpoint": aws.url, "endpoints": {given: LOCALLY}}), task("aws-sdk:sqs:listQueues", {})
    )
    assert status.error is not None
    assert status.error.code == "Sqs.SdkClientException"
    assert f"aws has an endpoint for {given!r}" in status.error.cause
    assert f"did you mean {meant!r}?" in status.error.cause
    assert not aws.calls


@pytest.mark.parametrize("given", ["sfn", "stepfunctions"])
async def test_an_endpoint_is_named_as_in_definitions_or_as_in_botocore(aws: Wire, given: str) -> None:
    aws.script("ListActivities", Answer({"activities": []}))
    status = await run(
        host("local", {"endpoint": LOCALLY, "endpoints": {given: aws.url}}), task("aws-sdk:sfn:listActivities", {})
    )
    assert status.output == {"Activities": []}
