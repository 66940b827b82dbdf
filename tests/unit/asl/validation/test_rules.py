"""Every rule of validation: a fragment that breaks it, where the fault stands, and its code."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from enginehouse.asl.validation import validate
from enginehouse.errors import Diagnostic

SCHEMA = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"

LAMBDA = "arn:aws:lambda:eu-west-1:111111111111:function:work"
ACTIVITY = "arn:aws:states:eu-west-1:111111111111:activity:work"
INNER = {"StartAt": "Inner", "States": {"Inner": {"Type": "Succeed"}}}
DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **INNER}

MINIMAL: dict[str, dict[str, Any]] = {
    "Task": {"Type": "Task", "Resource": "task:work", "End": True},
    "Pass": {"Type": "Pass", "End": True},
    "Choice": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "Done"}]},
    "Wait": {"Type": "Wait", "Seconds": 1, "End": True},
    "Succeed": {"Type": "Succeed"},
    "Fail": {"Type": "Fail"},
    "Parallel": {"Type": "Parallel", "Branches": [INNER], "End": True},
    "Map": {"Type": "Map", "ItemProcessor": INNER, "End": True},
}
JSONATA: dict[str, dict[str, Any]] = {
    **MINIMAL,
    "Choice": {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "Done"}]},
}
ABSENT = object()


def machine(state: Any, **top: Any) -> dict[str, Any]:
    """A machine of the state S; `Done` is there when S names it."""
    states = {"S": state}
    if "'Done'" in repr(state):
        states["Done"] = {"Type": "Succeed"}
    return {"StartAt": "S", "States": states, **top}


def changed(type: str, change: dict[str, Any], base: dict[str, dict[str, Any]] = MINIMAL) -> dict[str, Any]:
    state = copy.deepcopy(base[type])
    for key, value in change.items():
        if value is ABSENT:
            del state[key]
        else:
            state[key] = value
    return state


def errors(value: Any, type: str = "STANDARD") -> list[Diagnostic]:
    return [item for item in validate(value, type=type) if item.severity == "error"]


def found(value: Any, type: str = "STANDARD") -> set[tuple[str, str]]:
    return {(item.path, item.code) for item in errors(value, type)}


def messages(value: Any) -> str:
    return "\n".join(f"{item.message} {item.hint}" for item in validate(value))


@pytest.mark.parametrize("type", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize("kind", MINIMAL)
def test_the_least_of_every_state_is_valid(kind: str, type: str) -> None:
    assert validate(machine(MINIMAL[kind]), type=type) == []
    assert validate(machine(JSONATA[kind], QueryLanguage="JSONata"), type=type) == []


# state type, change to its least form, pointer from the state, code
IN_A_STATE: list[tuple[str, dict[str, Any], str, str]] = [
    # fields that are unknown, misplaced, or missing
    ("Pass", {"Foo": 1}, "/Foo", SCHEMA),
    ("Pass", {"a/b~c": 1}, "/a~1b~0c", SCHEMA),
    ("Pass", {"Resource": LAMBDA}, "/Resource", SCHEMA),
    ("Pass", {"TimeoutSeconds": 1}, "/TimeoutSeconds", SCHEMA),
    ("Pass", {"ResultSelector": {}}, "/ResultSelector", SCHEMA),
    ("Task", {"Result": 1}, "/Result", SCHEMA),
    ("Wait", {"Retry": []}, "/Retry", SCHEMA),
    ("Choice", {"End": True}, "/End", SCHEMA),
    ("Choice", {"Next": "Done"}, "/Next", SCHEMA),
    ("Choice", {"Parameters": {}}, "/Parameters", SCHEMA),
    ("Succeed", {"Assign": {}}, "/Assign", SCHEMA),
    ("Succeed", {"Next": "S"}, "/Next", SCHEMA),
    ("Fail", {"End": True}, "/End", SCHEMA),
    ("Fail", {"InputPath": "$"}, "/InputPath", SCHEMA),
    ("Map", {"TimeoutSeconds": 9}, "/TimeoutSeconds", SCHEMA),
    ("Task", {"Resource": ABSENT}, "", SCHEMA),
    ("Choice", {"Choices": ABSENT}, "", SCHEMA),
    ("Parallel", {"Branches": ABSENT}, "", SCHEMA),
    ("Map", {"ItemProcessor": ABSENT}, "", SCHEMA),
    ("Wait", {"Seconds": ABSENT}, "", SCHEMA),
    ("Pass", {"Type": ABSENT}, "", SCHEMA),
    ("Pass", {"Type": "pass"}, "/Type", SCHEMA),
    ("Pass", {"Type": 1}, "/Type", SCHEMA),
    ("Pass", {"Comment": 1}, "/Comment", SCHEMA),
    ("Pass", {"QueryLanguage": "JMESPath"}, "/QueryLanguage", SCHEMA),
    # next and end
    ("Pass", {"End": ABSENT}, "", SCHEMA),
    ("Pass", {"Next": "Done"}, "", SCHEMA),
    ("Pass", {"End": "true"}, "/End", SCHEMA),
    ("Pass", {"End": False}, "/End", SCHEMA),
    ("Pass", {"End": ABSENT, "Next": 1}, "/Next", SCHEMA),
    ("Pass", {"End": ABSENT, "Next": ""}, "/Next", SCHEMA),
    # one of two
    ("Task", {"TimeoutSeconds": 1, "TimeoutSecondsPath": "$.t"}, "", SCHEMA),
    ("Task", {"HeartbeatSeconds": 1, "HeartbeatSecondsPath": "$.t"}, "", SCHEMA),
    ("Wait", {"SecondsPath": "$.t"}, "", SCHEMA),
    ("Wait", {"Timestamp": "2030-01-01T00:00:00Z"}, "", SCHEMA),
    ("Wait", {"TimestampPath": "$.t"}, "", SCHEMA),
    ("Fail", {"Error": "E", "ErrorPath": "$.e"}, "", SCHEMA),
    ("Fail", {"Cause": "c", "CausePath": "$.c"}, "", SCHEMA),
    ("Map", {"Iterator": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}}, "", SCHEMA),
    ("Map", {"ItemSelector": {}, "Parameters": {}}, "", SCHEMA),
    ("Map", {"MaxConcurrency": 1, "MaxConcurrencyPath": "$.m"}, "", SCHEMA),
    ("Map", {"ToleratedFailureCount": 1, "ToleratedFailureCountPath": "$.m"}, "", SCHEMA),
    ("Map", {"ToleratedFailurePercentage": 1, "ToleratedFailurePercentagePath": "$.m"}, "", SCHEMA),
    # numbers
    ("Wait", {"Seconds": -1}, "/Seconds", SCHEMA),
    ("Wait", {"Seconds": 100_000_000}, "/Seconds", SCHEMA),
    ("Wait", {"Seconds": "5"}, "/Seconds", SCHEMA),
    ("Wait", {"Seconds": 1.5}, "/Seconds", SCHEMA),
    ("Wait", {"Seconds": True}, "/Seconds", SCHEMA),
    ("Wait", {"Seconds": None}, "/Seconds", SCHEMA),
    ("Wait", {"Seconds": "{% 1 %}"}, "/Seconds", SCHEMA),
    ("Task", {"TimeoutSeconds": 0}, "/TimeoutSeconds", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::lambda:invoke.async", "Parameters": {"FunctionName": "f"}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws-cn:states:::aws-sdk:s3:getObject.wait", "Parameters": {}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::newservice:do.later", "Parameters": {}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::ecs:runTask.sync.waitForTaskToken", "Parameters": {"TaskDefinition": "t"}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:eu-west-1:111111111111:activity:"}, "/Resource", SCHEMA),
    ("Task", {"Credentials": {"RoleArn": 5}}, "/Credentials/RoleArn", SCHEMA),
    ("Task", {"Credentials": {"RoleArn.$": "role"}}, "/Credentials/RoleArn.$", SCHEMA),
    ("Task", {"TimeoutSecondsPath": "$.a[?(@.b)]"}, "/TimeoutSecondsPath", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E"], "BackoffRate": True}]}, "/Retry/0/BackoffRate", SCHEMA),
    ("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "Done", "Assign": {"1": 1}}]}, "/Catch/0/Assign/1", "INVALID_VARIABLE_NAME"),
    ("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "Done", "ResultPath": "$$.x"}]}, "/Catch/0/ResultPath", SCHEMA),
    ("Task", {"ResultSelector": {"x": [{"b.$": "nope"}]}}, "/ResultSelector/x/0/b.$", SCHEMA),
    ("Pass", {"InputPath": "$.a.."}, "/InputPath", SCHEMA),
    ("Pass", {"InputPath": "$.a[?(@.b==1]"}, "/InputPath", SCHEMA),
    ("Pass", {"ResultPath": "$['a','b']"}, "/ResultPath", SCHEMA),
    ("Pass", {"ResultPath": "$.length()"}, "/ResultPath", SCHEMA),
    ("Pass", {"Assign": {".$": "$.a"}}, "/Assign/.$", "INVALID_VARIABLE_NAME"),
    ("Pass", {"Parameters": {"a.$": "States.Array(1,,2)"}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a.$": "States.Array(1) x"}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a.$": "States.JsonMerge($.a, $.b)"}}, "/Parameters/a.$", SCHEMA),
    ("Fail", {"ErrorPath": "$.a[*]"}, "/ErrorPath", SCHEMA),
    ("Fail", {"Cause": {"a": 1}}, "/Cause", SCHEMA),
    ("Wait", {"Seconds": ABSENT, "SecondsPath": "$.a[*]"}, "/SecondsPath", SCHEMA),
    ("Parallel", {"Branches": [{**INNER, "ProcessorConfig": {}}]}, "/Branches/0/ProcessorConfig", SCHEMA),
    ("Map", {"ItemProcessor": {**INNER, "QueryLanguage": "JSONata"}}, "/ItemProcessor/QueryLanguage", SCHEMA),
    ("Map", {"ItemProcessor": DISTRIBUTED, "ItemBatcher": {"MaxInputBytesPerBatch": 1, "MaxInputBytesPerBatchPath": "$.x"}}, "/ItemBatcher", SCHEMA),
    ("Task", {"HeartbeatSeconds": 0}, "/HeartbeatSeconds", SCHEMA),
    ("Task", {"HeartbeatSeconds": 10, "TimeoutSeconds": 10}, "/HeartbeatSeconds", SCHEMA),
    ("Map", {"MaxConcurrency": -1}, "/MaxConcurrency", SCHEMA),
    ("Map", {"ToleratedFailurePercentage": 100.5}, "/ToleratedFailurePercentage", SCHEMA),
    ("Map", {"ToleratedFailureCount": -1}, "/ToleratedFailureCount", SCHEMA),
    # times
    ("Wait", {"Seconds": ABSENT, "Timestamp": "2030-13-01T00:00:00Z"}, "/Timestamp", SCHEMA),
    ("Wait", {"Seconds": ABSENT, "Timestamp": "2030-02-30T00:00:00Z"}, "/Timestamp", SCHEMA),
    ("Wait", {"Seconds": ABSENT, "Timestamp": "2030-01-01T00:00:00"}, "/Timestamp", SCHEMA),
    ("Wait", {"Seconds": ABSENT, "Timestamp": "2030-01-01 00:00:00Z"}, "/Timestamp", SCHEMA),
    ("Wait", {"Seconds": ABSENT, "Timestamp": "2030-01-01T00:00:00+24:00"}, "/Timestamp", SCHEMA),
    ("Wait", {"Seconds": ABSENT, "Timestamp": 5}, "/Timestamp", SCHEMA),
    # paths
    ("Pass", {"InputPath": "a.b"}, "/InputPath", SCHEMA),
    ("Pass", {"InputPath": "$.a["}, "/InputPath", SCHEMA),
    ("Pass", {"InputPath": 1}, "/InputPath", SCHEMA),
    ("Pass", {"OutputPath": ""}, "/OutputPath", SCHEMA),
    ("Pass", {"ResultPath": "$.a[*]"}, "/ResultPath", SCHEMA),
    ("Pass", {"ResultPath": "$..a"}, "/ResultPath", SCHEMA),
    ("Pass", {"ResultPath": "$variable"}, "/ResultPath", SCHEMA),
    ("Pass", {"ResultPath": "$$.Execution"}, "/ResultPath", SCHEMA),
    ("Map", {"ItemsPath": None}, "/ItemsPath", SCHEMA),
    ("Map", {"ItemsPath": "$.a[?(@.b)]"}, "/ItemsPath", SCHEMA),
    ("Wait", {"Seconds": ABSENT, "SecondsPath": "t"}, "/SecondsPath", SCHEMA),
    ("Task", {"TimeoutSecondsPath": "t"}, "/TimeoutSecondsPath", SCHEMA),
    ("Fail", {"ErrorPath": "e"}, "/ErrorPath", SCHEMA),
    ("Fail", {"CausePath": "States.MathAdd(1, 2)"}, "/CausePath", SCHEMA),
    ("Fail", {"CausePath": "States.Format("}, "/CausePath", SCHEMA),
    ("Fail", {"Cause": 1}, "/Cause", SCHEMA),
    # payload templates
    ("Pass", {"Parameters": {"a.$": 1}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a.$": "b"}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a.$": "$.["}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"x": [{"a.$": {}}]}}, "/Parameters/x/0/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a": 1, "a.$": "$.a"}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a.$": "States.Foo(1)"}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a.$": "States.UUID(1)"}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a.$": "States.MathAdd(1)"}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a.$": "States.Array(1"}}, "/Parameters/a.$", SCHEMA),
    ("Pass", {"Parameters": {"a.$": " $.a"}}, "/Parameters/a.$", SCHEMA),
    ("Task", {"ResultSelector": {"a.$": "b"}}, "/ResultSelector/a.$", SCHEMA),
    ("Task", {"ResultSelector": []}, "/ResultSelector", SCHEMA),
    # variables
    ("Pass", {"Assign": []}, "/Assign", SCHEMA),
    ("Pass", {"Assign": {"states": 1}}, "/Assign/states", "RESERVED_VARIABLE_NAME"),
    ("Pass", {"Assign": {"states.$": "$.a"}}, "/Assign/states.$", "RESERVED_VARIABLE_NAME"),
    ("Pass", {"Assign": {"a-b": 1}}, "/Assign/a-b", "INVALID_VARIABLE_NAME"),
    ("Pass", {"Assign": {"1a": 1}}, "/Assign/1a", "INVALID_VARIABLE_NAME"),
    ("Pass", {"Assign": {"v" * 81: 1}}, "/Assign/" + "v" * 81, "INVALID_VARIABLE_NAME"),
    ("Pass", {"Assign": {"a.$": "b"}}, "/Assign/a.$", SCHEMA),
    # resources
    ("Task", {"Resource": "work"}, "/Resource", SCHEMA),
    ("Task", {"Resource": 1}, "/Resource", SCHEMA),
    ("Task", {"Resource": "task:"}, "/Resource", SCHEMA),
    ("Task", {"Resource": "task:a b"}, "/Resource", SCHEMA),
    ("Task", {"Resource": "task:.waitForTaskToken"}, "/Resource", SCHEMA),
    ("Task", {"Resource": "task:ask.sync"}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:lambda"}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::lambda:invoke.sync", "Parameters": {"FunctionName": "f"}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::glue:startJobRun.sync:2", "Parameters": {"JobName": "j"}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::athena:getQueryResults.sync", "Parameters": {}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::aws-sdk:s3:getObject.sync", "Parameters": {}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::aws-sdk:s3", "Parameters": {}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::aws-sdk:s3:GetObject", "Parameters": {}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::lambda:invok", "Parameters": {}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::batch:newCall.waitForTaskToken", "Parameters": {}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::bedrock-agentcore:run.sync", "Parameters": {}}, "/Resource", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::dynamodb:getItem"}, "", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::aws-sdk:s3:listBuckets"}, "", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q"}}, "/Parameters", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": {}}, "/Parameters", SCHEMA),
    ("Task", {"Credentials": {}}, "/Credentials", SCHEMA),
    ("Task", {"Credentials": None}, "/Credentials", SCHEMA),
    ("Task", {"Resource": ACTIVITY, "Credentials": {"RoleArn": "arn:aws:iam::1:role/r"}}, "/Credentials", SCHEMA),
    # retry and catch
    ("Task", {"Retry": {}}, "/Retry", SCHEMA),
    ("Task", {"Retry": [1]}, "/Retry/0", SCHEMA),
    ("Task", {"Retry": [{}]}, "/Retry/0", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": []}]}, "/Retry/0/ErrorEquals", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": "E"}]}, "/Retry/0/ErrorEquals", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": [1]}]}, "/Retry/0/ErrorEquals/0", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E", "States.ALL"]}]}, "/Retry/0/ErrorEquals/1", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}]}, "/Retry/0/ErrorEquals/0", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": -1}]}, "/Retry/0/IntervalSeconds", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E"], "MaxAttempts": -1}]}, "/Retry/0/MaxAttempts", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 100_000_000}]}, "/Retry/0/MaxAttempts", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E"], "BackoffRate": 0.5}]}, "/Retry/0/BackoffRate", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E"], "MaxDelaySeconds": 0}]}, "/Retry/0/MaxDelaySeconds", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E"], "MaxDelaySeconds": 31_622_401}]}, "/Retry/0/MaxDelaySeconds", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E"], "JitterStrategy": "SOME"}]}, "/Retry/0/JitterStrategy", SCHEMA),
    ("Task", {"Retry": [{"ErrorEquals": ["E"], "Next": "S"}]}, "/Retry/0/Next", SCHEMA),
    ("Task", {"Catch": [{"ErrorEquals": ["E"]}]}, "/Catch/0", SCHEMA),
    ("Task", {"Catch": [{"Next": "Done"}]}, "/Catch/0", SCHEMA),
    ("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "Done", "ResultPath": "x"}]}, "/Catch/0/ResultPath", SCHEMA),
    ("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "Done", "Output": 1}]}, "/Catch/0/Output", SCHEMA),
    ("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "Done", "MaxAttempts": 1}]}, "/Catch/0/MaxAttempts", SCHEMA),
    ("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "Done", "Assign": {"states": 1}}]}, "/Catch/0/Assign/states", "RESERVED_VARIABLE_NAME"),
    # parallel and map
    ("Parallel", {"Branches": []}, "/Branches", SCHEMA),
    ("Parallel", {"Branches": {}}, "/Branches", SCHEMA),
    ("Parallel", {"Branches": [[]]}, "/Branches/0", SCHEMA),
    ("Parallel", {"Branches": [{"States": {"X": {"Type": "Succeed"}}}]}, "/Branches/0", SCHEMA),
    ("Parallel", {"Branches": [{"StartAt": "X"}]}, "/Branches/0", SCHEMA),
    ("Parallel", {"Branches": [{**INNER, "TimeoutSeconds": 1}]}, "/Branches/0/TimeoutSeconds", SCHEMA),
    ("Parallel", {"Branches": [{**INNER, "QueryLanguage": "JSONata"}]}, "/Branches/0/QueryLanguage", SCHEMA),
    ("Map", {"ItemProcessor": 1}, "/ItemProcessor", SCHEMA),
    ("Map", {"ItemProcessor": {**INNER, "QueryLanguage": "JSONPath"}}, "/ItemProcessor/QueryLanguage", SCHEMA),
    ("Map", {"ItemProcessor": {**INNER, "ProcessorConfig": 1}}, "/ItemProcessor/ProcessorConfig", SCHEMA),
    ("Map", {"ItemProcessor": {**INNER, "ProcessorConfig": {"Mode": "FAR"}}}, "/ItemProcessor/ProcessorConfig/Mode", SCHEMA),
    ("Map", {"ItemProcessor": {**INNER, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}}, "/ItemProcessor/ProcessorConfig", SCHEMA),
    ("Map", {"ItemProcessor": {**INNER, "ProcessorConfig": {"Mode": "INLINE", "ExecutionType": "STANDARD"}}}, "/ItemProcessor/ProcessorConfig/ExecutionType", SCHEMA),
    ("Map", {"Label": ""}, "/Label", SCHEMA),
    ("Map", {"Label": "x" * 41}, "/Label", SCHEMA),
    ("Map", {"Label": "a b"}, "/Label", SCHEMA),
    ("Map", {"Label": "a|b"}, "/Label", SCHEMA),
    ("Map", {"ItemReader": {}}, "/ItemReader", SCHEMA),
    ("Map", {"ItemReader": {"Resource": "arn:aws:states:::s3:putObject"}}, "/ItemReader/Resource", SCHEMA),
    ("Map", {"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Bucket": "b"}}, "/ItemReader/Bucket", SCHEMA),
    ("Map", {"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "XML"}}}, "/ItemReader/ReaderConfig/InputType", SCHEMA),
    ("Map", {"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV"}}}, "/ItemReader/ReaderConfig", SCHEMA),
    ("Map", {"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}}}, "/ItemReader/ReaderConfig", SCHEMA),
    ("Map", {"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON", "CSVHeaderLocation": "GIVEN"}}}, "/ItemReader/ReaderConfig/CSVHeaderLocation", SCHEMA),
    ("Map", {"ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "ReaderConfig": {"Transformation": "LOAD_AND_FLATTEN"}}}, "/ItemReader/ReaderConfig", SCHEMA),
    ("Map", {"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"MaxItems": 1, "MaxItemsPath": "$.m"}}}, "/ItemReader/ReaderConfig", SCHEMA),
    ("Map", {"ItemBatcher": {}}, "/ItemBatcher", SCHEMA),
    ("Map", {"ItemBatcher": {"MaxItemsPerBatch": 0}}, "/ItemBatcher/MaxItemsPerBatch", SCHEMA),
    ("Map", {"ItemBatcher": {"MaxInputBytesPerBatch": 262_145}}, "/ItemBatcher/MaxInputBytesPerBatch", SCHEMA),
    ("Map", {"ItemBatcher": {"MaxItemsPerBatch": 1, "BatchInput": {"a.$": "b"}}}, "/ItemBatcher/BatchInput/a.$", SCHEMA),
    ("Map", {"ResultWriter": {}}, "/ResultWriter", SCHEMA),
    ("Map", {"ResultWriter": {"Resource": "arn:aws:states:::s3:getObject"}}, "/ResultWriter/Resource", SCHEMA),
    ("Map", {"ResultWriter": {"WriterConfig": {"OutputType": "XML"}}}, "/ResultWriter/WriterConfig/OutputType", SCHEMA),
]  # fmt: skip


@pytest.mark.parametrize(("type", "change", "pointer", "code"), IN_A_STATE)
def test_a_state_that_breaks_a_rule_is_refused_at_its_place(
    type: str, change: dict[str, Any], pointer: str, code: str
) -> None:
    assert found(machine(changed(type, change))) == {(f"/States/S{pointer}", code)}


IN_A_JSONATA_STATE: list[tuple[str, dict[str, Any], str, str]] = [
    ("Pass", {"InputPath": "$"}, "/InputPath", SCHEMA),
    ("Pass", {"Result": 1}, "/Result", SCHEMA),
    ("Pass", {"Parameters": {}}, "/Parameters", SCHEMA),
    ("Pass", {"ResultPath": None}, "/ResultPath", SCHEMA),
    ("Task", {"ResultSelector": {}}, "/ResultSelector", SCHEMA),
    ("Task", {"TimeoutSecondsPath": "$.t"}, "/TimeoutSecondsPath", SCHEMA),
    ("Fail", {"CausePath": "$.t"}, "/CausePath", SCHEMA),
    ("Map", {"ItemsPath": "$.t"}, "/ItemsPath", SCHEMA),
    ("Map", {"Items": "words"}, "/Items", SCHEMA),
    ("Map", {"MaxConcurrency": "3"}, "/MaxConcurrency", SCHEMA),
    ("Wait", {"Seconds": "{% 1 + %}"}, "/Seconds", "INVALID_JSONATA_EXPRESSION"),
    ("Wait", {"Seconds": "5"}, "/Seconds", SCHEMA),
    ("Wait", {"Seconds": ABSENT, "Timestamp": "soon"}, "/Timestamp", SCHEMA),
    ("Pass", {"Output": "{% 1"}, "/Output", SCHEMA),
    ("Pass", {"Output": "1 %}"}, "/Output", SCHEMA),
    ("Pass", {"Output": {"a": ["{% ( %}"]}}, "/Output/a/0", "INVALID_JSONATA_EXPRESSION"),
    ("Pass", {"Output": '{% "open %}'}, "/Output", "INVALID_JSONATA_EXPRESSION"),
    ("Pass", {"Output": "{% $$ %}"}, "/Output", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Pass", {"Output": {"v": "{% phone %}"}}, "/Output/v", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Pass", {"Output": "{% $sum(a.b) %}"}, "/Output", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Task", {"Output": "{% $states.errorOutput %}"}, "/Output", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Pass", {"Output": "{% $states.result %}"}, "/Output", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Pass", {"Assign": {"a": "{% $states.result.b %}"}}, "/Assign/a", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Wait", {"Seconds": "{% $states.result %}"}, "/Seconds", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Succeed", {"Output": {"a": ["{% $sum($states.result.b) %}"]}}, "/Output/a/0", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Task", {"Arguments": {"a": "{% $states.result %}"}}, "/Arguments/a", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Task", {"TimeoutSeconds": "{% $states.result %}"}, "/TimeoutSeconds", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Map", {"ItemSelector": {"a": "{% $states.result %}"}}, "/ItemSelector/a", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Parallel", {"Assign": {"a": "{% $states.errorOutput %}"}}, "/Assign/a", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "Done", "Output": "{% $states.result %}"}]}, "/Catch/0/Output", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Choice", {"Choices": [{"Condition": "{% $states.result %}", "Next": "Done"}]}, "/Choices/0/Condition", "UNSUPPORTED_JSONATA_EXPRESSION"),
    ("Pass", {"Assign": {"a.$": 1}}, "/Assign/a.$", "INVALID_VARIABLE_NAME"),
    ("Pass", {"Assign": {"states": 1}}, "/Assign/states", "RESERVED_VARIABLE_NAME"),
    ("Task", {"Resource": "arn:aws:states:::lambda:invoke"}, "", SCHEMA),
    ("Task", {"Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName.$": "f"}}, "/Arguments", SCHEMA),
    ("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "Done", "ResultPath": "$.e"}]}, "/Catch/0/ResultPath", SCHEMA),
    ("Choice", {"Choices": [{"Condition": "true", "Next": "Done"}]}, "/Choices/0/Condition", SCHEMA),
    ("Choice", {"Choices": [{"Next": "Done"}]}, "/Choices/0", SCHEMA),
    ("Choice", {"Choices": [{"Condition": True}], "Default": "Done"}, "/Choices/0", SCHEMA),
    ("Pass", {"QueryLanguage": "JSONPath"}, "/QueryLanguage", SCHEMA),
]  # fmt: skip


@pytest.mark.parametrize(("type", "change", "pointer", "code"), IN_A_JSONATA_STATE)
def test_a_jsonata_state_that_breaks_a_rule_is_refused_at_its_place(
    type: str, change: dict[str, Any], pointer: str, code: str
) -> None:
    state = changed(type, change, JSONATA)
    assert found(machine(state, QueryLanguage="JSONata")) == {(f"/States/S{pointer}", code)}
    if "QueryLanguage" not in change:
        assert found(machine({**state, "QueryLanguage": "JSONata"})) == {(f"/States/S{pointer}", code)}


RULES: list[tuple[dict[str, Any], str]] = [
    ({"Variable": "$.a", "Next": "Done"}, ""),
    ({"StringEquals": "x", "Next": "Done"}, ""),
    ({"Next": "Done"}, ""),
    ({"Variable": "$.a", "StringEquals": "x"}, ""),
    ({"Variable": "$.a", "StringEquals": "x", "IsNull": True, "Next": "Done"}, ""),
    ({"Variable": "$.a", "IsNull": True, "And": [{"Variable": "$.a", "IsNull": True}], "Next": "Done"}, ""),
    ({"And": [], "Next": "Done"}, "/And"),
    ({"Or": {}, "Next": "Done"}, "/Or"),
    ({"Not": [], "Next": "Done"}, "/Not"),
    ({"And": [1], "Next": "Done"}, "/And/0"),
    ({"Not": {"Variable": "$.a", "IsNull": True, "Next": "Done"}, "Next": "Done"}, "/Not/Next"),
    ({"Or": [{"Not": {"Variable": "$.a"}}], "Next": "Done"}, "/Or/0/Not"),
    ({"Variable": "a", "IsNull": True, "Next": "Done"}, "/Variable"),
    ({"Variable": "$.a[$$.x]", "IsNull": True, "Next": "Done"}, "/Variable"),
    ({"Variable": "States.UUID()", "IsNull": True, "Next": "Done"}, "/Variable"),
    ({"Variable": "$.a", "StringEquals": 1, "Next": "Done"}, "/StringEquals"),
    ({"Variable": "$.a", "NumericEquals": "1", "Next": "Done"}, "/NumericEquals"),
    ({"Variable": "$.a", "NumericEquals": True, "Next": "Done"}, "/NumericEquals"),
    ({"Variable": "$.a", "BooleanEquals": "true", "Next": "Done"}, "/BooleanEquals"),
    ({"Variable": "$.a", "IsPresent": "true", "Next": "Done"}, "/IsPresent"),
    ({"Variable": "$.a", "TimestampEquals": "today", "Next": "Done"}, "/TimestampEquals"),
    ({"Variable": "$.a", "StringEqualsPath": "b", "Next": "Done"}, "/StringEqualsPath"),
    ({"Variable": "$.a", "IsNull": True, "Next": "Done", "Output": 1}, "/Output"),
    ({"Variable": "$.a", "IsNull": True, "Next": "Done", "End": True}, "/End"),
]


@pytest.mark.parametrize(("rule", "pointer"), RULES)
def test_a_choice_rule_that_breaks_a_rule_is_refused_at_its_place(rule: dict[str, Any], pointer: str) -> None:
    state = {"Type": "Choice", "Choices": [rule], "Default": "Done"}
    assert found(machine(state)) == {(f"/States/S/Choices/0{pointer}", SCHEMA)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, {("", SCHEMA)}),
        ([], {("", SCHEMA)}),
        ({}, {("", SCHEMA)}),
        ({"StartAt": "S", "States": {}}, {("/States", SCHEMA)}),
        ({"StartAt": "S", "States": []}, {("/States", SCHEMA)}),
        ({"StartAt": 1, "States": {"S": MINIMAL["Pass"]}}, {("/StartAt", SCHEMA)}),
        ({"StartAt": "S", "States": {"S": 1}}, {("/States/S", SCHEMA)}),
        (machine(MINIMAL["Pass"], comment="x"), {("/comment", SCHEMA)}),
        (machine(MINIMAL["Pass"], Version="2.0"), {("/Version", SCHEMA)}),
        (machine(MINIMAL["Pass"], TimeoutSeconds=-1), {("/TimeoutSeconds", SCHEMA)}),
        (machine(MINIMAL["Pass"], TimeoutSeconds="1"), {("/TimeoutSeconds", SCHEMA)}),
        (machine(MINIMAL["Pass"], QueryLanguage="Python"), {("/QueryLanguage", SCHEMA)}),
        (machine(MINIMAL["Pass"], Comment=1), {("/Comment", SCHEMA)}),
        ({"StartAt": "T", "States": {"S": MINIMAL["Pass"]}}, {("/StartAt", TARGET)}),
        (
            {"StartAt": "S", "States": {"S": MINIMAL["Pass"], "T": MINIMAL["Pass"]}},
            {("/States/T", TARGET)},
        ),
        (
            {"StartAt": "S", "States": {"S": {"Type": "Pass", "Next": "S"}}},
            {("/States", "MISSING_END_STATE")},
        ),
        (
            machine({"Type": "Pass", "Next": "X"}),
            {("/States/S/Next", TARGET), ("/States", "MISSING_END_STATE")},
        ),
        (
            machine({**MINIMAL["Choice"], "Default": "X"}),
            {("/States/S/Default", TARGET)},
        ),
        (
            machine({**MINIMAL["Task"], "Catch": [{"ErrorEquals": ["E"], "Next": "X"}]}),
            {("/States/S/Catch/0/Next", TARGET)},
        ),
        (
            {"StartAt": "S" * 81, "States": {"S" * 81: MINIMAL["Pass"]}},
            {("/States/" + "S" * 81, "INVALID_STATE_NAME")},
        ),
        (
            {"StartAt": "Inner", "States": {"Inner": MINIMAL["Parallel"]}},
            {("/States/Inner/Branches/0/States/Inner", "DUPLICATE_STATE_NAME")},
        ),
        (
            machine({"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "Done"}}}], "Next": "Done"}),
            {("/States/S/Branches/0/States/B/Next", TARGET), ("/States/S/Branches/0/States", "MISSING_END_STATE")},
        ),
        (
            {
                "StartAt": "S",
                "States": {
                    "S": {"Type": "Map", "ItemProcessor": DISTRIBUTED, "Label": "same", "Next": "T"},
                    "T": {
                        "Type": "Map",
                        "ItemProcessor": {**DISTRIBUTED, "StartAt": "J", "States": {"J": {"Type": "Succeed"}}},
                        "Label": "same",
                        "End": True,
                    },
                },
            },
            {("/States/T/Label", "DUPLICATE_LABEL_NAME")},
        ),
    ],
)  # fmt: skip
def test_a_machine_that_breaks_a_rule_is_refused_at_its_place(value: Any, expected: set[tuple[str, str]]) -> None:
    assert found(value) == expected


@pytest.mark.parametrize(
    ("state", "pointer"),
    [
        ({**MINIMAL["Task"], "Resource": ACTIVITY}, "/Resource"),
        ({**MINIMAL["Task"], "Resource": "task:ask.waitForTaskToken"}, "/Resource"),
        (
            {**MINIMAL["Task"], "Resource": "arn:aws:states:::sns:publish.waitForTaskToken", "Parameters": {"Message": 1}},
            "/Resource",
        ),
        (
            {**MINIMAL["Task"], "Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": {"TaskDefinition": "t"}},
            "/Resource",
        ),
        ({"Type": "Map", "ItemProcessor": DISTRIBUTED, "End": True}, "/ItemProcessor/ProcessorConfig/Mode"),
    ],
)  # fmt: skip
def test_express_has_no_activities_callbacks_jobs_or_distributed_maps(state: dict[str, Any], pointer: str) -> None:
    assert errors(machine(state)) == []
    assert found(machine(state), "EXPRESS") == {(f"/States/S{pointer}", SCHEMA)}


def test_express_children_of_a_distributed_map_follow_the_rules_of_express() -> None:
    task = {**MINIMAL["Task"], "Resource": ACTIVITY}
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "I",
        "States": {"I": task},
    }
    state = {"Type": "Map", "ItemProcessor": processor, "End": True}
    assert found(machine(state)) == {("/States/S/ItemProcessor/States/I/Resource", SCHEMA)}


def test_states_inside_a_map_keep_the_language_of_the_machine() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Output": "{% 1 %}", "End": True}}}
    state = {"Type": "Map", "QueryLanguage": "JSONata", "ItemProcessor": inner, "End": True}
    assert found(machine(state)) == {("/States/S/ItemProcessor/States/I/Output", SCHEMA)}
    assert found(machine(state, QueryLanguage="JSONata")) == set()


VALID: list[dict[str, Any]] = [
    changed("Task", {"Resource": LAMBDA, "TimeoutSeconds": 99_999_999, "HeartbeatSeconds": 99_999_998}),
    changed("Task", {"Resource": ACTIVITY}),
    changed("Task", {"Resource": "arn:aws:lambda:your-region:your-account-id:function:hello"}),
    changed("Task", {"Resource": "task:tenant.provision:v1_b-2"}),
    changed("Task", {"Resource": "task:ask.waitForTaskToken"}),
    changed("Task", {"Resource": "arn:aws-us-gov:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl.$": "$.q", "MessageBody": {}}}),
    changed("Task", {"Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"StateMachineArn": "a"}}),
    changed("Task", {"Resource": "arn:aws:states:::aws-sdk:s3:getObject.waitForTaskToken", "Parameters": {}}),
    changed("Task", {"Credentials": {"RoleArn.$": "$.role"}}),
    changed("Task", {"Retry": [{"ErrorEquals": ["A", "B"], "IntervalSeconds": 0, "MaxAttempts": 0, "BackoffRate": 1, "MaxDelaySeconds": 9, "JitterStrategy": "FULL", "Comment": "c"}, {"ErrorEquals": ["States.ALL"]}]}),
    changed("Task", {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done", "ResultPath": None, "Assign": {"e.$": "$.Error"}, "Comment": "c"}]}),
    changed("Task", {"InputPath": None, "OutputPath": "$$.Execution", "ResultPath": "$.a[0]['b c']", "ResultSelector": {"a.$": "$.b[*]"}}),
    changed("Pass", {"Parameters": "$.text", "Assign": {"größe_1": 1, "v.$": "States.Format('{}', $w)"}}),
    changed("Pass", {"Parameters": {"a.$": "$$", "b.$": "$x.y", "c.$": "States.Array(States.UUID(), 'it\\'s', $.a, null)"}}),
    *(changed("Pass", {"Parameters": {"a.$": path}}) for path in (
        "$x[?(@.a==1)]", "$x..b", "$.a[?(@.b == 'x,y)')][0]", "$.a[?(@.b =~ /x.*/i)]", "$.a[?(@.b in ['x', 'y'])]", "$.a[?(@.b == $.c || !@.d)]",
        "$.a[-2:]", "$.a[0,-1]", "$.a.max()", "$.a[*].length()", "$.@type", "$.aws:x", "$.[0].b", "$['it\\'s']", "$$['Execution']['Id']",
    )),
    *(changed("Pass", {"Parameters": {"a.$": call}}) for call in (
        "States.Array()", "States.Array('a(b), c')", "States.Array(1.5e3, -1)", "States.Format('\\{{}\\}', $.a)", "States.Format('{}{}', $..x, $.y[*])",
        "States.MathRandom(1, 10, 42)", "States.Array(States.Array(States.Array(1)))", "States.Array(\t1,\n 2 )", "States.Format($.tpl, $$.Execution.Id)",
    )),
    *(changed("Task", {"Resource": f"arn:{partition}:lambda:some-where-1:111111111111:function:f:{version}"}) for partition in ("aws-cn", "aws-us-gov", "aws-iso-b") for version in ("$LATEST", "PROD", "3")),
    changed("Task", {"Resource": "arn:aws-cn:states:::aws-sdk:sqs:sendMessage.waitForTaskToken", "Parameters": {"MessageBody.$": "$$.Task.Token"}}),
    changed("Task", {"Credentials": {"RoleArn.$": "States.Format('arn:aws:iam::{}:role/r', $.a)"}, "HeartbeatSeconds": 9, "TimeoutSecondsPath": "$$.Execution.Input.t"}),
    changed("Pass", {"Result": {"a.$": "plain"}, "ResultPath": "$.é['b c'][0]", "InputPath": "$v.a"}),
    changed("Fail", {"Error": "", "CausePath": "$$.Execution.Id"}),
    changed("Map", {"ItemProcessor": DISTRIBUTED, "ResultWriter": {"WriterConfig": {"Transformation": "NONE", "OutputType": "JSON"}}, "ToleratedFailurePercentage": 33.3, "ToleratedFailureCount": 0}),
    changed("Map", {"ItemProcessor": DISTRIBUTED, "ItemReader": {"Resource": "arn:aws-us-gov:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b"}, "ReaderConfig": {"Transformation": "LOAD_AND_FLATTEN", "InputType": "JSONL", "MaxItemsPath": "$.n"}}}),
    changed("Wait", {"Seconds": 0}),
    changed("Wait", {"Seconds": ABSENT, "Timestamp": "2030-01-01T00:00:00.123456789+01:00"}),
    changed("Wait", {"Seconds": ABSENT, "SecondsPath": "$$.Execution.Input.s"}),
    changed("Fail", {"ErrorPath": "$.e", "CausePath": "States.JsonToString($.c)"}),
    changed("Choice", {"Choices": [{"And": [{"Variable": "$.n", "NumericLessThan": 1.5}, {"Not": {"Or": [{"Variable": "$v", "StringMatches": "a*"}, {"Variable": "$$.a", "TimestampEqualsPath": "$.t"}]}}], "Next": "Done", "Comment": "c", "Assign": {"a": 1}}]}),
    changed("Map", {"ItemProcessor": ABSENT, "Iterator": INNER, "Parameters": {"v.$": "$$.Map.Item.Value"}, "MaxConcurrencyPath": "$.m"}),
    changed("Map", {"ItemProcessor": DISTRIBUTED, "Label": "x-1", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key.$": "$.k"}, "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"], "CSVDelimiter": "TAB", "MaxItems": 5}}, "ItemBatcher": {"MaxItemsPerBatch": 5, "BatchInput": {"x.$": "$.y"}}, "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}, "WriterConfig": {"OutputType": "JSONL", "Transformation": "FLATTEN"}}}),
]  # fmt: skip

VALID_JSONATA: list[dict[str, Any]] = [
    changed("Pass", {"Output": {"a": ["{% $states.input.b[c = 1].d %}", "plain"]}, "Assign": {"x": "{% $y + 1 %}"}}),
    changed("Pass", {"Output": "{% $map($states.input.a, function($v) { $v.b }) %}"}),
    changed("Pass", {"Output": "{% $states.input.a{b: $sum(c)} %}"}),
    changed("Pass", {"Output": "{% $uppercase('phone, $eval( and $$') %}"}),
    changed("Pass", {"Output": "{% /* phone */ $states.input.`a b`.($x := c; $x) %}"}),
    changed("Pass", {"Output": "{% $sort($states.input, function($l, $r) { $l.a > $r.a }) ~> $count %}"}),
    *(changed(type, {"Output": {"r": "{% $states.result.a %}"}, "Assign": {"r": "{% $map($states.result, $f) %}"}}) for type in ("Task", "Parallel", "Map")),
    changed("Pass", {"Output": "{% $states.input.result & $states.input.results & $result %}"}),
    *(changed("Pass", {"Output": f"{{% {text} %}}"}) for text in (
        "$states.input.a^(>b).c", "$states.input.a#$i.{'i': $i}", "$states.input.a ~> |a|{'b': 1}|", "$states.input.a.b.($c := d; $c & e)", "'a %} b'",
        "$states.input.xs[$contains(y, /z/)][-1]", "$replace('a', /b/, function($m){ $m.match })", "$each($states.input, function($v, $k){ {$k: $v} })",
        "($states.input).a", "$states.input.a[b in $xs].`c d`", "[1, 2].($ * 2)", "function($a)<s:s>{ $a }('x')", "$lookup($states, 'input')", "$parse('{}')",
    )),
    changed("Wait", {"Seconds": "{% $n %}"}),
    changed("Wait", {"Seconds": ABSENT, "Timestamp": "{% $states.input.t %}"}),
    changed("Task", {"Resource": "arn:aws:states:::lambda:invoke", "Arguments": "{% $states.input %}", "TimeoutSeconds": "{% 5 %}"}),
    changed("Task", {"Credentials": {"RoleArn": "{% $role %}"}}),
    changed("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "Done", "Output": "{% $states.errorOutput %}", "Assign": {"e": "{% $states.errorOutput.Error %}"}}]}),
    changed("Fail", {"Error": "{% $e %}", "Cause": "plain"}),
    changed("Map", {"Items": "{% $states.input %}", "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}"}, "ToleratedFailurePercentage": "{% 5 %}"}),
    changed("Map", {"Items": [1, "{% 2 %}"]}),
    changed("Choice", {"Choices": [{"Condition": "{% $a = 1 %}", "Next": "Done", "Output": 1, "Assign": {"b": 2}}, {"Condition": True, "Next": "Done"}]}, JSONATA),
]  # fmt: skip


@pytest.mark.parametrize("state", VALID)
def test_what_keeps_every_rule_is_valid(state: dict[str, Any]) -> None:
    assert validate(machine(state, Version="1.0", TimeoutSeconds=0, Comment="c")) == []


@pytest.mark.parametrize("state", VALID_JSONATA)
def test_what_keeps_every_rule_of_jsonata_is_valid(state: dict[str, Any]) -> None:
    assert validate(machine(state, QueryLanguage="JSONata")) == []
    assert validate(machine({**state, "QueryLanguage": "JSONata"})) == []


@pytest.mark.parametrize(
    ("value", "mend"),
    [
        (machine({"Type": "Pass", "next": "Done"}), "Did you mean `Next`?"),
        (machine({**MINIMAL["Task"], "Ressource": "x"}), "Did you mean `Resource`?"),
        ({"startAt": "S", "States": {"S": MINIMAL["Pass"]}}, "Did you mean `StartAt`?"),
        (machine({"Type": "Task ", "End": True}), "Did you mean `Task`?"),
        (machine({"Type": "Pass", "Next": "Dome"}, ) | {"States": {"S": {"Type": "Pass", "Next": "Dome"}, "Done": {"Type": "Succeed"}}}, "Did you mean `Done`?"),
        (machine({**MINIMAL["Choice"], "Choices": [{"Variable": "$.a", "StringEqual": "x", "Next": "Done"}]}), "Did you mean `StringEquals`?"),
        (machine({**MINIMAL["Pass"], "Parameters": {"a.$": "States.ArrayLenght($.a)"}}), "Did you mean `States.ArrayLength`?"),
        (machine({**MINIMAL["Task"], "Resource": "work"}), "Write `task:work` for a task function."),
        (machine({**MINIMAL["Task"], "Resource": "arn:aws:states:::lambda:invoke.sync", "Parameters": {"FunctionName": "f"}}), "Write `arn:aws:states:::lambda:invoke`."),
        (machine({**MINIMAL["Task"], "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"functionName": "f"}}), "Rename `functionName`."),
        (machine({**MINIMAL["Pass"], "InputPath": "a.b"}), "Write `$.a.b`."),
        (machine({**MINIMAL["Wait"], "Seconds": "5"}), "Write 5 without quotes."),
        (machine({**MINIMAL["Wait"], "Seconds": "$.s"}), "A path belongs in `SecondsPath`."),
        (machine({**MINIMAL["Pass"], "Parameters": {"a.$": "text"}}), "name the field `a`."),
        (machine({**MINIMAL["Pass"], "Parameters": {}}, QueryLanguage="JSONata"), "Use `Arguments`."),
        (machine({**MINIMAL["Pass"], "Output": "{% phone %}"}, QueryLanguage="JSONata"), "Write `$states.input.phone`"),
        (machine({**MINIMAL["Task"], "Retry": [{"ErrorEquals": ["States.TimeOut"]}]}), "Did you mean `States.Timeout`?"),
    ],
)  # fmt: skip
def test_the_mend_is_told_where_it_can_be_known(value: dict[str, Any], mend: str) -> None:
    assert mend in messages(value)


WARNED: list[tuple[dict[str, Any], str]] = [
    ({**MINIMAL["Task"], "Retry": [{"ErrorEquals": ["States.Odd"]}]}, "/States/S/Retry/0/ErrorEquals/0"),
    ({**MINIMAL["Task"], "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 9, "MaxDelaySeconds": 9}]}, "/States/S/Retry/0/MaxDelaySeconds"),
    ({**MINIMAL["Task"], "Resource": "arn:aws:states:::newservice:do", "Parameters": {}}, "/States/S/Resource"),
    ({**MINIMAL["Task"], "Resource": "arn:aws:swf:eu-west-1:111111111111:task:x"}, "/States/S/Resource"),
    ({**MINIMAL["Map"], "Label": "x"}, "/States/S/Label"),
    ({**MINIMAL["Pass"], "QueryLanguage": "JSONata", "Output": "a {% 1 %} b"}, "/States/S/Output"),
    ({**MINIMAL["Pass"], "QueryLanguage": "JSONata", "Output": "{% $eval('1') %}"}, "/States/S/Output"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "pointer"), WARNED)
def test_what_is_only_suspect_is_warned_of_and_not_refused(state: dict[str, Any], pointer: str) -> None:
    (warning,) = validate(machine(state))
    assert (warning.severity, warning.path) == ("warning", pointer)


def test_all_faults_are_told_at_once() -> None:
    value = {
        "StartAt": "A",
        "Foo": 1,
        "States": {
            "A": {"Type": "Wait", "Seconds": "x", "Next": "B"},
            "B": {"Type": "Task", "Resource": "x", "Retry": [{"ErrorEquals": []}], "Next": "C"},
            "D": {"Type": "Parallel", "Branches": [{"StartAt": "E", "States": {"E": {"Type": "Nope"}}}], "End": True},
        },
    }
    assert {path for path, _ in found(value)} == {
        "/Foo",
        "/States/A/Seconds",
        "/States/B/Resource",
        "/States/B/Retry/0/ErrorEquals",
        "/States/B/Next",
        "/States/D",
        "/States/D/Branches/0/States/E/Type",
    }


def test_an_unknown_workflow_type_is_a_fault() -> None:
    assert found(machine(MINIMAL["Pass"]), "FAST") == {("", "INVALID_TYPE")}
