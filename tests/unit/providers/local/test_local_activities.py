"""Workers in the engine's own process: what they do is recorded in order, and a poll that is given up loses no task."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from enginehouse import ExecutionInput
from enginehouse.providers.local import LocalProvider, activities
from tests.unit.providers.local.local_runs import chain, reached

ACTIVITY = "arn:aws:states:us-east-1:1:activity:work"


async def test_an_answer_at_once_does_not_overtake_that_the_task_was_taken(local: LocalProvider) -> None:
    await local.create_workflow(chain("w", {"Type": "Task", "Resource": ACTIVITY}))
    for _ in range(10):
        started = await local.start_execution("w", ExecutionInput())
        task = await local.get_activity_task(ACTIVITY, worker="me", wait=5)
        assert task is not None
        await local.send_task_success(task.token, 1)
        await reached(local, started.execution_id, "ExecutionSucceeded")
        types = [event.type for event in (await local.get_execution_status(started.execution_id)).history]
        assert types[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]


@pytest.mark.parametrize("when", ["while it is committed", "when it is committed"])
async def test_a_claim_that_nobody_hears_of_is_given_back(local: LocalProvider, when: str) -> None:
    await local.create_workflow(chain("w", {"Type": "Task", "Resource": ACTIVITY}))
    started = await local.start_execution("w", ExecutionInput())
    session = await local.session()
    free = threading.Event()
    session.writer.submit(lambda _: free.wait(10), lambda *_: None)
    poll = asyncio.create_task(activities._claimed(session, partial(activities._claim, ACTIVITY, "gone")))
    await asyncio.sleep(0)
    if when == "while it is committed":
        poll.cancel()
    else:
        session.writer.submit(lambda _: None, lambda *_: poll.cancel() and None)
    free.set()
    await asyncio.wait([poll])
    assert poll.cancelled()
    task = await local.get_activity_task(ACTIVITY, worker="me", wait=5)
    assert task is not None
    await local.send_task_success(task.token, 1)
    await reached(local, started.execution_id, "ExecutionSucceeded")
    history = (await local.get_execution_status(started.execution_id)).history
    *others, last = [event.details["workerName"] for event in history if event.type == "ActivityStarted"]
    assert last == "me"
    assert others in ([], ["gone"])  # the engine may have read of the claim before it was given back


async def test_no_poll_that_ends_early_loses_a_task(local: LocalProvider) -> None:
    await local.create_workflow(chain("w", {"Type": "Task", "Resource": ACTIVITY}))
    for number in range(20):
        started = await local.start_execution("w", ExecutionInput())
        task = None
        try:
            async with asyncio.timeout(number / 4000):
                task = await local.get_activity_task(ACTIVITY, wait=5)
        except TimeoutError:
            task = await local.get_activity_task(ACTIVITY, wait=5)
        assert task is not None
        await local.send_task_success(task.token, 1)
        await reached(local, started.execution_id, "ExecutionSucceeded")


async def test_each_task_wakes_one_of_those_who_wait(local: LocalProvider) -> None:
    await local.create_workflow(chain("w", {"Type": "Task", "Resource": ACTIVITY}))
    polls = [asyncio.create_task(local.get_activity_task(ACTIVITY, worker=f"w{n}", wait=60)) for n in range(20)]
    other = asyncio.create_task(local.get_activity_task(f"{ACTIVITY}-other", wait=60))
    started = [(await local.start_execution("w", ExecutionInput())).execution_id for _ in polls]
    tasks = await asyncio.gather(*polls)
    assert len({task.token for task in tasks if task is not None}) == len(started)
    assert not other.done()
    other.cancel()
    await asyncio.wait([other])
    session = await local.session()
    assert session._polls == {}, "who has gone is not woken"


async def test_one_who_gives_up_when_woken_wakes_the_next(
    local: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities, "_LOOK_ANYWAY", 60.0)
    await local.create_workflow(chain("w", {"Type": "Task", "Resource": ACTIVITY}))
    session = await local.session()
    first = asyncio.create_task(local.get_activity_task(ACTIVITY, worker="gone", wait=60))
    second = asyncio.create_task(local.get_activity_task(ACTIVITY, worker="me", wait=60))
    await asyncio.sleep(0)  # both have begun
    assert len(session._polls[ACTIVITY]) == 2
    await local.start_execution("w", ExecutionInput())
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    task = await second
    assert task is not None
