"""Whatever comes over the wire, the Step Functions API answers in AWS's shape, and goes on."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.step_functions.server import Server, serving
from tests.service_model import OPERATIONS, broken, minimal, valid

LIMIT = 30
# held for a minute where the request is right and there is no task
SLOW = "GetActivityTask"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("fuzz"), "--memory") as server:
        yield server
        assert "ERROR" not in server.said(), "something broke inside"


class Caller:
    """One connection, opened anew when the server has closed it."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=LIMIT)

    def __call__(self, operation: str, body: bytes, *, method: str = "POST") -> tuple[int, Any]:
        headers = {"X-Amz-Target": f"AWSStepFunctions.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        try:
            self.connection.request(method, "/", body, headers)
            answer = self.connection.getresponse()
        except ConnectionError:
            self.connection.close()
            self.connection.request(method, "/", body, headers)
            answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


@pytest.fixture
def call(server: Server) -> Iterator[Caller]:
    caller = Caller(server.port)
    yield caller
    caller.connection.close()


def assert_refused(status: int, answer: Any) -> None:
    assert 400 <= status < 500, answer
    assert answer["__type"]
    assert isinstance(answer["message"], str)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_fault_of_each_member_is_refused(call: Caller, operation: str) -> None:
    for fault, request, code, message in broken(operation):
        status, answer = call(operation, json.dumps(request).encode())
        assert_refused(status, answer)
        assert answer["__type"] == code, (fault, answer)
        assert message in answer["message"], (fault, answer)


@settings(max_examples=150)
@given(data=st.data())
def test_no_request_that_the_model_allows_breaks_anything(server: Server, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from([name for name in OPERATIONS if name != SLOW]))
    request = data.draw(valid(operation))
    caller = Caller(server.port)
    status, answer = caller(operation, json.dumps(request).encode())
    caller.connection.close()
    if status != 200:
        assert_refused(status, answer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"null",
        b"1",
        b'"text"',
        b'{"a": 1}}',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 100_000,
    ],
)
@pytest.mark.parametrize("operation", ["CreateStateMachine", "StartExecution", "DescribeExecution", "TestState"])
def test_what_is_no_json_object_is_refused(call: Caller, operation: str, body: bytes) -> None:
    assert_refused(*call(operation, body))


@pytest.mark.parametrize(
    "target", ["", "Nonsense", "startExecution", "StartExecution.", "StartExecution\t", "é", "A" * 5000]
)
def test_wrong_targets_are_refused(call: Caller, target: str) -> None:
    assert_refused(*call(target.encode().decode("latin-1"), b"{}"))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(call: Caller, method: str) -> None:
    assert_refused(*call("ListStateMachines", b"{}", method=method))


@pytest.mark.parametrize("operation", ["CreateStateMachine", "StartExecution", "SendTaskSuccess"])
def test_ten_megabytes_are_refused(call: Caller, operation: str) -> None:
    large = {**minimal(operation), "input": "x" * 10_000_000, "definition": "x" * 10_000_000, "output": "x"}
    status, answer = call(operation, json.dumps(large).encode())
    assert_refused(status, answer)
    status, answer = call("ListStateMachines", b"{}")
    assert status == 200


def test_cut_connections_harm_nobody(server: Server, call: Caller) -> None:
    whole = (
        b"POST / HTTP/1.1\r\nHost: here\r\nX-Amz-Target: AWSStepFunctions.ListStateMachines\r\nContent-Length: 1000\r\n\r\n"
        + b"{" * 1000
    )
    for length in (0, 1, 10, 40, 100, len(whole) - 900, len(whole) - 1, len(whole)):
        with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT) as cut:
            cut.sendall(whole[:length])
            cut.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # gone without a word
    status, answer = call("ListStateMachines", b"{}")
    assert (status, "stateMachines" in answer) == (200, True)


def test_what_is_no_http_is_refused(server: Server, call: Caller) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT) as other:
        other.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert other.recv(100).startswith(b"HTTP/1.1 400")
    assert call("ListStateMachines", b"{}")[0] == 200
