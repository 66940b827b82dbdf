"""Executions on the real dev server: what they come to, and what is known of them while no worker lives."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.client import Client

from enginehouse import ExecutionInput, ExecutionState, WorkflowSpec
from enginehouse.errors import ExecutionNotFoundError, ProviderError, ProviderUnavailableError, WorkflowNotFoundError
from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.testing import DevServer
from enginehouse.tasks import TaskContext
from tests.integration.temporal.running import begin, one, reset, run, token_of, until_event, until_over

pytestmark = pytest.mark.temporal_server

Make = Callable[..., TemporalProvider]


async def double(given: dict[str, int]) -> dict[str, int]:
    return {"n": 2 * given["n"]}


async def test_an_execution_shows_the_order_of_keys_and_numbers_as_they_are(make: Make) -> None:
    value = {"b": 1, "a": [1.50, 10**30, "é\u2028"], "": None}
    async with make(works=True) as provider:
        status = await run(provider, one("Pass"), value)
    assert status.output == value
    assert list(status.output) == ["b", "a", ""]


async def test_without_a_worker_it_is_pending_and_says_that_nobody_polls(make: Make) -> None:
    async with make() as provider:
        id = await begin(provider, one("Pass"), {"n": 1})
        for history in (True, False):
            status = await provider.get_execution_status(id, history=history)
            assert status.state == ExecutionState.PENDING
            assert status.input == {"n": 1}
            assert "no worker polls the task queue" in str(status.metadata["message"])


async def test_the_history_of_a_running_execution_needs_no_worker(make: Make) -> None:
    definition = {
        "StartAt": "Double",
        "States": {
            "Double": {"Type": "Task", "Resource": "task:double", "Next": "Rest"},
            "Rest": {"Type": "Wait", "Seconds": 3600, "End": True},
        },
    }
    async with make() as client:
        async with make(tasks={"double": double}) as worker:
            id = await begin(worker, definition, {"n": 4})
            await until_event(worker, id, "WaitStateEntered")
            alive = await worker.get_execution_status(id)
        status = await client.get_execution_status(id)
        assert status.history == alive.history
        assert [event.type for event in status.history][-1] == "WaitStateEntered"
        await client.stop_execution(id, "seen enough")


async def test_it_knows_when_it_was_started_also_where_a_worker_came_later(make: Make) -> None:
    shown = one("Pass", QueryLanguage="JSONata", Output="{% $states.context.Execution.StartTime %}")
    async with make() as client:
        id = await begin(client, shown)
        async with make(works=True), asyncio.timeout(30):
            status = await until_over(client, id)
    assert json.loads(status.history[-1].details["output"]) == status.output
    assert datetime.fromisoformat(status.output) - status.start_time < timedelta(milliseconds=1)


async def test_a_reset_by_temporal_s_own_tools_is_followed(make: Make, server: DevServer) -> None:
    calls: list[int] = []

    async def count(_: Any) -> int:
        calls.append(1)
        return len(calls)

    definition = {
        "StartAt": "Count",
        "States": {
            "Count": {"Type": "Task", "Resource": "task:count", "Next": "Rest"},
            "Rest": {"Type": "Wait", "Seconds": 3600, "End": True},
        },
    }
    async with make(tasks={"count": count}) as provider:
        id = await begin(provider, definition)
        await until_event(provider, id, "WaitStateEntered")
        await provider.stop_execution(id, "too early")
        await reset(server, id)
        async with asyncio.timeout(30):
            await until_event(provider, id, "WaitStateEntered")
        status = await provider.get_execution_status(id)
        assert (status.state, calls) == (ExecutionState.RUNNING, [1, 1])
        assert [event.type for event in status.history].count("TaskSucceeded") == 1
        assert status.history[-1].type == "WaitStateEntered"
        await provider.stop_execution(id, "now")
        assert (await provider.get_execution_status(id)).history[-1].type == "ExecutionAborted"


async def test_an_execution_that_was_reset_and_goes_on_in_a_further_run_has_one_history(make: Make) -> None:
    server = await asyncio.to_thread(
        DevServer, None, 0, "--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=30"
    )
    tokens: asyncio.Queue[str] = asyncio.Queue()

    async def ask(_: Any, context: TaskContext) -> None:
        tokens.put_nowait(context.token)

    async def same(given: Any) -> Any:
        return given

    states: dict[str, Any] = {
        f"S{number}": {"Type": "Task", "Resource": "task:same", "Next": f"S{number + 1}"} for number in range(12)
    }
    states["Ask"] = {"Type": "Task", "Resource": "task:ask.waitForTaskToken", "Next": "S0"}
    states["S12"] = {"Type": "Wait", "Seconds": 600, "End": True}
    try:
        await server.ready()
        async with make(address=server.address, tasks={"ask": ask, "same": same}) as provider, asyncio.timeout(60):
            id = await begin(provider, {"StartAt": "Ask", "States": states})
            await tokens.get()
            await reset(server, id)
            await provider.send_task_success(await tokens.get(), "yes")
            raw = (await Client.connect(server.address)).get_workflow_handle(id)
            after_reset = (await raw.describe()).run_id
            while (await raw.describe()).run_id == after_reset:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            await until_event(provider, id, "WaitStateEntered")
            status = await provider.get_execution_status(id)
            assert [event.id for event in status.history] == list(range(1, len(status.history) + 1))
            assert [event.type for event in status.history].count("TaskSucceeded") == 13
            assert (status.state, status.history[-1].type) == (ExecutionState.RUNNING, "WaitStateEntered")
    finally:
        await asyncio.to_thread(server.kill)


async def test_a_stop_without_a_worker_ends_it_within_five_seconds(make: Make) -> None:
    async with make() as provider:
        id = await begin(provider, one("Wait", Seconds=3600))
        began = time.monotonic()
        await provider.stop_execution(id, "nobody is there")
        assert time.monotonic() - began < 5
        status = await provider.get_execution_status(id)
        assert status.state == ExecutionState.CANCELLED
        assert status.metadata["stop_reason"] == "nobody is there"
        assert status.history[-1].type == "ExecutionAborted"
        assert status.history[-1].details["cause"] == "nobody is there"


async def test_the_first_of_many_reasons_is_kept(make: Make) -> None:
    async with make() as provider:
        id = await begin(provider, one("Wait", Seconds=3600))
        await asyncio.gather(*(provider.stop_execution(id, f"reason {number}") for number in range(5)))
        kept = (await provider.get_execution_status(id)).metadata["stop_reason"]
        await provider.stop_execution(id, "late")
        assert (await provider.get_execution_status(id, history=False)).metadata["stop_reason"] == kept


async def test_a_timeout_ends_it_also_without_a_worker(make: Make) -> None:
    async with make() as provider:
        id = await begin(provider, one("Wait", Seconds=3600), timeout=timedelta(seconds=1))
        status = await until_over(provider, id)
        assert status.state == ExecutionState.TIMED_OUT
        assert status.error is not None
        assert status.error.code == "States.Timeout"
        assert status.history[-1].type == "ExecutionTimedOut"
        assert (await provider.get_execution_status(id, history=False)).state == ExecutionState.TIMED_OUT


async def test_a_token_is_answered_once_also_while_no_worker_hears_of_it(make: Make) -> None:
    asked = one("Task", Resource="arn:aws:states:us-east-1:123456789012:activity:ask")
    async with make() as client:
        async with make(works=True) as worker:
            execution = await begin(worker, asked)
            token = await token_of(worker, execution, "Only")
        await client.send_task_heartbeat(token)
        await client.send_task_success(token, "first")
        for again in (client.send_task_success(token, "second"), client.send_task_failure(token, "No", "late")):
            with pytest.raises(ExecutionNotFoundError, match="no task waits for this token"):
                await again
        async with make(works=True), asyncio.timeout(30):
            assert (await until_over(client, execution)).output == "first"


async def test_signals_of_others_do_it_no_harm(make: Make, server: DevServer) -> None:
    """Whoever has Temporal's tools may send any: with too few arguments, of another kind, in another encoding."""
    raw = await Client.connect(server.address)
    odd: list[list[Any]] = [[], [1], ["x", 1], [1, 2, 3], [None, None], [None, None, None], [WorkflowExecution()]]
    async with make(tasks={"double": double}) as provider:
        execution = await begin(provider, one("Wait", Seconds=2))
        handle = raw.get_workflow_handle(execution)
        for name in ("task-success", "task-failure", "task-heartbeat", "poke"):
            for args in odd:
                await handle.signal(name, args=args)
        async with asyncio.timeout(30):
            status = await until_over(provider, execution)
    assert status.state == ExecutionState.SUCCEEDED


