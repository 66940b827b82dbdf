"""TestState: runs one state, and tells what each stage of its data flow gave.

https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html; where that page is silent, it is as AWS was
seen to answer. The decision is docs/decisions/009-test-state.md.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from enginehouse.asl.commands import Command, ReadItems, ScheduleTask, StartTimer
from enginehouse.asl.inspection import Inspection
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded, TaskTimedOut, TimerFired
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.http_trace import trace
from enginehouse.server.step_functions.state_request import StateTest, read_request
from enginehouse.tasks.items import ItemReaderFault, parse_items

Outcome: TypeAlias = TaskSucceeded | TaskFailed | TaskTimedOut
RunTask: TypeAlias = Callable[[ScheduleTask], Awaitable[Outcome]]

LONGEST = 300.0
"""Seconds that a test may take, as on AWS."""

_STAGES = {
    "Pass": ("InputPath", "Parameters", "ResultSelector", "ResultPath"),
    "Task": ("InputPath", "Parameters", "Arguments", "Result", "ResultSelector", "ResultPath"),
    "Parallel": ("ResultSelector", "ResultPath"),
    "Map": ("InputPath", "ItemsPath", "ItemsPointer", "ItemSelector", "ItemBatcher", "ResultSelector", "ResultPath"),
}
"""The stages that AWS tells of a state of each type. Of the others it is InputPath alone."""


async def run_state_test(
    request: Mapping[str, Any],
    run_task: RunTask,
    *,
    prefix: str = "arn:aws:states:us-east-1:000000000000",
    longest: float = LONGEST,
) -> dict[str, Any]:
    """The answer to a checked request of TestState.

    ``run_task`` runs a Task that is not mocked, for at most ``longest`` seconds; cancelled, it must end. ``prefix`` begins
    the ARNs that are made up. A Wait state does not wait. Raises ``ApiError``: InvalidDefinition, InvalidExecutionInput,
    ValidationException.
    """
    now = time.time()
    test = await asyncio.to_thread(read_request, request, prefix, now)
    tested = test.tested
    inspection = Inspection(
        tested.program,
        tested.pointer,
        tested.name,
        test.input,
        test.text,
        context=test.context,
        now=now,
        seed=str(uuid.uuid4()),
        variables=test.variables,
        item=test.item,
        retries=test.retries,
        reads=test.reader_data is not None,
    )
    command = inspection.start()
    if isinstance(command, ReadItems):
        _give_items(inspection, command, test.reader_data or "")
    exchange: dict[str, Any] = {}
    if inspection.status == "WAITING":
        if test.mock is not None:
            _mock(inspection, test, test.mock)
        else:
            exchange = await _work(inspection, command, run_task, longest)
    return _answer(test, inspection, exchange)


def _give_items(inspection: Inspection, command: ReadItems, data: str) -> None:
    """The items that a Map's reader would have read from ``data``."""
    config = {"InputType": "JSON", **(command.config or {})}
    try:
        items = parse_items(data.encode(), config)
    except ItemReaderFault as fault:
        inspection.notify(TaskFailed(command.task, "States.ItemReaderFailed", str(fault)))
        return
    if "ItemsPointer" in config:
        inspection.notes["ItemsPointer"] = items
    inspection.notify(TaskSucceeded(command.task, items))


def _mock(inspection: Inspection, test: StateTest, mock: Mapping[str, Any]) -> None:
    """The mock stands for what the state's work gives."""
    if test.type == "Map" and test.failures > inspection.items:
        message = f"mapIterationFailureCount cannot exceed the number of items, which is {inspection.items}"
        raise ApiError("ValidationException", message)
    if "errorOutput" in mock:
        inspection.fail(mock["errorOutput"].get("error"), mock["errorOutput"].get("cause"))
    elif not inspection.exceed(test.failures):
        inspection.succeed(test.result)


async def _work(inspection: Inspection, command: Command | None, run_task: RunTask, longest: float) -> dict[str, Any]:
    """Have the state's work done. What went over HTTP for it is given."""
    if isinstance(command, StartTimer):
        inspection.notify(TimerFired(command.timer))
        return {}
    if not isinstance(command, ScheduleTask):
        raise RuntimeError(f"a state that no mock stands for asks for {type(command).__name__}")
    own = command.timeout is not None and command.timeout < longest
    try:
        async with asyncio.timeout(command.timeout if own else longest):
            outcome = await run_task(command)
    except TimeoutError:
        if own:
            inspection.notify(TaskTimedOut(command.task))
        else:
            inspection.fail("States.Timeout", f"The test took longer than {longest:g} seconds.")
        return {}
    inspection.notify(outcome)
    return trace(command, outcome)


# -- what is answered


def _answer(test: StateTest, inspection: Inspection, exchange: Mapping[str, Any]) -> dict[str, Any]:
    status = inspection.status
    answer: dict[str, Any] = {"status": status}
    if status in ("SUCCEEDED", "CAUGHT_ERROR"):
        answer["output"] = _output(test, inspection)
        answer["nextState"] = inspection.next
    if status != "SUCCEEDED":
        answer["error"], answer["cause"] = inspection.error
    if test.level != "INFO":
        answer["inspectionData"] = {**_inspected(test, inspection), **(exchange if test.level == "TRACE" else {})}
    return {name: value for name, value in answer.items() if value is not None}


def _output(test: StateTest, inspection: Inspection) -> str:
    value, text = inspection.output
    if inspection.status == "SUCCEEDED" and test.mock is not None and "result" in test.mock:
        made = "Output" if test.tested.jsonata else "OutputPath"
        unchanged = test.tested.jsonata or value is inspection.notes.get("Result")
        if unchanged and made not in test.tested.definition:
            return str(test.mock["result"])
    return text


def _inspected(test: StateTest, inspection: Inspection) -> dict[str, Any]:
    """What DEBUG tells. A value that is the input or the mocked result as it was given keeps its text."""
    notes, definition = inspection.notes, test.tested.definition
    shown: dict[str, Any] = {"input": test.text}
    stages = _STAGES.get(test.type, ("InputPath",))
    if test.type == "Pass" and "Result" in definition and not test.tested.jsonata:
        stages = ("Result", "ResultSelector", "ResultPath")
    if test.type == "Fail" and not test.tested.jsonata:
        shown["afterInputPath"] = test.text
    for stage in stages:
        if stage in notes:
            shown["result" if stage == "Result" else f"after{stage}"] = _text(notes[stage], test, notes)
    if test.type == "Map":
        shown |= _limits(inspection)
    if inspection.variables:
        shown["variables"] = msgspec.json.encode(inspection.variables).decode()
    if details := _error_details(inspection):
        shown["errorDetails"] = details
    return shown


def _text(value: Any, test: StateTest, notes: Mapping[str, Any]) -> str:
    if value is test.input:
        return test.text
    if value is notes.get("Result") and test.mock is not None and "result" in test.mock:
        return str(test.mock["result"])
    return msgspec.json.encode(value).decode()


def _limits(inspection: Inspection) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if "MaxConcurrency" in inspection.notes:
        shown["maxConcurrency"] = int(inspection.notes["MaxConcurrency"])
    fork = inspection.fork
    if fork is not None and fork.tolerated_count is not None:
        shown["toleratedFailureCount"] = int(fork.tolerated_count)
    if fork is not None and fork.tolerated_percentage is not None:
        shown["toleratedFailurePercentage"] = fork.tolerated_percentage
    return shown


def _error_details(inspection: Inspection) -> dict[str, int]:
    details = {}
    if inspection.retrier is not None:
        details["retryIndex"], delay = inspection.retrier
        if delay is not None:
            details["retryBackoffIntervalSeconds"] = int(delay)
    if inspection.catcher is not None:
        details["catchIndex"] = inspection.catcher
    return details
