"""What answers a task under the mock: the script, the workflow that it starts, or a function that really runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from enginehouse import asl
from enginehouse.providers.mock.execution import Execution, Pending
from enginehouse.providers.mock.nested import start_nested
from enginehouse.providers.mock.script import Answer, Call, answer_of
from enginehouse.tasks import ExecutionInfo
from enginehouse.tasks.failures import error_and_cause
from enginehouse.tasks.results import NotJson, json_copy

if TYPE_CHECKING:
    from enginehouse.providers.mock.host import Host


def schedule(host: Host, execution: Execution, command: asl.ScheduleTask) -> None:
    """Have the task answered, now or later, and watch over its time."""
    index = execution.index if command.index is None else command.index
    place = (command.state, index)
    number, now = execution.numbers[place], host.clock.now
    call = Call.of(command, number=number, index=index, time=now, execution_id=execution.id)
    execution.numbers[place] += 1
    host.calls.append(call)
    pending = execution.tasks[command.task] = Pending(command)
    answer = host.script.find(call)
    if answer is not None:
        _answer(host, execution, pending, call, answer)
    elif not start_nested(host, execution, pending):
        _run_for_real(host, execution, pending, call)
    if command.task not in execution.tasks:
        return
    if command.timeout is not None:
        late = asl.TaskTimedOut(command.task)
        due = command.deadline if command.deadline is not None else host.clock.now + command.timeout
        pending.timers.append(host.clock.at(due, lambda: host.outcome(execution, late)))
    host.beat(execution, command.task)


def _answer(host: Host, execution: Execution, pending: Pending, call: Call, answer: Answer) -> None:
    if ":activity:" in call.resource and not answer.silent:
        host.notify(execution, asl.TaskStarted(pending.command.task, "mock"))
    elif call.pattern:
        host.submit(execution, pending, {})
    _answer_later(host, execution, pending, call, answer)


def _answer_later(host: Host, execution: Execution, pending: Pending, call: Call, answer: Answer) -> None:
    if answer.silent:
        return
    if answer.after <= 0:
        _give(host, execution, pending, call, answer)
        return
    due = host.clock.now + answer.after
    pending.timers.append(host.clock.at(due, lambda: _give(host, execution, pending, call, answer)))
    if answer.beats_every:
        _keep_beating(host, execution, pending, answer.beats_every, due)


def _keep_beating(host: Host, execution: Execution, pending: Pending, every: float, until: float) -> None:
    def beat() -> None:
        host.beat(execution, pending.command.task)
        _keep_beating(host, execution, pending, every, until)

    if host.clock.now + every < until:
        pending.timers.append(host.clock.at(host.clock.now + every, beat))


def _give(host: Host, execution: Execution, pending: Pending, call: Call, answer: Answer) -> None:
    task = pending.command.task
    if answer.function is not None:
        _call_function(host, execution, pending, call, answer.function)
    elif answer.error is not None:
        host.outcome(execution, asl.TaskFailed(task, answer.error, answer.cause))
    else:
        try:
            host.outcome(execution, asl.TaskSucceeded(task, json_copy(answer.value, "the scripted value")))
        except NotJson as fault:
            host.outcome(execution, asl.TaskFailed(task, "States.Runtime", f"{call}: {fault}"))


def _call_function(
    host: Host, execution: Execution, pending: Pending, call: Call, function: Callable[[Call], Any]
) -> None:
    def give(result: object) -> None:
        _answer_later(host, execution, pending, call, answer_of(function, result))

    async def finish(awaited: Any) -> None:
        try:
            give(await awaited)
        except Exception as error:
            host.outcome(execution, asl.TaskFailed(pending.command.task, *error_and_cause(error)))

    try:
        result = function(call)
        if asyncio.iscoroutine(result):
            pending.job = host.own(finish(result))
        else:
            give(result)
    except Exception as error:
        host.outcome(execution, asl.TaskFailed(pending.command.task, *error_and_cause(error)))


def _run_for_real(host: Host, execution: Execution, pending: Pending, call: Call) -> None:
    command = pending.command
    if host.runner.resolves(command.resource, command.arguments):
        pending.job = host.own(_run(host, execution, pending))
    elif ":activity:" in command.resource and not host.runner.has_activity(command.resource):
        cause = f"The activity {command.resource} does not exist."
        host.outcome(execution, asl.TaskFailed(command.task, "States.Runtime", cause))
    elif command.pattern == "waitForTaskToken" or ":activity:" in command.resource:
        if command.pattern:
            host.submit(execution, pending, {})
    else:
        cause = (
            f"Nothing says what {call} answers. Script it, as in script={{{call.state!r}: returns(...)}}, "
            "or give its task function by tasks=..., or let AWS answer by aws=True"
        )
        host.outcome(execution, asl.TaskFailed(command.task, "States.Runtime", cause))


async def _run(host: Host, execution: Execution, pending: Pending) -> None:
    command, names = pending.command, host.memory.names
    info = ExecutionInfo(
        execution_id=execution.id,
        execution_name=execution.name,
        workflow_id=execution.workflow_id,
        execution_arn=names.execution(execution.id),
        workflow_arn=names.workflow(execution.workflow_id),
    )

    def submitted(answer: Any) -> None:
        pending.answered = answer
        host.submit(execution, pending, answer)

    outcome = await host.runner.run(command, info, lambda: host.beat(execution, command.task), submitted=submitted)
    pending.job = None
    if command.pattern and isinstance(outcome, asl.TaskSucceeded):
        host.submit(execution, pending, outcome.output)
        if command.pattern == "waitForTaskToken":
            return
    host.outcome(execution, outcome)
