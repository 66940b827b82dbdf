"""The same front without ``async``: for scripts, threads and frameworks that do not run an event loop.

    with sync.Manager() as manager:
        manager.create_workflow(spec)
        started = manager.start_execution("orders", ExecutionInput(input={"id": 7}))
        print(manager.wait(started.execution_id, timeout=60).state)

A manager runs one event loop on one background thread, begun on first use. Any number of threads may call it at once.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from enginehouse import abc, manager
from enginehouse.config import Settings
from enginehouse.models import (
    CreateWorkflowResult,
    ExecutionInput,
    ExecutionResult,
    ExecutionStatus,
    WorkflowSpec,
)
from enginehouse.registry import Registry

T = TypeVar("T")

SECONDS_TO_CLOSE = 30.0


class Manager:
    """``enginehouse.Manager``, blocking. The arguments and what the methods give and raise are the same.

    ``timeout`` is in seconds: past it the call is cancelled and ``TimeoutError`` raised. ``KeyboardInterrupt`` cancels
    the call too. Leaving ``with``, ``close()``, or the end of the program closes the providers that it opened.
    After a fork make a new one in the child: connections do not survive it.
    """

    def __init__(
        self,
        registry: Registry | None = None,
        *,
        default_provider: str = "local",
        deadlines: Mapping[str, float | None] | None = None,
        actor: str | Callable[[], str] = "",
    ) -> None:
        self._hold(manager.Manager(registry, default_provider=default_provider, deadlines=deadlines, actor=actor))

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """A manager over a fresh registry, as the configuration says."""
        made = cls.__new__(cls)
        made._hold(manager.Manager.from_settings(settings))
        return made

    def _hold(self, held: manager.Manager) -> None:
        self._manager = held
        self._portal = _Portal(held)
        self._close = weakref.finalize(self, self._portal.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the calls that run, close the providers and end the thread. Closing twice is closing once."""
        self._close()

    def list_providers(self) -> list[str]:
        """The names of all known providers, in order."""
        return self._manager.list_providers()

    def get_provider(self, name: str = "") -> Provider:
        """The provider of this name, or the default one, with blocking methods, open until this manager is closed."""
        provider = self._portal.call(lambda: self._manager.open_provider(name), None)
        return Provider(provider, self, self._portal)

    def create_workflow(self, spec: WorkflowSpec, *, timeout: float | None = None) -> CreateWorkflowResult:
        return self._portal.call(lambda: self._manager.create_workflow(spec), timeout)

    def validate_workflow(self, spec: WorkflowSpec, *, timeout: float | None = None) -> None:
        self._portal.call(lambda: self._manager.validate_workflow(spec), timeout)

    def start_execution(
        self, workflow_id: str, input: ExecutionInput, *, provider: str | None = None, timeout: float | None = None
    ) -> ExecutionResult:
        return self._portal.call(lambda: self._manager.start_execution(workflow_id, input, provider=provider), timeout)

    def get_execution_status(
        self, execution_id: str, *, provider: str | None = None, history: bool = True, timeout: float | None = None
    ) -> ExecutionStatus:
        return self._portal.call(
            lambda: self._manager.get_execution_status(execution_id, provider=provider, history=history), timeout
        )

    def stop_execution(
        self, execution_id: str, reason: str, *, provider: str | None = None, timeout: float | None = None
    ) -> None:
        self._portal.call(lambda: self._manager.stop_execution(execution_id, reason, provider=provider), timeout)

    def delete_workflow(self, workflow_id: str, *, provider: str | None = None, timeout: float | None = None) -> None:
        self._portal.call(lambda: self._manager.delete_workflow(workflow_id, provider=provider), timeout)

    def wait(
        self,
        execution_id: str,
        *,
        provider: str | None = None,
        timeout: float | None = None,
        poll: float = 2.0,
        history: bool = True,
    ) -> ExecutionStatus:
        return self._portal.call(
            lambda: self._manager.wait(execution_id, provider=provider, poll=poll, history=history), timeout
        )


