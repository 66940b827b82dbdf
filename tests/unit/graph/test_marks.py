"""What an execution did to each state is read from its history."""

from __future__ import annotations

from enginehouse.graph.badges import badge, duration
from enginehouse.graph.marks import Mark, Tracker, marks
from enginehouse.graph.model import build
from enginehouse.models import MapRun
from tests.unit.graph.definitions import BEGAN, ORDER, history

GRAPH = build(ORDER)
TWO = build({"StartAt": "A", "States": {"A": {"Type": "Task", "Next": "B"}, "B": {"Type": "Pass", "End": True}}})


def test_a_state_that_was_left_succeeded_and_one_that_was_not_reached_has_no_mark() -> None:
    found = marks(
        TWO, history(("ExecutionStarted",), ("TaskStateEntered", "A"), ("TaskScheduled",), ("TaskStateExited", "A"))
    )
    assert found == {"A": Mark("succeeded", visits=1, done=1, attempts=1, seconds=2.0)}


def test_attempts_are_counted_and_a_failure_that_was_retried_is_a_success() -> None:
    found = marks(
        TWO,
        history(
            ("TaskStateEntered", "A"),
            ("TaskScheduled",),
            ("TaskFailed", {"error": "Busy"}),
            ("TaskScheduled",),
            ("TaskSucceeded",),
            ("TaskStateExited", "A"),
        ),
    )
    assert (found["A"].outcome, found["A"].attempts, found["A"].error) == ("succeeded", 2, "Busy")


def test_a_failure_that_was_left_by_a_catch_is_caught() -> None:
    found = marks(
        TWO,
        history(("TaskStateEntered", "A"), ("TaskScheduled",), ("LambdaFunctionTimedOut",), ("TaskStateExited", "A")),
    )
    assert found["A"].outcome == "caught"


def test_what_an_execution_failed_in_failed_with_all_around_it_and_the_rest_was_stopped() -> None:
    found = marks(
        GRAPH,
        history(
            ("ParallelStateEntered", "Ship"),
            ("ParallelStateStarted",),
            ("MapStateEntered", "Pack", 2),
            ("PassStateEntered", "Mail", 2),
            ("MapStateStarted", {"length": 1}, 3),
            ("MapIterationStarted", {"name": "Pack", "index": 0}, 5),
            ("TaskStateEntered", "Pick", 6),
            ("TaskScheduled", {}, 7),
            ("TaskFailed", {"error": "Broken"}, 8),
            ("ExecutionFailed", {"error": "Broken"}, 9),
        ),
    )
    outcomes = {name: mark.outcome for name, mark in found.items()}
    assert outcomes == {"Ship": "failed", "Pack": "failed", "Mail": "stopped", "Pick": "failed"}


def test_a_fork_that_failed_by_a_state_that_told_nothing_shows_which() -> None:
    found = marks(
        GRAPH,
        history(
            ("ParallelStateEntered", "Ship"),
            ("ParallelStateStarted",),
            ("MapStateEntered", "Pack", 2),
            ("PassStateEntered", "Mail", 2),
            ("ParallelStateFailed", {}, 3),
            ("ExecutionFailed", {"error": "States.Runtime"}, 5),
        ),
    )
    outcomes = {name: mark.outcome for name, mark in found.items()}
    assert outcomes == {"Ship": "failed", "Pack": "failed", "Mail": "stopped"}


def test_an_iteration_that_may_fail_leaves_its_state_failed_while_the_map_goes_on() -> None:
    found = marks(
        GRAPH,
        history(
            ("MapStateEntered", "Pack"),
            ("MapStateStarted", {"length": 2}),
            ("MapIterationStarted", {"name": "Pack", "index": 0}),
            ("TaskStateEntered", "Pick"),
            ("TaskScheduled",),
            ("TaskFailed", {"error": "Broken"}),
            ("MapIterationFailed", {"name": "Pack", "index": 0}),
            ("MapIterationStarted", {"name": "Pack", "index": 1}, 2),
        ),
    )
    assert (found["Pick"].outcome, found["Pack"].outcome) == ("failed", "running")


