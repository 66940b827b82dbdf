"""Tasks whose outcome comes from outside: by task token, and from workers that poll for activities."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from enginehouse import ExecutionInput, ExecutionNotFoundError, ExecutionState, InvalidSpecError
from enginehouse.providers.local import LocalProvider
from enginehouse.tasks import TaskContext
from tests.unit.providers.local.local_runs import chain, reached, run

ACTIVITY = "arn:aws:states:us-east-1:111111111111:activity:approve"


class Approvals:
    """A task that hands its token out."""

    def __init__(self) -> None:
        self.tokens: asyncio.Queue[str] = asyncio.Queue()

    async def ask(self, _: Any, context: TaskContext) -> str:
        self.tokens.put_nowait(context.token)
        return "asked"


WAITING = {"Type": "Task", "Resource": "task:ask.waitForTaskToken"}


async def test_a_token_brings_the_result(store: Path) -> None:
    approvals = Approvals()
    async with LocalProvider(store, tasks={"ask": approvals.ask}) as local:
        await local.create_workflow(chain("w", WAITING))
        started = await local.start_execution("w", ExecutionInput())
        token = await approvals.tokens.get()
        await local.send_task_success(token, {"approved": True})
        await reached(local, started.execution_id, "ExecutionSucceeded")
        assert (await local.get_execution_status(started.execution_id)).output == {"approved": True}
        with pytest.raises(ExecutionNotFoundError, match="send_task_success"):
            await local.send_task_success(token, {"approved": False})


async def test_a_token_brings_the_failure(store: Path) -> None:
    approvals = Approvals()
    async with LocalProvider(store, tasks={"ask": approvals.ask}) as local:
        await local.create_workflow(chain("w", WAITING))
        started = await local.start_execution("w", ExecutionInput())
        await local.send_task_failure(await approvals.tokens.get(), "Refused", "not this time")
        await reached(local, started.execution_id, "ExecutionFailed")
        status = await local.get_execution_status(started.execution_id)
        assert status.error is not None
        assert (status.error.code, status.error.cause) == ("Refused", "not this time")


async def test_a_token_is_answered_after_a_restart_and_the_request_is_not_made_again(store: Path) -> None:
    approvals = Approvals()
    async with LocalProvider(store, tasks={"ask": approvals.ask}) as first:
        await first.create_workflow(chain("w", WAITING))
        started = await first.start_execution("w", ExecutionInput())
        token = await approvals.tokens.get()
        await reached(first, started.execution_id, "TaskSubmitted")
    async with LocalProvider(store, engine=False) as client:
        await client.send_task_success(token, "yes")
    async with LocalProvider(store, tasks={"ask": approvals.ask}) as second:
        await reached(second, started.execution_id, "ExecutionSucceeded")
        assert (await second.get_execution_status(started.execution_id)).output == "yes"
    assert approvals.tokens.empty()


async def test_an_answer_that_is_quicker_than_the_service_waits_for_it_even_if_the_engine_ends(store: Path) -> None:
    asked, hangs = asyncio.Event(), asyncio.Event()

    async def ask(_: Any, context: TaskContext) -> str:
        async with LocalProvider(store, engine=False) as answering:
            if asked.is_set():  # run again by the second engine: the answer was given
                with pytest.raises(ExecutionNotFoundError):
                    await answering.send_task_success(context.token, "again")
            else:
                await answering.send_task_success(context.token, "quick")
        asked.set()
        await hangs.wait()
        return "asked"

    async with LocalProvider(store, tasks={"ask": ask}, grace=0.0) as first:
        await first.create_workflow(chain("w", WAITING))
        started = await first.start_execution("w", ExecutionInput())
        await asked.wait()
    hangs.set()
    async with LocalProvider(store, tasks={"ask": ask}) as second:
        await reached(second, started.execution_id, "ExecutionSucceeded")
        status = await second.get_execution_status(started.execution_id)
    assert status.output == "quick"
    assert [event.type for event in status.history][3:6] == ["TaskStarted", "TaskSubmitted", "TaskSucceeded"]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["beside the engine", "in another process"])
async def test_an_answer_that_is_quicker_than_the_service_counts_and_is_the_only_one(
    store: Path, elsewhere: bool
) -> None:
    answered, refused = asyncio.Event(), ValueError("I took the request, and broke")
    tokens: list[str] = []

    async def ask(_: Any, context: TaskContext) -> str:
        tokens.append(context.token)
        answering = client if elsewhere else local
        await answering.send_task_success(context.token, "first")
        for late in (client, local):
            with pytest.raises(ExecutionNotFoundError):
                await late.send_task_success(context.token, "second")
            with pytest.raises(ExecutionNotFoundError):
                await late.send_task_heartbeat(context.token)
        answered.set()
        raise refused

    async with (
        LocalProvider(store, tasks={"ask": ask}) as local,
        LocalProvider(store, engine=False) as client,
    ):
        await local.create_workflow(chain("w", {**WAITING, "HeartbeatSeconds": 60}))
        status = await run(local, "w")
    assert answered.is_set()
    assert len(tokens) == 1
    assert status.output == "first"
    assert [event.type for event in status.history][3:5] == ["TaskStarted", "TaskSucceeded"]


async def test_of_two_who_answer_at_once_one_is_refused(store: Path) -> None:
    approvals = Approvals()
    async with LocalProvider(store, tasks={"ask": approvals.ask}) as local:
        await local.create_workflow(chain("w", WAITING))
        started = await local.start_execution("w", ExecutionInput())
        token = await approvals.tokens.get()
        told = await asyncio.gather(
            *(local.send_task_success(token, number) for number in range(5)), return_exceptions=True
        )
        await reached(local, started.execution_id, "ExecutionSucceeded")
        output = (await local.get_execution_status(started.execution_id)).output
    assert [number for number, error in enumerate(told) if error is None] == [output]


async def test_a_token_nothing_waits_for_is_refused(local: LocalProvider) -> None:
    for call in (
        local.send_task_success("made up", 1),
        local.send_task_failure("made up", "E", ""),
        local.send_task_heartbeat("made up"),
    ):
        with pytest.raises(ExecutionNotFoundError, match="no task waits for this token"):
            await call


async def test_an_outcome_that_is_not_json_is_refused_and_the_task_waits_on(store: Path) -> None:
    approvals = Approvals()
    async with LocalProvider(store, tasks={"ask": approvals.ask}) as local:
        await local.create_workflow(chain("w", WAITING))
        started = await local.start_execution("w", ExecutionInput())
        token = await approvals.tokens.get()
        with pytest.raises(InvalidSpecError, match="send_task_success"):
            await local.send_task_success(token, object())  # type: ignore[arg-type]
        await local.send_task_success(token, 1)
        await reached(local, started.execution_id, "ExecutionSucceeded")


async def test_silence_longer_than_the_heartbeat_fails_the_task(store: Path) -> None:
    approvals = Approvals()
    async with LocalProvider(store, tasks={"ask": approvals.ask}) as local:
        await local.create_workflow(chain("w", {**WAITING, "HeartbeatSeconds": 1}))
        status = await run(local, "w")
        assert status.error is not None
        assert status.error.code in ("States.HeartbeatTimeout", "States.Timeout")


async def test_heartbeats_by_another_process_keep_the_task_alive(store: Path) -> None:
    approvals = Approvals()
    async with (
        LocalProvider(store, tasks={"ask": approvals.ask}) as local,
        LocalProvider(store, engine=False) as client,
    ):
        await local.create_workflow(chain("w", {**WAITING, "HeartbeatSeconds": 1}))
        started = await local.start_execution("w", ExecutionInput())
        token = await approvals.tokens.get()
        for _ in range(4):
            await asyncio.sleep(0.4)
            await client.send_task_heartbeat(token)
        await client.send_task_success(token, "alive")
        await reached(local, started.execution_id, "ExecutionSucceeded")


async def test_a_worker_takes_an_activity_and_answers(store: Path) -> None:
    async with LocalProvider(store) as local, LocalProvider(store, engine=False) as worker:
        await local.create_workflow(chain("w", {"Type": "Task", "Resource": ACTIVITY}))
        started = await local.start_execution("w", ExecutionInput(input={"n": 1}))
        task = await worker.get_activity_task(ACTIVITY, worker="worker-1", wait=5)
        assert task is not None
        assert task.input == {"n": 1}
        assert await worker.get_activity_task(ACTIVITY, wait=0) is None
        await worker.send_task_success(task.token, {"n": 2})
        await reached(local, started.execution_id, "ExecutionSucceeded")
        status = await local.get_execution_status(started.execution_id)
    assert status.output == {"n": 2}
    types = [event.type for event in status.history]
    assert types[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    assert status.history[3].details["workerName"] == "worker-1"


async def test_an_activity_is_given_to_one_worker(local: LocalProvider) -> None:
    await local.create_workflow(chain("w", {"Type": "Task", "Resource": ACTIVITY}))
    for _ in range(5):
        await local.start_execution("w", ExecutionInput())
    taken = await asyncio.gather(*(local.get_activity_task(ACTIVITY, wait=0) for _ in range(20)))
    tokens = [task.token for task in taken if task is not None]
    assert len(tokens) == len(set(tokens)) == 5


async def test_stopping_the_execution_takes_its_tokens_back(store: Path) -> None:
    approvals = Approvals()
    async with LocalProvider(store, tasks={"ask": approvals.ask}) as local:
        await local.create_workflow(chain("w", WAITING))
        started = await local.start_execution("w", ExecutionInput())
        token = await approvals.tokens.get()
        await local.stop_execution(started.execution_id, "enough")
        with pytest.raises(ExecutionNotFoundError):
            await local.send_task_success(token, 1)
        state = (await local.get_execution_status(started.execution_id)).state
        assert state is ExecutionState.CANCELLED
