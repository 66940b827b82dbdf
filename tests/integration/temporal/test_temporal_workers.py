"""Workers come and go: what they leave undone others do; a long execution goes on in run after run."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import sys
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from enginehouse import ExecutionInput, ExecutionState, WorkflowSpec
from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.testing import DevServer, free_port
from tests.integration.temporal.running import begin, one, reset, run, until_event, until_over

pytestmark = pytest.mark.temporal_server

Make = Callable[..., TemporalProvider]

TASKS = """
import asyncio, os, pathlib
from enginehouse import task

@task("linger")
async def linger(folder):
    path = pathlib.Path(folder)
    (path / f"began-{os.getpid()}").touch()
    while not (path / "go").exists():
        await asyncio.sleep(0.05)
    return "done"

@task("boom")
async def boom(given):
    raise RuntimeError("no")

@task("stubborn")
async def stubborn(folder):
    (pathlib.Path(folder) / f"began-{os.getpid()}").touch()
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
"""


@asynccontextmanager
async def worker(
    provider: TemporalProvider, folder: Path, *flags: str, log: str = os.devnull
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``enginehouse worker`` as a process, for the queue of ``provider``; what it says goes to the file ``log``."""
    tasks, settings = folder / "tasks.py", provider.settings
    await asyncio.to_thread(tasks.write_text, TASKS)
    said = await asyncio.to_thread(open, log, "ab")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "enginehouse.cli", "worker", "-p", "temporal", "-t", str(tasks),
        "--queue", settings.task_queue, *(flags or ("--drain", "1s")),
        cwd=folder, env={**os.environ, "TEMPORAL_ADDRESS": str(settings.address)}, stderr=said,
    )  # fmt: skip
    await asyncio.to_thread(said.close)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def seen(folder: Path, count: int) -> None:
    """Wait until the task has begun in so many processes."""
    async with asyncio.timeout(40):
        while len(await asyncio.to_thread(lambda: list(folder.glob("began-*")))) < count:  # noqa: ASYNC110 -- files tell
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_what_a_lost_worker_was_doing_another_one_does(make: Make, tmp_path: Path, end: signal.Signals) -> None:
    async with make(liveness=2.0) as client:
        async with worker(client, tmp_path) as first:
            id = await begin(client, one("Task", Resource="task:linger"), json.dumps(str(tmp_path)))
            await seen(tmp_path, 1)
            first.send_signal(end)
            code = await first.wait()
        assert code == (0 if end == signal.SIGTERM else -end)
        async with worker(client, tmp_path):
            await seen(tmp_path, 2)
            await asyncio.to_thread((tmp_path / "go").touch)
            async with asyncio.timeout(30):
                status = await until_over(client, id)
    assert status.output == "done"
    assert [event.type for event in status.history].count("TaskScheduled") == 1


async def test_a_worker_that_is_told_to_stop_lets_its_task_end_and_logs_by_execution(
    make: Make, tmp_path: Path
) -> None:
    said = tmp_path / "log"
    failing = {"StartAt": "Bad", "States": {"Bad": {"Type": "Task", "Resource": "task:boom", "End": True}}}
    async with make() as client:
        async with worker(client, tmp_path, "--drain", "30s", log=str(said)) as first:
            failed = await begin(client, failing, {})
            await until_over(client, failed)
            id = await begin(client, one("Task", Resource="task:linger"), json.dumps(str(tmp_path)))
            await seen(tmp_path, 1)
            first.send_signal(signal.SIGTERM)
            await logged(said, "worker.draining")
            await asyncio.to_thread((tmp_path / "go").touch)
            assert await first.wait() == 0
        async with worker(client, tmp_path), asyncio.timeout(30):
            status = await until_over(client, id)
        assert status.output == "done"
        assert len(await asyncio.to_thread(lambda: list(tmp_path.glob("began-*")))) == 1
    lines = (await asyncio.to_thread(said.read_text)).splitlines()
    for event, more in (
        ("worker.ready", f"queue={client.settings.task_queue}"),
        ("execution.began", f"execution={failed} workflow={failed.partition(':')[0]}"),
        ("task.failed", f"execution={failed} task=Bad#2 error=RuntimeError"),
        ("execution.ended", f"execution={failed} workflow={failed.partition(':')[0]} state=failed error=RuntimeError"),
        ("execution.began", f"execution={id}"),
        ("worker.stopped", f"queue={client.settings.task_queue}"),
    ):
        assert [line for line in lines if f"{event} {more}" in line], (event, more, lines)


