"""TestState: every behaviour that AWS documents of it, and where its page is silent, as AWS was seen to answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from enginehouse.asl.commands import ScheduleTask
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.state_test import Outcome, run_state_test
from tests.service_model import MODEL, assert_answers

LAMBDA = "arn:aws:states:::lambda:invoke"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:greet"
ROLE = "arn:aws:iam::123456789012:role/tester"
Answer = dict[str, Any]


async def no_task(command: ScheduleTask) -> Outcome:
    raise AssertionError(f"nothing was to be run, but {command} was")


async def answered(definition: Any, input: Any = None, *, run_task: Any = no_task, **request: Any) -> Answer:
    """The answer of TestState, held to AWS's model."""
    text = definition if isinstance(definition, str) else json.dumps(definition)
    request["definition"] = text
    if input is not None:
        request["input"] = json.dumps(input)
    checked = MODEL.checked("TestState", json.dumps(request).encode())
    longest = request.get("longest", 300.0)
    answer = await run_state_test(checked, run_task, longest=longest)
    assert_answers("TestState", answer)
    return answer


async def debug(definition: Any, input: Any = None, **request: Any) -> Answer:
    """The answer at the level DEBUG, with the texts of ``inspectionData`` and the output read."""
    answer = await answered(definition, input, inspectionLevel="DEBUG", **request)
    data = answer.get("inspectionData", {})
    for name, value in data.items():
        if isinstance(value, str):
            data[name] = json.loads(value)
    if "output" in answer:
        answer["output"] = json.loads(answer["output"])
    return answer


async def refused(definition: Any, input: Any = None, **request: Any) -> str:
    with pytest.raises(ApiError) as caught:
        await answered(definition, input, **request)
    assert caught.value.status == 400
    return str(caught.value)


def mocked(result: Any, **more: Any) -> Mapping[str, Any]:
    return {"result": json.dumps(result), **more}


def failed(error: str = "Broken", cause: str = "It broke.") -> Mapping[str, Any]:
    return {"errorOutput": {"error": error, "cause": cause}}


def processor(**states: Any) -> Any:
    """The inside of a Map: one Pass state called Inner, or these."""
    states = states or {"Inner": {"Type": "Pass", "End": True}}
    return {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": next(iter(states)), "States": states}


DISTRIBUTED = {**processor(), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
PASS = {"Type": "Pass", "End": True}
TASK = {"Type": "Task", "Resource": LAMBDA, "Parameters": {"FunctionName": "f", "Payload.$": "$"}, "End": True}
MAP = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor(), "End": True}
PARALLEL = {
    "Type": "Parallel",
    "Branches": [
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}},
        {"StartAt": "B", "States": {"B": {"Type": "Fail"}}},
    ],
    "End": True,
}
MACHINE = {
    "StartAt": "First",
    "States": {
        "First": {"Type": "Pass", "Next": "Each"},
        "Each": {**MAP, "ItemProcessor": DISTRIBUTED, "End": False, "Next": "Both"},
        "Both": PARALLEL,
    },
}
del MACHINE["States"]["Each"]["End"]  # type: ignore[index]


# -- the documentation's own examples


async def test_info_tells_the_output_and_the_next_state_of_a_choice() -> None:
    choice = {
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.number", "NumericEquals": 1, "Next": "Equals 1"},
            {"Variable": "$.number", "NumericEquals": 2, "Next": "Equals 2"},
        ],
        "Default": "No Match",
    }
    assert await answered(choice, {"number": 2}, roleArn=ROLE) == {
        "output": '{"number": 2}',
        "nextState": "Equals 2",
        "status": "SUCCEEDED",
    }


async def test_debug_tells_every_stage_of_a_pass_state() -> None:
    state = {
        "Type": "Pass",
        "InputPath": "$.payload",
        "Parameters": {"data": 1},
        "ResultPath": "$.result",
        "OutputPath": "$.result.data",
        "Next": "Another State",
    }
    assert await answered(state, {"payload": {"foo": "bar"}}, inspectionLevel="DEBUG") == {
        "output": "1",
        "inspectionData": {
            "input": '{"payload": {"foo": "bar"}}',
            "afterInputPath": '{"foo":"bar"}',
            "afterParameters": '{"data":1}',
            "afterResultSelector": '{"data":1}',
            "afterResultPath": '{"payload":{"foo":"bar"},"result":{"data":1}}',
        },
        "nextState": "Another State",
        "status": "SUCCEEDED",
    }


