"""Parameters and answers cross between AWS's spelling in definitions and botocore's, for every model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.tasks.aws import catalog
from enginehouse.tasks.aws.convert import SDK, RefusedFields, answer, iso, json_text, optimised, parameters

SERVICES = st.sampled_from(sorted(catalog.services().values()))


def shape(service: str, operation: str, output: bool = False) -> Shape | None:
    model = catalog.model(service).operation_model(operation)
    return model.output_shape if output else model.input_shape


def refused(service: str, operation: str, given: object, dialect: Any = SDK) -> str:
    with pytest.raises(RefusedFields) as raised:
        parameters(given, shape(service, operation), dialect)
    return str(raised.value)


@st.composite
def values(draw: st.DrawFn, of: Shape, depth: int = 0) -> Any:
    """A value that botocore takes for the shape, with few of the fields that may be left out."""
    if isinstance(of, StructureShape):
        if getattr(of, "is_document_type", False):
            return {"free": ["form"]}
        names = set(of.required_members)
        optional = sorted(set(of.members) - names)
        if optional and depth < 4:
            names |= set(draw(st.lists(st.sampled_from(optional), max_size=3)))
        return {name: draw(values(of.members[name], depth + 1)) for name in sorted(names)}
    if isinstance(of, ListShape):
        return [draw(values(of.member, depth + 1))] if depth < 6 else []
    if isinstance(of, MapShape):
        return {"aKey": draw(values(of.value, depth + 1))} if depth < 6 else {}
    match of.type_name:
        case "boolean":
            return draw(st.booleans())
        case "integer" | "long":
            return draw(st.integers(0, 1000))
        case "float" | "double":
            return draw(st.floats(0, 1000))
        case "timestamp":
            return datetime.fromtimestamp(draw(st.integers(0, 2_000_000_000_000)) / 1000, UTC)
        case "blob":
            return b'"data"'
    return draw(st.text("abc", min_size=1, max_size=3))


def as_parameters(value: Any) -> Any:
    """What was an answer, as a parameter again: the text of a blob is its JSON."""
    if isinstance(value, dict):
        return {key: as_parameters(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_parameters(item) for item in value]
    return "data" if value == '"data"' else value


@given(st.data(), SERVICES)
def test_what_is_spelt_for_a_definition_is_understood_again(data: st.DataObject, service: str) -> None:
    model = catalog.model(service)
    found = model.operation_model(data.draw(st.sampled_from(model.operation_names))).input_shape
    if found is None:
        return
    value = data.draw(values(found))
    spelt = as_parameters(answer(value, found, SDK))
    again = parameters(spelt, found, SDK)
    assert again == value
    report = ParamValidator().validate(again, found).generate_report()
    assert "Unknown parameter" not in report
    assert "Invalid type" not in report


def test_fields_are_spelt_as_in_definitions() -> None:
    given = {"DbInstanceIdentifier": "db", "DbInstanceClass": "small", "Engine": "x", "DbSecurityGroups": ["a"]}
    assert parameters(given, shape("rds", "CreateDBInstance"), SDK) == {
        "DBInstanceIdentifier": "db",
        "DBInstanceClass": "small",
        "Engine": "x",
        "DBSecurityGroups": ["a"],
    }
    told = answer({"DBInstances": [{"DBInstanceStatus": "up"}]}, shape("rds", "DescribeDBInstances", True), SDK)
    assert told == {"DbInstances": [{"DbInstanceStatus": "up"}]}


def test_keys_of_maps_are_data() -> None:
    given = {"TableName": "t", "Item": {"someID": {"S": "1"}, "flags": {"M": {"ON": {"Bool": True}}}}}
    assert parameters(given, shape("dynamodb", "PutItem"), SDK)["Item"] == {
        "someID": {"S": "1"},
        "flags": {"M": {"ON": {"BOOL": True}}},
    }


def test_all_faults_are_told_with_the_right_spelling() -> None:
    told = refused("rds", "CreateDBInstance", {"DBInstanceIdentifier": "db", "Colour": 1, "AllocatedStorage": "5"})
    assert 'The field "DBInstanceIdentifier" is not supported by Step Functions; write DbInstanceIdentifier' in told
    assert 'The field "Colour" is not supported by Step Functions' in told
    assert "The value for the field 'AllocatedStorage' must be an INTEGER" in told
    assert "The field 'Engine' is required but was missing" in told


@pytest.mark.parametrize("given", [[], "text", 3])
def test_parameters_are_an_object(given: object) -> None:
    assert refused("sqs", "SendMessage", given) == "The parameters must be an object"


def test_null_is_nothing() -> None:
    assert parameters(None, shape("sqs", "ListQueues"), SDK) == {}
    assert parameters({"QueueNamePrefix": None}, shape("sqs", "ListQueues"), SDK) == {}
    assert "'QueueUrl' is required" in refused("sqs", "SendMessage", {"QueueUrl": None, "MessageBody": "m"})


def test_operations_without_parameters_take_none() -> None:
    assert parameters({}, None, SDK) == {}
    assert "not supported" in refused("sts", "GetCallerIdentity", {"A": 1})


def test_json_becomes_text_where_text_is_asked_for() -> None:
    started = {"StateMachineArn": "arn", "Input": {"a": [1, None]}}
    assert parameters(started, shape("stepfunctions", "StartExecution"), SDK)["input"] == '{"a":[1,null]}'
    message = {"QueueUrl": "q", "MessageBody": 1}
    assert "'MessageBody' must be a STRING" in refused("sqs", "SendMessage", message)
    sent = parameters(message, shape("sqs", "SendMessage"), optimised({"MessageBody"}))
    assert sent == {"QueueUrl": "q", "MessageBody": "1"}


@pytest.mark.parametrize(("body", "sent"), [({"Dict": "Value"}, b'{"Dict":"Value"}'), (0, b"0"), ("t", b'"t"')])
def test_what_is_sent_as_bytes_is_json(body: object, sent: bytes) -> None:
    given = {"Bucket": "b", "Key": "k", "Body": body}
    assert parameters(given, shape("s3", "PutObject"), SDK)["Body"] == sent


def test_optimized_integrations_understand_the_services_own_spelling() -> None:
    given = {"JobName": "j", "JobQueue": "q", "JobDefinition": "d", "RetryStrategy": {"attempts": 5}}
    found = shape("batch", "SubmitJob")
    assert parameters(given, found, optimised(()))["retryStrategy"] == {"attempts": 5}
    assert "write Attempts" in refused("batch", "SubmitJob", given)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T12:00:00Z", datetime(2024, 5, 1, 12, tzinfo=UTC)),
        ("2024-05-01T12:00:00", datetime(2024, 5, 1, 12, tzinfo=UTC)),
        (1714564800, datetime(2024, 5, 1, 12, tzinfo=UTC)),
    ],
)
def test_points_of_time(text: object, moment: datetime) -> None:
    found = shape("cloudwatch", "GetMetricStatistics")
    given = {"Namespace": "n", "MetricName": "m", "StartTime": text, "EndTime": text, "Period": 60}
    assert parameters(given, found, SDK)["StartTime"] == moment
    assert "must be a TIMESTAMP" in refused("cloudwatch", "GetMetricStatistics", {**given, "StartTime": "soon"})


def test_answers_in_the_words_of_each_integration() -> None:
    told = {"executionArn": "arn", "startDate": datetime(2024, 5, 1, 12, 0, 0, 250_000, UTC)}
    found = shape("stepfunctions", "StartExecution", True)
    assert answer(told, found, SDK) == {"ExecutionArn": "arn", "StartDate": "2024-05-01T12:00:00.250Z"}
    assert answer(told, found, optimised(())) == {"ExecutionArn": "arn", "StartDate": 1714564800250}


def test_whole_seconds_have_no_fraction() -> None:
    assert iso(datetime(2024, 5, 1, 12, tzinfo=UTC)) == "2024-05-01T12:00:00Z"


def test_bytes_are_text_and_what_is_not_of_the_model_is_left_out() -> None:
    told = {"Body": b"gr\xc3\xbcn", "ContentLength": 5, "ResponseMetadata": {"x": 1}}
    assert answer(told, shape("s3", "GetObject", True), SDK) == {"Body": "grün", "ContentLength": 5}
    assert answer({"Body": b"\xff"}, shape("s3", "GetObject", True), SDK) == {"Body": "\ufffd"}


def test_an_operation_without_an_output_answers_with_nothing() -> None:
    assert answer({"ResponseMetadata": {"HTTPStatusCode": 200}}, None, SDK) == {}


def test_json_text_is_as_short_as_it_goes() -> None:
    assert json_text({"a": "ü"}) == '{"a":"ü"}'
