"""Services and actions are found by the names that definitions give them; for others the nearest is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.tasks.aws import catalog
from enginehouse.tasks.aws.names import action_name


@pytest.mark.parametrize(
    ("name", "botocore_name"),
    [("sfn", "stepfunctions"), ("cloudwatchlogs", "logs"), ("eventbridge", "events"), ("s3", "s3"), ("efs", "efs")],
)
def test_services(name: str, botocore_name: str) -> None:
    assert catalog.service(name) == botocore_name


@given(st.data())
def test_every_operation_is_found_by_its_action(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(catalog.services())))
    service = catalog.service(name)
    operation = data.draw(st.sampled_from(catalog.model(service).operation_names))
    assert catalog.operation(service, action_name(operation)) == operation


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("stepfunctions", "it is called 'sfn'"),
        ("logs", "it is called 'cloudwatchlogs'"),
        ("dynamdb", "did you mean 'dynamodb'?"),
        ("Sqs", "did you mean 'sqs'?"),
        ("no-such-thing-at-all", "there is no AWS service 'no-such-thing-at-all' for aws-sdk"),
    ],
)
def test_unknown_services(name: str, told: str) -> None:
    with pytest.raises(catalog.UnknownNameError, match=told.replace("?", r"\?")):
        catalog.service(name)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("sendMesage", "the AWS service 'sqs' has no action 'sendMesage'; did you mean 'sendMessage'?"),
        ("SendMessage", "did you mean 'sendMessage'?"),
        ("fly", "the AWS service 'sqs' has no action 'fly'"),
    ],
)
def test_unknown_actions(action: str, told: str) -> None:
    with pytest.raises(catalog.UnknownNameError, match=told.replace("?", r"\?")):
        catalog.operation("sqs", action)
