"""What a spec becomes on AWS, and what is refused before AWS is asked."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import botocore.session
import pytest

from enginehouse import InvalidSpecError, RetryPolicy, WorkflowSpec
from enginehouse.errors import CapabilityError
from enginehouse.providers.step_functions.definitions import make
from enginehouse.providers.step_functions.names import Arns, partition_of
from enginehouse.providers.step_functions.settings import Settings, read_resources

ARNS = Arns("eu-west-1", "123456789012")
SETTINGS = Settings(role="arn:aws:iam::123456789012:role/r")
TASK: dict[str, Any] = {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "task:greet", "End": True}}}


def spec(definition: Any = TASK, **fields: Any) -> WorkflowSpec:
    return WorkflowSpec(workflow_id="flow", definition=definition, **fields)


def test_the_timeout_and_the_retry_policy_go_into_the_definition() -> None:
    policy = RetryPolicy(
        max_attempts=2, initial_interval=timedelta(seconds=0.5), backoff_rate=3.0, max_interval=timedelta(seconds=1)
    )
    made = json.loads(make(spec(timeout=timedelta(minutes=1.5), retry_policy=policy), SETTINGS, ARNS).text)
    assert made["TimeoutSeconds"] == 90
    assert made["States"]["Do"]["Retry"][-1] == {
        "ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 3.0, "MaxDelaySeconds": 2,
    }  # fmt: skip


def test_a_definitions_own_timeout_stays() -> None:
    made = make(spec({**TASK, "TimeoutSeconds": 5}, timeout=timedelta(minutes=1)), SETTINGS, ARNS)
    assert json.loads(made.text)["TimeoutSeconds"] == 5


def test_tasks_go_where_the_configuration_sends_them() -> None:
    settings = Settings(
        role=SETTINGS.role,
        resources=read_resources({"*": "https://sqs.example/q", "greet": "activity"}),
    )
    made = make(spec(), settings, ARNS)
    assert made.activities == {"greet": "arn:aws:states:eu-west-1:123456789012:activity:enginehouse-greet"}
    assert not made.queues
    own = make(spec(provider_config={"resources": {"greet": "https://sqs.example/other"}}), settings, ARNS)
    assert own.queues == {"greet": "https://sqs.example/other"}
    assert not own.activities


@pytest.mark.parametrize(
    "place", ["", "ftp://x", "arn:aws:sns:r:a:topic", "https://sqs.example/q.fifo", "arn:aws:states:r:a:stateMachine:m"]
)
def test_a_place_that_takes_no_tasks_is_refused(place: str) -> None:
    with pytest.raises(InvalidSpecError) as raised:
        read_resources({"greet": place})
    assert raised.value.diagnostics[0].path == "/resources/greet"


def test_all_faults_are_told_at_once() -> None:
    bad = spec(
        {"StartAt": "No", "States": {"Do": {"Type": "Pass", "Next": "Nowhere"}}},
        provider_config={"roleArn": "x", "oops": 1, "publish": "yes", "versionDescription": "v"},
        tags={"aws:x": "y"},
    )
    with pytest.raises(InvalidSpecError) as raised:
        make(bad, SETTINGS, ARNS)
    codes = {item.code for item in raised.value.diagnostics}
    assert codes >= {"INVALID_ROLE", "UNKNOWN_CONFIG", "INVALID_CONFIG", "INVALID_TAG"}
    assert len(raised.value.diagnostics) >= 7


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": {"team*": "shop"}},
        {"tags": {"team": "shop?"}},
        {"provider_config": {"publish": True, "versionDescription": "x" * 257}},
    ],
)
def test_what_aws_takes_no_more_of_is_found_before_it_is_asked(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpecError):
        make(spec(**fields), SETTINGS, ARNS)


def test_tags_are_of_any_letters() -> None:
    tags = {"größe": "日本 1.0/a:b=c+d-e@f", "empty": ""}
    assert make(spec(tags=tags), SETTINGS, ARNS).tags == tags


def test_express_is_refused_unless_it_is_awaited() -> None:
    quick = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    with pytest.raises(CapabilityError, match="no history"):
        make(spec(quick, provider_config={"type": "EXPRESS"}), SETTINGS, ARNS)
    made = make(spec(quick, provider_config={"type": "EXPRESS", "synchronous": True}), SETTINGS, ARNS)
    assert made.type == "EXPRESS"


def test_files_of_this_machine_are_refused_on_aws_and_left_to_another_server() -> None:
    reader = {"Resource": "file:read", "Parameters": {"Path": "x.csv"}, "ReaderConfig": {"InputType": "JSON"}}
    inner = {
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}},
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    }
    each = {"Type": "Map", "ItemReader": reader, "ItemProcessor": inner, "End": True}
    definition = {"StartAt": "Each", "States": {"Each": each}}
    with pytest.raises(InvalidSpecError) as raised:
        make(spec(definition), SETTINGS, ARNS)
    assert raised.value.diagnostics[0].path == "/States/Each/ItemReader/Resource"
    make(spec(definition), Settings(role=SETTINGS.role, endpoint="http://127.0.0.1:8083"), ARNS)


def test_a_definition_too_large_for_aws_is_refused() -> None:
    states = {f"S{n}": {"Type": "Pass", "Comment": "x" * 1000, "Next": f"S{n + 1}"} for n in range(1030)}
    states["S1030"] = {"Type": "Succeed"}
    with pytest.raises(InvalidSpecError, match="1,048,576"):
        make(spec({"StartAt": "S0", "States": states}), SETTINGS, ARNS)


def test_a_definition_that_is_too_large_once_its_tasks_are_rewritten_is_told_its_size() -> None:
    chain = {f"S{n}": {"Type": "Task", "Resource": "task:do", "Next": f"S{n + 1}"} for n in range(3000)}
    flow = {"StartAt": "S0", "States": {**chain, "S3000": {"Type": "Succeed"}}}
    assert len(json.dumps(flow)) < 200_000
    with pytest.raises(InvalidSpecError, match=r"1,[0-9]{3},[0-9]{3} bytes as AWS gets it") as raised:
        make(spec(flow), SETTINGS, ARNS)
    assert [item.code for item in raised.value.diagnostics] == ["DEFINITION_TOO_LARGE"]


def test_a_definitions_size_is_counted_in_bytes() -> None:
    flow = {"Comment": "é" * 600_000, "StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    with pytest.raises(InvalidSpecError, match="bytes as AWS gets it"):
        make(spec(flow), SETTINGS, ARNS)


def test_every_region_that_botocore_knows_is_one_and_in_its_partition() -> None:
    session = botocore.session.Session()
    regions = {
        region: partition
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("stepfunctions", partition)
    }
    assert len(set(regions.values())) > 3
    for region, partition in regions.items():
        assert partition_of(region) == partition
        role = f"arn:{partition}:iam::{ARNS.account}:role/r"
        made = make(spec(provider_config={"roleArn": role}), Settings(), Arns(region, ARNS.account, partition))
        assert all(arn.startswith(f"arn:{partition}:states:{region}:") for arn in made.activities.values())
