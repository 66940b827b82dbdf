"""Listing executions: of a machine, of one of its versions or aliases, of a map run."""

from __future__ import annotations

from typing import Any

from enginehouse.providers.local.queries import ExecutionRow, RowNumber
from enginehouse.server.step_functions import pages, versions
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import parse
from enginehouse.server.step_functions.engine import Wanted
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.executions import STATUS, line, metadata_of, type_not_supported
from enginehouse.server.step_functions.lookup import absent, machine_of
from enginehouse.server.step_functions.map_runs import executions_of
from enginehouse.server.step_functions.redriving import redriven_at

_STATES = {"RUNNING": ("running", "pending"), **{aws: (ours,) for ours, aws in STATUS.items() if aws != "RUNNING"}}


async def list_executions(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    if ("stateMachineArn" in request) == ("mapRunArn" in request):
        raise ApiError("ValidationException", "Exactly one of stateMachineArn and mapRunArn must be specified")
    if "mapRunArn" in request:
        wanted = await executions_of(api, request["mapRunArn"])
    else:
        if request.get("statusFilter") == "PENDING_REDRIVE":
            raise ApiError("ValidationException", "The statusFilter PENDING_REDRIVE is for mapRunArn alone")
        wanted = _of_machine(api, request["stateMachineArn"])
    if "statusFilter" in request:
        wanted = wanted._replace(states=_STATES[request["statusFilter"]])
    if "redriveFilter" in request:
        wanted = wanted._replace(redriven=request["redriveFilter"] == "REDRIVEN")
    before = pages.place(request, "executions", tuple[RowNumber])
    most = pages.size(request)
    rows = await api.engine.executions(wanted._replace(before=before[0] if before else None, limit=most + 1))
    answer: dict[str, Any] = {"executions": [await _shown(api, row) for row in rows[:most]]}
    if len(rows) > most:
        answer["nextToken"] = pages.token(request, "executions", rows[most - 1].number)
    return answer


async def _shown(api: Api, row: ExecutionRow) -> dict[str, Any]:
    metadata = metadata_of(row)
    shown = line(api, row, metadata)
    if row.redrives:
        shown["redriveDate"] = await redriven_at(api, row)
    if "map_run_items" in metadata:
        shown["itemCount"] = metadata["map_run_items"]
    return shown


def _of_machine(api: Api, arn: str) -> Wanted:
    target = parse(api.arns, arn, "stateMachine")
    machine = machine_of(api, api.arns.of(f"stateMachine:{target.name}") if target.ours else arn)
    if machine.type == "EXPRESS":
        raise type_not_supported()
    qualifier = target.qualifier
    metadata: dict[str, Any] = {}
    if qualifier.isascii() and qualifier.isdigit():
        metadata = {"version": int(qualifier)}
    elif qualifier:
        metadata = {"alias": qualifier}
    if metadata and not versions.is_known(api, machine, qualifier):
        raise absent(arn)
    created = int(machine.created * 1000) / 1000  # executions begin at whole milliseconds
    return Wanted(machine=machine.name, metadata=metadata, started_after=created)