def test_what_is_open_runs_until_the_execution_ends() -> None:
    open_now = [("TaskStateEntered", "A"), ("TaskScheduled",)]
    assert marks(TWO, history(*open_now))["A"].outcome == "running"
    assert marks(TWO, history(*open_now, ("ExecutionAborted",)))["A"].outcome == "stopped"
    assert marks(TWO, history(*open_now, ("ExecutionTimedOut",)))["A"].outcome == "failed"
    assert marks(TWO, history(*open_now, ("ExecutionAborted",), ("ExecutionRedriven",)))["A"].outcome == "running"


def test_a_fail_state_failed() -> None:
    found = marks(GRAPH, history(("FailStateEntered", "Failed"), ("ExecutionFailed", {"error": "Order.Failed"})))
    assert found["Failed"].outcome == "failed"


def test_the_iterations_of_a_map_are_counted_together() -> None:
    found = marks(
        GRAPH,
        history(
            ("ParallelStateEntered", "Ship"),
            ("ParallelStateStarted",),
            ("MapStateEntered", "Pack"),
            ("MapStateStarted", {"length": 3}),
            ("MapIterationStarted", {"name": "Pack", "index": 0}, 4),
            ("MapIterationStarted", {"name": "Pack", "index": 1}, 4),
            ("TaskStateEntered", "Pick", 5),
            ("TaskStateEntered", "Pick", 6),
            ("TaskStateExited", "Pick", 7),
            ("MapIterationSucceeded", {"name": "Pack", "index": 0}, 9),
        ),
    )
    assert found["Pack"].items == (1, 3)
    assert (found["Pick"].visits, found["Pick"].done, found["Pick"].inside_map) == (2, 1, True)
    assert found["Pick"].outcome == "running"
    assert badge(found["Pack"]) == "1/3 items"
    assert badge(found["Pick"]) == "1/2"


def test_a_parallel_that_ends_after_an_inner_one_is_not_taken_for_it() -> None:
    graph = build(
        {
            "StartAt": "Outer",
            "States": {
                "Outer": {
                    "Type": "Parallel",
                    "Branches": [
                        {
                            "StartAt": "Inner",
                            "States": {
                                "Inner": {
                                    "Type": "Parallel",
                                    "Branches": [
                                        {"StartAt": "Leaf", "States": {"Leaf": {"Type": "Pass", "End": True}}}
                                    ],
                                    "End": True,
                                }
                            },
                        }
                    ],
                    "Next": "After",
                },
                "After": {"Type": "Pass", "End": True},
            },
        }
    )
    lines = [
        ("ParallelStateEntered", "Outer"),
        ("ParallelStateStarted",),
        ("ParallelStateEntered", "Inner"),
        ("ParallelStateStarted",),
        ("PassStateEntered", "Leaf"),
        ("PassStateExited", "Leaf"),
        ("ParallelStateSucceeded",),
        ("ParallelStateExited", "Inner"),
        ("ParallelStateFailed", {"error": "X"}),
        ("ParallelStateExited", "Outer"),
    ]
    found = marks(graph, history(*lines))
    assert {name: mark.outcome for name, mark in found.items()} == {
        "Outer": "caught",
        "Inner": "succeeded",
        "Leaf": "succeeded",
    }


def test_a_loop_shows_how_often_it_went_round_and_the_time_it_took_in_all() -> None:
    round_ = [("TaskStateEntered", "A"), ("TaskStateExited", "A"), ("PassStateEntered", "B"), ("PassStateExited", "B")]
    found = marks(TWO, history(*round_, *round_))
    assert (found["A"].visits, found["A"].seconds) == (2, 2.0)
    assert badge(found["A"]) == "2 times"


def test_visits_that_overlap_count_once_in_the_time_it_took() -> None:
    found = marks(
        GRAPH,
        history(
            ("TaskStateEntered", "Pick"),
            ("TaskStateEntered", "Pick"),
            ("TaskStateExited", "Pick", 2),
            ("PassStateEntered", "Undo"),
            ("TaskStateExited", "Pick", 1),
        ),
    )
    assert (found["Pick"].visits, found["Pick"].seconds) == (2, 4.0)


def test_a_tracker_knows_at_any_event_what_is_open_and_since_when() -> None:
    tracker = Tracker(TWO)
    events = history(("TaskStateEntered", "A"), ("TaskStateExited", "A"), ("PassStateEntered", "B"))
    tracker.read(events[0])
    assert tracker.running() == {"A": BEGAN}
    for event in events[1:]:
        tracker.read(event)
    assert list(tracker.running()) == ["B"]


