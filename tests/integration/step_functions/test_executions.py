"""Executions as a client of AWS sees them."""

from __future__ import annotations

import base64
import json
import socket
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.step_functions.calls import (
    ended,
    fails_without_its_activity,
    made,
    refused,
    shows_its_limits,
    shows_who_waits_for_a_redrive,
)
from tests.integration.step_functions.server import HOLD, PASS, ROLE, Server, definition, many_of, serving


def test_an_execution_runs_and_tells_its_history(sfn: Any) -> None:
    machine = made(sfn, "runs", PASS)
    started = sfn.start_execution(stateMachineArn=machine, name="one", input='{"x":  1}')
    assert started["executionArn"] == "arn:aws:states:us-east-1:123456789012:execution:runs:one"
    found = sfn.describe_execution(executionArn=started["executionArn"])
    assert found["status"] == "SUCCEEDED"
    assert found["input"] == '{"x":  1}', "as it was sent"
    assert json.loads(found["output"]) == {"x": 1}
    events = sfn.get_execution_history(executionArn=started["executionArn"])["events"]
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert events[0]["executionStartedEventDetails"]["roleArn"] == ROLE


def test_the_same_start_again_is_the_same_execution_while_it_runs_alone(sfn: Any) -> None:
    machine = made(sfn, "again", HOLD)
    first = sfn.start_execution(stateMachineArn=machine, name="one", input="{}")
    again = sfn.start_execution(stateMachineArn=machine, name="one", input="{}")
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    other = refused("ExecutionAlreadyExists", sfn.start_execution, stateMachineArn=machine, name="one", input='{"a":1}')
    assert other == f"Execution Already Exists: '{first['executionArn']}'"
    sfn.stop_execution(executionArn=first["executionArn"])
    refused("ExecutionAlreadyExists", sfn.start_execution, stateMachineArn=machine, name="one", input="{}")


def test_a_stopped_execution_keeps_error_and_cause(sfn: Any) -> None:
    machine = made(sfn, "stopped", HOLD)
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    stopped = sfn.stop_execution(executionArn=arn, error="Enough", cause="it was asked for")
    found = sfn.describe_execution(executionArn=arn)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "it was asked for")
    assert found["stopDate"] == stopped["stopDate"]
    last = sfn.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)["events"][0]
    assert last["executionAbortedEventDetails"] == {"error": "Enough", "cause": "it was asked for"}


def test_an_activity_is_worked_off(sfn: Any) -> None:
    activity = sfn.create_activity(name="counting")["activityArn"]
    machine = made(sfn, "counts", definition(("Count", {"Type": "Task", "Resource": activity})))
    arn = sfn.start_execution(stateMachineArn=machine, input='{"n": 1}')["executionArn"]
    task = sfn.get_activity_task(activityArn=activity, workerName="me")
    assert json.loads(task["input"]) == {"n": 1}
    sfn.send_task_heartbeat(taskToken=task["taskToken"])
    sfn.send_task_success(taskToken=task["taskToken"], output='{"n": 2}')
    assert json.loads(sfn.describe_execution(executionArn=arn)["output"]) == {"n": 2}
    gone = refused("TaskTimedOut", sfn.send_task_success, taskToken=task["taskToken"], output="{}")
    assert gone == "Task Timed Out: 'Provided task does not exist anymore'"
    refused("InvalidToken", sfn.send_task_heartbeat, taskToken="made up")


def test_a_task_of_an_activity_that_is_not_there_fails(sfn: Any) -> None:
    fails_without_its_activity(sfn)


def test_a_worker_that_goes_away_takes_no_task_along(server: Server, sfn: Any) -> None:
    activity = sfn.create_activity(name="left")["activityArn"]
    body = json.dumps({"activityArn": activity}).encode()
    head = "POST / HTTP/1.1\r\nHost: here\r\nX-Amz-Target: AWSStepFunctions.GetActivityTask\r\n"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as gone:
            gone.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    machine = made(sfn, "left", definition(("Work", {"Type": "Task", "Resource": activity})))
    sfn.start_execution(stateMachineArn=machine)
    assert sfn.get_activity_task(activityArn=activity)["taskToken"]