async def test_what_is_triggered_by_hand_runs_and_is_one_of_the_workflows_executions(
    make: Make, server: DevServer
) -> None:
    raw = await Client.connect(server.address)
    workflow_id = f"by-hand-{id(make)}"
    definition = one("Pass", QueryLanguage="JSONata", Output="{% $string($states.input) & $random() %}")
    async with make(works=True) as provider, asyncio.timeout(60):
        await provider.create_workflow(WorkflowSpec(workflow_id=workflow_id, definition=definition))
        await raw.get_schedule_handle(f"{provider.settings.prefix}{workflow_id}").trigger()
        while not (listed := (await provider.list_executions(workflow_id=workflow_id)).items):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        execution = listed[0].execution_id
        status = await until_over(provider, execution)
    assert execution.startswith(f"{workflow_id}:triggered-")
    assert (status.state, status.workflow_id, status.input) == (ExecutionState.SUCCEEDED, workflow_id, {})
    assert str(status.output).startswith("{}0.")
    assert status.history[-1].type == "ExecutionSucceeded"


async def test_a_name_is_taken_also_after_the_end(make: Make) -> None:
    async with make(works=True) as provider:
        id = await begin(provider, one("Pass"), {"n": 1}, name="a/b:c")
        await until_over(provider, id)
        again = await provider.start_execution(
            id.partition(":")[0], ExecutionInput(input='{ "n":  1 }', execution_name="a/b:c")
        )
        assert again.execution_id == id
        assert again.state == ExecutionState.SUCCEEDED


