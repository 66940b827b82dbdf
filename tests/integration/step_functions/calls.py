"""What the tests of the API do again and again."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.step_functions.server import ROLE, definition, many_of

PATIENCE = 60.0


def made(sfn: Any, name: str, text: str, **more: Any) -> str:
    """The ARN of a new machine."""
    answer = sfn.create_state_machine(name=name, definition=text, roleArn=ROLE, **more)
    return str(answer["stateMachineArn"])


def refused(code: str, call: Any, **request: Any) -> str:
    """The message of the error that the call answers with."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Message"])


def reason_of(call: Any, **request: Any) -> str:
    """The reason that the call's ValidationException has for programs."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException", caught.value
    return str(caught.value.response["reason"])


def ended(sfn: Any, arn: str) -> dict[str, Any]:
    """The description of the execution, once it is over."""
    end = time.monotonic() + PATIENCE
    while (found := sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < end, "it does not end"
        time.sleep(0.02)
    answer: dict[str, Any] = found
    return answer


LIMITS = {"MaxConcurrency": 3, "ToleratedFailureCount": 2, "ToleratedFailurePercentage": 50.5}


def limited(language: str) -> str:
    """A machine whose only state is a distributed Map over ``items`` of its input; the input has its limits too."""
    names = dict(zip(LIMITS, ("most", "count", "percentage"), strict=True))
    if language == "JSONata":
        limits = {field: f"{{% $states.input.{name} %}}" for field, name in names.items()} | {
            "Items": "{% $states.input.items %}"
        }
    else:
        limits = {f"{field}Path": f"$.{name}" for field, name in names.items()} | {"ItemsPath": "$.items"}
    item = {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": True}}}
    mode = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    many = {"Type": "Map", "QueryLanguage": language, "ItemProcessor": {**mode, **item}, **limits}
    return definition(("Many", many))


def shows_its_limits(sfn: Any, language: str) -> None:
    """A map run's limits are shown as they were evaluated."""
    machine = made(sfn, f"limited-{language}", limited(language))
    given = {"most": 3, "count": 2, "percentage": 50.5, "items": [1, 2, 3, 4]}
    arn = sfn.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]
    assert ended(sfn, arn)["status"] == "SUCCEEDED"
    (found,) = sfn.list_map_runs(executionArn=arn)["mapRuns"]
    shown = sfn.describe_map_run(mapRunArn=found["mapRunArn"])
    assert {field: shown[field[0].lower() + field[1:]] for field in LIMITS} == LIMITS


def shows_who_waits_for_a_redrive(sfn: Any) -> None:
    """A map run of three that failed, one at a time, is redriven."""
    activity = sfn.create_activity(name="waiting")["activityArn"]
    many = json.loads(many_of(activity))
    many["States"]["Many"] |= {"MaxConcurrency": 1, "ToleratedFailureCount": 2}
    arn = sfn.start_execution(stateMachineArn=made(sfn, "waiting", json.dumps(many)), input="[1, 2, 3]")["executionArn"]
    for _ in range(3):
        sfn.send_task_failure(taskToken=sfn.get_activity_task(activityArn=activity)["taskToken"])
    assert ended(sfn, arn)["status"] == "FAILED"
    of_run = {"mapRunArn": sfn.list_map_runs(executionArn=arn)["mapRuns"][0]["mapRunArn"]}
    assert sfn.list_executions(statusFilter="PENDING_REDRIVE", **of_run)["executions"] == []
    sfn.redrive_execution(executionArn=arn)
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    found = sfn.describe_map_run(**of_run)
    for counted in (found["executionCounts"], found["itemCounts"]):
        assert (counted["running"], counted["pendingRedrive"], counted["failed"], counted["total"]) == (1, 2, 0, 3)
    waiting = sfn.list_executions(statusFilter="PENDING_REDRIVE", **of_run)["executions"]
    assert [child["status"] for child in waiting] == ["PENDING_REDRIVE"] * 2
    assert sfn.list_executions(statusFilter="FAILED", **of_run)["executions"] == []
    sfn.send_task_failure(taskToken=token)
    sfn.stop_execution(executionArn=arn)
    counted = sfn.describe_map_run(**of_run)["executionCounts"]
    assert (counted["pendingRedrive"], counted["total"]) == (0, 3)


def fails_without_its_activity(sfn: Any) -> None:
    """A task of an activity that was deleted fails as on AWS, and nothing catches that."""
    activity = sfn.create_activity(name="gone")["activityArn"]
    sfn.delete_activity(activityArn=activity)
    state = {"Type": "Task", "Resource": activity, "Retry": [{"ErrorEquals": ["States.ALL"]}]}
    found = run(sfn, made(sfn, "without-activity", definition(("Ask", state))))
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert found["cause"] == f"The activity {activity} does not exist."


def no_longer_deleting(sfn: Any, machine: str) -> None:
    """Look until the machine is not DELETING, or raise that it is not there."""
    end = time.monotonic() + PATIENCE
    while sfn.describe_state_machine(stateMachineArn=machine)["status"] == "DELETING":
        assert time.monotonic() < end, "it stays"


def run(sfn: Any, machine: str, **request: Any) -> dict[str, Any]:
    """How an execution of the machine ended."""
    return ended(sfn, sfn.start_execution(stateMachineArn=machine, **request)["executionArn"])
