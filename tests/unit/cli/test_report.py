"""What is shown when a run is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from enginehouse.cli.report import show_report
from enginehouse.graph.model import build
from enginehouse.models import ExecutionState, ExecutionStatus

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_workflow_in_no_language_of_ours_has_an_outcome_and_no_empty_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = ExecutionStatus(
        execution_id="greet:one",
        workflow_id="greet",
        provider_type="steps",
        state=ExecutionState.SUCCEEDED,
        start_time=BEGAN,
        stop_time=BEGAN + timedelta(seconds=1),
    )
    show_report(found, build({"steps": []}), {})
    assert capsys.readouterr().err.strip() == "✓ succeeded after 1.0 s  greet:one"
