"""The option ``aws`` of a provider."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from enginehouse.config import load_settings
from enginehouse.tasks.aws import AwsAccess, access, aws_access


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
    ("given", "told"),
    [
        ({"regoin": "x"}, "did you mean 'region'"),
        ({"colour": "x"}, "aws has no option 'colour'; known are"),
        ({"region": 3}, "the option 'region' of aws cannot be 3"),
        ({"poll": True}, "the option 'poll' of aws cannot be True"),
        ({"poll": 0}, "'poll' of aws must be above 0"),
        ({"connections": -1}, "'connections' of aws must be above 0"),
        ({"endpoint": "localhost:4566"}, "an endpoint of aws is a URL"),
        ({"endpoints": {"sqs": "localhost"}}, "an endpoint of aws is a URL"),
        ("yes", "aws is true, false or a table"),
    ],
)
def test_mistakes_are_named(given: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        aws_access(given)


def test_without_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "find_spec", lambda name: None)
    assert aws_access(False) is None
    with pytest.raises(ValueError, match=r"pip install 'enginehouse\[aws\]'"):
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
