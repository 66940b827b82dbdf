"""Functions in AWS Lambda's shape, served in this process.

What is sent, what comes back and how failures look is as AWS answers: a Lambda ARN as the resource gives the bare
result, ``arn:aws:states:::lambda:invoke`` the whole response of the Invoke call.
"""

from __future__ import annotations

import inspect
import json
import linecache
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from enginehouse.asl.commands import ScheduleTask
from enginehouse.tasks.results import NotJson, json_copy

LambdaFunction: TypeAlias = Callable[[Any, Any], Any]
INVOKE = "arn:aws:states:::lambda:invoke"
_ARN = re.compile(r"arn:[^:]+:lambda:[^:]*:[^:]*:function:([^:]+)(?::(.+))?")
_PARTIAL_ARN = re.compile(r"(?:\d{12}:function:)?([^:]+)(?::(.+))?")


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The context object of AWS Lambda, as far as it means something here."""

    function_name: str
    invoked_function_arn: str
    aws_request_id: str
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = "128"
    log_group_name: str = ""
    log_stream_name: str = ""
    identity: None = None
    client_context: None = None
    deadline: float | None = field(default=None, repr=False)

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the task's timeout; of Lambda's own 15 minutes where it has none."""
        return 900_000 if self.deadline is None else max(0, int((self.deadline - time.time()) * 1000))


@dataclass(frozen=True, slots=True)
class Invocation:
    """Which function a task asks for, with what event; ``enveloped`` is the shape of the answer. ``arn`` where it was named by one."""

    name: str
    qualifier: str
    event: Any
    enveloped: bool
    arn: str = ""


class InvalidRequest(ValueError):  # noqa: N818 -- AWS's answer, not a defect
    """The request is one that AWS refuses; ``args`` are the error and the cause."""


def is_lambda(resource: str) -> bool:
    """Whether the resource is a Lambda function, or the invocation of one."""
    return resource == INVOKE or _ARN.fullmatch(resource) is not None


def invocation(resource: str, arguments: Any) -> Invocation:
    """What the task asks for. A ``Payload`` that is a string is JSON text, as for AWS. Raises ``InvalidRequest``."""
    arn = _ARN.fullmatch(resource)
    if arn is not None:
        return Invocation(arn[1], arn[2] or "", json_copy(arguments), enveloped=False, arn=resource)
    given = arguments if isinstance(arguments, dict) else {}
    function = given.get("FunctionName")
    if not isinstance(function, str) or not function:
        raise InvalidRequest("Lambda.ValidationException", "FunctionName is missing, or is not a string")
    whole = _ARN.fullmatch(function)
    found = whole or _PARTIAL_ARN.fullmatch(function)
    if found is None:
        raise InvalidRequest("Lambda.ValidationException", f"FunctionName {function!r} is neither a name nor an ARN")
    qualifier = given.get("Qualifier") or found[2] or ""
    event = _event(given.get("Payload", {}))
    return Invocation(found[1], str(qualifier), event, enveloped=True, arn=function if whole else "")


def _event(payload: Any) -> Any:
    if not isinstance(payload, str):
        return json_copy(payload)
    try:
        return json_copy(json.loads(payload))
    except ValueError as error:
        raise InvalidRequest(
            "Lambda.InvalidRequestContentException",
            f"Could not parse request body into json: Could not parse payload into json: {error}",
        ) from None


def context_of(call: Invocation, command: ScheduleTask, request_id: str, execution_arn: str = "") -> LambdaContext:
    """What the function is handed beside its event. One that was named without region and account is of the execution's."""
    parts = execution_arn.split(":")
    where = parts[1:5:2] + parts[4:5] if parts[0] == "arn" and len(parts) > 5 else ["aws", "us-east-1", "000000000000"]
    named = f"arn:{where[0]}:lambda:{where[1]}:{where[2]}:function:{call.name}"
    return LambdaContext(
        call.name,
        call.arn or (f"{named}:{call.qualifier}" if call.qualifier else named),
        request_id,
        function_version=call.qualifier or "$LATEST",
        log_group_name=f"/aws/lambda/{call.name}",
        deadline=command.deadline,
    )


def request_id(key: str) -> str:
    """The id of the request, the same when the same attempt is run again."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, key))


def answer(call: Invocation, result: Any, request: str) -> Any:
    """What the task gives for what the function returned; bytes are JSON text. Raises ``NotJson``."""
    if isinstance(result, bytes):
        text = result.decode("utf-8", "replace")
        try:
            payload = json_copy(json.loads(text))
        except ValueError:
            payload = text
        size = len(result)
    else:
        payload = json_copy(result)
        size = len(json.dumps(payload, ensure_ascii=False).encode()) if call.enveloped else 0
    return _envelope(call, payload, size, request) if call.enveloped else payload


def _envelope(call: Invocation, payload: Any, size: int, request: str) -> dict[str, Any]:
    version = call.qualifier or "$LATEST"
    headers = {
        "Connection": "keep-alive",
        "Content-Length": str(size),
        "Content-Type": "application/json",
        "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "X-Amz-Executed-Version": version,
        "x-amzn-Remapped-Content-Length": "0",
        "x-amzn-RequestId": request,
        "X-Amzn-Trace-Id": f"root=1-{request[:8]}-{request.replace('-', '')[8:]};sampled=0",
    }
    return {
        "ExecutedVersion": version,
        "Payload": payload,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request},
        "StatusCode": 200,
    }


def marshal_report(fault: NotJson, request: str) -> dict[str, object]:
    """The error report of a result that is not JSON, under the name that Lambda gives it."""
    return {
        "errorMessage": f"Unable to marshal response: {fault}",
        "errorType": "Runtime.MarshalError",
        "requestId": request,
        "stackTrace": [],
    }


def source_file(function: Callable[..., Any]) -> str:
    """The file of the handler; its frames are those that a stack trace shows."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return str(code.co_filename) if code else ""


def lambda_from_source(name: str, source: str) -> LambdaFunction:
    """The function ``handler`` of Python source text, as Lambda would load it from ``handler.py``.

    Raises what running the text raises, and ``AttributeError`` where it defines no such function.
    """
    file = f"<lambda {name}>/handler.py"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    scope: dict[str, Any] = {"__name__": "handler", "__file__": file}
    exec(compile(source, file, "exec"), scope)  # noqa: S102 -- running this text is what is asked for
    function = scope.get("handler")
    if not callable(function):
        raise AttributeError(f"the source of Lambda {name!r} defines no function 'handler'")
    return function  # type: ignore[no-any-return]


ANY = "*"
"""The name of the Lambda function that stands for all that nothing else is known for; its context tells which one was asked for."""


def find(name: str, lambdas: Mapping[str, LambdaFunction]) -> LambdaFunction | None:
    """The function of that name, whether it was registered by name or by ARN."""
    if name in lambdas:
        return lambdas[name]
    for known, function in lambdas.items():
        arn = _ARN.fullmatch(known)
        if arn is not None and arn[1] == name:
            return function
    return None
