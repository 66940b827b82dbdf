"""What AWS calls an error of a service, and how it words the cause."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError

from enginehouse.tasks.aws.names import exception_name

CALL_FAILED = (ClientError, BotoCoreError, ResponseParserError, OSError, ValueError)
"""What botocore raises for a call that failed."""

# What is asked for by HEAD is answered without a body, so without a code; the Java SDK 2 knows by the request what is meant.
_BODILESS: Mapping[tuple[str, str, int], Mapping[str, Any]] = {
    ("s3", "HeadBucket", 404): {"Code": "NoSuchBucket", "Message": "The specified bucket does not exist"},
    ("s3", "HeadObject", 404): {"Code": "NoSuchKey", "Message": "The specified key does not exist."},
}
DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
"""The codes of a refusal; 403 is that of an answer without a body."""


class ServiceFailure(Exception):  # noqa: N818 -- a value for the workflow's Catch
    """``args`` are the ASL error and the cause. ``passing``: another look may well succeed."""

    def __init__(self, error: str, cause: str, *, passing: bool = False) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Speaker:
    """In whose words errors of a service are told: ``prefix`` of their names, ``service`` within the cause, ``base`` the
    name of an error that the service's model does not know. ``older``: as the Java SDK 1 words it."""

    prefix: str
    service: str
    base: str
    older: bool = False


def sdk_speaker(prefix: str) -> Speaker:
    return Speaker(prefix, prefix, f"{prefix}Exception")


def failure_of(error: Exception, speaker: Speaker, model: ServiceModel) -> ServiceFailure:
    """What botocore raised, as the workflow sees it."""
    if isinstance(error, ClientError):
        return _answered(error, speaker, model)
    cause, passing = _not_reached(error)
    return ServiceFailure(f"{speaker.prefix}.SdkClientException", cause, passing=passing)


def _answered(error: ClientError, speaker: Speaker, model: ServiceModel) -> ServiceFailure:
    told: Mapping[str, Any] = error.response.get("Error", {})
    about: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    code, status = str(told.get("Code") or ""), about.get("HTTPStatusCode", 0)
    told = _BODILESS.get((model.service_name, error.operation_name, status), told)
    # SQS, which once spoke another protocol, is answered for by the code of then, with today's beside it.
    modelled = _modelled(str(told.get("QueryErrorCode") or told.get("Code") or ""), model) or _modelled(code, model)
    name = f"{speaker.prefix}.{modelled or speaker.base}"
    message, request = str(told.get("Message") or code), str(about.get("RequestId") or "null")
    host = about.get("HostId")
    if speaker.older:
        extended = f"; S3 Extended Request ID: {host}" if host else ""
        cause = (
            f"{message} (Service: {speaker.service}; Status Code: {status}; Error Code: {code}; "
            f"Request ID: {request}{extended}; Proxy: null)"
        )
    else:
        extended = f", Extended Request ID: {host}" if host else ""
        attempts = int(about.get("RetryAttempts", 0)) + 1
        cause = (
            f"{message} (Service: {speaker.service}, Status Code: {status}, Request ID: {request}{extended}) "
            f"(SDK Attempt Count: {attempts})"
        )
    return ServiceFailure(name, cause, passing=status >= 500 or status == 429 or "Throttl" in code)


def _modelled(code: str, model: ServiceModel) -> str:
    for shape in model.error_shapes:
        if code in (shape.name, shape.error_code):
            return exception_name(shape.name)
    return ""


def _not_reached(error: Exception) -> tuple[str, bool]:
    """Why no service answered, in words, and whether that may pass."""
    match error:
        case NoCredentialsError() | PartialCredentialsError():
            cause = (
                "Unable to load AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile "
                "(AWS_PROFILE, or profile among the options of aws)"
            )
            return cause, False
        case NoRegionError():
            return "No AWS region is known: set AWS_REGION, or region among the options of aws", False
        case ProfileNotFound():
            return f"{error}: give another profile among the options of aws, or AWS_PROFILE", False
        case ReadTimeoutError():
            return f"Unable to execute HTTP request: Read timed out ({_endpoint(error)})", True
        case ConnectTimeoutError():
            return f"Unable to execute HTTP request: Connect to {_endpoint(error)} timed out", True
        case EndpointConnectionError() | HTTPClientError():
            return f"Unable to execute HTTP request: {_reason(error)}", True
        case ResponseParserError():  # from what stands before the service: a proxy, a gateway
            return f"Unable to unmarshall response: {' '.join(str(error).split())}", True
        case BotoCoreError():
            return str(error), False
    return f"{type(error).__name__}: {error}", False


def _endpoint(error: Any) -> str:
    return str(error.kwargs.get("endpoint_url") or "the endpoint")


def _reason(error: Any) -> str:
    url = urlsplit(_endpoint(error))
    under = _os_error(error.kwargs.get("error"))
    if isinstance(under, socket.gaierror):
        return f"{url.hostname}: Name or service not known"
    where = f"Connect to {url.netloc} failed" if url.netloc else "the connection failed"
    return f"{where}: {under.strerror if under is not None and under.strerror else error.kwargs.get('error')}"


def _os_error(error: object) -> OSError | None:
    """The operating system's own error below what the HTTP library made of it."""
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        if isinstance(error, OSError) and (isinstance(error, socket.gaierror) or error.errno is not None):
            return error
        seen.add(id(error))
        error = getattr(error, "reason", None) or error.__cause__ or error.__context__
    return None
