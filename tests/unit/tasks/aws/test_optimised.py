"""What the optimized integrations add to requests, and make of answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from enginehouse.asl.commands import ScheduleTask
from enginehouse.tasks.aws.failures import ServiceFailure
from enginehouse.tasks.aws.jobs import JOBS
from enginehouse.tasks.aws.optimised import INTEGRATIONS, queue_host
from enginehouse.tasks.context import ExecutionInfo

LONG = "arn:aws:states:us-east-1:123456789012:execution:a-workflow-with-a-long-name:an-execution-with-a-long-name"
INFO = ExecutionInfo(execution_id=LONG, execution_arn="arn:execution", workflow_arn="arn:machine")


def command(task: int = 2, pattern: str = "", arguments: Any = None) -> ScheduleTask:
    return ScheduleTask(task, f"{task}.{'0123456789abcdef' * 2}.{LONG}", "r", arguments, "S", pattern=pattern)


def prepared(name: str, given: dict[str, Any], task: int = 2) -> dict[str, Any]:
    INTEGRATIONS[name].prepare(given, command(task), INFO)
    return given


@pytest.mark.parametrize(
    ("name", "field", "length"), [("states:startExecution", "name", 80), ("ecs:runTask", "clientToken", 64)]
)
def test_one_task_asks_under_one_name_and_no_other_task_does(name: str, field: str, length: int) -> None:
    first, again, other = prepared(name, {}), prepared(name, {}), prepared(name, {}, task=3)
    assert first == again != other
    assert len(first[field]) <= length
    assert prepared(name, {field: "mine"})[field] == "mine"


def test_events_keep_the_resources_that_they_have() -> None:
    given = prepared("events:putEvents", {"Entries": [{"Resources": ["a"]}, {}]})
    assert [entry["Resources"] for entry in given["Entries"]] == [
        ["a", "arn:execution", "arn:machine"],
        ["arn:execution", "arn:machine"],
    ]


def test_a_failed_event_fails_the_task() -> None:
    check = INTEGRATIONS["events:putEvents"].check
    entries = [{"EventId": "1"}, {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}]
    assert check({"FailedEntryCount": 0, "Entries": entries[:1]}, command())["FailedEntryCount"] == 0
    with pytest.raises(ServiceFailure) as raised:
        check({"FailedEntryCount": 1, "Entries": entries, "SdkHttpMetadata": {}}, command())
    assert raised.value.error == "EventBridge.FailedEntry"
    assert json.loads(raised.value.cause) == {"Entries": entries, "FailedEntryCount": 1}


def test_ecs_that_places_no_task_fails_what_waits_for_it() -> None:
    check = INTEGRATIONS["ecs:runTask"].check
    answer = {"Tasks": [], "Failures": [{"Reason": "RESOURCE:MEMORY"}]}
    assert check(answer, command()) == answer
    for pattern in ("sync", "waitForTaskToken"):
        with pytest.raises(ServiceFailure) as raised:
            check(answer, command(pattern=pattern))
        assert raised.value.error == "AmazonECS.Unknown"


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ('{"errorType": "Mine", "errorMessage": "m"}', "Mine"),
        ('{"errorMessage": "exited"}', "Lambda.Unknown"),
        ("not json", "Lambda.Unknown"),
    ],
)
def test_a_functions_failure_is_the_tasks(payload: str, error: str) -> None:
    check = INTEGRATIONS["lambda:invoke"].check
    with pytest.raises(ServiceFailure) as raised:
        check({"FunctionError": "Unhandled", "Payload": payload}, command())
    assert (raised.value.error, raised.value.cause) == (error, payload)


@pytest.mark.parametrize(("payload", "value"), [('{"a": 1}', {"a": 1}), ("", ""), ("text", "text")])
def test_a_functions_result_is_json(payload: str, value: object) -> None:
    assert INTEGRATIONS["lambda:invoke"].check({"Payload": payload}, command())["Payload"] == value


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://no-such-queue", "http://no-such-queue"),
        ("https://sqs.us-east-1.amazonaws.com/123456789012/q", ""),
        ("http://127.0.0.1:9324/000000000000/q", ""),
        ("q", ""),
    ],
)
def test_a_url_that_names_no_queue_is_called_itself(url: str, host: str) -> None:
    assert queue_host({"QueueUrl": url}) == host


# -- jobs, answered for by a script


def look(name: str, answers: dict[str, Any], submitted: dict[str, Any], **more: Any) -> Any:
    return JOBS[name].look(lambda operation, given: answers[operation], command(**more), submitted)


def ecs(status: str, *codes: int | None, essential: bool = True, **more: Any) -> dict[str, Any]:
    containers = [
        {"Name": str(index), **({} if code is None else {"ExitCode": code})} for index, code in enumerate(codes)
    ]
    told = [{"Name": str(index), "Essential": essential} for index in range(len(codes))]
    return {
        "DescribeTasks": {"Tasks": [{"LastStatus": status, "Containers": containers, **more}]},
        "DescribeTaskDefinition": {"TaskDefinition": {"ContainerDefinitions": told}},
    }


TASK = {"Tasks": [{"TaskArn": "t", "ClusterArn": "c"}]}


def test_an_ecs_task_ends_as_its_essential_containers_do() -> None:
    assert look("ecs:runTask", ecs("RUNNING", None), TASK) is None
    assert look("ecs:runTask", ecs("STOPPED", 0), TASK)["LastStatus"] == "STOPPED"
    assert look("ecs:runTask", ecs("STOPPED", 143, essential=False), TASK)["LastStatus"] == "STOPPED"
    for answers in (ecs("STOPPED", 1), ecs("STOPPED", None), ecs("STOPPED", StopCode="TaskFailedToStart")):
        with pytest.raises(ServiceFailure) as raised:
            look("ecs:runTask", answers, TASK)
        assert raised.value.error == "States.TaskFailed"
        assert json.loads(raised.value.cause)["LastStatus"] == "STOPPED"


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "ERROR", "STOPPED", "EXPIRED"])
def test_a_glue_run_that_does_not_succeed(state: str) -> None:
    with pytest.raises(ServiceFailure):
        look("glue:startJobRun", {"GetJobRun": {"JobRun": {"JobRunState": state}}}, {"JobRunId": "r"})


def test_a_batch_job_that_fails_or_is_forgotten() -> None:
    assert look("batch:submitJob", {"DescribeJobs": {"Jobs": [{"Status": "RUNNABLE"}]}}, {"JobId": "j"}) is None
    for jobs in ([{"Status": "FAILED"}], []):
        with pytest.raises(ServiceFailure):
            look("batch:submitJob", {"DescribeJobs": {"Jobs": jobs}}, {"JobId": "j"})


@pytest.mark.parametrize(("pattern", "input"), [("sync", "{}"), ("sync:2", {})])
def test_an_execution_is_told_as_its_pattern_says(pattern: str, input: object) -> None:
    told = {"DescribeExecution": {"Status": "SUCCEEDED", "Input": "{}", "Output": "{}"}}
    assert look("states:startExecution", told, {"ExecutionArn": "e"}, pattern=pattern)["Input"] == input
    for status in ("RUNNING", "PENDING_REDRIVE"):
        assert look("states:startExecution", {"DescribeExecution": {"Status": status}}, {}, pattern=pattern) is None
    for status in ("FAILED", "TIMED_OUT", "ABORTED"):
        with pytest.raises(ServiceFailure):
            look("states:startExecution", {"DescribeExecution": {"Status": status}}, {}, pattern=pattern)