async def logged(file: Path, event: str) -> None:
    """Wait until the log has the event."""
    async with asyncio.timeout(40):
        while event not in await asyncio.to_thread(file.read_text):  # noqa: ASYNC110 -- a file tells
            await asyncio.sleep(0.05)


async def test_a_worker_ends_also_where_a_task_does_not_let_itself_be_cancelled(make: Make, tmp_path: Path) -> None:
    async with make() as client, worker(client, tmp_path) as first:
        id = await begin(client, one("Task", Resource="task:stubborn"), json.dumps(str(tmp_path)))
        await seen(tmp_path, 1)
        first.terminate()
        async with asyncio.timeout(40):
            assert await first.wait() == 0
        await client.stop_execution(id, "seen enough")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--concurrency", "0"], "Must be >= 1"),
        (["--pollers", "-1"], "Must be >= 1"),
        (["--metrics", "nowhere"], "Invalid Prometheus address"),
        (["--config", "namespace.toml"], "the namespace does not exist; create it, or name another one by `namespace`"),
        (["--config", "tuning.toml"], "unexpected keyword argument 'bogus'"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
async def test_a_worker_that_cannot_work_says_why(make: Make, tmp_path: Path, flags: list[str], said: str) -> None:
    files = {"namespace": 'namespace = "no-such"', "tuning": "tuning = {bogus = 3}"}
    for name, line in files.items():
        await asyncio.to_thread((tmp_path / f"{name}.toml").write_text, f"[providers.temporal]\n{line}\n")
    log = tmp_path / "log"
    async with make() as client, worker(client, tmp_path, *flags, log=str(log)) as process:
        async with asyncio.timeout(40):
            assert await process.wait() not in (0, 70)
    told = await asyncio.to_thread(log.read_text)
    assert said in told
    assert "Traceback" not in told


async def test_a_worker_may_have_one_poller(make: Make) -> None:
    async with make(works=True, tuning={"pollers": 1}) as provider:
        assert (await run(provider, one("Pass"), 1)).output == 1


async def test_a_worker_shows_prometheus_its_metrics_and_runs_no_more_tasks_than_it_may(
    make: Make, tmp_path: Path
) -> None:
    port, folders = free_port(), [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        await asyncio.to_thread(folder.mkdir)
    flags = (
        "--metrics",
        f"127.0.0.1:{port}",
        "--concurrency",
        "1",
        "--executions",
        "5",
        "--cache",
        "10",
        "--pollers",
        "2",
    )
    async with make() as client, worker(client, tmp_path, *flags):
        both = [await begin(client, one("Task", Resource="task:linger"), json.dumps(str(folder))) for folder in folders]
        async with asyncio.timeout(40):
            while not (began := await asyncio.to_thread(lambda: list(tmp_path.glob("*/began-*")))):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            slots: list[str] = []
            while not slots:
                metrics = await asyncio.to_thread(_metrics, port)
                slots = [
                    line
                    for line in metrics.splitlines()
                    if line.startswith("temporal_worker_task_slots_used")
                    and 'worker_type="ActivityWorker"' in line
                    and line.endswith(" 1")
                ]
        assert len(began) == 1
        assert f'task_queue="{client.settings.task_queue}"' in slots[0]
        for folder in folders:
            await asyncio.to_thread((folder / "go").touch)
        async with asyncio.timeout(30):
            assert [(await until_over(client, id)).output for id in both] == ["done", "done"]
        metrics = await asyncio.to_thread(_metrics, port)
    completed = [line for line in metrics.splitlines() if line.startswith("temporal_workflow_completed{")]
    assert sum(float(line.rpartition(" ")[2]) for line in completed) == 2


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


async def test_a_worker_leaves_what_is_of_a_later_version_to_a_later_worker(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make(works=True) as provider:
        monkeypatch.setattr("enginehouse.providers.temporal.starts.VERSION", 99)
        id = await begin(provider, one("Pass"), {"n": 1})
        async with asyncio.timeout(30):
            while "stuck" not in (status := await provider.get_execution_status(id)).metadata:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert "update the worker" in str(status.metadata["stuck"])
        monkeypatch.setattr("enginehouse.providers.temporal.host.VERSION", 99)
        async with asyncio.timeout(60):
            assert (await until_over(provider, id)).output == {"n": 1}


async def test_a_long_execution_goes_on_in_another_run_with_one_history(tmp_path: Path) -> None:
    server = await asyncio.to_thread(
        DevServer, None, 0, "--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"
    )
    definition = {
        "StartAt": "Count",
        "States": {
            "Count": {"Type": "Task", "Resource": "task:count", "Next": "Rest"},
            "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Enough"},
            "Enough": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericLessThan": 12, "Next": "Count"}],
                "Default": "Ask",
            },
            "Ask": {"Type": "Task", "Resource": "task:count.waitForTaskToken", "End": True},
        },
    }

    async def count(given: int) -> int:
        return given + 1

    try:
        await server.ready()
        async with TemporalProvider(server.address, tasks={"count": count}) as provider:
            id = await begin(provider, definition, 0)
            async with asyncio.timeout(60):
                await until_event(provider, id, "TaskSubmitted")
            raw = await Client.connect(server.address)
            described = await raw.get_workflow_handle(id).describe()
            assert described.run_id != described.raw_description.workflow_execution_info.first_run_id
            before = await provider.get_execution_status(id)
            assert [event.id for event in before.history] == list(range(1, len(before.history) + 1))
            assert [event.type for event in before.history].count("TaskSucceeded") == 12
            live = before.metadata["execution_name"]
            await provider.stop_execution(id, "enough")
            after = await provider.get_execution_status(id)
            assert after.history[: len(before.history)] == before.history
            assert after.state == ExecutionState.CANCELLED
            assert after.start_time == before.start_time
            assert live == after.metadata["execution_name"]
    finally:
        await asyncio.to_thread(server.kill)


async def test_an_execution_is_known_when_its_first_runs_are_no_longer_kept() -> None:
    soon = ["limit.historyCount.suggestContinueAsNew=30"]
    soon += [f'history.{kind}ProcessorUpdateAckInterval="200ms"' for kind in ("transfer", "visibility", "timer")]
    server = await asyncio.to_thread(DevServer, None, 0, *(f"--dynamic-config-value={value}" for value in soon))
    states: dict[str, Any] = {
        f"S{number}": {"Type": "Task", "Resource": "task:same", "Next": f"S{number + 1}"} for number in range(12)
    }
    definition = {"StartAt": "S0", "States": {**states, "S12": {"Type": "Wait", "Seconds": 600, "End": True}}}

    async def same(given: Any) -> Any:
        return given

    try:
        await server.ready()
        async with asyncio.timeout(60), TemporalProvider(server.address, tasks={"same": same}) as provider:
            id = await begin(provider, definition, {"n": 1}, name="long")
            await until_event(provider, id, "WaitStateEntered")
            before = await provider.get_execution_status(id)
            await _forget_first_run(await Client.connect(server.address), id)
            now = await provider.get_execution_status(id)
            assert now.history
            assert now.history == before.history[-len(now.history) :]
            assert dataclasses.replace(now, history=()) == dataclasses.replace(before, history=())
            assert await provider.get_execution_status(id, history=False) == dataclasses.replace(before, history=())
            assert json.loads(await provider.get_definition("", execution_id=id)) == definition
            again = await provider.start_execution(
                now.workflow_id, ExecutionInput(input={"n": 1}, execution_name="long")
            )
            assert (again.execution_id, again.started_at) == (id, before.start_time)
            async for event in provider.watch_execution(id):
                assert event == now.history[0]
                break
            await provider.stop_execution(id, "enough")
            await provider.redrive_execution(id)
            assert (await provider.get_execution_status(id)).state == ExecutionState.RUNNING
    finally:
        await asyncio.to_thread(server.kill)


async def _forget_first_run(client: Client, id: str) -> None:
    """Have Temporal delete it, as it does when the namespace's retention has passed."""
    info = (await client.get_workflow_handle(id).describe()).raw_description.workflow_execution_info
    assert info.execution.run_id != info.first_run_id
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=id, run_id=info.first_run_id),
        )
    )
    with contextlib.suppress(RPCError):
        while True:
            await client.get_workflow_handle(id, run_id=info.first_run_id).describe()
            await asyncio.sleep(0.05)


