"""What a worker tells AWS of its tasks. A result that nobody waits for any more is dropped without ado."""

from __future__ import annotations

import asyncio
import functools
import logging
import random
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from enginehouse.asl.machine import too_large
from enginehouse.errors import ProviderError, ProviderUnavailableError
from enginehouse.mapping import INPUT_LIMIT
from enginehouse.providers.step_functions._mapping import CAUSE_LIMIT, ERROR_LIMIT, cut
from enginehouse.providers.step_functions.connection import Connection
from enginehouse.providers.step_functions.faults import code_of, is_expired, says, translated
from enginehouse.providers.step_functions.jobs import Job, activity_job
from enginehouse.providers.step_functions.rewriting import STOPPED
from enginehouse.providers.step_functions.settings import Settings
from enginehouse.tasks.threads import Threads

log = logging.getLogger(__name__)

_GONE = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})
# AWS is not reached, or something else stands in its place.
_PASSING = (ProviderUnavailableError, ProviderError)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
_HANDED_BACK = "the worker stops; another one runs the task"


class Answers:
    """The way back from a worker to AWS. ``threads``: those on which queues are called."""

    def __init__(self, connection: Connection, queue_client: Any, threads: Threads, settings: Settings) -> None:
        self._connection = connection
        self._queue_client = queue_client
        self._settings = settings
        self._threads = threads

    async def succeed(self, token: str, output: Any, name: str) -> None:
        """Hand the result in. One above the language's limit, and one that AWS refuses, fails the task."""
        text = msgspec.json.encode(output)
        if len(text) > INPUT_LIMIT:
            fault = too_large(name)
            await self.fail(token, fault.error, fault.cause)
            return
        try:
            await self._deliver("send_task_success", token, output=text.decode())
        except (ClientError, BotoCoreError) as error:
            log.error("task.result_refused task=%s reason=%s", name, error)
            await self.fail(token, "TaskResultInvalid", f"task {name!r}: AWS refuses the result: {says(error)}")

    async def fail(self, token: str, error: str | None, cause: str | None) -> None:
        given = {} if error is None else {"error": cut(error, ERROR_LIMIT)}
        given |= {} if cause is None else {"cause": cut(cause, CAUSE_LIMIT)}
        await self._deliver("send_task_failure", token, **given)

    async def alive(self, token: str, *, kept: bool) -> bool:
        """Tell that the task is alive. False where nobody waits for it any more. ``kept``: the state has a heartbeat; for
        one that has none, a server may say that the token is invalid, which then tells nothing."""
        try:
            await self._connection.ask("send_task_heartbeat", taskToken=token)
        except (ClientError, BotoCoreError, *_PASSING) as error:
            if code_of(error) in _GONE and (kept or code_of(error) != "InvalidToken"):
                return False
            if code_of(error) not in _GONE:
                log.warning("task.heartbeat_failed reason=%s", error)
        return True

    async def _deliver(self, operation: str, token: str, **members: Any) -> None:
        """Hand in, again and again while AWS cannot be reached, or the credentials wait to be renewed: the result is there
        once only."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._connection.ask(operation, taskToken=token, **members)
                return
            except _PASSING as error:
                log.warning("task.answer_delayed operation=%s reason=%s", operation, error)
            except (ClientError, BotoCoreError) as error:
                if code_of(error) in _GONE:
                    log.info("task.answer_dropped operation=%s reason=%s", operation, code_of(error))
                    return
                if not is_expired(error):
                    raise
                log.warning("task.answer_delayed operation=%s reason=%s", operation, translated(error))
            await asyncio.sleep(pause * random.uniform(0.7, 1))
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def give_back(self, job: Job) -> None:
        """Have another worker run the task, soon where that can be had."""
        if job.queue:
            await self.hide(job, 0)
        elif job.told.watched is not None:
            await self.fail(job.token, STOPPED, _HANDED_BACK)

    def give_back_now(self, answer: dict[str, Any]) -> None:
        """The same for a task that came when this worker had ended already. To be called on a thread."""
        try:
            job = activity_job(answer["taskToken"], answer["input"])
            if job.told.watched is not None:
                self._connection.client.send_task_failure(taskToken=job.token, error=STOPPED, cause=_HANDED_BACK)
        except (ValueError, ClientError, BotoCoreError, ResponseParserError) as error:
            log.warning("task.left reason=%s", error)

    async def hide(self, job: Job, seconds: int) -> None:
        """Keep the job's message from other workers for so long; 0: show it to them at once."""
        await self._message("change_message_visibility", job, VisibilityTimeout=seconds)

    async def done(self, job: Job) -> None:
        """Remove the job's message, if it is of a queue."""
        if job.queue:
            await self._message("delete_message", job)

    async def _message(self, operation: str, job: Job, **members: Any) -> None:
        members |= {"QueueUrl": job.queue, "ReceiptHandle": job.receipt}
        call = functools.partial(getattr(self._queue_client, operation), **members)
        try:
            async with asyncio.timeout(self._settings.timeout):
                await self._threads.run(call)
        except (ClientError, BotoCoreError, ResponseParserError, TimeoutError) as error:
            # The message then comes again, and its answer is dropped as one that nobody waits for.
            log.warning("message.left operation=%s reason=%s", operation, error)
