"""Map runs: what an execution's distributed Maps have begun, and how far that is."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from enginehouse.asl import ChangeMapRun, Event, MapRunLimits
from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.server.step_functions import pages
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import parse
from enginehouse.server.step_functions.engine import Counts, Wanted
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.excerpts import labelled
from enginehouse.server.step_functions.executions import metadata_of, revision_of
from enginehouse.server.step_functions.lookup import execution_of
from enginehouse.server.step_functions.records import MapRunChange

_COUNTED = {
    "pending": "pending",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "timed_out": "timedOut",
    "cancelled": "aborted",
    "pending_redrive": "pendingRedrive",
}
_ENDS = {"MapRunSucceeded": "SUCCEEDED", "MapRunFailed": "FAILED", "MapRunAborted": "ABORTED"}


class Run(NamedTuple):
    """A map run as the history of its execution tells it."""

    arn: str
    started: float
    status: str
    stopped: float | None
    redrives: int
    redriven: float | None

    @property
    def waits_since(self) -> float | None:
        """Children that had failed before this wait for their redrive."""
        return self.redriven if self.status == "RUNNING" else None


async def _history(api: Api, row: ExecutionRow) -> list[Event]:
    found: list[Event] = []
    page = await api.engine.events(row, None, 1000, False)
    found += page.events
    while page.next is not None:
        page = await api.engine.events(row, page.next, 1000, False)
        found += page.events
    return found


async def _runs(api: Api, row: ExecutionRow) -> list[Run]:
    """The map runs of the execution. Each event of a run names the one before it, so that those of two do not mix."""
    runs: dict[int, Run] = {}
    for event in await _history(api, row):
        if event.type == "MapRunStarted":
            runs[event.id] = Run(event.details["mapRunArn"], event.timestamp, "RUNNING", None, 0, None)
        elif event.type == "MapRunRedriven":
            last = [key for key, run in runs.items() if run.arn == event.details["mapRunArn"]]
            before = runs.pop(last[-1])
            runs[event.id] = before._replace(
                status="RUNNING", stopped=None, redrives=before.redrives + 1, redriven=event.timestamp
            )
        elif event.type in _ENDS and event.previous_id in runs:
            run = runs[event.previous_id]
            runs[event.previous_id] = run._replace(status=_ENDS[event.type], stopped=event.timestamp)
    if row.stopped_at is None:
        return list(runs.values())
    return [
        run if run.stopped is not None else run._replace(status="ABORTED", stopped=row.stopped_at)
        for run in runs.values()
    ]


async def list_map_runs(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    row = await execution_of(api, request["executionArn"])
    return pages.page(
        request,
        "mapRuns",
        await _runs(api, row),
        lambda run: [run.started, run.arn],
        lambda run: {
            "executionArn": api.arns.of(f"execution:{row.id}"),
            "mapRunArn": run.arn,
            "stateMachineArn": api.arns.of(f"stateMachine:{row.workflow}/{_label(run.arn)}"),
            "startDate": run.started,
            **({} if run.stopped is None else {"stopDate": run.stopped}),
        },
    )


async def describe_map_run(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["mapRunArn"]
    row, run = await _found(api, arn)
    counts = await api.engine.map_run_counts(arn, run.waits_since)
    answer: dict[str, Any] = {
        "mapRunArn": arn,
        "executionArn": api.arns.of(f"execution:{row.id}"),
        "status": run.status,
        "startDate": run.started,
        **await _limits(api, row, arn),
        "itemCounts": _totals(counts, run, [item.items for item in counts]),
        "executionCounts": _totals(counts, run, [item.children for item in counts]),
        "redriveCount": run.redrives,
    }
    if run.stopped is not None:
        answer["stopDate"] = run.stopped
    if run.redriven is not None:
        answer["redriveDate"] = run.redriven
    return answer


async def _found(api: Api, arn: str) -> tuple[ExecutionRow, Run]:
    target = parse(api.arns, arn, "mapRun")
    if target.ours and arn.isprintable():
        row = await api.engine.map_run_owner(target.rest.partition("/")[0], arn)
        if row is not None:
            for run in await _runs(api, row):
                if run.arn == arn:
                    return row, run
    raise ApiError("ResourceNotFound", f"Resource not found: '{arn}'")


def _label(arn: str) -> str:
    return arn.split(":")[6].partition("/")[2]


def _totals(counts: list[Counts], run: Run, numbers: list[int]) -> dict[str, int]:
    found = dict.fromkeys(_COUNTED.values(), 0)
    for item, number in zip(counts, numbers, strict=True):
        found[_COUNTED[item.state]] += number
    total = max([sum(found.values()), *(item.total for item in counts)])
    found["pending"] += total - sum(found.values())
    found["total"] = total
    found["failuresNotRedrivable"] = 0
    found["resultsWritten"] = found["succeeded"] if run.status == "SUCCEEDED" else 0
    return found


async def _limits(api: Api, row: ExecutionRow, arn: str) -> dict[str, Any]:
    """What UpdateMapRun set, else what the run began with; until its first child has begun, numbers of the definition."""
    name = arn.split(":mapRun:", 1)[1]
    change = api.catalogue.map_runs.get(name) or MapRunChange(run=name)
    begun = await api.engine.map_run_limits(arn) or _numbers(api, row, arn)
    limit, count, percentage = change.max_concurrency, change.tolerated_count, change.tolerated_percentage
    return {
        "maxConcurrency": begun.concurrency if limit is None else limit,
        "toleratedFailurePercentage": begun.tolerated_percentage if percentage is None else percentage,
        "toleratedFailureCount": begun.tolerated_count if count is None else count,
    }


def _numbers(api: Api, row: ExecutionRow, arn: str) -> MapRunLimits:
    revision = revision_of(api, row, metadata_of(row))
    state = None if revision is None else labelled(msgspec.json.decode(revision.definition), _label(arn))
    fields = ("MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage")
    given = [(state or {}).get(field, 0) for field in fields]
    limit, count, percentage = [number if isinstance(number, int | float) else 0 for number in given]
    return MapRunLimits(int(limit), int(count), float(percentage))


async def update_map_run(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["mapRunArn"]
    limit, count = request.get("maxConcurrency"), request.get("toleratedFailureCount")
    percentage = request.get("toleratedFailurePercentage")
    if limit is None and count is None and percentage is None:
        raise ApiError(
            "ValidationException",
            "At least one of maxConcurrency, toleratedFailureCount and toleratedFailurePercentage must be specified",
            reason="MISSING_REQUIRED_PARAMETER",
        )
    async with api.changing():
        row, run = await _found(api, arn)
        if run.status != "RUNNING":
            raise ApiError(
                "ValidationException",
                f"Map Run is {run.status} and cannot be updated",
                reason="CANNOT_UPDATE_COMPLETED_MAP_RUN",
            )
        await api.engine.change_map_run(row, ChangeMapRun(arn, limit, count, percentage))
        name = arn.split(":mapRun:", 1)[1]
        before = api.catalogue.map_runs.get(name) or MapRunChange(run=name)
        await api.keep(
            MapRunChange(
                run=name,
                max_concurrency=before.max_concurrency if limit is None else limit,
                tolerated_count=before.tolerated_count if count is None else count,
                tolerated_percentage=before.tolerated_percentage if percentage is None else percentage,
            )
        )
    return {}


async def executions_of(api: Api, arn: str) -> Wanted:
    """The children of the map run, to be listed. Raises ``ResourceNotFound``."""
    row, run = await _found(api, arn)
    return Wanted(machine=row.workflow, parent=row.number, metadata={"map_run": arn}, ended_before=run.waits_since)
