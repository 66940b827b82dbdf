"""Jobs that are waited for: followed to their end, taken up again after a restart, stopped where nobody waits."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from enginehouse.models import ExecutionInput, ExecutionState, WorkflowSpec
from enginehouse.tasks.aws import catalog
from tests.integration.aws.running import HOSTS, PASS, WAIT, call, details, ended, host, run, seen, task, types

hosts = pytest.mark.parametrize("name", HOSTS)
SUBMITTED = ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


async def role(moto: str) -> str:
    name = f"role-{uuid.uuid4().hex[:8]}"
    made = await call(moto, "iam", "create_role", RoleName=name, AssumeRolePolicyDocument="{}")
    return str(made["Role"]["Arn"])


async def machine(moto: str, definition: str) -> str:
    made = await call(
        moto,
        "stepfunctions",
        "create_state_machine",
        name=f"m-{uuid.uuid4().hex[:8]}",
        definition=definition,
        roleArn=await role(moto),
    )
    return str(made["stateMachineArn"])


def aws(moto: str) -> dict[str, object]:
    return {"endpoint": moto, "poll": 0.1}


def submitted(status: Any) -> Any:
    return json.loads(details(status, "TaskSubmitted")["output"])


@hosts
@pytest.mark.parametrize(("pattern", "output"), [("sync", '{"x": 1}'), ("sync:2", {"x": 1})])
async def test_an_execution_of_aws(name: str, pattern: str, output: object, moto: str) -> None:
    arn = await machine(moto, PASS)
    given = {"StateMachineArn": arn, "Input": {"i": 1}, "Name": f"n-{uuid.uuid4().hex[:8]}"}
    status = await run(host(name, aws(moto)), task(f"states:startExecution.{pattern}", given))
    assert isinstance(status.output, dict), status.error
    assert status.output["Status"] == "SUCCEEDED"
    assert status.output["Output"] == output
    assert types(status)[2:6] == SUBMITTED
    assert submitted(status)["ExecutionArn"] == status.output["ExecutionArn"]


@hosts
async def test_an_execution_of_aws_that_fails(name: str, moto: str) -> None:
    failing = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Mine", "Cause": "because"}}}
    given = {"StateMachineArn": await machine(moto, json.dumps(failing))}
    status = await run(host(name, aws(moto)), task("states:startExecution.sync", given))
    assert status.error is not None
    assert status.error.code == "States.TaskFailed"
    assert json.loads(status.error.cause)["Status"] == "FAILED"
    assert types(status)[4:6] == ["TaskSubmitted", "TaskFailed"]


@hosts
async def test_a_workflow_of_the_engine_is_started_there(name: str, moto: str) -> None:
    provider = host(name, aws(moto))
    async with provider:
        await provider.create_workflow(WorkflowSpec(workflow_id="inner", provider_type=name, definition=PASS))
        definition = task("states:startExecution.sync:2", {"StateMachineArn": "inner"})
        await provider.create_workflow(WorkflowSpec(workflow_id="outer", provider_type=name, definition=definition))
        started = await provider.start_execution("outer", ExecutionInput())
        status = await ended(provider, started.execution_id)
    assert isinstance(status.output, dict)
    assert status.output["Output"] == {"x": 1}
    assert {"SdkHttpMetadata", "SdkResponseMetadata"} < set(submitted(status))


@hosts
async def test_an_ecs_task(name: str, moto: str) -> None:
    cluster = f"c-{uuid.uuid4().hex[:8]}"
    await call(moto, "ecs", "create_cluster", clusterName=cluster)
    container = {"name": "main", "image": "i", "memory": 10}
    await call(moto, "ecs", "register_task_definition", family=cluster, containerDefinitions=[container])
    given = {"Cluster": cluster, "TaskDefinition": cluster, "LaunchType": "FARGATE"}
    status = await run(host(name, aws(moto)), task("ecs:runTask.sync", given))
    assert isinstance(status.output, dict), status.error
    assert status.output["LastStatus"] == "STOPPED"
    assert types(status)[2:6] == SUBMITTED
    status = await run(host(name, aws(moto)), task("ecs:runTask.sync", {**given, "Cluster": "nope"}))
    assert types(status)[4] == "TaskSubmitFailed"
    assert details(status, "TaskSubmitFailed")["error"] == "ECS.ClusterNotFoundException"


@hosts
async def test_a_batch_job(name: str, moto: str) -> None:
    word = f"b-{uuid.uuid4().hex[:8]}"
    environment = await call(
        moto,
        "batch",
        "create_compute_environment",
        computeEnvironmentName=word,
        type="UNMANAGED",
        serviceRole=await role(moto),
    )
    order = [{"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}]
    await call(
        moto, "batch", "create_job_queue", jobQueueName=word, state="ENABLED", priority=1, computeEnvironmentOrder=order
    )
    container = {"image": "i", "vcpus": 1, "memory": 10, "command": ["true"]}
    await call(
        moto,
        "batch",
        "register_job_definition",
        jobDefinitionName=word,
        type="container",
        containerProperties=container,
    )
    given = {"JobName": word, "JobQueue": word, "JobDefinition": word}
    status = await run(host(name, aws(moto)), task("batch:submitJob.sync", given))
    assert isinstance(status.output, dict), status.error
    assert (status.output["JobName"], status.output["Status"]) == (word, "SUCCEEDED")
    assert types(status)[2:6] == SUBMITTED


@hosts
async def test_a_glue_job(name: str, moto: str) -> None:
    word = f"g-{uuid.uuid4().hex[:8]}"
    await call(moto, "glue", "create_job", Name=word, Role=await role(moto), Command={"Name": "x"})
    status = await run(host(name, aws(moto)), task("glue:startJobRun.sync", {"JobName": word}))
    assert isinstance(status.output, dict), status.error
    assert (status.output["JobName"], status.output["JobRunState"]) == (word, "SUCCEEDED")
    assert types(status)[2:6] == SUBMITTED


async def status_on_aws(moto: str, arn: str) -> str:
    return str((await call(moto, "stepfunctions", "describe_execution", executionArn=arn))["status"])


async def off(moto: str, arn: str) -> None:
    """Return once the execution on AWS runs no more."""
    async with asyncio.timeout(30):
        while await status_on_aws(moto, arn) == "RUNNING":  # noqa: ASYNC110 -- moto tells nobody
            await asyncio.sleep(0.05)


@hosts
async def test_a_job_that_nobody_waits_for_any_more_is_stopped(name: str, moto: str) -> None:
    provider = host(name, aws(moto))
    definition = task("states:startExecution.sync", {"StateMachineArn": await machine(moto, WAIT)})
    async with provider:
        await provider.create_workflow(WorkflowSpec(workflow_id="w", provider_type=name, definition=definition))
        started = await provider.start_execution("w", ExecutionInput())
        await seen(provider, started.execution_id, "TaskSubmitted")
        await provider.stop_execution(started.execution_id, "enough")
        arn = submitted(await provider.get_execution_status(started.execution_id))["ExecutionArn"]
        await off(moto, arn)
    assert await status_on_aws(moto, arn) == "ABORTED"


@hosts
async def test_a_job_that_takes_too_long_is_stopped(name: str, moto: str) -> None:
    given = {"StateMachineArn": await machine(moto, WAIT)}
    provider = host(name, aws(moto), clock="manual") if name == "mock" else host(name, aws(moto))
    async with provider:
        definition = task("states:startExecution.sync", given, TimeoutSeconds=5)
        await provider.create_workflow(WorkflowSpec(workflow_id="w", provider_type=name, definition=definition))
        started = await provider.start_execution("w", ExecutionInput())
        await seen(provider, started.execution_id, "TaskSubmitted")
        if name == "mock":
            await provider.advance(6)
        status = await ended(provider, started.execution_id)
        arn = submitted(status)["ExecutionArn"]
        await off(moto, arn)
    assert types(status)[4:6] == ["TaskSubmitted", "TaskTimedOut"]


async def test_a_job_is_followed_by_the_next_engine(moto: str, tmp_path: Path) -> None:
    arn = await machine(moto, WAIT)
    definition = task("states:startExecution.sync", {"StateMachineArn": arn})
    store = {"store": str(tmp_path / "store.db"), "engine": True}
    async with host("local", aws(moto), **store) as first:
        await first.create_workflow(WorkflowSpec(workflow_id="w", provider_type="local", definition=definition))
        started = await first.start_execution("w", ExecutionInput())
        await seen(first, started.execution_id, "TaskSubmitted")
    async with host("local", aws(moto), **store) as second:
        status = await second.get_execution_status(started.execution_id)
        assert status.state == ExecutionState.RUNNING
        job = submitted(status)["ExecutionArn"]
        assert await status_on_aws(moto, job) == "RUNNING"
        await call(moto, "stepfunctions", "stop_execution", executionArn=job)
        status = await ended(second, started.execution_id)
    assert status.error is not None
    assert json.loads(status.error.cause)["Status"] == "ABORTED"
    listed = await call(moto, "stepfunctions", "list_executions", stateMachineArn=arn)
    assert len(listed["executions"]) == 1


_ENGINE = """
import asyncio, json, sys
from enginehouse.models import ExecutionInput, WorkflowSpec
from enginehouse.providers.local import LocalProvider

