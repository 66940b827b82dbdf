"""Workflows, executions and Map runs, listed. A page's token is the place of its last item, so that it holds across
processes, and over several of AWS's own lists that are read as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from botocore.exceptions import ClientError

from enginehouse.abc import Page
from enginehouse.models import ExecutionState, ExecutionSummary, MapRun, WorkflowSummary
from enginehouse.paging import page_token, read_page_token
from enginehouse.providers.step_functions import _mapping as mapping
from enginehouse.providers.step_functions.executions import described, pages
from enginehouse.providers.step_functions.faults import code_of
from enginehouse.providers.step_functions.names import machine_of
from enginehouse.providers.step_functions.session import Session
from enginehouse.providers.step_functions.settings import PROVIDER

T = TypeVar("T")

_PAGE = 1000
_AT_ONCE = 8
_PLACE = tuple[float, str]


async def workflows(session: Session, limit: int, token: str) -> Page[WorkflowSummary]:
    """All machines of the account and region, newest first. Their tags are left out: AWS gives them machine by machine, a hundred at
    once and then one a second."""
    before = read_page_token(token, _PLACE)
    machines = [item async for item in _all(session, "list_state_machines", "stateMachines")]
    placed = sorted(((item["creationDate"].timestamp(), item["stateMachineArn"]) for item in machines), reverse=True)
    by_arn = {item["stateMachineArn"]: item for item in machines}
    left = [place for place in placed if before is None or place < before]
    free = asyncio.Semaphore(_AT_ONCE)

    async def summary(arn: str) -> WorkflowSummary:
        item = by_arn[arn]
        async with free:
            workflow_id = await session.workflow_id(arn)
        return WorkflowSummary(
            workflow_id=workflow_id,
            provider_type=PROVIDER,
            name=item["name"],
            created_at=mapping.utc(item["creationDate"]),
        )

    found = await asyncio.gather(*(summary(arn) for _, arn in left[:limit]))
    return Page(items=found, next_token=page_token(*left[limit - 1]) if len(left) > limit else "")


async def executions(
    session: Session,
    workflow_id: str,
    states: Sequence[ExecutionState],
    started_after: datetime | None,
    started_before: datetime | None,
    limit: int,
    token: str,
) -> Page[ExecutionSummary]:
    """Newest first. Without a workflow, those of all machines that keep them: AWS has one list for each."""
    before = read_page_token(token, _PLACE)
    if workflow_id:
        machines = [(await session.arns()).machine(workflow_id)]
    else:
        machines = [
            item["stateMachineArn"]
            async for item in _all(session, "list_state_machines", "stateMachines")
            if item.get("type", "STANDARD") == "STANDARD"
        ]
    sources = [{"stateMachineArn": machine} for machine in machines]
    return await _merged(session, sources, states, started_after, started_before, limit, before)


async def children(session: Session, execution_id: str, limit: int, token: str) -> Page[ExecutionSummary]:
    """The executions that the Map runs of an execution began. Raises ``ExecutionNotFoundError``."""
    await described(session, execution_id)
    before = read_page_token(token, _PLACE)
    runs = [item async for item in _all(session, "list_map_runs", "mapRuns", executionArn=execution_id)]
    sources = [{"mapRunArn": item["mapRunArn"]} for item in runs]
    return await _merged(session, sources, (), None, None, limit, before)


async def map_runs(session: Session, execution_id: str) -> list[MapRun]:
    """How far the distributed Maps of an execution are. Raises ``ExecutionNotFoundError``."""
    there = await described(session, execution_id)
    runs = [item async for item in _all(session, "list_map_runs", "mapRuns", executionArn=execution_id)]
    if not runs:
        return []
    names = await _map_names(session, execution_id)
    machine = there.get("stateMachineArn") or machine_of(execution_id)
    definition = await session.ask("describe_state_machine_for_execution", executionArn=execution_id)
    pointers = dict(_pointers(msgspec.json.decode(definition["definition"]), "")) if machine else {}
    found = []
    for run in sorted(runs, key=lambda item: item["startDate"]):
        counts = (await session.ask("describe_map_run", mapRunArn=run["mapRunArn"]))["executionCounts"]
        found.append(
            MapRun(
                map_run_id=run["mapRunArn"],
                path=pointers.get(names.get(run["mapRunArn"], ""), ""),
                total=counts["total"],
                running=counts["running"] + counts["pending"],
                succeeded=counts["succeeded"],
                failed=counts["failed"] + counts["timedOut"],
                cancelled=counts["aborted"],
            )
        )
    return found


async def _map_names(session: Session, execution_id: str) -> dict[str, str]:
    """The name of the state that each Map run is of."""
    events = {event.id: event async for page in pages(session, execution_id) for event in page}
    found = {}
    for event in events.values():
        if event.type != "MapRunStarted":
            continue
        arn, at = str(event.details.get("mapRunArn", "")), events.get(event.previous_id)
        while at is not None and at.type != "MapStateEntered":
            at = events.get(at.previous_id)
        if at is not None:
            found[arn] = str(at.details.get("name", ""))
    return found


def _pointers(machine: Mapping[str, Any], at: str) -> list[tuple[str, str]]:
    """The JSON pointers of a definition's Maps, by name."""
    found = []
    for name, state in machine.get("States", {}).items():
        here = f"{at}/States/{name.replace('~', '~0').replace('/', '~1')}"
        if state.get("Type") == "Map":
            found.append((name, here))
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                found += _pointers(state[field], f"{here}/{field}")
        for index, branch in enumerate(state.get("Branches") or ()):
            found += _pointers(branch, f"{here}/Branches/{index}")
    return found


