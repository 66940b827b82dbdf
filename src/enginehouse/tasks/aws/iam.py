"""What IAM calls the permission for an operation: mostly the operation's own name, and here where it is not.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel

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
    "lambda:GetLayerVersionByArn": "GetLayerVersion",
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
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
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


def permissions(operation: OperationModel, given: Mapping[str, Any]) -> tuple[str, list[str]]:
    """IAM's prefix of the service and its names of what the operation needs: ``("sqs", ["SendMessage"])``.

    ``given`` are the parameters, as a definition or as botocore has them; some permissions depend on them.
    """
    signed, name = str(operation.service_model.signing_name), str(operation.name)
    prefix = _PREFIXES.get(signed, signed)
    if prefix == "s3":
        return prefix, _of_s3(name, given)
    if prefix == "apigateway":  # its permissions are the methods of its own API
        return prefix, [str(operation.http["method"])]
    if name == "TransactWriteItems":
        return prefix, _of_transaction(given)
    return prefix, _ACTIONS.get(f"{prefix}:{name}", name).split()


def _of_s3(operation: str, given: Mapping[str, Any]) -> list[str]:
    setting = _BUCKET_SETTING.fullmatch(operation)
    if setting is not None:
        return [f"{'Get' if setting[1] in ('Get', 'List') else 'Put'}{setting[2]}Configuration"]
    version = "VersionId" in given or "VersionId.$" in given
    return [
        name.replace("Object", "ObjectVersion", 1) if version and name in _VERSIONED else name
        for name in _S3_ACTIONS.get(operation, operation).split()
    ]


def _of_transaction(given: Mapping[str, Any]) -> list[str]:
    parts = given.get("TransactItems")
    kinds = {kind for part in parts if isinstance(part, Mapping) for kind in part} if isinstance(parts, list) else set()
    known = kinds if kinds and kinds <= _TRANSACTED.keys() else _TRANSACTED
    return [_TRANSACTED[kind] for kind in known]
