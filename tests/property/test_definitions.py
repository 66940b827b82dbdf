"""Compile takes anything and raises nothing but ``InvalidSpecError``; a valid definition always comes to an end."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from enginehouse import asl
from enginehouse.asl.commands import ScheduleTask
from enginehouse.asl.notifications import Notification, TaskFailed, TaskSucceeded
from enginehouse.errors import InvalidSpecError
from tests.bare_host import START, Run, drive
from tests.property.definitions import INPUTS, JSON_VALUES, definitions, nearly_valid

TERMINAL = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
TYPES = st.sampled_from(["STANDARD", "EXPRESS"])


def compiled(definition: Any, type: str = "STANDARD") -> asl.Program | None:
    """The program, or None for a definition that is refused as the contract says it is."""
    try:
        return asl.compile(definition, type=type)
    except InvalidSpecError as error:
        refusal = error
    assert refusal.diagnostics
    assert all(item.message and item.code for item in refusal.diagnostics)
    assert "\n" not in str(refusal)
    assert [item for item in asl.validate(definition, type=type) if item.severity == "error"]
    return None


@given(st.text() | st.binary())
def test_any_text_compiles_or_is_refused(text: str | bytes) -> None:
    compiled(text)


@given(JSON_VALUES, TYPES)
def test_any_json_compiles_or_is_refused(value: Any, type: str) -> None:
    compiled(json.dumps(value), type)


@given(st.dictionaries(st.text(max_size=6), JSON_VALUES, max_size=4))
def test_any_mapping_compiles_or_is_refused(value: dict[str, Any]) -> None:
    compiled(value)


@given(nearly_valid(), TYPES, INPUTS)
def test_what_is_nearly_valid_is_refused_or_comes_to_an_end(definition: Any, type: str, value: Any) -> None:
    program = compiled(definition, type)
    if program is not None and not loops(definition):
        ended(drive(program, value, answers(3)))


class Quoting(yaml.SafeDumper):
    """Writes each text in quotes: the library leaves them out where YAML 1.1 would read a text, and 1.2, as the core does, a number."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@given(definitions())
def test_what_is_valid_compiles_from_every_form(definition: dict[str, Any]) -> None:
    text = json.dumps(definition)
    forms = [definition, text, text.encode(), yaml.dump(definition, Dumper=Quoting)]
    assert len({asl.compile(form).digest for form in forms}) == 1


@given(definitions(), INPUTS, st.integers(0, 10**6))
def test_what_is_valid_comes_to_an_end(definition: dict[str, Any], value: Any, seed: int) -> None:
    ended(drive(asl.compile(definition), value, answers(seed)))


@given(definitions(), INPUTS, st.integers(0, 10**6), st.floats(0, 500))
def test_a_stop_ends_it_at_once(definition: dict[str, Any], value: Any, seed: int, after: float) -> None:
    run = drive(asl.compile(definition), value, answers(seed), stop_after=after)
    ended(run)
    assert run.now <= START + after


@given(definitions(), INPUTS, st.integers(0, 10**6))
def test_nothing_but_the_snapshot_is_needed_between_turns(definition: dict[str, Any], value: Any, seed: int) -> None:
    program = asl.compile(definition)
    kept = drive(program, value, answers(seed))
    forgotten = drive(program, value, answers(seed), forget=True)
    assert told(forgotten) == told(kept)


@given(definitions(), INPUTS, st.integers(0, 10**6))
def test_the_same_notifications_give_the_same_again(definition: dict[str, Any], value: Any, seed: int) -> None:
    program = asl.compile(definition)
    first = drive(program, value, answers(seed))
    replayed = replay(program, value, first)
    assert told(replayed) == told(first)
    assert program.dump(replayed.state) == program.dump(first.state)


@given(definitions(), INPUTS, st.integers(0, 10**6))
def test_a_terminal_state_takes_nothing_more(definition: dict[str, Any], value: Any, seed: int) -> None:
    program = asl.compile(definition)
    run = drive(program, value, answers(seed))
    before = program.dump(run.state)
    for _, notification in run.told:
        turn = program.resume(run.state, notification, run.now)
        assert (turn.commands, turn.events) == ([], [])
    assert program.dump(run.state) == before


