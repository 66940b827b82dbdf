"""Every operation, with boto3 and with AWS's command line, on one server each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from enginehouse.server.step_functions.operations import OPERATIONS
from tests.integration.cli.command import ENVIRONMENT
from tests.integration.step_functions import shapes
from tests.integration.step_functions.server import KEYS, REGION, serving
from tests.integration.step_functions.tour import tour


def test_every_operation_of_the_model_is_there() -> None:
    assert set(OPERATIONS) == set(shapes.OPERATIONS)


def test_the_tour_with_boto3(tmp_path: Path) -> None:
    seen: set[str] = set()
    with serving(tmp_path) as server:
        sfn = server.client()
        bodies: list[bytes] = []
        sfn.meta.events.register("before-parse.sfn", lambda response_dict, **_: bodies.append(response_dict["body"]))

        def call(operation: str, **request: Any) -> dict[str, Any]:
            seen.add(operation)
            answer: dict[str, Any] = getattr(sfn, xform_name(operation))(**request)
            shapes.check(operation, json.loads(bodies.pop()))
            return answer

        tour(call)
        assert server.said() == ""
    assert seen == set(OPERATIONS)


def test_the_tour_with_the_command_line(tmp_path: Path) -> None:
    aws = Path(sys.executable).with_name("aws")
    with serving(tmp_path) as server:
        environment = {
            **ENVIRONMENT,
            **{name.upper(): value for name, value in KEYS.items()},
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": server.url,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
        }

        def call(operation: str, **request: Any) -> dict[str, Any]:
            words = [
                "stepfunctions",
                xform_name(operation, "-"),
                "--cli-input-json",
                json.dumps(request),
                "--no-paginate",
            ]
            if operation in (
                "ListStateMachines",
                "ListExecutions",
                "ListActivities",
                "ListMapRuns",
                "GetExecutionHistory",
            ):
                words = words[:4]  # those that have pages bring all unless told not to
                words += ["--no-paginate"]
            else:
                words = words[:4]
            done = subprocess.run(
                [sys.executable, str(aws), *words],
                env=environment,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
            answer: dict[str, Any] = json.loads(done.stdout or "{}")
            shapes.check(operation, answer, texts=True)
            return answer

        tour(call)


@pytest.mark.parametrize("target", ["AWSStepFunctions.Nonsense", "Nonsense", ""])
def test_no_other_operation_is_answered(server: Any, target: str) -> None:
    import urllib.error
    import urllib.request

    request = urllib.request.Request(server.url, data=b"{}", headers={"X-Amz-Target": target})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 400
    assert json.loads(caught.value.read())["__type"] == "UnknownOperationException"
