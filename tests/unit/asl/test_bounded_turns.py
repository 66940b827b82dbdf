"""Bounded executions: a turn does only so much, and threads hold only so much; what comes of it is the same."""

from __future__ import annotations

from typing import Any

import pytest

from enginehouse import asl
from enginehouse.asl import machine
from enginehouse.asl.commands import ScheduleTask, StartTimer
from enginehouse.asl.notifications import ChildFinished, GoOn, Redrive, Stop, TaskSucceeded, TimerFired

CONTEXT = asl.ExecutionContext(execution_id="e", execution_name="n", start_time=100.0)


def passes(count: int, **fields: Any) -> dict[str, Any]:
    states = {
        f"S{number}": {
            "Type": "Pass",
            **fields,
            **({"Next": f"S{number + 1}"} if number + 1 < count else {"End": True}),
        }
        for number in range(count)
    }
    return {"StartAt": "S0", "States": states}


def mapped(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    state = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": True, **fields}
    return {"StartAt": "Each", "States": {"Each": state}}


def through(program: asl.Program, turn: asl.Turn) -> tuple[asl.State, list[asl.Event], int]:
    """The execution at the end of what it can do by itself, its events, and how many turns that took."""
    events, turns = list(turn.events), 1
    while turn.state.paused:
        turn = program.resume(program.load(program.dump(turn.state)), GoOn(), 100.0)
        events += turn.events
        turns += 1
    return turn.state, events, turns


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        (passes(200), {"n": 1}),
        (passes(50, Parameters={"n.$": "$.n"}), {"n": "x" * 50_000}),
        ({"QueryLanguage": "JSONata", **passes(40, Output="{% $sum([1..100]) %}")}, {}),
        (passes(40, Parameters={"n.$": "$..n[?(@ > 1)]"}, ResultPath="$.found"), {"n": list(range(50))}),
        (mapped(passes(20)), {"items": [1, 2, 3, 4]}),
    ],
    ids=["states", "text", "JSONata", "paths", "threads"],
)
def test_a_turn_that_has_done_enough_goes_on_in_the_next(
    monkeypatch: pytest.MonkeyPatch, definition: dict[str, Any], value: Any
) -> None:
    monkeypatch.setattr(machine, "TURN_STEPS", 300)
    program = asl.compile(definition)
    whole = program.start(value, CONTEXT, 100.0, "seed")
    assert not whole.state.paused
    state, events, turns = through(program, program.start(value, CONTEXT, 100.0, "seed", bounded=True))
    assert turns > 1
    assert (state.status, state.output) == (whole.state.status, whole.state.output)
    if "Each" not in definition["States"]:
        assert events == whole.events


def test_turns_at_one_time_do_together_what_one_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "TURN_STEPS", 100)
    chain = passes(20)
    rest = {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 1, "Next": "S0"}, **chain["States"]}}
    program = asl.compile(mapped(rest))
    turn = program.start({"items": list(range(10))}, CONTEXT, 100.0, "seed", bounded=True)
    timers = [command.timer for command in turn.commands if isinstance(command, StartTimer)]
    assert len(timers) == 10
    events: list[asl.Event] = []
    for timer in timers:
        turn = program.resume(turn.state, TimerFired(timer), 101.0)
        events += turn.events
    assert len(turn.state.paused) == 9
    assert [event.type for event in events].count("PassStateEntered") <= 21
    state, _, turns = through(program, program.resume(turn.state, GoOn(), 102.0))
    assert turns >= 9
    assert state.output == list(range(10))


def test_what_is_paused_can_be_stopped_and_redriven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "TURN_STEPS", 100)
    program = asl.compile(passes(50))
    turn = program.start({}, CONTEXT, 100.0, "seed", bounded=True)
    entered = [event.type for event in turn.events].count("PassStateEntered")
    stopped = program.resume(turn.state, Stop(), 101.0)
    assert stopped.state.status == "ABORTED"
    assert program.resume(stopped.state, GoOn(), 102.0).events == []
    state, events, _ = through(program, program.resume(stopped.state, Redrive(), 103.0))
    assert state.status == "SUCCEEDED"
    assert entered + [event.type for event in events].count("PassStateEntered") == 50


def test_a_map_starts_no_more_than_its_threads_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "HELD", 4_000)
    work = {"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": "task:w", "End": True}}}
    program = asl.compile(mapped(work, ItemSelector={"text.$": "$.text"}, ResultSelector={}))
    value = {"text": "x" * 900, "items": list(range(10))}
    turn = program.start(value, CONTEXT, 100.0, "seed", bounded=True)
    open_tasks = [command for command in turn.commands if isinstance(command, ScheduleTask)]
    assert 1 < len(open_tasks) < 5
    state, most = turn.state, len(open_tasks)
    while open_tasks:
        turn = program.resume(state, TaskSucceeded(open_tasks.pop(0).task, 1), 101.0)
        state = turn.state
        open_tasks += [command for command in turn.commands if isinstance(command, ScheduleTask)]
        assert len(open_tasks) <= most
    assert state.status == "SUCCEEDED"


def test_an_item_that_is_larger_than_all_that_may_be_held_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "HELD", 10)
    work = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **passes(1)}
    program = asl.compile(mapped(work))
    turn = program.start({"items": ["x" * 100] * 3}, CONTEXT, 100.0, "seed", bounded=True)
    started = 0
    while turn.state.status == "RUNNING":
        [child] = [command for command in turn.commands if isinstance(command, asl.StartChild)]
        started += 1
        turn = program.resume(turn.state, ChildFinished(child.child, "SUCCEEDED", 1), 101.0)
    assert (turn.state.status, started) == ("SUCCEEDED", 3)
