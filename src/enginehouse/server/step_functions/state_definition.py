"""Which state TestState is to run: one that is given alone, or one of a whole definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from enginehouse import asl
from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.server.step_functions.checking import invalid, not_json
from enginehouse.server.step_functions.errors import ApiError

ALONE = "StateName"
"""What AWS calls a state that is given alone."""


class Tested(msgspec.Struct, frozen=True):
    """A state of a program: its definition, and where it stands. ``item`` is None unless a Map is around it, and then what
    ``Map.Item`` tells beside index and value."""

    program: asl.Program
    pointer: str
    name: str
    definition: Mapping[str, Any]
    jsonata: bool
    item: dict[str, Any] | None = None


def find_state(text: str, name: str | None) -> Tested:
    """The state called ``name`` in the definition, however deep; without a name the definition is the state's own.

    Raises ``ApiError``: InvalidDefinition, and ValidationException where no state has the name.
    """
    if faults := not_json(text):
        raise invalid(faults)
    given = msgspec.json.decode(text)
    if name is None:
        return _alone(given)
    program = _compiled(given)
    for pointer, machine in program.machines.items():
        if name in machine.states:
            definition, jsonata, item = _walk(program.definition, pointer, name)
            return Tested(program, pointer, name, definition, jsonata, item)
    raise ApiError("ValidationException", "State not found in definition")


def _alone(state: Any) -> Tested:
    if not isinstance(state, dict):
        raise invalid([Diagnostic("error", "SCHEMA_VALIDATION_FAILED", "A state must be an object")])
    if "States" in state and "Type" not in state:
        message = "A definition of a whole state machine needs a stateName that says which state is tested"
        raise ApiError("ValidationException", message)
    following = list(_following(state))
    name = ALONE
    while name in following:
        name += "_"
    others = {each: {"Type": "Succeed"} for each in following}
    program = _compiled({"StartAt": name, "States": {name: state, **others}}, at=f"/States/{name}")
    return Tested(program, "", name, state, state.get("QueryLanguage") == "JSONata")


def _following(state: Mapping[str, Any]) -> Iterator[str]:
    """The states that it names."""
    holders = [state, *(each for field in ("Choices", "Catch") for each in _objects(state.get(field)))]
    for holder in holders:
        for field in ("Next", "Default"):
            if isinstance(holder.get(field), str):
                yield holder[field]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _compiled(definition: Any, at: str = "") -> asl.Program:
    try:
        return asl.compile(definition)
    except InvalidSpecError as error:
        faults = [replace(fault, path=fault.path.removeprefix(at)) for fault in error.diagnostics]
        raise invalid(faults) from None


def _walk(definition: Any, pointer: str, name: str) -> tuple[Mapping[str, Any], bool, dict[str, Any] | None]:
    """The state's definition, whether its language is JSONata, and what Map.Item tells where a Map is around it."""
    language = definition.get("QueryLanguage")
    item: dict[str, Any] | None = None
    steps = iter(pointer.split("/")[1:])
    machine = definition
    for _ in steps:  # "States", then the state's name, then the field that holds the machine
        state = machine["States"][next(steps).replace("~1", "/").replace("~0", "~")]
        field = next(steps)
        if field == "Branches":
            machine = state[field][int(next(steps))]
        else:
            machine = state[field]
            distributed = machine.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED"
            item = {"Source": "STATE_DATA"} if distributed else {}
        language = machine.get("QueryLanguage", language)
    state = machine["States"][name]
    return state, state.get("QueryLanguage", language) == "JSONata", item
