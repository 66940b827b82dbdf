"""The clock of the mock."""

from __future__ import annotations

from enginehouse.mapping import when
from enginehouse.providers.mock.clock import Clock


def test_a_jump_goes_to_the_next_timer_and_no_further() -> None:
    clock, made = Clock(100.0), []
    clock.at(300.0, lambda: made.append("late"))
    clock.at(200.0, lambda: made.append("soon"))
    assert clock.jump()
    assert clock.now == 200.0
    assert clock.fire()
    assert not clock.fire()
    assert made == ["soon"]


def test_timers_of_one_time_fire_in_the_order_in_which_they_were_set() -> None:
    clock, made = Clock(0.0), []
    for name in "abc":
        clock.at(1.0, lambda name=name: made.append(name))
    clock.jump()
    while clock.fire():
        pass
    assert made == ["a", "b", "c"]


def test_a_cancelled_timer_neither_fires_nor_makes_time_pass() -> None:
    clock = Clock(0.0)
    clock.at(5.0, lambda: None).cancel()
    assert clock.next() is None
    assert not clock.jump()
    assert clock.now == 0.0


def test_a_timer_in_the_past_fires_at_once_and_time_does_not_go_back() -> None:
    clock, made = Clock(10.0), []
    clock.at(5.0, lambda: made.append(clock.now))
    assert clock.fire()
    assert made == [10.0]


def test_a_manual_clock_does_not_jump_past_its_horizon() -> None:
    clock = Clock(0.0, "manual")
    clock.at(5.0, lambda: None)
    assert not clock.jump()
    clock.horizon = 5.0
    assert clock.jump()
    assert clock.now == 5.0


def test_no_clock_jumps_to_where_dates_end() -> None:
    clock = Clock(0.0)
    clock.at(1e15, lambda: None)
    assert not clock.jump()
    assert when(clock.now).year == 1970