def test_who_waits_when_the_server_ends_is_told_to_come_again(tmp_path: Path) -> None:
    with serving(tmp_path, "--memory") as server, ExitStack() as opened:
        sfn = server.client()
        activity = sfn.create_activity(name="idle")["activityArn"]
        express = made(sfn, "express", HOLD, type="EXPRESS")
        held = [
            opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60)) for _ in range(2)
        ]
        for connection, (operation, request) in zip(
            held,
            [("GetActivityTask", {"activityArn": activity}), ("StartSyncExecution", {"stateMachineArn": express})],
            strict=True,
        ):
            body = json.dumps(request)
            connection.sendall(
                f"POST / HTTP/1.1\r\nHost: here\r\nX-Amz-Target: AWSStepFunctions.{operation}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
        assert sfn.list_activities()["activities"], "what came before this has been read"
        server.stop()
        for connection in held:
            answer = connection.makefile("rb").read()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b'"__type":"ServiceUnavailable"' in answer
        assert "Traceback" not in server.said()


def test_an_express_execution_is_only_answered_for(sfn: Any) -> None:
    machine = made(sfn, "express", PASS, type="EXPRESS")
    answer = sfn.start_sync_execution(stateMachineArn=machine, name="one", input='{"x": 1}')
    assert answer["executionArn"].startswith("arn:aws:states:us-east-1:123456789012:express:express:one:")
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"x": 1})
    first = sfn.start_execution(stateMachineArn=machine, name="one")["executionArn"]
    assert sfn.start_execution(stateMachineArn=machine, name="one")["executionArn"] != first
    for call in (sfn.describe_execution, sfn.stop_execution, sfn.get_execution_history):
        message = refused("InvalidArn", call, executionArn=first)
        assert message == "Invalid Arn: 'Resource type not valid in this context: express'"
    refused("StateMachineTypeNotSupported", sfn.list_executions, stateMachineArn=machine)


def test_the_trace_header_of_the_request_wins(sfn: Any) -> None:
    machine = made(sfn, "traced", PASS)
    arn = sfn.start_execution(stateMachineArn=machine, traceHeader="Root=1")["executionArn"]
    assert sfn.describe_execution(executionArn=arn)["traceHeader"] == "Root=1"
    sfn.meta.events.register(
        "before-send.sfn.StartExecution", lambda request, **_: request.headers.update({"X-Amzn-Trace-Id": "Root=2"})
    )
    arn = sfn.start_execution(stateMachineArn=machine, traceHeader="Root=1")["executionArn"]
    assert sfn.describe_execution(executionArn=arn)["traceHeader"] == "Root=2"


def test_the_express_execution_knows_its_own_name(sfn: Any) -> None:
    text = definition(
        ("Who", {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Id", "name.$": "$$.Execution.Name"}})
    )
    machine = made(sfn, "express-who", text, type="EXPRESS")
    answer = sfn.start_sync_execution(stateMachineArn=machine, name="me")
    assert json.loads(answer["output"]) == {"id": answer["executionArn"], "name": "me"}


def test_histories_come_in_pages_in_either_order(sfn: Any) -> None:
    states = [(f"S{number}", {"Type": "Pass"}) for number in range(20)]
    machine = made(sfn, "pages", definition(*states))
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    whole = sfn.get_execution_history(executionArn=arn)["events"]
    assert [event["id"] for event in whole] == list(range(1, 43))
    for reverse in (False, True):
        pages = sfn.get_paginator("get_execution_history").paginate(
            executionArn=arn, reverseOrder=reverse, PaginationConfig={"PageSize": 5}
        )
        found = [page["events"] for page in pages]
        assert [len(events) for events in found] == [5] * 8 + [2]
        assert [event for events in found for event in events] == (whole[::-1] if reverse else whole)
    bare = sfn.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
    assert all("input" not in json.dumps(event, default=str) for event in bare)
    refused("InvalidToken", sfn.get_execution_history, executionArn=arn, nextToken="made up")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not JSON", "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
        ("", "Invalid execution input."),
    ],
)  # fmt: skip
def test_input_that_is_not_json_is_refused_in_awss_words(sfn: Any, text: str, why: str) -> None:
    machine = made(sfn, "inputs", PASS)
    message = refused("InvalidExecutionInput", sfn.start_execution, stateMachineArn=machine, input=text)
    assert message == f"Invalid State Machine Execution Input: '{why}'"


