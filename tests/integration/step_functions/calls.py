"""What the tests of the API do again and again."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.step_functions.server import ROLE

PATIENCE = 60.0


def made(sfn: Any, name: str, text: str, **more: Any) -> str:
    """The ARN of a new machine."""
    answer = sfn.create_state_machine(name=name, definition=text, roleArn=ROLE, **more)
    return str(answer["stateMachineArn"])


def refused(code: str, call: Any, **request: Any) -> str:
    """The message of the error that the call answers with."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Message"])


def ended(sfn: Any, arn: str) -> dict[str, Any]:
    """The description of the execution, once it is over."""
    end = time.monotonic() + PATIENCE
    while (found := sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < end, "it does not end"
        time.sleep(0.02)
    answer: dict[str, Any] = found
    return answer


def run(sfn: Any, machine: str, **request: Any) -> dict[str, Any]:
    """How an execution of the machine ended."""
    return ended(sfn, sfn.start_execution(stateMachineArn=machine, **request)["executionArn"])
