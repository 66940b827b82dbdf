"""The permission for an operation is one that IAM knows: cfn-lint has the list."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from enginehouse.tasks.aws import catalog
from enginehouse.tasks.aws.iam import permissions

# What botocore has and this list has not yet, or what cannot be a task.
NEWER = {
    "dynamodb": {"CancelBulkOperation", "DescribeBulkOperation", "ListBulkOperations", "StartBulkPutItems"},
    "s3": {
        *("CreateBucketMetadataConfiguration", "DeleteBucketMetadataConfiguration", "GetBucketMetadataConfiguration"),
        *("CreateSession", "ListDirectoryBuckets", "RenameObject", "WriteGetObjectResponse"),
    },
    "lambda": {
        *("DeleteDurableExecution", "PauseDurableExecution", "ResumeDurableExecution"),
        "InvokeWithResponseStream",
    },
    "bedrockruntime": {"ConverseStream", "InvokeModelWithBidirectionalStream"},
    "kms": {"Decapsulate", "Encapsulate"},
}


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    text = files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text()
    return {prefix: service["Actions"] for prefix, service in json.loads(text).items()}


@pytest.mark.parametrize(
    "name",
    [
        "apigateway",
        "apigatewaymanagementapi",
        "apigatewayv2",
        "bedrockruntime",
        "cloudcontrol",
        "dynamodb",
        "ecs",
        "eventbridge",
        "iotdataplane",
        "kms",
        "lambda",
        "rdsdata",
        "resourcegroupstaggingapi",
        "s3",
        "scheduler",
        "sfn",
        "sns",
        "sqs",
        "timestreamquery",
    ],
)
def test_iam_knows_the_permission(name: str, known: dict[str, Any]) -> None:
    model = catalog.model(catalog.service(name))
    unknown = set()
    for operation in model.operation_names:
        prefix, names = permissions(model.operation_model(operation), {})
        if not all(item.lower() in known[prefix] for item in names):
            unknown.add(operation)
    assert unknown <= NEWER.get(name, set())
