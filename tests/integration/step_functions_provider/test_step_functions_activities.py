"""Whose activities are whose, when several processes make and remove workflows on our own server of the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from enginehouse import ExecutionInput, WorkflowNotFoundError, WorkflowSpec
from enginehouse.providers.step_functions import StepFunctionsProvider
from enginehouse.providers.step_functions.testing import REGION, ROLE, Server, api_server

QUICK = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
TASK = {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "task:do", "End": True}}}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = api_server()
    yield made
    made.kill()


@asynccontextmanager
async def opened(server: Server, **options: Any) -> AsyncIterator[StepFunctionsProvider]:
    async with StepFunctionsProvider(REGION, endpoint=server.url, role=ROLE, **options) as provider:
        yield provider


def spec(id: str, definition: Any, **config: Any) -> WorkflowSpec:
    return WorkflowSpec(workflow_id=id, definition=definition, provider_config=config)


async def names(provider: StepFunctionsProvider) -> list[str]:
    session = await provider._opening.session()
    return [item["name"] for item in (await session.ask("list_activities"))["activities"]]


async def test_no_activity_is_made_for_a_definition_that_is_not_taken(server: Server) -> None:
    async with opened(server) as provider:
        await provider.create_workflow(spec("flow", QUICK))
        found = await provider.create_workflow(spec("flow", TASK))
        assert "definition" in found.message
        assert set(found.resource_ids) == {"arn", "role"}  # and none is named that is not there
        with pytest.raises(WorkflowNotFoundError):
            await provider.update_workflow(spec("absent", TASK))
        assert await names(provider) == []
        await provider.delete_workflow("flow")


async def test_a_version_that_an_update_replaced_keeps_its_activity(server: Server) -> None:
    async def do(given: Any) -> Any:
        return given

    async with opened(server, tasks={"do": do}) as provider:
        made = await provider.create_workflow(spec("flow", TASK, publish=True))
        await provider.update_workflow(spec("flow", QUICK))
        assert await names(provider) == ["enginehouse-do"]
        started = await provider.start_execution(made.resource_ids["version"], ExecutionInput(input={"n": 1}))
        async for _ in provider.watch_execution(started.execution_id):
            pass
        assert (await provider.get_execution_status(started.execution_id)).output == {"n": 1}
        session = await provider._opening.session()
        await session.ask("delete_activity", activityArn=made.resource_ids["activity:do"])
        await provider.delete_workflow("flow")


@pytest.mark.parametrize("prefix", ["", "enginehouse-"])
async def test_an_activity_of_somebody_else_outlives_the_workflows_that_use_it(server: Server, prefix: str) -> None:
    name = f"{prefix}do"
    async with opened(server, prefix=prefix) as provider:
        session = await provider._opening.session()
        activity = (await session.ask("create_activity", name=name))["activityArn"]
        await provider.create_workflow(spec("by-name", TASK))
        await provider.create_workflow(spec("by-arn", TASK, resources={"do": activity}))
        await provider.delete_workflow("by-name")
        await provider.delete_workflow("by-arn")
        assert await names(provider) == [name]
        await session.ask("delete_activity", activityArn=activity)


async def test_of_two_that_create_one_workflow_in_two_ways_one_leaves_no_activity(server: Server) -> None:
    async with opened(server) as one, opened(server) as two:
        session = await two._opening.session()
        second = Paced(session, lambda: two.create_workflow(spec("flow", TASK)))
        await second.advance(2)  # it knows of no workflow, and has made its activity
        await one.create_workflow(spec("flow", QUICK))
        await second.finish()
        del session.ask
        assert await names(one) == []
        await one.delete_workflow("flow")


class Paced:
    """A provider's call, let on question by question."""

    def __init__(self, session: Any, call: Callable[[], Awaitable[object]]) -> None:
        self._ask, session.ask = session.ask, self._wait
        self._room, self._asks, self._waiting = asyncio.Semaphore(0), asyncio.Event(), 0
        self.task = asyncio.ensure_future(call())

    async def _wait(self, operation: str, **members: Any) -> Any:
        self._waiting += 1
        self._asks.set()
        await self._room.acquire()
        return await self._ask(operation, **members)

    async def advance(self, questions: int) -> None:
        for _ in range(questions):
            await self._until_it_asks()
            if self.task.done():
                return
            self._waiting -= 1
            if not self._waiting:
                self._asks.clear()
            self._room.release()
        await self._until_it_asks()

    async def _until_it_asks(self) -> None:
        asks = asyncio.ensure_future(self._asks.wait())
        await asyncio.wait({self.task, asks}, return_when=asyncio.FIRST_COMPLETED)
        asks.cancel()

    async def finish(self) -> None:
        while not self.task.done():
            await self.advance(1)
        await self.task


@pytest.mark.parametrize("change", ["create", "update"])
@pytest.mark.parametrize("first", ["maker", "remover"])
async def test_a_workflow_keeps_its_activity_whenever_the_last_other_one_goes(
    server: Server, change: str, first: str
) -> None:
    """One call is let on to any of its questions, then the other one to any of its own, then both to their end."""
    async with opened(server) as one, opened(server) as two:

        async def meet(before: int, between: int) -> bool:
            await one.create_workflow(spec("old", TASK))
            if change == "update":
                await one.create_workflow(spec("new", QUICK))
            sessions = [await provider._opening.session() for provider in (one, two)]
            made = two.create_workflow if change == "create" else two.update_workflow
            remover = Paced(sessions[0], lambda: one.delete_workflow("old"))
            maker = Paced(sessions[1], lambda: made(spec("new", TASK)))
            leader, other = (maker, remover) if first == "maker" else (remover, maker)
            await leader.advance(before)
            await other.advance(between)
            over = (leader.task.done(), other.task.done())
            await leader.finish()
            await other.finish()
            for session in sessions:
                del session.ask
            assert await names(one) == ["enginehouse-do"], (before, between)
            await one.delete_workflow("new")
            assert await names(one) == []
            return over[0] or over[1]

        before = 0
        while True:
            between = 0
            while not await meet(before, between):
                between += 1
            if between == 0:
                return
            before += 1