async def test_a_mocked_error_tells_which_retrier_has_it_and_when_it_tries_again() -> None:
    task = {
        **TASK,
        "Retry": [
            {"ErrorEquals": ["Lambda.ServiceException"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2.0}
        ],
    }
    answer = await debug(
        task,
        {"data": "value"},
        stateConfiguration={"retrierRetryCount": 1},
        mock=failed("Lambda.ServiceException", "Service error"),
    )
    assert answer["status"] == "RETRIABLE"
    assert answer["inspectionData"]["errorDetails"] == {"retryBackoffIntervalSeconds": 4, "retryIndex": 0}
    assert (answer["error"], answer["cause"]) == ("Lambda.ServiceException", "Service error")
    assert "output" not in answer
    assert "nextState" not in answer


async def test_a_mocked_error_tells_which_catcher_caught_it_and_what_it_is_given() -> None:
    task = {
        **TASK,
        "Catch": [
            {"ErrorEquals": ["Other"], "Next": "Elsewhere"},
            {"ErrorEquals": ["Lambda.TooManyRequestsException"], "ResultPath": "$.error", "Next": "HandleThrottling"},
        ],
    }
    answer = await debug(task, {"data": "value"}, mock=failed("Lambda.TooManyRequestsException", "Rate exceeded"))
    assert answer["status"] == "CAUGHT_ERROR"
    assert answer["nextState"] == "HandleThrottling"
    assert (answer["error"], answer["cause"]) == ("Lambda.TooManyRequestsException", "Rate exceeded")
    assert answer["output"] == {
        "data": "value",
        "error": {"Error": "Lambda.TooManyRequestsException", "Cause": "Rate exceeded"},
    }
    assert answer["inspectionData"]["errorDetails"] == {"catchIndex": 1}


# -- what each type of state tells


async def test_info_is_the_default_and_tells_no_more_than_the_outcome() -> None:
    assert await answered(PASS, {"a": 1}) == {"output": '{"a": 1}', "status": "SUCCEEDED"}
    assert await answered(PASS, {"a": 1}, inspectionLevel="INFO") == await answered(PASS, {"a": 1})


async def test_without_an_input_it_is_an_empty_object() -> None:
    assert await answered(PASS) == {"output": "{}", "status": "SUCCEEDED"}


async def test_trace_tells_what_debug_does_where_there_is_no_http() -> None:
    for state in (PASS, {"Type": "Succeed"}):
        at = [await answered(state, {"a": 1}, inspectionLevel=level) for level in ("DEBUG", "TRACE")]
        assert at[0] == at[1]
        assert "inspectionData" in at[0]


async def test_a_pass_state_with_a_result_tells_of_that_and_not_of_its_input() -> None:
    state = {"Type": "Pass", "Result": {"r": 1}, "ResultPath": "$.x", "End": True}
    assert (await debug(state, {"a": 1}))["inspectionData"] == {
        "input": {"a": 1},
        "result": {"r": 1},
        "afterResultSelector": {"r": 1},
        "afterResultPath": {"a": 1, "x": {"r": 1}},
    }


async def test_a_pass_state_in_jsonata_tells_its_input_and_the_variables() -> None:
    state = {
        "Type": "Pass",
        "QueryLanguage": "JSONata",
        "Output": "{% $states.input.a + $given %}",
        "Assign": {"made": "{% $given * 2 %}"},
        "End": True,
    }
    answer = await debug(state, {"a": 1}, variables='{"given": 5}')
    assert answer["output"] == 6
    assert answer["inspectionData"] == {"input": {"a": 1}, "variables": {"given": 5, "made": 10}}


async def test_without_variables_none_are_told() -> None:
    assert "variables" not in (await debug(PASS, {"a": 1}, variables="{}"))["inspectionData"]


@pytest.mark.parametrize(
    ("state", "more"),
    [
        ({"Type": "Succeed", "InputPath": "$.a"}, {"output": 1}),
        (
            {"Type": "Wait", "Seconds": 9_000_000, "InputPath": "$.a", "Next": "Then"},
            {"output": 1, "nextState": "Then"},
        ),
        (
            {
                "Type": "Choice",
                "InputPath": "$.a",
                "Choices": [{"Variable": "$", "NumericEquals": 9, "Next": "N"}],
                "Default": "D",
            },
            {"output": 1, "nextState": "D"},
        ),
    ],
    ids=["Succeed", "Wait", "Choice"],
)
async def test_states_without_work_tell_what_input_path_gave(state: Any, more: Answer) -> None:
    answer = await debug(state, {"a": 1})
    assert answer == {
        "status": "SUCCEEDED",
        "inspectionData": {"input": {"a": 1}, "afterInputPath": 1},
        **more,
    }


async def test_a_fail_state_fails_with_its_error_and_cause() -> None:
    assert await debug({"Type": "Fail", "Error": "E", "Cause": "C"}, {"a": 1}) == {
        "status": "FAILED",
        "error": "E",
        "cause": "C",
        "inspectionData": {"input": {"a": 1}, "afterInputPath": {"a": 1}},
    }
    assert await answered({"Type": "Fail"}) == {"status": "FAILED"}


async def test_a_task_tells_every_stage_of_the_path_language() -> None:
    task = {
        **TASK,
        "InputPath": "$.in",
        "ResultSelector": {"got.$": "$.Payload"},
        "ResultPath": "$.out",
        "OutputPath": "$.out.got",
        "Next": "Then",
    }
    del task["End"]
    answer = await debug(task, {"in": {"n": 1}}, mock=mocked({"Payload": "p"}))
    assert answer == {
        "status": "SUCCEEDED",
        "output": "p",
        "nextState": "Then",
        "inspectionData": {
            "input": {"in": {"n": 1}},
            "afterInputPath": {"n": 1},
            "afterParameters": {"FunctionName": "f", "Payload": {"n": 1}},
            "result": {"Payload": "p"},
            "afterResultSelector": {"got": "p"},
            "afterResultPath": {"in": {"n": 1}, "out": {"got": "p"}},
        },
    }


async def test_a_task_in_jsonata_tells_its_arguments_and_its_result() -> None:
    task = {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": "arn:aws:states:::http:invoke",
        "Arguments": {"Method": "POST", "ApiEndpoint": "https://example.com", "RequestBody": "{% $states.input %}"},
        "Output": "{% $merge([$states.result, {'by': 'Mary'}]) %}",
        "Next": "Check",
    }
    answer = await debug(task, {"cost": 10}, mock={"result": '{"approval": true }'})
    assert answer["output"] == {"approval": True, "by": "Mary"}
    assert answer["nextState"] == "Check"
    assert answer["inspectionData"] == {
        "input": {"cost": 10},
        "afterArguments": {"Method": "POST", "ApiEndpoint": "https://example.com", "RequestBody": {"cost": 10}},
        "result": {"approval": True},
    }


async def test_stages_are_told_up_to_the_one_that_fails() -> None:
    fails_in: dict[str, tuple[Any, list[str]]] = {
        "InputPath": ("$.none", ["input"]),
        "Parameters": ({"FunctionName": "f", "Payload.$": "$.none"}, ["input", "afterInputPath"]),
        "ResultSelector": ({"x.$": "$.none"}, ["input", "afterInputPath", "afterParameters", "result"]),
    }
    for field, (value, stages) in fails_in.items():
        answer = await debug({**TASK, field: value}, {"a": 1}, mock=mocked({}))
        assert answer["status"] == "FAILED"
        assert list(answer["inspectionData"]) == stages, field


async def test_an_unchanged_value_keeps_the_text_that_it_was_given_as() -> None:
    answer = await answered(TASK, {"a": 1}, inspectionLevel="DEBUG", mock={"result": '{ "Payload" : "p" }'})
    data = answer["inspectionData"]
    assert answer["output"] == data["result"] == data["afterResultPath"] == '{ "Payload" : "p" }'
    assert data["input"] == data["afterInputPath"] == '{"a": 1}'


async def test_a_parallel_state_tells_its_result_and_its_output() -> None:
    state = {**PARALLEL, "ResultPath": "$.both", "OutputPath": "$.both"}
    answer = await answered(state, {"a": 1}, mock={"result": '[{"a": 1}, 2]'}, inspectionLevel="DEBUG")
    assert answer["output"] == '[{"a":1},2]'
    assert answer["inspectionData"] == {
        "input": '{"a": 1}',
        "afterResultSelector": '[{"a": 1}, 2]',
        "afterResultPath": '{"a":1,"both":[{"a":1},2]}',
    }
    plain = await answered(PARALLEL, mock={"result": '[{"a": 1}, 2]'})
    assert plain == {"status": "SUCCEEDED", "output": '[{"a": 1}, 2]'}


# -- Map


async def test_a_map_tells_its_items_what_each_iteration_is_given_and_its_limits() -> None:
    state = {
        **MAP,
        "InputPath": "$.in",
        "ItemSelector": {"value.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index"},
        "MaxConcurrency": 1,
        "ResultPath": "$.out",
    }
    answer = await debug(state, {"in": {"items": ["a", "b"]}}, mock=mocked([10, 20]))
    assert answer["output"] == {"in": {"items": ["a", "b"]}, "out": [10, 20]}
    assert answer["inspectionData"] == {
        "input": {"in": {"items": ["a", "b"]}},
        "afterInputPath": {"items": ["a", "b"]},
        "afterItemsPath": ["a", "b"],
        "afterItemSelector": [{"value": "a", "index": 0}, {"value": "b", "index": 1}],
        "afterResultSelector": [10, 20],
        "afterResultPath": {"in": {"items": ["a", "b"]}, "out": [10, 20]},
        "maxConcurrency": 1,
    }


async def test_a_map_with_thousands_of_items_tells_them_all() -> None:
    state = {**MAP, "ItemSelector": {"i.$": "$$.Map.Item.Index"}, "MaxConcurrency": 3}
    answer = await debug(state, {"items": [0] * 5000}, mock=mocked([]))
    assert [each["i"] for each in answer["inspectionData"]["afterItemSelector"]] == list(range(5000))
    assert answer["output"] == []


async def test_a_map_without_items_still_gives_what_is_mocked() -> None:
    for mode in (processor(), DISTRIBUTED):
        state = {**MAP, "ItemProcessor": mode, "ResultPath": "$.out"}
        answer = await debug(state, {"items": []}, mock=mocked([1, 2]))
        assert answer["output"] == {"items": [], "out": [1, 2]}


async def test_a_map_over_what_is_no_array_fails_as_it_would() -> None:
    answer = await debug(MAP, {"items": 3}, mock=mocked([]))
    assert answer == {
        "status": "FAILED",
        "error": "States.Runtime",
        "cause": 'Reference path "$.items" must point to array.',
        "inspectionData": {"input": {"items": 3}, "afterInputPath": {"items": 3}},
    }


async def test_a_map_in_jsonata_tells_no_items_path() -> None:
    state = {
        "Type": "Map",
        "QueryLanguage": "JSONata",
        "Items": "{% $states.input %}",
        "ItemProcessor": processor(),
        "End": True,
    }
    answer = await answered(state, [1, 2], mock={"result": "[3, 4]"}, inspectionLevel="DEBUG")
    assert answer == {
        "status": "SUCCEEDED",
        "output": "[3, 4]",
        "inspectionData": {"input": "[1, 2]", "maxConcurrency": 0},
    }


async def test_a_distributed_map_tells_its_batches_and_what_it_tolerates() -> None:
    state = {
        **MAP,
        "ItemProcessor": DISTRIBUTED,
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"who.$": "$.who"}},
        "ToleratedFailureCountPath": "$.most",
        "ToleratedFailurePercentage": 12.5,
        "MaxConcurrencyPath": "$.width",
    }
    given = {"items": [1, 2, 3], "who": "me", "most": 1, "width": 4}
    data = (await debug(state, given, mock=mocked([])))["inspectionData"]
    assert data["afterItemBatcher"] == [
        {"BatchInput": {"who": "me"}, "Items": [1, 2]},
        {"BatchInput": {"who": "me"}, "Items": [3]},
    ]
    assert (data["toleratedFailureCount"], data["toleratedFailurePercentage"]) == (1, 12.5)
    assert data["maxConcurrency"] == 4
    assert "afterItemSelector" not in data


