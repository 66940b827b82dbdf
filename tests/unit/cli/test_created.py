"""What ``enginehouse create`` shows of what it made."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from enginehouse.cli.workflows import show_created
from enginehouse.models import CreateWorkflowResult

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:an-order-of-many-things"
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/packing"


def shown(capsys: pytest.CaptureFixture[str], message: str = "", **ids: str) -> list[str]:
    result = CreateWorkflowResult(
        workflow_id="order", provider_type="p", resource_ids=ids, created_at=datetime.now(UTC), message=message
    )
    show_created(result)
    return capsys.readouterr().out.splitlines()


def test_what_is_for_copying_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, arn=MACHINE, queue=QUEUE, id="order") == [
        "✓ order",
        f"  arn    {MACHINE}",
        f"  queue  {QUEUE}",
    ]


def test_a_digest_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = shown(capsys, definition="8e15d40a826265d828b73390a826265d828b7339")
    assert line == "✓ order  definition 8e15d40a826265d828b7339…"


def test_a_stored_definition_is_replaced_by_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    message = "the workflow exists already, and was left as it is; replace it with update_workflow"
    assert shown(capsys, message)[1] == "  the workflow exists already, and was left as it is; replace it with --update"
