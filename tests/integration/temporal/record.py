"""Record histories of our executions for ``test_temporal_histories.py``: python -m tests.integration.temporal.record NAME ...

Record anew only where executions that run on the old ones need not go on: the old files are the promise that they do.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temporalio.client import Client

from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.testing import DevServer
from tests.crash.workflow import INPUT
from tests.crash.workflow import definition as ten_tasks
from tests.integration.temporal.running import begin, until_event, until_over

HISTORIES = Path(__file__).parent / "histories"
COUNT = "{% $sum($map([1..30000], function($i){ $i })) %}"
RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}]


def definitions() -> dict[str, tuple[dict[str, Any], Any]]:
    ten = ten_tasks(1)
    ten["States"]["Flaky"]["Retry"] = RETRY
    ask = {"Type": "Task", "Resource": "task:last.waitForTaskToken", "TimeoutSeconds": 300, "HeartbeatSeconds": 60}
    double = {"StartAt": "Double", "States": {"Double": {"Type": "Task", "Resource": "task:square", "End": True}}}
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **double}
    return {
        "ten_tasks": (ten, INPUT),
        "token": ({"StartAt": "Ask", "States": {"Ask": {**ask, "End": True}}}, 1),
        "stopped": ({"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 3600, "End": True}}}, 1),
        "distributed": (
            {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": processor, "End": True}}},
            [1, 2, 3],
        ),
        # of version 1: a turn that is done in several workflow tasks, and what comes after it
        "paused": (
            {
                "QueryLanguage": "JSONata",
                "StartAt": "Count0",
                "States": {
                    **{f"Count{n}": {"Type": "Pass", "Output": COUNT, "Next": f"Count{n + 1}"} for n in range(8)},
                    "Count8": {"Type": "Task", "Resource": "task:square", "End": True},
                },
            },
            1,
        ),
        "mapped": (
            {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": double, "End": True}}},
            list(range(5)),
        ),
        # of version 2: the answer by token is there before the function that was asked has returned
        "quick": (
            {"StartAt": "Ask", "States": {"Ask": {**ask, "Resource": "task:quick.waitForTaskToken", "End": True}}},
            1,
        ),
        # of version 3: a child whose id is taken
        "taken": (
            {
                "StartAt": "Rest",
                "States": {
                    "Rest": {"Type": "Wait", "Seconds": 2, "Next": "Each"},
                    "Each": {"Type": "Map", "ItemProcessor": processor, "End": True},
                },
            },
            [1],
        ),
        "failed": ({"StartAt": "Boom", "States": {"Boom": {"Type": "Task", "Resource": "task:boom", "End": True}}}, 1),
    }


async def add(given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "n": given["n"] + 1}


async def side(given: dict[str, Any]) -> int:
    return int(given["n"]) + 1


async def square(given: int) -> int:
    return given * given


async def flaky(_: Any, context: Any) -> bool:
    if context.attempt == 0:
        raise ValueError("the first try fails")
    return True


async def last(given: Any) -> Any:
    return given


async def boom(given: Any) -> None:
    raise KeyError(given)


def quick(provider: Callable[[], TemporalProvider]) -> Callable[[Any, Any], Awaitable[str]]:
    """A function that is answered for before it returns."""

    async def ask(_: Any, context: Any) -> str:
        await provider().send_task_success(context.token, "quick")
        return "asked"

    return ask


TASKS = {"add": add, "left": side, "right": side, "square": square, "flaky": flaky, "last": last, "boom": boom}


def _anonymous(value: Any) -> Any:
    """Without the machine's name and its paths."""
    if isinstance(value, list):
        return [_anonymous(item) for item in value]
    if not isinstance(value, dict):
        return value
    said = {"identity": "worker@test", "stackTrace": ""}
    return {key: said.get(key, _anonymous(item)) for key, item in value.items()}


async def record(names: list[str]) -> None:
    server = DevServer()
    await server.ready()
    HISTORIES.mkdir(exist_ok=True)
    try:
        client = await Client.connect(server.address)
        tasks = {**TASKS, "quick": quick(lambda: provider)}
        async with TemporalProvider(server.address, tasks=tasks) as provider:
            for name, (definition, given) in definitions().items():
                if name not in names:
                    continue
                id = await begin(provider, definition, given, name=name)
                if name == "token":
                    await until_event(provider, id, "TaskSubmitted")
                    from enginehouse.providers.temporal import reading

                    session = await provider._opening.session()
                    replay = await reading.replayed(session, id, await reading.described(session, id))
                    assert replay.live is not None
                    token = next(iter(replay.live.tasks.values())).token
                    await provider.send_task_heartbeat(token)
                    await provider.send_task_success(token, {"answer": 42})
                elif name == "taken":
                    for number in range(1, 6):
                        await client.start_workflow("other", id=f"{id}/{number}", task_queue="nobodys")
                elif name == "stopped":
                    await until_event(provider, id, "WaitStateEntered")
                    await provider.stop_execution(id, "recorded")
                status = await until_over(provider, id)
                history = (await client.get_workflow_handle(id).fetch_history()).to_json_dict()
                kept = {"history": _anonymous(history), "events": [item.to_dict() for item in status.history]}
                (HISTORIES / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    finally:
        server.kill()


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:]))
