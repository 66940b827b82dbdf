"""Large executions on the real dev server: they pass within Temporal's limits, and over one they fail; none is ever stuck.

``ENGINEHOUSE_TEMPORAL_ITEMS`` and ``ENGINEHOUSE_TEMPORAL_TASKS`` give the sizes of the Maps and of the chain of tasks; 10,000 and
20,000 are the full ones. Nothing else is smaller than it would be.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import string
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from enginehouse import ExecutionState, ExecutionStatus
from enginehouse.asl import machine
from enginehouse.errors import ProviderUnavailableError
from enginehouse.providers.temporal import TemporalProvider, pace, reading
from enginehouse.providers.temporal.testing import DevServer
from enginehouse.tasks.readers import LocalFiles
from tests.integration.temporal.running import begin, one

pytestmark = pytest.mark.temporal_server

Make = Callable[..., TemporalProvider]

ITEMS = int(os.environ.get("ENGINEHOUSE_TEMPORAL_ITEMS", "150"))
TASKS = int(os.environ.get("ENGINEHOUSE_TEMPORAL_TASKS", "60"))
TOO_MANY_EVENTS = f"The execution reached the maximum number of history events ({machine.EVENT_LIMIT})."
LETTERS = string.ascii_letters + string.digits
TEXT = "".join(random.Random(1).choices(LETTERS, k=200_000))
"""Near the limit of a payload, and nothing that could be packed well."""


async def small(given: Any) -> int:
    return 1


async def large(given: Any) -> str:
    return "".join(random.choices(LETTERS, k=200_000))


FUNCTIONS = {"small": small, "large": large}


def mapped(task: dict[str, Any], *, distributed: bool = False, **fields: Any) -> dict[str, Any]:
    """A Map over ``$.items`` whose iterations are this task."""
    processor: dict[str, Any] = {"StartAt": "Work", "States": {"Work": {"Type": "Task", "End": True, **task}}}
    if distributed:
        processor["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return one("Map", **{"ItemsPath": "$.items", "ItemProcessor": processor, **fields})


def chain(count: int, **fields: Any) -> dict[str, Any]:
    states = {
        f"S{number}": {**fields, **({"Next": f"S{number + 1}"} if number + 1 < count else {"End": True})}
        for number in range(count)
    }
    return {"StartAt": "S0", "States": states}


async def through(
    provider: TemporalProvider, definition: Any, given: Any, *, seconds: float = 60, type: str = "STANDARD"
) -> ExecutionStatus:
    """The execution at its end."""
    began = time.monotonic()
    async with asyncio.timeout(seconds + ITEMS / 20 + TASKS / 5):
        id = await begin(provider, definition, given, provider_config={"type": type})
        while (status := await seen(provider, id)) is None or not status.state.is_terminal:  # noqa: ASYNC110
            await asyncio.sleep(0.2)  # a watch would read all of a large history
    print(f"{status.state} after {time.monotonic() - began:.1f} s, {await runs(provider, id)} runs")
    return status


async def seen(provider: TemporalProvider, id: str) -> ExecutionStatus | None:
    """The execution as it is now; None where the server, busy with it, does not answer in time."""
    with contextlib.suppress(ProviderUnavailableError):
        return await provider.get_execution_status(id, history=False)
    return None


async def runs(provider: TemporalProvider, id: str) -> int:
    """How many runs the execution took."""
    session = await provider._opening.session()
    run, count = reading.first_run(await reading.described(session, id)), 0
    while run:
        count += 1
        async for event in reading.events_of(session, id, run):
            run = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return count


async def test_a_distributed_map_of_many_items_with_an_input_near_the_limit(make: Make) -> None:
    definition = mapped({"Resource": "task:small"}, distributed=True)
    given = {"items": list(range(ITEMS)), "more": TEXT}
    async with make(tasks=FUNCTIONS) as provider:
        status = await through(provider, definition, given)
        assert status.output == [1] * ITEMS


async def test_an_inline_map_that_always_has_something_running_goes_on_in_further_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = ITEMS  # an iteration makes seven events: above 3,500 the language has no room for a STANDARD one
    at_once, soon = 0, []
    if count < 3_500:
        at_once = 20
        monkeypatch.setattr(pace, "LONG", 200)
        soon = ["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=100"]
    server = await asyncio.to_thread(DevServer, None, 0, *soon)
    try:
        await server.ready()
        async with TemporalProvider(server.address, tasks=FUNCTIONS) as provider:
            given = {"items": list(range(count)), "more": TEXT}
            definition = mapped({"Resource": "task:small"}, MaxConcurrency=at_once)
            status = await through(provider, definition, given, type="EXPRESS")
            assert status.output == [1] * count
            assert await runs(provider, status.execution_id) > 1
            whole = await provider.get_execution_status(status.execution_id)
    finally:
        await asyncio.to_thread(server.kill)
    assert Counter(event.type for event in whole.history)["MapIterationSucceeded"] == count
    assert [event.id for event in whole.history] == list(range(1, len(whole.history) + 1))


async def test_ten_thousand_iterations_are_more_than_a_history_holds(make: Make) -> None:
    definition = one("Map", ItemProcessor={"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    async with make(works=True) as provider:
        status = await through(provider, definition, list(range(10_000)))
        express = await through(provider, definition, list(range(10_000)), type="EXPRESS")
    assert status.error is not None
    assert (status.error.code, status.error.cause) == ("States.Runtime", TOO_MANY_EVENTS)
    assert express.output == list(range(10_000))


async def test_tasks_that_nobody_waits_for_make_room_when_they_have_ended(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(given: Any) -> None:
        await asyncio.sleep(600)

    def branch(name: str) -> dict[str, Any]:
        return {"StartAt": name, "States": {name: {"Type": "Task", "Resource": "task:hang", "End": True}}}

    fails = {
        "StartAt": "Rest",
        "States": {"Rest": {"Type": "Wait", "Seconds": 1, "Next": "No"}, "No": {"Type": "Fail", "Error": "No"}},
    }
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "After"}]
    fork = {"Type": "Parallel", "Branches": [branch("A"), branch("B"), fails], "Catch": caught, "End": True}
    after = {"Type": "Task", "Resource": "task:small", "End": True}
    monkeypatch.setattr(pace, "OPEN", 2)
    async with make(tasks={**FUNCTIONS, "hang": hang}) as provider:
        status = await through(provider, {"StartAt": "Fork", "States": {"Fork": fork, "After": after}}, {})
    assert status.output == 1


@pytest.mark.parametrize("distributed", [False, True], ids=["inline", "distributed"])
async def test_arguments_near_the_limit_go_in_messages_that_temporal_takes(make: Make, distributed: bool) -> None:
    count = 60  # 12 MB, three times what a message may have
    select = {"text.$": "$.text", "item.$": "$$.Map.Item.Value"}
    definition = mapped({"Resource": "task:small"}, distributed=distributed, ItemSelector=select)
    async with make(tasks=FUNCTIONS) as provider:
        status = await through(provider, definition, {"items": list(range(count)), "text": TEXT})
    assert status.output == [1] * count


async def test_results_near_the_limit_do_not_fill_the_history(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    count, at_once = 300, 0  # 60 MB; a history has room for 50
    if ITEMS < 5_000:
        count, at_once = 60, 20
        monkeypatch.setattr(pace, "LARGE", 5_000_000)
    definition = mapped({"Resource": "task:large", "ResultSelector": {}}, MaxConcurrency=at_once)
    async with make(tasks=FUNCTIONS) as provider:
        status = await through(provider, definition, {"items": list(range(count))})
        assert status.output == [{}] * count
        assert await runs(provider, status.execution_id) > 1


async def test_a_chain_of_tasks_with_an_input_near_the_limit(make: Make) -> None:
    # five events each: the history of a STANDARD one holds 4,999 of them, and a definition of 1 MiB over 10,000
    count = min(TASKS, 10_000)
    definition = chain(count, Type="Task", Resource="task:small", ResultPath="$.n")
    async with make(tasks=FUNCTIONS) as provider:
        status = await through(provider, definition, {"text": TEXT}, type="EXPRESS")
        assert status.output == {"text": TEXT, "n": 1}
        assert await runs(provider, status.execution_id) > count // 40


@pytest.mark.parametrize(("count", "type"), [(12_498, "STANDARD"), (20_000, "EXPRESS"), (20_000, "STANDARD")])
async def test_a_chain_of_states_ends_well_or_by_the_limit_of_the_history(make: Make, count: int, type: str) -> None:
    async with make(works=True) as provider:
        status = await through(provider, chain(count, Type="Pass"), {"text": TEXT}, type=type)
    if count < 12_499 or type == "EXPRESS":
        assert status.output == {"text": TEXT}
    else:
        assert status.error is not None
        assert (status.error.code, status.error.cause) == ("States.Runtime", TOO_MANY_EVENTS)


async def test_a_chain_that_takes_seconds_is_done_in_several_workflow_tasks(make: Make) -> None:
    definition = chain(4_000, Type="Pass", Parameters={"text.$": "$.text"})
    async with make(works=True) as provider:
        status = await through(provider, definition, {"text": TEXT})
        assert status.output == {"text": TEXT}
        whole = await provider.get_execution_status(status.execution_id)
        assert [event.type for event in whole.history].count("PassStateExited") == 4_000


async def test_a_turn_that_a_busy_machine_takes_seconds_for_is_let_end(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = machine.Turn.drain

    def slow(turn: machine.Turn) -> None:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            pass
        evaluate(turn)

    monkeypatch.setattr(machine.Turn, "drain", slow)
    async with make(works=True) as provider:
        status = await through(provider, one("Pass"), {"n": 1})
    assert status.output == {"n": 1}


async def test_ten_thousand_items_are_read_and_their_results_written(make: Make, tmp_path: Path) -> None:
    rows = [{"id": number, "text": f"{number} of ten thousand " * 20} for number in range(max(ITEMS, 200))]
    padding = [{"id": -number, "text": "never run " * 30} for number in range(10_000 - len(rows))]
    await asyncio.to_thread((tmp_path / "rows.json").write_text, json.dumps(rows + padding))
    definition = mapped(
        {"Resource": "task:small"},
        distributed=True,
        ItemReader={
            "Resource": "file:read",
            "Parameters": {"Path": "rows.json"},
            "ReaderConfig": {"InputType": "JSON"},
        },
        ItemBatcher={"MaxItemsPerBatch": max(1, 10_000 // ITEMS)},
        ResultWriter={"Resource": "file:write", "Parameters": {"Path": "out"}},
    )
    definition["States"]["Only"].pop("ItemsPath")
    async with make(tasks=FUNCTIONS, items=LocalFiles(tmp_path)) as provider:
        status = await through(provider, definition, {})
    assert status.state == ExecutionState.SUCCEEDED, status.error


async def test_items_and_results_over_the_limit_fail_with_the_languages_errors(make: Make, tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "rows.json").write_text, json.dumps([TEXT[:100_000]] * 120))
    reader = {"Resource": "file:read", "Parameters": {"Path": "rows.json"}, "ReaderConfig": {"InputType": "JSON"}}
    reading_too_much = mapped({"Resource": "task:small"}, distributed=True, ItemReader=reader)
    reading_too_much["States"]["Only"].pop("ItemsPath")
    too_large_together = mapped({"Resource": "task:large"})
    async with make(tasks=FUNCTIONS, items=LocalFiles(tmp_path)) as provider:
        found = await asyncio.gather(
            through(provider, reading_too_much, {}), through(provider, too_large_together, {"items": [1, 2]})
        )
    assert [status.error and status.error.code for status in found] == [
        "States.ItemReaderFailed",
        "States.DataLimitExceeded",
    ]


async def test_a_long_cause_and_a_state_too_large_to_carry(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enginehouse.providers.temporal.live._CARRIED_TEXT", 1)
    count = 40
    async with make(tasks=FUNCTIONS) as provider:
        failing = await through(provider, one("Fail", Error="E", CausePath="$.text"), {"text": TEXT})
        definition = chain(count, Type="Task", Resource="task:small", ResultPath="$.n")
        carried = await through(provider, definition, {"text": TEXT})
        whole = await provider.get_execution_status(carried.execution_id)
    assert failing.error is not None
    assert (failing.error.code, failing.error.cause) == ("E", TEXT)
    assert carried.error is not None
    assert carried.error.code == "States.DataLimitExceeded"
    assert "MaxConcurrency" in carried.error.cause
    assert whole.history[-1].type == "ExecutionFailed"
    assert whole.history[-1].details["error"] == "States.DataLimitExceeded"


async def test_what_temporal_ends_over_a_limit_has_failed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MESSAGE", 10**9)
    definition = mapped({"Resource": "task:small"}, ItemSelector={"text.$": "$.text"})
    async with make(tasks=FUNCTIONS) as provider:
        status = await through(provider, definition, {"items": list(range(30)), "text": TEXT})
        whole = await provider.get_execution_status(status.execution_id)
    assert status.error is not None
    assert (status.state, status.error.code) == (ExecutionState.FAILED, "States.Runtime")
    assert "over one of its limits" in status.error.cause
    assert (whole.state, whole.error) == (status.state, status.error)
    assert whole.history[-1].type == "ExecutionFailed"
