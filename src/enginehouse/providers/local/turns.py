"""A turn on its way into the store: its journal row, what the execution's row says afterwards, and what else it writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from enginehouse import asl
from enginehouse.asl.commands import CancelTask, Command, Finish, ScheduleTask, StartChild, StopChild
from enginehouse.errors import EnginehouseError
from enginehouse.names import Names
from enginehouse.providers.local import nested, queries
from enginehouse.providers.local.live import Live, Work, encode, is_activity, needs_token
from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.providers.local.store import Batch, NewExecution, NewToken, Standing

STATES = {
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timed_out",
    "ABORTED": "cancelled",
}
"""What the contract calls the core's states."""

Told: TypeAlias = Callable[[BaseException | None], None]
Extra: TypeAlias = Callable[[Batch, int], None]
"""Something else that a turn writes, given the execution's number."""


class StaleDefinitionError(EnginehouseError):
    """The workflow was replaced or deleted while an execution was about to start."""


class Outcome(NamedTuple):
    """What the execution's row says after a turn."""

    state: str
    output: str | None
    error: str | None
    cause: str | None
    failed_at: str | None
    stopped_at: float | None
    wake: float | None
    busy: int


def outcome(live: Live, state: asl.State, now: float) -> Outcome:
    finished = state.status != "RUNNING"
    return Outcome(
        STATES[state.status],
        state.output_text,
        state.error,
        state.cause,
        state.failed_at,
        now if finished else None,
        live.wake,
        live.busy,
    )


def started(row: NewExecution, after: Outcome) -> NewExecution:
    """The row of an execution whose first turn came to this."""
    state, output, error, cause, failed_at, stopped_at, wake, busy = after
    return NewExecution(*row[:8], state, *row[9:13], stopped_at, output, error, cause, failed_at, wake, busy)


class TurnWrite:
    """One turn's write. ``new`` is set for the first turn of an execution that this process starts; ``named``
    where its name is the caller's, and so may be taken; ``pinned`` where it runs this definition whichever the workflow has."""

    __slots__ = (
        "at",
        "commands",
        "events",
        "extras",
        "last_event",
        "letter",
        "live",
        "named",
        "new",
        "notification",
        "pinned",
        "seq",
        "standing",
        "told",
        "wait",
    )

    def __init__(self, live: Live, at: float, notification: bytes | None, turn: asl.Turn) -> None:
        self.live = live
        self.at = at
        self.seq = live.seq
        self.notification = notification
        self.last_event = turn.state.last_event
        self.events = encode(turn.events)
        self.commands = turn.commands
        self.letter = 0
        self.told: Told | None = None
        self.new: NewExecution | None = None
        self.named = True
        self.pinned = False
        self.wait: tuple[float | None, int] | None = None
        self.standing: tuple[Outcome, str | None] | None = None
        self.extras: list[Extra] | None = None
        live.seq += 1
        live.unwritten += 1
        live.turns_since += 1
        if notification is not None:
            live.bytes_since += len(notification)

    def __call__(self, batch: Batch) -> ExecutionRow | None:
        """Runs in the writer's thread. Gives the existing execution where the new one's id is taken."""
        live, new = self.live, self.new
        if new is not None:
            if not (batch.holds(new.digest) if self.pinned else batch.digest_of(new.workflow) == new.digest):
                raise StaleDefinitionError
            number = batch.insert_execution(new) if self.named else batch.add_execution(new)
            if number is None:
                return queries.execution(batch.connection, new.id)
            live.number = number
        number = live.number
        batch.turns.append((number, self.seq, self.at, self.last_event, self.notification, self.events))
        if self.standing is not None:
            (state, output, error, cause, failed_at, stopped_at, wake, busy), reason = self.standing
            batch.stand(
                Standing(state, output, error, cause, failed_at, reason, stopped_at, wake, busy, live.redrives, number)
            )
        elif self.wait is not None:
            batch.wait(number, *self.wait)
        if self.letter:
            batch.done.append((self.letter,))
        if self.extras is not None:
            for write in self.extras:
                write(batch, number)
        return None


def extras(
    live: Live, commands: Sequence[Command], before: Mapping[int, Work], names: Names, *, finished: bool
) -> list[Extra] | None:
    """What a turn writes besides itself: children, tokens, letters to its parent and its children.

    ``before`` are the tasks that were open before the turn.
    """
    found: list[Extra] = []
    for command in commands:
        if isinstance(command, ScheduleTask):
            if needs_token(command):
                found.append(partial(_write_token, command))
        elif isinstance(command, StartChild):
            found.append(partial(nested.insert_child, live.row, command, live.redrives > 0))
        elif isinstance(command, StopChild):
            found.append(partial(nested.stop_child, command.child))
        elif isinstance(command, CancelTask):
            cancelled = before.get(command.task)
            if cancelled is not None and nested.is_nested(cancelled):
                found.append(partial(nested.stop_child, cancelled.task))
        elif isinstance(command, Finish) and live.row.parent is not None:
            found.append(partial(nested.tell_parent, live.row, command, names))
    if live.tokens:
        if finished:
            found.append(_drop_tokens)
        else:
            closed = [
                (task.token,)
                for number, task in before.items()
                if not live.awaits(number) and isinstance(task, ScheduleTask) and needs_token(task)
            ]
            if closed:
                found.append(lambda batch, _: batch.tokens_done.extend(closed))
    return found or None


def snapshot(live: Live, seq: int) -> Extra:
    """Keep the execution as it is after turn ``seq``, so that a replay begins there."""
    data = live.snapshot()
    return lambda batch, number: batch.snapshot(number, seq, data)


def _write_token(command: ScheduleTask, batch: Batch, number: int) -> None:
    activity = command.resource if is_activity(command.resource) else None
    text = encode(command.arguments).decode() if activity is not None else None
    batch.tokens.append(NewToken(command.token, number, command.task, activity, text, command.heartbeat))


def _drop_tokens(batch: Batch, number: int) -> None:
    batch.tokens_dropped.append((number,))