async def _merged(
    session: Session,
    sources: Sequence[Mapping[str, str]],
    states: Sequence[ExecutionState],
    started_after: datetime | None,
    started_before: datetime | None,
    limit: int,
    before: tuple[float, str] | None,
) -> Page[ExecutionSummary]:
    """One page out of several of AWS's lists, each read as far as the page needs it: they are newest first."""
    filters: list[dict[str, str]] = [{}]
    if states:
        words = dict.fromkeys(word for state in states for word in mapping.STATUSES[state])
        filters = [{"statusFilter": word} for word in words]
    free = asyncio.Semaphore(_AT_ONCE)

    def fits(item: Mapping[str, Any]) -> bool:
        at = item["startDate"]
        return (
            (before is None or _place(item) < before)
            and (started_after is None or at >= started_after)
            and (started_before is None or at <= started_before)
            and (not states or mapping.STATES.get(item["status"]) in states)
        )

    async def read(source: Mapping[str, str]) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        async with free:
            async for item in _listed(session, source):
                if started_after is not None and item["startDate"] < started_after:
                    break
                if fits(item):
                    found.append(item)
                # Those of the page's last moment too: within one, AWS's order is not ours.
                if len(found) > limit and item["startDate"] < found[limit]["startDate"]:
                    break
        return found

    lists = await asyncio.gather(*(read({**source, **chosen}) for source in sources for chosen in filters))
    ordered = sorted((item for part in lists for item in part), key=_place, reverse=True)
    shown = [
        mapping.summary(
            item, await session.workflow_id(item.get("stateMachineArn") or machine_of(item["executionArn"]))
        )
        for item in ordered[:limit]
    ]
    return Page(items=shown, next_token=page_token(*_place(ordered[limit - 1])) if len(ordered) > limit else "")


async def _listed(session: Session, source: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
    try:
        async for item in _all(session, "list_executions", "executions", **source):
            yield item
    except ClientError as error:
        # A workflow that is not there has no executions, and no server before Map redrives knows PENDING_REDRIVE.
        if code_of(error) in ("StateMachineDoesNotExist", "StateMachineTypeNotSupported", "InvalidArn"):
            return
        if source.get("statusFilter") == "PENDING_REDRIVE" and code_of(error) == "ValidationException":
            return
        raise


async def _all(session: Session, operation: str, field: str, **members: Any) -> AsyncIterator[Mapping[str, Any]]:
    token: dict[str, str] = {}
    while True:
        answer = await session.ask(operation, maxResults=_PAGE, **members, **token)
        for item in answer[field]:
            yield item
        if not answer.get("nextToken"):
            return
        token = {"nextToken": answer["nextToken"]}


def _place(item: Mapping[str, Any]) -> tuple[float, str]:
    return item["startDate"].timestamp(), item["executionArn"]
