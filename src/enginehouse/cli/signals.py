"""Ctrl-C and SIGTERM as a request to end well; the second one ends at once. And an end that comes in any case."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
ECHO = 0.5
ASKED = (signal.SIGINT, signal.SIGTERM)
LEFT = 1.0
"""Seconds for which what was left running is waited for, once it is cancelled."""

_abandoned: list[asyncio.Runner] = []


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``, which waits for all that was left running: for ever, where a task function does not let itself be
    cancelled. Such a one is abandoned here, and ends with the process."""
    runner = asyncio.Runner()
    try:
        return runner.run(main)
    finally:
        if runner.run(_all_ended()):
            runner.close()
        else:
            _abandoned.append(runner)


async def _all_ended() -> bool:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    return not left or not (await asyncio.wait(left, timeout=LEFT))[1]


class Interrupted(Exception):  # noqa: N818 -- not an error: somebody asked for it
    """Somebody asked the process to end; ``status`` is the exit status that says so."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


async def until_asked(work: Awaitable[T]) -> T:
    """What ``work`` gives; it is cancelled, and ``Interrupted`` raised, when a signal asks the process to end.

    A second signal ends the process at once, however long the clean end takes. One that comes within ``ECHO`` seconds is
    the first one again: a terminal and the program that started this one may both send it.
    """
    loop = asyncio.get_running_loop()
    asked: list[tuple[int, float]] = []
    running = asyncio.ensure_future(work)

    def ask(number: int) -> None:
        if not asked:
            asked.append((number, loop.time()))
            running.cancel()
        elif loop.time() - asked[0][1] > ECHO:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in ASKED:
        loop.add_signal_handler(number, ask, number)
    try:
        return await running
    except asyncio.CancelledError:
        if asked:
            raise Interrupted(asked[0][0]) from None
        raise
    finally:
        if not asked:
            for number in ASKED:
                loop.remove_signal_handler(number)
