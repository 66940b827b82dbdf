"""Pages of what the store holds, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from enginehouse.abc import Page
from enginehouse.models import AuditRecord, ExecutionState, ExecutionSummary, WorkflowSummary
from enginehouse.paging import page_size, page_token, read_page_token
from enginehouse.providers.local import mapping, queries
from enginehouse.providers.local.session import Session

R = TypeVar("R")
T = TypeVar("T")

# Items in a page, however many are asked for: it is made in memory.
_LARGEST_PAGE = 100_000


async def workflows(session: Session, limit: int, token: str) -> Page[WorkflowSummary]:
    size, before = _size(limit), read_page_token(token, tuple[float, str])
    rows = await session.reader.read(partial(queries.list_workflows, limit=size + 1, before=before))
    return _page(rows, size, mapping.workflow_summary, lambda row: (row.created_at, row.id))


async def executions(
    session: Session,
    workflow_id: str,
    states: Sequence[ExecutionState],
    started_after: datetime | None,
    started_before: datetime | None,
    limit: int,
    token: str,
) -> Page[ExecutionSummary]:
    """Without the children of distributed Maps."""
    size, before = _size(limit), _number(token)
    query = partial(
        queries.list_executions,
        workflow=workflow_id,
        states=[str(state) for state in states],
        started_after=started_after.timestamp() if started_after else None,
        started_before=started_before.timestamp() if started_before else None,
        limit=size + 1,
        before=before,
    )
    return _page(await session.reader.read(query), size, mapping.execution_summary, lambda row: (row.number,))


async def children(session: Session, number: int, limit: int, token: str) -> Page[ExecutionSummary]:
    """Those of the distributed Maps of one execution."""
    size, before = _size(limit), _number(token)
    rows = await session.reader.read(partial(queries.children, number=number, before=before, limit=size + 1))
    return _page(rows, size, mapping.execution_summary, lambda row: (row.child,))


async def audit(session: Session, workflow_id: str, execution_id: str, limit: int, token: str) -> Page[AuditRecord]:
    size, before = _size(limit), _number(token)
    query = partial(queries.list_audit, workflow=workflow_id, execution=execution_id, limit=size + 1, before=before)
    rows = await session.reader.read(query)
    return _page(rows, size, lambda row: AuditRecord.from_json(row[1]), lambda row: (row[0],))


def _size(limit: int) -> int:
    return min(page_size(limit), _LARGEST_PAGE)


def _number(token: str) -> int | None:
    before = read_page_token(token, tuple[queries.RowNumber])
    return before[0] if before else None


def _page(rows: Sequence[R], size: int, show: Callable[[R], T], place: Callable[[R], tuple[object, ...]]) -> Page[T]:
    """``rows`` are one more than the page has, where there is a next one; it begins behind the ``place`` of the last shown."""
    more = page_token(*place(rows[size - 1])) if len(rows) > size else ""
    return Page(items=[show(row) for row in rows[:size]], next_token=more)
