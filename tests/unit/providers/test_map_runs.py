"""What a parent's history does not hold: how far its distributed Maps are, and the executions of their items."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from enginehouse import (
    DescribesMapRuns,
    ExecutionNotFoundError,
    MapRun,
    Page,
    Provider,
    RedrivesExecutions,
    WorkflowSpec,
)
from enginehouse.models import ExecutionInput, ExecutionState, ExecutionSummary
from enginehouse.providers.local import LocalProvider
from enginehouse.providers.mock import MockProvider

MAP = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "MaxConcurrency": 2,
            "ToleratedFailureCount": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Work",
                "States": {"Work": {"Type": "Task", "Resource": "task:work", "End": True}},
            },
            "End": True,
        }
    },
}


@pytest.fixture
def broken() -> set[int]:
    """The items that fail."""
    return {3}


@pytest.fixture(params=["local", "mock"])
async def provider(request: pytest.FixtureRequest, tmp_path: Path, broken: set[int]) -> AsyncIterator[Provider]:
    def work(number: int) -> int:
        if number in broken:
            raise ValueError(f"{number} is broken")
        return number

    tasks = {"work": work}
    made = LocalProvider(tmp_path / "s.db", tasks=tasks) if request.param == "local" else MockProvider(tasks=tasks)
    async with made:
        await made.create_workflow(WorkflowSpec(workflow_id="w", definition=MAP))
        yield made


async def ended(provider: Provider, items: list[int]) -> str:
    started = await provider.start_execution("w", ExecutionInput(input=items))
    await over(provider, started.execution_id)
    return started.execution_id


async def over(provider: Provider, execution: str) -> None:
    assert hasattr(provider, "watch_execution")
    async for _ in provider.watch_execution(execution):
        pass


async def test_a_map_run_has_its_path_and_counts_its_children_by_how_they_ended(provider: Provider) -> None:
    assert isinstance(provider, DescribesMapRuns)
    execution = await ended(provider, [1, 2, 3, 4, 5])
    [run] = await provider.list_map_runs(execution)
    assert run == MapRun(map_run_id=run.map_run_id, path="/States/Each", total=5, succeeded=4, failed=1)
    history = (await provider.get_execution_status(execution)).history
    assert run.map_run_id in [event.details.get("mapRunArn") for event in history]


async def test_children_are_executions_with_a_history_listed_newest_first_in_pages(provider: Provider) -> None:
    assert isinstance(provider, DescribesMapRuns)
    execution = await ended(provider, [1, 2, 3])
    first: Page[ExecutionSummary] = await provider.list_children(execution, limit=2)
    rest = await provider.list_children(execution, limit=2, token=first.next_token)
    assert (len(first.items), len(rest.items), rest.next_token) == (2, 1, "")
    children = [*first.items, *rest.items]
    assert [child.state for child in children] == [ExecutionState.FAILED, *[ExecutionState.SUCCEEDED] * 2]
    status = await provider.get_execution_status(children[-1].execution_id)
    assert (status.input, status.output) == (1, 1)
    assert "TaskStateEntered" in [event.type for event in status.history]


async def test_an_item_that_is_redriven_counts_once_and_its_last_child_is_listed(
    provider: Provider, broken: set[int]
) -> None:
    assert isinstance(provider, DescribesMapRuns)
    assert isinstance(provider, RedrivesExecutions)
    broken |= {1, 2}
    execution = await ended(provider, [1, 2, 3, 4])
    for healed in (1, 2):
        broken.discard(healed)
        await provider.redrive_execution(execution)
        await over(provider, execution)
    [run] = await provider.list_map_runs(execution)
    assert run == MapRun(map_run_id=run.map_run_id, path="/States/Each", total=4, succeeded=3, failed=1)
    children = (await provider.list_children(execution)).items
    assert sorted(child.state for child in children) == [ExecutionState.FAILED, *[ExecutionState.SUCCEEDED] * 3]


async def test_an_execution_without_a_map_run_has_none(provider: Provider) -> None:
    assert isinstance(provider, DescribesMapRuns)
    execution = await ended(provider, [])
    assert list(await provider.list_map_runs(execution)) == []
    assert (await provider.list_children(execution)).items == []


async def test_an_unknown_execution_has_neither(provider: Provider) -> None:
    assert isinstance(provider, DescribesMapRuns)
    with pytest.raises(ExecutionNotFoundError):
        await provider.list_map_runs("w:never")
    with pytest.raises(ExecutionNotFoundError):
        await provider.list_children("w:never")