def test_a_failed_execution_is_redriven(sfn: Any) -> None:
    activity = sfn.create_activity(name="redriving")["activityArn"]
    machine = made(sfn, "redriven", definition(("Work", {"Type": "Task", "Resource": activity})))
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    sfn.send_task_failure(taskToken=token, error="Broken", cause="on purpose")
    found = sfn.describe_execution(executionArn=arn)
    assert (found["status"], found["redriveStatus"]) == ("FAILED", "REDRIVABLE")
    redriven = sfn.redrive_execution(executionArn=arn)["redriveDate"]
    found = sfn.describe_execution(executionArn=arn)
    assert (found["status"], found["redriveCount"], found["redriveDate"]) == ("RUNNING", 1, redriven)
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    sfn.send_task_success(taskToken=token, output="{}")
    assert sfn.describe_execution(executionArn=arn)["status"] == "SUCCEEDED"
    message = refused("ExecutionNotRedrivable", sfn.redrive_execution, executionArn=arn)
    assert message == "Execution is SUCCEEDED and cannot be redriven"


def test_the_same_redrive_again_is_the_same_redrive(sfn: Any) -> None:
    machine = made(sfn, "redriven-once", HOLD)
    one, two = (sfn.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(2))
    for arn in (one, two):
        sfn.stop_execution(executionArn=arn)
    first = sfn.redrive_execution(executionArn=one, clientToken="a")["redriveDate"]
    assert sfn.redrive_execution(executionArn=one, clientToken="a")["redriveDate"] == first
    sfn.stop_execution(executionArn=one)
    assert sfn.redrive_execution(executionArn=one, clientToken="a")["redriveDate"] == first
    assert sfn.describe_execution(executionArn=one)["status"] == "ABORTED"
    second = sfn.redrive_execution(executionArn=one, clientToken="b")["redriveDate"]
    assert second > first
    refused("ExecutionNotRedrivable", sfn.redrive_execution, executionArn=one, clientToken="c")
    assert sfn.redrive_execution(executionArn=two, clientToken="a")["redriveDate"] >= second
    assert sfn.describe_execution(executionArn=two)["redriveCount"] == 1


@pytest.mark.parametrize(
    ("more", "items"), [({"ItemBatcher": {"MaxItemsPerBatch": 2}}, [1, 2]), ({}, [1, 1, 1])], ids=["batches", "items"]
)
def test_children_of_a_map_run_have_as_many_items_as_they_were_given(sfn: Any, more: Any, items: list[int]) -> None:
    many = json.loads(many_of(sfn.create_activity(name="nobody")["activityArn"]))
    many["States"]["Many"] |= more
    machine = made(sfn, f"items-{len(items)}", json.dumps(many))
    given = json.dumps([{"Items": [1, 2, 3, 4]}] * 3)  # looks like a batch, and is an item
    arn = sfn.start_execution(stateMachineArn=machine, input=given)["executionArn"]
    (run,) = sfn.list_map_runs(executionArn=arn)["mapRuns"]
    listed = sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    assert [child["itemCount"] for child in listed] == items
    counted = sfn.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (counted["itemCounts"]["total"], counted["executionCounts"]["total"]) == (3, len(items))


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_a_map_run_shows_the_limits_that_its_input_gave(sfn: Any, language: str) -> None:
    shows_its_limits(sfn, language)


def test_children_that_failed_wait_for_their_redrive(sfn: Any) -> None:
    shows_who_waits_for_a_redrive(sfn)


