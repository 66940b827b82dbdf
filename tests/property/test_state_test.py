"""TestState answers in AWS's shape, or refuses, whatever state, input, mock and configuration it is given."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from enginehouse.asl.commands import ScheduleTask
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.state_test import Outcome, run_state_test
from tests.property.definitions import ERRORS, INPUTS, JSON_VALUES, definitions, nearly_valid
from tests.service_model import MODEL, assert_answers

TEXTS = JSON_VALUES.map(json.dumps)
RESULTS = st.lists(JSON_VALUES, max_size=3) | st.dictionaries(st.text(max_size=3), JSON_VALUES, max_size=2)
MOCKS = st.fixed_dictionaries({"result": RESULTS.map(json.dumps) | st.text(max_size=5)}) | st.fixed_dictionaries(
    {"errorOutput": st.fixed_dictionaries({}, optional={"error": ERRORS, "cause": st.text(max_size=5)})}
)
CONFIGURATIONS = st.fixed_dictionaries(
    {},
    optional={
        "retrierRetryCount": st.integers(0, 4) | st.just(2**31 - 1),
        "errorCausedByState": st.text(min_size=1, max_size=3),
        "mapIterationFailureCount": st.integers(0, 3) | st.just(2**31 - 1),
        "mapItemReaderData": TEXTS,
    },
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "mock": MOCKS,
        "stateConfiguration": CONFIGURATIONS,
        "inspectionLevel": st.sampled_from(["INFO", "DEBUG", "TRACE"]),
        "variables": TEXTS,
        "context": TEXTS | st.sampled_from(['{"State": {"RetryCount": 1e300}}', '{"Execution": {"Input": [1]}}']),
        "revealSecrets": st.booleans(),
    },
)


async def run_task(command: ScheduleTask) -> Outcome:
    if command.resource == "task:two":
        return TaskFailed(command.task, "Boom", None)
    return TaskSucceeded(command.task, command.arguments)


def names(definition: Any) -> list[str]:
    """Of all states, however deep."""
    if isinstance(definition, list):
        return [name for each in definition for name in names(each)]
    if not isinstance(definition, dict):
        return []
    states = definition.get("States")
    own = [name for name in states if 1 <= len(name) <= 80] if isinstance(states, dict) else []
    return own + [name for each in definition.values() for name in names(each)]


@given(definitions() | nearly_valid(), INPUTS, OPTIONS, st.data())
def test_any_state_is_tested_or_refused(
    definition: Any, value: Any, options: dict[str, Any], data: st.DataObject
) -> None:
    known = names(definition)
    name = data.draw(st.sampled_from(known)) if known else "none"
    request = {"definition": json.dumps(definition), "stateName": name, "input": json.dumps(value), **options}
    with contextlib.suppress(ApiError):
        checked = MODEL.checked("TestState", json.dumps(request).encode())
        assert_answers("TestState", asyncio.run(run_state_test(checked, run_task)))
