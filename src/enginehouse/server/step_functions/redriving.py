"""Redriving: running an execution on from where it failed, for as long as AWS allows it."""

from __future__ import annotations

from typing import Any

from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.lookup import execution_of, found

_DAY = 86_400
_REDRIVABLE_FOR = 14 * _DAY
_LONGEST = 365 * _DAY
# A history has 25,000 events at most: there must be room for the redrive, and for one event more.
_MOST_EVENTS = 24_999
# Seconds for which a redrive that is asked for again, with the same token, is the same redrive.
_SAME_REDRIVE = 15 * 60
_UNSUCCESSFUL = ("failed", "timed_out", "cancelled", "pending_redrive")


async def redrivable(api: Api, row: ExecutionRow) -> tuple[str, str]:
    """AWS's ``redriveStatus`` of the execution, and its ``redriveStatusReason``, in AWS's words: the model's documentation has them."""
    if row.state not in _UNSUCCESSFUL:
        status = "SUCCEEDED" if row.state == "succeeded" else "RUNNING"
        return "NOT_REDRIVABLE", f"Execution is {status} and cannot be redriven"
    if row.pointer:
        return "REDRIVABLE_BY_MAP_RUN", ""
    reason = await _obstacle(api, row)
    return ("NOT_REDRIVABLE", reason) if reason else ("REDRIVABLE", "")


async def _obstacle(api: Api, row: ExecutionRow) -> str:
    machine, now = api.catalogue.machines.get(row.workflow), api.engine.now()
    if machine is not None and machine.deleting:
        return "State machine is in DELETING status"
    if row.stopped_at is not None and row.stopped_at < now - _REDRIVABLE_FOR:
        return "Execution redrivable period exceeded"
    if row.started_at < now - _LONGEST:
        return "Execution has exceeded the max execution time"
    last = (await api.engine.events(row, None, 1, True)).events
    return "Execution history event limit exceeded" if last and last[0].id >= _MOST_EVENTS else ""


async def redriven_at(api: Api, row: ExecutionRow) -> float:
    """When the execution was last redriven. A child of a map run may have been begun anew then."""
    place, began = None, row.started_at
    while True:
        page = await api.engine.events(row, place, 1000, True)
        for event in page.events:
            if event.type == "ExecutionRedriven":
                return event.timestamp
        if page.next is None:
            return began
        place = page.next


async def redrive_execution(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    async with api.changing():
        row = await execution_of(api, request["executionArn"])
        token = request.get("clientToken")
        if token is None:
            return {"redriveDate": await _redrive(api, row, request["executionArn"])}
        known = api.redriven
        while known and next(iter(known.values())) < api.engine.now() - _SAME_REDRIVE:
            del known[next(iter(known))]
        if (row.id, token) not in known:
            known[row.id, token] = await _redrive(api, row, request["executionArn"])
        return {"redriveDate": known[row.id, token]}


async def _redrive(api: Api, row: ExecutionRow, arn: str) -> float:
    """When it was redriven. Raises ``ExecutionNotRedrivable``."""
    status, reason = await redrivable(api, row)
    if status != "REDRIVABLE":
        raise ApiError(
            "ExecutionNotRedrivable", reason or "Execution is a child of a Map Run, which alone can redrive it"
        )
    await api.engine.redrive(row)
    again = await found(api, row.id, arn)
    if again.redrives == row.redrives:
        raise ApiError("ExecutionNotRedrivable", "Execution has nothing that could run again")
    return await redriven_at(api, again)
