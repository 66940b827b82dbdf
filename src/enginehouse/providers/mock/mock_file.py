"""Scripts from a file in the format of AWS Step Functions Local's mock configuration.

https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from enginehouse.errors import InvalidSpecError
from enginehouse.providers.mock.script import Answer, Script, fails, returns

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_MOST = 10_000


def script_from_file(path: str | Path, state_machine: str, test_case: str) -> Script:
    """The answers that the file gives for one test case of one state machine.

    Raises ``InvalidSpecError`` for a file that cannot be read, names that it does not hold, and faults of its form.
    """
    return script_from_config(read_config(path), state_machine, test_case, source=str(path))


def read_config(path: str | Path) -> Any:
    """What the file holds. Raises ``InvalidSpecError`` where it cannot be read, is not JSON, or lacks a part."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSpecError(f"mock configuration {str(path)!r} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidSpecError(f"mock configuration {str(path)!r} is not JSON: {error}") from None
    for part in ("StateMachines", "MockedResponses"):
        _object(value, part, str(path))
    return value


def script_from_config(
    config: Any, state_machine: str, test_case: str, *, source: str = "mock configuration"
) -> Script:
    """The same of a configuration that was read already."""
    machines = _object(config, "StateMachines", source)
    cases = _object(_named(machines, state_machine, "state machine", source), "TestCases", source)
    responses = _object(config, "MockedResponses", source)
    script = Script()
    for state, name in _named(cases, test_case, "test case", source).items():
        response = _named(responses, str(name), "mocked response", source)
        script.on(state).answers(*_answers(response, f"{source}: mocked response {name!r}"), last_repeats=False)
    return script


def _answers(response: Mapping[str, Any], place: str) -> list[Answer]:
    numbered: dict[int, Answer] = {}
    for key, outcome in response.items():
        found = _RANGE.fullmatch(key)
        if found is None:
            raise InvalidSpecError(f"{place}: {key!r} is neither a number nor a range like '1-2'")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first or last >= _MOST:
            raise InvalidSpecError(f"{place}: {key!r} is not a range from 0 to {_MOST - 1}")
        answer = _outcome(outcome, f"{place}, {key!r}")
        for number in range(first, last + 1):
            if number in numbered:
                raise InvalidSpecError(f"{place}: {number} has two outcomes")
            numbered[number] = answer
    missing = next((number for number in range(len(numbered)) if number not in numbered), None)
    if not numbered or missing is not None:
        raise InvalidSpecError(f"{place}: the outcome of call {missing or 0} is missing; they count from 0")
    return [numbered[number] for number in range(len(numbered))]


def _outcome(outcome: Any, place: str) -> Answer:
    match outcome:
        case {"Return": value}:
            return returns(value)
        case {"Throw": {"Error": str(error)} as thrown}:
            return fails(error, str(thrown.get("Cause", "")))
    raise InvalidSpecError(f"{place}: an outcome is {{'Return': value}} or {{'Throw': {{'Error': .., 'Cause': ..}}}}")


def _object(config: Any, name: str, source: str) -> Mapping[str, Any]:
    value = config.get(name) if isinstance(config, dict) else None
    if not isinstance(value, dict):
        raise InvalidSpecError(f"{source}: {name} is missing, or is not an object")
    return value


def _named(values: Mapping[str, Any], name: str, what: str, source: str) -> Mapping[str, Any]:
    value = values.get(name)
    if not isinstance(value, dict):
        known = ", ".join(values) or "none"
        raise InvalidSpecError(f"{source}: there is no {what} {name!r}; it has {known}")
    return value