@pytest.mark.parametrize(
    ("threshold", "failures", "status"),
    [
        ({"ToleratedFailureCount": 1}, 1, "SUCCEEDED"),
        ({"ToleratedFailureCount": 1}, 2, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, 2, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 50}, 3, "FAILED"),
        ({}, 4, "SUCCEEDED"),
    ],
    ids=str,
)
async def test_failed_iterations_above_the_threshold_fail_the_map(
    threshold: Answer, failures: int, status: str
) -> None:
    state = {**MAP, "ItemProcessor": DISTRIBUTED, **threshold}
    answer = await answered(
        state, {"items": [1, 2, 3, 4]}, mock=mocked([0]), stateConfiguration={"mapIterationFailureCount": failures}
    )
    assert answer["status"] == status
    if status == "FAILED":
        assert answer["error"] == "States.ExceedToleratedFailureThreshold"
        assert answer["cause"] == "The specified tolerated failure threshold was exceeded"


async def test_an_exceeded_threshold_is_retried_and_caught_like_any_error() -> None:
    state = {**MAP, "ItemProcessor": DISTRIBUTED, "ToleratedFailureCount": 0}
    threshold = ["States.ExceedToleratedFailureThreshold"]
    asked: Answer = {"mock": mocked([0]), "stateConfiguration": {"mapIterationFailureCount": 1}}
    retried = await debug(
        {**state, "Retry": [{"ErrorEquals": ["X"]}, {"ErrorEquals": threshold}]}, {"items": [1]}, **asked
    )
    assert retried["status"] == "RETRIABLE"
    assert retried["inspectionData"]["errorDetails"] == {"retryIndex": 1, "retryBackoffIntervalSeconds": 1}
    caught = await debug({**state, "Catch": [{"ErrorEquals": threshold, "Next": "H"}]}, {"items": [1]}, **asked)
    assert (caught["status"], caught["nextState"]) == ("CAUGHT_ERROR", "H")


