"""All that a provider holds open: the writer, the readers, and the engine while this process has the lease."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from enginehouse.asl.commands import ReadItems, WriteResults
from enginehouse.asl.notifications import Notification, TaskAnswered, TaskFailed, TaskSucceeded
from enginehouse.errors import EnginehouseError, ExecutionNotFoundError, ProviderUnavailableError
from enginehouse.names import Names
from enginehouse.providers.local import queries
from enginehouse.providers.local.chance import Chance
from enginehouse.providers.local.definitions import Definitions
from enginehouse.providers.local.doorbell import ring
from enginehouse.providers.local.engine import Engine
from enginehouse.providers.local.lease import Lease
from enginehouse.providers.local.live import Live, encode
from enginehouse.providers.local.reader import Reader
from enginehouse.providers.local.store import Batch
from enginehouse.providers.local.stuck import Stuck
from enginehouse.providers.local.writer import Writer
from enginehouse.tasks import Handler, HttpAccess, ItemSource, LocalFiles, TaskRunner
from enginehouse.tasks.aws import AwsAccess
from enginehouse.tasks.lambda_invoke import LambdaFunction

log = logging.getLogger(__name__)

# Seconds between two tries for the lease, and between two looks at another process's engine.
_TRY_LEASE = 0.5
_LOOK_AGAIN = 0.02

# How long a caller waits for another process's engine to do what it was asked.
_ANSWER = 30.0


class StoreDrivenError(ProviderUnavailableError):
    """Another process drives the store."""

    def advise(self, what: str) -> None:
        """Say what else to do, where the reader has no provider to open but a command with options of its own."""
        self.message = f"{self.message.rpartition(';')[0]}; {what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a store is opened and driven; ``LocalProvider`` says what each means."""

    store: str
    handlers: dict[str, Handler] = field(default_factory=dict)
    engine: Literal["auto"] | bool = "auto"
    synchronous: Literal["FULL", "NORMAL", "OFF"] = "FULL"
    lambdas: dict[str, LambdaFunction] = field(default_factory=dict)
    http: HttpAccess = field(default_factory=HttpAccess)
    threads: int | None = None
    items: ItemSource | None = None
    aws: AwsAccess | None = None
    grace: float = 5.0
    names: Names = field(default_factory=Names)
    wait_scale: float = 1.0
    activities: Callable[[str], bool] | None = None


