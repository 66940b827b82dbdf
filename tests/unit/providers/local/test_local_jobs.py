"""A job that AWS took is remembered with what AWS answered, in the journal and in snapshots; ours tell of themselves."""

from __future__ import annotations

import time
from typing import Any

import pytest

from enginehouse import asl
from enginehouse.asl.commands import ScheduleTask
from enginehouse.asl.notifications import TaskSubmitted, TaskSucceeded
from enginehouse.providers.local.live import Live
from enginehouse.providers.local.queries import Saved
from enginehouse.providers.local.store import NewExecution
from enginehouse.tasks.answers import answered_here

AWS = {"ExecutionArn": "arn:aws:x", "SdkHttpMetadata": {}, "SdkResponseMetadata": {"RequestId": "from AWS"}}


def begun() -> tuple[Live, ScheduleTask]:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": {"StateMachineArn": "m"},
        "End": True,
    }
    program = asl.compile({"StartAt": "T", "States": {"T": state}})
    row: Any = NewExecution(
        id="w:n",
        workflow="w",
        name="n",
        digest="d",
        pointer="",
        parent=None,
        child=None,
        link=None,
        state="running",
        input="{}",
        request="{}",
        seed="seed",
        started_at=time.time(),
    )
    context = asl.ExecutionContext(
        execution_id="w:n",
        execution_name="n",
        start_time=row.started_at,
        role_arn="",
        state_machine_id="w",
        state_machine_name="w",
        region="local",
    )
    live = Live(row, program, context)
    turn = program.start({}, context, row.started_at, "seed", text="{}")
    live.state = turn.state
    live.open(turn.commands)
    (command,) = [item for item in turn.commands if isinstance(item, ScheduleTask)]
    return live, command


def told(live: Live, notification: TaskSubmitted) -> None:
    assert live.state is not None
    live.state = live.program.resume(live.state, notification, time.time()).state
    live.close(notification)


def rebuilt(live: Live) -> Live:
    again = Live(live.row, live.program, live.context)
    assert again.rebuild(Saved(live.row, live.snapshot(), 1, ()))  # type: ignore[arg-type]
    return again


def test_a_job_of_aws_is_work_of_this_engine_until_it_ends() -> None:
    live, command = begun()
    told(live, TaskSubmitted(command.task, AWS))
    for one in (live, rebuilt(live)):
        assert (one.jobs, one.submitted, one.flying) == ({command.task: AWS}, set(), 1)
        one.close(TaskSucceeded(command.task, {}))
        assert (one.jobs, one.flying) == ({}, 0)


@pytest.mark.parametrize("answer", [None, {"ExecutionArn": "x"}])
def test_an_execution_of_the_engine_tells_of_itself(answer: Any) -> None:
    live, command = begun()
    told(live, TaskSubmitted(command.task, answered_here({}, command.token) if answer is None else answer))
    for one in (live, rebuilt(live)):
        assert (one.jobs, one.submitted, one.flying) == ({}, {command.task}, 0)
