"""What the host hands to Temporal: the arguments of activities and children, and failures."""

from __future__ import annotations

import msgspec
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from enginehouse.asl.commands import ReadItems, ScheduleTask, StartChild, WriteResults
from enginehouse.providers.temporal.live import Live
from enginehouse.providers.temporal.payloads import json_value, list_value
from enginehouse.providers.temporal.records import VERSION, Ending, TaskCall

TOO_MUCH_TO_CARRY = (
    "What the execution's threads hold is too much to be carried to the next run of its history. Let a Map have fewer items "
    "in work at once (MaxConcurrency), or pass references to large data."
)

_MESSAGE_LIMIT = 1_000
"""Characters of a failure's message; its cause, in the details, is whole."""


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
