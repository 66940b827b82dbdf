"""The tasks that this process runs: started after their turn is recorded, told when they no longer matter."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeAlias

from enginehouse.asl.commands import ReadItems, ScheduleTask, WriteResults
from enginehouse.asl.notifications import Notification, TaskFailed, TaskSubmitted, TaskSucceeded
from enginehouse.errors import EnginehouseError, ProviderUnavailableError
from enginehouse.names import Names
from enginehouse.providers.local import nested
from enginehouse.providers.local.live import Live, Work, is_activity
from enginehouse.providers.local.writer import Writer
from enginehouse.tasks.context import ExecutionInfo

log = logging.getLogger(__name__)

Tell: TypeAlias = Callable[[Live, Notification], None]
Items: TypeAlias = Callable[[ReadItems | WriteResults], Coroutine[Any, Any, TaskSucceeded | TaskFailed]]


class Runner(Protocol):
    """Runs tasks; ``enginehouse.tasks.runner.TaskRunner`` is one."""

    async def run(
        self,
        command: ScheduleTask,
        info: ExecutionInfo,
        heartbeat: Callable[[], None] | None = None,
        *,
        submitted: Callable[[Any], None] = ...,
        answered: Any = None,
    ) -> TaskSucceeded | TaskFailed: ...

    async def drop(self, command: ScheduleTask, answered: Any) -> None: ...

    def resolves(self, resource: str, arguments: object = None) -> bool: ...

    def has_activity(self, arn: str) -> bool: ...


class Workshop:
    """Runs tasks and tells their outcomes to ``tell``. ``posted`` is called when something was put into the inbox,
    ``polled`` with the activity that a task waits for a worker of, ``failed`` when the store cannot be used."""

    def __init__(
        self,
        runner: Runner,
        items: Items,
        names: Names,
        writer: Writer,
        tell: Tell,
        posted: Callable[[], None],
        polled: Callable[[str], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._runner = runner
        self._items = items
        self._names = names
        self._writer = writer
        self._tell = tell
        self._posted = posted
        self._polled = polled
        self._failed = failed
        self._running: set[asyncio.Task[None]] = set()
        self._jobs: dict[tuple[int, int], tuple[ScheduleTask, Any]] = {}

    def launch(self, live: Live, command: Work, answered: Any = None) -> None:
        """Run a task, unless workers poll for it. ``answered`` is what a service answered to it before: a job to be followed."""
        number = command.task
        if isinstance(command, ScheduleTask):
            if is_activity(command.resource):
                if self._runner.has_activity(command.resource):
                    self._polled(command.resource)
                else:
                    self.spawn(self._refuse(live, command))
                return
            if command.heartbeat is not None:
                live.beats[number] = time.time() + command.heartbeat
            starts = nested.is_nested(command) and answered is None
            work = self._start(live, command) if starts else self._run(live, command, answered)
        else:
            work = self._move_items(live, command)
        live.running[number] = task = asyncio.create_task(work)
        self._running.add(task)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something else that must end with the engine."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self, live: Live, number: int) -> None:
        """The task's outcome no longer matters: tell it."""
        task = live.running.pop(number, None)
        if task is not None:
            task.add_done_callback(self._running.discard)
            task.cancel()
        job = self._jobs.pop((live.number, number), None)
        if job is not None:
            self.spawn(self._runner.drop(*job))

    async def close(self, grace: float) -> None:
        """Tell all running tasks, and give them ``grace`` seconds to clean up."""
        running = {task for task in self._running if not task.done()}
        for task in running:
            task.cancel()
        if running:
            _, late = await asyncio.wait(running, timeout=grace)
            if late:
                log.warning("engine.tasks_abandoned count=%d grace=%s", len(late), grace)

    def _ended(self, live: Live, number: int) -> None:
        task = asyncio.current_task()
        if live.running.get(number) is task:
            del live.running[number]
        self._running.discard(task)

    async def _run(self, live: Live, command: ScheduleTask, answered: Any) -> None:
        row, number, names = live.row, command.task, self._names
        heartbeat = partial(_heard, live, command) if command.heartbeat is not None else None
        info = ExecutionInfo(
            execution_id=row.id,
            execution_name=row.name,
            workflow_id=row.workflow,
            execution_arn=names.execution(row.id),
            workflow_arn=names.workflow(row.workflow),
        )
        outcome: TaskSucceeded | TaskFailed
        followed = (live.number, number)
        if answered is not None:
            self._jobs[followed] = command, answered

        def submitted(answer: Any) -> None:
            self._jobs[followed] = command, answer
            self._tell(live, TaskSubmitted(number, answer))

        try:
            outcome = await self._runner.run(command, info, heartbeat, submitted=submitted, answered=answered)
        except Exception as error:
            log.exception("task.runner_failed execution=%s task=%s resource=%s", row.id, number, command.resource)
            outcome = TaskFailed(number, "States.Runtime", f"the runner failed: {error!r}")
        finally:
            self._ended(live, number)
        is_job = self._jobs.pop(followed, None) is not None
        if command.pattern and not is_job and isinstance(outcome, TaskSucceeded):
            self._tell(live, TaskSubmitted(number, outcome.output))
            if command.pattern == "waitForTaskToken":
                return
        self._tell(live, outcome)

    async def _refuse(self, live: Live, command: ScheduleTask) -> None:
        """Nobody can poll for the task."""
        self._tell(live, TaskFailed(command.task, "States.Runtime", f"The activity {command.resource} does not exist."))

    async def _move_items(self, live: Live, command: ReadItems | WriteResults) -> None:
        try:
            outcome = await self._items(command)
        finally:
            self._ended(live, command.task)
        self._tell(live, outcome)

    async def _start(self, live: Live, command: ScheduleTask) -> None:
        """Start the workflow that the task names. Run again after a crash, it finds what it started before."""
        number = command.task
        notification: Notification
        try:
            begin = partial(nested.start, live, command, self._names, time.time())
            answer = await self._writer.write(begin, patient=True)
        except nested.RefusedError as refusal:
            if refusal.is_elsewhere and self._runner.resolves(command.resource):
                await self._run(live, command, None)
                return
            notification = TaskFailed(number, refusal.error, refusal.message)
        except ProviderUnavailableError as error:
            self._failed(error)
            return
        except EnginehouseError as error:
            log.error("execution.not_started execution=%s task=%s error=%s", live.row.id, number, error)
            notification = TaskFailed(number, "States.Runtime", f"the workflow could not be started: {error}")
        else:
            self._posted()
            notification = TaskSubmitted(number, answer) if command.pattern else TaskSucceeded(number, answer)
        finally:
            self._ended(live, number)
        self._tell(live, notification)


def _heard(live: Live, command: ScheduleTask) -> None:
    if command.task in live.tasks and command.heartbeat is not None:
        live.beats[command.task] = time.time() + command.heartbeat
