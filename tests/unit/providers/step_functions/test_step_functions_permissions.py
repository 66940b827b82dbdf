"""The role of a state machine may do what its definition asks for, on what it names, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from enginehouse.errors import InvalidSpecError
from enginehouse.providers.step_functions.exporting.permissions import needed
from enginehouse.providers.step_functions.exporting.statements import Statement

HERE = "<region>:<account>"


def of(resource: str, given: dict[str, Any] | None = None, **more: Any) -> dict[str, list[str]]:
    """The resources of each action that one task needs."""
    state = {"Type": "Task", "Resource": resource, "Parameters": given or {}, "End": True, **more}
    return shown(needed({"StartAt": "T", "States": {"T": state}}, "machine"))


def shown(statements: list[Statement]) -> dict[str, list[str]]:
    return {action: list(item.resources) for item in statements for action in item.actions}


def service(name: str, given: dict[str, Any] | None = None, **more: Any) -> dict[str, list[str]]:
    return of(f"arn:aws:states:::{name}", given, **more)


LAMBDA = "arn:aws:lambda:eu-central-1:123456789012:function:f"
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:other"


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("lambda:invoke", {"FunctionName": LAMBDA}, {"lambda:InvokeFunction": [LAMBDA]}),
        (
            "lambda:invoke",
            {"FunctionName": "f"},
            {"lambda:InvokeFunction": [f"arn:<partition>:lambda:{HERE}:function:f"]},
        ),
        (
            "lambda:invoke.waitForTaskToken",
            {"FunctionName.$": "$.f"},
            {"lambda:InvokeFunction": [f"arn:<partition>:lambda:{HERE}:function:*"]},
        ),
        (
            "lambda:invoke",
            {"FunctionName": "f", "Qualifier": "live"},
            {"lambda:InvokeFunction": [f"arn:<partition>:lambda:{HERE}:function:f:live"]},
        ),
        (
            "lambda:invoke",
            {"FunctionName": LAMBDA, "Qualifier.$": "$.q"},
            {"lambda:InvokeFunction": [f"{LAMBDA}:*"]},
        ),
        (
            "lambda:invoke",
            {"FunctionName": "210987654321:function:f"},
            {"lambda:InvokeFunction": ["arn:<partition>:lambda:<region>:210987654321:function:f"]},
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": "https://sqs.eu-central-1.amazonaws.com/123456789012/q"},
            {"sqs:SendMessage": ["arn:<partition>:sqs:eu-central-1:123456789012:q"]},
        ),
        ("sqs:sendMessage", {"QueueUrl.$": "$.q"}, {"sqs:SendMessage": [f"arn:<partition>:sqs:{HERE}:*"]}),
        ("sns:publish", {"TopicArn": "arn:aws:sns:x:1:t"}, {"sns:Publish": ["arn:aws:sns:x:1:t"]}),
        ("sns:publish", {"PhoneNumber": "+1"}, {"sns:Publish": ["*"]}),
        ("dynamodb:putItem", {"TableName": "t"}, {"dynamodb:PutItem": [f"arn:<partition>:dynamodb:{HERE}:table/t"]}),
        (
            "events:putEvents",
            {"Entries": [{}]},
            {"events:PutEvents": [f"arn:<partition>:events:{HERE}:event-bus/default"]},
        ),
        ("events:putEvents", {"Entries.$": "$"}, {"events:PutEvents": [f"arn:<partition>:events:{HERE}:event-bus/*"]}),
        ("states:startExecution", {"StateMachineArn": MACHINE}, {"states:StartExecution": [MACHINE]}),
        ("states:startExecution", {"StateMachineArn": f"{MACHINE}:live"}, {"states:StartExecution": [MACHINE]}),
        (
            "aws-sdk:sfn:startSyncExecution",
            {"StateMachineArn": f"{MACHINE}:7"},
            {"states:StartSyncExecution": [MACHINE]},
        ),
        ("glue:startJobRun", {"JobName": "j"}, {"glue:StartJobRun": [f"arn:<partition>:glue:{HERE}:job/j"]}),
        (
            "batch:submitJob",
            {"JobDefinition": "d:3", "JobQueue": "arn:aws:batch:x:1:job-queue/q"},
            {"batch:SubmitJob": [f"arn:<partition>:batch:{HERE}:job-definition/d:3", "arn:aws:batch:x:1:job-queue/q"]},
        ),
        (
            "batch:submitJob",
            {"JobDefinition": "arn:aws:batch:x:1:job-definition/d", "JobQueue": "q"},
            {"batch:SubmitJob": [f"arn:<partition>:batch:{HERE}:job-queue/q", "arn:aws:batch:x:1:job-definition/d:*"]},
        ),
        ("aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"}, {"s3:GetObject": ["arn:<partition>:s3:::b/k"]}),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": "b"}, {"s3:ListBucket": ["arn:<partition>:s3:::b"]}),
        (
            "aws-sdk:s3:getObject",
            {"Bucket": "b", "Key": "k", "VersionId.$": "$.v"},
            {"s3:GetObjectVersion": ["arn:<partition>:s3:::b/k"]},
        ),
        (
            "aws-sdk:s3:putObject",
            {"Bucket": "arn:aws:s3:x:1:accesspoint/a", "Key": "k"},
            {"s3:PutObject": ["arn:aws:s3:x:1:accesspoint/a/object/k"]},
        ),
        ("aws-sdk:s3:deleteObjects", {"Bucket": "b", "Delete": {}}, {"s3:DeleteObject": ["arn:<partition>:s3:::b/*"]}),
        (
            "aws-sdk:s3:getBucketEncryption",
            {"Bucket": "b"},
            {"s3:GetEncryptionConfiguration": ["arn:<partition>:s3:::b"]},
        ),
        (
            "aws-sdk:s3:copyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "arn:aws:s3:x:1:accesspoint/a/object/there.csv"},
            {
                "s3:GetObject": ["arn:aws:s3:x:1:accesspoint/a/object/there.csv"],
                "s3:PutObject": ["arn:<partition>:s3:::b/k"],
            },
        ),
        (
            "aws-sdk:s3:copyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "/from/there.csv?versionId=7"},
            {"s3:GetObject": ["arn:<partition>:s3:::from/there.csv"], "s3:PutObject": ["arn:<partition>:s3:::b/k"]},
        ),
        (
            "aws-sdk:sqs:sendMessageBatch",
            {"QueueUrl": "https://sqs.eu-central-1.amazonaws.com/123456789012/q"},
            {"sqs:SendMessage": ["arn:<partition>:sqs:eu-central-1:123456789012:q"]},
        ),
        ("aws-sdk:sns:publishBatch", {"TopicArn": "arn:aws:sns:x:1:t"}, {"sns:Publish": ["arn:aws:sns:x:1:t"]}),
        ("aws-sdk:bedrockruntime:converse", {"ModelId": "m"}, {"bedrock:InvokeModel": ["*"]}),
        (
            "aws-sdk:apigateway:getRestApi",
            {"RestApiId": "a"},
            {"apigateway:GET": ["arn:<partition>:apigateway:<region>::/restapis/*"]},
        ),
        (
            "aws-sdk:apigatewayv2:createApi",
            {"Name": "a"},
            {"apigateway:POST": ["arn:<partition>:apigateway:<region>::/apis"]},
        ),
        (
            "aws-sdk:dynamodb:transactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "u"}}]},
            {
                action: [f"arn:<partition>:dynamodb:{HERE}:table/t", f"arn:<partition>:dynamodb:{HERE}:table/u"]
                for action in ("dynamodb:ConditionCheckItem", "dynamodb:PutItem")
            },
        ),
        (
            "aws-sdk:dynamodb:transactWriteItems",
            {"TransactItems.$": "$"},
            {
                f"dynamodb:{action}Item": [f"arn:<partition>:dynamodb:{HERE}:table/*"]
                for action in ("ConditionCheck", "Delete", "Put", "Update")
            },
        ),
        (
            "aws-sdk:dynamodb:batchGetItem",
            {"RequestItems": {"t": {"Keys.$": "$"}}},
            {"dynamodb:BatchGetItem": [f"arn:<partition>:dynamodb:{HERE}:table/t"]},
        ),
        ("aws-sdk:s3:listBuckets", {}, {"s3:ListAllMyBuckets": ["*"]}),
        ("aws-sdk:lambda:invoke", {"FunctionName": LAMBDA}, {"lambda:InvokeFunction": [LAMBDA]}),
        ("aws-sdk:sfn:describeExecution", {"ExecutionArn.$": "$"}, {"states:DescribeExecution": ["*"]}),
        ("aws-sdk:cloudwatch:putMetricData", {}, {"cloudwatch:PutMetricData": ["*"]}),
        ("aws-sdk:cloudwatchlogs:putLogEvents", {}, {"logs:PutLogEvents": ["*"]}),
        (
            "aws-sdk:dynamodb:query",
            {"TableName": "t", "IndexName": "i"},
            {
                "dynamodb:Query": [
                    f"arn:<partition>:dynamodb:{HERE}:table/t",
                    f"arn:<partition>:dynamodb:{HERE}:table/t/index/*",
                ]
            },
        ),
        (
            "aws-sdk:secretsmanager:getSecretValue",
            {"SecretId": "arn:aws:secretsmanager:x:1:secret:s"},
            {"secretsmanager:GetSecretValue": ["arn:aws:secretsmanager:x:1:secret:s"]},
        ),
    ],
)
def test_a_task(name: str, given: dict[str, Any], expected: dict[str, list[str]]) -> None:
    assert service(name, given) == expected


def test_a_lambda_function_by_its_arn() -> None:
    assert of(LAMBDA) == {"lambda:InvokeFunction": [LAMBDA]}


def test_activities_need_nothing() -> None:
    assert of("arn:aws:states:eu-central-1:123456789012:activity:a") == {}


def test_an_expression_is_known_when_it_runs() -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Arguments": {"TopicArn": "{% $t %}"},
        "End": True,
    }
    found = needed({"QueryLanguage": "JSONata", "StartAt": "T", "States": {"T": state}}, "machine")
    assert shown(found) == {"sns:Publish": [f"arn:<partition>:sns:{HERE}:*"]}


@pytest.mark.parametrize("pattern", ["sync", "sync:2"])
@pytest.mark.parametrize("machine", [MACHINE, f"{MACHINE}:live"])  # an alias: IAM knows the machine
def test_waiting_for_an_execution(pattern: str, machine: str) -> None:
    found = service(f"states:startExecution.{pattern}", {"StateMachineArn": machine})
    rule = f"arn:<partition>:events:{HERE}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    runs = "arn:aws:states:eu-central-1:123456789012:execution:other:*"
    assert found == {
        "states:StartExecution": [MACHINE],
        "states:DescribeExecution": [runs],
        "states:StopExecution": [runs],
        "events:DescribeRule": [rule],
        "events:PutRule": [rule],
        "events:PutTargets": [rule],
    }


@pytest.mark.parametrize(
    ("name", "given", "actions"),
    [
        (
            "ecs:runTask.sync",
            {"TaskDefinition": "d"},
            "ecs:DescribeTasks ecs:RunTask ecs:StopTask events:DescribeRule events:PutRule events:PutTargets iam:PassRole",
        ),
        ("ecs:runTask", {"TaskDefinition": "d"}, "ecs:RunTask iam:PassRole"),
        (
            "batch:submitJob.sync",
            {"JobDefinition": "d", "JobQueue": "q"},
            "batch:DescribeJobs batch:SubmitJob batch:TerminateJob events:DescribeRule events:PutRule events:PutTargets",
        ),
        (
            "glue:startJobRun.sync",
            {"JobName": "j"},
            "glue:BatchStopJobRun glue:GetJobRun glue:GetJobRuns glue:StartJobRun",
        ),
        (
            "http:invoke",
            {"ApiEndpoint": "https://a.example/x", "Method": "GET"},
            "events:RetrieveConnectionCredentials secretsmanager:DescribeSecret secretsmanager:GetSecretValue states:InvokeHTTPEndpoint",
        ),
    ],
)
def test_the_actions_of_jobs(name: str, given: dict[str, Any], actions: str) -> None:
    assert sorted(service(name, given)) == actions.split()


def test_http_requests_are_bound_to_their_endpoint() -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {"ApiEndpoint": "https://a.example/x", "Method": "GET"},
        "End": True,
    }
    (found,) = [
        item
        for item in needed({"StartAt": "T", "States": {"T": state}}, "machine")
        if item.actions == ("states:InvokeHTTPEndpoint",)
    ]
    assert found.condition == {
        "StringEquals": {"states:HTTPEndpoint": "https://a.example/x", "states:HTTPMethod": "GET"}
    }


def test_another_role_does_the_rest() -> None:
    role = "arn:aws:iam::210987654321:role/other"
    assert service("sqs:sendMessage", {"QueueUrl.$": "$"}, Credentials={"RoleArn": role}) == {"sts:AssumeRole": [role]}


def test_a_distributed_map_runs_itself_and_reaches_its_bucket() -> None:
    inner = {"StartAt": "L", "States": {"L": {"Type": "Task", "Resource": LAMBDA, "End": True}}}
    state = {
        "Type": "Map",
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "in.csv"}},
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "b", "Prefix": "out/"},
        },
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **inner},
        "End": True,
    }
    found = needed({"StartAt": "M", "States": {"M": state}}, "machine")
    assert {(item.actions, item.resources) for item in found} == {
        (("lambda:InvokeFunction",), (LAMBDA,)),
        (("s3:GetObject",), ("arn:<partition>:s3:::b/in.csv",)),
        (
            ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"),
            ("arn:<partition>:s3:::b/out/*",),
        ),
        (("states:StartExecution",), (f"arn:<partition>:states:{HERE}:stateMachine:machine",)),
        (
            ("states:DescribeExecution", "states:StopExecution"),
            (
                f"arn:<partition>:states:{HERE}:execution:machine/*:*",
                f"arn:<partition>:states:{HERE}:execution:machine:*",
            ),
        ),
        (("states:RedriveExecution",), (f"arn:<partition>:states:{HERE}:execution:machine/*:*",)),
    }


@pytest.mark.parametrize(
    ("resource", "config", "expected"),
    [
        ("getObject", {}, {"s3:GetObject": "/object/in.csv"}),
        ("getObject", {"InputType": "MANIFEST"}, {"s3:GetObject": "/object/*"}),
        (
            "listObjectsV2",
            {"Transformation": "LOAD_AND_FLATTEN"},
            {"s3:ListBucket": "", "s3:GetObject": "/object/in/*"},
        ),
    ],
)
def test_a_map_reaches_the_objects_behind_an_access_point(
    resource: str, config: dict[str, Any], expected: dict[str, str]
) -> None:
    point = "arn:aws:s3:eu-central-1:1:accesspoint/a"
    reader = {
        "Resource": f"arn:aws:states:::s3:{resource}",
        "ReaderConfig": config,
        "Parameters": {"Bucket": point, "Key": "in.csv", "Prefix": "in/"},
    }
    state = {"Type": "Map", "ItemReader": reader, "ItemProcessor": {"States": {}}, "End": True}
    found = shown(needed({"StartAt": "M", "States": {"M": state}}, "machine"))
    assert found == {action: [f"{point}{place}"] for action, place in expected.items()}
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": point, "Prefix": "out"}}
    state = {"Type": "Map", "ResultWriter": writer, "ItemProcessor": {"States": {}}, "End": True}
    assert shown(needed({"StartAt": "M", "States": {"M": state}}, "machine"))["s3:PutObject"] == [
        f"{point}/object/out/*"
    ]


def test_branches_and_inner_states_count() -> None:
    branch = {"StartAt": "L", "States": {"L": {"Type": "Task", "Resource": LAMBDA, "End": True}}}
    for state in (
        {"Type": "Parallel", "Branches": [branch], "End": True},
        {"Type": "Map", "ItemProcessor": branch, "End": True},
        {"Type": "Map", "Iterator": branch, "End": True},
    ):
        found = needed({"StartAt": "S", "States": {"S": state}}, "machine")
        assert shown(found) == {"lambda:InvokeFunction": [LAMBDA]}


@pytest.mark.parametrize("name", ["aws-sdk:sqss:sendMessage", "aws-sdk:sqs:sendMesage"])
def test_what_aws_does_not_have(name: str) -> None:
    with pytest.raises(InvalidSpecError, match="did you mean"):
        service(name)


@pytest.mark.parametrize(
    ("resource", "given", "config", "expected"),
    [
        ("getObject", {"Key": "inventory/manifest.json"}, {"InputType": "MANIFEST"}, {"s3:GetObject": "b/*"}),
        (
            "getObject",
            {"Key": "q-manifest.csv"},
            {"InputType": "CSV", "ManifestType": "ATHENA_DATA"},
            {"s3:GetObject": "*"},  # where the query put its results, only the manifest tells
        ),
        ("listObjectsV2", {"Prefix": "in/"}, {}, {"s3:ListBucket": "b"}),
        (
            "listObjectsV2",
            {"Prefix": "in/"},
            {"Transformation": "LOAD_AND_FLATTEN"},
            {"s3:ListBucket": "b", "s3:GetObject": "b/in/*"},
        ),
    ],
)
def test_a_reader_may_read_what_its_items_are_in(
    resource: str, given: dict[str, Any], config: dict[str, Any], expected: dict[str, str]
) -> None:
    reader = {
        "Resource": f"arn:aws:states:::s3:{resource}",
        "ReaderConfig": config,
        "Parameters": {"Bucket": "b", **given},
    }
    state = {"Type": "Map", "ItemReader": reader, "ItemProcessor": {"States": {}}, "End": True}
    found = shown(needed({"StartAt": "M", "States": {"M": state}}, "machine"))
    assert found == {action: [f"arn:<partition>:s3:::{place}"] for action, place in expected.items()}