@given(definitions(), INPUTS, st.integers(0, 10**6))
def test_what_is_told_twice_counts_once(definition: dict[str, Any], value: Any, seed: int) -> None:
    program = asl.compile(definition)
    first = drive(program, value, answers(seed))
    assert told(replay(program, value, first, times=2)) == told(first)


@given(definitions(), INPUTS, st.integers(0, 10**6), st.integers(0, 10**6), st.none() | st.floats(0, 300))
def test_a_redrive_goes_on_and_comes_to_an_end(
    definition: dict[str, Any], value: Any, seed: int, other: int, stop_after: float | None
) -> None:
    program = asl.compile(definition)
    first = drive(program, value, answers(seed), stop_after=stop_after)
    again = drive(program, value, answers(other), redriven=first)
    assert again.events[: len(first.events)] == first.events
    if first.state.status == "SUCCEEDED":
        assert again.events == first.events
        return
    assert again.events[len(first.events)].type == "ExecutionRedriven"
    assert again.state.finished
    assert again.state.status in TERMINAL
    assert [event.id for event in again.events] == list(range(1, len(again.events) + 1))
    assert len(again.finishes) == 2


def answers(seed: int) -> Any:
    """Task results by the seed: values, errors and silence, soon or late."""

    def answer(command: ScheduleTask) -> list[tuple[float, Notification]]:
        draw = (seed * 31 + command.task * 7 + command.attempt * 3) % 11
        after = float(draw * 13 % 17)
        if draw in (0, 5):
            return []
        if draw in (1, 6):
            return [(after, TaskFailed(command.task, "Boom", "it broke"))]
        value = [None, {"a": 1, "list": [1]}, "text", [], command.arguments][draw % 5]
        return [(after, TaskSucceeded(command.task, value))]

    return answer


def ended(run: Run) -> None:
    assert run.state.finished
    assert run.state.status in TERMINAL
    (finish,) = run.finishes
    assert (finish.status, finish.error, finish.cause) == (run.state.status, run.state.error, run.state.cause)
    assert (finish.output is not None) == (finish.status == "SUCCEEDED")
    assert [event.id for event in run.events] == list(range(1, len(run.events) + 1))
    assert all(event.previous_id < event.id for event in run.events)


def told(run: Run) -> tuple[Any, ...]:
    """All that an execution gave, as values to compare."""
    return run.commands, run.events, run.state.status, run.state.output_text, run.state.error, run.state.cause


def replay(program: asl.Program, value: Any, first: Run, times: int = 1) -> Run:
    """Tell a fresh execution what the first one was told, each thing so many times."""
    context = first.state.context
    turn = program.start(value, context, START, first.state.seed)
    again = Run(turn.state, events=list(turn.events), commands=list(turn.commands))
    for now, notification in first.told:
        turn = program.resume(turn.state, notification, now)
        again.events += turn.events
        again.commands += turn.commands
        for _ in range(times - 1):
            turn = program.resume(turn.state, notification, now)
            again.events += turn.events
            again.commands += turn.commands
    again.state = turn.state
    return again


def loops(definition: Any) -> bool:
    """Whether a state may come round again, so that no end is promised."""
    names: dict[str, int] = {}

    def visit(value: Any) -> bool:
        if isinstance(value, list):
            return any(visit(item) for item in value)
        if not isinstance(value, dict):
            return False
        for name, item in (value.get("States") or {}).items() if isinstance(value.get("States"), dict) else ():
            names.setdefault(name, len(names))
            if isinstance(item, dict) and any(names.get(target, len(names)) <= names[name] for target in targets(item)):
                return True
        return any(visit(item) for item in value.values())

    return visit(definition)


def targets(state: dict[str, Any]) -> list[str]:
    rules = [item for field in ("Choices", "Catch") for item in state.get(field) or () if isinstance(item, dict)]
    found = [state.get("Next"), state.get("Default"), *(rule.get("Next") for rule in rules)]
    return [name for name in found if isinstance(name, str)]
