"""Mocked results of a Task, held to the answer's shape in the service's own API model, as botocore ships it.

Modes, as AWS has them: STRICT (what is required must be there, what is there must fit), PRESENT (what is there must fit),
NONE. What the model does not name is never looked at. HTTP tasks, API Gateway, EKS calls and jobs have no such shape, nor has
what a worker answers to a task token; services that botocore has under another name than AWS's resources and that are not
listed here are not held to one either.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeAlias

from enginehouse.asl.states.task import parse_resource
from enginehouse.server.step_functions.errors import ApiError

Shape: TypeAlias = Mapping[str, Any]

_UNCHECKED = frozenset({"http:invoke", "apigateway:invoke", "eks:call", "eks:runJob"})

_SERVICES = {
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "cloudwatchlogs": "logs",
    "states": "stepfunctions",
    "elasticmapreduce": "emr",
}

_POLLED = {
    "states:startExecution": "DescribeExecution",
    "batch:submitJob": "DescribeJobs",
    "ecs:runTask": "DescribeTasks",
    "glue:startJobRun": "GetJobRun",
    "athena:startQueryExecution": "GetQueryExecution",
    "codebuild:startBuild": "BatchGetBuilds",
    "codebuild:startBuildBatch": "BatchGetBuildBatches",
    "databrew:startJobRun": "DescribeJobRun",
    "sagemaker:createTrainingJob": "DescribeTrainingJob",
    "sagemaker:createTransformJob": "DescribeTransformJob",
    "sagemaker:createProcessingJob": "DescribeProcessingJob",
    "sagemaker:createLabelingJob": "DescribeLabelingJob",
    "sagemaker:createHyperParameterTuningJob": "DescribeHyperParameterTuningJob",
    "elasticmapreduce:createCluster": "DescribeCluster",
    "elasticmapreduce:terminateCluster": "DescribeCluster",
    "elasticmapreduce:addStep": "DescribeStep",
    "emr-containers:startJobRun": "DescribeJobRun",
    "emr-serverless:startJobRun": "GetJobRun",
    "mediaconvert:createJob": "GetJob",
}
"""What AWS asks of a service again and again until a ``.sync`` task is done: that is the answer that a mock stands for."""

_WORDS: Mapping[str, Any] = {
    "string": (str,),
    "character": (str,),
    "timestamp": (str,),
    "blob": (str,),
    "list": (list,),
    "structure": (dict,),
    "map": (dict,),
    "boolean": (bool,),
    "integer": (int, float),
    "long": (int, float),
    "float": (int, float),
    "double": (int, float),
}
_CALLED = {str: "a string", list: "an array", dict: "an object", bool: "a boolean", int: "a number"}


def check_result(resource: str, result: Any, mode: str) -> None:
    """Raise ValidationException where the result is not what the resource's API would answer. May read a model from disk."""
    parsed = parse_resource(resource)
    called = f"{parsed.service}:{parsed.action.partition('.')[0]}"
    if mode == "NONE" or parsed.kind != "task" or parsed.pattern == "waitForTaskToken" or called in _UNCHECKED:
        return
    if resource.startswith("task:") or not parsed.service:
        return
    operation = called.rpartition(":")[2]
    if parsed.pattern:
        operation = _POLLED.get(called, "")
    service = parsed.service.removeprefix("aws-sdk:")
    shapes, shape = _answer_of(_SERVICES.get(service, service), operation[:1].upper() + operation[1:])
    if shape is None:
        return
    if not isinstance(result, dict):
        raise ApiError("ValidationException", "Mocked result must be a JSON object.")
    try:
        _check(shapes, shape, result, "", strict=mode == "STRICT")
    except RecursionError:
        raise _broken("The result is nested too deeply") from None


@functools.lru_cache(maxsize=8)
def _answer_of(service: str, operation: str) -> tuple[Mapping[str, Shape], Shape | None]:
    """The service's shapes, and the one that the operation answers; None where there is none."""
    from botocore.exceptions import UnknownServiceError
    from botocore.loaders import Loader

    try:
        model = Loader().load_service_model(service, "service-2")
    except UnknownServiceError:
        return {}, None
    output = model["operations"].get(operation, {}).get("output")
    return model["shapes"], None if output is None else model["shapes"][output["shape"]]


def _check(shapes: Mapping[str, Shape], shape: Shape, value: Any, field: str, *, strict: bool) -> None:
    kind = shape["type"]
    types = _WORDS[kind]
    if shape.get("document") or (field == "Payload" and kind == "blob"):
        return  # AWS reads a Lambda function's answer as JSON before it is the result; its own examples mock it so
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise _broken(f"Field '{field}' must be {_CALLED[types[0]]}")
    match kind:
        case "structure":
            members = {name[:1].upper() + name[1:]: each["shape"] for name, each in shape["members"].items()}
            for name in shape.get("required", ()) if strict else ():
                if name[:1].upper() + name[1:] not in value:
                    raise _broken(f"Required field '{name[:1].upper() + name[1:]}' is missing")
            for name, part in value.items():
                if name in members and part is not None:
                    _check(shapes, shapes[members[name]], part, name, strict=strict)
        case "list":
            for part in value:
                _check(shapes, shapes[shape["member"]["shape"]], part, field, strict=strict)
        case "map":
            for part in value.values():
                _check(shapes, shapes[shape["value"]["shape"]], part, field, strict=strict)
        case "string" if "enum" in shape:
            if value not in shape["enum"]:
                raise _broken(f"Field '{field}' is not an expected value")
    _check_bounds(shape, value, field)


def _check_bounds(shape: Shape, value: Any, field: str) -> None:
    low, high = shape.get("min"), shape.get("max")
    if isinstance(value, bool | dict) or shape["type"] == "timestamp":
        return
    if isinstance(value, int | float):
        if low is not None and value < float(low):
            raise _broken(f"Field '{field}' is less than the minimum value")
        if high is not None and value > float(high):
            raise _broken(f"Field '{field}' exceeds the maximum value")
        return
    if low is not None and len(value) < low:
        raise _broken(f"Field '{field}' is smaller than the minimum length")
    if high is not None and len(value) > high:
        raise _broken(f"Field '{field}' exceeds the maximum length")


def _broken(what: str) -> ApiError:
    return ApiError("ValidationException", f"Mock result schema validation error: {what}")
