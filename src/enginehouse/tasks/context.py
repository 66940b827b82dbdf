"""What a task function may know of the task that it is running."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from enginehouse.asl.commands import ScheduleTask

_log = logging.getLogger("enginehouse.task")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionInfo:
    """Which execution a task belongs to, as its host knows it. The ARNs are its ids as the definition sees them."""

    execution_id: str
    execution_name: str = ""
    workflow_id: str = ""
    execution_arn: str = ""
    workflow_arn: str = ""


class _TaskLogger(logging.LoggerAdapter[logging.Logger]):
    """Puts the ids on every record as fields, beside those that the caller gives."""

    def process(self, msg: object, kwargs: MutableMapping[str, object]) -> tuple[object, MutableMapping[str, object]]:
        given = kwargs.get("extra")
        kwargs["extra"] = {**(self.extra or {}), **(given if isinstance(given, dict) else {})}
        return msg, kwargs


class TaskContext:
    """The second argument of a task function that asks for one.

    ``attempt`` is 0 on the first try. ``token`` is what the outside world needs to answer a ``.waitForTaskToken`` task.
    Safe to use from the thread that a plain function runs on. ``heartbeat`` is what the host does at a sign of life.
    """

    __slots__ = ("_cancelled", "_heartbeat", "_info", "attempt", "resource", "state", "task", "token")

    def __init__(self, command: ScheduleTask, info: ExecutionInfo, heartbeat: Callable[[], None] | None = None) -> None:
        self.state = command.state
        self.resource = command.resource
        self.attempt = command.attempt
        self.token = command.token
        self.task = command.task
        self._info = info
        self._heartbeat = heartbeat
        self._cancelled = False

    @property
    def execution_id(self) -> str:
        return self._info.execution_id

    @property
    def execution_name(self) -> str:
        return self._info.execution_name

    @property
    def workflow_id(self) -> str:
        return self._info.workflow_id

    @property
    def idempotency_key(self) -> str:
        """The same when this attempt is run again after a crash, another for the next attempt: hand it to services
        that drop duplicates."""
        return f"{self._info.execution_id}/{self.task}"

    @property
    def cancelled(self) -> bool:
        """True once nobody waits for this task any more: it timed out, or its execution was stopped. A plain function
        that works long should look at it and return; an async one is cancelled by ``asyncio.CancelledError``."""
        return self._cancelled

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """Logs as ``enginehouse.task``, with the execution, workflow, state and attempt as fields of each record."""
        return _TaskLogger(
            _log,
            {
                "execution_id": self.execution_id,
                "workflow_id": self.workflow_id,
                "state": self.state,
                "attempt": self.attempt,
            },
        )

    def heartbeat(self) -> None:
        """Tell the engine that the task is alive, for states with ``HeartbeatSeconds``."""
        if self._heartbeat is not None and not self._cancelled:
            self._heartbeat()

    def cancel(self) -> None:
        """For hosts: nobody waits for this task any more."""
        self._cancelled = True

    def __repr__(self) -> str:
        return f"TaskContext(state={self.state!r}, attempt={self.attempt}, execution_id={self.execution_id!r})"
