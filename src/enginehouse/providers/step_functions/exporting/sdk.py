"""What ``aws-sdk`` resources must be allowed, and on what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from botocore.model import OperationModel

from enginehouse.providers.step_functions.exporting import arns
from enginehouse.tasks.aws import catalog
from enginehouse.tasks.aws.iam import permissions

Allowed: TypeAlias = tuple[str, tuple[str, ...]]
"""``sqs:SendMessage`` and the ARNs on which it is allowed; several actions are separated by blanks."""

_MANY_TABLES = re.compile("Batch|Statement|Transact")
_OBJECT_ACTIONS = frozenset({"AbortMultipartUpload", "ListMultipartUploadParts"})


def allowed(service: str, action: str, given: Mapping[str, Any]) -> Iterator[Allowed]:
    """What ``aws-sdk:SERVICE:ACTION`` needs. Raises ``UnknownNameError``."""
    name = catalog.service(service)
    model = catalog.model(name).operation_model(catalog.operation(name, action))
    prefix, names = permissions(model, given)
    if prefix == "s3":
        yield from _of_s3(names, given)
    elif prefix == "apigateway":
        yield f"{prefix}:{names[0]}", (_path(model),)
    else:
        yield f"{prefix}:{' '.join(names)}", _resources(prefix, str(model.name), given)


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
    return (arns.table({}),) if _MANY_TABLES.search(operation) else ("*",)


def _path(operation: OperationModel) -> str:
    """API Gateway's resources are the paths of its own API."""
    path = re.sub(r"\{[^}]*\}", "*", str(operation.http["requestUri"]).partition("?")[0]).removeprefix("/v2")
    return f"arn:{arns.PARTITION}:apigateway:{arns.REGION}::{path}"


def _of_s3(names: list[str], given: Mapping[str, Any]) -> Iterator[Allowed]:
    for name in names:
        yield f"s3:{name}", (_place(name, given),)
    if arns.mentions(given, "CopySource"):
        source = arns.static(given, "CopySource").lstrip("/").partition("?")[0]
        yield "s3:GetObject", (source if source.startswith("arn:") else f"arn:{arns.PARTITION}:s3:::{source or '*'}",)


def _place(action: str, given: Mapping[str, Any]) -> str:
    if action == "ListAllMyBuckets":
        return "*"
    of_object = ("Object" in action and "Bucket" not in action) or action in _OBJECT_ACTIONS
    return arns.objects(given) if of_object else arns.bucket(given)
