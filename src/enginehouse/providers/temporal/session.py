"""All that a provider holds open: a client, and a worker where the provider was given tasks."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable
from typing import TypeVar

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.worker import Worker

from enginehouse.asl.commands import ScheduleTask
from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.errors import ProviderError
from enginehouse.providers.temporal.connection import asked, connect, translated
from enginehouse.providers.temporal.definitions import Definitions
from enginehouse.providers.temporal.recent import Recent
from enginehouse.providers.temporal.settings import Settings
from enginehouse.providers.temporal.worker import make_runner, make_worker
from enginehouse.tasks import TaskRunner

T = TypeVar("T")
log = logging.getLogger(__name__)

# A process that ends while the SDK's threads still hand something over may crash or hang (temporalio/sdk-python#300).
_BEFORE_EXIT = 0.05


class Session:
    """One opening of a namespace, on one loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.loop = asyncio.get_running_loop()
        self.recent: Recent[None] = Recent()
        """The executions that were just started or steered."""
        self._runner: TaskRunner | None = None
        self._worker: Worker | None = None
        self._working: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    async def open(self) -> None:
        """Make the client and, where there are tasks, begin to work. Raises ``ProviderUnavailableError`` where a worker
        is wanted and Temporal cannot be reached, and ``RPCError`` for a namespace that is not there; a client alone connects at its
        first call."""
        settings = self.settings
        self.client: Client = await self._connected()
        self.definitions = Definitions(self.client, settings)
        if settings.works:
            # A worker that fails by itself, later, has nobody to tell.
            known = DescribeNamespaceRequest(namespace=self.client.namespace)
            await self.ask(self.client.workflow_service.describe_namespace(known))
            self._runner = make_runner(settings)
            self._worker = make_worker(self.client, settings, self._runner, self._start)
            self._working = asyncio.create_task(self._work(self._worker), name="enginehouse-temporal-worker")
            log.info("worker.ready queue=%s namespace=%s", settings.task_queue, self.client.namespace)

    async def close(self) -> None:
        """Stop working: running tasks are told, and given their grace; what they leave undone another worker runs again."""
        if self._worker is not None and self._working is not None:
            if not self._working.done():
                log.info("worker.draining queue=%s seconds=%g", self.settings.task_queue, self.settings.drain)
                stopping = asyncio.create_task(self._worker.shutdown())
                await asyncio.wait({stopping, self._working}, timeout=self.settings.drain + self.settings.grace + 5)
            self._working.cancel()
            await asyncio.wait({self._working}, timeout=1)
            log.info("worker.stopped queue=%s", self.settings.task_queue)
        if self._runner is not None:
            self._runner.close()
        await asyncio.sleep(_BEFORE_EXIT)

    async def ask(self, call: Awaitable[T]) -> T:
        """What the call gives, within the settings' time."""
        return await asked(call, self.settings.timeout)

    async def _start(self, command: ScheduleTask) -> TaskSucceeded | TaskFailed:
        from enginehouse.providers.temporal import nested

        return await nested.start(self, command, secrets.token_hex(8), time.time())

    async def _connected(self) -> Client:
        try:
            return await self.ask(connect(self.settings, lazy=not self.settings.works))
        except (RuntimeError, ValueError) as error:
            told = translated(error) or ProviderError("the client cannot be made")
            raise told from (told.__cause__ or error)

    async def work(self) -> None:
        """Wait for the worker's end, which comes by its failure alone. Raises ``ProviderError``."""
        if self._working is None:
            raise ProviderError("this provider does not work: give it tasks, or works=True")
        await asyncio.wait({self._working})
        raise ProviderError("the worker has failed") from self._failure

    async def _work(self, worker: Worker) -> None:
        try:
            await worker.run()
        except Exception as error:
            self._failure = error
            log.exception("worker.failed queue=%s", self.settings.task_queue)
