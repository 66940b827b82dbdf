"""The task functions that the kit's workflows ask for, and what the kit learns from them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from enginehouse.models import JSON

TaskFunction = Callable[[JSON], Awaitable[JSON]]


class KitTasks:
    """Task functions by name, for a provider whose tasks run in this process, on the loop of the test.

    ``started`` is set when a task runs, ``told`` when one was cancelled; while ``broken``, ``kit-mend`` fails;
    ``calls`` has the name of each task that ran, in order, and ``given`` what ``kit-count`` and ``kit-hand-out`` were given.
    """

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.told = asyncio.Event()
        self.release = asyncio.Event()
        self.broken = True
        self.calls: list[str] = []
        self.given: list[JSON] = []

    def functions(self) -> dict[str, TaskFunction]:
        """What to give to the engine that runs the tasks."""
        return {
            "kit-wait": self._wait,
            "kit-stubborn": self._stubborn,
            "kit-count": self._count,
            "kit-mend": self._mend,
            "kit-hand-out": self._count,
        }

    async def _wait(self, _: JSON) -> JSON:
        self._began("kit-wait")
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.told.set()
            raise
        return None

    async def _stubborn(self, _: JSON) -> JSON:
        self._began("kit-stubborn")
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.told.set()
        return None

    async def _count(self, value: JSON) -> JSON:
        self._began("kit-count")
        self.given.append(value)
        return value

    async def _mend(self, value: JSON) -> JSON:
        self._began("kit-mend")
        if self.broken:
            raise RuntimeError("not mended yet")
        return value

    def _began(self, name: str) -> None:
        self.calls.append(name)
        self.started.set()
