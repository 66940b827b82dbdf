"""One task in a worker: run, kept alive meanwhile, answered for at the end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.providers.step_functions.answers import Answers
from enginehouse.providers.step_functions.jobs import Job
from enginehouse.providers.step_functions.settings import Settings
from enginehouse.tasks import TaskRunner

log = logging.getLogger(__name__)

_SHORTEST = 0.05


async def run_job(job: Job, gone: asyncio.Event, runner: TaskRunner, answers: Answers, settings: Settings) -> None:
    """Run the task and hand its outcome in; once ``gone`` is set, nobody waits for it. Cancelling gives it back to the other
    workers. A message that came before may be of a task that is over, which is asked first."""
    beats = _Beats(job, settings)
    if job.received > 1 and not await _is_waited_for(job, answers, beats):
        log.info("task.over state=%s execution=%s", job.told.state, job.told.execution)
        await answers.done(job)
        return
    work = asyncio.create_task(runner.run(job.command(), job.info(), beats.heard))
    watch = asyncio.create_task(_keep(job, gone, answers, beats))
    try:
        await asyncio.wait({work, watch}, timeout=job.told.timeout or None, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await _answer(job, answers, work.result())
            return
        log.info("task.abandoned state=%s execution=%s", job.told.state, job.told.execution)
        await _end(work, settings.grace)
        await answers.done(job)
    except asyncio.CancelledError:
        if not work.done():
            await _end(work, settings.grace)
            await answers.give_back(job)
        raise
    finally:
        watch.cancel()
        await asyncio.wait({watch})


async def _is_waited_for(job: Job, answers: Answers, beats: _Beats) -> bool:
    try:
        return beats.silent or await answers.alive(job.token, kept=beats.kept)
    except asyncio.CancelledError:
        await answers.give_back(job)
        raise


async def _answer(job: Job, answers: Answers, outcome: TaskSucceeded | TaskFailed) -> None:
    if isinstance(outcome, TaskFailed):
        await answers.fail(job.token, outcome.error, outcome.cause)
    elif not job.told.callback:
        await answers.succeed(job.token, outcome.output, job.told.name)
    await answers.done(job)


async def _end(work: asyncio.Task[TaskSucceeded | TaskFailed], grace: float) -> None:
    """Tell the function that nobody waits for it, and give it its time."""
    work.cancel()
    await asyncio.wait({work}, timeout=grace)


async def _keep(job: Job, gone: asyncio.Event, answers: Answers, beats: _Beats) -> None:
    """Signs of life. Ends when nobody waits for the task any more."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(beats.pause):
                await gone.wait()
                return
        if job.queue:
            await answers.hide(job, beats.visible)
        if beats.due() and not await answers.alive(job.token, kept=beats.kept):
            return


class _Beats:
    """When to tell that a task is alive: by itself, but where the state has a heartbeat of its own. That is for the
    function to keep."""

    def __init__(self, job: Job, settings: Settings) -> None:
        told = job.told
        self._own = told.heartbeat is not None
        self.silent = told.callback
        self._heard = False
        self.kept = self._own or told.watched is not None
        self.visible = settings.liveness
        shortest = [settings.beat, settings.liveness / 3]
        if told.watched is not None:
            shortest.append(told.watched / 3)
        if told.heartbeat:
            shortest.append(told.heartbeat / 4)
        self.pause = max(_SHORTEST, min(shortest))

    def heard(self) -> None:
        self._heard = True

    def due(self) -> bool:
        if self.silent:
            return False
        due = self._heard or not self._own
        self._heard = False
        return due
