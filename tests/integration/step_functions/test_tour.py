"""Every operation, with boto3 and with AWS's command line, on one server each."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from enginehouse.server.step_functions.operations import OPERATIONS
from tests.integration.cli.command import ENVIRONMENT
from tests.integration.step_functions.server import KEYS, REGION, serving
from tests.integration.step_functions.tour import tour
from tests.service_model import MODEL, assert_answers

PAGED = ("ListStateMachines", "ListExecutions", "ListActivities", "ListMapRuns", "GetExecutionHistory")


def test_every_operation_of_the_model_is_there() -> None:
    assert set(OPERATIONS) == set(MODEL.operations)


def test_the_tour_with_boto3(tmp_path: Path) -> None:
    seen: set[str] = set()
    with serving(tmp_path) as server:
        sfn = server.client()
        bodies: list[bytes] = []
        sfn.meta.events.register("before-parse.sfn", lambda response_dict, **_: bodies.append(response_dict["body"]))

        def call(operation: str, **request: Any) -> dict[str, Any]:
            seen.add(operation)
            answer: dict[str, Any] = getattr(sfn, xform_name(operation))(**request)
            assert_answers(operation, json.loads(bodies.pop()))
            return answer

        tour(call)
        assert server.said() == ""
    assert seen == set(OPERATIONS)


def test_the_tour_with_the_command_line(tmp_path: Path) -> None:
    with serving(tmp_path) as server, command_line(tmp_path, server.url) as aws:

        def call(operation: str, **request: Any) -> dict[str, Any]:
            words = ["stepfunctions", xform_name(operation, "-"), "--cli-input-json", json.dumps(request)]
            if operation in PAGED:  # the command line brings all pages unless told not to
                words.append("--no-paginate")
            answer = aws(words)
            assert_answers(operation, answer)
            return answer

        tour(call)


@contextmanager
def command_line(folder: Path, url: str) -> Iterator[Callable[[list[str]], dict[str, Any]]]:
    """AWS's command line at this endpoint, as a function of its words."""
    environment = {
        **ENVIRONMENT,
        **{name.upper(): value for name, value in KEYS.items()},
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_CONFIG_FILE": str(folder / "none"),
    }
    script = str(Path(__file__).with_name("aws.py"))
    with subprocess.Popen(
        [sys.executable, script], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        reads, writes = process.stdout, process.stdin

        def aws(words: list[str]) -> dict[str, Any]:
            print(json.dumps(words), file=writes, flush=True)
            status, said, complained = json.loads(reads.readline())
            assert status == 0, complained
            answer: dict[str, Any] = json.loads(said or "{}")
            return answer

        yield aws
        writes.close()


@pytest.mark.parametrize("target", ["AWSStepFunctions.Nonsense", "Nonsense", ""])
def test_no_other_operation_is_answered(server: Any, target: str) -> None:
    request = urllib.request.Request(server.url, data=b"{}", headers={"X-Amz-Target": target})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 400
    assert json.loads(caught.value.read())["__type"] == "UnknownOperationException"
