"""The execution between the core and Temporal: pure, and the same for the worker and for the client."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.asl.commands import ScheduleTask, StartTimer
from enginehouse.asl.notifications import Stop, TaskFailed, TaskSucceeded, TaskTimedOut, TimerFired
from enginehouse.providers.temporal.live import (
    AlarmRang,
    Beat,
    FromOutside,
    Happening,
    Live,
    Order,
    SetAlarm,
    TaskReturned,
    in_order,
)
from enginehouse.providers.temporal.payloads import text_of
from enginehouse.providers.temporal.records import VERSION, Carried, Start

NUMBERS = st.integers(1, 12)
HAPPENINGS = st.one_of(
    st.builds(TaskReturned, NUMBERS, st.integers()),
    st.builds(TaskFailed, NUMBERS, st.sampled_from(["A", "B"]), st.none()),
    st.builds(TaskTimedOut, NUMBERS),
    st.builds(TimerFired, NUMBERS),
    st.builds(AlarmRang, NUMBERS, st.booleans()),
    st.builds(FromOutside, st.builds(TaskSucceeded, NUMBERS, st.integers())),
    st.builds(FromOutside, st.builds(Beat, NUMBERS)),
    st.just(Stop(None, "enough")),
)

RETRY = [{"ErrorEquals": ["A"], "IntervalSeconds": 1, "MaxAttempts": 2}]
ASK: dict[str, Any] = {
    "Type": "Task",
    "Resource": "task:ask.waitForTaskToken",
    "TimeoutSeconds": 100,
    "HeartbeatSeconds": 10,
    "End": True,
}
DEFINITION = {
    "StartAt": "Both",
    "TimeoutSeconds": 1000,
    "States": {
        "Both": {
            "Type": "Parallel",
            "Next": "Rest",
            "Branches": [
                {"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": "task:w", "Retry": RETRY, "End": True}}},
                {"StartAt": "Ask", "States": {"Ask": ASK}},
            ],
        },
        "Rest": {"Type": "Wait", "Seconds": 5, "Next": "Last"},
        "Last": {"Type": "Task", "Resource": "task:w", "End": True},
    },
}  # fmt: skip


def live(definition: Any = DEFINITION, *, version: int = 0) -> Live:
    return Live(
        Start(seed="seed", name="n", version=version),
        definition=msgspec.json.encode(definition).decode(),
        input_text="{}",
        execution_id="w:n",
        workflow_id="w",
        started_at=100.0,
        keep=True,
    )


def open_task(found: Live, state: str) -> ScheduleTask:
    return next(item for item in found.tasks.values() if isinstance(item, ScheduleTask) and item.state == state)


@given(st.lists(HAPPENINGS, max_size=8).flatmap(lambda items: st.tuples(st.just(items), st.permutations(items))))
def test_what_came_in_one_go_is_told_in_one_order(pair: tuple[list[Happening], list[Happening]]) -> None:
    first, second = (in_order(items) for items in pair)
    outside = [item for item in first if isinstance(item, FromOutside)]
    assert first[: len(outside)] == outside
    places = [type(item).__name__ in ("AlarmRang", "TaskTimedOut") for item in first]
    assert len(places) == len(second)
    assert [_place(item) for item in first] == [_place(item) for item in second]


def _place(item: Happening) -> object:
    return 0 if isinstance(item, FromOutside) else getattr(item, "task", getattr(item, "timer", "stop"))


@given(st.lists(HAPPENINGS, max_size=30), st.integers(0, 30), st.integers(0, VERSION))
def test_an_execution_that_was_carried_over_goes_on_as_one_that_was_not(
    items: list[Happening], cut: int, version: int
) -> None:
    whole, halved = live(version=version), live(version=version)
    whole.begin(100.0)
    halved.begin(100.0)
    for number, happening in enumerate(items):
        if number == cut and halved.state is not None and not halved.state.finished:
            handed_on = halved.carry([])
            assert handed_on is not None
            carried = msgspec.json.decode(text_of(handed_on.payload), type=Carried)
            halved = live(version=version)
            halved.events = list(whole.events)
            halved.go_on(carried, 100.0 + number)
        now = 101.0 + number
        assert whole.tell(happening, now) == halved.tell(happening, now)
    assert whole.events == halved.events
    assert whole.tasks == halved.tasks
    assert whole.timers == halved.timers


@pytest.mark.parametrize(("version", "status"), [(2, "FAILED"), (3, "SUCCEEDED")])
def test_an_answer_before_a_refusal_counts_as_it_did_when_the_execution_began(version: int, status: str) -> None:
    send = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody": {}}, "End": True}  # fmt: skip
    found = live({"StartAt": "Ask", "States": {"Ask": send}}, version=version)
    found.begin(100.0)
    task = open_task(found, "Ask").task
    found.tell(FromOutside(TaskSucceeded(task, 1)), 101.0)
    found.tell(TaskFailed(task, "SQS.QueueDoesNotExistException", None), 102.0)
    assert found.state is not None
    assert found.state.status == status


def test_a_snapshot_of_the_earlier_form_is_read() -> None:
    found, after = live(), live()
    found.begin(100.0)
    handed_on = found.carry([])
    assert handed_on is not None
    carried = msgspec.json.decode(text_of(handed_on.payload), type=Carried)
    earlier = msgspec.structs.replace(carried, state=base64.b85encode(carried.state.encode()).decode())
    after.go_on(earlier, 101.0)
    assert after.state == found.state


def test_what_its_threads_hold_may_be_too_much_to_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    found = live()
    found.begin(100.0)
    monkeypatch.setattr("enginehouse.providers.temporal.live._CARRIED_TEXT", 1)
    assert found.carry([]) is None


def test_a_token_task_is_kept_to_its_limits_once_its_request_was_taken() -> None:
    found = live()
    found.begin(100.0)
    ask = open_task(found, "Ask")
    orders = found.tell(TaskReturned(ask.task, "asked"), 110.0)
    assert orders == [SetAlarm(ask.task, 200.0), SetAlarm(ask.task, 120.0, heartbeat=True)]
    assert found.tell(FromOutside(Beat(ask.task)), 115.0) == [SetAlarm(ask.task, 125.0, heartbeat=True)]
    found.tell(AlarmRang(ask.task, heartbeat=True), 125.0)
    assert found.state is not None
    assert found.state.error == "States.HeartbeatTimeout"


def test_a_token_is_known_while_its_task_waits_and_not_after() -> None:
    found = live()
    found.begin(100.0)
    ask = open_task(found, "Ask")
    assert found.waiting(ask.token) == ask.task
    assert found.waiting(open_task(found, "Work").token) is None
    found.tell(FromOutside(TaskSucceeded(ask.task, 1)), 101.0)
    assert found.waiting(ask.token) is None


def test_the_deadline_is_left_to_temporal() -> None:
    found = live()
    timers = [order for order in found.begin(100.0) if isinstance(order, StartTimer)]
    assert timers == []
    assert found.state is not None
    found.tell(TimerFired(found.state.deadline), 1100.0)
    assert found.state.status == "TIMED_OUT"


def test_a_timer_of_the_past_is_told_at_once() -> None:
    past = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Timestamp": "1970-01-01T00:00:10Z", "End": True}}}
    found = live(past)
    orders: list[Order] = found.begin(100.0)
    assert not [order for order in orders if isinstance(order, StartTimer)]
    assert found.state is not None
    assert found.state.status == "SUCCEEDED"