class Provider:
    """A provider with blocking methods, from ``Manager.get_provider``; it lives as long as that manager is open."""

    def __init__(self, provider: abc.Provider, owner: Manager, portal: _Portal) -> None:
        self._provider = provider
        self._owner = owner  # a manager that nobody holds any more is closed
        self._portal = portal

    @property
    def name(self) -> str:
        return self._provider.name

    def create_workflow(self, spec: WorkflowSpec, *, timeout: float | None = None) -> CreateWorkflowResult:
        return self._portal.call(lambda: self._provider.create_workflow(spec), timeout)

    def start_execution(
        self, workflow_id: str, input: ExecutionInput, *, timeout: float | None = None
    ) -> ExecutionResult:
        return self._portal.call(lambda: self._provider.start_execution(workflow_id, input), timeout)

    def get_execution_status(
        self, execution_id: str, *, history: bool = True, timeout: float | None = None
    ) -> ExecutionStatus:
        return self._portal.call(lambda: self._provider.get_execution_status(execution_id, history=history), timeout)

    def stop_execution(self, execution_id: str, reason: str, *, timeout: float | None = None) -> None:
        self._portal.call(lambda: self._provider.stop_execution(execution_id, reason), timeout)

    def delete_workflow(self, workflow_id: str, *, timeout: float | None = None) -> None:
        self._portal.call(lambda: self._provider.delete_workflow(workflow_id), timeout)

    def validate(self, spec: WorkflowSpec, *, timeout: float | None = None) -> None:
        self._portal.call(lambda: self._provider.validate(spec), timeout)


class _Portal:
    """A thread with an event loop, in which ``held`` is open, and the way in from other threads."""

    def __init__(self, held: manager.Manager) -> None:
        self._held = held
        self._lock = threading.RLock()  # the garbage collector may call close() anywhere, also in call()
        self._process = os.getpid()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._closed = False
        self._calls: set[asyncio.Task[object]] = set()

    def call(self, work: Callable[[], Coroutine[object, object, T]], timeout: float | None) -> T:
        """Run ``work`` on the loop and give what it gives."""
        # Made here and not by run_coroutine_threadsafe: an interrupt that comes before that one's result is held would
        # leave the call running with nobody to cancel it.
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        try:
            with self._lock:
                loop = self._running()
                loop.call_soon_threadsafe(self._begin, work, future, loop)
            return future.result(timeout)
        except concurrent.futures.CancelledError:
            raise RuntimeError("the Manager was closed while this call ran") from None
        except TimeoutError:
            if future.cancel():
                raise TimeoutError(f"the call took longer than {timeout:g} s and was cancelled") from None
            return future.result()  # it ended by itself, maybe in this moment; what it says stands
        finally:
            future.cancel()

    def _begin(
        self,
        work: Callable[[], Coroutine[object, object, T]],
        future: concurrent.futures.Future[T],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """On the loop: what the task ends with goes to ``future``, and a cancel of ``future`` to the task."""
        if future.cancelled():
            return
        task = loop.create_task(work())
        self._calls.add(task)

        def ended(task: asyncio.Task[T]) -> None:
            self._calls.discard(task)
            error = None if task.cancelled() else task.exception()
            if task.cancelled():
                future.cancel()
            if not future.set_running_or_notify_cancel():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(task.result())

        def cancel(future: concurrent.futures.Future[T]) -> None:
            if future.cancelled():
                with suppress(RuntimeError):  # the loop is closed, and the task with it
                    loop.call_soon_threadsafe(task.cancel)

        task.add_done_callback(ended)
        future.add_done_callback(cancel)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._process != os.getpid():
            raise RuntimeError("this Manager was made before a fork; make a new one in the child process")
        if self._thread is threading.current_thread():
            raise RuntimeError(
                "a blocking Manager was called from its own event loop, which would wait for itself; "
                "code that runs on the loop uses enginehouse.Manager"
            )
        if self._closed:
            raise RuntimeError("this Manager is closed; make a new one")
        if self._loop is None:
            ready = threading.Event()
            # a daemon, so that a manager that nobody closed does not keep the program from ending
            self._thread = threading.Thread(target=self._run, args=(ready,), name="enginehouse", daemon=True)
            self._thread.start()
            ready.wait()
        assert self._loop is not None  # noqa: S101 - the thread has set it
        return self._loop

    def _run(self, ready: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self._end = asyncio.Event()
            self._loop = runner.get_loop()
            self._loop.call_soon(ready.set)
            runner.run(self._until_closed(self._end))

    async def _until_closed(self, end: asyncio.Event) -> None:
        async with self._held:
            await end.wait()
            calls = set(self._calls)
            for call in calls:
                call.cancel()
            if calls:
                await asyncio.wait(calls, timeout=SECONDS_TO_CLOSE)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            thread, loop, end = self._thread, self._loop, self._end
        if thread is None or loop is None or end is None or self._process != os.getpid():
            return
        loop.call_soon_threadsafe(end.set)
        if thread is not threading.current_thread():
            thread.join(SECONDS_TO_CLOSE)