def test_a_map_run_that_is_redriven_counts_each_item_once(sfn: Any) -> None:
    activity = sfn.create_activity(name="items")["activityArn"]
    machine = made(sfn, "many-redriven", many_of(activity))
    arn = sfn.start_execution(stateMachineArn=machine, input="[1, 2]")["executionArn"]
    for _ in range(2):
        task = sfn.get_activity_task(activityArn=activity)
        if task["input"] == "1":
            sfn.send_task_success(taskToken=task["taskToken"], output="1")
        else:
            failing = task["taskToken"]
    sfn.send_task_failure(taskToken=failing, error="Broken")
    assert ended(sfn, arn)["status"] == "FAILED"
    (run,) = sfn.list_map_runs(executionArn=arn)["mapRuns"]
    counted = sfn.describe_map_run(mapRunArn=run["mapRunArn"])["executionCounts"]
    assert (counted["total"], counted["succeeded"], counted["failed"]) == (2, 1, 1)
    sfn.redrive_execution(executionArn=arn)
    task = sfn.get_activity_task(activityArn=activity)
    counted = sfn.describe_map_run(mapRunArn=run["mapRunArn"])["executionCounts"]
    assert (counted["total"], counted["succeeded"], counted["failed"], counted["running"]) == (2, 1, 0, 1)
    sfn.send_task_success(taskToken=task["taskToken"], output="2")
    assert ended(sfn, arn)["status"] == "SUCCEEDED"
    found = sfn.describe_map_run(mapRunArn=run["mapRunArn"])
    for counted in (found["executionCounts"], found["itemCounts"]):
        assert (counted["total"], counted["succeeded"], counted["failed"], counted["resultsWritten"]) == (2, 2, 0, 2)
    listed = sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    assert [(child["status"], child["redriveCount"]) for child in listed] == [("SUCCEEDED", 1), ("SUCCEEDED", 0)]
    (redriven,) = sfn.list_executions(mapRunArn=run["mapRunArn"], redriveFilter="REDRIVEN")["executions"]
    assert redriven["executionArn"] in failing, "a STANDARD child keeps its ARN"
    described = sfn.describe_execution(executionArn=redriven["executionArn"])
    assert (redriven, described["redriveCount"], described["output"]) == (listed[0], 1, "2")
    assert [child["itemCount"] for child in listed] == [1, 1]
    assert redriven["redriveDate"] == described["redriveDate"] > listed[1]["startDate"]
    (parent,) = sfn.list_executions(stateMachineArn=machine)["executions"]
    assert parent["redriveDate"] == sfn.describe_execution(executionArn=arn)["redriveDate"]
    assert not {"itemCount", "mapRunArn"} & set(parent)


@pytest.mark.parametrize(
    ("began", "over", "events", "why_not"),
    [
        (30, 13, 3, ""),
        (30, 15, 3, "Execution redrivable period exceeded"),
        (366, 1, 3, "Execution has exceeded the max execution time"),
        (1, 0, 24_998, ""),
        (1, 0, 24_999, "Execution history event limit exceeded"),
    ],
    ids=["in time", "too late", "too old", "room for two events", "too long"],
)
def test_an_execution_can_be_redriven_for_a_while_after_its_end(
    tmp_path: Path, began: int, over: int, events: int, why_not: str
) -> None:
    with serving(tmp_path, "--store", "old.db") as server:
        sfn = server.client()
        arn = sfn.start_execution(stateMachineArn=made(sfn, "old", HOLD))["executionArn"]
        sfn.stop_execution(executionArn=arn)
        server.stop()
        with closing(sqlite3.connect(tmp_path / "old.db")) as store:
            store.execute(
                "UPDATE execution SET started_at = started_at - ?, stopped_at = stopped_at - ?",
                (began * 86_400, over * 86_400),
            )
            store.execute("UPDATE journal SET events = CAST(replace(events, '[[3,', ?) AS BLOB)", (f"[[{events},",))
            store.commit()
        server.start()
        sfn = server.client()
        described = sfn.describe_execution(executionArn=arn)
        assert described["redriveStatus"] == ("NOT_REDRIVABLE" if why_not else "REDRIVABLE")
        assert described.get("redriveStatusReason", "") == why_not
        if why_not:
            assert refused("ExecutionNotRedrivable", sfn.redrive_execution, executionArn=arn) == why_not
        else:
            assert sfn.redrive_execution(executionArn=arn)["redriveDate"]