async def test_more_iterations_than_there_are_items_cannot_have_failed() -> None:
    state = {**MAP, "ItemProcessor": DISTRIBUTED}
    told = await refused(state, {"items": [1]}, mock=mocked([1]), stateConfiguration={"mapIterationFailureCount": 2})
    assert told.startswith("ValidationException: mapIterationFailureCount cannot exceed the number of items")


READER: Answer = {
    "Type": "Map",
    "ItemProcessor": DISTRIBUTED,
    "ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        "Parameters": {"Bucket": "b", "Key": "k"},
    },
    "ItemSelector": {"row.$": "$$.Map.Item.Value"},
    "End": True,
}


async def test_what_a_reader_would_read_is_given_as_in_its_source() -> None:
    answer = await debug(READER, mock=mocked([1]), stateConfiguration={"mapItemReaderData": "a,b\n1,2\n3,4\n"})
    assert answer["inspectionData"]["afterItemSelector"] == [
        {"row": {"a": "1", "b": "2"}},
        {"row": {"a": "3", "b": "4"}},
    ]
    assert answer["output"] == [1]


async def test_an_items_pointer_is_followed_in_what_a_reader_would_read() -> None:
    config = {"InputType": "JSON", "ItemsPointer": "/deep/list"}
    state = {**READER, "ItemReader": {**READER["ItemReader"], "ReaderConfig": config}}
    data = json.dumps({"deep": {"list": [7, 8]}})
    answer = await debug(state, mock=mocked([1]), stateConfiguration={"mapItemReaderData": data})
    assert answer["inspectionData"]["afterItemsPointer"] == [7, 8]


async def test_reader_data_that_cannot_be_read_fails_the_state() -> None:
    config = {"InputType": "JSON"}
    state = {**READER, "ItemReader": {**READER["ItemReader"], "ReaderConfig": config}}
    answer = await answered(state, mock=mocked([1]), stateConfiguration={"mapItemReaderData": "{"})
    assert (answer["status"], answer["error"]) == ("FAILED", "States.ItemReaderFailed")


async def test_without_reader_data_the_items_are_taken_from_the_input() -> None:
    state = {**READER, "ItemsPath": "$.orders"}
    answer = await debug(state, {"orders": [{"id": 1}]}, mock=mocked([1]))
    assert answer["inspectionData"]["afterItemsPath"] == [{"id": 1}]
    assert answer["inspectionData"]["afterItemSelector"] == [{"row": {"id": 1}}]


# -- errors


async def test_retries_that_are_used_up_leave_the_error_to_catch_or_to_the_execution() -> None:
    task = {**TASK, "Retry": [{"ErrorEquals": ["Broken"], "MaxAttempts": 2}]}
    used_up: Answer = {"mock": failed(), "stateConfiguration": {"retrierRetryCount": 2}}
    alone = await debug(task, **used_up)
    assert (alone["status"], alone["error"], alone["cause"]) == ("FAILED", "Broken", "It broke.")
    assert alone["inspectionData"]["errorDetails"] == {"retryIndex": 0}
    caught = await debug({**task, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "H"}]}, **used_up)
    assert (caught["status"], caught["nextState"]) == ("CAUGHT_ERROR", "H")
    assert caught["inspectionData"]["errorDetails"]["catchIndex"] == 0


