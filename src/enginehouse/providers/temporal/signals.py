"""What callers send to an execution by signals: the outcome of a task, by its number, or that it is alive. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.api.common.v1 import Payload

from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.providers.temporal.live import Beat, FromOutside
from enginehouse.providers.temporal.payloads import value_of

SUCCESS, FAILURE, HEARTBEAT = "task-success", "task-failure", "task-heartbeat"


def read(signal: str, payloads: Sequence[Payload]) -> FromOutside | None:
    """What a signal tells; None for one that is not of ours, or not of our form. Anybody may send one by Temporal's own
    tools, and what fails in a workflow is tried again for ever."""
    if signal not in (SUCCESS, FAILURE, HEARTBEAT):
        return None
    try:
        given = [value_of(payload) for payload in payloads]
    except Exception:  # as many kinds as there are encodings
        return None
    match signal, given:
        case "task-success", [int(task), output]:
            return FromOutside(TaskSucceeded(task, output))
        case "task-failure", [int(task), str() | None as error, str() | None as cause]:
            return FromOutside(TaskFailed(task, error, cause))
        case "task-heartbeat", [int(task)]:
            return FromOutside(Beat(task))
    return None
