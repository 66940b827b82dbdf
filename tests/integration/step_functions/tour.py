"""A tour of every operation, for whichever client makes the calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.integration.step_functions.server import HOLD, PASS, ROLE, definition

Call = Callable[..., dict[str, Any]]
"""Takes the operation's name and the request's members; gives the answer."""

MANY = definition(
    (
        "Many",
        {
            "Type": "Map",
            "MaxConcurrency": 2,
            "ToleratedFailureCount": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **json.loads(HOLD),
            },
        },
    )
)


def tour(call: Call) -> None:
    """Call every operation; each answer is looked at by ``call``, and here for what the next one needs."""
    _machines(call)
    _versions(call)
    _executions(call)
    _activities(call)
    _map_runs(call)
    _tests(call)


def _machines(call: Call) -> None:
    tags = [{"key": "team", "value": "blue"}]
    made = call("CreateStateMachine", name="tour", definition=PASS, roleArn=ROLE, tags=tags)
    arn = made["stateMachineArn"]
    found = call("DescribeStateMachine", stateMachineArn=arn)
    assert (found["status"], found["definition"], found["type"]) == ("ACTIVE", PASS, "STANDARD")
    assert "revisionId" not in found
    revision = call("UpdateStateMachine", stateMachineArn=arn, definition=HOLD)["revisionId"]
    found = call("DescribeStateMachine", stateMachineArn=arn)
    assert (found["definition"], found["revisionId"]) == (HOLD, revision)
    assert arn in [item["stateMachineArn"] for item in call("ListStateMachines", maxResults=1000)["stateMachines"]]
    call("TagResource", resourceArn=arn, tags=[{"key": "stage", "value": "test"}])
    call("UntagResource", resourceArn=arn, tagKeys=["team"])
    assert call("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "stage", "value": "test"}]
    assert call("ValidateStateMachineDefinition", definition=PASS)["result"] == "OK"
    wrong = call("ValidateStateMachineDefinition", definition="{}", severity="WARNING", maxResults=1)
    assert (wrong["result"], wrong["diagnostics"][0]["code"]) == ("FAIL", "SCHEMA_VALIDATION_FAILED")
    call("DeleteStateMachine", stateMachineArn=arn)


def _versions(call: Call) -> None:
    made = call("CreateStateMachine", name="tour-versions", definition=PASS, roleArn=ROLE, publish=True)
    arn, first = made["stateMachineArn"], made["stateMachineVersionArn"]
    assert first == f"{arn}:1"
    call("UpdateStateMachine", stateMachineArn=arn, definition=HOLD)
    second = call("PublishStateMachineVersion", stateMachineArn=arn, description="waits")["stateMachineVersionArn"]
    listed = call("ListStateMachineVersions", stateMachineArn=arn)["stateMachineVersions"]
    assert [item["stateMachineVersionArn"] for item in listed] == [second, first]
    assert call("DescribeStateMachine", stateMachineArn=first)["definition"] == PASS
    route = [{"stateMachineVersionArn": first, "weight": 100}]
    alias = call("CreateStateMachineAlias", name="live", routingConfiguration=route)["stateMachineAliasArn"]
    assert call("DescribeStateMachineAlias", stateMachineAliasArn=alias)["routingConfiguration"] == route
    call("UpdateStateMachineAlias", stateMachineAliasArn=alias, description="what runs")
    assert len(call("ListStateMachineAliases", stateMachineArn=arn)["stateMachineAliases"]) == 1
    started = call("StartExecution", stateMachineArn=alias, name="by-alias")["executionArn"]
    found = call("DescribeExecution", executionArn=started)
    assert (found["stateMachineVersionArn"], found["stateMachineAliasArn"]) == (first, alias)
    for of in (arn, first, alias):
        listed = call("ListExecutions", stateMachineArn=of)["executions"]
        assert [item["executionArn"] for item in listed] == [started]
    assert call("ListExecutions", stateMachineArn=second)["executions"] == []
    call("DeleteStateMachineAlias", stateMachineAliasArn=alias)
    call("DeleteStateMachineVersion", stateMachineVersionArn=first)


def _executions(call: Call) -> None:
    arn = call("CreateStateMachine", name="tour-executions", definition=HOLD, roleArn=ROLE)["stateMachineArn"]
    started = call("StartExecution", stateMachineArn=arn, name="one", input='{"n": 1}', traceHeader="Root=1")
    execution = started["executionArn"]
    found = call("DescribeExecution", executionArn=execution)
    assert (found["status"], found["input"], found["traceHeader"]) == ("RUNNING", '{"n": 1}', "Root=1")
    assert call("DescribeStateMachineForExecution", executionArn=execution)["definition"] == HOLD
    call("StopExecution", executionArn=execution, error="Enough", cause="asked for")
    found = call("DescribeExecution", executionArn=execution)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "asked for")
    history = call("GetExecutionHistory", executionArn=execution, maxResults=2)
    assert [event["id"] for event in history["events"]] == [1, 2]
    history = call("GetExecutionHistory", executionArn=execution, nextToken=history["nextToken"], maxResults=2)
    assert history["events"][-1]["type"] == "ExecutionAborted"
    call("RedriveExecution", executionArn=execution)
    listed = call("ListExecutions", stateMachineArn=arn, statusFilter="RUNNING", redriveFilter="REDRIVEN")
    assert [item["redriveCount"] for item in listed["executions"]] == [1]
    quick = call("CreateStateMachine", name="tour-express", definition=PASS, roleArn=ROLE, type="EXPRESS")
    answer = call("StartSyncExecution", stateMachineArn=quick["stateMachineArn"], input="[1]")
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", "[1]")


def _activities(call: Call) -> None:
    activity = call("CreateActivity", name="tour")["activityArn"]
    assert call("DescribeActivity", activityArn=activity)["name"] == "tour"
    assert activity in [item["activityArn"] for item in call("ListActivities")["activities"]]
    work = {"Type": "Task", "Resource": activity, "HeartbeatSeconds": 600}
    twice = definition(("First", work), ("Second", work))
    arn = call("CreateStateMachine", name="tour-activities", definition=twice, roleArn=ROLE)["stateMachineArn"]
    execution = call("StartExecution", stateMachineArn=arn, input='{"n": 1}')["executionArn"]
    task = call("GetActivityTask", activityArn=activity, workerName="me")
    assert json.loads(task["input"]) == {"n": 1}
    call("SendTaskHeartbeat", taskToken=task["taskToken"])
    call("SendTaskSuccess", taskToken=task["taskToken"], output="{}")
    task = call("GetActivityTask", activityArn=activity, workerName="me")
    call("SendTaskFailure", taskToken=task["taskToken"], error="Broken", cause="on purpose")
    found = call("DescribeExecution", executionArn=execution)
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "Broken", "on purpose")
    types = [event["type"] for event in call("GetExecutionHistory", executionArn=execution)["events"]]
    assert types.count("ActivityScheduled") == types.count("ActivityStarted") == 2
    call("DeleteActivity", activityArn=activity)


def _map_runs(call: Call) -> None:
    arn = call("CreateStateMachine", name="tour-map", definition=MANY, roleArn=ROLE)["stateMachineArn"]
    execution = call("StartExecution", stateMachineArn=arn, input="[1, 2, 3, 4, 5]")["executionArn"]
    (run,) = call("ListMapRuns", executionArn=execution)["mapRuns"]
    found = call("DescribeMapRun", mapRunArn=run["mapRunArn"])
    assert (found["status"], found["maxConcurrency"], found["toleratedFailureCount"]) == ("RUNNING", 2, 1)
    assert found["itemCounts"]["total"] == 5
    call("UpdateMapRun", mapRunArn=run["mapRunArn"], maxConcurrency=4)
    found = call("DescribeMapRun", mapRunArn=run["mapRunArn"])
    assert found["maxConcurrency"] == 4
    children = call("ListExecutions", mapRunArn=run["mapRunArn"])["executions"]
    assert len(children) == 4
    child = call("DescribeExecution", executionArn=children[0]["executionArn"])
    assert child["mapRunArn"] == run["mapRunArn"]
    call("DescribeStateMachineForExecution", executionArn=children[0]["executionArn"])
    call("StopExecution", executionArn=execution)
    assert call("DescribeMapRun", mapRunArn=run["mapRunArn"])["status"] == "ABORTED"


def _tests(call: Call) -> None:
    state = json.dumps({"Type": "Pass", "Result": {"n": 1}, "End": True})
    answer = call("TestState", definition=state, roleArn=ROLE, inspectionLevel="TRACE")
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"n": 1})