async def test_the_retry_count_may_stand_in_the_context_object() -> None:
    task = {**TASK, "Retry": [{"ErrorEquals": ["Broken"], "MaxAttempts": 2}]}
    for count, status in ((1, "RETRIABLE"), (2, "FAILED")):
        answer = await answered(task, mock=failed(), context=json.dumps({"State": {"RetryCount": count}}))
        assert answer["status"] == status


async def test_an_error_that_nothing_names_fails_the_state() -> None:
    task = {**TASK, "Retry": [{"ErrorEquals": ["Other"]}], "Catch": [{"ErrorEquals": ["Other"], "Next": "H"}]}
    answer = await debug(task, {"a": 1}, mock=failed())
    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "Broken", "It broke.")
    assert "errorDetails" not in answer["inspectionData"]


async def test_an_error_may_be_mocked_without_name_or_cause() -> None:
    assert await answered(TASK, mock={"errorOutput": {}}) == {"status": "FAILED"}


@pytest.mark.parametrize("state", [MAP, PARALLEL], ids=["Map", "Parallel"])
async def test_errors_inside_map_and_parallel_reach_their_handlers(state: Any) -> None:
    inner = "Inner" if state is MAP else "B"
    with_catch = {**state, "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "H"}]}
    asked: Answer = {"mock": failed("States.TaskFailed"), "stateConfiguration": {"errorCausedByState": inner}}
    answer = await answered(with_catch, {"items": [1]}, **asked)
    assert (answer["status"], answer["nextState"]) == ("CAUGHT_ERROR", "H")
    assert (await answered(state, {"items": [1]}, **asked))["status"] == "FAILED"


async def test_the_state_that_caused_an_error_must_be_one_of_the_tested_states_own() -> None:
    asked: Answer = {"mock": failed(), "stateConfiguration": {"errorCausedByState": "Elsewhere"}}
    assert "'Elsewhere'" in await refused(MAP, {"items": [1]}, **asked)


# -- mocks


@pytest.mark.parametrize("mock", [mocked({}), failed()], ids=["result", "error"])
@pytest.mark.parametrize("kind", ["Pass", "Succeed", "Fail", "Choice", "Wait"])
async def test_only_states_with_work_take_a_mock(kind: str, mock: Any) -> None:
    states = {
        "Pass": PASS,
        "Succeed": {"Type": "Succeed"},
        "Fail": {"Type": "Fail"},
        "Choice": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "N"}]},
        "Wait": {"Type": "Wait", "Seconds": 1, "End": True},
    }
    told = f"ValidationException: State type '{kind}' is not supported when a mock is specified"
    assert await refused(states[kind], mock=mock) == told


