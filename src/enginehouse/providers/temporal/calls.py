"""What a run is given by Temporal, and what the host hands to it: the arguments of activities and children, and failures."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from enginehouse.asl.commands import ReadItems, ScheduleTask, StartChild, WriteResults
from enginehouse.providers.temporal.live import Live
from enginehouse.providers.temporal.payloads import json_value, list_value, text_of, value_of
from enginehouse.providers.temporal.records import VERSION, Carried, Ending, Start, TaskCall

TOO_MUCH_TO_CARRY = (
    "What the execution's threads hold is too much to be carried to the next run of its history. Let a Map have fewer items "
    "in work at once (MaxConcurrency), or pass references to large data."
)

_MESSAGE_LIMIT = 1_000
"""Characters of a failure's message; its cause, in the details, is whole."""

_STORED = '{"digest"'
"""How a ``Stored`` begins, which is no ``Carried``."""


def start_of(args: Sequence[Payload], first_run: str) -> Start:
    """Who the execution is, by a run's arguments; what nobody gave a seed has the id of its first run."""
    start = msgspec.convert(value_of(args[2]), Start) if len(args) > 2 else Start()
    return start if start.seed else msgspec.structs.replace(start, seed=first_run)


def carried_of(args: Sequence[Payload]) -> Carried | None:
    """What the run goes on from; None where it is the first. Where somebody triggers a schedule by hand, it is given what the
    schedule keeps of the workflow."""
    text = text_of(args[3]) if len(args) > 3 else _STORED
    return None if text.startswith(_STORED) else msgspec.json.decode(text, type=Carried)


def child_args(live: Live, definition: RawValue, order: StartChild) -> list[RawValue]:
    """The definition, the item, and who the child is."""
    start = msgspec.structs.replace(
        live.start,
        seed=f"{live.start.seed}/{order.child}",
        name=f"{live.name}/{order.child}",
        pointer=order.processor,
        request={},
        started_at=None,
        chains=[],
        version=VERSION,
    )
    return [definition, json_value(order.input), json_value(start)]


def task_args(live: Live, order: ScheduleTask | ReadItems | WriteResults) -> list[RawValue]:
    call = TaskCall(msgspec.structs.replace(order, arguments=None), live.execution_id, live.name, live.workflow_id)
    return [json_value(order.arguments), list_value(call) if isinstance(order, WriteResults) else json_value(call)]


def size_of(args: list[RawValue]) -> int:
    return sum(len(value.payload.data) for value in args)


def failed(ending: Ending) -> ApplicationError:
    """The execution's failure. The message is what Temporal's own tools show; all of it is in the details."""
    message = ending.cause or ending.error or ending.status
    return ApplicationError(
        message[:_MESSAGE_LIMIT], json_value(ending), type=ending.error or ending.status, non_retryable=True
    )