@activity.defn
async def greet(name: str) -> str:
    return f"hello {name}"


@workflow.defn(name="Greeting")
class Greeting:
    @workflow.run
    async def run(self, given: dict[str, str]) -> str:
        from datetime import timedelta

        await workflow.wait_condition(lambda: not given.get("wait"))
        return await workflow.execute_activity(greet, given["name"], start_to_close_timeout=timedelta(seconds=5))


async def test_a_native_workflow_is_started_shown_listed_and_stopped(make: Make) -> None:
    queue = f"native-{uuid.uuid4().hex[:8]}"
    async with make() as provider:
        client = await Client.connect(str(provider.settings.address))
        runner = UnsandboxedWorkflowRunner()
        async with Worker(client, task_queue=queue, workflows=[Greeting], activities=[greet], workflow_runner=runner):
            definition: Any = {"workflowType": "Greeting", "taskQueue": queue}
            status = await run(provider, definition, {"name": "you"})
            assert status.state == ExecutionState.SUCCEEDED
            assert status.output == "hello you"
            assert status.input == {"name": "you"}
            types = [event.type for event in status.history]
            assert types[0] == "ExecutionStarted"
            assert types[-1] == "ExecutionSucceeded"
            assert "TaskScheduled" in types
            workflow_id = status.workflow_id
            again = await provider.start_execution(
                workflow_id, ExecutionInput(input={"name": "me", "wait": "yes"}, execution_name="waits")
            )
            await provider.stop_execution(again.execution_id, "not needed")
            stopped = await provider.get_execution_status(again.execution_id)
            assert stopped.state == ExecutionState.CANCELLED
            assert stopped.metadata["stop_reason"] == "not needed"
            listed = await provider.list_executions(workflow_id=workflow_id)
            assert {item.execution_id for item in listed.items} == {status.execution_id, again.execution_id}


