"""Executions on our own server of the Step Functions API, their tasks run as activities by workers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from enginehouse import CapabilityError, ExecutionInput, ExecutionState, ExecutionStatus, InvalidSpecError, WorkflowSpec
from enginehouse.abc import Provider
from enginehouse.providers.local import LocalProvider
from enginehouse.providers.step_functions import StepFunctionsProvider
from enginehouse.providers.step_functions.testing import REGION, ROLE, Server, api_server
from enginehouse.tasks import TaskContext, TaskError

TASKS = """
import asyncio, os
from enginehouse import task

@task
async def slow(input: dict) -> dict:
    with open(os.environ["RAN"], "a") as ran:
        ran.write(f"{input['n']}\\n")
    await asyncio.sleep(0.2)
    return input
"""


@pytest.fixture
def server() -> Iterator[Server]:
    made = api_server()
    yield made
    made.kill()


@asynccontextmanager
async def opened(server: Server, **options: Any) -> AsyncIterator[StepFunctionsProvider]:
    given = {"beat": 0.2, "liveness": 3, "grace": 0.5, **options}
    async with StepFunctionsProvider(REGION, endpoint=server.url, role=ROLE, **given) as provider:
        yield provider


async def ended(provider: Provider, execution_id: str) -> ExecutionStatus:
    async with asyncio.timeout(60):
        while True:
            status = await provider.get_execution_status(execution_id)
            if status.state.is_terminal:
                return status
            await asyncio.sleep(0.1)


async def run(provider: Provider, definition: Any, input: Any, id: str = "flow") -> ExecutionStatus:
    await provider.create_workflow(WorkflowSpec(workflow_id=id, definition=definition))
    started = await provider.start_execution(id, ExecutionInput(input=input, execution_name="one"))
    return await ended(provider, started.execution_id)


def one(**fields: Any) -> dict[str, Any]:
    return {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "task:do", "End": True, **fields}}}


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
async def test_a_task_is_told_what_it_is_told_everywhere(server: Server, language: str) -> None:
    seen: list[Any] = []

    def do(input: Any, context: TaskContext) -> Any:
        told = (context.state, context.attempt, context.execution_name, context.workflow_id)
        seen.append((input, told, context.execution_id, context.idempotency_key))
        if context.attempt == 0:
            raise TaskError("Shy", "not yet")
        return {"done": input}

    retry = [{"ErrorEquals": ["Shy"], "IntervalSeconds": 1}]
    async with opened(server, tasks={"do": do}) as provider:
        status = await run(provider, {"QueryLanguage": language, **one(Retry=retry)}, {"a": [1]}, "my flow")
    assert status.output == {"done": {"a": [1]}}
    assert status.workflow_id == "my flow"
    assert [item[1] for item in seen] == [("Do", 0, "one", "my flow"), ("Do", 1, "one", "my flow")]
    assert {item[2] for item in seen} == {status.execution_id}
    assert seen[0][3] != seen[1][3]


async def test_a_failure_is_caught_by_its_name(server: Server) -> None:
    def do() -> None:
        raise TaskError("OutOfStock", "sku 12")

    catch = [{"ErrorEquals": ["OutOfStock"], "ResultPath": "$.failure", "Next": "Sorry"}]
    definition = one(Catch=catch)
    definition["States"]["Sorry"] = {"Type": "Pass", "End": True}
    async with opened(server, tasks={"do": do}) as provider:
        status = await run(provider, definition, {"a": 1})
    assert status.output == {"a": 1, "failure": {"Error": "OutOfStock", "Cause": "sku 12"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"HeartbeatSecondsPath": "$.beat"},
        {"HeartbeatSecondsPath": "$.beat", "InputPath": "$.in", "Parameters": {"only.$": "$.n"}},
        {"QueryLanguage": "JSONata", "HeartbeatSeconds": "{% $states.input.beat %}"},
    ],
)
async def test_a_computed_heartbeat_is_kept_by_a_worker_that_beats_more_rarely(
    server: Server, fields: dict[str, Any]
) -> None:
    seen: list[Any] = []

    async def do(input: Any, context: TaskContext) -> str:
        seen.append(input)
        for _ in range(16):
            await asyncio.sleep(0.2)
            context.heartbeat()
        return "well"

    given = {"beat": 1, "n": 7, "in": {"beat": 1, "n": 7}}
    async with opened(server, tasks={"do": do}, beat=10.0, liveness=60) as provider:
        status = await run(provider, one(**fields), given)
    assert (status.state, status.output) == (ExecutionState.SUCCEEDED, "well")
    assert seen == [{"only": 7} if "Parameters" in fields else given]


async def test_a_heartbeat_that_leads_nowhere_is_the_error_that_it_is_on_other_engines(server: Server) -> None:
    definition = one(HeartbeatSecondsPath="$.nowhere", Retry=[{"ErrorEquals": ["States.ALL"]}])
    async with opened(server) as provider, LocalProvider() as local:
        for engine in (provider, local):
            status = await run(engine, definition, {"beat": 1})
            assert status.error is not None
            assert (status.error.code, status.error.failed_at) == ("States.Runtime", "Do")


async def test_each_item_of_a_map_has_a_key_of_its_own(server: Server) -> None:
    keys: list[str] = []

    def do(input: Any, context: TaskContext) -> None:
        keys.append(context.idempotency_key)

    definition = {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": one(), "End": True}}}
    async with opened(server, tasks={"do": do}, pollers=3) as provider:
        status = await run(provider, definition, [1, 1, 1, 1, 1])
    assert status.state == ExecutionState.SUCCEEDED
    assert len(set(keys)) == 5


async def test_the_activities_of_a_deleted_workflow_go_when_no_other_one_has_them(server: Server) -> None:
    async with opened(server) as provider:
        for id in ("first", "second"):
            await provider.create_workflow(WorkflowSpec(workflow_id=id, definition=one()))
        session = await provider._opening.session()

        async def names() -> list[str]:
            return [item["name"] for item in (await session.ask("list_activities"))["activities"]]

        await provider.delete_workflow("first")
        assert await names() == ["enginehouse-do"]
        await provider.delete_workflow("second")
        assert await names() == []


async def test_an_update_publishes_a_version(server: Server) -> None:
    config = {"publish": True}
    async with opened(server) as provider:
        made = await provider.create_workflow(
            WorkflowSpec(workflow_id="flow", definition=one(), provider_config=config)
        )
        spec = WorkflowSpec(workflow_id="flow", definition=one(Comment="new"), provider_config=config)
        updated = await provider.update_workflow(spec)
        assert made.resource_ids["version"].endswith(":1")
        assert updated.resource_ids["version"].endswith(":2")
        assert '"new"' in await provider.get_definition("flow")


async def test_the_map_runs_of_a_distributed_map_are_told(server: Server) -> None:
    inner = {**one(), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    definition = {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": inner, "End": True}}}
    async with opened(server, tasks={"do": lambda given: given}) as provider:
        status = await run(provider, definition, [1, 2, 3])
        assert status.output == [1, 2, 3]
        (found,) = await provider.list_map_runs(status.execution_id)
        assert (found.path, found.total, found.succeeded) == ("/States/Each", 3, 3)
        children = await provider.list_children(status.execution_id)
        assert len(children.items) == 3


async def test_an_express_workflow_is_run_to_its_end(server: Server) -> None:
    definition = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
    config = {"type": "EXPRESS", "synchronous": True}
    async with opened(server) as provider:
        await provider.create_workflow(WorkflowSpec(workflow_id="quick", definition=definition, provider_config=config))
        with pytest.raises(CapabilityError, match="run_synchronously"):
            await provider.start_execution("quick", ExecutionInput())
        status = await provider.run_synchronously("quick", ExecutionInput(input={"a": 1}))
        await provider.delete_workflow("quick")
    assert (status.state, status.output) == (ExecutionState.SUCCEEDED, {"a": 1})


async def test_a_workflow_that_somebody_made_anew_as_express_is_told_of_and_not_started_again(server: Server) -> None:
    definition = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
    config = {"type": "EXPRESS", "synchronous": True}
    async with opened(server) as one, opened(server) as other:
        await one.create_workflow(WorkflowSpec(workflow_id="anew", definition=definition))
        started = await one.start_execution("anew", ExecutionInput())
        async for _ in one.watch_execution(started.execution_id):
            pass
        await other.delete_workflow("anew")
        await other.create_workflow(WorkflowSpec(workflow_id="anew", definition=definition, provider_config=config))
        with pytest.raises(CapabilityError, match="has started"):
            await one.start_execution("anew", ExecutionInput())
        with pytest.raises(CapabilityError, match="is EXPRESS, and"):
            await one.start_execution("anew", ExecutionInput())
        await one.delete_workflow("anew")


@pytest.mark.parametrize(("there", "asked"), [("STANDARD", "EXPRESS"), ("EXPRESS", "STANDARD")])
async def test_an_update_to_another_type_is_refused_and_changes_nothing(server: Server, there: str, asked: str) -> None:
    def typed(type: str, comment: str) -> WorkflowSpec:
        definition = {"Comment": comment, "StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
        config = {"type": type, "synchronous": True}
        return WorkflowSpec(workflow_id="typed", definition=definition, provider_config=config)

    async with opened(server) as provider:
        await provider.create_workflow(typed(there, "old"))
        with pytest.raises(InvalidSpecError, match=f"the workflow is {there}"):
            await provider.update_workflow(typed(asked, "new"))
        assert '"old"' in await provider.get_definition("typed")
        await provider.delete_workflow("typed")


@asynccontextmanager
async def worker(folder: Path, server: Server) -> AsyncIterator[asyncio.subprocess.Process]:
    """``enginehouse worker`` as a process of its own, killed at the end."""
    options = (
        f'role = "{ROLE}"\nendpoint = "{server.url}"\nregion = "{REGION}"\nbeat = 0.3\nliveness = 3\npollers = 4\n'
    )
    config = f'[enginehouse]\nprovider = "step-functions"\n[providers.step-functions]\n{options}'
    await asyncio.to_thread((folder / "enginehouse.toml").write_text, config)
    await asyncio.to_thread((folder / "tasks.py").write_text, TASKS)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "enginehouse.cli", "worker", "--tasks", "tasks.py", "--log", "warning",
        cwd=folder, env={**os.environ, "RAN": str(folder / "ran")}, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


SLOW = {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "task:slow", "End": True}}}


async def _started(provider: StepFunctionsProvider, count: int) -> list[str]:
    await provider.create_workflow(WorkflowSpec(workflow_id="slow", definition=SLOW))
    starts = [
        provider.start_execution("slow", ExecutionInput(input={"n": number}, execution_name=f"n{number}"))
        for number in range(count)
    ]
    return [result.execution_id for result in await asyncio.gather(*starts)]


async def _ran(folder: Path, count: int) -> None:
    def lines() -> int:
        file = folder / "ran"
        return len(file.read_text().splitlines()) if file.exists() else 0

    async with asyncio.timeout(60):
        while await asyncio.to_thread(lines) < count:  # noqa: ASYNC110 -- another process writes it
            await asyncio.sleep(0.05)


async def test_a_worker_that_is_killed_loses_no_task(server: Server, tmp_path: Path) -> None:
    async with opened(server) as provider:
        async with worker(tmp_path, server) as first:
            ids = await _started(provider, 200)
            await _ran(tmp_path, 60)
            first.send_signal(signal.SIGKILL)
            await first.wait()
        async with worker(tmp_path, server):
            found = [await ended(provider, id) for id in ids]
    assert [status.output for status in found] == [{"n": number} for number in range(200)]


async def test_a_worker_that_is_asked_to_stop_ends_its_tasks(server: Server, tmp_path: Path) -> None:
    async with opened(server) as provider:
        async with worker(tmp_path, server) as first:
            ids = await _started(provider, 40)
            await _ran(tmp_path, 8)
            first.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(first.wait(), 20) == 0
        running = [await provider.get_execution_status(id) for id in ids]
        events = [[event.type for event in status.history] for status in running]
        assert not [types for types in events if types[-1] == "ActivityStarted"]  # nothing was left in anybody's hands
        async with worker(tmp_path, server):
            found = [await ended(provider, id) for id in ids]
    assert [status.output for status in found] == [{"n": number} for number in range(40)]


async def test_a_server_that_is_away_for_a_while_loses_no_task(tmp_path: Path) -> None:
    server = await asyncio.to_thread(api_server, tmp_path / "store.db")
    try:
        async with opened(server) as provider, worker(tmp_path, server):
            ids = await _started(provider, 100)
            await _ran(tmp_path, 20)
            server.kill()
            await asyncio.sleep(10)
            await asyncio.to_thread(server.start)
            found = [await ended(provider, id) for id in ids]
    finally:
        server.kill()
    assert [status.output for status in found] == [{"n": number} for number in range(100)]


async def test_the_history_has_the_names_of_our_own(server: Server) -> None:
    async with opened(server, tasks={"do": lambda given: given}) as provider:
        status = await run(provider, one(), {"a": 1})
    assert [event.type for event in status.history] == [
        "ExecutionStarted", "TaskStateEntered", "ActivityScheduled", "ActivityStarted", "ActivitySucceeded",
        "TaskStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert json.loads(str(status.history[2].details["input"]))["input"] == {"a": 1}
    assert status.history[5].details["name"] == "Do"
