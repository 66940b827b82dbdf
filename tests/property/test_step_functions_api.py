"""Whatever comes over the wire is answered in AWS's shape, never with a 500, and never with silence."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.step_functions.server import HOLD, ROLE, Server, serving
from tests.service_model import OPERATIONS, broken, minimal, valid

LIMIT = 30.0
"""Seconds after which an answer counts as one that never comes."""


searched = settings(suppress_health_check=list(HealthCheck), max_examples=settings.default.max_examples // 4)
"""There are dozens of operations, and each is searched."""


@pytest.fixture(scope="module", params=[(), ("--skip-waits",)], ids=["store", "skip-waits"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on either engine."""
    with serving(tmp_path_factory.mktemp("fuzz"), *request.param) as server:
        yield server


class Wire:
    """One connection to the server, opened anew where the server has closed it."""

    def __init__(self, server: Server) -> None:
        self.address = ("127.0.0.1", server.port)
        self.connection = http.client.HTTPConnection(*self.address, timeout=LIMIT)

    def send(
        self, body: Any, target: str | None = None, *, method: str = "POST", path: str = "/", headers: Any = None
    ) -> tuple[int, Any]:
        """Status and body of the answer, which is held to AWS's shape."""
        named = {} if target is None else {"X-Amz-Target": target}
        try:
            self.connection.request(
                method,
                path,
                body=body,
                headers={"Content-Type": "application/x-amz-json-1.0", **named, **(headers or {})},
            )
            answer = self.connection.getresponse()
            text = answer.read()
        except (ConnectionError, http.client.RemoteDisconnected):
            self.connection.close()
            raise
        assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
        assert answer.headers["x-amzn-RequestId"]
        value = json.loads(text) if text else None
        if answer.status != 200:
            assert value is not None or method == "HEAD", "an error without a body"
            if value is not None:
                assert value["__type"].isidentifier()
                assert isinstance(value.get("message", ""), str)
        return answer.status, value

    def call(self, operation: str, request: Any, **more: Any) -> tuple[int, Any]:
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        return self.send(body, f"AWSStepFunctions.{operation}", **more)


@pytest.fixture(scope="module")
def wire(server: Server) -> Iterator[Wire]:
    wire = Wire(server)
    with closing(wire.connection):
        yield wire


@pytest.fixture(autouse=True)
def nothing_broke(server: Server, wire: Wire) -> Iterator[None]:
    """The server has nothing to complain of in its log, and still answers."""
    before = len(server.said())
    yield
    said = server.said()[before:].splitlines()
    assert [line for line in said if not line.endswith("Invalid HTTP request received.")] == []
    assert wire.call("ListActivities", {})[0] == 200


# -- what the service model forbids


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_single_fault_at_every_member_is_a_400(wire: Wire, operation: str) -> None:
    for fault, request, code, message in broken(operation):
        status, answer = wire.call(operation, request)
        assert (status, answer["__type"]) == (400, code), fault
        assert message in answer["message"], fault


