"""The workflow that every execution is: it drives the pure core by Temporal's means.

It runs outside of the SDK's sandbox, which guards hand-written workflows: this code is fixed, asks only Temporal for time,
and is held to its recorded histories by the tests. Its name in Temporal is the id of the workflow that it runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ChildWorkflowError, FailureError, WorkflowAlreadyStartedError

from enginehouse.asl.commands import (
    CancelTask,
    CancelTimer,
    ReadItems,
    ScheduleTask,
    StartChild,
    StartTimer,
    StopChild,
    WriteResults,
)
from enginehouse.asl.notifications import ChildFinished, GoOn, Stop, TimerFired
from enginehouse.providers.temporal import _mapping as mapping
from enginehouse.providers.temporal import calls, signals
from enginehouse.providers.temporal.live import (
    PAUSE,
    AlarmRang,
    Happening,
    Live,
    Order,
    SetAlarm,
    TaskReturned,
    compiled,
    in_order,
    is_activity,
)
from enginehouse.providers.temporal.pace import Pace, Turn
from enginehouse.providers.temporal.payloads import LIMIT, json_text, json_value, text_of, value_of
from enginehouse.providers.temporal.records import VERSION, Ending, Start

log = logging.getLogger(__name__)

READ, WRITE = "enginehouse:read-items", "enginehouse:write-results"

# What the language allows a task that names no timeout: three years and two months.
_LONGEST = timedelta(seconds=99_999_999)

# A lost worker's tasks are given to another one after `liveness`; all other failures are the language's to retry.
_AFTER_A_LOSS = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=1.0, maximum_attempts=0)

_PAUSED = (0, "")
"""The key of the timer after which the core goes on with a turn; those of its own begin at 1."""


@workflow.defn(dynamic=True, sandboxed=False)
class Execution:
    """One run of one execution. Arguments: the definition, the input, who it is (``Start``), and what it goes on from."""

    def __init__(self) -> None:
        self._inbox: list[Happening] = []
        self._activities: dict[int, workflow.ActivityHandle[Any]] = {}
        self._children: dict[int, asyncio.Task[None]] = {}
        self._timers: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._deferred: deque[ScheduleTask | ReadItems | WriteResults | StartChild] = deque()
        self._pace = Pace(careful=True)
        self._starting: set[int] = set()
        self._pausing: asyncio.Task[None] | None = None
        self._more = False
        self._leaving: list[workflow.ActivityHandle[Any]] = []

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> RawValue:
        """The output. A failure of the execution is an ``ApplicationError`` with an ``Ending`` as its details."""
        payloads = [item.payload for item in args]
        start = calls.start_of(payloads, workflow.info().first_execution_run_id)
        if start.version > VERSION:
            # Fails the workflow task, not the execution: a worker of that version, or a later one, goes on with it.
            raise RuntimeError("the execution is of a later version of enginehouse than this worker; update the worker")
        try:
            return await self._run(payloads, start)
        except FailureError:
            raise
        except Exception as error:
            # Anything else would be tried again without end, and nobody would be told.
            raise calls.failed(Ending("States.Runtime", f"{type(error).__name__}: {error}")) from error

    @workflow.signal(dynamic=True)
    def signalled(self, name: str, args: Sequence[RawValue]) -> None:
        if (told := signals.read(name, [item.payload for item in args])) is not None:
            self._inbox.append(told)

    # -- driving

    async def _run(self, args: list[Payload], start: Start) -> RawValue:
        info = workflow.info()
        self._definition = RawValue(args[0])
        self._pace = Pace(careful=start.version >= 1)
        live = Live(
            start,
            definition=text_of(args[0]),
            input_text=text_of(args[1]),
            execution_id=info.workflow_id,
            workflow_id=info.workflow_type,
            started_at=info.workflow_start_time.timestamp(),
        )
        now = _now()
        if (carried := calls.carried_of(args)) is not None:
            self._carry_out(live, live.go_on(carried, now))
        else:
            self._carry_out(live, live.begin(now))
            _tell("execution.began", live)
        while (state := live.state) is not None and not state.finished:
            if state.paused and _PAUSED not in self._timers:
                self._set_timer(_PAUSED, now, GoOn(), PAUSE)
            if self._may_leave():
                self._leave(live, args)
            try:
                await workflow.wait_condition(lambda: bool(self._inbox) or self._more)
            except asyncio.CancelledError:
                self._inbox.append(Stop(None, workflow.cancellation_reason() or None))
            happenings, self._inbox = in_order(self._inbox), []
            now = _now()
            for happening in happenings:
                self._carry_out(live, live.tell(happening, now))
            if self._more:
                self._more = False
                self._launch(live)
        return await self._end(live)

    async def _end(self, live: Live) -> RawValue:
        state = live.state
        assert state is not None  # noqa: S101 -- it has finished
        _tell(
            "execution.ended", live, f" state={state.status.lower()}" + (f" error={state.error}" if state.error else "")
        )
        for timer in self._timers.values():
            timer.cancel()
        if self._pausing is not None:
            self._pausing.cancel()
        if state.status == "SUCCEEDED":
            return json_text(state.output_text or "null")
        if state.status == "ABORTED":
            await self._grant_grace(live.start.grace)
            raise asyncio.CancelledError
        raise calls.failed(Ending(state.error, state.cause, status=state.status, failed_at=state.failed_at))

    async def _grant_grace(self, grace: float) -> None:
        """Let the tasks that were told to stop clean up."""
        if all(handle.done() for handle in self._leaving):
            return
        try:
            await workflow.wait_condition(
                lambda: all(handle.done() for handle in self._leaving), timeout=grace, timeout_summary="grace"
            )
        except TimeoutError:
            return

    def _may_leave(self) -> bool:
        """Whether this run has grown so long that the next one is to go on. What runs is waited for first."""
        return not self._unfinished and not self._inbox and self._pace.leaving(_turn(), 0)

    @property
    def _unfinished(self) -> int:
        return len(self._activities) + len(self._children)

    def _leave(self, live: Live, args: list[Payload]) -> None:
        start = msgspec.structs.replace(live.start, started_at=live.started_at, version=VERSION)
        carried = live.carry(list(self._deferred))
        if carried is None:
            raise calls.failed(Ending("States.DataLimitExceeded", calls.TOO_MUCH_TO_CARRY))
        given = [RawValue(args[0]), RawValue(args[1]), json_value(start), carried]
        if (size := calls.size_of(given)) > LIMIT:
            cause = f"The execution's state has {size:,} bytes, and Temporal takes {LIMIT:,} from one run to the next."
            raise calls.failed(Ending("States.DataLimitExceeded", cause))
        _tell("execution.goes_on_in_a_new_run", live, f" bytes={size}")
        workflow.continue_as_new(args=given)

    # -- orders

    def _carry_out(self, live: Live, orders: list[Order]) -> None:
        for order in orders:
            match order:
                case ScheduleTask() if is_activity(order.resource):
                    pass  # somebody will answer by its token
                case ScheduleTask() | ReadItems() | WriteResults() | StartChild():
                    self._deferred.append(order)
                case CancelTask():
                    self._cancel(order.task)
                case StopChild():
                    self._stop_child(order.child)
                case StartTimer():
                    name = f"{live.timer_name(order.timer)}#{order.timer}"
                    self._set_timer((order.timer, ""), order.at, TimerFired(order.timer), name)
                case CancelTimer():
                    self._drop_timer((order.timer, ""))
                case SetAlarm():
                    kind = "heartbeat" if order.heartbeat else "timeout"
                    command = live.tasks.get(order.task)
                    name = f"{getattr(command, 'state', '')}#{order.task} {kind}"
                    self._set_timer((order.task, kind), order.at, AlarmRang(order.task, order.heartbeat), name)
        for key in [key for key in self._timers if key[1] and key[0] not in live.tasks]:
            self._drop_timer(key)
        self._launch(live)

    def _launch(self, live: Live) -> None:
        """Begin what is to be begun, as far as Temporal's limits allow; nothing where this run is about to end."""
        while self._deferred:
            order = self._deferred[0]
            if order.child not in live.children if isinstance(order, StartChild) else order.task not in live.tasks:
                self._deferred.popleft()
                continue
            args = (
                calls.child_args(live, self._definition, order)
                if isinstance(order, StartChild)
                else calls.task_args(live, order)
            )
            if (size := calls.size_of(args)) > LIMIT:
                name = getattr(order, "state", type(order).__name__)
                cause = f"{name} takes {size:,} bytes with all that goes along, and Temporal takes {LIMIT:,} at once."
                raise calls.failed(Ending("States.DataLimitExceeded", cause))
            starting = len(self._starting) if isinstance(order, StartChild) else 0
            if not self._pace.may_begin(_turn(), self._unfinished, size, starting):
                break
            self._deferred.popleft()
            if isinstance(order, StartChild):
                self._starting.add(order.child)
                self._children[order.child] = asyncio.create_task(self._run_child(live, order, args))
            else:
                self._start_activity(live, order, args)
        if self._deferred and self._pace.crowded and self._pausing is None:
            self._pausing = asyncio.create_task(self._pause())

    async def _pause(self) -> None:
        """Wait for the next workflow task, which has room for what did not fit into this one."""
        await workflow.sleep(0.001, summary="more")
        self._pausing, self._more = None, True

    def _set_timer(self, key: tuple[int, str], at: float, happening: Happening, name: str) -> None:
        self._drop_timer(key)
        self._timers[key] = asyncio.create_task(self._ring(key, at, happening, name))

    async def _ring(self, key: tuple[int, str], at: float, happening: Happening, name: str) -> None:
        await workflow.sleep(max(at - _now(), 0.001), summary=name)
        self._timers.pop(key, None)
        self._inbox.append(happening)

    def _drop_timer(self, key: tuple[int, str]) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    # -- tasks

    def _start_activity(self, live: Live, order: ScheduleTask | ReadItems | WriteResults, args: list[RawValue]) -> None:
        task = order.task
        if isinstance(order, ScheduleTask):
            kind, state, limit = order.resource.removeprefix("task:"), order.state, order.timeout
        else:
            kind = READ if isinstance(order, ReadItems) else WRITE
            state, limit = kind.partition(":")[2], None
        within = _LONGEST if limit is None else timedelta(seconds=limit)
        handle = workflow.start_activity(
            kind,
            args=args,
            activity_id=f"{state}#{task}",
            summary=state,
            result_type=RawValue,
            schedule_to_close_timeout=within,
            heartbeat_timeout=timedelta(seconds=live.start.liveness),
            retry_policy=_AFTER_A_LOSS,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        self._activities[task] = handle
        handle.add_done_callback(lambda done: self._activity_ended(task, done))

    def _activity_ended(self, task: int, handle: asyncio.Task[Any]) -> None:
        if self._activities.get(task) is handle:
            del self._activities[task]
        self._more = bool(self._deferred)  # also one that nobody waits for makes room for what does wait
        if handle.cancelled():
            return
        error = handle.exception()
        if error is None:
            payload = handle.result().payload
            self._pace.returned(len(payload.data))
            self._inbox.append(TaskReturned(task, value_of(payload)))
            return
        cause = error.cause if isinstance(error, ActivityError) else error
        outcome = mapping.task_failed(task, cause)
        if outcome is not None:
            self._inbox.append(outcome)

    def _cancel(self, task: int) -> None:
        handle = self._activities.get(task)
        if handle is not None:
            self._leaving.append(handle)
            handle.cancel()

    # -- child executions

    async def _run_child(self, live: Live, order: StartChild, args: list[RawValue]) -> None:
        """One item, or batch, of a distributed Map."""
        limit = compiled(live.definition, live.start.options, order.processor).timeout
        happened: ChildFinished
        try:
            child = await workflow.start_child_workflow(
                live.workflow_id,
                args=args,
                id=f"{live.execution_id}/{order.child}",
                result_type=RawValue,
                execution_timeout=timedelta(seconds=limit) if limit is not None else None,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                cancellation_type=workflow.ChildWorkflowCancellationType.TRY_CANCEL,
            )
            self._started(order.child)
            output = await child
            self._pace.returned(len(output.payload.data))
            happened = ChildFinished(order.child, "SUCCEEDED", value_of(output.payload))
        except ChildWorkflowError as error:
            happened = mapping.child_failed(order.child, error.cause)
        except WorkflowAlreadyStartedError:
            if live.start.version < 3:
                raise
            happened = mapping.child_not_started(order.child)
        finally:
            self._children.pop(order.child, None)
            self._starting.discard(order.child)
            self._more = bool(self._deferred)
        self._inbox.append(happened)

    def _started(self, child: int) -> None:
        if child in self._starting:
            self._starting.remove(child)
            self._more = True

    def _stop_child(self, child: int) -> None:
        running = self._children.get(child)
        if running is not None:
            running.cancel()


def _now() -> float:
    return workflow.time_ns() / 1e9


def _tell(event: str, live: Live, more: str = "") -> None:
    """Log it, once: not again where a worker goes through a history."""
    if not workflow.unsafe.is_replaying():
        log.info("%s execution=%s workflow=%s%s", event, live.execution_id, live.workflow_id, more)


def _turn() -> Turn:
    info = workflow.info()
    return Turn(info.get_current_history_length(), info.get_current_history_size(), info.is_continue_as_new_suggested())
