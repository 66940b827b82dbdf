"""What tasks answer under the mock: scripts, functions, other workflows, files; and faults on purpose."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from enginehouse import asl
from enginehouse.errors import ExecutionNotFoundError, ProviderUnavailableError
from enginehouse.models import ExecutionInput, ExecutionState, WorkflowSpec
from enginehouse.providers.mock import Call, MockProvider, calls, fails, in_turn, returns, stays_silent
from enginehouse.tasks import LocalFiles
from tests.unit.providers.mock.mock_workflows import WAIT_3_DAYS, machine, run, start, task, types


def every_item(**more: Any) -> dict[str, Any]:
    """A Map that has the state I do its items."""
    return {"Type": "Map", "ItemProcessor": machine(task(**more), names="I")}


START = "arn:aws:states:::states:startExecution"


async def test_every_call_is_recorded() -> None:
    async with MockProvider({"A": 1, "B": 2}) as provider:
        started = await start(provider, machine(task("task:a"), WAIT_3_DAYS, task("task:b")), {"x": 1})
        provider.script.on("C").returns(3)
        await provider.wait(started.execution_id)
        found = [(call.state, call.resource, call.arguments, call.attempt, call.index) for call in provider.calls]
        assert found == [("A", "task:a", {"x": 1}, 0, None), ("C", "task:b", 1, 0, None)]
        assert provider.calls[1].time - provider.calls[0].time == 3 * 24 * 3600
        assert {call.execution_id for call in provider.calls} == {started.execution_id}


async def test_answers_by_map_index_and_by_attempt() -> None:
    retry = [{"ErrorEquals": ["Busy"], "MaxAttempts": 2}]
    definition = machine(every_item(Retry=retry))
    async with MockProvider({"I": "other"}) as provider:
        provider.script.on("I", index=1).answers(fails("Busy"), "one")
        provider.script.on("I", index=2, attempt=0).fails("Busy")
        status = await run(provider, definition, [0, 1, 2])
        assert status.output == ["other", "one", "other"]


async def test_a_function_is_given_the_call() -> None:
    async def later(call: Call) -> Any:
        await asyncio.sleep(0)
        return fails("Odd", str(call.index)) if call.arguments % 2 else call.arguments * 10

    definition = machine(every_item())
    async with MockProvider({"I": lambda call: call.arguments * 10}) as provider:
        assert (await run(provider, definition, [1, 2])).output == [10, 20]
    async with MockProvider({"I": calls(later)}) as provider:
        status = await run(provider, definition, [2, 3])
        assert status.error is not None
        assert (status.error.code, status.error.cause) == ("Odd", "1")


async def test_a_function_may_answer_late_or_not_at_all() -> None:
    for late in (returns(1, after=100), stays_silent()):
        async with MockProvider({"A": lambda call, late=late: late}) as provider:
            status = await run(provider, machine(task(TimeoutSeconds=60)))
            assert status.error is not None
            assert status.error.code == "States.Timeout"


async def test_a_function_that_raises_is_a_task_that_fails() -> None:
    async with MockProvider({"A": calls(lambda call: {}["gone"])}) as provider:
        status = await run(provider, machine(task()))
        assert status.error is not None
        assert status.error.code == "KeyError"


async def test_a_scripted_value_that_is_not_json_names_the_call() -> None:
    async with MockProvider({"A": returns({"at": object()})}) as provider:
        status = await run(provider, machine(task()))
        assert status.error is not None
        assert "state 'A' calling 'task:work' (attempt 0): the scripted value['at'] is an object" in status.error.cause


async def test_what_nothing_answers_fails_and_no_catch_hides_it() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "B"}]
    async with MockProvider() as provider:
        status = await run(provider, machine(task(Catch=catch), {"Type": "Pass"}))
        assert status.error is not None
        assert (status.error.code, status.error.failed_at) == ("States.Runtime", "A")
        assert "script={'A': returns(...)}" in status.error.cause


async def test_functions_run_where_nothing_is_scripted() -> None:
    async def double(input: Any) -> Any:
        return input * 2

    async with MockProvider({"B": 1}, tasks={"double": double}) as provider:
        assert (await run(provider, machine(task("task:double"), task("task:double")), 4)).output == 1
        assert [call.arguments for call in provider.calls] == [4, 8]


async def test_lambdas_of_a_runner_serve_their_arns() -> None:
    async with MockProvider(lambdas={"f": lambda event, context: event + 1}) as provider:
        assert (await run(provider, machine(task("arn:aws:lambda:us-east-1:111111111111:function:f")), 1)).output == 2


@pytest.mark.parametrize(
    ("resource", "parameters"),
    [
        ("arn:aws:states:::glue:startJobRun.sync", {"JobName": "j"}),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}),
    ],
)
async def test_scripted_tasks_that_end_later_are_submitted_first(resource: str, parameters: Any) -> None:
    async with MockProvider({"A": returns(1, after=60)}) as provider:
        status = await run(provider, machine(task(resource, Parameters=parameters)))
        assert status.output == 1
        assert types(status)[3:6] == ["TaskStarted", "TaskSubmitted", "TaskSucceeded"]


async def test_a_scripted_activity_is_taken_by_a_worker_first() -> None:
    async with MockProvider({"A": 1}) as provider:
        status = await run(provider, machine(task("arn:aws:states:us-east-1:111111111111:activity:a")))
        assert types(status)[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]


async def test_a_function_behind_a_token_is_the_request_and_the_answer_comes_by_token() -> None:
    kept = []

    async def ask(input: Any, context: Any) -> Any:
        kept.append(context.token)
        return "asked"

    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    async with MockProvider(tasks=[ask], clock="manual") as provider:
        definition = machine(task(resource, Parameters={"FunctionName": "ask", "Payload": {}}))
        started = await start(provider, definition)
        await provider.advance(0)
        await provider.send_task_success(kept[0], "answered")
        assert (await provider.wait(started.execution_id)).output == "answered"


@pytest.mark.parametrize("failed", [False, True])
async def test_an_answer_that_is_quicker_than_the_service_waits_for_it(failed: bool) -> None:
    async def ask(_: Any, context: Any) -> str:
        if failed:
            await provider.send_task_failure(context.token, "No", "never")
        else:
            await provider.send_task_success(context.token, "quick")
        return "asked"

    async with MockProvider(tasks=[ask]) as provider:
        status = await run(provider, machine(task("task:ask.waitForTaskToken")))
        ended = "TaskFailed" if failed else "TaskSucceeded"
        assert types(status)[3:6] == ["TaskStarted", "TaskSubmitted", ended]
        assert status.output == (None if failed else "quick")


async def test_an_answer_counts_where_the_service_fails_and_is_the_only_one() -> None:
    async def ask(_: Any, context: Any) -> str:
        await provider.send_task_success(context.token, "first")
        for call in (provider.send_task_success(context.token, "second"), provider.send_task_heartbeat(context.token)):
            with pytest.raises(ExecutionNotFoundError):
                await call
        raise ValueError("I took the request, and broke")

    async with MockProvider(tasks=[ask]) as provider:
        status = await run(provider, machine(task("task:ask.waitForTaskToken")))
        assert types(status)[3:5] == ["TaskStarted", "TaskSucceeded"]
        assert status.output == "first"


@pytest.mark.parametrize(
    ("suffix", "output"),
    [(".sync", '"INNER"'), (".sync:2", "INNER")],
)
async def test_a_workflow_waits_for_another(suffix: str, output: str) -> None:
    inner = machine(WAIT_3_DAYS, {"Type": "Pass", "Result": "INNER"})
    outer = machine(task(START + suffix, Parameters={"StateMachineArn": "inner", "Input": {"a": 1}}))
    async with MockProvider() as provider:
        await provider.create_workflow(WorkflowSpec(workflow_id="inner", definition=inner))
        status = await run(provider, outer)
        answer: Any = status.output
        assert (answer["Output"], answer["Status"]) == (output, "SUCCEEDED")
        assert answer["Input"] == ({"a": 1} if suffix == ".sync:2" else '{"a": 1}')


async def test_the_failure_of_an_inner_workflow_is_the_cause() -> None:
    inner = machine({"Type": "Fail", "Error": "Bad", "Cause": "luck"})
    outer = machine(task(START + ".sync:2", Parameters={"StateMachineArn": "inner"}))
    async with MockProvider() as provider:
        await provider.create_workflow(WorkflowSpec(workflow_id="inner", definition=inner))
        status = await run(provider, outer)
        assert status.error is not None
        assert status.error.code == "States.TaskFailed"
        assert json.loads(status.error.cause)["Error"] == "Bad"


async def test_stopping_a_workflow_stops_the_one_that_it_waits_for() -> None:
    outer = machine(task(START + ".sync:2", Parameters={"StateMachineArn": "inner", "Name": "n"}))
    async with MockProvider(clock="manual") as provider:
        await provider.create_workflow(WorkflowSpec(workflow_id="inner", definition=machine(WAIT_3_DAYS)))
        started = await start(provider, outer)
        await provider.advance(0)
        await provider.stop_execution(started.execution_id, "enough")
        await provider.advance(0)
        assert (await provider.get_execution_status("inner:n")).state is ExecutionState.CANCELLED


async def test_starting_an_unknown_workflow_fails_under_awss_name() -> None:
    async with MockProvider() as provider:
        status = await run(provider, machine(task(START, Parameters={"StateMachineArn": "gone"})))
        assert status.error is not None
        assert status.error.code == "StepFunctions.StateMachineDoesNotExistException"


def test_a_distributed_map_reads_and_writes_files(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("name\nada\ngrace\n")
    definition = machine(
        {
            "Type": "Map",
            "ItemReader": {
                "Resource": "file:read",
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                "Parameters": {"Path": "names.csv"},
            },
            "ItemProcessor": {
                **machine(task(), names="I"),
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            },
            "ResultWriter": {"Resource": "file:write", "Parameters": {"Path": "out"}},
        }
    )

    async def go() -> tuple[Any, list[int | None], int]:
        script = {"I": lambda call: call.arguments["name"].upper()}
        async with MockProvider(script, items=LocalFiles(tmp_path)) as provider:
            status = await run(provider, definition)
            listed = await provider.list_executions()
            return status, [call.index for call in provider.calls], len(listed.items)

    status, indexes, listed = asyncio.run(go())
    assert status.error is None
    key = status.output["ResultWriterDetails"]["Path"]
    written = (tmp_path / key).parent / "SUCCEEDED_0.json"
    assert [child["Output"] for child in json.loads(written.read_text())] == ['"ADA"', '"GRACE"']
    assert (indexes, listed) == ([0, 1], 1)


async def test_a_workflow_that_goes_round_for_ever_meets_the_limit_of_events() -> None:
    again = {"Type": "Choice", "Choices": [{"Variable": "$", "IsPresent": True, "Next": "A"}], "Default": "C"}
    round_and_round = machine({"Type": "Wait", "Seconds": 3600}, again, {"Type": "Succeed"})
    async with MockProvider() as provider:
        status = await run(provider, round_and_round)
        assert status.error is not None
        assert "25000" in status.error.cause.replace(",", "")


async def test_a_wait_past_the_end_of_dates_does_not_end() -> None:
    async with MockProvider() as provider:
        started = await start(provider, machine({"Type": "Wait", "SecondsPath": "$.s"}), {"s": 99_999_999_999_999})
        await provider.settle()
        assert (await provider.get_execution_status(started.execution_id)).state is not ExecutionState.SUCCEEDED


async def test_unavailable_for_so_many_calls() -> None:
    async with MockProvider() as provider:
        provider.faults.unavailable(2)
        for _ in range(2):
            with pytest.raises(ProviderUnavailableError) as caught:
                await provider.delete_workflow("w")
            assert caught.value.retryable
        await provider.delete_workflow("w")
        provider.faults.unavailable()
        for _ in range(3):
            with pytest.raises(ProviderUnavailableError):
                await provider.start_execution("w", ExecutionInput())
        provider.faults.clear()
        await provider.delete_workflow("w")


async def test_slow_is_slow_enough_for_a_deadline_and_leaves_nothing_half_made() -> None:
    async with MockProvider() as provider:
        provider.faults.slow(3600)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await provider.create_workflow(WorkflowSpec(workflow_id="w", definition=machine({"Type": "Pass"})))
        provider.faults.clear()
        assert (await provider.list_workflows()).items == []


async def test_an_answer_that_comes_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    resume = asl.Program.resume

    def listen(self: asl.Program, state: asl.State, notification: asl.Notification, now: float) -> asl.Turn:
        told.append(notification)
        return resume(self, state, notification, now)

    definition = machine(task(Retry=[{"ErrorEquals": ["Busy"]}]), task())
    async with MockProvider({"A": in_turn(fails("Busy"), 1), "B": 2}) as provider:
        expected = (await run(provider, definition)).history
    monkeypatch.setattr(asl.Program, "resume", listen)
    async with MockProvider({"A": in_turn(fails("Busy"), 1), "B": 2}) as provider:
        provider.faults.duplicate_answers()
        assert (await run(provider, definition)).history == expected
        await provider.settle()
    outcomes = [item for item in told if not isinstance(item, asl.TimerFired)]
    assert outcomes[::2] == outcomes[1::2]
    assert len(outcomes) == 6


async def test_a_defect_of_the_core_ends_its_execution_and_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resume, began, cleaned = asl.Program.resume, asyncio.Event(), asyncio.Event()

    def break_down(self: asl.Program, state: asl.State, notification: asl.Notification, now: float) -> asl.Turn:
        if state.context.execution_name == "broken":
            raise ZeroDivisionError("in the core")
        return resume(self, state, notification, now)

    async def work(input: Any) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    async def after(input: Any) -> None:
        await began.wait()

    monkeypatch.setattr(asl.Program, "resume", break_down)
    branches = [machine(task(), names="X"), machine(task("task:after"), names="Y")]
    both = machine({"Type": "Parallel", "Branches": branches})
    async with MockProvider(tasks={"work": work, "after": after}) as provider:
        await provider.create_workflow(WorkflowSpec(workflow_id="both", definition=both))
        broken = await provider.start_execution("both", ExecutionInput(execution_name="broken"))
        status = await provider.wait(broken.execution_id)
        assert status.error is not None
        assert status.error.message == "the core failed: ZeroDivisionError: in the core"
        async with asyncio.timeout(10):
            await cleaned.wait()
        assert (await run(provider, machine(WAIT_3_DAYS))).state is ExecutionState.SUCCEEDED
    assert "the core failed in execution both:broken" in caplog.text
