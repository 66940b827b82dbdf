"""How much a run begins at once."""

from __future__ import annotations

from enginehouse.asl.machine import PAYLOAD_LIMIT
from enginehouse.providers.temporal.pace import LARGE, LONG, MESSAGE, MOST, OPEN, STARTING, Pace, Turn


def begun(pace: Pace, turn: Turn, size: int, unfinished: int = 0) -> int:
    """How many of this size begin in the workflow task."""
    count = 0
    while pace.may_begin(turn, unfinished + count, size):
        count += 1
    return count


def test_a_message_takes_so_many_bytes_and_the_next_one_as_many_again() -> None:
    pace = Pace(careful=True)
    pace.returned(10)
    assert begun(pace, Turn(3, 1_000, suggested=False), 250_000) == MESSAGE // 250_000
    assert pace.crowded
    assert begun(pace, Turn(3, 1_000, suggested=False), 250_000) == 0
    assert begun(pace, Turn(9, 1_000, suggested=False), 250_000, 10) == MESSAGE // 250_000


def test_one_that_is_larger_than_a_message_should_be_goes_alone() -> None:
    assert begun(Pace(careful=True), Turn(3, 1_000, suggested=False), MESSAGE + 1) == 1


def test_until_a_result_is_seen_the_largest_is_expected() -> None:
    pace = Pace(careful=True)
    first = begun(pace, Turn(3, 1_000, suggested=False), 10)
    assert first * PAYLOAD_LIMIT <= MOST < (first + 2) * PAYLOAD_LIMIT
    assert not pace.crowded
    pace.returned(100)
    assert begun(pace, Turn(9, 1_000, suggested=False), 10, first) == OPEN - first
    pace.returned(PAYLOAD_LIMIT)
    assert begun(pace, Turn(12, 1_000, suggested=False), 10, first) == 0


def test_only_so_many_children_are_starting() -> None:
    pace = Pace(careful=True)
    turn = Turn(3, 1_000, suggested=False)
    assert pace.may_begin(turn, 30, 10, STARTING - 1)
    assert not pace.may_begin(turn, 30, 10, STARTING)
    assert not pace.crowded


def test_a_long_or_large_run_begins_nothing_while_something_is_unfinished() -> None:
    pace = Pace(careful=True)
    for turn in (Turn(LONG + 1, 1_000, suggested=True), Turn(5_000, LARGE + 1, suggested=True)):
        assert pace.leaving(turn, 3)
        assert begun(pace, turn, 10, 3) == 0
    assert not pace.leaving(Turn(5_000, 5_000_000, suggested=True), 3)
    assert pace.leaving(Turn(5_000, 5_000_000, suggested=True), 0)


def test_an_execution_from_before_these_limits_keeps_to_what_it_did() -> None:
    pace = Pace(careful=False)
    assert begun(pace, Turn(3, 1_000, suggested=False), 250_000) == OPEN
    assert pace.leaving(Turn(3, 1_000, suggested=True), 3)
    assert begun(pace, Turn(3, 1_000, suggested=True), 10, 3) == 0
