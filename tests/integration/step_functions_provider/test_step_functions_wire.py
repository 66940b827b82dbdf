"""What AWS says on the wire, and what a caller is told of it. The server here speaks by script."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from enginehouse import (
    CapabilityError,
    EnginehouseError,
    ExecutionConflictError,
    ExecutionInput,
    ExecutionNotFoundError,
    ExecutionState,
    InvalidSpecError,
    ProviderError,
    ProviderUnavailableError,
    WorkflowBusyError,
    WorkflowNotFoundError,
    WorkflowSpec,
)
from enginehouse.providers.step_functions import StepFunctionsProvider
from enginehouse.providers.step_functions.names import MADE
from tests.integration.step_functions_provider.conftest import ACCOUNT, REGION, ROLE
from tests.integration.step_functions_provider.wire import Answer, Cut, Said, Silent, Wire, fault

ARNS = f"arn:aws:states:{REGION}:{ACCOUNT}"
MACHINE = f"{ARNS}:stateMachine:flow"
EXECUTION = f"{ARNS}:execution:flow:one"
QUICK: dict[str, Any] = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
TASK: dict[str, Any] = {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "task:greet", "End": True}}}


def spec(definition: Any = None, **fields: Any) -> WorkflowSpec:
    return WorkflowSpec(workflow_id="flow", definition=QUICK if definition is None else definition, **fields)


def machine(definition: Any = None, **fields: Any) -> Answer:
    text = json.dumps(QUICK if definition is None else definition)
    described = {
        "stateMachineArn": MACHINE, "name": "flow", "status": "ACTIVE", "definition": text, "roleArn": ROLE,
        "type": "STANDARD", "creationDate": 1700000000.5,
    }  # fmt: skip
    return Answer({**described, **fields})


def execution(**fields: Any) -> Answer:
    described = {
        "executionArn": EXECUTION, "stateMachineArn": MACHINE, "name": "one", "status": "RUNNING",
        "startDate": 1700000000.5, "input": '{"a": 1}', "inputDetails": {"included": True},
    }  # fmt: skip
    return Answer({**described, **fields})


CREATED = Answer({"stateMachineArn": MACHINE, "creationDate": 1700000000.5})
STARTED = Answer({"executionArn": EXECUTION, "startDate": 1700000000.5})


# -- create


async def test_the_definition_is_sent_without_blanks_and_compared_as_json(
    aws: Wire, provider: StepFunctionsProvider
) -> None:
    aws.script("CreateStateMachine", fault("StateMachineAlreadyExists"))
    aws.script("DescribeStateMachine", machine({"States": {"Echo": {"End": True, "Type": "Pass"}}, "StartAt": "Echo"}))
    made = await provider.create_workflow(spec(json.dumps(QUICK, indent=4)))
    assert aws.asked("CreateStateMachine")[0]["definition"] == json.dumps(QUICK, separators=(",", ":"))
    assert made.resource_ids["arn"] == MACHINE
    assert made.message == ""


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (machine({"StartAt": "Other", "States": {"Other": {"Type": "Succeed"}}}), "definition.*update_workflow"),
        (machine(roleArn=f"{ROLE}-2"), "role.*update_workflow"),
        (machine(type="EXPRESS"), "type.*delete it first"),
    ],
)
@pytest.mark.parametrize("first", [fault("StateMachineAlreadyExists"), CREATED])
async def test_what_is_there_and_differs_is_left_alone_and_named(
    aws: Wire, provider: StepFunctionsProvider, first: Answer, there: Answer, words: str
) -> None:
    aws.script("CreateStateMachine", first)
    aws.script("DescribeStateMachine", there)
    made = await provider.create_workflow(spec())
    assert re.search(words, made.message)
    assert not aws.asked("UpdateStateMachine")


async def test_a_machine_that_is_being_deleted_is_waited_for(aws: Wire, provider: StepFunctionsProvider) -> None:
    gone = fault("StateMachineDeleting")
    aws.script("CreateStateMachine", gone, gone, gone, CREATED)
    aws.script("DescribeStateMachine", machine())
    made = await provider.create_workflow(spec())
    assert made.resource_ids["arn"] == MACHINE
    assert len(aws.asked("CreateStateMachine")) == 4


async def test_waiting_for_a_deletion_ends_with_the_deadline(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("CreateStateMachine", fault("StateMachineDeleting"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await provider.create_workflow(spec())


async def test_what_was_made_a_moment_ago_may_not_be_seen_yet(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("CreateStateMachine", CREATED)
    aws.script("DescribeStateMachine", fault("StateMachineDoesNotExist"), machine())
    assert (await provider.create_workflow(spec())).message == ""


async def test_settings_of_aws_go_to_aws(aws: Wire, provider: StepFunctionsProvider) -> None:
    logs = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:x"}}]}
    config: dict[str, Any] = {
        "loggingConfiguration": logs,
        "tracingConfiguration": {"enabled": True},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        "publish": True,
        "versionDescription": "first",
    }
    version = f"{MACHINE}:1"
    aws.script("CreateStateMachine", Answer({**CREATED.body, "stateMachineVersionArn": version}))
    aws.script(
        "DescribeStateMachine",
        machine(**{key: value for key, value in config.items() if key.endswith("Configuration")}),
    )
    made = await provider.create_workflow(spec(tags={"team": "shop"}, provider_config=config))
    sent = aws.asked("CreateStateMachine")[0]
    assert {key: sent[key] for key in config} == config
    assert sent["tags"] == [{"key": "team", "value": "shop"}]
    assert made.resource_ids["version"] == version
    assert made.message == ""


async def test_settings_of_another_shape_are_refused_before_the_wire(
    aws: Wire, provider: StepFunctionsProvider
) -> None:
    config: dict[str, Any] = {"loggingConfiguration": {"level": 3}}
    with pytest.raises(InvalidSpecError, match="level"):
        await provider.create_workflow(spec(provider_config=config))
    assert not aws.calls


async def test_an_id_that_is_no_name_is_kept_in_the_tags(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("CreateStateMachine", CREATED)
    aws.script("DescribeStateMachine", machine())
    await provider.create_workflow(WorkflowSpec(workflow_id="Miete: März 50%", definition=QUICK))
    sent = aws.asked("CreateStateMachine")[0]
    assert sent["name"].startswith("Miete-M-rz-50--")
    assert sent["tags"][0]["key"] == "enginehouse:workflow-id"


async def test_silent_synchronous_runs_keep_nobody_else_waiting(aws: Wire) -> None:
    aws.script("StartSyncExecution", Silent())
    aws.script("DescribeExecution", execution())
    made = StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE)
    made.settings = replace(made.settings, threads=1)
    async with made:
        run = asyncio.create_task(made.run_synchronously("flow", ExecutionInput()))
        await aws.reached("StartSyncExecution")
        run.cancel()
        async with asyncio.timeout(3):
            status = await made.get_execution_status(EXECUTION, history=False)
    assert status.state == ExecutionState.RUNNING


async def test_a_synchronous_run_begins_again_where_it_was_throttled_alone(
    aws: Wire, provider: StepFunctionsProvider
) -> None:
    ended = {**execution(status="SUCCEEDED", stopDate=1700000001, output="1").body, "billingDetails": {}}
    aws.script("StartSyncExecution", fault("ThrottlingException"), Answer(ended))
    assert (await provider.run_synchronously("flow", ExecutionInput())).output == 1
    aws.script("StartSyncExecution", fault("InternalServerError", status=500), Answer(ended))
    with pytest.raises(ProviderUnavailableError):  # it may have begun
        await provider.run_synchronously("flow", ExecutionInput())
    assert len(aws.asked("StartSyncExecution")) == 3


async def test_a_machines_arn_is_no_id_for_a_new_one(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("CreateStateMachine", CREATED)
    aws.script("DescribeStateMachine", machine())
    with pytest.raises(InvalidSpecError, match="is the ARN of a state machine"):
        await provider.create_workflow(WorkflowSpec(workflow_id=MACHINE, definition=QUICK))
    assert not aws.calls


async def test_activities_are_made_first(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("CreateActivity", Answer({"activityArn": "x", "creationDate": 1}))
    aws.script("CreateStateMachine", CREATED)
    aws.script(
        "DescribeStateMachine",
        fault("StateMachineDoesNotExist"),
        lambda _: machine(json.loads(aws.asked("CreateStateMachine")[0]["definition"])),
    )
    made = await provider.create_workflow(spec(TASK))
    assert [name for name, _ in aws.calls[1:3]] == ["CreateActivity", "CreateStateMachine"]
    assert made.resource_ids["activity:greet"] == f"{ARNS}:activity:enginehouse-greet"


async def test_the_first_activity_that_cannot_be_made_ends_the_others(aws: Wire) -> None:
    states: dict[str, Any] = {
        "throttled": {"Type": "Task", "Resource": "task:throttled", "Next": "denied"},
        "denied": {"Type": "Task", "Resource": "task:denied", "End": True},
    }
    aws.script("DescribeStateMachine", fault("StateMachineDoesNotExist"))
    refusals = {"enginehouse-denied": fault("AccessDeniedException", "no")}
    aws.script("CreateActivity", lambda asked: refusals.get(asked["name"], fault("ThrottlingException")))
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, timeout=30.0) as patient:
        before = asyncio.all_tasks()
        with pytest.raises(ProviderError, match="states:CreateActivity"):
            await patient.create_workflow(spec({"StartAt": "throttled", "States": states}))
        assert asyncio.all_tasks() <= before
    assert not aws.asked("CreateStateMachine")


async def test_more_activities_than_aws_makes_at_once_are_made_by_calling_again(
    aws: Wire, provider: StepFunctionsProvider
) -> None:
    names = [f"n{number}" for number in range(150)]
    states: dict[str, Any] = {name: {"Type": "Task", "Resource": f"task:{name}", "Next": "End"} for name in names}
    states["End"] = {"Type": "Succeed"}
    rules = [{"Variable": "$.n", "StringEquals": name, "Next": name} for name in names]
    states["All"] = {"Type": "Choice", "Choices": rules, "Default": "End"}
    many = {"StartAt": "All", "States": states}
    held: list[str] = []
    there: dict[str, str] = {}
    left = 100

    def make(asked: dict[str, Any]) -> Answer:
        nonlocal left
        if left == 0:
            return fault("ThrottlingException")
        left -= 1
        there[asked["name"]] = f"{ARNS}:activity:{asked['name']}"
        return Answer({"activityArn": there[asked["name"]], "creationDate": 1})

    def listed(asked: dict[str, Any]) -> Answer:
        found = [{"activityArn": arn, "name": name, "creationDate": 1} for name, arn in there.items()]
        at = int(asked.get("nextToken", 0))
        more = {"nextToken": str(at + 60)} if len(found) > at + 60 else {}
        return Answer({"activities": found[at : at + 60], **more})

    aws.script("CreateActivity", make)
    aws.script("ListActivities", listed)
    aws.script("CreateStateMachine", lambda asked: held.append(asked["definition"]) or CREATED)
    aws.script(
        "DescribeStateMachine", lambda _: machine(json.loads(held[0])) if held else fault("StateMachineDoesNotExist")
    )
    with pytest.raises(ProviderUnavailableError, match="throttles"):
        await provider.create_workflow(spec(many))
    left = 100
    made = await provider.create_workflow(spec(many))
    assert made.message == ""
    assert set(there.values()) == {made.resource_ids[f"activity:{name}"] for name in names}


async def test_an_update_sets_the_tags(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeStateMachine", machine())
    aws.script("UpdateStateMachine", Answer({"updateDate": 1700000001, "stateMachineVersionArn": f"{MACHINE}:2"}))
    aws.script("TagResource", Answer({}))
    made = await provider.update_workflow(spec(tags={"team": "shop"}, provider_config={"publish": True}))
    assert aws.asked("TagResource")[0]["tags"] == [{"key": "team", "value": "shop"}]
    assert made.resource_ids["version"] == f"{MACHINE}:2"


async def test_an_update_tells_whether_anything_differed(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("UpdateStateMachine", Answer({"updateDate": 1700000001}))
    aws.script("DescribeStateMachine", machine())
    assert (await provider.update_workflow(spec())).message.startswith("nothing differed")
    aws.script("DescribeStateMachine", machine(roleArn=f"{ROLE}-2"), machine())
    assert (await provider.update_workflow(spec())).message == "the workflow was replaced"
    assert len(aws.asked("UpdateStateMachine")) == 2  # what was described may be old


# -- start


async def test_the_account_is_asked_of_sts_once_where_nothing_tells_it(
    aws: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    identity = f"<GetCallerIdentityResult><Account>{ACCOUNT}</Account></GetCallerIdentityResult>"
    aws.script("", Answer(f"<GetCallerIdentityResponse>{identity}</GetCallerIdentityResponse>".encode()))
    aws.script("StartExecution", STARTED)
    async with StepFunctionsProvider(REGION, endpoint=aws.url) as made:
        for _ in range(2):
            await made.start_execution("flow", ExecutionInput())
    assert len(aws.asked("")) == 1
    assert aws.asked("StartExecution")[0]["stateMachineArn"] == MACHINE


async def test_a_start_always_has_a_name_and_is_one_call_but_for_the_first(
    aws: Wire, provider: StepFunctionsProvider
) -> None:
    aws.script("DescribeStateMachine", machine())
    aws.script("StartExecution", STARTED)
    for _ in range(3):
        await provider.start_execution("flow", ExecutionInput(input={"a": 1}))
    assert [name for name, _ in aws.calls] == ["DescribeStateMachine", *["StartExecution"] * 3]
    call = aws.asked("StartExecution")[0]
    assert call["name"]
    assert call["input"] == '{"a":1}'


async def test_what_keeps_no_status_is_not_started(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeStateMachine", machine(type="EXPRESS"))
    aws.script("StartExecution", STARTED)
    for _ in range(2):
        with pytest.raises(CapabilityError, match="run_synchronously"):
            await provider.start_execution("flow", ExecutionInput())
    assert not aws.asked("StartExecution")


async def test_starts_at_once_share_the_question_of_what_is_started(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeStateMachine", Answer(machine().body, after=0.3))
    aws.script("StartExecution", STARTED)
    await asyncio.gather(*(provider.start_execution("flow", ExecutionInput()) for _ in range(20)))
    assert (len(aws.asked("DescribeStateMachine")), len(aws.asked("StartExecution"))) == (1, 20)


async def test_starts_that_share_a_question_without_an_answer_do_not_queue(aws: Wire) -> None:
    aws.script("DescribeStateMachine", Silent())
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, timeout=0.5) as impatient, asyncio.timeout(3):
        starts = [impatient.start_execution("flow", ExecutionInput()) for _ in range(20)]
        found = await asyncio.gather(*starts, return_exceptions=True)
    assert {type(error) for error in found} == {ProviderUnavailableError}


async def test_a_start_that_is_given_up_does_not_take_the_others_along(
    aws: Wire, provider: StepFunctionsProvider
) -> None:
    aws.script("DescribeStateMachine", Silent(), machine())
    aws.script("StartExecution", STARTED)
    first = asyncio.create_task(provider.start_execution("flow", ExecutionInput()))
    async with asyncio.timeout(5):
        await aws.reached("DescribeStateMachine")
        second = asyncio.create_task(provider.start_execution("flow", ExecutionInput()))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).execution_id == EXECUTION


async def test_what_was_not_there_at_first_is_asked_for_again(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeStateMachine", fault("StateMachineDoesNotExist"), machine(type="EXPRESS"))
    aws.script("StartExecution", fault("StateMachineDoesNotExist"))
    for kind in (WorkflowNotFoundError, CapabilityError):
        with pytest.raises(kind):
            await provider.start_execution("flow", ExecutionInput())


async def test_who_may_start_and_not_look_starts(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeStateMachine", fault("AccessDeniedException"))
    aws.script("StartExecution", STARTED)
    for _ in range(2):
        await provider.start_execution("flow", ExecutionInput())
    assert len(aws.asked("DescribeStateMachine")) == 1


async def test_a_start_that_was_cut_off_is_repeated_under_its_name(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("StartExecution", Cut(), STARTED)
    await provider.start_execution("flow", ExecutionInput())
    first, second = aws.asked("StartExecution")
    assert first == second


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "ABORTED"])
async def test_an_execution_that_is_there_is_found_by_its_input(
    aws: Wire, provider: StepFunctionsProvider, status: str
) -> None:
    aws.script("StartExecution", fault("ExecutionAlreadyExists"))
    aws.script("DescribeExecution", execution(status=status))
    found = await provider.start_execution("flow", ExecutionInput(input={"a": 1}, execution_name="one"))
    assert found.execution_id == EXECUTION
    with pytest.raises(ExecutionConflictError):
        await provider.start_execution("flow", ExecutionInput(input={"a": 2}, execution_name="one"))


@pytest.mark.parametrize("input", ["{", "NaN", float("nan"), "\ud800", b"\xff", {"big": "x" * 262_144}, "", {1: 2}])
async def test_bad_input_does_not_reach_the_wire(aws: Wire, provider: StepFunctionsProvider, input: Any) -> None:
    with pytest.raises(InvalidSpecError):
        await provider.start_execution("flow", ExecutionInput(input=input))
    assert not aws.calls


async def test_bytes_are_counted_not_characters(aws: Wire, provider: StepFunctionsProvider) -> None:
    with pytest.raises(InvalidSpecError, match="262,144"):
        await provider.start_execution("flow", ExecutionInput(input={"x": "ü" * 131_069}))
    aws.script("StartExecution", STARTED)
    await provider.start_execution("flow", ExecutionInput(input={"x": "y" * 262_136}))


@pytest.mark.parametrize("code", ["StateMachineDoesNotExist", "InvalidArn", "StateMachineDeleting"])
async def test_what_is_not_there_cannot_be_started(aws: Wire, provider: StepFunctionsProvider, code: str) -> None:
    aws.script("StartExecution", fault(code))
    with pytest.raises(WorkflowNotFoundError):
        await provider.start_execution("flow", ExecutionInput())


@pytest.mark.parametrize("code", ["", "InvalidExecutionInput", "ValidationException", "InvalidName"])
async def test_what_aws_refuses_is_invalid_also_without_a_code(
    aws: Wire, provider: StepFunctionsProvider, code: str
) -> None:
    aws.script("StartExecution", fault(code, "the words of the service"))
    with pytest.raises(InvalidSpecError, match="the words of the service"):
        await provider.start_execution("flow", ExecutionInput())


async def test_a_definition_refused_without_a_code_is_invalid(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("CreateStateMachine", fault("", "Invalid State Machine Definition"))
    with pytest.raises(InvalidSpecError, match="Invalid State Machine Definition"):
        await provider.create_workflow(spec())


# -- status


@pytest.mark.parametrize("sent", [1700000000.5, "2023-11-14T22:13:20.500Z"])
async def test_a_time_is_in_utc_however_it_is_sent(
    sent: float | str, aws: Wire, provider: StepFunctionsProvider
) -> None:
    aws.script("DescribeExecution", execution(startDate=sent))
    told = (await provider.get_execution_status(EXECUTION, history=False)).start_time
    assert told is not None
    assert told.isoformat() == "2023-11-14T22:13:20.500000+00:00"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("RUNNING", ExecutionState.RUNNING),
        ("SUCCEEDED", ExecutionState.SUCCEEDED),
        ("FAILED", ExecutionState.FAILED),
        ("TIMED_OUT", ExecutionState.TIMED_OUT),
        ("ABORTED", ExecutionState.CANCELLED),
        ("PENDING_REDRIVE", ExecutionState.PENDING),
    ],
)
async def test_every_state_is_mapped(
    aws: Wire, provider: StepFunctionsProvider, word: str, state: ExecutionState
) -> None:
    aws.script("DescribeExecution", execution(status=word, output='{"b":2}', error="E", cause="C", stopDate=1700000001))
    status = await provider.get_execution_status(EXECUTION, history=False)
    assert (status.state, status.workflow_id, status.input) == (state, "flow", {"a": 1})
    assert status.output == ({"b": 2} if state == ExecutionState.SUCCEEDED else None)
    assert (status.stop_time is not None) == state.is_terminal
    if state in (ExecutionState.FAILED, ExecutionState.TIMED_OUT):
        assert status.error is not None
        assert (status.error.code, status.error.cause) == ("E", "C")
    else:
        assert status.error is None
    assert status.metadata.get("stop_reason") == ("C" if state == ExecutionState.CANCELLED else None)


def _events(count: int) -> list[dict[str, Any]]:
    entered = {"name": "Echo", "input": "{}", "inputDetails": {"truncated": False}}
    return [
        {
            "id": n, "previousEventId": n - 1, "timestamp": 1700000000 + n / 1000, "type": "PassStateEntered",
            "stateEnteredEventDetails": entered,
        }
        for n in range(1, count + 1)
    ]  # fmt: skip


def _paged(count: int) -> Callable[[Mapping[str, Any]], Said]:
    events = _events(count)

    def page(asked: Mapping[str, Any]) -> Said:
        at, size = int(asked.get("nextToken", 0)), asked["maxResults"]
        more = {"nextToken": str(at + size)} if at + size < count else {}
        return Answer({"events": events[at : at + size], **more})

    return page


async def test_a_history_of_25000_events_is_read_to_its_end(aws: Wire) -> None:
    aws.script("DescribeExecution", execution())
    aws.script("GetExecutionHistory", _paged(25_000))
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, timeout=60.0) as patient:
        history = (await patient.get_execution_status(EXECUTION)).history
    assert [event.id for event in history] == list(range(1, 25_001))
    assert len(aws.asked("GetExecutionHistory")) == 25
    assert history[0].details == {"name": "Echo", "input": "{}", "inputDetails": {"truncated": False}}


async def test_a_watch_outlives_the_token_of_its_page(aws: Wire, provider: StepFunctionsProvider) -> None:
    def event(id: int, type: str) -> dict[str, Any]:
        return {"id": id, "previousEventId": id - 1, "timestamp": 1700000000, "type": type}

    first, last = event(1, "ExecutionStarted"), event(2, "ExecutionSucceeded")
    aws.script("DescribeExecution", execution(status="SUCCEEDED", output="1", stopDate=1700000001))
    aws.script(
        "GetExecutionHistory",
        Answer({"events": [first], "nextToken": "a day old"}),
        fault("InvalidToken", "Invalid Token"),
        Answer({"events": [first, last]}),
    )
    async with asyncio.timeout(5):
        seen = [item.id async for item in provider.watch_execution(EXECUTION)]
    assert seen == [1, 2]


async def test_data_that_was_cut_off_or_withheld_is_said_to_be_so(aws: Wire, provider: StepFunctionsProvider) -> None:
    event = {
        **_events(1)[0],
        "stateEnteredEventDetails": {"name": "E", "input": '{"a', "inputDetails": {"truncated": True}},
    }
    aws.script("DescribeExecution", execution(inputDetails={"included": False}, input='{"a'))
    aws.script("GetExecutionHistory", Answer({"events": [event]}))
    status = await provider.get_execution_status(EXECUTION)
    assert status.metadata["truncated_events"] == [1]
    assert status.metadata["withheld"] == ["input"]
    assert status.input == '{"a'


@pytest.mark.parametrize("id", ["no-arn", "arn:aws:states:x", MACHINE, ""])
async def test_what_is_no_arn_is_not_asked_for(aws: Wire, provider: StepFunctionsProvider, id: str) -> None:
    for call in (provider.get_execution_status(id), provider.stop_execution(id, "x"), provider.redrive_execution(id)):
        with pytest.raises(ExecutionNotFoundError):
            await call
    assert not aws.calls


async def test_workflow_and_name_are_understood_for_an_arn(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeExecution", execution())
    assert (await provider.get_execution_status("flow:one", history=False)).execution_id == EXECUTION
    assert aws.asked("DescribeExecution")[0]["executionArn"] == EXECUTION


@pytest.mark.parametrize("code", ["ExecutionDoesNotExist", "InvalidArn"])
async def test_an_unknown_execution_is_not_found(aws: Wire, provider: StepFunctionsProvider, code: str) -> None:
    aws.script("DescribeExecution", fault(code))
    for call in (provider.get_execution_status(EXECUTION), provider.stop_execution(EXECUTION, "x")):
        with pytest.raises(ExecutionNotFoundError):
            await call


# -- stop and delete


async def test_a_reason_is_cut_at_the_limit_and_said_to_be(
    aws: Wire, provider: StepFunctionsProvider, caplog: pytest.LogCaptureFixture
) -> None:
    aws.script("DescribeExecution", execution())
    aws.script("StopExecution", Answer({"stopDate": 1700000001}))
    with caplog.at_level(logging.INFO, "enginehouse"):
        await provider.stop_execution(EXECUTION, "r" * 40_000)
    cause = aws.asked("StopExecution")[0]["cause"]
    assert len(cause) == 32_768
    assert cause.endswith("[cut at 32,768 characters]")
    assert any("reason_cut" in record.getMessage() for record in caplog.records)


async def test_a_closed_execution_is_left_alone(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeExecution", execution(status="SUCCEEDED", stopDate=1700000001))
    await provider.stop_execution(EXECUTION, "late")
    assert not aws.asked("StopExecution")


async def test_delete_refuses_while_executions_run(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeStateMachine", machine())
    aws.script("ListExecutions", Answer({"executions": [execution().body]}))
    with pytest.raises(WorkflowBusyError):
        await provider.delete_workflow("flow")
    assert not aws.asked("DeleteStateMachine")


@pytest.mark.parametrize("other", [TASK, QUICK])
async def test_activities_go_with_the_last_workflow_that_mentions_them(
    aws: Wire, provider: StepFunctionsProvider, other: Any
) -> None:
    activity = f"{ARNS}:activity:enginehouse-greet"
    held = json.loads(json.dumps(TASK).replace("task:greet", activity))
    kept = json.loads(json.dumps(other).replace("task:greet", activity))
    second = f"{ARNS}:stateMachine:second"
    aws.script("DescribeStateMachine", machine(held), machine(kept, stateMachineArn=second))
    aws.script("ListExecutions", Answer({"executions": []}))
    aws.script("DeleteStateMachine", Answer({}))
    item = {"stateMachineArn": second, "name": "second", "type": "STANDARD", "creationDate": 1}
    aws.script("ListStateMachines", Answer({"stateMachines": [item]}))
    aws.script("ListTagsForResource", Answer({"tags": [MADE]}))
    aws.script("DeleteActivity", Answer({}))
    await provider.delete_workflow("flow")
    assert [call["activityArn"] for call in aws.asked("DeleteActivity")] == ([] if other is TASK else [activity])


@pytest.mark.parametrize("refused", ["DeleteActivity", "ListStateMachines"])
async def test_an_activity_that_was_removed_comes_again_where_its_users_are_not_seen_to_the_end(
    aws: Wire, provider: StepFunctionsProvider, refused: str
) -> None:
    """Two go; somebody makes a machine that uses the first while the second, or the second look, is refused."""
    first, second = (f"{ARNS}:activity:enginehouse-{name}" for name in ("first", "second"))
    last = {"Type": "Task", "Resource": second, "End": True}
    held = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": first, "Next": "B"}, "B": last}}
    other = f"{ARNS}:stateMachine:other"
    item = {"stateMachineArn": other, "name": "other", "type": "STANDARD", "creationDate": 1}
    user = {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": first, "End": True}}}
    denied = fault("AccessDeniedException")
    is_delete = refused == "DeleteActivity"
    aws.script("DescribeStateMachine", machine(held), machine(user, stateMachineArn=other))
    aws.script("ListExecutions", Answer({"executions": []}))
    aws.script("DeleteStateMachine", Answer({}))
    aws.script(
        "ListStateMachines",
        Answer({"stateMachines": []}),
        Answer({"stateMachines": [item]}) if is_delete else denied,
    )
    aws.script("ListTagsForResource", Answer({"tags": [MADE]}))
    aws.script("DeleteActivity", Answer({}), denied if is_delete else Answer({}))
    aws.script("CreateActivity", Answer({"activityArn": "x", "creationDate": 1}))
    await provider.delete_workflow("flow")
    assert len(aws.asked("DeleteActivity")) == 2
    made = {call["name"] for call in aws.asked("CreateActivity")}
    assert made == ({"enginehouse-first"} if is_delete else {"enginehouse-first", "enginehouse-second"})


@pytest.mark.parametrize("answer", [Answer({"tags": []}), fault("ResourceNotFound"), fault("AccessDeniedException")])
async def test_an_activity_that_is_not_known_to_be_ours_stays(
    aws: Wire, provider: StepFunctionsProvider, answer: Answer
) -> None:
    activity = f"{ARNS}:activity:enginehouse-greet"
    aws.script("DescribeStateMachine", machine(json.loads(json.dumps(TASK).replace("task:greet", activity))))
    aws.script("ListExecutions", Answer({"executions": []}))
    aws.script("DeleteStateMachine", Answer({}))
    aws.script("ListStateMachines", Answer({"stateMachines": []}))
    aws.script("ListTagsForResource", answer)
    await provider.delete_workflow("flow")
    assert aws.asked("ListTagsForResource") == [{"resourceArn": activity}]
    assert not aws.asked("DeleteActivity")


# -- what goes wrong on the way


def _calls(provider: StepFunctionsProvider) -> dict[str, Callable[[], Awaitable[object]]]:
    return {
        "CreateStateMachine": lambda: provider.create_workflow(spec()),
        "StartExecution": lambda: provider.start_execution("flow", ExecutionInput()),
        "DescribeExecution": lambda: provider.get_execution_status(EXECUTION, history=False),
        "DescribeStateMachine": lambda: provider.delete_workflow("flow"),
    }


@pytest.mark.parametrize(
    "operation", ["CreateStateMachine", "StartExecution", "DescribeExecution", "DescribeStateMachine"]
)
@pytest.mark.parametrize(
    "answer",
    [fault("ThrottlingException"), fault("InternalServerError", status=500), Answer(b"<html>", status=503), Cut()],
    ids=["throttled", "500", "503-html", "cut"],
)
async def test_what_may_pass_is_tried_again_for_a_while(
    aws: Wire, provider: StepFunctionsProvider, operation: str, answer: Said
) -> None:
    aws.script(operation, answer)
    with pytest.raises(ProviderUnavailableError):
        await _calls(provider)[operation]()
    assert len(aws.asked(operation)) > 1


@pytest.mark.parametrize("code", ["ThrottlingException", "ExecutionLimitExceeded", "KmsThrottlingException"])
async def test_a_throttled_call_succeeds_once_it_is_let_in(
    aws: Wire, provider: StepFunctionsProvider, code: str
) -> None:
    aws.script("StartExecution", fault(code), fault(code), STARTED)
    assert (await provider.start_execution("flow", ExecutionInput())).execution_id == EXECUTION


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (fault("AccessDeniedException", "User: x is not authorized to perform: states:StartExecution on y"), "states:StartExecution"),
        (fault("AccessDeniedException", "no"), "states:StartExecution"),
        (fault("AccessDeniedException", "not authorized to perform: iam:PassRole on resource: r"), "iam:PassRole"),
        (fault("ExpiredTokenException", "The security token included in the request is expired"), "expired"),
        (fault("UnrecognizedClientException", "The security token is invalid"), "does not know these credentials"),
        (fault("SomethingNew", "unheard of"), "unheard of"),
        (Answer(b"not json at all"), "no answer of Step Functions"),
    ],
)  # fmt: skip
async def test_what_will_not_pass_is_told_at_once(
    aws: Wire, provider: StepFunctionsProvider, answer: Answer, words: str
) -> None:
    aws.script("StartExecution", answer)
    with pytest.raises(EnginehouseError, match=words) as raised:
        await provider.start_execution("flow", ExecutionInput())
    assert type(raised.value) is ProviderError
    assert len(aws.asked("StartExecution")) == 1


@pytest.mark.parametrize("body", [[1, 2], "hello", 5, {}, {"unheard": "of"}])
async def test_json_that_is_no_answer_is_told_of(aws: Wire, provider: StepFunctionsProvider, body: Any) -> None:
    for operation in ("DescribeStateMachine", "DescribeExecution", "StartSyncExecution"):
        aws.script(operation, Answer(body if isinstance(body, dict) else json.dumps(body).encode()))
    for call in (
        provider.get_definition("flow"),
        provider.get_execution_status(EXECUTION),
        provider.run_synchronously("flow", ExecutionInput()),
    ):
        with pytest.raises(ProviderError, match="no answer of Step Functions"):
            await call


@pytest.mark.parametrize("body", [b"<html>sign in to the network</html>", b"[]", b"null"])
async def test_success_without_json_is_none(aws: Wire, provider: StepFunctionsProvider, body: bytes) -> None:
    """AWS answers these without members, which boto3 sees in any text at all."""
    for operation in ("SendTaskSuccess", "StopExecution"):
        aws.script(operation, Answer(body))
    aws.script("DescribeExecution", execution())
    for call in (provider.send_task_success("t", 1), provider.stop_execution(EXECUTION, "")):
        with pytest.raises(ProviderError, match="no answer of Step Functions"):
            await call


async def test_that_botocore_did_not_try_again_is_not_said(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeExecution", fault("ThrottlingException", "Rate exceeded"))
    with pytest.raises(ProviderUnavailableError, match="Rate exceeded") as raised:
        await provider.get_execution_status(EXECUTION)
    assert "max retries" not in str(raised.value)


@pytest.mark.parametrize("type", ["InvalidDefinition", "ValidationException", ""])
async def test_awss_sentence_is_told_once(aws: Wire, provider: StepFunctionsProvider, type: str) -> None:
    aws.script("CreateStateMachine", fault(type, "the words\nof the service"))
    with pytest.raises(InvalidSpecError) as raised:
        await provider.create_workflow(spec())
    assert str(raised.value).count("the words of the service") == 1


async def test_the_arn_of_nothing_that_can_be_is_not_found(aws: Wire, provider: StepFunctionsProvider) -> None:
    """AWS calls an ARN above 256 characters invalid, rather than unknown."""
    long = "x" * 250
    with pytest.raises(ExecutionNotFoundError):
        await provider.get_execution_status(f"{ARNS}:execution:flow:{long}")
    with pytest.raises(ExecutionNotFoundError):
        await provider.stop_execution(f"{ARNS}:execution:flow:{long}", "")
    aws.script("DescribeStateMachine", fault("StateMachineDoesNotExist"))
    aws.script("StartExecution", fault("StateMachineDoesNotExist"))
    with pytest.raises(WorkflowNotFoundError):
        await provider.start_execution(f"{ARNS}:stateMachine:{long}", ExecutionInput())
    assert all(len(call["stateMachineArn"]) <= 256 for _, call in aws.calls)


async def test_a_server_that_is_not_there_is_told_of_within_its_budget(provider: StepFunctionsProvider) -> None:
    async with StepFunctionsProvider(REGION, endpoint="http://127.0.0.1:1", role=ROLE, timeout=1.0) as lost:
        with pytest.raises(ProviderUnavailableError, match="cannot be reached"):
            await lost.start_execution("flow", ExecutionInput())


async def test_a_slow_answer_is_an_answer(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("StartExecution", Answer(STARTED.body, after=0.5))
    await provider.start_execution("flow", ExecutionInput())


async def test_silence_ends_with_the_budget(aws: Wire) -> None:
    aws.script("StartExecution", Silent())
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, timeout=0.3) as impatient:
        with pytest.raises(ProviderUnavailableError, match=r"has not answered within 0\.3 s"):
            await impatient.start_execution("flow", ExecutionInput())


async def test_silence_ends_with_the_callers_deadline_and_keeps_nobody_else_waiting(
    aws: Wire, provider: StepFunctionsProvider
) -> None:
    aws.script("DescribeExecution", Silent())
    aws.script("StartExecution", STARTED)
    silent = [asyncio.create_task(provider.get_execution_status(EXECUTION)) for _ in range(40)]
    await aws.reached("DescribeExecution", 40)
    async with asyncio.timeout(1):
        await provider.start_execution("flow", ExecutionInput())  # while all forty wait
        for task in silent:
            task.cancel()
        done, _ = await asyncio.wait(silent)
        assert all(task.cancelled() for task in done)
        await provider.start_execution("flow", ExecutionInput())  # and while their threads still do
        await asyncio.to_thread(lambda: None)  # nobody holds the loop's own threads
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await provider.get_execution_status(EXECUTION)


# -- tokens, redrive, Map runs


@pytest.mark.parametrize("code", ["TaskDoesNotExist", "TaskTimedOut", "InvalidToken"])
async def test_a_token_that_nothing_waits_for(aws: Wire, provider: StepFunctionsProvider, code: str) -> None:
    for operation in ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"):
        aws.script(operation, fault(code))
    for call in (
        provider.send_task_success("t", {}),
        provider.send_task_failure("t", "E", "c"),
        provider.send_task_heartbeat("t"),
    ):
        with pytest.raises(ExecutionNotFoundError):
            await call


async def test_what_aws_does_not_redrive(aws: Wire, provider: StepFunctionsProvider) -> None:
    aws.script("DescribeExecution", execution(status="FAILED", stopDate=1700000001))
    aws.script("RedriveExecution", fault("ExecutionNotRedrivable", "too old"))
    with pytest.raises(ProviderError, match="too old"):
        await provider.redrive_execution(EXECUTION)


async def test_map_runs_are_told_with_the_place_of_their_map(aws: Wire, provider: StepFunctionsProvider) -> None:
    run = f"{ARNS}:mapRun:flow/Each:run-1"
    inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    each = {"Type": "Map", "ItemProcessor": {**inner, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}, "End": True}
    counts = {"pending": 1, "running": 2, "succeeded": 3, "failed": 4, "timedOut": 5, "aborted": 6, "total": 21}
    aws.script("DescribeExecution", execution())
    aws.script(
        "ListMapRuns",
        Answer(
            {"mapRuns": [{"executionArn": EXECUTION, "mapRunArn": run, "stateMachineArn": MACHINE, "startDate": 1}]}
        ),
    )
    aws.script("DescribeStateMachineForExecution", machine({"StartAt": "Each one", "States": {"Each one": each}}))
    aws.script("DescribeMapRun", Answer({"mapRunArn": run, "executionCounts": counts}))
    events = [
        {"id": 1, "previousEventId": 0, "timestamp": 1, "type": "MapStateEntered", "stateEnteredEventDetails": {"name": "Each one"}},
        {"id": 2, "previousEventId": 1, "timestamp": 1, "type": "MapStateStarted"},
        {"id": 3, "previousEventId": 2, "timestamp": 1, "type": "MapRunStarted", "mapRunStartedEventDetails": {"mapRunArn": run}},
    ]  # fmt: skip
    aws.script("GetExecutionHistory", Answer({"events": events}))
    (found,) = await provider.list_map_runs(EXECUTION)
    assert (found.map_run_id, found.path) == (run, "/States/Each one")
    assert (found.running, found.succeeded, found.failed, found.cancelled, found.total) == (3, 3, 9, 6, 21)


# -- what is wrong before anything is asked


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"role": ""}, "NO_ROLE"),
        ({"role": "machines"}, "INVALID_ROLE"),
        ({"role": "arn:aws:iam::999999999999:role/other", "account": ACCOUNT}, "INVALID_ROLE"),
        ({"role": f"arn:aws-cn:iam::{ACCOUNT}:role/other"}, "INVALID_ROLE"),
        ({"region": "moon"}, "INVALID_REGION"),
        ({"region": "eu-cental-1"}, "INVALID_REGION"),
    ],
)
async def test_mistakes_of_place_are_found_before_the_wire(aws: Wire, options: Any, code: str) -> None:
    given = {"region": REGION, "role": ROLE, "account": ACCOUNT, **options}
    async with StepFunctionsProvider(endpoint=aws.url, **given) as made:
        with pytest.raises(InvalidSpecError) as raised:
            await made.validate(spec())
    assert code in [item.code for item in raised.value.diagnostics]
    assert not aws.calls


@pytest.mark.parametrize(("role", "code"), [("", "NO_ROLE"), ("machines", "INVALID_ROLE")])
async def test_a_role_is_looked_at_before_the_account_is_asked_for(
    aws: Wire, monkeypatch: pytest.MonkeyPatch, role: str, code: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    aws.script("", fault("AccessDenied"))
    lost = {"StartAt": "Nowhere", "States": {"Echo": {"Type": "Pass", "End": True}}}
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=role) as made:
        for call in (made.validate, made.create_workflow, made.update_workflow):
            with pytest.raises(InvalidSpecError) as raised:
                await call(spec(lost))
            codes = [item.code for item in raised.value.diagnostics]
            assert code in codes
            assert len(codes) > 1  # and all else that is wrong
    assert not aws.calls


async def test_without_a_region_the_caller_is_told_what_to_set(aws: Wire) -> None:
    with pytest.raises(ProviderError, match="AWS_REGION"):
        async with StepFunctionsProvider(role=ROLE):
            pass


async def test_a_region_that_boto3_refuses_is_named(aws: Wire) -> None:
    with pytest.raises(ProviderError, match=r"'eu west 1'.*") as raised:
        async with StepFunctionsProvider("eu west 1", role=ROLE):
            pass
    assert "no region of AWS" in str(raised.value)


async def test_the_regions_variables_are_read_as_by_awss_other_tools(
    aws: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.script("StartExecution", STARTED)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    for region in ("eu-west-3", "eu-west-2"):
        async with StepFunctionsProvider(role=ROLE, endpoint=aws.url) as made:
            await made.start_execution("flow", ExecutionInput())
        monkeypatch.setenv("AWS_REGION", "eu-west-2")
        assert f":states:{region}:" in aws.asked("StartExecution")[-1]["stateMachineArn"]


async def test_without_credentials_the_caller_is_told_what_to_set(aws: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE) as made:
        with pytest.raises(ProviderError, match="AWS_PROFILE"):
            await made.start_execution("flow", ExecutionInput())


async def test_aws_is_asked_for_faults_where_that_is_wanted(aws: Wire) -> None:
    found = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": "no", "location": "/States/Echo"}
    aws.script("ValidateStateMachineDefinition", Answer({"result": "FAIL", "diagnostics": [found]}))
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, remote_validation=True) as made:
        with pytest.raises(InvalidSpecError) as raised:
            await made.validate(spec())
    assert raised.value.diagnostics[0].path == "/States/Echo"
