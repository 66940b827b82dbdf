"""The history of an execution."""

from __future__ import annotations

from typing import Any

from enginehouse.asl import Event, details_key
from enginehouse.providers.local.queries import RowNumber
from enginehouse.server.step_functions import pages
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.lookup import execution_of

_DATA = ("input", "output", "inputDetails", "outputDetails", "assignedVariables", "assignedVariablesDetails")


async def get_execution_history(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    row = await execution_of(api, request["executionArn"])
    place = pages.place(request, "events", tuple[RowNumber, RowNumber])
    found = await api.engine.events(row, place, pages.size(request), request.get("reverseOrder", False))
    with_data = request.get("includeExecutionData", True)
    answer: dict[str, Any] = {"events": [_shown(event, with_data) for event in found.events]}
    if found.next is not None:
        answer["nextToken"] = pages.token(request, "events", *found.next)
    return answer


def _shown(event: Event, with_data: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "timestamp": event.timestamp,
        "type": event.type,
        "id": event.id,
        "previousEventId": event.previous_id,
    }
    key = details_key(event.type)
    if key:
        details = event.details
        shown[key] = details if with_data else {name: item for name, item in details.items() if name not in _DATA}
    return shown
