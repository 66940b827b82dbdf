"""What runs the tasks: Lambda functions by configuration, other services at endpoints, waits that are scaled."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from enginehouse.providers.local.lease import Lease
from tests.integration.cli.command import ENVIRONMENT
from tests.integration.step_functions.calls import made, run
from tests.integration.step_functions.server import HOLD, ROLE, Server, definition, serving
from tests.recorded.through_api import lambda_endpoint

HANDLERS = """
    class OutOfStock(Exception):
        pass


    def hello(event, context):
        return {"hello": event["who"], "function": context.function_name, "left": context.get_remaining_time_in_millis() > 0}


    def refuse(event, context):
        raise OutOfStock("none left")


    def arn(event, context):
        return context.invoked_function_arn


    async def slowly(event, context):
        return "in the end"
"""
ARN = "arn:aws:lambda:us-east-1:123456789012:function"


def invoke(name: str) -> str:
    parameters = {"FunctionName": f"{ARN}:{name}", "Payload.$": "$"}
    return definition(
        ("Call", {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters})
    )


def direct(name: str) -> str:
    return definition(("Call", {"Type": "Task", "Resource": f"{ARN}:{name}"}))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("lambdas")
    (folder / "handlers.py").write_text(textwrap.dedent(HANDLERS))
    (folder / "answer.json").write_text('{"always": 1}')
    flags = ["--lambda", "hello=handlers:hello", "--lambda", "refuse=handlers.py:refuse"]
    flags += ["--region", "eu-west-1", "--account", "111122223333", "--lambda", "arn=handlers.py:arn"]
    flags += ["--lambda", "slowly=handlers.py:slowly", "--lambda", "fixed=@answer.json"]

    def elsewhere(event: Any, context: Any) -> Any:
        if event.get("fail"):
            raise ValueError("far away")
        return {"from": "elsewhere", **event}

    with lambda_endpoint({f"{ARN}:remote": elsewhere, f"{ARN}:other": elsewhere}) as url:
        flags += ["--lambda", f"remote={url}"]
        environment = {"LAMBDA_ENDPOINT": url, "WAIT_TIME_SCALE": "0.001"}
        with serving(folder, *flags, environment=environment) as server:
            yield server


def test_a_handler_of_this_process_is_invoked(sfn: Any) -> None:
    found = run(sfn, made(sfn, "hello", direct("hello")), input='{"who": "Ada"}')
    assert json.loads(found["output"]) == {"hello": "Ada", "function": "hello", "left": True}
    answer = json.loads(run(sfn, made(sfn, "hello-invoke", invoke("hello")), input='{"who": "Ada"}')["output"])
    assert (answer["StatusCode"], answer["Payload"]["hello"]) == (200, "Ada")


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"FunctionName": "arn"}, "arn:aws:lambda:eu-west-1:111122223333:function:arn"),
        ({"FunctionName": "arn", "Qualifier": "live"}, "arn:aws:lambda:eu-west-1:111122223333:function:arn:live"),
        ({"FunctionName": f"{ARN}:arn:live"}, f"{ARN}:arn:live"),
    ],
)
def test_a_function_knows_its_own_arn(sfn: Any, given: dict[str, str], seen: str) -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": given}
    machine = made(sfn, f"arn-{len(json.dumps(given))}", definition(("Call", state)))
    assert json.loads(run(sfn, machine)["output"])["Payload"] == seen
    alone = sfn.test_state(definition=json.dumps({**state, "End": True}), roleArn=ROLE)
    assert json.loads(alone["output"])["Payload"] == seen


def test_async_handlers_and_fixed_answers(sfn: Any) -> None:
    assert json.loads(run(sfn, made(sfn, "slowly", direct("slowly")))["output"]) == "in the end"
    assert json.loads(run(sfn, made(sfn, "fixed", direct("fixed")))["output"]) == {"always": 1}


def test_a_failing_handler_reports_as_lambda_does(sfn: Any) -> None:
    found = run(sfn, made(sfn, "refuse", direct("refuse")))
    assert (found["status"], found["error"]) == ("FAILED", "OutOfStock")
    report = json.loads(found["cause"])
    assert (report["errorType"], report["errorMessage"]) == ("OutOfStock", "none left")
    assert any("/var/task/handlers.py" in line and "in refuse" in line for line in report["stackTrace"])


@pytest.mark.parametrize("name", ["remote", "other"])
def test_an_endpoint_is_called_by_name_or_for_all_the_rest(sfn: Any, name: str) -> None:
    machine = made(sfn, name, direct(name))
    assert json.loads(run(sfn, machine, input='{"n": 1}')["output"]) == {"from": "elsewhere", "n": 1}
    found = run(sfn, machine, input='{"fail": true}')
    assert (found["error"], json.loads(found["cause"])["errorMessage"]) == ("ValueError", "far away")


def test_an_endpoint_that_cannot_be_reached_fails_the_task(tmp_path: Path) -> None:
    with serving(tmp_path, "--memory", environment={"LAMBDA_ENDPOINT": "http://127.0.0.1:1"}) as server:
        sfn = server.client()
        found = run(sfn, made(sfn, "nobody", direct("nobody")))
        assert found["error"] == "Lambda.SdkClientException"
        assert "http://127.0.0.1:1 cannot be reached" in found["cause"]


def test_a_function_that_nobody_knows_fails_the_task(tmp_path: Path) -> None:
    with serving(tmp_path, "--memory") as server:
        sfn = server.client()
        found = run(sfn, made(sfn, "unknown", direct("unknown")))
        assert found["error"] == "Lambda.ResourceNotFoundException"


def test_waits_are_scaled(sfn: Any) -> None:
    assert run(sfn, made(sfn, "waits", definition(("Hold", {"Type": "Wait", "Seconds": 600}))))["status"] == "SUCCEEDED"


class Sqs(BaseHTTPRequestHandler):
    """As much of a queue as a task asks for."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        missing = request["QueueUrl"].endswith("/nowhere")
        answer: Mapping[str, Any] = {"MessageId": "m1", "MD5OfMessageBody": "x", "Got": request["MessageBody"]}
        if missing:
            answer = {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no such queue"}
        body = json.dumps(answer).encode()
        self.send_response(400 if missing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.seen.append(request)  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture(scope="module")
def queue() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sqs)
    server.seen = []  # type: ignore[attr-defined]
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def at_queue(queue: ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    environment = {"SQS_ENDPOINT": f"http://127.0.0.1:{queue.server_port}"}
    with serving(tmp_path_factory.mktemp("services"), "--memory", environment=environment) as server:
        yield server.client()


def sending(resource: str, url: str = "http://queue/1/here") -> str:
    parameters = {"QueueUrl": url, "MessageBody": {"n.$": "$.n"}}
    return definition(("Send", {"Type": "Task", "Resource": resource, "Parameters": parameters}))


def test_a_service_is_called_at_its_endpoint(at_queue: Any, queue: ThreadingHTTPServer) -> None:
    machine = made(at_queue, "send", sending("arn:aws:states:::sqs:sendMessage"))
    answer = json.loads(run(at_queue, machine, input='{"n": 1}')["output"])
    assert (answer["MessageId"], answer["SdkHttpMetadata"]["HttpStatusCode"]) == ("m1", 200)
    assert queue.seen[-1]["MessageBody"] == '{"n":1}'  # type: ignore[attr-defined]
    machine = made(at_queue, "send-sdk", sending("arn:aws:states:::aws-sdk:sqs:sendMessage"))
    answer = json.loads(run(at_queue, machine, input='{"n": 2}')["output"])
    assert answer["MessageId"] == "m1"
    assert "SdkHttpMetadata" not in answer


def test_what_a_service_refuses_fails_the_task(at_queue: Any) -> None:
    machine = made(at_queue, "refused", sending("arn:aws:states:::aws-sdk:sqs:sendMessage", "http://queue/1/nowhere"))
    found = run(at_queue, machine, input='{"n": 1}')
    assert (found["status"], found["error"]) == ("FAILED", "Sqs.QueueDoesNotExistException")
    assert found["cause"].startswith("no such queue (Service: Sqs, Status Code: 400")


def test_a_task_waits_for_the_token_that_it_sent(at_queue: Any, queue: ThreadingHTTPServer) -> None:
    parameters = {"QueueUrl": "http://queue/1/here", "MessageBody": {"token.$": "$$.Task.Token"}}
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    text = definition(("Ask", {"Type": "Task", "Resource": resource, "Parameters": parameters}))
    before = len(queue.seen)  # type: ignore[attr-defined]
    arn = at_queue.start_execution(stateMachineArn=made(at_queue, "asks", text))["executionArn"]
    while len(queue.seen) == before:  # type: ignore[attr-defined]
        assert at_queue.describe_execution(executionArn=arn)["status"] == "RUNNING"
    token = json.loads(queue.seen[-1]["MessageBody"])["token"]  # type: ignore[attr-defined]
    at_queue.send_task_success(taskToken=token, output='"yes"')
    assert json.loads(at_queue.describe_execution(executionArn=arn)["output"]) == "yes"


def test_a_service_without_an_endpoint_is_never_called(at_queue: Any) -> None:
    parameters = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m"}
    text = definition(("Tell", {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": parameters}))
    found = run(at_queue, made(at_queue, "sns", text))
    assert found["status"] == "FAILED"
    assert "SNS_ENDPOINT" in found["cause"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--lambda", "hello"], "NAME=TARGET"),
        (["--lambda", "hello=nothing.py:handler"], "there is no file nothing.py"),
        (["--lambda", "hello=json:nothing"], "has no function 'nothing'"),
        (["--lambda", "a=json:loads", "--lambda", "a=json:loads"], "names 'a' twice"),
        (["--host", "0.0.0.0"], "--credentials"),
        (["--store", "x.db", "--skip-waits"], "leave one out"),
        (
            ["--mock-config", "nothing.json"],
            "mock configuration 'nothing.json' cannot be read: No such file or directory",
        ),
        (["--mock-config", os.devnull], "is not JSON"),
        (["--region", "x y"], "'x y' is no region of AWS, such as us-east-1"),
        (["--account", "7"], "'7' is no account of AWS, such as 123456789012"),
    ],
)
def test_mistakes_are_told_before_anything_is_served(tmp_path: Path, words: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "enginehouse.cli", "step-functions-api", "--port", "0", *words],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_server_whose_engine_has_to_stop_ends_and_says_why(tmp_path: Path) -> None:
    with serving(tmp_path, "--store", "s.db") as server:
        sfn = server.client()
        arn = sfn.start_execution(stateMachineArn=made(sfn, "held", HOLD))["executionArn"]
        with closing(sqlite3.connect(tmp_path / "s.db")) as store:
            store.execute("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END")
        with pytest.raises(sfn.exceptions.ClientError):
            sfn.stop_execution(executionArn=arn)
        assert server.process is not None
        assert server.process.wait(60) == 7
        assert "the engine has stopped; start it again when the cause is mended" in server.said()


@pytest.mark.parametrize(
    ("words", "advice"), [(["step-functions-api", "--port", "0"], "--store FILE"), (["engine"], "--standby")]
)
def test_who_finds_the_store_driven_is_told_what_his_command_can_do(
    tmp_path: Path, words: list[str], advice: str
) -> None:
    lease = Lease(str(tmp_path / "taken.db"))
    assert lease.take()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "enginehouse.cli", *words, "--store", "taken.db"],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        lease.close()
    assert done.returncode == 7
    assert f"driven by process {os.getpid()}" in done.stderr
    assert advice in done.stderr
    assert "engine=" not in done.stderr
