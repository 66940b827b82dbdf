"""Redrive: go on from where it failed, keep what had finished."""

from __future__ import annotations

from typing import Any

import pytest

from enginehouse import asl
from enginehouse.asl.commands import ScheduleTask, StartChild, StartTimer
from enginehouse.asl.notifications import ChildFinished, TaskFailed, TaskSucceeded
from tests.bare_host import START, drive
from tests.unit.asl.machines import answers, compiled, machine, task
from tests.unit.asl.test_distributed import context, distributed


def tasks(turn: Any) -> list[ScheduleTask]:
    return [command for command in turn.commands if isinstance(command, ScheduleTask)]


def redriven(program: asl.Program, run: Any) -> Any:
    state = program.load(program.dump(run.state))
    return program.resume(state, asl.Redrive(), run.now + 100)


def test_the_failed_task_runs_again_and_earlier_ones_do_not() -> None:
    program = compiled(A=task("a"), B=task("b"), C=task("c"))
    run = drive(program, {}, answers("A", ValueError("no")))
    turn = redriven(program, run)
    assert [event.type for event in turn.events] == ["ExecutionRedriven", "TaskScheduled", "TaskStarted"]
    (again,) = tasks(turn)
    assert (again.state, again.arguments, again.attempt) == ("B", "A", 0)
    turn = program.resume(turn.state, TaskSucceeded(again.task, "B"), START + 101)
    turn = program.resume(turn.state, TaskSucceeded(tasks(turn)[0].task, "C"), START + 102)
    assert (turn.state.status, turn.state.output) == ("SUCCEEDED", "C")
    assert turn.state.context.redrive_count == 1


def test_ids_of_events_go_on() -> None:
    program = compiled(A=task())
    run = drive(program, {}, answers(ValueError("no")))
    turn = redriven(program, run)
    assert [event.id for event in turn.events] == list(range(len(run.events) + 1, len(run.events) + 4))


def test_finished_branches_are_kept() -> None:
    branches = [machine(X=task("x")), machine(Y=task("y")), machine(Z=task("z"))]
    program = compiled(P={"Type": "Parallel", "Branches": branches})
    outcome = {"X": (1, TaskSucceeded), "Y": (2, TaskFailed), "Z": (9, TaskSucceeded)}
    run = drive(program, {}, lambda c: [(outcome[c.state][0], outcome[c.state][1](c.task, c.state))])
    turn = redriven(program, run)
    assert sorted(command.state for command in tasks(turn)) == ["Y", "Z"]
    for command in tasks(turn):
        turn = program.resume(turn.state, TaskSucceeded(command.task, command.state + "2"), START + 200)
    assert turn.state.output == ["X", "Y2", "Z2"]


def test_a_map_goes_on_with_the_iterations_that_had_not_finished() -> None:
    program = compiled(M={"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": machine(T=task())})
    run = drive(program, [1, 2, 3], answers(10, ValueError("no")))
    turn = redriven(program, run)
    seen = []
    while not turn.state.finished:
        (command,) = tasks(turn)
        seen.append(command.arguments)
        turn = program.resume(turn.state, TaskSucceeded(command.task, command.arguments * 10), START + 200)
    assert (seen, turn.state.output) == ([2, 3], [10, 20, 30])


def test_a_map_run_starts_again_only_the_children_that_failed_or_never_ran() -> None:
    program = compiled(M=distributed(MaxConcurrency=2))
    turn = program.start([1, 2, 3], context(), START, "seed")
    first, second = [c for c in turn.commands if isinstance(c, StartChild)]
    turn = program.resume(turn.state, ChildFinished(first.child, "SUCCEEDED", 10), START)
    turn = program.resume(turn.state, ChildFinished(second.child, "FAILED", error="Boom"), START)
    assert turn.state.status == "FAILED"
    turn = program.resume(turn.state, asl.Redrive(), START)
    again = [c for c in turn.commands if isinstance(c, StartChild)]
    assert [c.index for c in again] == [1, 2]
    for child in again:
        turn = program.resume(turn.state, ChildFinished(child.child, "SUCCEEDED", child.input * 10), START)
    assert turn.state.output == [10, 20, 30]


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_standard_child_goes_on_and_an_express_one_is_started_anew(kind: str) -> None:
    state = distributed(MaxConcurrency=2)
    state["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] = kind
    program = compiled(M=state)
    turn = program.start([1, 2, 3], context(), START, "seed")
    first, second = [c for c in turn.commands if isinstance(c, StartChild)]
    for _ in range(2):  # the second time too it is the first execution that goes on
        turn = program.resume(turn.state, ChildFinished(first.child, "FAILED", error="Boom"), START)
        assert turn.state.status == "FAILED"
        turn = program.resume(program.load(program.dump(turn.state)), asl.Redrive(), START)
        first, stopped = [c for c in turn.commands if isinstance(c, StartChild)]
        before = (2, second.child) if kind == "STANDARD" else (0, 0)
        assert (first.before, stopped.before) == before
    turn = program.resume(turn.state, ChildFinished(first.child, "SUCCEEDED", 10), START)
    (never_ran,) = [c for c in turn.commands if isinstance(c, StartChild)]
    assert never_ran.before == 0


def test_a_stopped_wait_waits_again() -> None:
    program = compiled(W={"Type": "Wait", "Seconds": 60})
    run = drive(program, {}, stop_after=30)
    assert run.state.status == "ABORTED"
    turn = redriven(program, run)
    assert [c.at for c in turn.commands if isinstance(c, StartTimer)] == [run.now + 100 + 60]


def test_what_succeeded_or_runs_is_not_redriven() -> None:
    program = compiled(A={"Type": "Pass"}, B=task())
    done = drive(compiled(A={"Type": "Pass"}), {})
    assert compiled(A={"Type": "Pass"}).resume(done.state, asl.Redrive(), START).events == []
    running = program.start({}, context(), START, "seed")
    assert program.resume(running.state, asl.Redrive(), START).events == []


@pytest.mark.parametrize(
    "fork",
    [
        {"Type": "Parallel", "Branches": [machine(T=task())]},
        {"Type": "Map", "ItemProcessor": machine(T=task())},
        distributed(),
    ],
    ids=["parallel", "map", "distributed"],
)
def test_a_fork_whose_own_output_failed_makes_it_again(fork: dict[str, Any]) -> None:
    program = compiled(F={**fork, "ResultSelector": {"found.$": "$[0].missing"}})
    run = drive(program, [1], answers(2))
    assert run.state.status == "FAILED"
    turn = redriven(program, run)
    assert turn.state.status == "FAILED"
    assert [event.type for event in turn.events][-1] == "ExecutionFailed"
    assert tasks(turn) == []
