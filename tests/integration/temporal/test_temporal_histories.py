"""Histories that executions of ours have left, kept as they were: the host and the core must still agree with them.

A change that fails here would break executions that run while it is rolled out.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from enginehouse.providers.temporal import _mapping as mapping
from enginehouse.providers.temporal.host import Execution
from enginehouse.providers.temporal.live import Live
from enginehouse.providers.temporal.payloads import json_value, text_of
from enginehouse.providers.temporal.replay import Replay

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))
LATER = {"paused": 1, "mapped": 1, "quick": 2, "taken": 3}


def kept(path: Path) -> tuple[WorkflowHistory, list[dict[str, Any]]]:
    found = json.loads(path.read_text())
    started = found["history"]["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], found["history"]), found["events"]


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_the_host_does_again_what_it_did(path: Path) -> None:
    history, _ = await asyncio.to_thread(kept, path)
    # A busy machine takes seconds for a long history; the mode of debugging has no clock that calls that a deadlock.
    replayer = Replayer(workflows=[Execution], workflow_runner=UnsandboxedWorkflowRunner(), debug_mode=True)
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is None


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_client_reads_the_same_events_out_of_it(path: Path) -> None:
    history, events = await asyncio.to_thread(kept, path)
    replay = Replay(DataConverter.default, history.workflow_id)
    for event in history.events:
        await replay.feed(event)
    assert replay.live is not None
    assert [event.to_dict() for event in mapping.events_of(replay.live.events)] == events


def test_histories_are_kept() -> None:
    first = {"ten_tasks", "token", "stopped", "distributed", "failed"}
    assert {path.stem for path in HISTORIES} >= first | set(LATER)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_each_is_of_the_version_that_made_it(path: Path) -> None:
    history, _ = await asyncio.to_thread(kept, path)
    replay = Replay(DataConverter.default, history.workflow_id)
    await replay.feed(history.events[0])
    assert replay.start.version == LATER.get(path.stem, 0)


async def test_a_client_goes_by_the_version_of_each_run() -> None:
    """A worker that was brought up to date between two runs acts by its own version in the second one."""
    history, events = await asyncio.to_thread(kept, Path(__file__).parent / "histories" / "quick.json")
    second = history.events[0]
    first = HistoryEvent()
    first.CopyFrom(second)
    definition, given, _ = second.workflow_execution_started_event_attributes.input.payloads
    known = Replay(DataConverter.default, history.workflow_id)
    await known.feed(second)
    start = msgspec.structs.replace(known.start, version=1)
    first.workflow_execution_started_event_attributes.input.payloads[2].CopyFrom(json_value(start).payload)
    left = Live(
        start,
        definition=text_of(definition),
        input_text=text_of(given),
        execution_id=history.workflow_id,
        workflow_id=history.workflow_id.partition(":")[0],
        started_at=0.0,
    )
    carried = left.carry(left.begin(0.0))
    assert carried is not None
    second.workflow_execution_started_event_attributes.input.payloads.append(carried.payload)
    goes_on = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW)
    replay = Replay(DataConverter.default, history.workflow_id)
    for event in [first, *history.events[1:4], goes_on, second, *history.events[1:]]:
        await replay.feed(event)
    assert replay.live is not None
    assert [event.to_dict() for event in mapping.events_of(replay.live.events)] == events