@pytest.mark.parametrize("state", [MAP, PARALLEL], ids=["Map", "Parallel"])
async def test_map_and_parallel_need_a_mock(state: Any) -> None:
    assert await refused(state, {"items": []}) == (
        "InvalidDefinition: TestState API does not support Map or Parallel states. "
        "Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"
    )


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:states:us-east-1:123456789012:activity:dig",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "task:dig.waitForTaskToken",
    ],
)
async def test_tasks_that_wait_for_others_need_a_mock(resource: str) -> None:
    parameters = {"StateMachineArn": "arn", "QueueUrl": "q", "MessageBody": {"is": "text"}}
    if resource.endswith("Token"):
        parameters["MessageBody"] = {"token.$": "$$.Task.Token"}
    state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    assert (await refused(state, roleArn=ROLE)).startswith("ValidationException: ")
    assert (await answered(state, mock=mocked({}, fieldValidationMode="NONE")))["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("state", "asked", "message"),
    [
        (
            TASK,
            {"mock": {**mocked({}), **failed()}},
            "A test mock should have only one of the following fields: [result, errorOutput].",
        ),
        (TASK, {"mock": {}}, "A test mock should have one of the following fields: [result, errorOutput]."),
        (
            TASK,
            {"mock": mocked({}), "revealSecrets": True},
            "TestState does not support RevealSecrets when a mock is specified.",
        ),
        (TASK, {"mock": {"result": "no JSON", "fieldValidationMode": "NONE"}}, "Mocked result must be valid JSON"),
        (MAP, {"mock": mocked({})}, "Mocked result must be an array."),
        (PARALLEL, {"mock": mocked({})}, "Mocked result must be an array."),
        (
            PARALLEL,
            {"mock": mocked([1])},
            "Mocked result must contain the same number of items as number of Parallel branches.",
        ),
        (TASK, {}, "RoleArn must be specified when testing a Task state"),
        (TASK, {"roleArn": ROLE, "context": "{}"}, "A Context object is only supported when a mock is specified"),
        (PASS, {"variables": "[]"}, "Variables must be a JSON object"),
        (PASS, {"variables": "{"}, "Variables must be valid JSON"),
        (MACHINE, {"stateName": "Nowhere"}, "State not found in definition"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
async def test_what_makes_no_sense_is_refused(state: Any, asked: Answer, message: str) -> None:
    assert await refused(state, **asked) == f"ValidationException: {message}"


async def test_a_map_that_writes_its_results_gives_an_object() -> None:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}}
    state = {**MAP, "ItemProcessor": DISTRIBUTED, "ResultWriter": writer}
    told = "ValidationException: Mocked result must be a JSON object."
    assert await refused(state, {"items": [1]}, mock=mocked([1])) == told
    details = {"MapRunArn": "arn", "ResultWriterDetails": {"Bucket": "b", "Key": "k"}}
    assert (await debug(state, {"items": [1]}, mock=mocked(details)))["output"] == details


# -- a state of a whole definition


async def test_a_state_of_a_definition_is_tested_by_its_name() -> None:
    assert (await answered(MACHINE, {"a": 1}, stateName="First"))["nextState"] == "Each"
    mapped = await answered(MACHINE, {"items": [1]}, stateName="Each", mock=mocked([2]))
    assert mapped == {"status": "SUCCEEDED", "output": "[2]", "nextState": "Both"}


async def test_states_inside_map_and_parallel_are_found_and_end_with_their_branch() -> None:
    assert await answered(MACHINE, {"a": 1}, stateName="Inner") == {"status": "SUCCEEDED", "output": '{"a": 1}'}
    assert (await answered(MACHINE, stateName="B"))["status"] == "FAILED"


async def test_a_state_inside_a_map_sees_a_first_item() -> None:
    show = {"Type": "Pass", "Parameters": {"item.$": "$$.Map.Item"}, "End": True}
    for mode, more in (("INLINE", {}), ("DISTRIBUTED", {"Source": "STATE_DATA"})):
        inner = {**processor(Show=show), "ProcessorConfig": {"Mode": mode, "ExecutionType": "STANDARD"}}
        if mode == "INLINE":
            del inner["ProcessorConfig"]["ExecutionType"]
        machine = {"StartAt": "M", "States": {"M": {**MAP, "ItemProcessor": inner}}}
        answer = await debug(machine, {"a": 1}, stateName="Show")
        assert answer["output"] == {"item": {"Index": 0, "Value": {"a": 1}, **more}}


async def test_the_language_of_the_machine_around_it_is_the_states() -> None:
    inner = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Output": "{% 1 + 1 %}", "End": True}}}
    machine = {
        "QueryLanguage": "JSONata",
        "StartAt": "P",
        "States": {"P": {"Type": "Parallel", "Branches": [inner], "End": True}},
    }
    assert await debug(machine, {"a": 1}, stateName="In") == {
        "status": "SUCCEEDED",
        "output": 2,
        "inspectionData": {"input": {"a": 1}},
    }


async def test_a_state_that_leads_to_itself_runs_once() -> None:
    rule = {"Variable": "$.a", "IsPresent": True, "Next": "Loop"}
    loop = {"Loop": {"Type": "Choice", "Choices": [rule], "Default": "End"}, "End": {"Type": "Succeed"}}
    answer = await answered({"StartAt": "Loop", "States": loop}, {"a": 1}, stateName="Loop")
    assert answer == {"status": "SUCCEEDED", "output": '{"a": 1}', "nextState": "Loop"}


async def test_states_are_chained_by_output_and_next_state() -> None:
    first = await answered(MACHINE, {"items": [1]}, stateName="First")
    second = await answered(MACHINE, json.loads(first["output"]), stateName=first["nextState"], mock=mocked([5]))
    third = await answered(MACHINE, json.loads(second["output"]), stateName=second["nextState"], mock=mocked([1, 2]))
    assert third == {"status": "SUCCEEDED", "output": "[1, 2]"}


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ("{", "INVALID_JSON_DESCRIPTION"),
        ("[" * 200_000, "INVALID_JSON_DESCRIPTION"),
        ("[]", "SCHEMA_VALIDATION_FAILED"),
        ({"Type": "Sleep"}, "at /Type'"),
        ({"Type": "Pass"}, "'"),
        ({**PASS, "Colour": "red"}, "at /Colour'"),
        ({**TASK, "Catch": 7, "Retry": "x"}, "at /Catch"),
    ],
    ids=str,
)
async def test_a_wrong_definition_is_told_with_its_place(definition: Any, told: str) -> None:
    message = await refused(definition)
    assert message.startswith("InvalidDefinition: Invalid State Machine Definition: '")
    assert told in message


async def test_a_whole_definition_needs_the_name_of_a_state() -> None:
    assert "stateName" in await refused(MACHINE)


async def test_an_input_that_is_not_json_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        await run_state_test({"definition": json.dumps(PASS), "input": "{"}, no_task)
    assert caught.value.code == "InvalidExecutionInput"


# -- the Context object


SHOW_CONTEXT = {**TASK, "ResultSelector": {"context.$": "$$"}}
CONTEXT = {
    "Execution": {
        "Id": "arn",
        "Input": {"a": [1]},
        "Name": "n",
        "RoleArn": "r",
        "StartTime": "2025-01-15T10:30:00.000Z",
    },
    "State": {"EnteredTime": "2025-01-15T10:30:01.500Z", "Name": "MyTaskState", "RetryCount": 0},
    "StateMachine": {"Id": "arn", "Name": "m"},
}


@pytest.mark.parametrize("context", [CONTEXT, {"Execution": {}, "State": {}}, {}], ids=["full", "parts", "empty"])
async def test_a_context_object_is_seen_as_it_is_given(context: Answer) -> None:
    answer = await debug(SHOW_CONTEXT, mock=mocked({}), context=json.dumps(context))
    assert answer["output"] == {"context": context}


async def test_without_a_context_object_one_is_made_up() -> None:
    answer = await debug(SHOW_CONTEXT, {"a": 1}, mock=mocked({}), roleArn=ROLE)
    context = answer["output"]["context"]
    assert set(context) == {"Execution", "StateMachine", "State"}
    assert (context["Execution"]["Input"], context["Execution"]["RoleArn"]) == ({"a": 1}, ROLE)
    assert context["Execution"]["Id"].startswith("arn:aws:states:us-east-1:000000000000:express:")
    assert context["State"] | {"EnteredTime": ""} == {"Name": "StateName", "EnteredTime": "", "RetryCount": 0}


async def test_a_task_that_waits_for_a_token_sees_the_one_that_is_given() -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": "q", "MessageBody": {"TaskToken.$": "$$.Task.Token"}},
        "ResultPath": "$.SQS",
        "Next": "N",
    }
    answer = await debug(state, mock=mocked({"any": 1}), context='{"Task": {"Token": "abcd123"}}')
    assert answer["inspectionData"]["afterParameters"]["MessageBody"] == {"TaskToken": "abcd123"}
    assert answer["output"] == {"SQS": {"any": 1}}
    made_up = await debug(state, mock=mocked({"any": 1}))
    assert made_up["inspectionData"]["afterParameters"]["MessageBody"]["TaskToken"]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"Execution": {"Id": 1}}, "Execution.Id must be a string"),
        ({"State": {"RetryCount": "1"}}, "State.RetryCount must be a number"),
        ({"State": {"RetryCount": True}}, "State.RetryCount must be a number"),
        ({"Map": {}}, "'Map' field is not supported when mocking a Context object"),
        ({"Execution": {"pokemon": "squirtle"}}, "Field 'pokemon' is not allowed"),
        ({"Pokedex": {}}, "Field 'Pokedex' is not allowed"),
        ({"Execution": 1}, "Execution must be an object"),
        (
            {"Task": {"Token": "t"}},
            (
                "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
                "service integration pattern"
            ),
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:30],
)
async def test_a_wrong_context_object_is_refused(context: Answer, message: str) -> None:
    told = await refused(TASK, mock=mocked({}), context=json.dumps(context))
    assert told == f"ValidationException: Invalid Context object provided: {message}"


# -- results held to the service's API


NEEDED: Answer = {
    "events:putEvents": {"Entries": []},
    "sqs:sendMessage.waitForTaskToken": {"QueueUrl": "q", "MessageBody": {"TaskToken.$": "$$.Task.Token"}},
    "http:invoke": {
        "Method": "GET",
        "ApiEndpoint": "https://example.com",
        "Authentication": {"ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/c/1"},
    },
    "lambda:invoke": {"FunctionName": "f"},
    "dynamodb:putItem": {"TableName": "t", "Item": {}},
}


def service(resource: str) -> Any:
    parameters = NEEDED.get(resource, {"StateMachineArn": "arn"})
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True}


