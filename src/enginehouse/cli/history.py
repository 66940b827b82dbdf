"""``enginehouse history`` and ``enginehouse watch``."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from enginehouse.abc import WatchesExecutions
from enginehouse.cli import exits
from enginehouse.cli.executions import Execution, show_status, tell_why_it_waits
from enginehouse.cli.map_runs import runs_of
from enginehouse.cli.options import Engine
from enginehouse.cli.output import write_json, write_lines, write_table
from enginehouse.cli.session import Session, within_session
from enginehouse.graph.spans import Line, Span, shorten
from enginehouse.models import ExecutionEvent, ExecutionStatus

_ROLES = {"Succeeded": "succeeded", "Failed": "failed", "TimedOut": "failed", "Aborted": "stopped"}
DETAIL = 200


async def status_of(opened: Session, execution_id: str) -> ExecutionStatus:
    """What is known of the execution, with its history."""
    return await opened.manager.get_execution_status(execution_id)


def history(
    execution: Execution,
    /,
    *,
    follow: Annotated[bool, Parameter(negative=(), help="Go on as events happen, until it ends.")] = False,
    after: Annotated[int, Parameter(help="Only events with a higher id.")] = 0,
    engine: Engine | None = None,
) -> int:
    """Show an execution's events, under AWS's own names. With --json each is one line of JSON.

    For example:

        enginehouse history order:42
        enginehouse history order:42 --follow --json
    """
    engine = engine or Engine()

    async def show(opened: Session) -> int:
        if follow:
            found = await tell_why_it_waits(opened, execution)
            await _stream(opened, execution, after, found.start_time, as_json=engine.json)
            return exits.OK
        found = await status_of(opened, execution)
        events = [event for event in found.history if event.id > after]
        if engine.json:
            for event in events:
                write_json(event.to_dict(), line=True)
        else:
            rows = [_row(event, found.start_time) for event in events]
            write_table(("id", "at", "event", "state", "details"), rows)
        return exits.OK

    return within_session(engine, show)


def watch(execution: Execution, /, *, engine: Engine | None = None) -> int:
    """Follow an execution live until it ends; then show how. The exit status is its outcome.

    For example:

        enginehouse watch order:42
        enginehouse watch order:42 --json | jq .type
    """
    engine = engine or Engine()

    async def show(opened: Session) -> int:
        found = await tell_why_it_waits(opened, execution)
        await _stream(opened, execution, 0, found.start_time, as_json=engine.json)
        found = await opened.manager.get_execution_status(execution, history=False)
        if engine.json:
            return exits.of_state(found.state)
        return show_status(found, await runs_of(await opened.provider(), execution), as_json=False)

    return within_session(engine, show)


async def _stream(opened: Session, execution: str, after: int, began: datetime, *, as_json: bool) -> None:
    provider = await opened.able(WatchesExecutions, "stream events")  # type: ignore[type-abstract]
    async with aclosing(closable(provider.watch_execution(execution, after=after))) as events:
        async for event in events:
            if as_json:
                write_json(event.to_dict(), line=True)
            else:
                write_lines([event_line(event, began)])


async def closable(events: AsyncIterator[ExecutionEvent]) -> AsyncGenerator[ExecutionEvent, None]:
    """The same events, as a generator that can be closed before its end."""
    async for event in events:
        yield event


def event_line(event: ExecutionEvent, began: datetime) -> Line:
    """An event on one line: when, what, where."""
    at = f"{(event.timestamp - began).total_seconds():>9.3f}"
    name = event.details.get("name")
    rest = _details(event.details)
    return (
        Span(f"{at}  ", "dim"),
        Span(f"{event.type:<28} ", _role(event.type)),
        Span(name if isinstance(name, str) else "", "name"),
        Span(f" {rest}" if rest else "", "dim"),
    )


def _row(event: ExecutionEvent, began: datetime) -> tuple[str | Span, ...]:
    name = event.details.get("name")
    return (
        str(event.id),
        f"{(event.timestamp - began).total_seconds():.3f}",
        Span(event.type, _role(event.type)),
        Span(name if isinstance(name, str) else "", "name"),
        Span(_details(event.details), "dim"),
    )


def _role(type: str) -> str:
    return next((role for ending, role in _ROLES.items() if type.endswith(ending)), "")


def _details(details: Mapping[str, object]) -> str:
    """What is particular to the event: all but the name and what says that nothing was cut off."""
    shown = {key: value for key, value in details.items() if key != "name" and not key.endswith("Details")}
    parts = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in shown.items()]
    return shorten(" ".join(" ".join(parts).split()), DETAIL)
