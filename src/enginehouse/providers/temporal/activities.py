"""The activity that every task is: it runs the task function that the activity's name asks for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import msgspec
from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from enginehouse.asl.commands import ReadItems, ScheduleTask
from enginehouse.asl.machine import PAYLOAD_LIMIT, too_large
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.asl.states.task import parse_resource
from enginehouse.names import Names
from enginehouse.providers.temporal.payloads import (
    LIMIT,
    LIST_LIMIT,
    json_text,
    json_value,
    list_text,
    text_of,
    value_of,
)
from enginehouse.providers.temporal.records import Ending, TaskCall, Work
from enginehouse.tasks import ExecutionInfo, TaskRunner

log = logging.getLogger(__name__)

BEAT = 0.5
"""Seconds between two signs of life of a running task. Temporal answers them with the news that it is to stop."""

START_EXECUTION = "arn:aws:states:::states:startExecution"

Starter: TypeAlias = Callable[[ScheduleTask], Awaitable[TaskSucceeded | TaskFailed]]
"""What starts another workflow."""

_CAUSE_LIMIT = 32_768
_encode = msgspec.json.Encoder().encode


class Activities:
    """Runs tasks by a ``TaskRunner``. A failure of a task is an ``ApplicationError`` that Temporal does not retry: that is
    the definition's to ask for. What Temporal tries again is a task whose worker was lost."""

    def __init__(self, runner: TaskRunner, grace: float, start: Starter, names: Names) -> None:
        self._runner = runner
        self._names = names
        self._grace = grace
        self._start = start

    @activity.defn(dynamic=True)
    async def run(self, args: Sequence[RawValue]) -> RawValue:
        call = msgspec.json.decode(text_of(args[1].payload), type=TaskCall)
        command: Work = msgspec.structs.replace(call.command, arguments=value_of(args[0].payload))
        state = activity.info().activity_id
        if activity.info().attempt > 1:
            log.warning(
                "task.run_again execution=%s task=%s attempt=%d", call.execution_id, state, activity.info().attempt
            )
        silence = _Silence(command.heartbeat if isinstance(command, ScheduleTask) else None)
        # What a service answered to a job goes along with each heartbeat: a worker that takes over follows the job.
        job: list[Any] = list(activity.info().heartbeat_details)
        work = asyncio.create_task(self._work(command, call, silence.heard, job), name=state)
        try:
            while not (await asyncio.wait({work}, timeout=min(BEAT, silence.left())))[0]:
                if silence.left() <= 0:
                    work.cancel()
                    await asyncio.wait({work}, timeout=BEAT)
                    log.info("task.silent execution=%s task=%s", call.execution_id, state)
                    raise _failure(Ending("States.HeartbeatTimeout", None, status="TIMED_OUT"))
                activity.heartbeat(*job)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait({work}, timeout=self._grace)
            details = activity.cancellation_details()
            stopped = details is not None and details.cancel_requested
            log.info("task.%s execution=%s task=%s", "cancelled" if stopped else "left", call.execution_id, state)
            if stopped:
                if job and isinstance(command, ScheduleTask):
                    await self._runner.drop(command, job[0])
                raise
            # Neither is a failure of the task: its execution is over, or its worker stops and another one runs it again.
            raise ApplicationError(
                "nobody waits for the task, or its worker stops",
                type="NotAnswered",
                category=ApplicationErrorCategory.BENIGN,
            ) from None
        outcome = work.result()
        if isinstance(outcome, TaskFailed):
            log.info("task.failed execution=%s task=%s error=%s", call.execution_id, state, outcome.error)
        else:
            log.debug("task.succeeded execution=%s task=%s", call.execution_id, state)
        return _answer(command, outcome)

    async def _work(
        self, command: Work, call: TaskCall, heard: Callable[[], None], job: list[Any]
    ) -> TaskSucceeded | TaskFailed:
        if isinstance(command, ScheduleTask):
            if command.resource == START_EXECUTION and not job:
                started = await self._start(command)
                if not (_is_elsewhere(started, command) and self._runner.resolves(command.resource)):
                    return started
            info = ExecutionInfo(
                execution_id=call.execution_id,
                execution_name=call.execution_name,
                workflow_id=call.workflow_id,
                execution_arn=self._names.execution(call.execution_id),
                workflow_arn=self._names.workflow(call.workflow_id),
            )
            outcome = await self._runner.run(
                command, info, heard, submitted=job.append, answered=job[0] if job else None
            )
            return _told(outcome, job[0]) if job else outcome
        if isinstance(command, ReadItems):
            return await self._runner.read(command)
        return await self._runner.write(command)


def _is_elsewhere(started: TaskSucceeded | TaskFailed, command: ScheduleTask) -> bool:
    """Whether the workflow is none of ours, and its name is an ARN: AWS may have it."""
    given = command.arguments if isinstance(command.arguments, dict) else {}
    return (
        isinstance(started, TaskFailed)
        and started.error == "StepFunctions.StateMachineDoesNotExistException"
        and str(given.get("StateMachineArn")).startswith("arn:")
    )


def _told(outcome: TaskSucceeded | TaskFailed, submitted: Any) -> TaskSucceeded:
    """How a job ended, and what the service had answered when it took it: the workflow is told of both at once."""
    if isinstance(outcome, TaskSucceeded):
        return TaskSucceeded(outcome.task, {"submitted": submitted, "output": outcome.output})
    return TaskSucceeded(outcome.task, {"submitted": submitted, "error": outcome.error, "failed": outcome.cause})


class _Silence:
    """How much longer a task may be silent."""

    def __init__(self, allowed: float | None) -> None:
        self._allowed = allowed
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()

    def heard(self) -> None:
        self._heard = self._loop.time()

    def left(self) -> float:
        return float("inf") if self._allowed is None else self._heard + self._allowed - self._loop.time()


def _answer(command: Work, outcome: TaskSucceeded | TaskFailed) -> RawValue:
    if isinstance(outcome, TaskFailed):
        raise _failure(Ending(outcome.error, outcome.cause))
    text = _encode(outcome.output)
    if len(text) > PAYLOAD_LIMIT and isinstance(command, ScheduleTask):
        # Above two megabytes Temporal would not take it, above this the language does not.
        resource = parse_resource(command.resource)
        fault = too_large(resource.service or resource.arn)
        raise _failure(Ending(fault.error, fault.cause))
    answer = json_text(text) if isinstance(command, ScheduleTask) else list_text(text)
    if len(text) > LIST_LIMIT or len(answer.payload.data) > LIMIT:
        cause = (
            f"The items have {len(text):,} bytes, {len(answer.payload.data):,} squeezed, and Temporal takes {LIST_LIMIT:,}, "
            f"or {LIMIT:,} squeezed; let the items be references to large data."
        )
        raise _failure(Ending("States.ItemReaderFailed", cause))
    return answer


def _failure(ending: Ending) -> ApplicationError:
    cause = ending.cause
    if cause is not None and len(cause) > _CAUSE_LIMIT:
        ending = msgspec.structs.replace(ending, cause=cause[:_CAUSE_LIMIT])
    return ApplicationError(
        (ending.cause or ending.error or "the task failed")[:1000],
        json_value(ending),
        type=ending.error or "",
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )
