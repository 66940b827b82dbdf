"""What every operation has at hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from enginehouse.errors import ProviderUnavailableError
from enginehouse.server.step_functions import records
from enginehouse.server.step_functions.arns import Arns
from enginehouse.server.step_functions.catalogue import Catalogue
from enginehouse.server.step_functions.engine import Engine, Kept, Workflow
from enginehouse.server.step_functions.records import Machine, Record, Revision, Version

# Seconds that a caller waits for those who change records before him. They wait themselves while the store cannot be written.
_PATIENCE = 10.0


class Api:
    """The engine, the records, and whose ARNs they have."""

    def __init__(self, engine: Engine, arns: Arns, catalogue: Catalogue | None = None) -> None:
        self.engine = engine
        self.arns = arns
        self.catalogue = Catalogue() if catalogue is None else catalogue
        self._changing = asyncio.Lock()
        self.background: set[asyncio.Task[None]] = set()
        self.leaving = asyncio.Event()
        """Set when the server ends: what is held is answered now."""
        self.redriven: dict[tuple[str, str], float] = {}
        """When an execution was redriven, by its id and the token of who asked, for those who ask again; in this process."""

    async def open(self) -> None:
        await self.engine.open()
        for text in await self.engine.records():
            self.catalogue.put(records.decode(text))
        self.catalogue.complete = True

    async def close(self) -> None:
        for task in self.background:
            task.cancel()
        await asyncio.gather(*self.background, return_exceptions=True)
        await self.engine.close()

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """To be held from looking at records to writing them. Raises ``ProviderUnavailableError`` where it is not to be had."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._changing.acquire()
        except TimeoutError:
            raise ProviderUnavailableError("others have waited for the store for too long; try again") from None
        try:
            yield
        finally:
            self._changing.release()

    async def keep(
        self,
        *kept: Record,
        dropped: Sequence[Record] = (),
        workflow: Workflow | None = None,
        removed: str = "",
    ) -> None:
        """Write records, then show them: who reads one knows that it is stored."""
        await self.engine.keep(
            [
                *(Kept(record.id, _digest(record), records.encode(record).decode()) for record in kept),
                *(Kept(record.id, None, None) for record in dropped),
            ],
            workflow=workflow,
            removed=removed,
        )
        for record in dropped:
            self.catalogue.drop(record)
        for record in kept:
            self.catalogue.put(record)

    def revision(self, of: Machine | Version) -> Revision:
        """The revision that is the machine's now, or that was published."""
        name = of.name if isinstance(of, Machine) else of.machine
        return self.catalogue.revisions[name][of.revision]


def _digest(record: Record) -> str | None:
    return record.digest if isinstance(record, Revision) else None
