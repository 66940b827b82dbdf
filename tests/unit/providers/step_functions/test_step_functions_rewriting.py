"""What becomes of ``task:NAME`` on AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from enginehouse import asl
from enginehouse.providers.step_functions.jobs import activity_job, queue_job
from enginehouse.providers.step_functions.rewriting import STOPPED, TOKEN, resources_of, rewritten, task_states
from enginehouse.providers.step_functions.settings import Target

ACTIVITY = "arn:aws:states:eu-west-1:123456789012:activity:enginehouse-greet"
LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:greet"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/tasks"
CONTEXT = {
    "state.$": "$$.State.Name",
    "attempt.$": "$$.State.RetryCount",
    "entered.$": "$$.State.EnteredTime",
    "execution.$": "$$.Execution.Id",
    "execution_name.$": "$$.Execution.Name",
}
QUERIES = {key.removesuffix(".$"): f"{{% $states.context.{path[3:]} %}}" for key, path in CONTEXT.items()}


def state(target: Target, liveness: int = 60, **fields: Any) -> dict[str, Any]:
    """What becomes of one Task."""
    task = {"Type": "Task", "Resource": "task:greet", "End": True, **fields}
    machine = {"StartAt": "Do", "States": {"Do": task}}
    made = rewritten(machine, "flow", lambda name: target, liveness)
    asl.compile(made)
    found: dict[str, Any] = made["States"]["Do"]
    return found


def test_an_activity_gets_the_input_and_what_is_told_of_the_task() -> None:
    made = state(Target("activity", ACTIVITY))
    assert made["Resource"] == ACTIVITY
    assert made["Parameters"] == {
        "task": {"name": "greet", "workflow": "flow", "at": "/States/Do", **CONTEXT, "watched": 60},
        "input.$": "$",
    }


def test_parameters_are_kept_inside() -> None:
    given = {"a.$": "$.x", "b": [1]}
    assert state(Target("activity", ACTIVITY), Parameters=given)["Parameters"]["input"] == given


def test_arguments_of_jsonata_are_kept_inside() -> None:
    made = state(Target("activity", ACTIVITY), QueryLanguage="JSONata", Arguments="{% $states.input.x %}")
    assert made["Arguments"] == {
        "task": {"name": "greet", "workflow": "flow", "at": "/States/Do", **QUERIES, "watched": 60},
        "input": "{% $states.input.x %}",
    }
    assert "Parameters" not in made
    whole = state(Target("activity", ACTIVITY), QueryLanguage="JSONata")
    assert whole["Arguments"]["input"] == "{% $states.input %}"


def test_the_language_of_the_machine_holds_for_its_states() -> None:
    task = {"Type": "Task", "Resource": "task:greet", "End": True}
    inner = {"StartAt": "Do", "States": {"Do": task}}
    each = {"Type": "Map", "Items": [1], "ItemProcessor": inner, "End": True}
    machine = {"QueryLanguage": "JSONata", "StartAt": "Each", "States": {"Each": each}}
    made = rewritten(machine, "flow", lambda name: Target("activity", ACTIVITY), 60)
    asl.compile(made)
    given = made["States"]["Each"]["ItemProcessor"]["States"]["Do"]["Arguments"]
    assert given["task"]["attempt"] == "{% $states.context.State.RetryCount %}"


def test_every_machine_inside_is_rewritten() -> None:
    task = {"Type": "Task", "Resource": "task:greet", "End": True}
    inner = {"StartAt": "Do", "States": {"Do": task}}
    far = {**inner, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    states = {
        "A": {"Type": "Parallel", "Branches": [inner, inner], "Next": "B"},
        "B": {"Type": "Map", "ItemProcessor": far, "Next": "C"},
        "C": {"Type": "Map", "Iterator": inner, "End": True},
    }
    machine = {"StartAt": "A", "States": states}
    assert [name for name, _ in task_states(machine)] == ["greet"] * 4
    made = rewritten(machine, "flow", lambda name: Target("activity", ACTIVITY), 60)
    assert list(resources_of(made)) == [ACTIVITY] * 4
    assert not list(task_states(made))
    assert "mapped" not in made["States"]["B"]["ItemProcessor"]["States"]["Do"]["Parameters"]["task"]
    told = made["States"]["C"]["Iterator"]["States"]["Do"]["Parameters"]["task"]
    assert (told["mapped"], told["at"]) == (True, "/States/C/Iterator/States/Do")


def test_a_message_carries_the_token() -> None:
    made = state(Target("queue", QUEUE), HeartbeatSeconds=30, TimeoutSeconds=90)
    assert made["Resource"] == "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    assert made["Parameters"]["QueueUrl"] == QUEUE
    told = made["Parameters"]["MessageBody"]["task"]
    assert told == {
        "name": "greet", "workflow": "flow", "at": "/States/Do", **CONTEXT, "timeout": 90, "heartbeat": 30, "token.$": "$$.Task.Token",
    }  # fmt: skip
    assert "Retry" not in made


def test_a_lambda_function_is_given_what_the_state_gives() -> None:
    assert state(Target("lambda", LAMBDA)) == {"Type": "Task", "Resource": LAMBDA, "End": True}
    assert state(Target("lambda", LAMBDA), Parameters={"a": 1})["Parameters"] == {"a": 1}


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_integrations_are_named_in_the_partition_of_the_region(partition: str) -> None:
    def resource(target: Target, name: str) -> str:
        machine = {"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": f"task:{name}", "End": True}}}
        return str(rewritten(machine, "flow", lambda _: target, 60, partition)["States"]["S"]["Resource"])

    assert resource(Target("queue", QUEUE), "t") == f"arn:{partition}:states:::sqs:sendMessage.waitForTaskToken"
    invoked = resource(Target("lambda", LAMBDA), "t.waitForTaskToken")
    assert invoked == f"arn:{partition}:states:::lambda:invoke.waitForTaskToken"


def test_a_lambda_function_that_hands_a_token_out_is_invoked() -> None:
    given = {"token.$": "$$.Task.Token"}
    made = state(Target("lambda", LAMBDA), Resource="task:greet.waitForTaskToken", Parameters=given)
    assert made["Resource"] == "arn:aws:states:::lambda:invoke.waitForTaskToken"
    assert made["Parameters"] == {"FunctionName": LAMBDA, "Payload": given}


@pytest.mark.parametrize(
    ("fields", "marked"),
    [
        ({"Parameters": {"token.$": "$$.Task.Token"}}, {"token": TOKEN}),
        (
            {"Parameters": {"deep": [{"text.$": "States.Format('ask {}', $$.Task.Token)"}]}},
            {"deep": [{"text.$": f"States.Format('ask {{}}', '{TOKEN}')"}]},
        ),
        (
            {"QueryLanguage": "JSONata", "Arguments": {"token": "{% $states.context.Task.Token %}"}},
            {"token": f'{{% "{TOKEN}" %}}'},
        ),
    ],
)
def test_an_activity_gives_its_own_token_where_the_definition_asks_for_it(
    fields: dict[str, Any], marked: dict[str, Any]
) -> None:
    made = state(Target("activity", ACTIVITY), Resource="task:greet.waitForTaskToken", **fields)
    given = (made.get("Parameters") or made.get("Arguments"))["input"]
    assert given == marked
    assert "HeartbeatSeconds" not in made
    body = json.dumps({"task": {"name": "greet", "callback": True}, "input": {"text": f"ask {TOKEN}", "list": [TOKEN]}})
    assert activity_job("T-1", body).input == {"text": "ask T-1", "list": ["T-1"]}


def test_a_lost_worker_is_found_and_its_task_given_to_another() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    made = state(Target("activity", ACTIVITY), liveness=30, Retry=retry)
    assert made["HeartbeatSeconds"] == 30
    assert made["Retry"][0]["ErrorEquals"] == ["States.HeartbeatTimeout", STOPPED]
    assert (
        made["Retry"][0]["IntervalSeconds"] == 3
    )  # the worker that gives it back has ended by then, and listens no more
    assert made["Retry"][1:] == retry
    assert made["Parameters"]["task"]["retried"] is True


@pytest.mark.parametrize(
    "fields",
    [
        {"HeartbeatSeconds": 5},
        {"HeartbeatSecondsPath": "$.beat"},
        {"TimeoutSeconds": 60},
        {"TimeoutSecondsPath": "$.limit"},
    ],
)
def test_a_heartbeat_or_a_timeout_of_its_own_is_left_alone(fields: dict[str, Any]) -> None:
    made = state(Target("activity", ACTIVITY), **fields)
    assert {key: made[key] for key in made if key in ("HeartbeatSeconds", "Retry")} == {
        key: value for key, value in fields.items() if key == "HeartbeatSeconds"
    }
    assert "watched" not in made["Parameters"]["task"]


@pytest.mark.parametrize("target", [Target("activity", ACTIVITY), Target("queue", QUEUE)])
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"HeartbeatSeconds": 5}, {"heartbeat": 5}),
        ({"HeartbeatSecondsPath": "$.beat"}, {"heartbeat.$": "$.beat"}),
        ({"HeartbeatSecondsPath": "$beat"}, {"heartbeat.$": "$beat"}),
        (
            {"QueryLanguage": "JSONata", "HeartbeatSeconds": "{% $states.input.beat %}"},
            {"heartbeat": "{% $states.input.beat %}"},
        ),
    ],
)
def test_the_worker_is_told_the_heartbeat_also_where_it_is_computed(
    target: Target, fields: dict[str, Any], told: dict[str, Any]
) -> None:
    made = state(target, **fields)
    given = made.get("Parameters") or made["Arguments"]
    envelope = given["MessageBody"] if target.kind == "queue" else given
    assert {key: value for key, value in envelope["task"].items() if key.startswith("heartbeat")} == told
    assert envelope.get("input.$") == "$" or envelope["input"] == "{% $states.input %}"


def test_a_heartbeat_may_be_a_number_that_is_written_with_a_point() -> None:
    assert activity_job("t", '{"task": {"name": "n", "heartbeat": 3.0}}').told.heartbeat == 3


def test_other_resources_stay_as_they_are() -> None:
    task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "t"}, "End": True}
    machine = {"StartAt": "Do", "States": {"Do": task}}
    assert rewritten(machine, "flow", lambda name: Target("activity"), 60) == machine


def test_the_key_is_the_same_when_a_worker_was_lost() -> None:
    def key(token: str = "t", **told: Any) -> int:
        return activity_job(token, json.dumps({"task": {"name": "n", **told}})).command().task

    assert key(entered="1", attempt=0) == key("other", entered="1", attempt=1)
    assert key(entered="1") != key(entered="2")
    assert key(at="/States/A") != key(at="/States/B")
    assert key(retried=True, attempt=0) != key(retried=True, attempt=1)
    assert key(mapped=True) != key("other", mapped=True)


def test_a_message_that_comes_again_has_the_same_key() -> None:
    body = '{"task": {"name": "n", "token": "T"}, "input": 1}'
    first, again = queue_job(body, "q", "receipt-1", 1), queue_job(body, "q", "receipt-2", 2)
    assert first.command().task == again.command().task
    assert first.token == "T"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"input": 1}', '{"task": {}}', '{"task": {"name": 1}}'])
def test_what_is_not_of_our_making_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        activity_job("t", text)
    with pytest.raises(ValueError):
        queue_job(text, "q", "r", 1)
