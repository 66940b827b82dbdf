"""What AWS and boto3 say, in the contract's words."""

from __future__ import annotations

import re
from typing import Any

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from enginehouse.errors import (
    CapabilityError,
    Diagnostic,
    EnginehouseError,
    ExecutionNotFoundError,
    InvalidSpecError,
    ProviderError,
    ProviderUnavailableError,
    WorkflowNotFoundError,
)

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded", "EC2ThrottledException", "ExecutionLimitExceeded", "KmsThrottlingException",
        "LimitExceededException", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
        "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException",
        "Throttling", "ThrottlingException", "TooManyRequestsException", "TransactionInProgressException",
    }
)  # fmt: skip
_SLOW = frozenset({"RequestTimeout", "RequestTimeoutException"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
_UNKNOWN_KEYS = frozenset(
    {
        "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch", "UnrecognizedClientException",
        "IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized",
    }
)  # fmt: skip
_INVALID = frozenset(
    {
        "InvalidDefinition", "InvalidName", "InvalidExecutionInput", "ValidationException", "InvalidOutput",
        "InvalidLoggingConfiguration", "InvalidTracingConfiguration", "InvalidEncryptionConfiguration", "TooManyTags",
        "MissingRequiredParameter",
    }
)  # fmt: skip
_NO_WORKFLOW = frozenset({"StateMachineDoesNotExist", "StateMachineDeleting"})
_NO_EXECUTION = frozenset({"ExecutionDoesNotExist"})
_NO_TOKEN = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})
_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.SSOError,
    boto.ConfigNotFound,
    boto.ProfileNotFound,
)
_SIGNED_OUT = (boto.UnauthorizedSSOTokenError, boto.SSOTokenLoadError)
_SERVICES = {
    "ReceiveMessage": "sqs",
    "DeleteMessage": "sqs",
    "ChangeMessageVisibility": "sqs",
    "GetCallerIdentity": "sts",
}
STRANGE = "this is no answer of Step Functions; is it the right endpoint?"
_ACTION = re.compile(r"not authorized to perform:? ([a-zA-Z0-9-]+:[a-zA-Z]+)")


def code_of(error: BaseException) -> str:
    """AWS's code for what went wrong; "" where there is none."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def says(error: BaseException) -> str:
    """AWS's own sentence."""
    if not isinstance(error, ClientError):
        return str(error)
    return str(error.response.get("Error", {}).get("Message", "")) or "AWS gave no reason"


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed in a moment."""
    if isinstance(error, ClientError):
        return code_of(error) in THROTTLED | _SLOW or _status(error) >= 500
    if isinstance(error, boto.SSLError | boto.ProxyConnectionError):
        return False
    return isinstance(error, boto.HTTPClientError | boto.ConnectionError | boto.IncompleteReadError | OSError)


def is_absent(error: BaseException) -> bool:
    """Whether nobody is there to answer."""
    return isinstance(error, boto.EndpointConnectionError)


def is_expired(error: BaseException) -> bool:
    """Whether the same call may succeed once the credentials are renewed."""
    return code_of(error) in _EXPIRED or isinstance(error, (*_CREDENTIALS, *_SIGNED_OUT))


def unremarked(error: Exception) -> None:
    """botocore is told to try once, as we try ourselves; its remark on that misleads, and goes."""
    if isinstance(error, ClientError):
        error.args = (str(error).replace(" (reached max retries: 0)", ""),)


def translated(error: Exception) -> EnginehouseError | None:
    """What an error of AWS's or of boto3's is in the contract's words; None for what is neither."""
    if isinstance(error, ClientError):
        unremarked(error)
        return _of_answer(error)
    if isinstance(error, boto.ParamValidationError):
        return _invalid("REFUSED", f"AWS does not take this: {error}")
    if isinstance(error, boto.NoRegionError):
        return ProviderError("no region is known; give region=..., or set AWS_REGION")
    if isinstance(error, boto.InvalidRegionError):
        return ProviderError("this is no region of AWS; one looks like eu-central-1")
    if isinstance(error, _SIGNED_OUT):
        return ProviderError("the credentials have expired; sign in again (aws sso login)")
    if isinstance(error, _CREDENTIALS):
        return ProviderError("there are no credentials of AWS; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret")
    if isinstance(error, ResponseParserError):
        return ProviderError(STRANGE)
    if is_transient(error):
        return ProviderUnavailableError("AWS cannot be reached")
    if isinstance(error, BotoCoreError):
        return ProviderError("boto3 refused the call, or does not understand the answer")
    return None


def _of_answer(error: ClientError) -> EnginehouseError:
    code, status = code_of(error), _status(error)
    if code in THROTTLED:
        return ProviderUnavailableError(f"AWS throttles ({code})")
    if code in _EXPIRED:
        return ProviderError("the credentials have expired; sign in again")
    if code in _DENIED:
        return ProviderError(f"AWS denies it: these credentials lack {_action(error)}")
    if code in _UNKNOWN_KEYS:
        return ProviderError("AWS does not know these credentials, or their signature is wrong")
    if code in _NO_WORKFLOW:
        return WorkflowNotFoundError("there is no such workflow; create it first")
    if code in _NO_EXECUTION:
        return ExecutionNotFoundError("there is no such execution")
    if code in _NO_TOKEN:
        return ExecutionNotFoundError("no task waits for this token; it has ended, or the token is of another account")
    if code == "StateMachineTypeNotSupported":
        return CapabilityError("AWS does not offer this for the workflow's type")
    # An emulator sends some of its refusals without a code.
    if code in _INVALID or (status == 400 and code in ("", "None", "400", "Unknown")):
        error.args = (says(error),)  # told once: by the diagnostic
        return _invalid(code or "REFUSED", f"AWS does not take this: {says(error)}")
    if status >= 500 or code in _SLOW:
        return ProviderUnavailableError(f"AWS answers with {status}")
    return ProviderError("AWS answered with an error")


def _action(error: ClientError) -> str:
    """The IAM action that is missing: the one that AWS names, else the one of the call."""
    named = _ACTION.search(says(error))
    return named[1] if named else f"{_SERVICES.get(error.operation_name, 'states')}:{error.operation_name}"


def _invalid(code: str, message: str) -> InvalidSpecError:
    return InvalidSpecError("", diagnostics=[Diagnostic("error", code, message)])


def _status(error: ClientError) -> int:
    metadata: dict[str, Any] = dict(error.response.get("ResponseMetadata") or {})
    return int(metadata.get("HTTPStatusCode") or 0)
