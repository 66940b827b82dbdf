"""A request of TestState, read and found to make sense; what AWS refuses is refused here, before the state runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from enginehouse.asl.states.task import TaskState
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.mock_schema import check_result
from enginehouse.server.step_functions.state_context import check_context, default_context
from enginehouse.server.step_functions.state_definition import Tested, find_state

_MOCKED = ("Task", "Map", "Parallel")


class StateTest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. ``result`` is the mocked result as a value; ``item`` what ``Map.Item`` in the Context object tells."""

    tested: Tested
    input: Any
    text: str
    variables: Mapping[str, Any]
    context: Mapping[str, Any]
    item: dict[str, Any] | None
    retries: int
    mock: Mapping[str, Any] | None
    result: Any
    level: str
    failures: int
    reader_data: str | None

    @property
    def type(self) -> str:
        """The state's type."""
        kind: str = self.tested.definition["Type"]
        return kind


def read_request(request: Mapping[str, Any], prefix: str, now: float) -> StateTest:
    """The test that a checked request describes. Blocks a little: it compiles, and may load a service's model.

    Raises ``ApiError``: InvalidDefinition, InvalidExecutionInput, ValidationException.
    """
    mock: Mapping[str, Any] | None = request.get("mock")
    options = request.get("stateConfiguration", {})
    if mock is not None:
        _check_mock(request, mock)
    tested = find_state(request["definition"], request.get("stateName"))
    kind = tested.definition["Type"]
    if mock is None:
        _check_unmocked(request, tested)
    elif kind not in _MOCKED:
        raise _refused(f"State type '{kind}' is not supported when a mock is specified")
    text = request.get("input", "{}")
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from None
    own = _own_context(request, tested)
    retries = options.get("retrierRetryCount", int((own or {}).get("State", {}).get("RetryCount", 0)))
    _check_cause(options.get("errorCausedByState"), tested)
    return StateTest(
        tested=tested,
        input=given,
        text=text,
        variables=_object(request.get("variables", "{}"), "Variables"),
        context=own
        if own is not None
        else default_context(
            tested.name,
            given,
            role=request.get("roleArn"),
            prefix=prefix,
            now=now,
            retries=retries if kind in _MOCKED else None,
            token=_pattern(tested) not in ("", "activity"),
        ),
        item={"Index": 0, "Value": given, **tested.item} if tested.item is not None and own is None else None,
        retries=retries,
        mock=mock,
        result=None if mock is None or "result" not in mock else _mocked_result(mock, tested),
        level=request.get("inspectionLevel", "INFO"),
        failures=options.get("mapIterationFailureCount", 0),
        reader_data=options.get("mapItemReaderData"),
    )


def _refused(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise _refused(f"{what} must be valid JSON") from None
    if not isinstance(value, dict):
        raise _refused(f"{what} must be a JSON object")
    return value


def _pattern(tested: Tested) -> str:
    """How a Task waits: ``activity``, ``sync``, ``sync:2``, ``waitForTaskToken``, or not at all."""
    state = tested.program.machines[tested.pointer].states[tested.name]
    if not isinstance(state, TaskState):
        return ""
    return "activity" if state.resource.kind == "activity" else state.resource.pattern


def _check_mock(request: Mapping[str, Any], mock: Mapping[str, Any]) -> None:
    if "result" in mock and "errorOutput" in mock:
        raise _refused("A test mock should have only one of the following fields: [result, errorOutput].")
    if "result" not in mock and "errorOutput" not in mock:
        raise _refused("A test mock should have one of the following fields: [result, errorOutput].")
    if request.get("revealSecrets"):
        raise _refused("TestState does not support RevealSecrets when a mock is specified.")


def _check_unmocked(request: Mapping[str, Any], tested: Tested) -> None:
    kind = tested.definition["Type"]
    if kind in ("Map", "Parallel"):
        raise ApiError(
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]",
        )
    if _pattern(tested):
        raise _refused(
            "Activity tasks and the .sync and .waitForTaskToken service integration patterns are only supported when a "
            "mock is specified"
        )
    if "context" in request:
        raise _refused("A Context object is only supported when a mock is specified")
    if kind == "Task" and "roleArn" not in request and not tested.definition["Resource"].startswith("task:"):
        raise _refused("RoleArn must be specified when testing a Task state")


def _own_context(request: Mapping[str, Any], tested: Tested) -> dict[str, Any] | None:
    if "context" not in request:
        return None
    context = _object(request["context"], "Invalid Context object provided: it")
    check_context(context, waits=_pattern(tested) not in ("", "activity"))
    return context


def _check_cause(name: str | None, tested: Tested) -> None:
    if name is None or tested.definition["Type"] not in ("Map", "Parallel"):
        return
    inside = f"{tested.pointer}/States/{tested.name.replace('~', '~0').replace('/', '~1')}/"
    machines = tested.program.machines.items()
    if not any(pointer.startswith(inside) and name in machine.states for pointer, machine in machines):
        raise _refused(f"The state '{name}' of errorCausedByState is not one of the tested state's own")


def _mocked_result(mock: Mapping[str, Any], tested: Tested) -> Any:
    definition = tested.definition
    try:
        result = msgspec.json.decode(mock["result"])
    except (msgspec.DecodeError, RecursionError):
        raise _refused("Mocked result must be valid JSON") from None
    if definition["Type"] == "Task":
        check_result(definition["Resource"], result, mock.get("fieldValidationMode", "STRICT"))
    elif "Resource" in definition.get("ResultWriter", {}):
        if not isinstance(result, dict):
            raise _refused("Mocked result must be a JSON object.")
    elif not isinstance(result, list):
        raise _refused("Mocked result must be an array.")
    elif definition["Type"] == "Parallel" and len(result) != len(definition["Branches"]):
        raise _refused("Mocked result must contain the same number of items as number of Parallel branches.")
    return result