async def main(store, url, definition):
    async with LocalProvider(store, engine=True, aws={"endpoint": url, "poll": 0.1}) as provider:
        await provider.create_workflow(WorkflowSpec(workflow_id="w", definition=json.loads(definition)))
        started = await provider.start_execution("w", ExecutionInput(execution_name="n"))
        async for event in provider.watch_execution(started.execution_id):
            print(event.type, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_job_is_followed_after_a_kill(moto: str, tmp_path: Path) -> None:
    arn = await machine(moto, WAIT)
    definition = task("states:startExecution.sync", {"StateMachineArn": arn})
    store = str(tmp_path / "store.db")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _ENGINE, store, moto, json.dumps(definition), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while (await process.stdout.readline()).strip() != b"TaskSubmitted":
                pass
    finally:
        process.kill()
        await process.communicate()
    catalog.model.cache_clear()  # the next engine is another process: it reads models anew, and not on its loop
    async with host("local", aws(moto), store=store, arns="") as second:
        (execution,) = (await second.list_executions()).items
        job = submitted(await second.get_execution_status(execution.execution_id))["ExecutionArn"]
        await call(moto, "stepfunctions", "stop_execution", executionArn=job)
        status = await ended(second, execution.execution_id)
    assert status.error is not None
    assert json.loads(status.error.cause)["Status"] == "ABORTED"
    listed = await call(moto, "stepfunctions", "list_executions", stateMachineArn=arn)
    assert len(listed["executions"]) == 1
