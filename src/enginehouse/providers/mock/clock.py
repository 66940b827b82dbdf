"""Time as the mock sees it: it stands still while anything runs, and jumps to the next timer when nothing does."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["jump", "manual", "real"]

_END_OF_TIME = datetime(9000, 1, 1, tzinfo=UTC).timestamp()
"""No jump goes further: a wait of ten thousand years is a mistake, and dates end soon after."""


class Timer:
    """A call that the clock owes at ``at``; cancelled, it is not made."""

    __slots__ = ("at", "call")

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at = at
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Clock:
    """``now`` is in seconds since the epoch.

    ``mode``: ``jump`` goes to the next timer as soon as nothing runs; ``manual`` goes no further than it was allowed to;
    ``real`` follows the wall. While a function really runs, the first mode follows the wall too, so that it can time out.
    """

    def __init__(self, start: float, mode: Mode = "jump") -> None:
        self.mode = mode
        self.now = start
        self.horizon = _END_OF_TIME if mode == "jump" else start
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = 0
        self._wall: float | None = time.monotonic() if mode == "real" else None

    def read(self) -> float:
        """The time now."""
        if self.mode == "real":
            self.follow_wall()
        return self.now

    def at(self, when: float, call: Callable[[], None]) -> Timer:
        """Make the call at ``when``; calls of the same time are made in the order in which they were asked for."""
        self._order += 1
        timer = Timer(when, call)
        heapq.heappush(self._timers, (when, self._order, timer))
        return timer

    def next(self) -> float | None:
        """When the next timer is due; None if there is none."""
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def fire(self) -> bool:
        """Make the first call that is due by now; whether there was one."""
        when = self.next()
        if when is None or when > self.now:
            return False
        call = heapq.heappop(self._timers)[2].call
        if call is not None:
            call()
        return True

    def jump(self) -> bool:
        """Go to the next timer, if that is allowed; whether time has moved."""
        when = self.next()
        if when is None or when > min(self.horizon, _END_OF_TIME) or self.mode == "real":
            return False
        self.now = max(self.now, when)
        return True

    def follow_wall(self) -> float | None:
        """Let wall time pass on this clock too; gives how long until the next timer, in seconds."""
        wall = time.monotonic()
        if self._wall is not None:
            self.now += wall - self._wall
        self._wall = wall
        when = self.next()
        return None if when is None else max(0.0, when - self.now)

    def leave_wall(self) -> None:
        """Wall time no longer counts, but for a clock that is real."""
        if self.mode != "real":
            self._wall = None