MALFORMED = [
    b"",
    b"{",
    b"}",
    b"null",
    b"[]",
    b"1",
    b'"text"',
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b'{"a": "\xff\xfe"}',
    b'{"a": "\\ud800"}',
    b'{"a": "\x00"}',
    b"\x00" * 1000,
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"<xml/>",
    b"a=b&c=d",
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_no_json_object_is_a_serialization_exception(wire: Wire, operation: str) -> None:
    for body in MALFORMED:
        status, answer = wire.call(operation, body)
        assert (status, answer["__type"]) == (400, "SerializationException"), body[:40]


@searched
@given(operation=st.sampled_from(OPERATIONS), body=st.binary(max_size=200))
def test_any_bytes_are_answered(wire: Wire, operation: str, body: bytes) -> None:
    status, _ = wire.call(operation, body)
    assert status == 400 or (status == 200 and body.startswith(b"{"))


# -- what the model allows and nobody would send


@pytest.mark.parametrize("operation", OPERATIONS)
@searched
@given(data=st.data())
def test_any_request_that_the_model_allows_is_answered(wire: Wire, operation: str, data: st.DataObject) -> None:
    status, _ = wire.call(operation, data.draw(valid(operation)))
    assert status in (200, 400)


@pytest.fixture(scope="module")
def arns(server: Server) -> dict[str, list[str]]:
    """ARNs of things that there are, by the member that may name them."""
    sfn = server.client()
    machine = sfn.create_state_machine(name="fuzzed", definition=HOLD, roleArn=ROLE, publish=True)
    version = machine["stateMachineVersionArn"]
    route = [{"stateMachineVersionArn": version, "weight": 100}]
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=route)["stateMachineAliasArn"]
    arn = machine["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    activity = sfn.create_activity(name="fuzzed")["activityArn"]
    every = [arn, version, alias, execution, activity]
    return {"first": every}


_SPARED = ("DeleteStateMachine", "DeleteStateMachineAlias", "DeleteStateMachineVersion", "DeleteActivity")


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each not in (*_SPARED, "GetActivityTask")])
@searched
@given(data=st.data())
def test_any_request_about_things_that_there_are_is_answered(
    wire: Wire, arns: dict[str, list[str]], operation: str, data: st.DataObject
) -> None:
    request = data.draw(valid(operation))
    for member in minimal(operation):
        if member.endswith("Arn"):
            request[member] = data.draw(st.sampled_from(arns["first"]))
    status, _ = wire.call(operation, request)
    assert status in (200, 400)


JSON_TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Type", "States", "StartAt", "Next", "Choices", "Pass", "Map"]), inner, max_size=4
        )
    ),
    max_leaves=8,
).map(json.dumps)


@searched
@given(
    operation=st.sampled_from(["CreateStateMachine", "ValidateStateMachineDefinition", "TestState"]), text=JSON_TEXTS
)
def test_any_json_as_a_definition_is_answered(wire: Wire, operation: str, text: str) -> None:
    status, _ = wire.call(operation, {"name": "any", "roleArn": ROLE, "definition": text})
    assert status in (200, 400)


@pytest.mark.parametrize(
    "definition",
    [
        "[" * 500_000,
        '{"a":' * 200_000,
        json.dumps({"StartAt": "a", "States": {f"s{n}": {"Type": "Pass", "End": True} for n in range(10_000)}}),
        '{"StartAt":"a","States":{"a":{"Type":"Parallel","Branches":[' * 2000,
        "x" * 1_048_576,
        "\U0001f600" * 500_000,
    ],
    ids=["lists", "objects", "states", "branches", "text", "emoji"],
)
@pytest.mark.parametrize("operation", ["CreateStateMachine", "ValidateStateMachineDefinition", "TestState"])
def test_definitions_that_are_large_or_deep_are_answered(wire: Wire, operation: str, definition: str) -> None:
    status, _ = wire.call(operation, {"name": "large", "roleArn": ROLE, "definition": definition})
    assert status in (200, 400, 413)


# -- what is no call of an operation


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        ".",
        "AWSStepFunctions",
        "AWSStepFunctions.",
        "AWSStepFunctions.startExecution",
        "AWSStepFunctions.StartExecution ",
        "AWSStepFunctions.StartExecution.StartExecution",
        "DynamoDB_20120810.ListTables",
        "StartExecution",
        "AWSStepFunctions.__class__",
        "AWSStepFunctions.\u00e4",
        "x" * 10_000,
    ],
    ids=lambda target: str(target)[:40] or "empty",
)
def test_wrong_targets_are_unknown_operations(wire: Wire, target: str | None) -> None:
    status, answer = wire.send(b"{}", target)
    if target is not None and target.endswith(" "):
        assert status == 400  # what stands around a header's value is no part of it: the machine's ARN is missing
    else:
        assert (status, answer["__type"]) == (400, "UnknownOperationException")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"])
