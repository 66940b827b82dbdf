"""The engine's inbox: letters in the store, from clients, and from executions to their parents and children."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

from enginehouse.errors import EnginehouseError
from enginehouse.providers.local import queries
from enginehouse.providers.local.doorbell import Doorbell
from enginehouse.providers.local.queries import Letter
from enginehouse.providers.local.reader import Reader

# Letters read per visit to the inbox, and seconds between two visits when nobody rings.
_VISIT = 200
_LOOK = 1.0


class Inbox:
    """Calls ``opened`` with each letter, once, in order; ``failed`` when the store cannot be read."""

    def __init__(
        self, reader: Reader, opened: Callable[[Letter], None], failed: Callable[[BaseException], None]
    ) -> None:
        self._reader = reader
        self._opened = opened
        self._failed = failed
        self._doorbell = Doorbell(self.look)
        self._rung = asyncio.Event()
        self._last = 0
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> int:
        """The port to ring at. Nothing is opened before ``watch``."""
        return await self._doorbell.open()

    def watch(self) -> None:
        """Open what is there, and from now on what comes."""
        self._watch = asyncio.create_task(self._look_out(), name="enginehouse-inbox")
        self.look()

    async def close(self) -> None:
        await self._doorbell.close()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    def look(self) -> None:
        """Somebody has put something into the inbox."""
        self._rung.set()

    async def catch_up(self) -> None:
        """Open what the inbox holds now, so that what is told next does not overtake it."""
        while await self.visit() == _VISIT:
            pass

    async def visit(self) -> int:
        """Open the next letters; how many there were."""
        letters = await self._reader.read(partial(queries.letters, after=self._last, limit=_VISIT))
        for letter in letters:
            if letter.number > self._last:  # else another visit at the same time has brought it too
                self._last = letter.number
                self._opened(letter)
        return len(letters)

    async def _look_out(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._rung.wait()
            self._rung.clear()
            try:
                await self.catch_up()
            except EnginehouseError as error:
                self._failed(error)
                return