async def test_a_reset_of_a_native_workflow_is_followed(make: Make, server: DevServer) -> None:
    queue = f"native-{uuid.uuid4().hex[:8]}"
    async with make() as provider, asyncio.timeout(30):
        client = await Client.connect(server.address)
        runner = UnsandboxedWorkflowRunner()
        async with Worker(client, task_queue=queue, workflows=[Greeting], activities=[greet], workflow_runner=runner):
            first = await run(provider, {"workflowType": "Greeting", "taskQueue": queue}, {"name": "you"})
            await reset(server, first.execution_id)
            second = await until_over(provider, first.execution_id)
            assert (second.state, second.output) == (ExecutionState.SUCCEEDED, "hello you")
            assert [event.type for event in second.history] == [event.type for event in first.history]
            assert second.history[-1].timestamp > first.history[-1].timestamp


async def test_what_is_wrong_with_a_native_definition_is_said(make: Make) -> None:
    from enginehouse.errors import InvalidSpecError

    async with make() as provider:
        with pytest.raises(InvalidSpecError) as caught:
            await provider.validate(WorkflowSpec(workflow_id="w", definition={"workflowType": "", "queue": "q"}))
    assert {item.path for item in caught.value.diagnostics} == {"/workflowType", "/taskQueue", "/queue"}
