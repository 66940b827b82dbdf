"""The worker, against a server that speaks by script: what it answers, what it drops, what it outlives."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from enginehouse.errors import EnginehouseError
from enginehouse.providers.step_functions import StepFunctionsProvider
from enginehouse.tasks import TaskContext, TaskError
from tests.integration.step_functions_provider.conftest import REGION, ROLE
from tests.integration.step_functions_provider.wire import Answer, Cut, Said, Silent, Wire, fault

DONE = Answer({})
LOST: list[Said] = [
    Cut(),
    fault("ThrottlingException"),
    fault("InternalServerError", status=500),
    Answer(b"<html>sign in to the network</html>"),  # with success
    Answer(b"[]"),
]


def task(input: Any = None, token: str = "T-1", **told: Any) -> Answer:
    envelope = {"task": {"name": "do", "state": "Do", "execution": "arn:e", **told}, "input": input}
    return Answer({"taskToken": token, "input": json.dumps(envelope)})


@asynccontextmanager
async def working(aws: Wire, function: Any, *polls: Said, **options: Any) -> AsyncIterator[StepFunctionsProvider]:
    """A provider that works for one activity; after ``polls`` there is nothing to do any more."""
    aws.script("GetActivityTask", *polls, Silent())
    for operation in ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"):
        if not aws.scripted(operation):
            aws.script(operation, DONE)
    given = {"beat": 0.05, "grace": 0.2, "drain": 1.0, **options}
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, tasks={"do": function}, **given) as made:
        yield made


async def test_a_result_is_handed_in(aws: Wire) -> None:
    async def do(input: Any, context: TaskContext) -> Any:
        return {"got": input, "attempt": context.attempt, "execution": context.execution_id}

    async with working(aws, do, task({"a": 1}, attempt=2)):
        sent = await aws.reached("SendTaskSuccess")
    assert sent["taskToken"] == "T-1"
    assert json.loads(sent["output"]) == {"got": {"a": 1}, "attempt": 2, "execution": "arn:e"}
    assert aws.asked("GetActivityTask")[0]["activityArn"].endswith(":activity:enginehouse-do")


async def test_a_failure_is_typed_and_cut(aws: Wire) -> None:
    def do() -> None:
        raise TaskError("OutOfStock", "x" * 40_000)

    async with working(aws, do, task()):
        sent = await aws.reached("SendTaskFailure")
    assert sent["error"] == "OutOfStock"
    assert len(sent["cause"]) == 32_768


async def test_a_result_above_the_limit_fails_the_task(aws: Wire) -> None:
    async with working(aws, lambda: "x" * 262_144, task()):
        sent = await aws.reached("SendTaskFailure")
    assert sent["error"] == "States.DataLimitExceeded"


@pytest.mark.parametrize("code", ["InvalidOutput", "ValidationException", "SomethingNew"])
async def test_a_result_that_aws_refuses_fails_the_task_and_says_why(aws: Wire, code: str) -> None:
    aws.script("SendTaskSuccess", fault(code, "the words of the service"))
    async with working(aws, lambda: 1, task()):
        sent = await aws.reached("SendTaskFailure")
    assert (sent["taskToken"], sent["error"]) == ("T-1", "TaskResultInvalid")
    assert sent["cause"] == "task 'do': AWS refuses the result: the words of the service"
    assert len(aws.asked("SendTaskSuccess")) == 1


@pytest.mark.parametrize("result", [{1, 2}, float("nan"), {"at": object()}])
async def test_a_result_that_is_not_json_fails_the_task(aws: Wire, result: Any) -> None:
    async with working(aws, lambda: result, task()):
        sent = await aws.reached("SendTaskFailure")
    assert sent["error"] == "TaskResultInvalid"
    assert not aws.asked("SendTaskSuccess")


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
async def test_a_result_that_nobody_waits_for_is_dropped_quietly(
    aws: Wire, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    aws.script("SendTaskSuccess", fault(code))
    async with working(aws, lambda: 1, task(), task(token="T-2")):
        await aws.reached("SendTaskSuccess", 2)
    assert {item["taskToken"] for item in aws.asked("SendTaskSuccess")} == {"T-1", "T-2"}
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("lost", LOST)
async def test_a_result_is_handed_in_again_until_aws_takes_it(aws: Wire, lost: Said) -> None:
    aws.script("SendTaskSuccess", lost, lost, lost, DONE)
    calls = 0

    def do() -> int:
        nonlocal calls
        calls += 1
        return calls

    async with working(aws, do, task()):
        sent = await aws.reached("SendTaskSuccess", 4)
    assert sent["output"] == "1"


async def test_a_result_waits_for_the_credentials_to_be_renewed(aws: Wire, caplog: pytest.LogCaptureFixture) -> None:
    aws.script("SendTaskSuccess", fault("ExpiredTokenException"), fault("ExpiredTokenException"), DONE)
    async with working(aws, lambda: 1, task()):
        await aws.reached("SendTaskSuccess", 3)
    assert "the credentials have expired" in caplog.text


@pytest.mark.parametrize("lost", LOST[:3])
async def test_polling_goes_on_after_what_may_pass(aws: Wire, lost: Said) -> None:
    async with working(aws, lambda: 1, lost, Answer({"taskToken": None}), task()):
        await aws.reached("SendTaskSuccess")


async def test_an_activity_that_is_not_there_yet_is_waited_for_and_said_once(
    aws: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    absent = fault("ActivityDoesNotExist")
    async with working(aws, lambda: 1, absent, absent, task()):
        await aws.reached("SendTaskSuccess")
    (told,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "enginehouse-do" in told.getMessage()


async def test_a_strange_answer_in_between_is_no_end_of_polling(aws: Wire) -> None:
    async with working(aws, lambda: 1, Answer({"taskToken": None}), LOST[3], task()):
        await aws.reached("SendTaskSuccess")


async def test_a_strange_answer_to_the_first_poll_ends_the_worker(aws: Wire) -> None:
    async with working(aws, lambda: 1, LOST[3]) as provider:
        with pytest.raises(EnginehouseError) as raised:
            await provider.work()
    assert "right endpoint" in str(raised.value.__cause__)


async def test_what_will_not_pass_ends_the_worker_with_its_reason(aws: Wire) -> None:
    async with working(aws, lambda: 1, fault("AccessDeniedException", "no")) as provider:
        with pytest.raises(EnginehouseError, match="states:GetActivityTask"):
            async with asyncio.timeout(5):
                await provider.work()


async def test_a_task_is_told_when_nobody_waits_for_it_any_more(aws: Wire) -> None:
    told = asyncio.Event()

    async def do() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.set()
            raise

    aws.script("SendTaskHeartbeat", DONE, fault("TaskTimedOut"))
    async with working(aws, do, task(watched=60)), asyncio.timeout(5):
        await told.wait()
    assert not aws.asked("SendTaskSuccess")
    assert not aws.asked("SendTaskFailure")


async def test_a_task_is_cancelled_when_its_states_time_is_over(aws: Wire) -> None:
    told = asyncio.Event()

    async def do() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            told.set()

    async with working(aws, do, task(timeout=1)), asyncio.timeout(5):
        await told.wait()


async def test_a_states_own_heartbeat_is_for_the_function_to_keep(aws: Wire) -> None:
    beat, end = asyncio.Event(), asyncio.Event()

    async def do(input: Any, context: TaskContext) -> None:
        await beat.wait()
        context.heartbeat()
        await end.wait()

    async with working(aws, do, task(heartbeat=5)):
        await aws.reached("GetActivityTask", 2)
        await asyncio.sleep(0.2)
        assert not aws.asked("SendTaskHeartbeat")
        beat.set()
        await aws.reached("SendTaskHeartbeat")
        end.set()
        await aws.reached("SendTaskSuccess")


async def test_a_task_that_hands_its_token_out_is_not_answered_for(aws: Wire) -> None:
    def do(input: Any) -> Any:
        return input

    marked = {"ask": "<enginehouse:task-token>"}
    async with working(aws, do, task(marked, token="T-9", callback=True), task({"last": True}, token="T-10")):
        sent = await aws.reached("SendTaskSuccess")
    assert sent["taskToken"] == "T-10"


async def test_closing_waits_for_running_tasks(aws: Wire) -> None:
    closing = asyncio.Event()

    async def do() -> str:
        await closing.wait()
        return "in time"

    async with working(aws, do, task(watched=60)):
        await aws.reached("GetActivityTask", 2)
        asyncio.get_running_loop().call_soon(closing.set)  # the provider closes first
    assert aws.asked("SendTaskSuccess")


async def test_closing_gives_back_what_does_not_end(aws: Wire) -> None:
    async def do() -> None:
        await asyncio.Event().wait()

    async with working(aws, do, task(watched=60), drain=0.1):
        await aws.reached("GetActivityTask", 2)
    (sent,) = aws.asked("SendTaskFailure")
    assert sent["error"] == "Enginehouse.WorkerStopped"


async def test_input_that_is_not_of_our_making_fails_the_task(aws: Wire) -> None:
    async with working(aws, lambda: 1, Answer({"taskToken": "T", "input": '"plain"'})):
        sent = await aws.reached("SendTaskFailure")
    assert sent["error"] == "TaskInputInvalid"


async def test_no_more_tasks_are_taken_than_may_run(aws: Wire) -> None:
    end = asyncio.Event()

    async def do() -> None:
        await end.wait()

    polls = [task(token=f"T-{number}") for number in range(6)]
    async with working(aws, do, *polls, concurrency=2):
        await aws.reached("GetActivityTask", 2)
        await asyncio.sleep(0.2)
        assert len(aws.asked("GetActivityTask")) == 2
        end.set()
        await aws.reached("SendTaskSuccess", 6)


async def test_one_end_among_too_many_makes_no_room(aws: Wire) -> None:
    ends = asyncio.Semaphore(0)

    async def do() -> None:
        await ends.acquire()

    polls = [task(token=f"T-{number}") for number in range(12)]
    async with working(aws, do, *polls, concurrency=1, pollers=4, drain=0.1):
        await aws.reached("GetActivityTask", 4)
        await asyncio.sleep(0.2)
        ends.release()
        await aws.reached("SendTaskSuccess")
        await asyncio.sleep(0.2)
        assert len(aws.asked("GetActivityTask")) == 4


async def test_a_worker_that_stops_takes_no_task_for_the_one_that_ends(aws: Wire) -> None:
    closing, begun = asyncio.Event(), asyncio.Semaphore(0)
    numbers = iter(range(2))

    async def do() -> None:
        first = next(numbers) == 0
        begun.release()
        await (closing.wait() if first else aws.reached("SendTaskSuccess"))

    polls = [task(token=f"T-{number}") for number in range(4)]
    async with working(aws, do, *polls, concurrency=2):
        for _ in range(2):
            await begun.acquire()
        asyncio.get_running_loop().call_soon(closing.set)  # the provider closes first
    assert len(aws.asked("SendTaskSuccess")) == 2
    assert len(aws.asked("GetActivityTask")) == 2


async def test_a_silent_queue_keeps_nobody_from_step_functions(aws: Wire) -> None:
    body = json.dumps({"task": {"name": "do", "token": "T-1"}})
    message = {"MessageId": "1", "ReceiptHandle": "r", "Body": body, "Attributes": {"ApproximateReceiveCount": "1"}}
    aws.script("ReceiveMessage", Answer({"Messages": [message]}), Silent())
    aws.script("ChangeMessageVisibility", Silent())
    aws.script("SendTaskSuccess", DONE)

    async def do() -> None:
        await asyncio.Event().wait()

    options: dict[str, Any] = {"resources": f"{aws.url}/1/q", "queue_endpoint": aws.url, "beat": 0.05, "timeout": 2.0}
    made = StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, tasks={"do": do}, drain=0.1, grace=0.1, **options)
    made.settings = replace(made.settings, threads=1)
    async with made:
        await aws.reached("ChangeMessageVisibility")
        await made.send_task_success("T-2", 1)


@pytest.mark.parametrize(("received", "beat", "runs"), [
    (2, fault("TaskTimedOut"), False),
    (2, fault("TaskDoesNotExist"), False),
    (2, DONE, True),
    (2, fault("InvalidToken"), True),  # of a server that says so of every state without a heartbeat
    (1, fault("TaskTimedOut"), True),  # the first delivery is not asked about
])  # fmt: skip
async def test_a_message_that_comes_again_is_run_where_its_task_is_waited_for(
    aws: Wire, received: int, beat: Answer, runs: bool
) -> None:
    body = json.dumps({"task": {"name": "do", "token": "T-1"}})
    about = {"ApproximateReceiveCount": str(received)}
    message = {"MessageId": "1", "ReceiptHandle": "r", "Body": body, "Attributes": about}
    aws.script("ReceiveMessage", Answer({"Messages": [message]}), Silent())
    aws.script("ChangeMessageVisibility", DONE)
    aws.script("DeleteMessage", DONE)
    aws.script("SendTaskHeartbeat", beat)
    aws.script("SendTaskSuccess", DONE)
    ran = []

    async def do() -> None:
        ran.append(1)

    options: dict[str, Any] = {"resources": f"{aws.url}/1/q", "queue_endpoint": aws.url}
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, tasks={"do": do}, **options):
        await aws.reached("DeleteMessage")
    assert ran == [1] * runs
    assert len(aws.asked("SendTaskSuccess")) == runs


async def test_a_message_that_comes_twice_is_run_once_at_a_time(aws: Wire) -> None:
    body = json.dumps({"task": {"name": "do", "token": "T-1"}})

    def delivery(count: int) -> Answer:
        about = {"ApproximateReceiveCount": str(count)}
        return Answer(
            {"Messages": [{"MessageId": "1", "ReceiptHandle": f"r-{count}", "Body": body, "Attributes": about}]}
        )

    aws.script("ReceiveMessage", delivery(1), delivery(2), Silent())
    for operation in ("ChangeMessageVisibility", "DeleteMessage", "SendTaskHeartbeat", "SendTaskSuccess"):
        aws.script(operation, DONE)
    ran, end = [], asyncio.Event()

    async def do() -> None:
        ran.append(1)
        await end.wait()

    options: dict[str, Any] = {"resources": f"{aws.url}/1/q", "queue_endpoint": aws.url}
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, tasks={"do": do}, **options):
        await aws.reached("ReceiveMessage", 3)  # the second delivery has been dealt with
        end.set()
        await aws.reached("DeleteMessage")
    assert ran == [1]