@pytest.mark.parametrize("path", ["/", "/anything?a=b", "/" + "x" * 5000], ids=["root", "other", "long"])
def test_other_methods_and_paths_are_answered(wire: Wire, method: str, path: str) -> None:
    try:
        status, _ = wire.send(None, "AWSStepFunctions.ListActivities", method=method, path=path)
    except (ConnectionError, http.client.HTTPException, AssertionError):
        assert method in ("BREW", "HEAD")  # no method of HTTP, or one without a body
        wire.connection.close()
    else:
        assert 400 <= status < 500


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-amz-json-1.1", "multipart/form-data", "\u00e4"]
)
def test_the_content_type_does_not_matter(wire: Wire, content_type: str) -> None:
    status, _ = wire.call("ListActivities", {}, headers={"Content-Type": content_type.encode("latin-1")})
    assert status == 200


# -- size


@pytest.mark.parametrize("size", [5_000_000, 10_000_000, 40_000_000])
@pytest.mark.parametrize("operation", ["StartExecution", "ListActivities", "TestState"])
def test_bodies_of_many_megabytes_are_answered(server: Server, operation: str, size: int) -> None:
    wire = Wire(server)
    body = b'{"stateMachineArn": "arn", "definition": "{}", "input": "' + b"x" * size + b'"}'
    try:
        status, answer = wire.call(operation, body)
    except ConnectionError:
        assert size > 10_000_000  # past that the server may hang up on who still writes
        return
    finally:
        wire.connection.close()
    assert status in (400, 413), answer
    assert len(answer["message"]) < 1000


def test_a_large_body_in_pieces_is_answered(server: Server) -> None:
    wire = Wire(server)
    pieces = b"10000\r\n" + b" " * 65536 + b"\r\n"
    head = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(wire.address, timeout=LIMIT) as connection:
        connection.sendall(head + pieces * 160 + b"0\r\n\r\n")
        answer = connection.recv(65536)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))


# -- connections


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\n"
CUT = {
    "before a byte": b"",
    "within the request line": b"POST / HT",
    "within the headers": HEAD,
    "before the body": HEAD + b"Content-Length: 100\r\n\r\n",
    "within the body": HEAD + b"Content-Length: 100\r\n\r\n" + b'{"maxResults": ',
    "within a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n40\r\n{",
    "while it is answered": HEAD + b"Content-Length: 2\r\n\r\n{}",
    "within the second request": (HEAD + b"Content-Length: 2\r\n\r\n{}") + HEAD,
}


@pytest.mark.parametrize("sent", CUT.values(), ids=CUT)
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_connections_may_be_cut_anywhere(server: Server, sent: bytes, reset: bool) -> None:
    for _ in range(20):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(sent)
        connection.close()


def test_a_connection_that_is_cut_while_it_waits_for_a_task_takes_no_task_with_it(server: Server) -> None:
    sfn = server.client()
    activity = sfn.create_activity(name="cut")["activityArn"]
    asked = json.dumps({"activityArn": activity}).encode()
    head = HEAD.replace(b"ListActivities", b"GetActivityTask") + b"Content-Length: %d\r\n\r\n" % len(asked)
    for _ in range(5):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
        connection.sendall(head + asked)
        connection.close()
    definition = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": activity, "End": True}}}
    machine = sfn.create_state_machine(name="cut", definition=json.dumps(definition), roleArn=ROLE)
    sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"still": "there"}')
    assert json.loads(sfn.get_activity_task(activityArn=activity)["input"]) == {"still": "there"}


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        HEAD + b"Content-Length: nonsense\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"no colon\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(2000)) + b"\r\n",
    ],
    ids=["tls", "short", "empty", "version", "length", "negative", "chunk", "header", "headers"],
)
def test_what_is_no_http_is_refused_or_hung_up_on(server: Server, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionError:
            pass
    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer[:100]
