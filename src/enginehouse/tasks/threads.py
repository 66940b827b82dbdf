"""A bounded pool of threads for plain functions.

The standard pool's threads are waited for when the interpreter ends, so that one task function which never returns
would keep the process alive for ever. These are not: a function that ignores its cancellation is left behind.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

_Job: TypeAlias = "tuple[Callable[[], object], asyncio.AbstractEventLoop, asyncio.Future[Any]]"


class Threads:
    """At most ``limit`` threads, made when they are needed, kept until ``close``."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a pool needs at least one thread, not {limit}")
        self.limit = limit
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._count = 0
        self._idle = 0  # threads that wait, and that no queued job has been counted on
        self._unclaimed = 0  # queued jobs that count on a thread to come, or to be done with another one
        self._closed = False

    async def run(self, function: Callable[..., object], *arguments: object) -> Any:
        """The function's result. Cancelling the wait gives up the wait; a function that has begun goes on."""
        if self._closed:
            raise RuntimeError("the pool of threads is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()
        job = (lambda: context.run(function, *arguments), loop, future)
        with self._lock:
            self._jobs.put(job)
            if self._idle:
                self._idle -= 1
            else:
                self._unclaimed += 1
                if self._count < self.limit:
                    self._count += 1
                    threading.Thread(target=self._work, name=f"enginehouse-task-{self._count}", daemon=True).start()
        return await future

    def close(self) -> None:
        """Let the threads go as they fall idle; what waits in the queue is still run."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for _ in range(self._count):
                    self._jobs.put(None)

    def _next(self) -> _Job | None:
        """The next job, waited for. A thread is counted as idle or not in the same breath as it takes a job: otherwise one
        that is about to begin a long job would be counted on for another."""
        with self._lock:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                self._idle += 1
            else:
                if self._unclaimed:
                    self._unclaimed -= 1
                else:
                    self._idle += 1  # it was another thread's, which goes on waiting
                return job
        return self._jobs.get()

    def _work(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            call, loop, future = job
            if future.cancelled():
                continue
            result: object = None
            error: BaseException | None = None
            try:
                result = call()
            except BaseException as raised:
                error = raised
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:
                return  # the loop has ended: nobody waits for this any more
            del job, call, loop, future, result, error


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):  # a future refuses it
        future.set_exception(RuntimeError("the function raised StopIteration"))
    else:
        future.set_exception(error)
