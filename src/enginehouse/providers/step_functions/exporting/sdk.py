"""What IAM calls the actions of ``aws-sdk`` resources, and what they are allowed on.

Mostly an action has its operation's name. Where it has not, that is here, from the service authorization reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from botocore.model import OperationModel

from enginehouse.providers.step_functions.exporting import arns
from enginehouse.tasks.aws import catalog

Allowed: TypeAlias = tuple[str, tuple[str, ...]]
"""``sqs:SendMessage`` and the ARNs on which it is allowed; several actions are separated by blanks."""

_PREFIXES = {
    "cloudcontrolapi": "cloudformation",
    "iot-jobs-data": "iotjobsdata",
    "iotdata": "iot",
    "IoTSecuredTunneling": "iot",
    "monitoring": "cloudwatch",
    "mturk-requester": "mechanicalturk",
    "tagging": "tag",
}
_ACTIONS = {
    "bedrock:Converse": "InvokeModel",
    "bedrock:StartAsyncInvoke": "InvokeModel",
    "dynamodb:BatchExecuteStatement": "PartiQLDelete PartiQLInsert PartiQLSelect PartiQLUpdate",
    "dynamodb:ExecuteStatement": "PartiQLDelete PartiQLInsert PartiQLSelect PartiQLUpdate",
    "dynamodb:ExecuteTransaction": "PartiQLDelete PartiQLInsert PartiQLSelect PartiQLUpdate",
    "dynamodb:TransactGetItems": "GetItem",
    "execute-api:DeleteConnection": "ManageConnections",
    "execute-api:GetConnection": "ManageConnections",
    "execute-api:PostToConnection": "ManageConnections",
    "kms:ReEncrypt": "ReEncryptFrom ReEncryptTo",
    "lambda:Invoke": "InvokeFunction",
    "lambda:InvokeAsync": "InvokeFunction",
    "sns:PublishBatch": "Publish",
    "sqs:ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "DeleteMessage",
    "sqs:SendMessageBatch": "SendMessage",
    "timestream:Query": "Select",
}
_TRANSACTED = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetObjectAttributes": "GetObject GetObjectAttributes",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
_BUCKET_SETTING = re.compile(
    r"(Get|Put|Delete|List)Bucket"
    r"(Accelerate|Analytics|Encryption|IntelligentTiering|Inventory|Lifecycle|Metrics|Replication)(?:Configurations?)?"
)
_VERSIONED = frozenset(
    {"DeleteObject", "DeleteObjectTagging", "GetObject", "GetObjectAcl", "GetObjectTagging"}
    | {"PutObjectAcl", "PutObjectTagging", "GetObjectAttributes"}
)
_OBJECT_ACTIONS = frozenset({"AbortMultipartUpload", "ListMultipartUploadParts"})


def allowed(service: str, action: str, given: Mapping[str, Any]) -> Iterator[Allowed]:
    """What ``aws-sdk:SERVICE:ACTION`` needs. Raises ``UnknownNameError``."""
    name = catalog.service(service)
    model = catalog.model(name).operation_model(catalog.operation(name, action))
    signed = str(model.service_model.signing_name)
    prefix, operation = _PREFIXES.get(signed, signed), str(model.name)
    if prefix == "s3":
        yield from _of_s3(operation, given)
    elif prefix == "apigateway":
        yield _of_api(model)
    elif operation == "TransactWriteItems":
        yield _of_transaction(given)
    else:
        yield (
            f"{prefix}:{_ACTIONS.get(f'{prefix}:{operation}', operation)}",
            _resources(prefix, operation, given),
        )


def _resources(prefix: str, operation: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The resources of an action: by the field that names it, or by the ARNs of the service that it is given."""
    if prefix == "dynamodb":
        return _tables(operation, given)
    if prefix == "sqs" and arns.mentions(given, "QueueUrl"):
        return (arns.queue(given),)
    if prefix == "lambda" and arns.mentions(given, "FunctionName"):
        return (arns.function(given),)
    if prefix == "execute-api":
        return (arns.anywhere("execute-api", "*"),)
    if prefix == "states" and arns.static(given, "StateMachineArn"):
        return (arns.unqualified(arns.static(given, "StateMachineArn")),)
    found = {
        value
        for key, value in given.items()
        if isinstance(value, str) and not key.endswith(".$") and re.match(rf"arn:[^:]+:{re.escape(prefix)}:", value)
    }
    return tuple(found) or ("*",)


def _tables(operation: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    if arns.mentions(given, "TableName"):
        indexed = operation in ("Query", "Scan") and arns.mentions(given, "IndexName")
        return (arns.table(given), *((f"{arns.table(given)}/index/*",) if indexed else ()))
    items, parts = given.get("RequestItems"), given.get("TransactItems")
    if isinstance(items, Mapping):
        return tuple(arns.table({"TableName": "" if name.endswith(".$") else name}) for name in items)
    if isinstance(parts, list) and all(isinstance(part, Mapping) for part in parts):
        return tuple(arns.table(inner) for part in parts for inner in part.values() if isinstance(inner, Mapping))
    every = "TransactItems.$" in given or "RequestItems.$" in given or "Statement" in operation
    return (arns.table({}),) if every or "Transact" in operation or "Batch" in operation else ("*",)


def _of_transaction(given: Mapping[str, Any]) -> Allowed:
    parts = given.get("TransactItems")
    kinds = {kind for part in parts if isinstance(part, Mapping) for kind in part} if isinstance(parts, list) else set()
    known = kinds if kinds and kinds <= _TRANSACTED.keys() else _TRANSACTED
    actions = " ".join(_TRANSACTED[kind] for kind in known)
    return f"dynamodb:{actions}", _tables("TransactWriteItems", given)


def _of_api(model: OperationModel) -> Allowed:
    """API Gateway's permissions are the methods and paths of its own API."""
    path = re.sub(r"\{[^}]*\}", "*", str(model.http["requestUri"]).partition("?")[0]).removeprefix("/v2")
    return f"apigateway:{model.http['method']}", (f"arn:{arns.PARTITION}:apigateway:{arns.REGION}::{path}",)


def _of_s3(operation: str, given: Mapping[str, Any]) -> Iterator[Allowed]:
    names = _S3_ACTIONS.get(operation, operation)
    setting = _BUCKET_SETTING.fullmatch(operation)
    if setting is not None:
        verb = {"Delete": "Put", "List": "Get"}.get(setting[1], setting[1])
        names = f"{verb}{setting[2]}Configuration"
    for name in names.split():
        version = "Version" if name in _VERSIONED and arns.mentions(given, "VersionId") else ""
        made = name.replace("Object", f"Object{version}", 1)
        yield f"s3:{made}", (_place(name, given),)
    if arns.mentions(given, "CopySource"):
        source = arns.static(given, "CopySource").lstrip("/").partition("?")[0]
        yield "s3:GetObject", (f"arn:{arns.PARTITION}:s3:::{source or '*'}",)


def _place(action: str, given: Mapping[str, Any]) -> str:
    if action == "ListAllMyBuckets":
        return "*"
    of_object = ("Object" in action and "Bucket" not in action) or action in _OBJECT_ACTIONS
    return arns.objects(given) if of_object else arns.bucket(given)
