"""Requests are held to AWS's service model, and refused in AWS's words."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enginehouse.server.step_functions import model
from enginehouse.server.step_functions.errors import ApiError
from tests.service_model import MODEL, OPERATIONS, broken, minimal, valid

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:hello"


def refused(operation: str, request: Any) -> ApiError:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    with pytest.raises(ApiError) as caught:
        MODEL.checked(operation, body)
    assert caught.value.status == 400
    return caught.value


def test_the_model_has_every_operation_of_botocore() -> None:
    assert len(MODEL.operations) >= 37
    assert {"StartExecution", "TestState", "ValidateStateMachineDefinition", "RedriveExecution"} <= set(
        MODEL.operations
    )
    assert MODEL.target_prefix == "AWSStepFunctions"
    assert model.load() is MODEL


# -- what passes


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_a_request_that_the_model_allows_passes_as_it_is(operation: str, data: st.DataObject) -> None:
    request = data.draw(valid(operation))
    assert MODEL.checked(operation, json.dumps(request).encode()) == request


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_with_every_member_passes(operation: str) -> None:
    request = minimal(operation)
    assert MODEL.checked(operation, json.dumps(request).encode()) == request


def test_members_unknown_to_the_model_are_ignored_and_null_is_as_good_as_absent() -> None:
    request = {"stateMachineArn": ARN, "name": None, "colour": {"deep": [1]}, "input": "{}"}
    assert MODEL.checked("StartExecution", json.dumps(request).encode()) == {"stateMachineArn": ARN, "input": "{}"}


def test_a_whole_number_written_with_a_point_is_an_integer() -> None:
    taken = MODEL.checked("ListActivities", b'{"maxResults": 10.0}')["maxResults"]
    assert (taken, type(taken)) == (10, int)


# -- what does not


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_fault_at_each_member_is_refused_by_its_name(operation: str) -> None:
    for fault, request, code, message in broken(operation):
        error = refused(operation, request)
        assert error.code == code, fault
        assert message in error.message, fault


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        (
            "StartExecution",
            {"stateMachineArn": ARN, "name": "n" * 81},
            (
                f"1 validation error detected: Value '{'n' * 81}' at 'name' failed to satisfy constraint: "
                "Member must have length less than or equal to 80"
            ),
        ),
        (
            "StartExecution",
            {},
            (
                "1 validation error detected: Value null at 'stateMachineArn' failed to satisfy constraint: "
                "Member must not be null"
            ),
        ),
        (
            "StartExecution",
            {"stateMachineArn": "", "name": ""},
            (
                "2 validation errors detected: "
                "Value '' at 'stateMachineArn' failed to satisfy constraint: Member must have length greater than or equal to 1; "
                "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1"
            ),
        ),
        (
            "CreateStateMachine",
            {"name": "n", "definition": "{}", "roleArn": ARN, "type": "BATCH"},
            (
                "1 validation error detected: Value 'BATCH' at 'type' failed to satisfy constraint: "
                "Member must satisfy enum value set: [STANDARD, EXPRESS]"
            ),
        ),
        (
            "ListExecutions",
            {"maxResults": 1001},
            (
                "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: "
                "Member must have value less than or equal to 1000"
            ),
        ),
        (
            "RedriveExecution",
            {"executionArn": ARN, "clientToken": "a b"},
            (
                "1 validation error detected: Value 'a b' at 'clientToken' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [!-~]+"
            ),
        ),
        (
            "TagResource",
            {"resourceArn": ARN, "tags": [{"key": "a", "value": "b"}, {"key": "k" * 129}]},
            (
                f"1 validation error detected: Value '{'k' * 129}' at 'tags.2.member.key' failed to satisfy constraint: "
                "Member must have length less than or equal to 128"
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_constraints_are_told_in_the_words_of_aws(operation: str, request_: Any, message: str) -> None:
    assert str(refused(operation, request_)) == f"ValidationException: {message}"


def test_what_is_secret_is_not_shown_and_inputs_are_counted_in_bytes() -> None:
    just, over = "ä" * 131_072, "ä" * 131_072 + "a"
    assert MODEL.checked("StartExecution", json.dumps({"stateMachineArn": ARN, "input": just}).encode())
    assert refused("StartExecution", {"stateMachineArn": ARN, "input": over}).message == (
        "1 validation error detected: Value at 'input' failed to satisfy constraint: "
        "Member must have size less than or equal to 262144 bytes in UTF-8 encoding"
    )


def test_names_are_counted_as_java_counts_them() -> None:
    assert MODEL.checked("CreateActivity", json.dumps({"name": "😀" * 40}).encode())
    assert "'name'" in refused("CreateActivity", {"name": "😀" * 41}).message


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"stateMachineArn": 1}, "NUMBER_VALUE can not be converted to a String"),
        ({"stateMachineArn": True}, "TRUE_VALUE can not be converted to a String"),
        ({"stateMachineArn": False}, "FALSE_VALUE can not be converted to a String"),
        ({"stateMachineArn": ["x"]}, "Start of list found where not expected"),
        ({"stateMachineArn": {"a": 1}}, "Start of structure or map found where not expected."),
        ({"maxResults": "1"}, "STRING_VALUE can not be converted to an Integer"),
        ([], "Start of list found where not expected"),
    ],
)
def test_wrong_types_are_told_in_the_words_of_aws(request_: Any, message: str) -> None:
    assert str(refused("ListExecutions", request_)) == f"SerializationException: {message}"


def test_lists_and_structures_of_the_wrong_type_are_told_in_the_words_of_aws() -> None:
    assert refused("TagResource", {"resourceArn": ARN, "tags": "x"}).message == "Expected list or null"
    assert refused("TestState", {"definition": "{}", "mock": "x"}).message == "Expected null"


def test_a_wrong_type_comes_before_every_constraint() -> None:
    assert refused("ListExecutions", {"nextToken": "", "maxResults": "1"}).code == "SerializationException"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b'"x"',
        b'{"maxResults": 1,}',
        b'{"nextToken": "\xff"}',
        b'{"nextToken": "\\ud800"}',
        b'{"maxResults": 1e999}',
        b'{"maxResults": ' + b"9" * 10_000 + b"}",
        b'{"maxResults": NaN}',
        b"\xef\xbb\xbf{}",
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"unknown": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
        b"{" + b" " * 10_000_000,
        b"\x00" * 10_000_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    assert refused("ListActivities", body).code == "SerializationException"


@settings(deadline=None)
@given(operation=st.sampled_from(OPERATIONS), body=st.binary(max_size=64))
def test_no_bytes_at_all_do_more_than_be_refused(operation: str, body: bytes) -> None:
    with contextlib.suppress(ApiError):
        MODEL.checked(operation, body)


def test_ten_megabytes_are_refused_by_their_member() -> None:
    error = refused("StartExecution", {"stateMachineArn": ARN, "input": "x" * 10_000_000})
    assert "at 'input'" in error.message
    assert len(error.message) < 200


def test_an_operation_that_is_not_in_the_model_is_unknown() -> None:
    assert refused("StartEverything", {}).code == "UnknownOperationException"
