"""TestState through boto3: Lambda functions that run by configuration, and HTTP that is really sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.integration.step_functions.server import ROLE, serving
from tests.integration.step_functions.test_executions import refused

FUNCTIONS = """
import time

def handler(event, context):
    if event.get("fail"):
        raise ValueError("no " + event["fail"])
    if event.get("wait"):
        time.sleep(event["wait"])
    return {"hello": event.get("name"), "as": context.function_name}
"""
ARN = "arn:aws:lambda:us-east-1:123456789012:function:hello"


class Answers(BaseHTTPRequestHandler):
    """A web service that says what it was told."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        gone = self.path.startswith("/gone")
        answer = b"gone" if gone else json.dumps({"path": self.path, "told": json.loads(body)}).encode()
        self.send_response(404 if gone else 200)
        self.send_header("Content-Type", "text/plain" if gone else "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, web: str) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("states-alone")
    (folder / "functions.py").write_text(FUNCTIONS)
    with serving(folder, "--lambda", "hello=functions.py:handler", "--http", web) as server:
        yield server.client()
        assert server.said() == ""


def answered(client: Any, state: dict[str, Any], **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.test_state(definition=json.dumps(state), roleArn=ROLE, **request)
    del answer["ResponseMetadata"]
    return answer


def test_a_lambda_function_runs_as_the_state_says(client: Any) -> None:
    state = {"Type": "Task", "Resource": ARN, "ResultPath": "$.greeting", "Next": "Then"}
    answer = answered(client, state, input='{"name": "Ada"}', inspectionLevel="DEBUG")
    assert (answer["status"], answer["nextState"]) == ("SUCCEEDED", "Then")
    assert json.loads(answer["output"]) == {"name": "Ada", "greeting": {"hello": "Ada", "as": "hello"}}
    assert json.loads(answer["inspectionData"]["result"]) == {"hello": "Ada", "as": "hello"}


def test_a_lambda_function_is_invoked_by_the_optimised_integration(client: Any) -> None:
    state = {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "hello", "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload.hello %}",
        "End": True,
    }
    assert answered(client, state, input='{"name": "Ada"}') == {"status": "SUCCEEDED", "output": '"Ada"'}


def test_a_lambda_function_that_fails_is_retried_caught_or_fails_the_state(client: Any) -> None:
    state = {"Type": "Task", "Resource": ARN, "End": True}
    broken = {"ErrorEquals": ["ValueError"]}
    handled: list[tuple[str, dict[str, Any]]] = [
        ("FAILED", {}),
        ("RETRIABLE", {"Retry": [broken]}),
        ("CAUGHT_ERROR", {"Catch": [{**broken, "Next": "H"}]}),
    ]
    for status, fields in handled:
        answer = answered(client, {**state, **fields}, input='{"fail": "luck"}')
        assert (answer["status"], answer["error"]) == (status, "ValueError")
        assert json.loads(answer["cause"])["errorMessage"] == "no luck"


def test_a_task_that_takes_longer_than_it_may_times_out(client: Any) -> None:
    state = {
        "Type": "Task",
        "Resource": ARN,
        "TimeoutSeconds": 1,
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "H"}],
    }
    answer = answered(client, {**state, "End": True}, input='{"wait": 1.5}')
    assert (answer["status"], answer["error"], answer["nextState"]) == ("CAUGHT_ERROR", "States.Timeout", "H")


def http(web: str, path: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {
            "Method": "POST",
            "ApiEndpoint": f"http://{web}{path}",
            "Authentication": {"ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/c/1"},
            "QueryParameters": {"q": "1"},
            "RequestBody": {"message": "Hello"},
        },
        "End": True,
    }


def test_an_http_task_tells_what_was_sent_and_what_came(client: Any, web: str) -> None:
    data = answered(client, http(web, "/get"), inspectionLevel="TRACE")["inspectionData"]
    assert data["request"] == {
        "protocol": "http",
        "method": "POST",
        "url": f"http://{web}/get?q=1",
        "headers": "[Content-Type: application/json]",
        "body": '{"message": "Hello"}',
    }
    assert (data["response"]["statusCode"], data["response"]["statusMessage"]) == ("200", "OK")
    assert "content-type: application/json" in data["response"]["headers"]
    assert json.loads(data["response"]["body"]) == {"path": "/get?q=1", "told": {"message": "Hello"}}


def test_an_http_task_that_is_answered_with_an_error_tells_of_that(client: Any, web: str) -> None:
    answer = answered(client, http(web, "/gone"), inspectionLevel="TRACE")
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Http.StatusCode.404")
    assert answer["inspectionData"]["response"] == {"protocol": "http", "statusCode": "404", "body": "gone"}


def test_a_mock_needs_no_role_and_runs_nothing(client: Any) -> None:
    state = json.dumps({"Type": "Task", "Resource": ARN, "End": True})
    answer = client.test_state(definition=state, mock={"result": '{"hello": "nobody"}'})
    assert answer["output"] == '{"hello": "nobody"}'
    told = refused("ValidationException", client.test_state, definition=state)
    assert told == "RoleArn must be specified when testing a Task state"
