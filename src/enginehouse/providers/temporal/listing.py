"""Lists, from Temporal's visibility store. It answers in an order of its own; pages here are in the contract's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from temporalio.client import WorkflowExecution
from temporalio.service import RPCError

from enginehouse.abc import Page
from enginehouse.errors import ExecutionNotFoundError
from enginehouse.mapping import when
from enginehouse.models import ExecutionState, ExecutionSummary, WorkflowSummary
from enginehouse.paging import page_token, read_page_token
from enginehouse.providers.temporal import _mapping as mapping
from enginehouse.providers.temporal.connection import is_bad_request
from enginehouse.providers.temporal.definitions import memo_of, was_replaced
from enginehouse.providers.temporal.names import workflow_id_of
from enginehouse.providers.temporal.reading import described
from enginehouse.providers.temporal.session import Session
from enginehouse.providers.temporal.settings import MEMO, PROVIDER

S = TypeVar("S")
T = TypeVar("T")

_AT_ONCE = 20
_SCHEDULES = 250
"""Schedules that are asked for in one call, which has to be answered in time: a busy server takes seconds for a thousand."""

_STATUSES = {
    ExecutionState.PENDING: ("Running",),
    ExecutionState.RUNNING: ("Running",),
    ExecutionState.SUCCEEDED: ("Completed",),
    ExecutionState.FAILED: ("Failed",),
    ExecutionState.CANCELLED: ("Canceled", "Terminated"),
    ExecutionState.TIMED_OUT: ("TimedOut",),
}


async def workflows(session: Session, limit: int, token: str) -> Page[WorkflowSummary]:
    """Newest first."""
    before = read_page_token(token, tuple[float, str])
    prefix = session.settings.prefix
    found: dict[str, WorkflowSummary] = {}
    replaced: set[str] = set()
    pages = await session.ask(
        session.client.list_schedules(f"ScheduleId STARTS_WITH {_quoted(prefix)}", page_size=_SCHEDULES)
    )
    while True:
        await session.ask(pages.fetch_next_page())
        for item in pages.current_page or ():
            memo = await item.memo()
            if item.id.startswith(prefix) and MEMO in memo:
                id = item.id.removeprefix(prefix)
                found[id] = _workflow(id, memo[MEMO])
                if item.schedule is not None and was_replaced(item.schedule.state.note):
                    replaced.add(id)
        if not pages.next_page_token:
            break
    for id, done in session.definitions.recent.all().items():
        if not isinstance(done, float):
            found[id] = _workflow(id, done)
        elif id in found and found[id].created_at.timestamp() <= done:
            del found[id]
    page = _page(list(found.values()), limit, before, lambda item: (item.created_at, item.workflow_id))

    async def now(item: WorkflowSummary) -> WorkflowSummary:
        there = await session.definitions.find(item.workflow_id) if item.workflow_id in replaced else None
        return item if there is None else _workflow(item.workflow_id, memo_of(there)[MEMO])

    return Page(items=await _each(page.items, now), next_token=page.next_token)


def _workflow(id: str, memo: Mapping[str, Any]) -> WorkflowSummary:
    return WorkflowSummary(
        workflow_id=id,
        provider_type=PROVIDER,
        name=memo.get("name", ""),
        created_at=when(memo.get("created_at", 0.0)),
        tags=memo.get("tags", {}),
    )


async def executions(
    session: Session,
    workflow_id: str,
    states: Sequence[ExecutionState],
    started_after: datetime | None,
    started_before: datetime | None,
    limit: int,
    token: str,
) -> Page[ExecutionSummary]:
    """Newest first, without the children of distributed Maps."""
    before = read_page_token(token, tuple[float, str])
    conditions = []
    if workflow_id:
        conditions.append(f"WorkflowId STARTS_WITH {_quoted(workflow_id + ':')}")
    if states:
        names = dict.fromkeys(name for state in states for name in _STATUSES[state])
        conditions.append(f"ExecutionStatus IN ({', '.join(map(_quoted, names))})")
    if started_after is not None:
        conditions.append(f"StartTime >= {_quoted(_time(started_after))}")
    if started_before is not None:
        conditions.append(f"StartTime <= {_quoted(_time(started_before))}")

    def fits(summary: ExecutionSummary) -> bool:
        return (
            (not workflow_id or summary.workflow_id == workflow_id)
            and (not states or summary.state in states)
            and (started_after is None or summary.start_time >= started_after)
            and (started_before is None or summary.start_time <= started_before)
        )

    pages = session.client.list_workflows(" AND ".join(conditions), page_size=1000)
    found: dict[str, ExecutionSummary] = {}
    while True:
        try:
            await session.ask(pages.fetch_next_page())
        except RPCError as error:
            if is_bad_request(error):
                return Page(items=[])
            raise
        for item in pages.current_page or ():
            summary = _summary(item)
            if summary is None or not fits(summary):
                continue
            known = found.get(summary.execution_id)
            if known is None or known.start_time < summary.start_time:
                found[summary.execution_id] = summary
        if not pages.next_page_token:
            break
    for id, now in (await _as_they_are(session, workflow_id)).items():
        if now is not None and fits(now):
            found[id] = now
        else:
            found.pop(id, None)
    return _page(list(found.values()), limit, before, lambda item: (item.start_time, item.execution_id))


async def _as_they_are(session: Session, workflow_id: str) -> dict[str, ExecutionSummary | None]:
    """The executions that this provider started or steered a moment ago; None for one that is gone."""
    ids = [id for id in session.recent.all() if not workflow_id or workflow_id_of(id) == workflow_id]

    async def now(id: str) -> ExecutionSummary | None:
        try:
            return _summary(await described(session, id))
        except ExecutionNotFoundError:
            return None

    return dict(zip(ids, await _each(ids, now), strict=True))


async def _each(items: Sequence[S], ask: Callable[[S], Awaitable[T]]) -> list[T]:
    """What ``ask`` gives of each, twenty at once."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(item: S) -> T:
        async with free:
            return await ask(item)

    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in asked]


def _summary(item: WorkflowExecution) -> ExecutionSummary | None:
    if MEMO not in item.raw_info.memo.fields or item.raw_info.HasField("parent_execution"):
        return None
    state = mapping.STATES.get(item.status) if item.status is not None else None
    if state is None:
        return None
    return ExecutionSummary(
        execution_id=item.id,
        workflow_id=workflow_id_of(item.id),
        provider_type=PROVIDER,
        state=state,
        start_time=item.start_time,
        stop_time=item.close_time,
    )


def _page(
    items: list[T], limit: int, before: tuple[float, str] | None, place: Callable[[T], tuple[datetime, str]]
) -> Page[T]:
    def key(item: T) -> tuple[float, str]:
        at, id = place(item)
        return at.timestamp(), id

    ordered = sorted(items, key=key, reverse=True)
    if before is not None:
        ordered = [item for item in ordered if key(item) < before]
    more = page_token(*key(ordered[limit - 1])) if len(ordered) > limit else ""
    return Page(items=ordered[:limit], next_token=more)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
