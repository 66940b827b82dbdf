"""Drives the core in memory: carries its commands out, tells it what happened, and decides when time passes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from enginehouse import asl
from enginehouse.errors import ProviderError
from enginehouse.providers.mock._mapping import context_of
from enginehouse.providers.mock.execution import Execution, Pending
from enginehouse.providers.mock.faults import Faults
from enginehouse.providers.mock.memory import Memory
from enginehouse.providers.mock.script import Call, Script
from enginehouse.providers.mock.tasks import schedule
from enginehouse.tasks import TaskRunner

log = logging.getLogger(__name__)

_TURNS_IN_A_ROW = 32


class Host:
    """All executions of one mock provider. One asyncio task, made when there is work and ended when there is none,
    drives them; real task functions run as tasks of their own, which the host owns."""

    def __init__(self, memory: Memory, *, script: Script, runner: TaskRunner, faults: Faults) -> None:
        self.memory = memory
        self.clock = memory.clock
        self.script = script
        self.runner = runner
        self.faults = faults
        self.calls: list[Call] = []
        self._ready: deque[tuple[Execution, asl.Notification | None]] = deque()
        self._jobs: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._driver: asyncio.Task[None] | None = None

    # -- what comes in

    def begin(self, execution: Execution) -> None:
        """Let the execution start with its first turn."""
        self._ready.append((execution, None))
        self.drive()

    def notify(self, execution: Execution, notification: asl.Notification) -> None:
        """Tell the execution what happened, in its turn."""
        self._ready.append((execution, notification))
        self.drive()

    def now(self, execution: Execution, notification: asl.Notification) -> None:
        """Tell the execution what happened, before this call returns."""
        for waiting, first in list(self._ready):
            if waiting is execution and first is None:
                self._ready.remove((waiting, first))
                self._turn(execution, None)
        self._turn(execution, notification)

    def outcome(
        self, execution: Execution, notification: asl.TaskSucceeded | asl.TaskFailed | asl.TaskTimedOut
    ) -> None:
        """A task ended; what else could have ended it is dropped."""
        pending = execution.tasks.pop(notification.task, None)
        if pending is None:
            return
        pending.drop()
        if pending.answered is not None and isinstance(notification, asl.TaskTimedOut):
            self.own(self.runner.drop(pending.command, pending.answered))
        self.notify(execution, notification)
        if self.faults.answers_twice:
            self.notify(execution, notification)

    def answered(self, execution: Execution, outcome: asl.TaskSucceeded | asl.TaskFailed) -> None:
        """Somebody used a task's token; who is quicker than the service that gave it to them has the core wait for that."""
        pending = execution.tasks[outcome.task]
        pending.used = True
        if pending.command.pattern and not pending.submitted:
            self.notify(execution, asl.TaskAnswered(outcome.task, outcome))
        else:
            self.outcome(execution, outcome)

    def submit(self, execution: Execution, pending: Pending, output: Any) -> None:
        """The request of a task that ends later was taken."""
        if not pending.submitted:
            pending.submitted = True
            self.notify(execution, asl.TaskSubmitted(pending.command.task, output))

    def beat(self, execution: Execution, task: int) -> None:
        """A task gave a sign of life."""
        pending = execution.tasks.get(task)
        if pending is None or pending.command.heartbeat is None:
            return
        if pending.heartbeat is not None:
            pending.heartbeat.cancel()
        silence = asl.TaskTimedOut(task, heartbeat=True)
        pending.heartbeat = self.clock.at(
            self.clock.now + pending.command.heartbeat, lambda: self.outcome(execution, silence)
        )

    # -- the loop

    def drive(self) -> asyncio.Task[None]:
        """The task that drives, made if there is none; it ends when nothing can go on."""
        self._wake.set()
        if self._driver is None or self._driver.done():
            self._driver = asyncio.get_running_loop().create_task(self._drive(), name="enginehouse-mock")
        return self._driver

    async def settle(self, horizon: float | None = None) -> None:
        """Let everything go on until nothing can, with time passing up to ``horizon``, or as far as there are timers."""
        clock = self.clock
        before = clock.horizon
        clock.horizon = max(before, horizon if horizon is not None else float("inf"))
        try:
            await asyncio.shield(self.drive())
        finally:
            clock.horizon = before
        if horizon is not None:
            clock.now = max(clock.now, horizon)

    async def until(self, execution: Execution) -> None:
        """Let everything go on until this execution has ended. Raises ``ProviderError`` where it never will by itself."""
        before = self.clock.horizon
        self.clock.horizon = float("inf")
        try:
            while not execution.finished:
                driver = self.drive()
                ended = asyncio.ensure_future(execution.ended.wait())
                try:
                    await asyncio.wait({driver, ended}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    ended.cancel()
                if driver.done() and not execution.finished and not self._ready:
                    raise ProviderError(
                        f"it waits for {execution.waits_for()}, and nothing here will bring that: "
                        "script the state, or answer by send_task_success",
                        operation="wait",
                        execution_id=execution.id,
                        provider="mock",
                    )
        finally:
            self.clock.horizon = before

    async def close(self) -> None:
        """Stop driving, and cancel the functions that still run."""
        doomed = [*self._jobs, *([self._driver] if self._driver is not None else [])]
        for job in doomed:
            job.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)
        self.runner.close()

    async def _drive(self) -> None:
        clock = self.clock
        in_a_row = 0
        try:
            while True:
                if self._ready:
                    self._turn(*self._ready.popleft())
                    in_a_row += 1
                    if in_a_row == _TURNS_IN_A_ROW:
                        in_a_row = 0
                        await asyncio.sleep(0)
                elif clock.fire():
                    pass
                elif self._jobs or (clock.mode == "real" and clock.next() is not None):
                    await self._follow_wall()
                else:
                    clock.leave_wall()
                    await asyncio.sleep(0)  # others may have something to say before time passes
                    if not self._ready and not self._jobs and not clock.jump():
                        return
        finally:
            clock.leave_wall()

    async def _follow_wall(self) -> None:
        self._wake.clear()
        patience = self.clock.follow_wall()
        try:
            async with asyncio.timeout(patience):
                await self._wake.wait()
        except TimeoutError:
            pass
        self.clock.follow_wall()

    def _turn(self, execution: Execution, notification: asl.Notification | None) -> None:
        now = self.clock.read()
        try:
            if notification is None:
                context = context_of(execution, self.memory.names)
                turn = execution.program.start(execution.input, context, now, execution.id, text=execution.input_text)
            elif execution.state is None:
                return
            else:
                turn = execution.program.resume(execution.state, notification, now)
        except Exception as error:
            log.exception("the core failed in execution %s", execution.id)
            execution.broken = f"{type(error).__name__}: {error}"
            self._ended(execution)
            return
        execution.state = turn.state
        execution.events.extend(turn.events)
        for command in turn.commands:
            self._carry_out(execution, command)
        if turn.events:
            execution.tell()

    # -- commands

    def _carry_out(self, execution: Execution, command: asl.Command) -> None:
        match command:
            case asl.ScheduleTask():
                schedule(self, execution, command)
            case asl.StartTimer(timer=number, at=at):
                fired = asl.TimerFired(number)
                execution.timers[number] = self.clock.at(at, lambda: self._fired(execution, fired))
            case asl.CancelTimer(timer=number):
                timer = execution.timers.pop(number, None)
                if timer is not None:
                    timer.cancel()
            case asl.CancelTask(task=number):
                self._cancel(execution, number)
            case asl.StartChild():
                self._start_child(execution, command)
            case asl.StopChild(child=number):
                child = execution.children.pop(number, None)
                if child is not None:
                    self.notify(child, asl.Stop(None, "The parent execution no longer waits for this one."))
            case asl.ReadItems():
                self._job(execution, command.task, lambda: self._read(execution, command))
            case asl.WriteResults():
                self._job(execution, command.task, lambda: self._write(execution, command))
            case asl.Finish():
                self._ended(execution)

    def _fired(self, execution: Execution, fired: asl.TimerFired) -> None:
        execution.timers.pop(fired.timer, None)
        self.notify(execution, fired)

    def _cancel(self, execution: Execution, task: int) -> None:
        pending = execution.tasks.pop(task, None)
        if pending is None:
            return
        pending.drop()
        if pending.answered is not None:
            self.own(self.runner.drop(pending.command, pending.answered))
        if pending.child is not None:
            self.notify(pending.child, asl.Stop(None, "The parent execution no longer waits for this one."))

    def _start_child(self, execution: Execution, command: asl.StartChild) -> None:
        before = self.memory.child_to_redrive(execution, command)
        child = before or self.memory.open_child(execution, command)
        number = command.child

        def tell_parent(child: Execution) -> None:
            execution.children.pop(number, None)
            state = child.state
            if state is None:
                self.notify(execution, asl.ChildFinished(number, "FAILED", None, "States.Runtime", child.broken))
            else:
                output = state.output if state.status == "SUCCEEDED" else None
                self.notify(execution, asl.ChildFinished(number, state.status, output, state.error, state.cause))

        child.on_end = tell_parent
        execution.children[number] = child
        if before is None:
            self.begin(child)
        else:
            child.reopen()
            self.notify(child, asl.Redrive(number))

    def _ended(self, execution: Execution) -> None:
        execution.stopped = self.clock.now
        for task in list(execution.tasks):
            self._cancel(execution, task)
        for timer in execution.timers.values():
            timer.cancel()
        execution.timers.clear()
        execution.ended.set()
        execution.tell()
        if execution.on_end is not None:
            execution.on_end(execution)

    async def _read(self, execution: Execution, command: asl.ReadItems) -> None:
        self.outcome(execution, await self.runner.read(command))

    async def _write(self, execution: Execution, command: asl.WriteResults) -> None:
        self.outcome(execution, await self.runner.write(command))

    def _job(self, execution: Execution, task: int, make: Callable[[], Any]) -> None:
        stands_for = asl.ScheduleTask(task, "", "", None, "")
        execution.tasks[task] = Pending(stands_for, job=self.own(make()))

    def own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run this; it is cancelled where the provider is closed."""
        job: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._done)
        return job

    def _done(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled() and job.exception() is not None:
            log.error("a task of the mock failed", exc_info=job.exception())
        self._wake.set()
