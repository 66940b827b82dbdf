"""The option ``aws`` of a provider."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from enginehouse.config import load_settings
from enginehouse.errors import InvalidSpecError, ProviderNotFoundError
from enginehouse.registry import Registry
from enginehouse.tasks.aws import AwsAccess, access, aws_access
from enginehouse.tasks.aws.clients import Clients


@pytest.mark.parametrize("given", [None, False])
def test_off(given: bool | None) -> None:
    assert aws_access(given) is None


def test_on() -> None:
    assert aws_access(True) == AwsAccess()
    own = AwsAccess(region="eu-central-1")
    assert aws_access(own) is own
    table = {"region": "eu-central-1", "endpoints": {"sqs": "http://127.0.0.1:9324"}, "poll": 1}
    assert aws_access(table) == AwsAccess(region="eu-central-1", endpoints={"sqs": "http://127.0.0.1:9324"}, poll=1)


@pytest.mark.parametrize(
    ("given", "place", "told"),
    [
        ({"regoin": "x"}, "/aws/regoin", "aws has no option 'regoin'. Did you mean 'region'?"),
        ({"colour": "x"}, "/aws/colour", "aws has no option 'colour'. It is a table of region, profile, endpoint"),
        ({"endpoint": 3}, "/aws/endpoint", "the option 'endpoint' of aws cannot be 3. It is a text."),
        ({"region": 3}, "/aws/region", "the option 'region' of aws cannot be 3. It is a text."),
        ({"poll": True}, "/aws/poll", "the option 'poll' of aws cannot be True. It is a number of seconds."),
        ({"poll": 0}, "/aws/poll", "the option 'poll' of aws cannot be 0. It is a number of seconds above 0."),
        ({"poll": float("nan")}, "/aws/poll", "the option 'poll' of aws cannot be nan."),
        ({"connections": -1}, "/aws/connections", "cannot be -1. It is a whole number above 0."),
        ({"connections": 1.5}, "/aws/connections", "cannot be 1.5. It is a whole number."),
        ({"endpoints_only": 1}, "/aws/endpoints_only", "cannot be 1. It is true or false."),
        ({"endpoint": "localhost:4566"}, "/aws/endpoint", "an endpoint of aws cannot be 'localhost:4566'. It is a URL"),
        ({"endpoints": {"sqs": "localhost"}}, "/aws/endpoints/sqs", "an endpoint of aws cannot be 'localhost'."),
        ("yes", "/aws", "aws cannot be 'yes'. It is true, false or a table of region"),
    ],
)
def test_mistakes_are_named(given: Any, place: str, told: str) -> None:
    with pytest.raises(InvalidSpecError) as raised:
        aws_access(given)
    (fault,) = raised.value.diagnostics
    assert fault.path == place
    assert told in f"{fault.message} {fault.hint}"


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(InvalidSpecError) as raised:
        aws_access({"regoin": "x", "poll": 0, "endpoints": {"sqs": 1, "sns": "x"}})
    places = [fault.path for fault in raised.value.diagnostics]
    assert places == ["/aws/regoin", "/aws/poll", "/aws/endpoints/sqs", "/aws/endpoints/sns"]


@pytest.mark.parametrize("name", ["local", "mock", "temporal"])
def test_a_provider_that_is_asked_for_by_name_tells_of_them_as_of_all_options(name: str) -> None:
    with pytest.raises(InvalidSpecError, match="the option 'poll' of aws cannot be 0"):
        Registry({name: {"aws": {"poll": 0}}}).get(name)


def test_without_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "find_spec", lambda name: None)
    assert aws_access(False) is None
    with pytest.raises(ProviderNotFoundError, match=r"pip install 'enginehouse\[aws\]'"):
        aws_access(True)
    assert importlib.util.find_spec("botocore") is not None


def test_from_a_file_and_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "enginehouse.toml").write_text('[providers.local.aws]\nregion = "eu-central-1"\n')
    options = load_settings(folder=tmp_path, environment={}).providers["local"]
    assert aws_access(options["aws"]) == AwsAccess(region="eu-central-1")  # type: ignore[arg-type]
    options = load_settings(folder=tmp_path, environment={"ENGINEHOUSE_PROVIDERS__LOCAL__AWS": "true"}).providers[
        "local"
    ]
    assert aws_access(options["aws"]) == AwsAccess()  # type: ignore[arg-type]


def test_the_regions_variables_are_read_as_by_awss_other_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    assert Clients(AwsAccess()).get("sqs").meta.region_name == "eu-west-3"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Clients(AwsAccess()).get("sqs").meta.region_name == "eu-west-2"
    assert Clients(AwsAccess(region="eu-west-1")).get("sqs").meta.region_name == "eu-west-1"