async def test_retries_are_the_definitions(make: Make) -> None:
    attempts: list[int] = []

    async def flaky(_: Any, context: TaskContext) -> str:
        attempts.append(context.attempt)
        if context.attempt < 2:
            raise ValueError("not yet")
        return "done"

    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}]
    async with make(tasks={"flaky": flaky}) as provider:
        status = await run(provider, one("Task", Resource="task:flaky", Retry=retry))
    assert status.output == "done"
    assert attempts == [0, 1, 2]
    assert [event.type for event in status.history].count("TaskFailed") == 2


async def test_a_silent_task_times_out_by_its_heartbeat_and_one_that_beats_does_not(make: Make) -> None:
    async def silent(_: Any) -> None:
        await asyncio.sleep(60)

    async def beating(_: Any, context: TaskContext) -> str:
        for _ in range(15):
            context.heartbeat()
            await asyncio.sleep(0.1)
        return "alive"

    async with make(tasks={"silent": silent, "beating": beating}) as provider:
        late, fine = await asyncio.gather(
            run(provider, one("Task", Resource="task:silent", HeartbeatSeconds=1)),
            run(provider, one("Task", Resource="task:beating", HeartbeatSeconds=1)),
        )
    assert late.error is not None
    assert late.error.code == "States.HeartbeatTimeout"
    assert fine.output == "alive"


async def test_a_task_that_takes_too_long_times_out(make: Make) -> None:
    async def slow(_: Any) -> None:
        await asyncio.sleep(60)

    async with make(tasks={"slow": slow}) as provider:
        status = await run(provider, one("Task", Resource="task:slow", TimeoutSeconds=1))
    assert status.state == ExecutionState.FAILED
    assert status.error is not None
    assert status.error.code == "States.Timeout"
    assert status.error.failed_at == "Only"