def test_an_event_of_a_state_that_the_definition_has_not_is_passed_over() -> None:
    assert marks(TWO, history(("PassStateEntered", "Else"), ("PassStateExited", "Else"), ("TaskScheduled",))) == {}


def test_times_are_read_at_a_glance() -> None:
    assert [duration(value) for value in (0.035, 1.24, 200, 3600, 7500, 360_000)] == [
        "35 ms",
        "1.2 s",
        "3 min 20 s",
        "1 h",
        "2 h 5 min",
        "4 d 4 h",
    ]


MANY = build(
    {
        "StartAt": "Many",
        "States": {
            "Many": {
                "Type": "Map",
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED"},
                    "StartAt": "One",
                    "States": {"One": {"Type": "Task", "End": True}},
                },
                "End": True,
            }
        },
    }
)


def told(*lines: tuple[object, ...]) -> Tracker:
    tracker = Tracker(MANY)
    for event in history(*lines):
        tracker.read(event)
    return tracker


def test_how_far_a_distributed_map_is_comes_from_its_runs_and_not_from_its_length() -> None:
    tracker = told(("MapStateEntered", "Many"), ("MapStateStarted", {"length": 0}), ("MapRunStarted",))
    assert (tracker.map_runs, tracker.mark("Many").items) == (1, None)
    for succeeded in (1, 3):
        tracker.count([MapRun(map_run_id="r", path="/States/Many", total=4, running=1, succeeded=succeeded)])
    assert badge(tracker.mark("Many")) == "3/4 items"


def test_what_the_items_of_a_distributed_map_did_counts_together() -> None:
    tracker = told(("MapStateEntered", "Many"), ("MapStateStarted", {"length": 0}), ("MapRunStarted",))
    tracker.adopt(told(("TaskStateEntered", "One"), ("TaskScheduled",), ("TaskStateExited", "One")))
    assert tracker.mark("One") == Mark("succeeded", visits=1, done=1, attempts=1, seconds=2.0, inside_map=True)
    tracker.adopt(told(("TaskStateEntered", "One"), ("TaskScheduled",)))
    assert (tracker.mark("One").outcome, badge(tracker.mark("One"))) == ("running", "1/2")
    tracker.adopt(
        told(
            ("TaskStateEntered", "One"),
            ("TaskScheduled",),
            ("TaskFailed", {"error": "Broken"}),
            ("ExecutionFailed", {"error": "Broken"}, 3),
        )
    )
    assert (tracker.mark("One").outcome, tracker.mark("One").error) == ("running", "Broken")


def test_an_item_that_failed_is_seen_though_its_map_goes_on() -> None:
    tracker = told(("MapStateEntered", "Many"), ("MapStateStarted", {"length": 0}), ("MapRunStarted",))
    tracker.adopt(told(("TaskStateEntered", "One"), ("TaskStateExited", "One")))
    tracker.adopt(told(("TaskStateEntered", "One"), ("TaskFailed", {"error": "Broken"}), ("ExecutionFailed", {}, 2)))
    assert (tracker.mark("One").outcome, tracker.mark("One").done, tracker.mark("Many").outcome) == (
        "failed",
        1,
        "running",
    )


def test_a_map_and_a_parallel_fail_by_the_error_of_the_state_inside() -> None:
    inside = {"StartAt": "In", "States": {"In": {"Type": "Task", "End": True}}}
    for kind, field, given in (("Map", "ItemProcessor", inside), ("Parallel", "Branches", [inside])):
        graph = build({"StartAt": "Out", "States": {"Out": {"Type": kind, field: given, "End": True}}})
        within = [("MapIterationStarted", {"name": "Out", "index": 0})] if kind == "Map" else []
        failed = [("MapIterationFailed", {"name": "Out", "index": 0})] if kind == "Map" else []
        found = marks(
            graph,
            history(
                (f"{kind}StateEntered", "Out"),
                (f"{kind}StateStarted", {"length": 1}),
                *within,
                ("TaskStateEntered", "In"),
                ("TaskScheduled",),
                ("TaskFailed", {"error": "Broken"}),
                *failed,
                (f"{kind}StateFailed",),
                (f"{kind}StateExited", "Out"),
            ),
        )
        assert (found["Out"].outcome, found["Out"].error) == ("caught", "Broken"), kind
