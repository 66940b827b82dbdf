"""One task as a worker gets it: the envelope that ``rewriting`` made, opened. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from enginehouse.asl.commands import ScheduleTask
from enginehouse.providers.step_functions.rewriting import TOKEN
from enginehouse.tasks import ExecutionInfo


class Told(msgspec.Struct, frozen=True):
    """What the envelope tells of a task. ``at``: the state's place in the definition.
    ``mapped``: it is in a Map, but no distributed one. ``watched``: seconds of silence after which AWS gives it to another worker;
    ``heartbeat`` and ``timeout``: the state's own in seconds, None where there is none; a computed timeout is 0, and AWS's to keep."""

    name: str
    workflow: str = ""
    state: str = ""
    attempt: int = 0
    entered: str = ""
    execution: str = ""
    execution_name: str = ""
    at: str = ""
    mapped: bool = False
    retried: bool = False
    callback: bool = False
    timeout: int | None = None
    heartbeat: float | None = None
    watched: int | None = None
    token: str = ""


class Envelope(msgspec.Struct, frozen=True):
    task: Told
    input: Any = None


class Job(msgspec.Struct, frozen=True):
    """A task to run. ``queue`` and ``receipt`` are those of its message; empty for an activity's."""

    token: str
    told: Told
    input: Any
    queue: str = ""
    receipt: str = ""
    received: int = 1

    def command(self) -> ScheduleTask:
        """The task as ``TaskRunner`` takes it."""
        told = self.told
        return ScheduleTask(
            task=self._number(),
            token=self.token,
            resource=f"task:{told.name}",
            arguments=self.input,
            state=told.state,
            attempt=told.attempt,
            pattern="waitForTaskToken" if told.callback else "",
        )

    def info(self) -> ExecutionInfo:
        told = self.told
        return ExecutionInfo(execution_id=told.execution, execution_name=told.execution_name, workflow_id=told.workflow)

    def _number(self) -> int:
        """The task's number, which its idempotency key is made of: the same when it is run again because a worker was lost.
        Where the definition has a Retry of its own, AWS does not tell a lost worker from a failure. Items of a Map that is no
        distributed one cannot be told apart by anything but the token: there it is another number each time."""
        told = self.told
        key = [told.at, told.entered, told.attempt if told.retried else None]
        if self.queue or told.mapped:
            key = [self.token]
        return int.from_bytes(hashlib.sha256(msgspec.json.encode(key)).digest()[:7])


def activity_job(token: str, text: str) -> Job:
    """The job in an activity's input. Raises ``ValueError`` for what is not of our making."""
    envelope = msgspec.json.decode(text, type=Envelope)
    given = _with_token(envelope.input, token) if envelope.task.callback else envelope.input
    return Job(token, envelope.task, given)


def queue_job(body: str, queue: str, receipt: str, received: int) -> Job:
    """The job in a message. Raises ``ValueError`` for what is not of our making."""
    envelope = msgspec.json.decode(body, type=Envelope)
    if not envelope.task.token:
        raise ValueError("the message carries no task token")
    return Job(envelope.task.token, envelope.task, envelope.input, queue, receipt, received)


def _with_token(given: Any, token: str) -> Any:
    if isinstance(given, str):
        return given.replace(TOKEN, token)
    if isinstance(given, list):
        return [_with_token(item, token) for item in given]
    if isinstance(given, dict):
        return {key: _with_token(item, token) for key, item in given.items()}
    return given