class Session:
    """One opening of a store, on one loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.loop = asyncio.get_running_loop()
        self.chance = Chance()
        self.engine: Engine | None = None
        self.broken: BaseException | None = None
        self._stopped = asyncio.Event()
        self._folder: TemporaryDirectory[str] | None = None
        self._runner: TaskRunner | None = None
        self._seeker: asyncio.Task[None] | None = None
        self._watchers: dict[int, set[asyncio.Event]] = {}
        self._polls: dict[str, list[asyncio.Event]] = {}
        self._driving = asyncio.Lock()
        self._applying: asyncio.Task[bool] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._reader: Reader | None = None
        self._closed = False

    # -- life

    async def open(self) -> None:
        """Open the store, make it where there is none, and drive it where the settings and the lease allow."""
        settings = self.settings
        self.path = await asyncio.to_thread(self._place, settings.store)
        self.lease = Lease(self.path)
        self.writer = Writer(self.path, settings.synchronous, self.loop)
        try:
            await self.writer.write(_nothing)
            self.reader = self._reader = Reader(self.path)
            self.definitions = Definitions(self.reader)
            if settings.engine is not False and not await self.drive() and settings.engine is True:
                holder = await asyncio.to_thread(self.lease.holder)
                raise StoreDrivenError(
                    f"the store {self.path} is driven by process {holder}; stop it, or open the store with engine='auto'",
                    operation="open store",
                    provider="local",
                )
            if settings.engine == "auto" and self.engine is None:
                self._seeker = asyncio.create_task(self._seek(), name="enginehouse-lease")
        except BaseException:
            await self.close()
            raise

    def _place(self, store: str) -> str:
        if store == ":memory:":
            self._folder = TemporaryDirectory(prefix="enginehouse-")
            return str(Path(self._folder.name) / "store.db")
        return str(Path(store).resolve())

    async def close(self) -> None:
        """Stop the engine with grace, commit what is on its way, give the lease back."""
        self._closed = True
        self._wake_watchers()
        try:
            if self._seeker is not None:
                self._seeker.cancel()
                await asyncio.wait([self._seeker])
            if self._applying is not None:
                await asyncio.wait([self._applying])
            if self._ending is not None:
                await asyncio.wait([self._ending])
            elif self.engine is not None:
                await self.engine.close(self.settings.grace)
            if self._runner is not None:
                self._runner.close()
            await self.writer.close()
            if self._reader is not None:
                await self._reader.close()
        finally:
            self.lease.close()
            if self._folder is not None:
                await asyncio.to_thread(self._folder.cleanup)

    def abandon(self) -> None:
        """Let go of a store whose loop is gone, or that could not be opened."""
        self._closed = True
        self.writer.end()
        if self._reader is not None:
            self._reader.end()
        self.lease.close()
        if self._folder is not None:
            self._folder.cleanup()

    # -- the engine

    async def drive(self) -> bool:
        """Become the store's engine. False where another process is."""
        async with self._driving:
            if self.engine is not None:
                return True
            if self._closed or not await self._take():
                return False
            settings = self.settings
            self._runner = TaskRunner(
                settings.handlers,
                lambdas=settings.lambdas,
                http=settings.http,
                threads=settings.threads,
                items=settings.items or LocalFiles(Path(self.path).parent),
                aws=settings.aws,
                activities=settings.activities,
            )
            engine = self._engine(self._runner)
            try:
                await engine.open()
            except BaseException:
                await engine.close(0.0)
                self.lease.release()
                raise
            self.engine = engine
            return True

    @property
    def runner(self) -> TaskRunner:
        """What runs tasks. Raises ``ProviderUnavailableError`` where another process does."""
        if self._runner is None:
            raise ProviderUnavailableError("the store is driven by another process", provider="local")
        return self._runner

    async def _take(self) -> bool:
        try:
            return await asyncio.to_thread(self.lease.take)
        except OSError as error:
            raise ProviderUnavailableError(
                f"the lock of the store {self.path} cannot be used", operation="open store", provider="local"
            ) from error

    def _engine(self, runner: TaskRunner | None) -> Engine:
        return Engine(
            writer=self.writer,
            reader=self.reader,
            definitions=self.definitions,
            runner=runner,
            items=self._items,
            names=self.settings.names,
            wait_scale=self.settings.wait_scale,
            changed=self._changed,
            polled=self.polled,
            broke=self._broke,
        )

    async def _seek(self) -> None:
        while True:
            await asyncio.sleep(_TRY_LEASE)
            try:
                if await self.drive():
                    log.info("engine.took_over path=%s", self.path)
                    return
            except EnginehouseError as error:
                log.warning("engine.not_taken_over path=%s error=%s", self.path, error)

    def check(self) -> None:
        """Raise ``ProviderUnavailableError`` where the engine had to stop, or the provider was closed meanwhile."""
        if self.broken is not None:
            raise ProviderUnavailableError(
                "the engine has stopped; open the provider anew when the cause is mended", provider="local"
            ) from self.broken
        if self._closed:
            raise ProviderUnavailableError("the provider is closed", provider="local")

    async def until_broken(self) -> None:
        """Wait until the engine has to stop. Raises ``ProviderUnavailableError`` then; who serves others ends with it."""
        await self._stopped.wait()
        raise ProviderUnavailableError(
            "the engine has stopped; start it again when the cause is mended", provider="local"
        ) from self.broken

    def _broke(self, error: BaseException) -> None:
        self.broken = error
        self._stopped.set()
        if self.engine is not None and not self._closed:
            self._ending = asyncio.create_task(self._let_go(self.engine), name="enginehouse-ending")
        self._wake_watchers()

    async def _let_go(self, engine: Engine) -> None:
        """Another engine may drive the store when nothing of this one runs any more."""
        try:
            await engine.close(self.settings.grace)
        finally:
            self.lease.release()

    def _wake_watchers(self) -> None:
        for events in self._watchers.values():
            for event in events:
                event.set()

    async def _items(self, command: ReadItems | WriteResults) -> TaskSucceeded | TaskFailed:
        if self._runner is None:
            raise RuntimeError("items are asked for, and no engine is driven")
        if isinstance(command, ReadItems):
            return await self._runner.read(command)
        return await self._runner.write(command)

    # -- asking the engine

    async def ask(self, number: int, notification: Notification, reason: str | None = None) -> None:
        """Tell an execution something, whichever process drives it. Returns when it is recorded."""
        if self.engine is not None:
            await self._tell(self.engine, number, notification, reason)
            return
        body = encode(notification)
        letter, port = await self.writer.write(
            lambda batch: (batch.post(number, body, reason), queries.engine_port(batch.connection))
        )
        ring(port)
        await self._answered(letter)

    async def answer(self, token: str, number: int, answered: TaskAnswered) -> bool:
        """Give a task of an execution its outcome from outside, whichever process drives it. False where nothing waits for the
        token any more. Returns when the outcome is sure to be recorded."""
        if self.engine is not None:
            await self.engine.inbox.catch_up()  # that the task was taken may still stand in the inbox
            return await self._tell(self.engine, number, answered, None)
        body = encode(answered)

        def write(batch: Batch) -> int | None:
            if not batch.use_token(token):
                return None
            batch.post(number, body)
            return queries.engine_port(batch.connection)

        port = await self.writer.write(write)
        if port is None:
            return False
        ring(port)
        return True

    async def _tell(self, engine: Engine, number: int, notification: Notification, reason: str | None) -> bool:
        """False where the notification is an answer that nothing waits for."""
        future: asyncio.Future[bool] = self.loop.create_future()

        def told(error: BaseException | None) -> None:
            if not future.done():
                if error is None:
                    future.set_result(True)
                else:
                    future.set_exception(error)

        def then(found: Live | Stuck | None) -> None:
            try:
                if found is None:
                    self.check()
                    raise ExecutionNotFoundError("the execution is gone", provider="local")
                if isinstance(found, Stuck):
                    engine.tell_stuck(found, notification, 0, reason, told)
                elif isinstance(notification, TaskAnswered) and not found.awaits(notification.task):
                    future.set_result(False)
                else:
                    engine.tell(found, notification, reason=reason, told=told)
            except Exception as error:
                told(error)

        engine.want(number, then)
        return await future

    async def _answered(self, letter: int) -> None:
        deadline = time.monotonic() + _ANSWER
        while await self.reader.read(partial(queries.letter_waits, number=letter)):
            if time.monotonic() > deadline:
                raise ProviderUnavailableError(
                    f"the engine did not answer within {_ANSWER:g} seconds; what was asked is recorded and will be done",
                    provider="local",
                )
            if not await self._applied():
                await asyncio.sleep(_LOOK_AGAIN)

    async def _applied(self) -> bool:
        """Where no engine is alive: hold the lease for the moment, and record what the inbox asks; run nothing.

        It is the session's task, for all callers at once: one who gives up must not let go of the lease half-way.
        """
        if self._applying is None or self._applying.done():
            self._applying = asyncio.create_task(self._apply(), name="enginehouse-apply")
            self._applying.add_done_callback(_note_failure)
        return await asyncio.shield(self._applying)

    async def _apply(self) -> bool:
        async with self._driving:
            if self.engine is not None or self._closed or not await self._take():
                return False
            try:
                await self._engine(None).clear_inbox()
            finally:
                with contextlib.suppress(EnginehouseError):
                    await self.writer.write(_nothing)  # what is on its way is committed under the lease
                self.lease.release()
            return True

    # -- news

    def _changed(self, number: int) -> None:
        if self._watchers:
            for event in self._watchers.get(number, ()):
                event.set()

    def polled(self, activity: str) -> None:
        """A task of the activity waits for a worker: wake the one that has waited longest."""
        for event in self._polls.get(activity, ()):
            if not event.is_set():
                event.set()
                return

    def poll(self, activity: str) -> tuple[asyncio.Event, Callable[[], None]]:
        """An event that is set when a task of the activity may be had, and how to stop waiting for it."""
        event = asyncio.Event()
        polls = self._polls.setdefault(activity, [])
        polls.append(event)

        def end() -> None:
            polls.remove(event)
            if not polls:
                self._polls.pop(activity, None)

        return event, end

    def watch(self, number: int) -> tuple[asyncio.Event, Callable[[], None]]:
        """An event that is set when the execution has changed, and how to stop watching."""
        event = asyncio.Event()
        watchers = self._watchers.setdefault(number, set())
        watchers.add(event)

        def end() -> None:
            watchers.discard(event)
            if not watchers:
                self._watchers.pop(number, None)

        return event, end


def _note_failure(task: asyncio.Task[bool]) -> None:
    """Whoever still waits is told; nobody else need be."""
    if not task.cancelled() and task.exception() is not None:
        log.warning("inbox.not_applied error=%s", task.exception())


def _nothing(_: object) -> None:
    return None
