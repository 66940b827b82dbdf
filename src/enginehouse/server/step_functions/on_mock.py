"""The API on the mock: in memory, answers as a mock configuration has them, and, where time is virtual, waits pass at once."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from enginehouse import asl
from enginehouse.asl import ChangeMapRun, MapRunLimits, ScheduleTask, TaskFailed, TaskSucceeded
from enginehouse.errors import ExecutionNotFoundError
from enginehouse.models import ExecutionInput, ExecutionState, WorkflowSpec
from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.providers.mock import MockProvider
from enginehouse.providers.mock.execution import Execution
from enginehouse.providers.mock.script import Answer, Call, Script
from enginehouse.server.step_functions.engine import Counts, EventsPage, Kept, Start, Wanted, Workflow
from enginehouse.tasks import ExecutionInfo

_LOOK_AGAIN = 0.05
_encode = msgspec.json.Encoder().encode


class CaseScripts(Script):
    """For each execution the script of the test case that it was started with."""

    def __init__(self, read: Callable[[str, str], Script]) -> None:
        super().__init__()
        self._read = read
        self._of: dict[str, Script] = {}

    def choose(self, execution_id: str, machine: str, case: str) -> None:
        """Raises ``InvalidSpecError`` where the configuration has no such case."""
        self._of[execution_id] = self._read(machine, case)

    def find(self, call: Call) -> Answer | None:
        script = self._of.get(call.execution_id.partition("/")[0])
        return None if script is None else script.find(call)


class MockEngine:
    """``scripts``: where the mock configuration's test cases are found; it is the provider's script."""

    def __init__(self, provider: MockProvider, scripts: CaseScripts | None = None) -> None:
        self.provider = self.tokens = provider
        self.scripts = scripts
        self._programs: dict[str, tuple[asl.Program, str]] = {}
        self._gone: dict[str, int] = {}
        """How many executions there were when a machine of this name was deleted."""

    async def open(self) -> None:
        await self.provider.__aenter__()

    async def close(self) -> None:
        await self.provider.__aexit__(None, None, None)

    async def until_broken(self) -> None:
        await asyncio.Event().wait()

    # -- records and definitions

    async def records(self) -> list[str]:
        return []

    async def compile(self, spec: WorkflowSpec) -> Workflow:
        program = await asyncio.to_thread(asl.compile, spec.definition, type=str(spec.provider_config["type"]))
        role = str(spec.provider_config["role"])
        digest = _digest(program, role)
        self._programs[digest] = program, role
        return Workflow(spec, digest, program)

    async def keep(self, kept: Sequence[Kept], *, workflow: Workflow | None = None, removed: str = "") -> None:
        if workflow is not None:
            plain = WorkflowSpec(
                workflow_id=workflow.spec.workflow_id,
                provider_type="mock",
                definition=workflow.spec.definition,
                provider_config={"type": workflow.spec.provider_config["type"]},
            )
            if (await self.provider.create_workflow(plain)).message:
                await self.provider.update_workflow(plain)
        if removed:
            await self.provider.delete_workflow(removed)
            self._gone[removed] = len(self.provider.executions)

    # -- executions

    def now(self) -> float:
        return self.provider.now.timestamp()

    def fresh_name(self) -> str:
        return str(uuid.uuid4())

    async def start(self, start: Start) -> ExecutionRow | None:
        express = ":" in start.name
        id = f"{start.machine}:{start.name.replace(':', '%3A')}"
        existing = await self.execution(id)
        if existing is not None:
            return existing
        if self.scripts is not None and start.case:
            self.scripts.choose(id, start.machine, start.case)
        program, role = self._programs[start.digest]
        given = ExecutionInput(execution_name=start.name, metadata=start.metadata)
        self.provider.begin(
            start.machine,
            given,
            start.value,
            start.text,
            program=program,
            role=role,
            express=express,
            started=start.started_at,
        )
        return None

    def _find(self, id: str) -> Execution | None:
        return self.provider.find(id)

    async def execution(self, id: str) -> ExecutionRow | None:
        found = self._find(id)
        return None if found is None else _row(0, found)

    async def ended(self, id: str) -> ExecutionRow:
        found = self._find(id)
        if found is None:
            raise ExecutionNotFoundError("there is no such execution", execution_id=id)
        await found.ended.wait()
        return _row(0, found)

    async def executions(self, wanted: Wanted) -> list[ExecutionRow]:
        found: list[ExecutionRow] = []
        numbered = list(enumerate(self.provider.executions, 1))
        parent = None if wanted.parent is None else self.provider.executions[wanted.parent - 1].id
        for number, execution in reversed(numbered):
            if len(found) == wanted.limit:
                break
            row = _row(number, execution, wanted.ended_before)
            if number > self._gone.get(wanted.machine, 0) and _fits(wanted, execution, row, parent):
                found.append(row)
        return found

    async def events(self, row: ExecutionRow, place: tuple[int, int] | None, limit: int, reverse: bool) -> EventsPage:
        events = self._known(row).events
        begin = len(events) - 1 if reverse else 0
        if place is not None:
            begin = min(place[1] - 1, len(events) - 1)
        step = -1 if reverse else 1
        ordered = events[begin::step] if begin >= 0 else []
        following = ordered[limit].id if len(ordered) > limit else None
        return EventsPage(ordered[:limit], None if following is None else (0, following))

    def _known(self, row: ExecutionRow) -> Execution:
        found = self._find(row.id)
        if found is None:
            raise ExecutionNotFoundError("the execution is gone", execution_id=row.id)
        return found

    async def stop(self, row: ExecutionRow, error: str | None, cause: str | None) -> None:
        self.provider.stop(self._known(row), error, cause)

    async def redrive(self, row: ExecutionRow) -> None:
        await self.provider.redrive_execution(row.id)

    # -- map runs

    async def map_run_owner(self, machine: str, run: str) -> ExecutionRow | None:
        for number, execution in enumerate(self.provider.executions, 1):
            if execution.workflow_id == machine and any(
                event.type == "MapRunStarted" and event.details["mapRunArn"] == run for event in execution.events
            ):
                return _row(number, execution)
        return None

    async def map_run_counts(self, run: str, ended_before: float | None) -> list[Counts]:
        children = [child for child in self.provider.executions if child.map_run == run and not child.replaced]
        states = Counter(_state(child, ended_before) for child in children)
        return [
            Counts(
                state,
                count,
                sum(child.items for child in children if _state(child, ended_before) == state),
                children[0].map_run_size,
            )
            for state, count in states.items()
        ]

    async def map_run_limits(self, run: str) -> MapRunLimits | None:
        found = (child.map_run_limits for child in self.provider.executions if child.map_run == run)
        return next((limits for limits in found if limits is not None), None)

    async def change_map_run(self, row: ExecutionRow, change: ChangeMapRun) -> None:
        self.provider.tell(self._known(row), change)

    # -- tasks

    async def run(self, command: ScheduleTask, info: ExecutionInfo) -> TaskSucceeded | TaskFailed:
        return await self.provider.runner.run(command, info)

    async def task(self, activity: str, worker: str, wait: float) -> tuple[str, str] | None:
        deadline = time.monotonic() + wait
        while True:
            taken = self.provider.take_activity_task(activity, worker)
            if taken is not None:
                return taken[0], _encode(taken[1]).decode()
            if time.monotonic() >= deadline:
                return None
            await asyncio.sleep(_LOOK_AGAIN)


def _state(execution: Execution, ended_before: float | None) -> str:
    if ended_before is None or execution.stopped is None or execution.status is ExecutionState.SUCCEEDED:
        return str(execution.status)
    # virtual time may stand still meanwhile
    return "pending_redrive" if execution.stopped <= ended_before else str(execution.status)


def _digest(program: asl.Program, role: str) -> str:
    return f"{program.digest} {role}"


def _fits(wanted: Wanted, execution: Execution, row: ExecutionRow, parent: str | None) -> bool:
    if parent is None:
        ours = not execution.inner and not execution.express
    else:
        ours = execution.inner and not execution.replaced and execution.id.startswith(f"{parent}/")
    metadata = {**execution.request.metadata, "map_run": execution.map_run}
    return (
        ours
        and (not wanted.machine or execution.workflow_id == wanted.machine)
        and (not wanted.states or row.state in wanted.states)
        and all(metadata.get(key) == value for key, value in wanted.metadata.items())
        and (wanted.redriven is None or wanted.redriven == bool(row.redrives))
        and (wanted.before is None or row.number < wanted.before)
    )


def _row(number: int, execution: Execution, ended_before: float | None = None) -> ExecutionRow:
    """As the local engine has it."""
    core = execution.state
    metadata = dict(execution.request.metadata)
    if execution.map_run:
        metadata |= {
            "map_run": execution.map_run,
            "map_run_size": execution.map_run_size,
            "map_run_items": execution.items,
        }
    broken = execution.broken
    return ExecutionRow(
        number=number,
        id=execution.id,
        workflow=execution.workflow_id,
        name=execution.name,
        digest=_digest(execution.definition, execution.role),
        pointer=execution.map_path,
        parent=None,
        child=None,
        link=None,
        state=_state(execution, ended_before),
        input=execution.input_text,
        request=_encode({"metadata": metadata}).decode(),
        seed="",
        started_at=execution.started,
        stopped_at=execution.stopped,
        output=execution.output_text,
        error="States.Runtime" if broken else core.error if core is not None else None,
        cause=broken or (core.cause if core is not None else None),
        failed_at=None,
        reason=None,
        wake=None,
        busy=0,
        redrives=execution.attempts + (0 if core is None else core.context.redrive_count),
    )
