"""What a provider has just done is seen by its next call, however far Temporal's visibility store and caches are behind."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping

import pytest
from temporalio.client import (
    Client,
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    ScheduleState,
    WorkflowExecutionDescription,
)
from temporalio.service import RPCError, RPCStatusCode

from enginehouse import ExecutionInput, ExecutionState, WorkflowNotFoundError, WorkflowSpec
from enginehouse.conformance.proxy import Proxy
from enginehouse.errors import InvalidSpecError, ProviderError, ProviderUnavailableError
from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.testing import DevServer
from tests.integration.temporal.running import begin, one

pytestmark = pytest.mark.temporal_server

Make = Callable[..., TemporalProvider]


def spec(workflow_id: str, result: object = 1) -> WorkflowSpec:
    return WorkflowSpec(workflow_id=workflow_id, definition=one("Pass", Output=result, QueryLanguage="JSONata"))


async def test_a_list_has_what_was_created_and_lacks_what_was_deleted_a_moment_ago(make: Make) -> None:
    async with make() as provider:
        there: list[str] = []
        for number in range(20):
            await provider.create_workflow(spec(f"w{number}"))
            there.insert(0, f"w{number}")
            if number % 4 == 3:
                await provider.delete_workflow(there.pop(1))
            assert [item.workflow_id for item in (await provider.list_workflows()).items] == there


async def test_a_list_has_the_name_and_tags_that_a_workflow_was_updated_to(make: Make) -> None:
    async with make() as provider, make() as other:
        for number in range(3):
            await provider.create_workflow(dataclasses.replace(spec(f"w{number}"), name="old", tags={"a": "1"}))
        await provider.update_workflow(dataclasses.replace(spec("w1"), name="new", tags={"b": "2"}))
        wanted = [("w2", "old", {"a": "1"}), ("w1", "new", {"b": "2"}), ("w0", "old", {"a": "1"})]
        assert await named(provider) == wanted
        async with asyncio.timeout(30):
            while await named(other) != wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def test_an_update_leaves_when_a_workflow_was_created(make: Make) -> None:
    async with make() as provider:
        created = await provider.create_workflow(spec("w"))
        updated = await provider.update_workflow(spec("w", 2))
        [listed] = (await provider.list_workflows()).items
    assert created.created_at == updated.created_at == listed.created_at


async def named(provider: TemporalProvider) -> list[tuple[str, str, Mapping[str, str]]]:
    found = (await provider.list_workflows()).items
    return [(item.workflow_id, item.name, item.tags) for item in found]


async def test_a_list_has_what_was_started_and_how_what_was_stopped_ended(make: Make) -> None:
    async with make(works=True) as provider:
        workflow = one("Wait", Seconds=600)
        stopped = [await begin(provider, workflow) for _ in range(10)]
        running = [await begin(provider, workflow) for _ in range(10)]
        for execution_id in stopped:
            await provider.stop_execution(execution_id, "enough")
            found = (await provider.list_executions(workflow_id=execution_id.rpartition(":")[0])).items
            assert [(item.execution_id, item.state) for item in found] == [(execution_id, ExecutionState.CANCELLED)]
        for execution_id in running:
            found = (await provider.list_executions(workflow_id=execution_id.rpartition(":")[0])).items
            assert [item.execution_id for item in found] == [execution_id]


async def test_a_start_runs_what_was_put_in_a_moment_ago(make: Make) -> None:
    async with make() as provider, make(works=True) as worker:
        for number in range(5):
            id = f"w{number}"
            await provider.create_workflow(spec(id, "old"))
            await provider.start_execution(id, ExecutionInput())
            await provider.update_workflow(spec(id, "new"))
            await provider.start_execution(id, ExecutionInput(execution_name="second"))
            async for _ in worker.watch_execution(f"{id}:second"):
                pass
            assert (await worker.get_execution_status(f"{id}:second")).output == "new"
            await provider.delete_workflow(id)
            with pytest.raises(WorkflowNotFoundError):
                await provider.start_execution(id, ExecutionInput())


async def test_a_start_never_runs_what_another_process_has_deleted_or_replaced(make: Make) -> None:
    async with make() as provider, make() as other, make(works=True) as worker:
        for number in range(5):
            id = f"w{number}"
            await provider.create_workflow(spec(id, "old"))
            await asyncio.gather(*(provider.start_execution(id, ExecutionInput()) for _ in range(10)))
            await other.update_workflow(spec(id, "new"))
            await provider.start_execution(id, ExecutionInput(execution_name="second"))
            async for _ in worker.watch_execution(f"{id}:second"):
                pass
            assert (await worker.get_execution_status(f"{id}:second")).output == "new"
            await other.delete_workflow(id)
            with pytest.raises(WorkflowNotFoundError):
                await provider.start_execution(id, ExecutionInput())


async def test_starts_share_one_question_and_one_that_is_cancelled_leaves_the_others_theirs(make: Make) -> None:
    async with make() as provider:
        await provider.create_workflow(spec("w"))
        first, *others = [asyncio.create_task(provider.start_execution("w", ExecutionInput())) for _ in range(10)]
        await asyncio.sleep(0)
        first.cancel()
        done = await asyncio.gather(first, *others, return_exceptions=True)
        assert isinstance(done[0], asyncio.CancelledError)
        assert len({item.execution_id for item in done[1:] if not isinstance(item, BaseException)}) == 9


async def test_starts_that_share_a_question_do_not_wait_for_each_other_when_it_is_not_answered(
    server: DevServer, make: Make
) -> None:
    proxy = Proxy(server.port)
    await proxy.open()
    try:
        async with make(address=f"127.0.0.1:{proxy.port}", timeout=0.5) as provider:
            await provider.create_workflow(spec("w"))
            proxy.hang()
            async with asyncio.timeout(10):
                starts = (provider.start_execution("w", ExecutionInput()) for _ in range(100))
                done = await asyncio.gather(*starts, return_exceptions=True)
            assert {type(item) for item in done} == {ProviderUnavailableError}
            proxy.flow()
    finally:
        await proxy.close()


async def test_somebody_elses_schedule_is_no_workflow(server: DevServer, make: Make) -> None:
    async with make() as provider, asyncio.timeout(20):
        client = await Client.connect(server.address)
        action = ScheduleActionStartWorkflow("Theirs", id="theirs", task_queue="theirs")
        theirs = Schedule(action=action, spec=ScheduleSpec(), state=ScheduleState(paused=True))
        handle = await client.create_schedule(f"{provider.settings.prefix}w", theirs)
        try:
            with pytest.raises(ProviderError, match="holds no workflow of ours; take another id"):
                await provider.create_workflow(spec("w"))
            with pytest.raises(WorkflowNotFoundError):
                await provider.start_execution("w", ExecutionInput())
            await provider.delete_workflow("w")
            assert (await handle.describe()).id == handle.id
            await provider.create_workflow(spec("ours"))
            assert [item.workflow_id for item in (await provider.list_workflows()).items] == ["ours"]
        finally:
            await handle.delete()


class Throttling(Interceptor):
    """Answers as a server does that describes no more executions for now."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Throttled(next)


class _Throttled(OutboundInterceptor):
    async def describe_workflow(self, input: DescribeWorkflowInput) -> WorkflowExecutionDescription:
        raise RPCError("slower", RPCStatusCode.RESOURCE_EXHAUSTED, b"")


async def test_a_page_that_is_none_is_told_without_asking_temporal(make: Make) -> None:
    async with make(address="127.0.0.1:1") as provider:
        for asked in (provider.list_workflows(token="no"), provider.list_executions(token="no")):
            with pytest.raises(InvalidSpecError):
                await asked


async def test_a_list_that_temporal_throttles_is_unavailable(make: Make) -> None:
    async with make(interceptors=[Throttling()]) as provider:
        await begin(provider, one("Pass"))
        await begin(provider, one("Pass"))
        with pytest.raises(ProviderUnavailableError, match="list_executions"):
            await provider.list_executions()
