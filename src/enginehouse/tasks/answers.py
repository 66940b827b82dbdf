"""AWS's answers to what is done here in a service's stead: to ``states:startExecution`` and what waits for it."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any


def answered_here(answer: dict[str, Any], token: str) -> dict[str, Any]:
    """The answer as an optimized integration shows it. ``token`` is the task's: the same task, the same request."""
    request = _request_id(token)
    headers = {
        "connection": "keep-alive",
        "Content-Length": str(len(json.dumps(answer))),
        "Content-Type": "application/x-amz-json-1.0",
        "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "x-amzn-RequestId": request,
    }
    return {
        **answer,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request},
    }


def is_from_here(answer: object, token: str) -> bool:
    """Whether ``answered_here`` made it, rather than a service."""
    about = answer.get("SdkResponseMetadata") if isinstance(answer, dict) else None
    return not isinstance(about, dict) or about.get("RequestId") == _request_id(token)


def described(
    *,
    arn: str,
    machine: str,
    name: str,
    status: str,
    started_at: float,
    stopped_at: float,
    input: Any,
    output: Any = None,
    error: str | None = None,
    cause: str | None = None,
    redrives: int = 0,
) -> dict[str, Any]:
    """A finished execution in the shape of AWS's DescribeExecution. ``input`` and ``output`` are JSON values where the task
    is of the pattern ``sync:2``, else texts."""
    answer: dict[str, Any] = {
        "ExecutionArn": arn,
        "Input": input,
        "InputDetails": {"Included": True},
        "Name": name,
        "RedriveCount": redrives,
        "RedriveStatus": "REDRIVABLE",
        "StartDate": int(started_at * 1000),
        "StateMachineArn": machine,
        "Status": status,
        "StopDate": int(stopped_at * 1000),
    }
    if status == "SUCCEEDED":
        answer["Output"] = output
        answer["OutputDetails"] = {"Included": True}
        answer["RedriveStatus"] = "NOT_REDRIVABLE"
        answer["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
    else:
        answer |= {key: value for key, value in (("Error", error), ("Cause", cause)) if value is not None}
    return dict(sorted(answer.items()))


def _request_id(token: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, token))
