"""Errors of services are named and worded as AWS names and words them."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    ReadTimeoutError,
)

from enginehouse.tasks.aws import catalog
from enginehouse.tasks.aws.failures import ServiceFailure, failure_of, sdk_speaker
from enginehouse.tasks.aws.optimised import INTEGRATIONS


def client_error(
    code: str, message: str = "No.", status: int = 400, operation: str = "Call", **about: Any
) -> ClientError:
    told = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status, **about}}
    return ClientError(told, operation)


def sdk(service: str, error: Exception) -> ServiceFailure:
    return failure_of(error, sdk_speaker(catalog.prefix(service)), catalog.model(service))


def optimised(name: str, error: Exception) -> ServiceFailure:
    found = INTEGRATIONS[name]
    return failure_of(error, found.speaker, catalog.model(found.service))


@pytest.mark.parametrize(
    ("service", "code", "name"),
    [
        ("dynamodb", "ConditionalCheckFailedException", "DynamoDb.ConditionalCheckFailedException"),
        ("dynamodb", "ValidationException", "DynamoDb.DynamoDbException"),
        ("sqs", "QueueDoesNotExist", "Sqs.QueueDoesNotExistException"),
        ("sns", "NotFound", "Sns.NotFoundException"),
        ("s3", "NoSuchKey", "S3.NoSuchKeyException"),
        ("s3", "InvalidArgument", "S3.S3Exception"),
        ("stepfunctions", "InvalidToken", "Sfn.InvalidTokenException"),
        ("rds", "DBInstanceNotFound", "Rds.DbInstanceNotFoundException"),
        ("ec2", "InvalidInstanceID.NotFound", "Ec2.Ec2Exception"),
        ("lambda", "ResourceNotFoundException", "Lambda.ResourceNotFoundException"),
    ],
)
def test_names_of_sdk_integrations(service: str, code: str, name: str) -> None:
    assert sdk(service, client_error(code)).error == name


@pytest.mark.parametrize(
    ("operation", "status", "name"),
    [
        ("HeadObject", 404, "S3.NoSuchKeyException"),
        ("HeadBucket", 404, "S3.NoSuchBucketException"),
        ("HeadObject", 403, "S3.S3Exception"),
        ("GetObjectTagging", 404, "S3.S3Exception"),
    ],
)
def test_an_answer_without_a_body_is_named_by_the_request(operation: str, status: int, name: str) -> None:
    failure = sdk("s3", client_error(str(status), "Not Found", status, operation))
    assert failure.error == name
    assert ("Not Found" in failure.cause) == (name == "S3.S3Exception")


def test_the_code_of_an_earlier_protocol_is_seen_through() -> None:
    error = client_error("AWS.SimpleQueueService.NonExistentQueue")
    error.response["Error"]["QueryErrorCode"] = "QueueDoesNotExist"
    assert sdk("sqs", error).error == "Sqs.QueueDoesNotExistException"


@pytest.mark.parametrize(
    ("integration", "code", "name"),
    [
        ("dynamodb:putItem", "ConditionalCheckFailedException", "DynamoDB.ConditionalCheckFailedException"),
        ("dynamodb:putItem", "ValidationException", "DynamoDB.AmazonDynamoDBException"),
        ("sqs:sendMessage", "InvalidParameterValue", "SQS.AmazonSQSException"),
        ("sns:publish", "NotFound", "SNS.NotFoundException"),
        ("sns:publish", "AuthorizationError", "SNS.AuthorizationErrorException"),
        ("lambda:invoke", "ResourceNotFoundException", "Lambda.ResourceNotFoundException"),
        ("lambda:invoke", "AccessDeniedException", "Lambda.AWSLambdaException"),
        ("states:startExecution", "StateMachineDoesNotExist", "StepFunctions.StateMachineDoesNotExistException"),
        ("ecs:runTask", "ClusterNotFoundException", "ECS.ClusterNotFoundException"),
        ("batch:submitJob", "ClientException", "Batch.ClientException"),
        ("glue:startJobRun", "EntityNotFoundException", "Glue.EntityNotFoundException"),
        ("events:putEvents", "ValidationException", "EventBridge.AmazonEventBridgeException"),
    ],
)
def test_names_of_optimized_integrations(integration: str, code: str, name: str) -> None:
    assert optimised(integration, client_error(code)).error == name


def test_the_cause_of_an_sdk_integration() -> None:
    error = client_error("InvalidToken", "Invalid Token: 'x'", RequestId="r-1", RetryAttempts=0)
    assert sdk("stepfunctions", error).cause == (
        "Invalid Token: 'x' (Service: Sfn, Status Code: 400, Request ID: r-1) (SDK Attempt Count: 1)"
    )
    error = client_error("NoSuchKey", "Gone", 404, RequestId="r-1", HostId="h-1", RetryAttempts=2)
    assert sdk("s3", error).cause == (
        "Gone (Service: S3, Status Code: 404, Request ID: r-1, Extended Request ID: h-1) (SDK Attempt Count: 3)"
    )


def test_the_cause_of_an_optimized_integration() -> None:
    error = client_error("ValidationException", "Bad name", RequestId="r-1")
    assert optimised("dynamodb:putItem", error).cause == (
        "Bad name (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; Request ID: r-1; Proxy: null)"
    )


def unreachable(under: OSError) -> EndpointConnectionError:
    return EndpointConnectionError(endpoint_url="http://queue.example:9324/", error=under)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (unreachable(socket.gaierror(-2, "?")), "HTTP request: queue.example: Name or service not known"),
        (unreachable(ConnectionRefusedError(111, "Connection refused")), "Connect to queue.example:9324 failed: Conn"),
        (ReadTimeoutError(endpoint_url="http://slow"), "Read timed out (http://slow)"),
        (NoCredentialsError(), "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"),
        (NoRegionError(), "set AWS_REGION, or region among the options of aws"),
        (ProfileNotFound(profile="dev"), "(dev) could not be found: give another profile"),
    ],
)
def test_what_keeps_a_call_from_being_made(error: Exception, told: str) -> None:
    failure = sdk("sqs", error)
    assert failure.error == "Sqs.SdkClientException"
    assert told in failure.cause


def test_what_may_pass_is_told_apart() -> None:
    passing = [client_error("X", status=503), client_error("ThrottlingException"), unreachable(ConnectionError(1, "x"))]
    lasting = [client_error("AccessDenied", status=403), NoCredentialsError(), NoRegionError()]
    assert [sdk("sqs", error).passing for error in passing] == [True] * 3
    assert [sdk("sqs", error).passing for error in lasting] == [False] * 3