async def test_a_result_over_the_limit_fails_with_the_languages_error(make: Make) -> None:
    async def large(_: Any) -> str:
        return "x" * 3_000_000

    async with make(tasks={"large": large}) as provider:
        status = await run(provider, one("Task", Resource="task:large"))
    assert status.error is not None
    assert status.error.code == "States.DataLimitExceeded"


async def test_a_workflow_starts_another_and_waits_for_it(make: Make) -> None:
    async with make(tasks={"double": double}) as provider:
        child = WorkflowSpec(workflow_id=f"child-{id(make)}", definition=one("Task", Resource="task:double"))
        await provider.create_workflow(child)
        status = await run(
            provider,
            one(
                "Task",
                Resource="arn:aws:states:::states:startExecution.sync:2",
                Parameters={"StateMachineArn": child.workflow_id, "Input": {"n": 4}},
            ),
        )
        assert isinstance(status.output, dict)
        assert status.output["Status"] == "SUCCEEDED"
        assert status.output["Output"] == {"n": 8}
        assert "TaskSubmitted" in [event.type for event in status.history]
        failing = await run(
            provider,
            one(
                "Task",
                Resource="arn:aws:states:::states:startExecution.sync",
                Parameters={"StateMachineArn": child.workflow_id, "Input": {"m": 4}},
            ),
        )
        assert failing.error is not None
        assert failing.error.code == "States.TaskFailed"
        assert '"Error":"KeyError"' in failing.error.cause


async def test_a_worker_that_ends_leaves_what_was_started_from_a_workflow_to_the_next_one(make: Make) -> None:
    began, go = asyncio.Event(), asyncio.Event()

    async def hold() -> str:
        began.set()
        await go.wait()
        return "held"

    child = WorkflowSpec(workflow_id=f"child-{id(make)}", definition=one("Task", Resource="task:hold"))
    parent = one(
        "Task",
        Resource="arn:aws:states:::states:startExecution.sync:2",
        Parameters={"StateMachineArn": child.workflow_id, "Input": {}},
        OutputPath="$.Output",
    )
    async with make() as client:
        await client.create_workflow(child)
        async with make(tasks={"hold": hold}, drain=0.1):
            execution = await begin(client, parent)
            async with asyncio.timeout(30):
                await began.wait()
        go.set()
        async with make(tasks={"hold": hold}), asyncio.timeout(30):
            status = await until_over(client, execution)
    assert (status.state, status.output) == (ExecutionState.SUCCEEDED, "held")


async def test_the_items_of_a_distributed_map_are_executions_of_their_own(make: Make) -> None:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Double",
        "States": {"Double": {"Type": "Task", "Resource": "task:double", "End": True}},
    }
    definition = one("Map", ItemsPath="$.items", ItemProcessor=processor, MaxConcurrency=3)
    async with make(tasks={"double": double}) as provider:
        status = await run(provider, definition, {"items": [{"n": number} for number in range(7)]})
        assert status.output == [{"n": 2 * number} for number in range(7)]
        workflow_id = status.workflow_id
        listed = await provider.list_executions(workflow_id=workflow_id)
        assert [item.execution_id for item in listed.items] == [status.execution_id]


async def test_a_definition_is_carried_by_its_executions(make: Make) -> None:
    async with make(works=True) as provider:
        id = await begin(provider, one("Wait", Seconds=3600))
        await provider.delete_workflow(id.partition(":")[0])
        assert '"Seconds":3600' in await provider.get_definition("", execution_id=id)
        with pytest.raises(WorkflowNotFoundError):
            await provider.start_execution(id.partition(":")[0], ExecutionInput())
        await provider.stop_execution(id, "")


async def test_a_server_that_is_not_there_is_unavailable_and_a_missing_namespace_is_not(make: Make) -> None:
    async with make(address="127.0.0.1:1") as nowhere:
        with pytest.raises(ProviderUnavailableError):
            await nowhere.get_execution_status("any")
    async with make(namespace="no-such") as astray:
        with pytest.raises(ProviderError, match="the namespace does not exist"):
            await astray.get_execution_status("any")
