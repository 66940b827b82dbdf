"""A payload codec: what leaves the process is encrypted, and everything works with it; without it, one is told."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import DescribeScheduleRequest, ListSchedulesRequest
from temporalio.client import Client

from enginehouse import ExecutionInput, ExecutionState, WorkflowSpec
from enginehouse.errors import ProviderError
from enginehouse.providers.temporal import TemporalProvider
from tests.integration.temporal.crypto import Codec
from tests.integration.temporal.running import begin, one, token_of, until_event, until_over

pytestmark = pytest.mark.temporal_server

Make = Callable[..., TemporalProvider]

SECRET = "correct-horse"


async def echo(given: Any) -> Any:
    return given


async def boom(given: Any) -> Any:
    raise ValueError(f"{SECRET} in a cause")


TASKS = {"echo": echo, "boom": boom}
CODEC = "tests.integration.temporal.crypto:Codec"


def distributed() -> dict[str, Any]:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Each",
        "States": {"Each": {"Type": "Task", "Resource": "task:echo", "End": True}},
    }
    return one("Map", ItemsPath="$.items", ItemProcessor=processor)


async def raw_text(client: Client, provider: TemporalProvider, workflow_id: str) -> bytes:
    """All that the server holds of a workflow, its executions and their children, as bytes."""
    found = b""
    async for item in client.list_workflows(f"WorkflowId STARTS_WITH '{workflow_id}'"):
        found += item.raw_info.SerializeToString()
        run: str = item.run_id
        async for event in client.get_workflow_handle(item.id, run_id=run).fetch_history_events():
            found += event.SerializeToString()
    service = client.workflow_service
    schedule = f"{provider.settings.prefix}{workflow_id}"
    asked = DescribeScheduleRequest(namespace=client.namespace, schedule_id=schedule)
    found += (await service.describe_schedule(asked)).SerializeToString()
    listed = ListSchedulesRequest(namespace=client.namespace, maximum_page_size=1000)
    found += (await service.list_schedules(listed)).SerializeToString()
    return found


async def visible(client: Client, workflow_id: str, count: int) -> None:
    """Wait until so many executions are in the visibility store."""
    async with asyncio.timeout(20):
        while (await client.count_workflows(f"WorkflowId STARTS_WITH '{workflow_id}'")).count < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("definition", "state", "executions"),
    [
        (one("Task", Resource="task:echo", Comment=SECRET), ExecutionState.SUCCEEDED, 1),
        (one("Task", Resource="task:boom", Comment=SECRET), ExecutionState.FAILED, 1),
        (distributed(), ExecutionState.SUCCEEDED, 3),
    ],
    ids=["succeeds", "fails", "distributed"],
)
async def test_nothing_of_an_execution_is_readable_on_the_server(
    make: Make, definition: dict[str, Any], state: ExecutionState, executions: int
) -> None:
    given = {"items": [{"text": SECRET}] * 2}
    async with make(tasks=TASKS, codec=CODEC) as provider:
        id = await begin(provider, definition, given, tags={"team": SECRET}, name=SECRET)
        await until_over(provider, id)
        status = await provider.get_execution_status(id)
        workflow_id = status.workflow_id
        client = await Client.connect(str(provider.settings.address))
        await visible(client, workflow_id, executions)
        assert status.state == state
        assert status.input == given
        if state == ExecutionState.FAILED:
            assert status.error is not None
            assert SECRET in status.error.cause
        [listed] = [item for item in (await provider.list_workflows()).items if item.workflow_id == workflow_id]
        assert dict(listed.tags) == {"team": SECRET}
        assert (await provider.list_executions(workflow_id=workflow_id)).items[0].execution_id == id
        raw = await raw_text(client, provider, workflow_id)
    assert b"binary/encrypted" in raw
    raw = raw.replace(f":{SECRET}".encode(), b"")  # the execution's name is its id
    for plain in (SECRET.encode(), b"StartAt", b'"text"', b"Traceback"):
        place = raw.find(plain)
        assert place < 0, raw[place - 100 : place + 100]


async def test_waits_tokens_stops_and_redrives_work_through_a_codec(make: Make) -> None:
    ask = {"Type": "Task", "Resource": "task:echo.waitForTaskToken"}
    definition = {
        "StartAt": "Rest",
        "States": {
            "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Ask"},
            "Ask": {**ask, "Next": "Again"},
            "Again": {**ask, "End": True},
        },
    }
    async with make(tasks=TASKS, codec=Codec()) as provider:
        id = await begin(provider, definition, {})
        await until_event(provider, id, "TaskSubmitted")
        await provider.send_task_success(await token_of(provider, id, "Ask"), {"answer": SECRET})
        await token_of(provider, id, "Again")
        await provider.stop_execution(id, "stopped once")
        assert (await provider.get_execution_status(id)).state == ExecutionState.CANCELLED
        await provider.redrive_execution(id)
        await provider.send_task_success(await token_of(provider, id, "Again"), 42)
        status = await until_over(provider, id)
    assert status.output == 42
    assert "ExecutionRedriven" in [event.type for event in status.history]


async def test_a_native_workflow_is_known_as_one_through_a_codec(make: Make) -> None:
    async with make(codec=Codec()) as provider:
        workflow_id = f"native-{uuid.uuid4().hex[:8]}"
        definition = {"workflowType": "Nobody", "taskQueue": "nobody"}
        await provider.create_workflow(WorkflowSpec(workflow_id=workflow_id, definition=definition))
        result = await provider.start_execution(workflow_id, ExecutionInput(input={"n": 1}))
        status = await provider.get_execution_status(result.execution_id)
        assert status.metadata["workflow_type"] == "Nobody"
        assert status.input == {"n": 1}
        await provider.stop_execution(result.execution_id, "enough")


async def test_a_client_without_the_codec_or_with_another_key_is_told(make: Make) -> None:
    async with make(tasks=TASKS, codec=Codec()) as provider:
        id = await begin(provider, one("Task", Resource="task:echo"), {})
        await until_over(provider, id)
    workflow_id = id.partition(":")[0]
    for codec, said in ((None, "give it the codec"), (Codec(b"x" * 32), "is its key the right one")):
        async with make(codec=codec) as other:
            for call in (
                other.get_execution_status(id),
                other.get_execution_status(id, history=False),
                other.get_definition(workflow_id),
                other.start_execution(workflow_id, ExecutionInput()),
                other.list_workflows(),
            ):
                with pytest.raises(ProviderError, match=said):
                    await call


async def test_a_worker_without_the_codec_leaves_the_execution_to_one_that_has_it(make: Make) -> None:
    async with make(codec=Codec()) as client:
        id = await begin(client, one("Task", Resource="task:echo"), {"n": 1})
        async with make(tasks=TASKS), asyncio.timeout(30):
            while "stuck" not in (metadata := (await client.get_execution_status(id)).metadata):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert "give it the codec" in metadata["stuck"]
        async with make(tasks=TASKS, codec=Codec()), asyncio.timeout(60):
            status = await until_over(client, id)
    assert status.output == {"n": 1}
