"""The embedded engine as the API asks for it: starts that are pinned, records that keep definitions, map runs that change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from enginehouse import ExecutionState, WorkflowSpec
from enginehouse.asl import ChangeMapRun
from enginehouse.providers.local import LocalProvider
from enginehouse.providers.local.turns import StaleDefinitionError
from enginehouse.server.step_functions.engine import Kept, Start, Wanted, Workflow
from enginehouse.server.step_functions.on_local import LocalEngine

ARNS = "arn:aws:states:us-east-1:123456789012"


def spec(result: Any) -> WorkflowSpec:
    return WorkflowSpec(
        workflow_id="w",
        definition={"StartAt": "S", "States": {"S": {"Type": "Pass", "Result": result, "End": True}}},
        provider_config={"type": "STANDARD", "role": "r"},
    )


def start(workflow: Workflow, name: str, **more: Any) -> Start:
    return Start("w", name, workflow.digest, "{}", {}, more, 1_700_000_000.0, True)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(LocalProvider(tmp_path / "s.db", engine=True, arns=ARNS))
    await engine.open()
    yield engine
    await engine.close()


async def test_a_start_runs_the_definition_that_it_names(engine: LocalEngine) -> None:
    one, two = await engine.compile(spec("one")), await engine.compile(spec("two"))
    await engine.keep([], workflow=one)
    await engine.keep([], workflow=two)
    for workflow, name in ((one, "a"), (two, "b")):
        assert await engine.start(start(workflow, name)) is None
        assert (await engine.ended(f"w:{name}")).output == f'"{workflow.spec.definition["States"]["S"]["Result"]}"'  # type: ignore[index]


async def test_a_name_that_is_taken_gives_who_has_it(engine: LocalEngine) -> None:
    workflow = await engine.compile(spec(1))
    await engine.keep([], workflow=workflow)
    await engine.start(start(workflow, "a"))
    existing = await engine.start(start(workflow, "a"))
    assert existing is not None
    assert existing.id == "w:a"


async def test_a_definition_that_is_not_there_is_not_run(engine: LocalEngine) -> None:
    workflow = await engine.compile(spec(1))
    await engine.keep([], workflow=workflow)
    engine.session.definitions.keep(workflow.compiled)
    await engine.session.writer.write(lambda batch: batch.connection.execute("DELETE FROM definition"))
    with pytest.raises(StaleDefinitionError):
        await engine.start(start(workflow, "a"))


async def test_a_purge_leaves_the_definitions_of_records(engine: LocalEngine) -> None:
    one, two = await engine.compile(spec("one")), await engine.compile(spec("two"))
    await engine.keep([Kept("revision:w:1", one.digest, "{}")], workflow=one)
    await engine.keep([], workflow=two)
    await engine.start(start(two, "a"))
    assert await engine.provider.purge({ExecutionState.SUCCEEDED: timedelta(0)}) == {ExecutionState.SUCCEEDED: 1}
    assert await engine.start(start(one, "b")) is None
    assert await engine.records() == ["{}"]
    await engine.keep([Kept("revision:w:1", None, None)])
    assert await engine.records() == []


async def test_executions_are_found_by_what_they_were_started_with(engine: LocalEngine) -> None:
    workflow = await engine.compile(spec(1))
    await engine.keep([], workflow=workflow)
    for name, version in (("a", 1), ("b", 2), ("c", 1)):
        await engine.start(start(workflow, name, version=version))
    found = await engine.executions(Wanted(machine="w", metadata={"version": 1}))
    assert [row.name for row in found] == ["c", "a"]


async def test_a_changed_map_run_is_still_changed_after_a_restart(tmp_path: Path) -> None:
    hold = {"StartAt": "H", "States": {"H": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **hold}
    many = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor, "End": True}
    definition = {"StartAt": "M", "States": {"M": many}}

    def opened() -> LocalEngine:
        return LocalEngine(LocalProvider(tmp_path / "s.db", engine=True, arns=ARNS))

    engine = opened()
    await engine.open()
    given = WorkflowSpec(workflow_id="w", definition=definition, provider_config={"type": "STANDARD", "role": ""})
    workflow = await engine.compile(given)
    await engine.keep([], workflow=workflow)
    await engine.start(start(workflow, "a")._replace(text="[1,2,3,4]", value=[1, 2, 3, 4]))
    row = await engine.execution("w:a")
    assert row is not None
    started = [e for e in (await engine.events(row, None, 100, False)).events if e.type == "MapRunStarted"]
    run = started[0].details["mapRunArn"]
    await engine.change_map_run(row, ChangeMapRun(run, limit=3))
    await engine.close()
    engine = opened()
    await engine.open()
    try:
        children = await engine.executions(Wanted(machine="w", parent=row.number, metadata={"map_run": run}))
        assert len(children) == 3
        await engine.stop(children[0], None, None)
        assert (await engine.ended("w:a")).error == "States.ExceedToleratedFailureThreshold"
        owner = await engine.map_run_owner("w", run)
        assert owner is not None
        assert owner.id == "w:a"
    finally:
        await engine.close()
    assert msgspec.json.decode(row.request) == {}
