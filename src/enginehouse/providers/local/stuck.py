"""Executions that cannot go on: the core failed on them, or a replay does not come to where their journal ends.

They are left as they stand, for a release that can run them; but they can be stopped.
"""

from __future__ import annotations

from typing import NamedTuple

from enginehouse.asl import Event
from enginehouse.asl.commands import Finish
from enginehouse.asl.notifications import Stop
from enginehouse.names import Names
from enginehouse.providers.local import nested, queries
from enginehouse.providers.local.live import encode
from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.providers.local.store import Batch, NewExecution, Standing


class Stuck(NamedTuple):
    """An execution that cannot go on, and why."""

    number: int
    row: ExecutionRow | NewExecution
    why: str


def end(stuck: Stuck, stop: Stop, reason: str | None, names: Names, now: float, batch: Batch) -> None:
    """Cancel the execution without the core: its history ends with ExecutionAborted, and who waits for it is told."""
    batch.flush()
    number = stuck.number
    last = queries.standing(batch.connection, number)
    if last is None or last.stopped:
        batch.delete_letters(number)
        return
    details = {key: value for key, value in (("error", stop.error), ("cause", stop.cause)) if value is not None}
    event = Event(last.event + 1, 0, now, "ExecutionAborted", details)
    batch.turns.append((number, last.turns, now, event.id, encode(stop), encode([event])))
    batch.stand(Standing("cancelled", None, stop.error, stop.cause, None, reason, now, None, 0, last.redrives, number))
    batch.tokens_dropped.append((number,))
    batch.delete_letters(number)
    for child in queries.open_children(batch.connection, number):
        nested.stop_child(child, batch, number)
    nested.tell_parent(stuck.row, Finish("ABORTED", error=stop.error, cause=stop.cause), names, batch, number)
