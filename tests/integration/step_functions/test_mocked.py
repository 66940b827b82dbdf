"""The mock behind the API: virtual time, and answers from a mock configuration of Step Functions Local."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.step_functions.calls import (
    ended,
    fails_without_its_activity,
    made,
    no_longer_deleting,
    refused,
    run,
    shows_its_limits,
    shows_who_waits_for_a_redrive,
)
from tests.integration.step_functions.server import PASS, ROLE, definition, many_of, serving
from tests.integration.step_functions.tour import MANY

SLOW = definition(
    ("Year", {"Type": "Wait", "Seconds": 31_536_000}),
    (
        "Charge",
        {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "charge", "Payload.$": "$"},
            "Retry": [{"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 60, "MaxAttempts": 3}],
            "OutputPath": "$.Payload",
        },
    ),
)
CONFIG = {
    "StateMachines": {
        "orders": {
            "TestCases": {
                "HappyPath": {"Charge": "Charged"},
                "Retried": {"Charge": "BusyTwice"},
                "Broken": {"Charge": "Down"},
            }
        }
    },
    "MockedResponses": {
        "Charged": {"0": {"Return": {"StatusCode": 200, "Payload": {"paid": True}}}},
        "BusyTwice": {
            "0-1": {"Throw": {"Error": "Lambda.TooManyRequestsException", "Cause": "busy"}},
            "2": {"Return": {"StatusCode": 200, "Payload": {"paid": "late"}}},
        },
        "Down": {"0": {"Throw": {"Error": "Lambda.Unknown", "Cause": "gone"}}},
    },
}


@pytest.fixture(scope="module")
def sfn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("mocked")
    (folder / "mock.json").write_text(json.dumps(CONFIG))
    with serving(folder, "--skip-waits", environment={"SFN_MOCK_CONFIG": "mock.json"}) as server:
        yield server.client()
        assert not list(folder.glob("*.db")), "the mock keeps nothing"


def test_a_test_case_is_named_behind_the_arn(sfn: Any) -> None:
    machine = made(sfn, "orders", SLOW)
    found = run(sfn, f"{machine}#HappyPath")
    assert json.loads(found["output"]) == {"paid": True}
    assert round((found["stopDate"] - found["startDate"]).total_seconds()) == 365 * 86_400
    found = run(sfn, f"{machine}#Retried")
    assert json.loads(found["output"]) == {"paid": "late"}
    types = [event["type"] for event in sfn.get_execution_history(executionArn=found["executionArn"])["events"]]
    assert types.count("TaskFailed") == 2
    found = run(sfn, f"{machine}#Broken")
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "Lambda.Unknown", "gone")
    message = refused("ValidationException", sfn.start_execution, stateMachineArn=f"{machine}#Nobody")
    assert "there is no test case 'Nobody'" in message


def test_executions_are_told_of_as_on_the_embedded_engine(sfn: Any) -> None:
    text = definition(
        ("Hold", {"Type": "Wait", "Seconds": 60}),
        ("Who", {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Id", "role.$": "$$.Execution.RoleArn"}}),
    )
    machine = made(sfn, "who", text, publish=True)
    arn = sfn.start_execution(stateMachineArn=f"{machine}:1", name="one")["executionArn"]
    found = ended(sfn, arn)
    assert json.loads(found["output"]) == {"id": arn, "role": ROLE}
    assert found["stateMachineVersionArn"] == f"{machine}:1"
    refused("ExecutionAlreadyExists", sfn.start_execution, stateMachineArn=machine, name="one")
    events = sfn.get_execution_history(executionArn=arn)["events"]
    assert sfn.get_execution_history(executionArn=arn, reverseOrder=True)["events"] == events[::-1]
    page = sfn.get_execution_history(executionArn=arn, maxResults=2)
    rest = sfn.get_execution_history(executionArn=arn, nextToken=page["nextToken"])
    assert page["events"] + rest["events"] == events
    listed = sfn.list_executions(stateMachineArn=machine)["executions"]
    assert [item["executionArn"] for item in listed] == [arn]


def test_express_executions(sfn: Any) -> None:
    text = definition(
        ("Hold", {"Type": "Wait", "Seconds": 60}), ("Who", {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Id"}})
    )
    machine = made(sfn, "express", text, type="EXPRESS")
    answer = sfn.start_sync_execution(stateMachineArn=machine, name="one")
    assert json.loads(answer["output"]) == {"id": answer["executionArn"]}


def test_activities_stopping_and_redriving(sfn: Any) -> None:
    activity = sfn.create_activity(name="work")["activityArn"]
    machine = made(sfn, "work", definition(("Work", {"Type": "Task", "Resource": activity})))
    arn = sfn.start_execution(stateMachineArn=machine, input='{"n": 1}')["executionArn"]
    task = sfn.get_activity_task(activityArn=activity, workerName="me")
    assert json.loads(task["input"]) == {"n": 1}
    sfn.send_task_success(taskToken=task["taskToken"], output='{"n": 2}')
    assert json.loads(ended(sfn, arn)["output"]) == {"n": 2}
    refused("TaskTimedOut", sfn.send_task_heartbeat, taskToken=task["taskToken"])
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    sfn.stop_execution(executionArn=arn, error="Enough", cause="asked for")
    found = sfn.describe_execution(executionArn=arn)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "asked for")
    sfn.redrive_execution(executionArn=arn)
    found = sfn.describe_execution(executionArn=arn)
    assert (found["status"], found["redriveCount"]) == ("RUNNING", 1)
    sfn.delete_state_machine(stateMachineArn=machine)


def test_a_task_of_an_activity_that_is_not_there_fails(sfn: Any) -> None:
    fails_without_its_activity(sfn)


def test_map_runs(sfn: Any) -> None:
    machine = made(sfn, "many", MANY)
    arn = sfn.start_execution(stateMachineArn=machine, input="[1, 2, 3]")["executionArn"]
    ended(sfn, arn)
    (run_,) = sfn.list_map_runs(executionArn=arn)["mapRuns"]
    found = sfn.describe_map_run(mapRunArn=run_["mapRunArn"])
    assert (found["status"], found["itemCounts"]["succeeded"]) == ("SUCCEEDED", 3)
    assert len(sfn.list_executions(mapRunArn=run_["mapRunArn"])["executions"]) == 3


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_a_map_run_shows_the_limits_that_its_input_gave(sfn: Any, language: str) -> None:
    shows_its_limits(sfn, language)


def test_children_that_failed_wait_for_their_redrive(sfn: Any) -> None:
    shows_who_waits_for_a_redrive(sfn)


def test_a_map_run_that_is_redriven_counts_each_item_once(sfn: Any) -> None:
    activity = sfn.create_activity(name="items")["activityArn"]
    arn = sfn.start_execution(stateMachineArn=made(sfn, "many-redriven", many_of(activity)), input="[1]")[
        "executionArn"
    ]
    failing = sfn.get_activity_task(activityArn=activity)["taskToken"]
    sfn.send_task_failure(taskToken=failing, error="Broken")
    assert ended(sfn, arn)["status"] == "FAILED"
    sfn.redrive_execution(executionArn=arn)
    sfn.send_task_success(taskToken=sfn.get_activity_task(activityArn=activity)["taskToken"], output="1")
    assert ended(sfn, arn)["status"] == "SUCCEEDED"
    (run_,) = sfn.list_map_runs(executionArn=arn)["mapRuns"]
    counted = sfn.describe_map_run(mapRunArn=run_["mapRunArn"])["executionCounts"]
    assert (counted["total"], counted["succeeded"], counted["failed"]) == (1, 1, 0)
    (child,) = sfn.list_executions(mapRunArn=run_["mapRunArn"])["executions"]
    assert (child["status"], child["redriveCount"]) == ("SUCCEEDED", 1)
    assert child["executionArn"] in failing, "a STANDARD child keeps its ARN"


def test_a_child_of_a_map_run_has_the_role_of_its_machine_and_the_definition_of_its_map(sfn: Any) -> None:
    machine = made(sfn, "parent", MANY)
    arn = sfn.start_execution(stateMachineArn=machine, input="[1]")["executionArn"]
    ended(sfn, arn)
    (found,) = sfn.list_map_runs(executionArn=arn)["mapRuns"]
    (child,) = sfn.list_executions(mapRunArn=found["mapRunArn"])["executions"]
    described = sfn.describe_state_machine_for_execution(executionArn=child["executionArn"])
    assert json.loads(described["definition"]) == json.loads(MANY)["States"]["Many"]["ItemProcessor"]
    assert described["label"] == "Many"
    started = sfn.get_execution_history(executionArn=child["executionArn"])["events"][0]
    assert started["executionStartedEventDetails"]["roleArn"] == ROLE


def test_a_machine_that_comes_again_has_no_executions_of_the_one_before(sfn: Any) -> None:
    machine = made(sfn, "again", PASS)
    run(sfn, machine)
    sfn.delete_state_machine(stateMachineArn=machine)
    with pytest.raises(sfn.exceptions.StateMachineDoesNotExist):
        no_longer_deleting(sfn, machine)
    assert made(sfn, "again", PASS) == machine
    assert sfn.list_executions(stateMachineArn=machine)["executions"] == []


def test_a_mock_configuration_in_real_time(tmp_path: Path) -> None:
    (tmp_path / "mock.json").write_text(json.dumps(CONFIG))
    text = json.loads(SLOW)
    text["States"]["Year"]["Seconds"] = 1
    with serving(tmp_path, "--mock-config", "mock.json") as server:
        client = server.client()
        found = run(client, f"{made(client, 'orders', json.dumps(text))}#HappyPath")
        assert json.loads(found["output"]) == {"paid": True}
        assert 1 <= (found["stopDate"] - found["startDate"]).total_seconds() < 60
