"""The Task state: what the host is asked for, and what each answer does."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from enginehouse import asl
from enginehouse.asl.commands import CancelTask, CancelTimer, Finish, ScheduleTask, StartTimer
from enginehouse.asl.notifications import (
    Stop,
    TaskAnswered,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TaskTimedOut,
    TimerFired,
)
from enginehouse.asl.states.task import parse_resource
from tests.bare_host import START, drive
from tests.unit.asl.machines import JSONATA, answers, compiled, machine, task, types
from tests.unit.asl.test_distributed import context


def scheduled(turn: Any) -> ScheduleTask:
    (command,) = [item for item in turn.commands if isinstance(item, ScheduleTask)]
    return command


@pytest.mark.parametrize(
    ("text", "kind", "pattern", "service", "action"),
    [
        ("task:provision", "task", "", "task", "provision"),
        ("task:ask.waitForTaskToken", "task", "waitForTaskToken", "task", "ask.waitForTaskToken"),
        ("arn:aws:lambda:us-east-1:123456789012:function:f:1", "lambda", "", "", ""),
        ("arn:aws:states:us-east-1:123456789012:activity:a", "activity", "", "", ""),
        ("arn:aws:states:::lambda:invoke", "task", "", "lambda", "invoke"),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "task",
            "waitForTaskToken",
            "sqs",
            "sendMessage.waitForTaskToken",
        ),
        ("arn:aws:states:::states:startExecution.sync:2", "task", "sync:2", "states", "startExecution.sync:2"),
        ("arn:aws:states:::aws-sdk:dynamodb:putItem", "task", "", "aws-sdk:dynamodb", "putItem"),
        ("arn:aws-cn:states:::ecs:runTask.sync", "task", "sync", "ecs", "runTask.sync"),
    ],
)
def test_resources(text: str, kind: str, pattern: str, service: str, action: str) -> None:
    resource = parse_resource(text)
    assert (resource.kind, resource.pattern, resource.service, resource.action) == (kind, pattern, service, action)


def test_a_command_says_all_that_a_host_needs() -> None:
    state = task(
        TimeoutSeconds=60,
        HeartbeatSeconds=20,
        Parameters={"x.$": "$.a"},
        Credentials={"RoleArn": "arn:aws:iam::1:role/r"},
    )
    command = scheduled(compiled(A=state).start({"a": 1}, context(), START, "seed"))
    assert (command.resource, command.arguments, command.state) == ("task:work", {"x": 1}, "A")
    assert (command.timeout, command.heartbeat, command.deadline) == (60, 20, START + 60)
    assert command.credentials == {"RoleArn": "arn:aws:iam::1:role/r"}
    assert command.token.endswith(".e")


def test_tokens_cannot_be_told_from_one_another_without_the_seed() -> None:
    program = compiled(A=task())
    first, second = (scheduled(program.start({}, context(), START, seed)).token for seed in ("one", "two"))
    assert first != second
    assert first == scheduled(program.start({}, context(), START, "one")).token


def test_a_callback_is_submitted_then_waits_for_its_token() -> None:
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    state = {
        "Type": "Task",
        "Resource": resource,
        "Parameters": {"QueueUrl": "q", "MessageBody": {"t.$": "$$.Task.Token"}},
    }
    program = compiled(A=state)
    turn = program.start({}, context(), START, "seed")
    command = scheduled(turn)
    assert command.arguments["MessageBody"]["t"] == command.token
    turn = program.resume(turn.state, TaskSubmitted(command.task, {"MessageId": "m"}), START)
    assert ([event.type for event in turn.events], turn.state.status) == (["TaskSubmitted"], "RUNNING")
    turn = program.resume(turn.state, TaskSucceeded(command.task, {"approved": True}), START)
    assert turn.state.output == {"approved": True}


@pytest.mark.parametrize("failed", [False, True])
def test_an_answer_that_is_quicker_than_the_service_waits_for_it(failed: bool) -> None:
    program = compiled(A={"Type": "Task", "Resource": "task:ask.waitForTaskToken"})
    turn = program.start({}, context(), START, "seed")
    number = scheduled(turn).task
    first = TaskFailed(number, "No", "never") if failed else TaskSucceeded(number, "first")
    for outcome in (first, TaskSucceeded(number, "second")):
        turn = program.resume(turn.state, TaskAnswered(number, outcome), START)
        assert (turn.events, turn.commands, turn.state.status) == ([], [], "RUNNING")
    turn = program.resume(program.load(program.dump(turn.state)), TaskSubmitted(number, {}), START)
    assert [event.type for event in turn.events][:2] == ["TaskSubmitted", "TaskFailed" if failed else "TaskSucceeded"]
    assert CancelTask(number) in turn.commands
    assert (turn.state.error, turn.state.output) == (("No", None) if failed else (None, "first"))


def test_an_answer_does_not_stay_in_the_state_when_it_is_taken() -> None:
    program = compiled(
        A={"Type": "Task", "Resource": "task:ask.waitForTaskToken", "ResultPath": None, "Next": "B"},
        B={"Type": "Wait", "Seconds": 60},
    )
    turn = program.start({}, context(), START, "seed")
    number = scheduled(turn).task
    turn = program.resume(turn.state, TaskAnswered(number, TaskSucceeded(number, "as large as can be")), START)
    assert b"as large as can be" in program.dump(turn.state)
    turn = program.resume(turn.state, TaskSubmitted(number, {}), START)
    assert b"as large as can be" not in program.dump(turn.state)


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("refusal", [TaskFailed(0, "Refused"), TaskTimedOut(0), TaskTimedOut(0, heartbeat=True)])
def test_an_answer_counts_whatever_the_service_says_of_the_request(
    refusal: TaskFailed | TaskTimedOut, failed: bool
) -> None:
    retry = {"ErrorEquals": ["Refused", "States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1}
    program = compiled(A={"Type": "Task", "Resource": "task:ask.waitForTaskToken", "Retry": [retry]})
    turn = program.start({}, context(), START, "seed")
    number = scheduled(turn).task
    outcome = TaskFailed(number, "No", "never") if failed else TaskSucceeded(number, "of the first try")
    turn = program.resume(turn.state, TaskAnswered(number, outcome), START)
    turn = program.resume(turn.state, msgspec.structs.replace(refusal, task=number), START)
    assert turn.events[0].type == ("TaskFailed" if failed else "TaskSucceeded")
    assert (turn.state.error, turn.state.output) == (("No", None) if failed else (None, "of the first try"))


def test_an_answer_after_the_service_s_own_is_taken_at_once() -> None:
    program = compiled(A={"Type": "Task", "Resource": "task:ask.waitForTaskToken"})
    turn = program.start({}, context(), START, "seed")
    number = scheduled(turn).task
    turn = program.resume(turn.state, TaskSubmitted(number, {}), START)
    turn = program.resume(turn.state, TaskAnswered(number, TaskSucceeded(number, 1)), START)
    assert (turn.state.output, CancelTask(number) in turn.commands) == (1, False)


@pytest.mark.parametrize("pattern", ["sync", "sync:2", "waitForTaskToken"])
def test_a_request_that_is_not_taken_fails_to_be_submitted(pattern: str) -> None:
    resource = f"arn:aws:states:::states:startExecution.{pattern}"
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}
    state = {"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": "m"}, "Retry": [retry]}
    program = compiled(A=state)
    turn = program.start({}, context(), START, "seed")
    command = scheduled(turn)
    turn = program.resume(turn.state, TaskFailed(command.task, "States.Gone", "no such machine"), START)
    assert (turn.events[0].type, turn.events[0].details["error"]) == ("TaskSubmitFailed", "States.Gone")
    (timer,) = [item for item in turn.commands if isinstance(item, StartTimer)]
    turn = program.resume(turn.state, TimerFired(timer.timer), timer.at)
    command = scheduled(turn)
    turn = program.resume(turn.state, TaskSubmitted(command.task, {}), timer.at)
    turn = program.resume(program.load(program.dump(turn.state)), TaskFailed(command.task, "Job.Failed"), timer.at)
    assert turn.events[0].type == "TaskFailed"


def test_a_portable_task_may_wait_for_its_token_too() -> None:
    program = compiled(A={"Type": "Task", "Resource": "task:ask.waitForTaskToken"})
    turn = program.start({"who": "eve"}, context(), START, "seed")
    command = scheduled(turn)
    assert (command.resource, command.pattern, command.arguments) == ("task:ask", "waitForTaskToken", {"who": "eve"})
    turn = program.resume(turn.state, TaskSubmitted(command.task, None), START)
    assert turn.state.status == "RUNNING"
    turn = program.resume(turn.state, TaskSucceeded(command.task, "yes"), START)
    assert turn.state.output == "yes"


def test_an_activity_is_scheduled_started_and_done() -> None:
    program = compiled(
        A={"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "HeartbeatSeconds": 9}
    )
    turn = program.start({"n": 1}, context(), START, "seed")
    events = list(turn.events)
    number = scheduled(turn).task
    for told in (TaskStarted(number, "worker-1"), TaskFailed(number, "Boom", "why")):
        turn = program.resume(turn.state, told, START)
        events += turn.events
    assert [event.type for event in events[2:]] == [
        "ActivityScheduled",
        "ActivityStarted",
        "ActivityFailed",
        "ExecutionFailed",
    ]
    assert events[2].details["heartbeatInSeconds"] == 9
    assert events[3].details == {"workerName": "worker-1"}


def test_the_second_outcome_of_a_task_is_ignored() -> None:
    program = compiled(A=task("a"), B=task("b"))
    turn = program.start({}, context(), START, "seed")
    number = scheduled(turn).task
    turn = program.resume(turn.state, TaskSucceeded(number, 1), START)
    again = program.resume(turn.state, TaskFailed(number, "Late"), START)
    assert (again.events, again.commands, again.state.status) == ([], [], "RUNNING")


def test_a_timer_does_not_answer_for_a_task_nor_a_task_for_a_timer() -> None:
    program = compiled(A=task())
    turn = program.start({}, context(), START, "seed")
    assert program.resume(turn.state, TimerFired(scheduled(turn).task), START).events == []
    waiting = compiled(W={"Type": "Wait", "Seconds": 5})
    turn = waiting.start({}, context(), START, "seed")
    (timer,) = turn.commands
    assert isinstance(timer, StartTimer)
    assert waiting.resume(turn.state, TaskSucceeded(timer.timer, 1), START).events == []


def test_stop_cancels_the_task_and_keeps_the_reason() -> None:
    program = compiled(A=task())
    turn = program.start({}, context(), START, "seed")
    number = scheduled(turn).task
    turn = program.resume(turn.state, Stop("Manual", "because"), START)
    assert turn.commands == [CancelTask(number), Finish("ABORTED", error="Manual", cause="because")]
    assert (turn.state.status, turn.state.cause) == ("ABORTED", "because")
    assert turn.events[-1].details == {"error": "Manual", "cause": "because"}


def test_the_execution_timeout_ends_everything() -> None:
    program = asl.compile({**machine(A=task(), B=task()), "TimeoutSeconds": 30})
    run = drive(program, {}, lambda c: [(20, TaskSucceeded(c.task, 1))])
    assert (run.state.status, run.state.error, run.now) == ("TIMED_OUT", "States.Timeout", START + 30)
    assert types(run)[-1] == "ExecutionTimedOut"


def test_an_execution_that_ends_in_time_cancels_its_deadline() -> None:
    run = drive(asl.compile(machine(A=task()), timeout=30), {}, answers(1, after=1))
    assert [item for item in run.commands if isinstance(item, CancelTimer)]
    assert run.now == START + 1


def test_a_result_above_the_limit_fails_the_task() -> None:
    run = drive(compiled(A=task()), {}, answers("x" * 262_145))
    assert (run.state.error, types(run)[-2]) == ("States.DataLimitExceeded", "TaskFailed")
    assert drive(compiled(A=task()), {}, answers("x" * 262_142)).state.status == "SUCCEEDED"


def test_the_limit_counts_bytes_not_characters() -> None:
    assert drive(compiled(A=task()), {}, answers("é" * 131_073)).state.error == "States.DataLimitExceeded"


def test_an_input_above_the_limit_fails_at_once() -> None:
    run = drive(compiled(A=task()), "x" * 262_145)
    assert (run.state.status, run.state.error) == ("FAILED", "States.DataLimitExceeded")


def test_an_endless_loop_meets_the_limit_of_the_history() -> None:
    run = drive(compiled(A={"Type": "Pass", "Next": "B"}, B={"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "E"}], "Default": "A"}, E={"Type": "Succeed"}), {})  # fmt: skip
    assert (run.state.status, run.state.error) == ("FAILED", "States.Runtime")
    assert "maximum number of history events (25000)" in str(run.state.cause)
    assert 24_999 <= len(run.events) <= 25_000


def test_a_long_chain_has_room_in_an_express_history() -> None:
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(20_000)}
    definition = {"StartAt": "S0", "States": {**states, "S20000": {"Type": "Succeed"}}}
    run = drive(asl.compile(definition, type="EXPRESS"), {"n": 1})
    assert (run.state.status, len(run.events)) == ("SUCCEEDED", 40_004)


def test_task_results_flow_through_both_languages() -> None:
    program = compiled(
        A=task(ResultSelector={"v.$": "$.value"}, ResultPath="$.a", Assign={"kept.$": "$.v"}),
        B=task(Arguments={"from": "{% $states.input.a.v %}"}, Output="{% [$states.result, $kept] %}", **JSONATA),
    )
    run = drive(
        program, {"in": 1}, lambda c: [(0, TaskSucceeded(c.task, {"value": 5} if c.state == "A" else c.arguments))]
    )
    assert run.state.output == [{"from": 5}, 5]


def test_the_token_is_known_in_task_states_alone() -> None:
    program = compiled(A=task(), B={"Type": "Pass", "Output": "{% $exists($states.context.Task) %}", **JSONATA})
    assert drive(program, {}, answers(1)).state.output is False


def test_numbers_beyond_64_bits_survive_a_snapshot() -> None:
    huge = 2**100
    run = drive(compiled(A=task(), B={"Type": "Wait", "Seconds": 1}), {}, answers({"n": huge}), forget=True)
    assert run.state.output == {"n": huge}


def test_a_fail_state_whose_error_is_no_text_says_so() -> None:
    run = drive(compiled(F={"Type": "Fail", "ErrorPath": "$.e"}), {"e": 5})
    assert run.state.error == "States.Runtime"
    assert "must be text, but one was: 5" in run.state.cause


def test_a_stage_that_a_task_does_not_go_through_is_ignored() -> None:
    program = compiled(A=task())
    turn = program.start({}, context(), START, "seed")
    number = scheduled(turn).task
    for told in (TaskStarted(number, "w"), TaskSubmitted(number, {})):
        assert program.resume(turn.state, told, START).events == []
    assert program.resume(turn.state, TaskSucceeded(number, 1), START).state.status == "SUCCEEDED"


def test_a_submission_above_the_limit_fails_the_state_and_lets_go_of_the_task() -> None:
    program = compiled(A={"Type": "Task", "Resource": "task:ask.waitForTaskToken"})
    turn = program.start({}, context(), START, "seed")
    number = scheduled(turn).task
    turn = program.resume(turn.state, TaskSubmitted(number, "x" * 262_145), START)
    assert (turn.state.error, turn.commands[0]) == ("States.DataLimitExceeded", CancelTask(number))


def test_an_execution_whose_input_was_too_large_is_not_redriven() -> None:
    run = drive(compiled(A=task()), "x" * 262_145)
    assert compiled(A=task()).resume(run.state, asl.Redrive(), START).events == []


@pytest.mark.parametrize("given", [0, -1, 1.5, "5", None, 100_000_000, 1e300, 10**400])
def test_a_timeout_that_is_no_such_number_of_seconds_fails_the_state(given: Any) -> None:
    run = drive(compiled(A=task(TimeoutSecondsPath="$.t")), {"t": given})
    assert run.state.error == "States.Runtime"
    assert "TimeoutSecondsPath" in run.state.cause


@pytest.mark.parametrize("given", [5, None, "text", [1]])
def test_credentials_that_are_no_object_fail_the_state(given: Any) -> None:
    run = drive(compiled(A=task(**JSONATA, Credentials="{% $states.input.c %}")), {"c": given})
    assert run.state.error == "States.QueryEvaluationError"
    assert "Credentials" in run.state.cause