@pytest.mark.parametrize(
    ("resource", "result", "message"),
    [
        ("events:putEvents", {"Entries": "none"}, "Field 'Entries' must be an array"),
        ("events:putEvents", {"Entries": [{"EventId": "1"}, {"EventId": ["2"]}]}, "Field 'EventId' must be a string"),
        ("states:startExecution", {}, "Required field 'ExecutionArn' is missing"),
        ("states:startExecution", {"executionArn": "a", "startDate": "b"}, "Required field 'ExecutionArn' is missing"),
        ("states:startExecution", {"ExecutionArn": "a", "StartDate": 1764103483}, "Field 'StartDate' must be a string"),
        (
            "states:startExecution.sync:2",
            {"ExecutionArn": "a", "StartDate": "b"},
            "Required field 'StateMachineArn' is missing",
        ),
        ("lambda:invoke", {"StatusCode": "200"}, "Field 'StatusCode' must be a number"),
        ("dynamodb:putItem", {"ConsumedCapacity": {"CapacityUnits": "1.5"}}, "Field 'CapacityUnits' must be a number"),
        ("aws-sdk:s3:getObject", {"ContentLength": "9000"}, "Field 'ContentLength' must be a number"),
        ("aws-sdk:s3:getObject", {"StorageClass": "Papyrus"}, "Field 'StorageClass' is not an expected value"),
        ("aws-sdk:kms:encrypt", {"CiphertextBlob": 123}, "Field 'CiphertextBlob' must be a string"),
        ("aws-sdk:kms:encrypt", {"CiphertextBlob": ""}, "Field 'CiphertextBlob' is smaller than the minimum length"),
        (
            "aws-sdk:lambda:getFunction",
            {"Configuration": {"MemorySize": 127}},
            "Field 'MemorySize' is less than the minimum value",
        ),
        (
            "aws-sdk:lambda:getFunction",
            {"Configuration": {"MemorySize": 10**6}},
            "Field 'MemorySize' exceeds the maximum value",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
async def test_a_mocked_result_must_be_one_that_the_service_could_answer(
    resource: str, result: Any, message: str
) -> None:
    told = f"ValidationException: Mock result schema validation error: {message}"
    assert await refused(service(resource), mock=mocked(result)) == told
    if not message.startswith("Required"):
        assert await refused(service(resource), mock=mocked(result, fieldValidationMode="PRESENT")) == told
    free = await answered(service(resource), mock=mocked(result, fieldValidationMode="NONE"))
    assert json.loads(free["output"]) == result


@pytest.mark.parametrize(
    ("resource", "result", "mode"),
    [
        ("events:putEvents", {"random": "json"}, "STRICT"),
        ("events:putEvents", {}, "STRICT"),
        ("states:startExecution", {}, "PRESENT"),
        ("states:startExecution", {"executionArn": 7}, "PRESENT"),
        ("sqs:sendMessage.waitForTaskToken", [1], "STRICT"),
        ("http:invoke", 7, "STRICT"),
        ("aws-sdk:nosuchservice:doThings", 7, "STRICT"),
        ("lambda:invoke", {"Payload": {"any": ["JSON"]}}, "STRICT"),
        ("dynamodb:putItem", {"Attributes": {"a": {"M": {"b": {"S": "c"}}}}}, "STRICT"),
    ],
    ids=str,
)
async def test_what_the_services_model_does_not_name_is_not_looked_at(resource: str, result: Any, mode: str) -> None:
    answer = await answered(service(resource), mock=mocked(result, fieldValidationMode=mode))
    assert json.loads(answer["output"]) == result


# -- tasks that run


def running(outcome: Any) -> Any:
    seen: list[ScheduleTask] = []

    async def run_task(command: ScheduleTask) -> Outcome:
        seen.append(command)
        result: Outcome = outcome(command)
        return result

    return run_task, seen


async def test_a_task_that_is_not_mocked_is_run() -> None:
    run_task, seen = running(lambda command: TaskSucceeded(command.task, {"hello": command.arguments["name"]}))
    state = {"Type": "Task", "Resource": FUNCTION, "ResultPath": "$.greeting", "Next": "N"}
    answer = await debug(state, {"name": "Ada"}, roleArn=ROLE, run_task=run_task)
    assert [each.resource for each in seen] == [FUNCTION]
    assert answer["output"] == {"name": "Ada", "greeting": {"hello": "Ada"}}
    assert answer["inspectionData"]["result"] == {"hello": "Ada"}
    assert answer["inspectionData"]["afterParameters"] == {"name": "Ada"}


async def test_a_task_that_fails_is_retriable_caught_or_failed() -> None:
    run_task, _ = running(lambda command: TaskFailed(command.task, "Boom", "bang"))
    task = {"Type": "Task", "Resource": "task:dig", "End": True}
    handlers: Answer = {
        "RETRIABLE": {"Retry": [{"ErrorEquals": ["Boom"], "IntervalSeconds": 7}]},
        "CAUGHT_ERROR": {"Catch": [{"ErrorEquals": ["Boom"], "Next": "H"}]},
        "FAILED": {},
    }
    for status, fields in handlers.items():
        answer = await answered({**task, **fields}, run_task=run_task)
        assert (answer["status"], answer["error"], answer["cause"]) == (status, "Boom", "bang")


async def test_a_task_of_ours_needs_no_role() -> None:
    run_task, _ = running(lambda command: TaskSucceeded(command.task, 1))
    answer = await answered({"Type": "Task", "Resource": "task:dig", "End": True}, run_task=run_task)
    assert answer == {"status": "SUCCEEDED", "output": "1"}


async def test_a_test_that_takes_too_long_fails() -> None:
    async def for_ever(command: ScheduleTask) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    request = {"definition": json.dumps({"Type": "Task", "Resource": "task:dig", "End": True})}
    answer = await run_state_test(request, for_ever, longest=0.01)
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Timeout")


async def test_http_is_traced_with_its_request_and_its_response() -> None:
    given = {
        "Headers": {"content-type": ["application/json"]},
        "ResponseBody": {"ok": True},
        "StatusCode": 200,
        "StatusText": "OK",
    }
    run_task, _ = running(lambda command: TaskSucceeded(command.task, given))
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {
            "Method": "GET",
            "ApiEndpoint": "https://example.com/get",
            "Headers": {"definitionHeader": "h1"},
            "QueryParameters": {"queryParam": "q1"},
            "RequestBody": {"message": "Hello"},
            "Authentication": {"ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/c/1"},
        },
        "End": True,
    }
    answer = await answered(state, roleArn=ROLE, inspectionLevel="TRACE", run_task=run_task)
    assert answer["inspectionData"]["request"] == {
        "protocol": "https",
        "method": "GET",
        "url": "https://example.com/get?queryParam=q1",
        "headers": "[definitionHeader: h1, Content-Type: application/json]",
        "body": '{"message": "Hello"}',
    }
    assert answer["inspectionData"]["response"] == {
        "protocol": "https",
        "statusCode": "200",
        "statusMessage": "OK",
        "headers": "[content-type: application/json]",
        "body": '{"ok":true}',
    }
    plain = await answered(state, roleArn=ROLE, inspectionLevel="DEBUG", run_task=run_task)
    assert not {"request", "response"} & set(plain["inspectionData"])
    mock = await answered(state, inspectionLevel="TRACE", mock=mocked({}))
    assert not {"request", "response"} & set(mock["inspectionData"])


async def test_http_that_answers_with_an_error_is_traced_too() -> None:
    run_task, _ = running(lambda command: TaskFailed(command.task, "States.Http.StatusCode.404", "gone"))
    parameters = {
        "Method": "GET",
        "ApiEndpoint": "https://example.com",
        "Authentication": {"ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/c/1"},
    }
    state = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": parameters, "End": True}
    answer = await answered(state, roleArn=ROLE, inspectionLevel="TRACE", run_task=run_task)
    assert answer["status"] == "FAILED"
    assert answer["inspectionData"]["response"] == {"protocol": "https", "statusCode": "404", "body": "gone"}
