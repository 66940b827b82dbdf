"""The API on the embedded engine: executions and records are in one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from functools import partial

import msgspec

from enginehouse.asl import ChangeMapRun, Event, MapRunLimits, ScheduleTask, TaskFailed, TaskSucceeded
from enginehouse.asl.notifications import Redrive, Stop
from enginehouse.errors import ExecutionNotFoundError
from enginehouse.mapping import spec_text
from enginehouse.models import WorkflowSpec
from enginehouse.names import execution_id
from enginehouse.providers.local import LocalProvider, definitions, queries, starts
from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.providers.local.session import Session, StoreDrivenError
from enginehouse.providers.local.store import Batch, NewExecution
from enginehouse.server.step_functions.engine import Counts, EventsPage, Kept, Start, Wanted, Workflow
from enginehouse.tasks import ExecutionInfo

_events = msgspec.json.Decoder(list[Event]).decode
_encode = msgspec.json.Encoder().encode


class LocalEngine:
    """``provider`` drives its store: it was made with ``engine=True`` and with ``arns``."""

    def __init__(self, provider: LocalProvider) -> None:
        self.provider = self.tokens = provider
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        assert self._session is not None, "the engine is not open"  # noqa: S101
        self._session.check()
        return self._session

    async def open(self) -> None:
        try:
            await self.provider.__aenter__()
        except StoreDrivenError as error:
            error.advise("stop it, or serve another store (--store FILE, or --memory)")
            raise
        self._session = await self.provider.session()

    async def close(self) -> None:
        await self.provider.__aexit__(None, None, None)

    async def until_broken(self) -> None:
        await self.session.until_broken()

    # -- records and definitions

    async def records(self) -> list[str]:
        return await self.session.reader.read(queries.resources)

    async def compile(self, spec: WorkflowSpec) -> Workflow:
        made = await asyncio.to_thread(definitions.compile_spec, spec)
        return Workflow(spec, made.digest, made)

    async def keep(self, kept: Sequence[Kept], *, workflow: Workflow | None = None, removed: str = "") -> None:
        def write(batch: Batch) -> None:
            if workflow is not None:
                _put_workflow(batch, workflow)
            if removed:
                batch.delete_workflow(removed)
            for id, digest, record in kept:
                if record is None:
                    batch.delete_resource(id)
                else:
                    batch.put_resource(id, digest, record)

        await self.session.writer.write(write)
        if workflow is not None:
            self.session.definitions.keep(workflow.compiled, workflow.spec.workflow_id)
        if removed:
            self.session.definitions.forget(removed)

    # -- executions

    def now(self) -> float:
        return time.time()

    def fresh_name(self) -> str:
        return self.session.chance.name(time.time())

    async def start(self, start: Start) -> ExecutionRow | None:
        session = self.session
        assert session.engine is not None, "the store is driven here"  # noqa: S101
        row = NewExecution(
            id=execution_id(start.machine, start.name),
            workflow=start.machine,
            name=start.name,
            digest=start.digest,
            pointer="",
            parent=None,
            child=None,
            link=None,
            state="running",
            input=start.text,
            request=_encode({"metadata": start.metadata}).decode() if start.metadata else "{}",
            seed=session.chance.draw(8).hex(),
            started_at=start.started_at,
        )
        return await starts.begin(session, session.engine, row, start.value, start.named, pinned=True)

    async def execution(self, id: str) -> ExecutionRow | None:
        return await self.session.reader.read(partial(queries.execution, id=id))

    async def ended(self, id: str) -> ExecutionRow:
        row = await self.execution(id)
        if row is None:
            raise ExecutionNotFoundError("there is no such execution", execution_id=id)
        if row.stopped_at is not None:
            return row
        event, end = self.session.watch(row.number)
        try:
            while row is not None and row.stopped_at is None:
                event.clear()
                row = await self.execution(id)
                if row is not None and row.stopped_at is None:
                    await event.wait()
                    self.session.check()
        finally:
            end()
        if row is None:
            raise ExecutionNotFoundError("the execution is gone", execution_id=id)
        return row

    async def executions(self, wanted: Wanted) -> list[ExecutionRow]:
        return await self.session.reader.read(
            partial(
                queries.list_executions,
                workflow=wanted.machine,
                states=wanted.states,
                started_after=wanted.started_after,
                started_before=None,
                limit=wanted.limit,
                before=wanted.before,
                metadata=wanted.metadata,
                redriven=wanted.redriven,
                parent=wanted.parent,
                ended_before=wanted.ended_before,
            )
        )

    async def events(self, row: ExecutionRow, place: tuple[int, int] | None, limit: int, reverse: bool) -> EventsPage:
        return await self.session.reader.read(
            partial(_events_page, number=row.number, place=place, limit=limit, reverse=reverse)
        )

    async def stop(self, row: ExecutionRow, error: str | None, cause: str | None) -> None:
        await self.session.ask(row.number, Stop(error, cause), cause)

    async def redrive(self, row: ExecutionRow) -> None:
        await self.session.ask(row.number, Redrive())

    # -- map runs

    async def map_run_owner(self, machine: str, run: str) -> ExecutionRow | None:
        id = await self.session.reader.read(partial(queries.map_run_owner, workflow=machine, run=run))
        return None if id is None else await self.execution(id)

    async def map_run_counts(self, run: str, ended_before: float | None) -> list[Counts]:
        rows = await self.session.reader.read(partial(queries.map_run_counts, run=run, ended_before=ended_before))
        return [Counts(state, children, int(items), total or 0) for state, children, items, total in rows]

    async def map_run_limits(self, run: str) -> MapRunLimits | None:
        text = await self.session.reader.read(partial(queries.map_run_limits, run=run))
        return None if text is None else msgspec.json.decode(text, type=MapRunLimits)

    async def change_map_run(self, row: ExecutionRow, change: ChangeMapRun) -> None:
        await self.session.ask(row.number, change)

    # -- tasks

    async def run(self, command: ScheduleTask, info: ExecutionInfo) -> TaskSucceeded | TaskFailed:
        return await self.session.runner.run(command, info)

    async def task(self, activity: str, worker: str, wait: float) -> tuple[str, str] | None:
        taken = await self.provider.get_activity_task(activity, worker=worker, wait=wait)
        return None if taken is None else (taken.token, _encode(taken.input).decode())


def _put_workflow(batch: Batch, workflow: Workflow) -> None:
    spec, made = workflow.spec, workflow.compiled
    text = spec_text(spec)
    batch.insert_definition(made.digest, made.text, made.options)
    if queries.workflow(batch.connection, spec.workflow_id) is None:
        batch.insert_workflow(spec.workflow_id, made.digest, text, time.time())
    else:
        batch.update_workflow(spec.workflow_id, made.digest, text)


def _events_page(
    connection: sqlite3.Connection, number: int, place: tuple[int, int] | None, limit: int, reverse: bool
) -> EventsPage:
    """Runs in the reader's thread. A place is the turn and the event that the page begins with."""
    found: list[Event] = []
    for seq, text in queries.turns_from(connection, number, place[0] if place else None, reverse):
        events = _events(text)
        for event in reversed(events) if reverse else events:
            if place is not None and (event.id > place[1] if reverse else event.id < place[1]):
                continue
            if len(found) == limit:
                return EventsPage(found, (seq, event.id))
            found.append(event)
    return EventsPage(found, None)
