"""Temporal's words and the contract's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError, CancelledError, TimeoutError, TimeoutType  # noqa: A004
from temporalio.service import RPCError, RPCStatusCode

from enginehouse.asl.notifications import TaskFailed, TaskTimedOut
from enginehouse.errors import InvalidSpecError, ProviderError, ProviderUnavailableError
from enginehouse.names import execution_id
from enginehouse.providers.temporal._mapping import child_failed, task_failed
from enginehouse.providers.temporal.connection import translated
from enginehouse.providers.temporal.payloads import json_text, packed, text_of


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_two_executions_have_one_id(one: str, name: str, other: str, another: str) -> None:
    if (one, name) != (other, another):
        assert execution_id(one, name) != execution_id(other, another)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_comes_back_as_it_was(text: str) -> None:
    assert text_of(json_text(text).payload) == text
    assert text_of(packed(text * 3000).payload) == text * 3000


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (
            ApplicationError("no", {"error": "E", "cause": "", "status": "FAILED", "failed_at": None}),
            TaskFailed(1, "E", ""),
        ),
        (
            ApplicationError("no", {"error": None, "cause": None, "status": "FAILED", "failed_at": None}),
            TaskFailed(1),
        ),
        (ApplicationError("why", type="GoError"), TaskFailed(1, "GoError", "why")),
        (
            ApplicationError("", {"error": "States.HeartbeatTimeout", "cause": None, "status": "TIMED_OUT"}),
            TaskTimedOut(1, heartbeat=True),
        ),
        (TimeoutError("late", type=TimeoutType.SCHEDULE_TO_CLOSE, last_heartbeat_details=[]), TaskTimedOut(1)),
        (CancelledError("told"), None),
    ],
)
def test_the_outcome_of_a_task(failure: BaseException, outcome: object) -> None:
    assert task_failed(1, failure) == outcome


def test_a_child_that_timed_out() -> None:
    late = TimeoutError("late", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[])
    assert (child_failed(3, late).status, child_failed(3, late).error) == ("TIMED_OUT", "States.Timeout")


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (RPCStatusCode.UNAVAILABLE, "", ProviderUnavailableError),
        (RPCStatusCode.CANCELLED, "Timeout expired", ProviderUnavailableError),
        (RPCStatusCode.RESOURCE_EXHAUSTED, "rate limit", ProviderUnavailableError),
        (RPCStatusCode.RESOURCE_EXHAUSTED, "received message larger than max (5 vs. 4)", InvalidSpecError),
        (RPCStatusCode.INVALID_ARGUMENT, "Blob data size exceeds limit.", InvalidSpecError),
        (RPCStatusCode.PERMISSION_DENIED, "", ProviderError),
        (RPCStatusCode.INTERNAL, "", ProviderError),
    ],
)
def test_what_the_server_says(status: RPCStatusCode, message: str, kind: type[Exception]) -> None:
    assert type(translated(RPCError(message, status, b""))) is kind
