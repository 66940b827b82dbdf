"""A state that is run by itself gives what it gives in an execution."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from enginehouse import asl
from enginehouse.asl.commands import StartTimer
from enginehouse.asl.events import Event
from enginehouse.asl.inspection import Inspection
from enginehouse.asl.notifications import TimerFired
from tests.bare_host import START, drive
from tests.property.definitions import INPUTS, definitions
from tests.property.test_definitions import answers

_CHANCE = {"States.UUID()": "States.Array(1)", "$uuid()": "'u'", "$random()": "0.5", "$now()": "'then'"}


@given(definitions(), INPUTS, st.integers(0, 10**6))
def test_each_state_alone_gives_what_it_gave_in_its_execution(definition: Any, value: Any, seed: int) -> None:
    text = json.dumps(definition)
    for drawn, fixed in _CHANCE.items():
        text = text.replace(drawn, fixed)
    program = asl.compile(text)
    events = drive(program, value, answers(seed)).events
    variables: dict[str, Any] = {}
    for name, entered, work, left in passages(events, program.definition["States"]):
        kept = dict(variables)
        assigned = {key: json.loads(text) for key, text in left.details.get("assignedVariables", {}).items()}
        variables |= assigned
        if program.definition["States"][name]["Type"] in ("Parallel", "Map"):
            continue  # what their work gave is in no event
        inspection = Inspection(
            program,
            "",
            name,
            json.loads(entered.details["input"]),
            entered.details["input"],
            context={"Execution": {"Name": "execution-name"}, "State": {"Name": name}},
            now=START,
            seed="other",
            variables=kept,
        )
        command = inspection.start()
        if isinstance(command, StartTimer):
            inspection.notify(TimerFired(command.timer))
        elif inspection.status == "WAITING":
            if work is None or work.type != "TaskSucceeded":
                continue
            inspection.succeed(json.loads(work.details["output"]))
        assert inspection.status == ("CAUGHT_ERROR" if inspection.fault else "SUCCEEDED")
        if inspection.fault is None:
            assert json.loads(inspection.output[1]) == json.loads(left.details["output"]), name
        assert inspection.variables == variables


def passages(events: list[Event], states: Any) -> Iterator[tuple[str, Event, Event | None, Event]]:
    """The states of the outermost machine that were left: how each was entered, the last that its work told, how it was left."""
    entered: Event | None = None
    work: Event | None = None
    for event in events:
        name = event.details.get("name")
        if event.type.endswith("StateEntered") and name in states:
            entered, work = event, None
        elif event.type.endswith("StateExited") and name in states and entered is not None:
            yield name, entered, work, event
        elif event.type.startswith("Task"):
            work = event
