"""What AWS says, in the contract's words."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.retries import standard

from enginehouse import ProviderUnavailableError
from enginehouse.providers.step_functions.faults import is_transient, translated


@pytest.mark.parametrize(
    ("operation", "message", "action"),
    [
        (
            "ReceiveMessage",
            "Access to the resource https://sqs.eu-west-1.amazonaws.com/ is denied.",
            "sqs:ReceiveMessage",
        ),
        ("GetActivityTask", "no", "states:GetActivityTask"),
        ("SendMessage", "User: x is not authorized to perform: kms:Decrypt on y", "kms:Decrypt"),
    ],
)
def test_a_denied_action_is_named_with_its_service(operation: str, message: str, action: str) -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, operation)
    assert f"lack {action}" in str(translated(denied))


def test_that_botocore_did_not_try_again_is_not_said() -> None:
    answer = {
        "Error": {"Code": "X", "Message": "No."},
        "ResponseMetadata": {"MaxAttemptsReached": True, "RetryAttempts": 0},
    }
    error = ClientError(answer, "StartExecution")  # type: ignore[arg-type]
    assert "max retries" in str(error)
    translated(error)
    assert str(error) == "An error occurred (X) when calling the StartExecution operation: No."


@pytest.mark.parametrize(
    "code",
    [
        *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
        *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
    ],
)
def test_what_botocore_would_ask_again_is_asked_again(code: str) -> None:
    answer = {"Error": {"Code": code, "Message": "No."}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    error = ClientError(answer, "SendTaskSuccess")  # type: ignore[arg-type]
    assert is_transient(error)
    assert isinstance(translated(error), ProviderUnavailableError)
