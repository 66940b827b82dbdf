"""All that a provider holds open: a connection, what it has learnt of the account, and a worker where it was given tasks."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from enginehouse.errors import EnginehouseError, ProviderError
from enginehouse.providers.step_functions.connection import Connection
from enginehouse.providers.step_functions.faults import code_of
from enginehouse.providers.step_functions.names import Arns, id_of_tags, is_hashed, legal_name, name_of, partition_of
from enginehouse.providers.step_functions.settings import Settings

if TYPE_CHECKING:
    from enginehouse.providers.step_functions.worker import Worker

log = logging.getLogger(__name__)

_IDS_KEPT = 10_000


class Session:
    """One opening of an account and region, on one loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.loop = asyncio.get_running_loop()
        self.connection = Connection(settings)
        self._account = settings.account
        self._ids: dict[str, str] = {}
        self._worker: Worker | None = None
        self._working: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    async def open(self) -> None:
        """Make the client and, where there are tasks, begin to work. Nothing is asked of AWS before the first call."""
        try:
            await self.connection.open()
            if self.settings.works:
                from enginehouse.providers.step_functions.worker import Worker

                self._worker = Worker(self.connection, self.settings, await self.arns())
                await self._worker.open()
                self._working = asyncio.create_task(self._work(self._worker), name="enginehouse-step-functions-worker")
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop working: no more tasks are taken, and those that run are given their time."""
        if self._working is not None and self._worker is not None:
            await self._worker.drain()
            self._working.cancel()
            await asyncio.wait({self._working})
        if self._worker is not None:
            self._worker.close()
        self.connection.close()

    async def ask(self, operation: str, **members: Any) -> Any:
        """AWS's answer to one operation, within the settings' time."""
        return await self.connection.ask(operation, **members)

    async def arns(self) -> Arns:
        """The account's ARNs. The account is the one that is given, else the role's, else the one that STS knows."""
        if not self._account:
            parts = self.settings.role.split(":")
            self._account = parts[4] if len(parts) > 5 and parts[4].isdigit() else await self.connection.account()
        return Arns(self.connection.region, self._account, partition_of(self.connection.region))

    async def workflow_id(self, machine: str) -> str:
        """The workflow id of a machine's ARN: its name, or what its tags say, or for a machine that is not of our making
        and whose name is no id, the ARN."""
        name = name_of(machine)
        if not is_hashed(name):
            return name if legal_name(name) == name else machine
        if machine not in self._ids:
            try:
                answer = await self.ask("list_tags_for_resource", resourceArn=machine)
            except ClientError as error:
                if code_of(error) not in ("ResourceNotFound", "StateMachineDoesNotExist"):
                    raise
                return machine
            tags = {item["key"]: item["value"] for item in answer["tags"]}
            self.remember(machine, id_of_tags(tags, name) or machine)
        return self._ids[machine]

    def remember(self, machine: str, workflow_id: str) -> None:
        """Keep the workflow id of a machine, so that nobody has to ask for it."""
        if len(self._ids) >= _IDS_KEPT:
            self._ids.pop(next(iter(self._ids)))
        self._ids[machine] = workflow_id

    async def abandon(self, execution_id: str) -> None:
        """Tell the tasks of an execution that run in this process that it is over, and give them their grace. Those of other
        workers learn of it at their next beat."""
        if self._worker is not None:
            await self._worker.abandon(execution_id)

    async def work(self) -> None:
        """Wait for the worker's end, which comes by its failure alone. Raises ``ProviderError``."""
        if self._working is None:
            raise ProviderError("this provider does not work: give it tasks, or works=True")
        await asyncio.wait({self._working})
        raise ProviderError("the worker has failed") from self._failure

    async def _work(self, worker: Worker) -> None:
        try:
            await worker.run()
        except ExceptionGroup as group:
            failure: BaseException = group
            while isinstance(failure, BaseExceptionGroup):
                failure = failure.exceptions[0]
            self._failure = failure
            log.error("worker.failed reason=%s", failure, exc_info=not isinstance(failure, EnginehouseError))
