"""What a provider opens with its first call, and how it tells the errors that come from there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from enginehouse.errors import EnginehouseError, ProviderError


class Session(Protocol):
    """What is open: it belongs to one event loop."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    async def close(self) -> None:
        """Let go of all that it holds."""


S = TypeVar("S", bound=Session)


class Opening(Generic[S]):
    """A provider's session, made by ``make`` when it is first asked for, and anew after ``close`` or where its loop is gone.

    ``translated`` gives what an error of the engine's own library is in the contract's words, and None for all others.
    ``check`` raises where what is open is of no use any more; ``abandon`` lets go of a session whose loop is gone.
    """

    def __init__(
        self,
        provider: str,
        make: Callable[[], Awaitable[S]],
        translated: Callable[[Exception], EnginehouseError | None],
        *,
        check: Callable[[S], None] | None = None,
        abandon: Callable[[S], None] | None = None,
    ) -> None:
        self.provider = provider
        self.translated = translated
        self._make = make
        self._check = check
        self._abandon = abandon
        self._current: S | None = None
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def session(self) -> S:
        """What is open; opened where nothing is. Raises ``ProviderError`` where another loop uses it."""
        current, loop = self._current, asyncio.get_running_loop()
        if current is not None and current.loop is loop:
            if self._check is not None:
                self._check(current)
            return current
        if self._loop is not loop:
            self._move(loop)
        async with self._lock:
            if self._current is None:
                self._current = await self._make()
            return self._current

    def _move(self, loop: asyncio.AbstractEventLoop) -> None:
        current, before = self._current, self._loop
        if before is not None and not before.is_closed() and (current is not None or self._lock.locked()):
            raise ProviderError(
                "the provider is in use on another event loop; make one for each", provider=self.provider
            )
        if current is not None and self._abandon is not None:
            self._abandon(current)
        # a lock belongs to the loop on which somebody has waited for it
        self._current, self._lock, self._loop = None, asyncio.Lock(), loop

    async def close(self) -> None:
        """Close what is open, or is being opened; the next call opens it anew."""
        if self._loop is asyncio.get_running_loop():
            async with self._lock:  # who opens it meanwhile would leave it open
                current, self._current = self._current, None
        else:
            current, self._current = self._current, None
        if current is not None:
            await current.close()

    def asked(self, operation: str, *, workflow_id: str = "", execution_id: str = "") -> Asked[S]:
        """The session, for one call: an error within learns what was asked, and of whom."""
        return Asked(self, operation, workflow_id, execution_id)


class Asked(Generic[S]):
    """One call of a provider's."""

    __slots__ = ("_execution_id", "_opening", "_operation", "_workflow_id")

    def __init__(self, opening: Opening[S], operation: str, workflow_id: str, execution_id: str) -> None:
        self._opening = opening
        self._operation = operation
        self._workflow_id = workflow_id
        self._execution_id = execution_id

    async def __aenter__(self) -> S:
        try:
            return await self._opening.session()
        except Exception as error:
            self._tell(error)
            raise

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        """Raise what the error is in the contract's words, where it is not in them already. Its cause is the error, or what the
        translation knows to be a better one."""
        told = error if isinstance(error, EnginehouseError) else self._opening.translated(error)
        if told is None:
            return
        told.operation = self._operation
        told.workflow_id = told.workflow_id or self._workflow_id
        told.execution_id = told.execution_id or self._execution_id
        told.provider = self._opening.provider
        if told is not error:
            raise told from (told.__cause__ or error)
