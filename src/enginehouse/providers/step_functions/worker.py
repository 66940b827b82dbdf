"""What runs the tasks of executions that AWS advances: any number of these, in any number of processes.

Activities are polled by ``GetActivityTask`` and queues by ``ReceiveMessage``, each on threads of its own: both hold their
connection until there is something to do.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from enginehouse.providers.step_functions.answers import Answers
from enginehouse.providers.step_functions.connection import Connection
from enginehouse.providers.step_functions.faults import code_of, is_transient, translated
from enginehouse.providers.step_functions.jobs import Job, activity_job, queue_job
from enginehouse.providers.step_functions.names import Arns
from enginehouse.providers.step_functions.running import run_job
from enginehouse.providers.step_functions.settings import Settings
from enginehouse.tasks import TaskRunner
from enginehouse.tasks.threads import Threads

log = logging.getLogger(__name__)

_LONG_POLL = 70.0
"""Seconds: AWS answers a poll for an activity's task within 60."""

_QUEUE_WAIT = 10
_MESSAGES = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_NOT_YET, _LONGEST_NOT_YET = 0.2, 5.0
_DELIVERIES = 10
_ELSEWHERE, _ASIDE = 1, 3.0


class Worker:
    """Polls for the tasks that its functions serve, and runs at most ``settings.concurrency`` of them, and those that come
    meanwhile from polls that are under way."""

    def __init__(self, connection: Connection, settings: Settings, arns: Arns) -> None:
        self._connection = connection
        self._settings = settings
        self._runner = TaskRunner(settings.handlers, threads=settings.task_threads)
        self._activities = []
        for name in settings.handlers:
            target = settings.target(name)
            if target.kind == "activity":
                self._activities.append(target.place or arns.activity(settings.activity_name(name)))
        self._queues = settings.queues()
        polls = (len(self._activities) + len(self._queues)) * settings.pollers
        self._threads = Threads(max(1, polls))
        self._messages = Threads(settings.threads)  # a queue that is silent keeps nobody from Step Functions
        self._polls = polls
        self._running: dict[asyncio.Task[None], tuple[Job, asyncio.Event]] = {}
        self._room = asyncio.Event()
        self._room.set()
        self._stopping = asyncio.Event()
        self._closed = False
        self._name = f"{socket.gethostname()}:{os.getpid()}"[:80]

    async def open(self) -> None:
        """Make the clients that wait. Raises boto3's own errors."""
        make, on_thread, settings = self._connection.make, self._connection.on_thread, self._settings
        pool = max(1, self._polls)
        self._client = await on_thread(make, "stepfunctions", settings.endpoint, read=_LONG_POLL, pool=pool)
        self._queue_client: Any = None
        if self._queues:
            pool = self._polls + settings.threads
            endpoint = settings.queue_endpoint
            self._queue_client = await on_thread(make, "sqs", endpoint, read=_QUEUE_WAIT + 10.0, pool=pool)
        self._answers = Answers(self._connection, self._queue_client, self._messages, settings)

    async def run(self) -> None:
        """Poll until cancelled. Raises what is wrong with the configuration, when the first poll tells."""
        log.info("worker.started activities=%d queues=%d", len(self._activities), len(self._queues))
        async with asyncio.TaskGroup() as polling:
            for _ in range(self._settings.pollers):
                for arn in self._activities:
                    polling.create_task(self._poll(arn, lambda arn=arn: self._poll_activity(arn)))  # type: ignore[misc]
                for url in self._queues:
                    polling.create_task(self._poll(url, lambda url=url: self._poll_queue(url)))  # type: ignore[misc]
            polling.create_task(self._stopping.wait())

    async def drain(self) -> None:
        """Take no more tasks, give those that run their time, then give them back."""
        self._stopping.set()
        log.info("worker.draining tasks=%d", len(self._running))
        if self._running:
            await asyncio.wait(self._running, timeout=self._settings.drain)
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=self._settings.grace + 3)
        self._closed = True

    async def abandon(self, execution_id: str) -> None:
        """Tell the tasks of an execution that nobody waits for them, and give them their grace."""
        told = [(task, gone) for task, (job, gone) in self._running.items() if job.told.execution == execution_id]
        for _, gone in told:
            gone.set()
        if told:
            await asyncio.wait([task for task, _ in told], timeout=self._settings.grace)

    def close(self) -> None:
        self._closed = True
        self._runner.close()
        self._messages.close()
        self._threads.close()

    async def _poll(self, place: str, once: Callable[[], Awaitable[None]]) -> None:
        proven, awaited, pause = False, False, _FIRST_PAUSE
        while not self._stopping.is_set():
            await self._room.wait()
            if self._stopping.is_set():
                return
            try:
                await once()
                proven, awaited, pause = True, False, _FIRST_PAUSE
            except Exception as error:
                if code_of(error) in (
                    "ActivityDoesNotExist",
                    "AWS.SimpleQueueService.NonExistentQueue",
                    "QueueDoesNotExist",
                ):
                    proven, pause = True, min(max(pause, _NOT_YET) * 1.5, _LONGEST_NOT_YET)
                    log.log(
                        logging.DEBUG if awaited else logging.WARNING, "poll.awaits place=%s reason=not there", place
                    )
                    awaited = True
                elif proven or is_transient(error):
                    log.warning("poll.failed place=%s reason=%s", place, error)
                else:
                    raise translated(error) or error from error
                await self._pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _pause(self, seconds: float) -> None:
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({stopping}, timeout=seconds * random.uniform(0.7, 1))
        stopping.cancel()

    # -- activities

    async def _poll_activity(self, arn: str) -> None:
        answer = await self._threads.run(self._take, arn)
        token = answer.get("taskToken")
        if not token:
            return
        try:
            job = activity_job(token, answer["input"])
        except ValueError as error:
            log.error("task.unreadable activity=%s reason=%s", arn, error)
            await self._answers.fail(
                token, "TaskInputInvalid", f"the activity's input is not of this worker's making: {error}"
            )
            return
        self._begin(job)

    def _take(self, arn: str) -> Any:
        answer = self._client.get_activity_task(activityArn=arn, workerName=self._name)
        if self._closed and answer.get("taskToken"):
            self._answers.give_back_now(answer)
        return answer

    # -- queues

    async def _poll_queue(self, url: str) -> None:
        answer = await self._threads.run(self._receive, url)
        strange = False
        for message in answer.get("Messages", ()):
            received = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
            try:
                job = queue_job(message["Body"], url, message["ReceiptHandle"], received)
            except ValueError as error:
                log.error("message.unreadable queue=%s id=%s reason=%s", url, message.get("MessageId"), error)
                continue
            if any(running.token == job.token for running, _ in self._running.values()):
                log.info(
                    "message.again queue=%s state=%s", url, job.told.state
                )  # it is asked about when it comes once more
                continue
            if job.told.name not in self._settings.handlers and received < _DELIVERIES:
                log.warning("task.elsewhere queue=%s task=%s", url, job.told.name)
                await self._answers.hide(job, _ELSEWHERE)
                strange = True
                continue
            self._begin(job)
        if strange:
            await self._pause(_ASIDE)  # somebody else has the function, and is let to it

    def _receive(self, url: str) -> Any:
        room = self._settings.concurrency - len(self._running)
        answer = self._queue_client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=max(1, min(_MESSAGES, room)),
            WaitTimeSeconds=_QUEUE_WAIT,
            VisibilityTimeout=self._settings.liveness,
            AttributeNames=["ApproximateReceiveCount"],
        )
        if self._closed:
            for message in answer.get("Messages", ()):
                self._queue_client.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
        return answer

    # -- tasks

    def _begin(self, job: Job) -> None:
        told = job.told
        name = f"{told.state}@{told.execution_name}"
        gone = asyncio.Event()
        work = run_job(job, gone, self._runner, self._answers, self._settings)
        task = asyncio.create_task(work, name=name)
        self._running[task] = (job, gone)
        task.add_done_callback(self._ended)
        if len(self._running) >= self._settings.concurrency:
            self._room.clear()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if len(self._running) < self._settings.concurrency:
            self._room.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.lost name=%s reason=%r", task.get_name(), error)
