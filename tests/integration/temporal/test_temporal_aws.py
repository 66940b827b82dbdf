"""AWS services from Temporal's workers, with moto's server as AWS."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from enginehouse.providers.temporal import TemporalProvider
from tests.integration.temporal.running import begin, one, run
from tests.moto_server import KEYS, client, configure, moto_server

pytestmark = pytest.mark.temporal_server

Make = Callable[..., TemporalProvider]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url, pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        configure(url, '{"stepfunctions": {"execute_state_machine": true}}')
        yield url


async def call(url: str, service: str, method: str, **given: Any) -> Any:
    return await asyncio.to_thread(lambda: getattr(client(url, service), method)(**given))


async def machine(moto: str, state: dict[str, Any]) -> str:
    role = "arn:aws:iam::123456789012:role/r"
    name = f"m-{uuid.uuid4().hex[:8]}"
    made = await call(
        moto, "stepfunctions", "create_state_machine", name=name, definition=json.dumps(state), roleArn=role
    )
    return str(made["stateMachineArn"])


async def test_a_request_and_its_failure(make: Make, moto: str) -> None:
    sdk = "arn:aws:states:::aws-sdk:sqs:"
    async with make(works=True, aws={"endpoint": moto}) as provider:
        status = await run(provider, one("Task", Resource=f"{sdk}createQueue", Parameters={"QueueName": "q"}))
        assert isinstance(status.output, dict)
        assert str(status.output["QueueUrl"]).endswith("/q")
        status = await run(provider, one("Task", Resource=f"{sdk}getQueueUrl", Parameters={"QueueName": "nope"}))
        assert status.error is not None
        assert status.error.code == "Sqs.QueueDoesNotExistException"


async def test_a_job_is_followed(make: Make, moto: str) -> None:
    resource = "arn:aws:states:::states:startExecution.sync:2"
    async with make(works=True, aws={"endpoint": moto, "poll": 0.2}) as provider:
        arn = await machine(moto, one("Pass", Result={"x": 1}))
        status = await run(provider, one("Task", Resource=resource, Parameters={"StateMachineArn": arn}))
        assert isinstance(status.output, dict)
        assert status.output["Output"] == {"x": 1}
        arn = await machine(moto, one("Fail", Error="Mine"))
        status = await run(provider, one("Task", Resource=resource, Parameters={"StateMachineArn": arn}))
        assert status.error is not None
        assert status.error.code == "States.TaskFailed"
        assert [event.type for event in status.history][4:6] == ["TaskSubmitted", "TaskFailed"]


async def test_a_job_of_a_stopped_execution_is_stopped(make: Make, moto: str) -> None:
    arn = await machine(moto, one("Wait", Seconds=600))
    resource = "arn:aws:states:::states:startExecution.sync"
    async with make(works=True, aws={"endpoint": moto, "poll": 0.2}) as provider:
        id = await begin(provider, one("Task", Resource=resource, Parameters={"StateMachineArn": arn}))
        async with asyncio.timeout(60):
            while not await known_job(provider, id):  # noqa: ASYNC110 -- Temporal tells nobody
                await asyncio.sleep(0.1)
            await provider.stop_execution(id, "enough")
            while not await aborted(moto, arn):  # noqa: ASYNC110 -- nor does moto
                await asyncio.sleep(0.1)


async def known_job(provider: TemporalProvider, id: str) -> bool:
    """Whether a worker has told Temporal what AWS answered."""
    session = await provider._opening.session()
    described = await session.client.get_workflow_handle(id).describe()
    return any(item.heartbeat_details.payloads for item in described.raw_description.pending_activities)


async def aborted(moto: str, arn: str) -> bool:
    told = await call(moto, "stepfunctions", "list_executions", stateMachineArn=arn)
    return [item["status"] for item in told["executions"]] == ["ABORTED"]
