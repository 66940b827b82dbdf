"""Options that cannot be meant are refused when the provider is made."""

from __future__ import annotations

from typing import Any

import pytest

from enginehouse import InvalidSpecError
from enginehouse.providers.step_functions import StepFunctionsProvider


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "127.0.0.1:8083"),
        ("queue_endpoint", "localhost"),
        ("concurrency", 0),
        ("pollers", 0),
        ("timeout", 0.0),
        ("timeout", float("nan")),
        ("beat", -1.0),
    ],
)
def test_an_option_that_cannot_be_meant_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidSpecError, match=f"/{name}: ") as raised:
        StepFunctionsProvider("eu-central-1", **{name: value})
    assert [item.code for item in raised.value.diagnostics] == ["INVALID_OPTION"]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidSpecError) as raised:
        StepFunctionsProvider(endpoint="x", concurrency=0, pollers=-1)
    assert len(raised.value.diagnostics) == 3
