"""Drives the executions of one store: what happened goes to the core, the turn is recorded, then acted upon."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from enginehouse import asl
from enginehouse.asl.commands import CancelTask, ReadItems, ScheduleTask, WriteResults
from enginehouse.asl.notifications import (
    ChangeMapRun,
    Notification,
    Redrive,
    Stop,
    TaskStarted,
    TaskTimedOut,
    TimerFired,
)
from enginehouse.errors import EnginehouseError, ProviderError
from enginehouse.names import Names
from enginehouse.providers.local import nested, queries, stuck
from enginehouse.providers.local.definitions import Definitions
from enginehouse.providers.local.inbox import Inbox
from enginehouse.providers.local.live import Live, Work, decode_notification, encode, needs_token
from enginehouse.providers.local.memory import Memory
from enginehouse.providers.local.queries import ExecutionRow, Letter
from enginehouse.providers.local.reader import Reader
from enginehouse.providers.local.store import Batch, NewExecution
from enginehouse.providers.local.stuck import Stuck
from enginehouse.providers.local.timers import Timers
from enginehouse.providers.local.turns import Told, TurnWrite, extras, outcome, snapshot, started
from enginehouse.providers.local.work import Items, Runner, Workshop
from enginehouse.providers.local.writer import Writer

log = logging.getLogger(__name__)


class Engine:
    """One engine per store. Its methods are called on the loop, and promise by callback: ``told`` is called when the turn
    is committed.

    Without a ``runner`` it records turns and acts on none: what it leaves open, the next engine takes up.
    """

    def __init__(
        self,
        *,
        writer: Writer,
        reader: Reader,
        definitions: Definitions,
        runner: Runner | None,
        items: Items,
        names: Names,
        wait_scale: float,
        changed: Callable[[int], None],
        polled: Callable[[str], None],
        broke: Callable[[BaseException], None],
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._names = names
        self._wait_scale = wait_scale
        self._definitions = definitions
        self._changed = changed
        self._broke = broke
        self.inbox = Inbox(reader, self._opened, self.fail)
        self._work = (
            Workshop(runner, items, names, writer, self.tell, self.inbox.look, polled, self.fail)
            if runner is not None
            else None
        )
        self._memory = Memory(reader, definitions, self._context, self._revived, self.fail)
        self._timers = Timers(self._wake)
        self._closing = False
        self.failed: BaseException | None = None

    # -- life

    async def open(self) -> None:
        """Take up what the last engine left. Ready when the timers stand; what was in flight is rebuilt meanwhile."""
        port = await self.inbox.open()
        await self._writer.write(lambda batch: batch.set_engine(os.getpid(), socket.gethostname(), port, time.time()))
        unfinished = await self._reader.read(queries.unfinished)
        self._timers.load((number, wake) for number, wake, busy in unfinished if wake is not None and not busy)
        for number, _, busy in unfinished:
            if busy:
                self.want(number, _nothing)
        self.inbox.watch()
        log.info("engine.ready unfinished=%d port=%d", len(unfinished), port)

    async def close(self, grace: float) -> None:
        """Stop taking work. Running tasks are told and given ``grace`` seconds; what they leave undone is run again by the
        next engine."""
        self._closing = True
        self._timers.close()
        await self.inbox.close()
        await self._memory.close()
        if self._work is not None:
            await self._work.close(grace)
        if self.failed is None:
            with contextlib.suppress(EnginehouseError):
                await self._writer.write(
                    lambda batch: batch.set_engine(os.getpid(), socket.gethostname(), 0, time.time())
                )

    async def clear_inbox(self) -> None:
        """Record what clients ask, and act on none of it: the next engine does."""
        while await self.inbox.visit():
            await self._memory.loaded()
            await self._writer.write(_nothing)
        if self.failed is not None:
            raise self.failed

    def fail(self, error: BaseException) -> None:
        """The store cannot be used: stop rather than go on from what is not recorded."""
        if self.failed is None:
            self.failed = error
            self._timers.close()
            log.error("engine.stopped error=%s", error)
            self._broke(error)

    # -- starts

    def start(
        self,
        row: NewExecution,
        program: asl.Program,
        value: Any,
        named: bool,
        told: Callable[[ExecutionRow | None, BaseException | None], None],
        *,
        pinned: bool = False,
    ) -> None:
        """Begin an execution. ``told`` gets the existing one where the id is taken; ``StaleDefinitionError`` where the
        workflow has changed, or, ``pinned`` to its definition, where the store no longer has that."""
        context = self._context(row)
        live = Live(row, program, context)
        try:
            turn = program.start(value, context, row.started_at, row.seed, text=row.input)
        except Exception as error:
            told(None, _refused(row, error))
            return
        live.state = turn.state
        live.open(turn.commands)
        live.note_standing()
        write = TurnWrite(live, row.started_at, None, turn)
        after = outcome(live, turn.state, row.started_at)
        write.new, write.named, write.pinned = started(row, after), named, pinned
        if turn.commands:
            write.extras = extras(live, turn.commands, {}, self._names, finished=after.stopped_at is not None)

        def done(existing: ExecutionRow | None, error: BaseException | None) -> None:
            if error is None and existing is None and self._memory.add(live):
                self._written(write, None)
            told(existing, error)

        self._writer.submit(write, done)

    def _begin(self, live: Live, letter: int) -> None:
        """Begin an execution that a client, or a parent, has put into the store."""
        if live.state is not None:
            self._discard(letter)
            return
        now, row = time.time(), live.row
        try:
            turn = live.program.start(msgspec.json.decode(row.input), live.context, now, row.seed, text=row.input)
            live.state = turn.state
            live.open(turn.commands)
            self._record(live, now, None, turn, {}, letter=letter, began=True)
        except Exception as error:
            self._spoiled(live, error)

    def _context(self, row: NewExecution | ExecutionRow) -> asl.ExecutionContext:
        names, options = self._names, self._definitions.options(row.digest)
        express = bool(names.prefix) and options.type == "EXPRESS" and ":" in row.name
        return asl.ExecutionContext(
            execution_id=names.express(row.workflow, row.name) if express else names.execution(row.id),
            execution_name=row.name.rpartition(":")[0] if express else row.name,
            start_time=row.started_at,
            role_arn=options.role or names.role,
            state_machine_id=names.workflow(row.workflow),
            state_machine_name=row.workflow,
            region=names.region(),
            account=names.account(),
            wait_scale=self._wait_scale,
        )

    # -- turns

    def want(self, number: int, then: Callable[[Live | Stuck | None], None]) -> None:
        """Call ``then`` with the execution, once it is in memory; with None where there is none."""
        self._memory.want(number, then)

    def tell(
        self,
        live: Live,
        notification: Notification,
        *,
        letter: int = 0,
        reason: str | None = None,
        told: Told | None = None,
    ) -> None:
        """One turn: the core is told, and its answer recorded. What comes too late changes nothing."""
        if self.failed is not None:
            if told is not None:
                told(self.failed)
            return
        if live.state is None:
            self._begin(live, 0)
        if live.dead:
            self.tell_stuck(Stuck(live.number, live.row, live.dead), notification, letter, reason, told)
            return
        if type(notification) is Redrive and notification.child:
            live.row = live.row._replace(child=notification.child)
        state = live.state
        task = getattr(notification, "task", 0)
        if state is None or (state.status != "RUNNING" and type(notification) is not Redrive):
            self._ignore(live, letter, told)
            return
        known = task in live.tasks or getattr(notification, "child", 0) in live.children
        before = dict(live.tasks)
        body = encode(notification)  # before the turn: what cannot be recorded must not be done either
        now = time.time()
        try:
            turn = live.program.resume(state, notification, now)
            if turn.events or turn.commands or known or type(notification) is ChangeMapRun:
                live.close(notification)
                live.open(turn.commands)
                if type(notification) is TaskStarted:
                    _listen(live, task)
                redriven = type(notification) is Redrive
                self._record(live, now, body, turn, before, letter=letter, reason=reason, told=told, redriven=redriven)
                return
        except Exception as error:
            self.tell_stuck(self._spoiled(live, error), notification, letter, reason, told)
            return
        if type(notification) is Redrive and notification.child:
            self._fail_again(live.row, notification.child, state.error, state.cause)
        self._ignore(live, letter, told)

    def _fail_again(self, row: NewExecution | ExecutionRow, child: int, error: str | None, cause: str | None) -> None:
        """A child that was redriven with its parent cannot go on: the parent must not wait for it."""
        self._writer.submit(partial(nested.fail_again, row, child, error, cause), _told_parent, patient=True)
        self.inbox.look()

    def _spoiled(self, live: Live, error: Exception) -> Stuck:
        """A fault of the core's. Nothing of this turn is recorded: the journal is right and the memory is not, so the
        execution rests, and what it runs here is told, until the next engine rebuilds it."""
        log.error("execution.turn_failed execution=%s", live.row.id, exc_info=error)
        found = self._memory.quarantine(live, f"its turn failed inside the engine ({error or type(error).__name__})")
        self._timers.set(live.number, None)
        if self._work is not None:
            for task in list(live.running):
                self._work.cancel(live, task)
        return found

    def tell_stuck(
        self, found: Stuck, notification: Notification, letter: int, reason: str | None, told: Told | None
    ) -> None:
        """An execution that cannot go on can be stopped, and nothing else. Its letters wait for an engine that can read them,
        but for a redrive: its sender waits for the answer."""
        if type(notification) is Stop:
            write = partial(stuck.end, found, notification, reason, self._names, time.time())
            self._writer.submit(write, partial(self._stopped, found, told), patient=True)
            return
        if type(notification) is Redrive:
            if notification.child:
                self._fail_again(found.row, notification.child, "States.Runtime", found.why)
            self._discard(letter)
        if told is not None:
            told(ProviderError(f"the execution cannot go on: {found.why}. It can be stopped; see the log"))

    def _stopped(self, found: Stuck, told: Told | None, _: object, error: BaseException | None) -> None:
        if error is None:
            log.warning("execution.ended_as_it_stood execution=%s why=%s", found.row.id, found.why)
            self._memory.free(found.number)
            self._changed(found.number)
            self.inbox.look()
        else:
            log.error("execution.not_ended execution=%s error=%s", found.row.id, error)
        if told is not None:
            told(error)

    def _record(
        self,
        live: Live,
        now: float,
        notification: bytes | None,
        turn: asl.Turn,
        before: Mapping[int, Work],
        *,
        letter: int = 0,
        reason: str | None = None,
        told: Told | None = None,
        began: bool = False,
        redriven: bool = False,
    ) -> None:
        write = TurnWrite(live, now, notification, turn)
        write.letter, write.told = letter, told
        finished = turn.state.status != "RUNNING"
        moved = live.note_standing()
        if redriven:
            live.redrives += 1
        if finished or began or redriven:
            write.standing = outcome(live, turn.state, now), reason
        elif moved:
            write.wait = (live.wake, live.busy)
        if turn.commands or live.tokens:
            write.extras = extras(live, turn.commands, before, self._names, finished=finished)
        if live.wants_snapshot() and not finished:
            write.extras = [*(write.extras or ()), snapshot(live, write.seq)]
        self._writer.submit(write, partial(self._recorded, write), vital=True)

    def _recorded(self, write: TurnWrite, _: object, error: BaseException | None) -> None:
        self._written(write, error)

    def _written(self, write: TurnWrite, error: BaseException | None) -> None:
        """The turn is committed: now act."""
        live = write.live
        live.unwritten -= 1
        if error is not None:
            self.fail(error)
            if write.told is not None:
                write.told(error)
            return
        if self._work is not None and not (self._closing or live.dead):
            self._act(self._work, live, write)
        if write.told is not None:
            write.told(None)
        self._changed(live.number)
        self._memory.settle(live)

    def _act(self, work: Workshop, live: Live, write: TurnWrite) -> None:
        for command in write.commands:
            kind = type(command)
            if kind is ScheduleTask or kind is ReadItems or kind is WriteResults:
                if command.task in live.tasks:  # type: ignore[union-attr]
                    work.launch(live, command)  # type: ignore[arg-type]
            elif kind is CancelTask:
                work.cancel(live, command.task)  # type: ignore[union-attr]
        if write.extras is not None:
            self.inbox.look()
        if not live.unwritten:
            self._set_alarm(live)

    def _set_alarm(self, live: Live) -> None:
        running = live.state is not None and live.state.status == "RUNNING"
        self._timers.set(live.number, live.due() if running else None)

    def _ignore(self, live: Live, letter: int, told: Told | None) -> None:
        self._discard(letter)
        if told is not None:
            told(None)
        self._memory.settle(live)

    def _discard(self, letter: int) -> None:
        if letter:
            self._writer.submit(lambda batch: batch.done.append((letter,)), _cleared, patient=True)

    def _revived(self, live: Live) -> None:
        """Run again what was in flight when the last engine ended."""
        if self._work is None or live.state is None or live.state.status != "RUNNING":
            return
        for number, command in list(live.tasks.items()):
            if live.is_out(number):
                _listen(live, number)
            else:
                self._work.launch(live, command, live.jobs.get(number))
        self._set_alarm(live)

    # -- time

    def _wake(self, numbers: list[int]) -> None:
        for number in numbers:
            self.want(number, self._fire)

    def _fire(self, live: Live | Stuck | None) -> None:
        """Tell the execution of all its times that have come."""
        work = self._work
        if not isinstance(live, Live) or work is None or self._closing:
            return
        now = time.time()
        for _, timer in sorted((at, timer) for timer, at in live.timers.items() if at <= now):
            if timer in live.timers:
                self.tell(live, TimerFired(timer))
        for task in [task for task, at in live.deadlines.items() if at <= now]:
            if task in live.tasks:
                work.cancel(live, task)
                self.tell(live, TaskTimedOut(task))
        for task in [task for task, at in live.beats.items() if at <= now]:
            command = live.tasks.get(task)
            if isinstance(command, ScheduleTask) and live.is_out(task):
                live.beats[task] = _NEVER  # until the store has answered
                work.spawn(self._silent(live, command))
            elif command is not None:
                work.cancel(live, task)
                self.tell(live, TaskTimedOut(task, heartbeat=True))
        if not (live.unwritten or live.dead):
            self._set_alarm(live)
            self._memory.settle(live)

    async def _silent(self, live: Live, command: ScheduleTask) -> None:
        """A task out in the world was not heard of here; but other processes note its heartbeats in the store."""
        task, allowed = command.task, command.heartbeat or 0.0
        try:
            beat = await self._reader.read(partial(queries.beat, token=command.token))
        except EnginehouseError as error:
            self.fail(error)
            return
        if task not in live.tasks:
            return
        if beat is None and needs_token(command):
            self.inbox.look()  # another process has used the token: its letter is in the inbox
        elif beat is not None and beat + allowed > time.time():
            live.beats[task] = beat + allowed
            self._set_alarm(live)
        else:
            self.tell(live, TaskTimedOut(task, heartbeat=True))

    # -- the inbox

    def _opened(self, letter: Letter) -> None:
        self.want(letter.execution, partial(self._deliver, letter))

    def _deliver(self, letter: Letter, found: Live | Stuck | None) -> None:
        if found is None:
            if not (self._closing or self.failed):
                self._discard(letter.number)
        elif letter.notification is None:
            if isinstance(found, Live):
                self._begin(found, letter.number)
        else:
            try:
                notification = decode_notification(letter.notification)
            except msgspec.MsgspecError:
                log.exception("inbox.not_understood letter=%d execution=%s", letter.number, found.row.id)
                return
            if isinstance(found, Live):
                self.tell(found, notification, letter=letter.number, reason=letter.reason)
            else:
                self.tell_stuck(found, notification, letter.number, letter.reason, None)


def _listen(live: Live, task: int) -> None:
    """The task is out of this engine's hands: from now on it must be heard of."""
    command = live.tasks.get(task)
    if isinstance(command, ScheduleTask) and command.heartbeat is not None:
        live.beats[task] = time.time() + command.heartbeat


def _refused(row: NewExecution, error: Exception) -> ProviderError:
    log.error("execution.turn_failed execution=%s", row.id, exc_info=error)
    told = ProviderError("the first turn failed inside the engine; nothing was started; see the log")
    told.__cause__ = error
    return told


def _nothing(_: Live | Stuck | Batch | None) -> None:
    """Asks for nothing but to be called."""


def _cleared(_: object, error: BaseException | None) -> None:
    if error is not None:
        log.error("inbox.not_cleared error=%s", error)


def _told_parent(_: object, error: BaseException | None) -> None:
    if error is not None:
        log.error("execution.parent_not_told error=%s", error)


_NEVER = float("inf")