def test_nothing_is_redriven_of_a_machine_that_is_being_deleted(sfn: Any) -> None:
    machine = made(sfn, "leaving", HOLD)
    ended = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    sfn.stop_execution(executionArn=ended)
    held = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    sfn.delete_state_machine(stateMachineArn=machine)
    why_not = "State machine is in DELETING status"
    assert sfn.describe_execution(executionArn=ended)["redriveStatusReason"] == why_not
    assert refused("ExecutionNotRedrivable", sfn.redrive_execution, executionArn=ended) == why_not
    assert held != ended


@pytest.mark.parametrize("place", [[10**30, 1], [-1, -1], [1.5, 1], [None, 1], {}])
def test_a_token_that_was_made_up_is_told_so(sfn: Any, place: Any) -> None:
    machine = made(sfn, "made-up", PASS)
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    history = sfn.get_execution_history(executionArn=arn, maxResults=1)["nextToken"]
    listing, at, _ = json.loads(base64.urlsafe_b64decode(history))
    for token in ([listing, at, place], place):
        text = base64.urlsafe_b64encode(json.dumps(token).encode()).decode()
        refused("InvalidToken", sfn.get_execution_history, executionArn=arn, nextToken=text)
        refused("InvalidToken", sfn.list_executions, stateMachineArn=machine, nextToken=text)
    stale = base64.urlsafe_b64encode(json.dumps([listing, at - 90_000, [1, 2]]).encode()).decode()
    refused("InvalidToken", sfn.get_execution_history, executionArn=arn, nextToken=stale)


def test_a_token_leads_on_in_the_listing_that_gave_it_alone(sfn: Any) -> None:
    machine, other = made(sfn, "paged-1", PASS), made(sfn, "paged-2", PASS)
    one, two = (sfn.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(2))
    token = sfn.list_executions(stateMachineArn=machine, maxResults=1)["nextToken"]
    assert len(sfn.list_executions(stateMachineArn=machine, nextToken=token)["executions"]) == 1
    refused("InvalidToken", sfn.list_executions, stateMachineArn=other, nextToken=token)
    refused("InvalidToken", sfn.list_executions, stateMachineArn=machine, statusFilter="FAILED", nextToken=token)
    token = sfn.get_execution_history(executionArn=one, maxResults=1)["nextToken"]
    refused("InvalidToken", sfn.get_execution_history, executionArn=two, nextToken=token)
    refused("InvalidToken", sfn.get_execution_history, executionArn=one, reverseOrder=True, nextToken=token)
    refused("InvalidToken", sfn.list_activities, nextToken=sfn.list_state_machines(maxResults=1)["nextToken"])


def test_executions_are_listed_newest_first_and_filtered(sfn: Any) -> None:
    machine = made(sfn, "listed", HOLD)
    arns = [sfn.start_execution(stateMachineArn=machine, name=f"n{n}")["executionArn"] for n in range(7)]
    sfn.stop_execution(executionArn=arns[3])
    pages = sfn.get_paginator("list_executions").paginate(stateMachineArn=machine, PaginationConfig={"PageSize": 3})
    assert [item["executionArn"] for page in pages for item in page["executions"]] == arns[::-1]
    aborted = sfn.list_executions(stateMachineArn=machine, statusFilter="ABORTED")["executions"]
    assert [item["executionArn"] for item in aborted] == [arns[3]]
    assert len(sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]) == 6
    refused("ValidationException", sfn.list_executions, stateMachineArn=machine, statusFilter="PENDING_REDRIVE")
