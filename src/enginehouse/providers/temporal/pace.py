"""How much a run begins at once: no message, no history and no count grows over what Temporal takes. Pure.

Above one of these limits Temporal ends an execution or lets its worker try for ever, so what comes near to one waits.
The limits themselves are the server's defaults: 2,000 unfinished activities and as many children, 4 MiB in a message, 51,200 events
and 50 MiB in a history.
"""

from __future__ import annotations

from typing import NamedTuple

from enginehouse.asl.machine import PAYLOAD_LIMIT

OPEN = 1_500
"""Activities and children of a run that are unfinished at once."""

STARTING = 20
"""Children that Temporal is asked to start and has not. Each start has to get hold of the parent: of hundreds most wait for seconds."""

MESSAGE = 2_500_000
"""Bytes of arguments that one workflow task hands to Temporal."""

LONG, LARGE = 10_000, 20_000_000
"""Events, and bytes of the history, from which on nothing is begun: what is unfinished ends, then the next run goes on."""

MOST = 40_000_000
"""Bytes that the history may come to when all that is unfinished has ended."""


class Turn(NamedTuple):
    """What Temporal tells of the run at a workflow task."""

    events: int
    bytes: int
    suggested: bool


class Pace:
    """What one run may begin. Not ``careful`` is an execution that began before there were limits by bytes."""

    def __init__(self, *, careful: bool) -> None:
        self._careful = careful
        self._events = 0
        self._begun = 0
        self._largest: int | None = None
        self.crowded = False

    def returned(self, size: int) -> None:
        """Something ended with a result of so many bytes. Until the first one, the largest is expected."""
        self._largest = max(size, self._largest or 0)

    def leaving(self, turn: Turn, unfinished: int) -> bool:
        """Whether nothing is begun any more, because the next run shall go on."""
        if self._careful and unfinished:
            return turn.events > LONG or turn.bytes > LARGE
        return turn.suggested

    def may_begin(self, turn: Turn, unfinished: int, size: int, starting: int = 0) -> bool:
        """Whether something with arguments of so many bytes may begin in this workflow task; it counts, if so. ``starting``, for a
        child: how many have not started yet. Where only the task has no more room, ``crowded`` is true afterwards."""
        self.crowded = False
        if unfinished >= OPEN or self.leaving(turn, unfinished):
            return False
        if not self._careful:
            return True
        if starting >= STARTING:
            return False
        if turn.events != self._events:
            self._events, self._begun = turn.events, 0
        if unfinished and turn.bytes + self._begun + size + (unfinished + 1) * self._expected > MOST:
            return False
        if self._begun and self._begun + size > MESSAGE:
            self.crowded = True
            return False
        self._begun += size
        return True

    @property
    def _expected(self) -> int:
        """Bytes of a result to come: twice the largest so far, and no less than that one."""
        if self._largest is None:
            return PAYLOAD_LIMIT
        return max(self._largest, min(2 * self._largest, PAYLOAD_LIMIT))
