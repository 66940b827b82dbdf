"""Activities: tasks that workers poll for, in whichever process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import msgspec

from enginehouse.asl.notifications import TaskStarted
from enginehouse.models import JSON
from enginehouse.providers.local import queries
from enginehouse.providers.local.doorbell import ring
from enginehouse.providers.local.live import encode
from enginehouse.providers.local.session import Session
from enginehouse.providers.local.store import Batch

log = logging.getLogger(__name__)

# Seconds between two looks for a task: of a process that the engine cannot wake, and of the engine's own, in case it did not.
_LOOK_AGAIN, _LOOK_ANYWAY = 0.05, 1.0


@dataclass(frozen=True, slots=True)
class ActivityTask:
    """A task that a worker has taken. ``input`` is its JSON value; the outcome is sent by ``token``."""

    token: str
    input: JSON


class _Claim(NamedTuple):
    """A claim that is committed: the task, the letter that tells the engine of it, and where the engine listens."""

    task: ActivityTask
    letter: int
    port: int


async def take(session: Session, activity: str, worker: str, wait: float) -> ActivityTask | None:
    """The oldest waiting task of the activity; None where none comes within ``wait`` seconds."""
    deadline = time.monotonic() + wait
    event, end = session.poll(activity)
    try:
        while True:
            event.clear()
            if await session.reader.read(partial(queries.activity_waits, activity=activity)):
                claim = await _claimed(session, partial(_claim, activity, worker), activity)
                if claim is not None:
                    if session.engine is not None:
                        session.engine.inbox.look()
                    else:
                        ring(claim.port)
                    return claim.task
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _LOOK_AGAIN if session.engine is None else _LOOK_ANYWAY)):
                    await event.wait()
    finally:
        end()
        session.polled(activity)  # whoever is next looks too: this one may have been woken, and have gone with nothing


async def _claimed(session: Session, claim: Callable[[Batch], _Claim | None], activity: str = "") -> _Claim | None:
    """The claim, once it is committed. A caller that is cancelled meanwhile never hears of it: then it is given back, to
    another who waits for the activity."""
    future: asyncio.Future[_Claim | None] = session.loop.create_future()

    def given_back(_: object, error: BaseException | None) -> None:
        if error is not None:
            log.error("activity.not_given_back error=%s", error)
        session.polled(activity)

    def give_back(claim: _Claim | None) -> None:
        if claim is not None:
            undo = partial(Batch.give_back, token=claim.task.token, letter=claim.letter)
            session.writer.submit(undo, given_back, patient=True)

    def done(claim: _Claim | None, error: BaseException | None) -> None:
        if future.cancelled():
            give_back(claim)
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(claim)

    session.writer.submit(claim, done)
    try:
        return await future
    except asyncio.CancelledError:
        if not future.cancelled() and future.exception() is None:
            give_back(future.result())
        raise


def _claim(activity: str, worker: str, batch: Batch) -> _Claim | None:
    """The claim and the letter that tells the engine of it are one commit, so no task is taken twice or unheard."""
    batch.flush()
    taken = batch.claim(activity, worker, time.time())
    if taken is None:
        return None
    token, execution, task, text = taken
    letter = batch.post(execution, encode(TaskStarted(task, worker or None)))
    given = ActivityTask(token, msgspec.json.decode(text or "null"))
    return _Claim(given, letter, queries.engine_port(batch.connection))
