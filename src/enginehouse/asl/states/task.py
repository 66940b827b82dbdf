"""The Task state: a command to the host, and its outcome."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from enginehouse.asl.commands import CancelTask, ScheduleTask
from enginehouse.asl.dataflow import Flow, arguments, complete, effective_input
from enginehouse.asl.expressions import Value, as_text
from enginehouse.asl.faults import StateFault, query_fault, runtime_fault
from enginehouse.asl.jsonata import type_name
from enginehouse.asl.machine import NOT_TRUNCATED, too_large
from enginehouse.asl.notifications import (
    TaskAnswered,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TaskTimedOut,
    TimerFired,
)
from enginehouse.asl.retry import LONGEST_WAIT
from enginehouse.asl.states.base import CompiledState

if TYPE_CHECKING:
    from enginehouse.asl.dataflow import Template
    from enginehouse.asl.machine import Turn
    from enginehouse.asl.source import Source
    from enginehouse.asl.state import Frame

_PATTERN = re.compile(r"\.(sync:2|sync|waitForTaskToken)$")
_INTEGRATION = re.compile(r"arn:[^:]*:states:[^:]*:[^:]*:(?P<service>.+?):(?P<action>[^:]+(?::2)?)$")


class Resource(msgspec.Struct, frozen=True):
    """What a Task asks for. ``service`` and ``action`` are AWS's ``resourceType`` and ``resource`` of Task events."""

    arn: str
    kind: Literal["lambda", "activity", "task"]
    pattern: str = ""
    service: str = ""
    action: str = ""


def parse_resource(text: str) -> Resource:
    """The parts of a Resource field. Any other text is taken as a service of that name."""
    if text.startswith("task:"):
        return Resource(
            text.removesuffix(".waitForTaskToken"),
            "task",
            pattern="waitForTaskToken" if text.endswith(".waitForTaskToken") else "",
            service="task",
            action=text[5:],
        )
    parts = text.split(":")
    if len(parts) > 6 and parts[2] == "lambda" and parts[5] == "function":
        return Resource(text, "lambda")
    if len(parts) > 6 and parts[2] == "states" and parts[5] == "activity":
        return Resource(text, "activity")
    found = _PATTERN.search(text)
    pattern = found.group(1) if found else ""
    arn = text[: found.start()] if found else text
    match = _INTEGRATION.match(text)
    if match is None:
        return Resource(arn, "task", pattern=pattern, service="", action=text)
    return Resource(arn, "task", pattern=pattern, service=match["service"], action=match["action"])


class TaskState(CompiledState, frozen=True, kw_only=True):
    """Has work done, and waits for its outcome."""

    type: ClassVar[str] = "Task"
    entered: ClassVar[str] = "TaskStateEntered"
    exited: ClassVar[str] = "TaskStateExited"

    flow: Flow
    next: str | None
    resource: Resource
    timeout: Value | None
    heartbeat: Value | None
    timeout_field: str
    heartbeat_field: str
    credentials: Template | None

    def run(self, turn: Turn, frame: Frame) -> str | None:
        task = turn.await_(frame)
        frame.retrying = frame.submitted = False
        frame.answer = None
        frame.token = _token(turn, task)
        try:
            return self._schedule(turn, frame, task)
        except StateFault:
            turn.state.waits.pop(task, None)
            frame.wait = 0
            raise

    def _schedule(self, turn: Turn, frame: Frame, task: int) -> str | None:
        flow, resource = self.flow, self.resource
        given = frame.input if flow.plain else arguments(flow, turn, frame)
        text = frame.input_text if given is frame.input else turn.text(given, frame)
        limits: dict[str, Any] = {}
        timeout = heartbeat = credentials = None
        if self.timeout is not None or self.heartbeat is not None or self.credentials is not None:
            scope = turn.scope(frame, effective_input(flow, turn, frame), {"input": frame.input})
            if self.timeout is not None:
                timeout = limits["timeoutInSeconds"] = _seconds(self.timeout(scope), self.timeout_field)
            if self.heartbeat is not None:
                heartbeat = limits["heartbeatInSeconds"] = _seconds(self.heartbeat(scope), self.heartbeat_field)
            if self.credentials is not None:
                credentials = self.credentials.evaluate(scope)
                if not isinstance(credentials, dict):
                    raise query_fault(f"The Credentials field is not an object: {as_text(credentials)}", "Credentials")
                limits["taskCredentials"] = {"roleArn": credentials.get("RoleArn")}
        if resource.kind == "task":
            details = {
                "resourceType": resource.service,
                "resource": resource.action,
                "region": turn.state.context.region,
                "parameters": text,
                **limits,
            }
            turn.follow(frame, "TaskScheduled", details)
            turn.follow(frame, "TaskStarted", {"resourceType": resource.service, "resource": resource.action})
        else:
            details = {"resource": resource.arn, "input": text, "inputDetails": NOT_TRUNCATED, **limits}
            turn.follow(frame, _EVENTS[resource.kind] + "Scheduled", details)
            if resource.kind == "lambda":
                turn.follow(frame, "LambdaFunctionStarted", {})
        turn.commands.append(
            ScheduleTask(
                task=task,
                token=frame.token,
                resource=resource.arn,
                arguments=given,
                state=self.name,
                attempt=frame.retry_count,
                pattern=resource.pattern,
                timeout=timeout,
                heartbeat=heartbeat,
                deadline=None if timeout is None else turn.now + timeout,
                credentials=credentials,
                index=frame.item_index if frame.mapped else None,
            )
        )
        return None

    def notified(self, turn: Turn, frame: Frame, notification: Any) -> str | None:
        prefix = _EVENTS[self.resource.kind]
        named = {"resourceType": self.resource.service, "resource": self.resource.action} if prefix == "Task" else {}
        answer, frame.answer = frame.answer, None
        if answer is not None and isinstance(notification, TaskFailed | TaskTimedOut):
            # the request had come through, whatever the service says: who held the token was told that the answer counts
            notification, frame.submitted = answer, True
        match notification:
            case TaskSucceeded(output=output):
                return self._succeeded(turn, frame, output, prefix, named)
            case TaskFailed(error=error, cause=cause):
                refused = self.resource.pattern and not frame.submitted
                kind = "TaskSubmitFailed" if refused and prefix == "Task" else prefix + "Failed"
                turn.follow(frame, kind, {**_known(error=error, cause=cause), **named})
                raise StateFault(error, cause, located=False)
            case TaskTimedOut(heartbeat=heartbeat):
                error = "States.HeartbeatTimeout" if heartbeat else "States.Timeout"
                turn.follow(frame, prefix + "TimedOut", {"error": error, **named})
                raise StateFault(error, None, located=False)
            case TaskSubmitted(task=task, output=output):
                try:
                    text = turn.text(output, frame)
                except StateFault:
                    turn.commands.append(CancelTask(task))
                    raise
                turn.follow(frame, "TaskSubmitted", {"output": text, "outputDetails": NOT_TRUNCATED, **named})
                frame.submitted = True
                if answer is not None:
                    turn.commands.append(CancelTask(task))
                    return self.notified(turn, frame, answer)
                self._wait_on(turn, frame, task)
            case TaskAnswered(task=task, outcome=outcome):
                if frame.submitted or not self.resource.pattern:
                    return self.notified(turn, frame, outcome)
                frame.answer = answer or outcome
                self._wait_on(turn, frame, task)
            case TaskStarted(task=task, worker=worker):
                turn.follow(frame, prefix + "Started", _known(workerName=worker))
                self._wait_on(turn, frame, task)
            case TimerFired():
                return self.run(turn, frame)
        return None

    def goes_through(self, notification: TaskAnswered | TaskStarted | TaskSubmitted) -> bool:
        if isinstance(notification, TaskStarted):
            return self.resource.kind == "activity"
        return isinstance(notification, TaskAnswered) or bool(self.resource.pattern)

    def _succeeded(self, turn: Turn, frame: Frame, result: Any, prefix: str, named: dict[str, Any]) -> str | None:
        try:
            text = turn.text(result, frame)
        except StateFault as fault:
            if fault.error == "States.DataLimitExceeded":
                fault = too_large(self.resource.service or self.resource.arn)
            turn.follow(frame, prefix + "Failed", {**_known(error=fault.error, cause=fault.cause), **named})
            raise StateFault(fault.error, fault.cause, located=False) from fault
        turn.follow(frame, prefix + "Succeeded", {"output": text, "outputDetails": NOT_TRUNCATED, **named})
        output, text, assigned = complete(self.flow, turn, frame, result, text)
        return turn.leave(frame, self, output, text, self.next, assigned)

    @staticmethod
    def _wait_on(turn: Turn, frame: Frame, task: int) -> None:
        frame.wait = task
        turn.state.waits[task] = frame.id


_EVENTS = {"lambda": "LambdaFunction", "activity": "Activity", "task": "Task"}


def _known(**details: Any) -> dict[str, Any]:
    return {name: value for name, value in details.items() if value is not None}


def _token(turn: Turn, task: int) -> str:
    """What the outside world holds: it leads back to the execution and the task, and cannot be guessed without the seed."""
    state = turn.state
    secret = hashlib.blake2b(f"{state.seed}/{task}".encode(), digest_size=12).hexdigest()
    return f"{task}.{secret}.{state.context.execution_id}"


def _seconds(value: Any, field: str) -> int:
    """A timeout as whole seconds."""
    if type_name(value) != "number" or value != int(value):
        raise runtime_fault(f"The {field} parameter cannot be parsed as a long value: {as_text(value)}")
    if value <= 0:
        raise runtime_fault(f"The {field} parameter must be greater than zero: {as_text(value)}")
    if value > LONGEST_WAIT:
        raise runtime_fault(f"The {field} parameter must not be more than {LONGEST_WAIT:.0f}: {as_text(value)}")
    return int(value)


def compile_task(source: Source) -> TaskState:
    definition = source.definition
    missing = "parameter does not reference an input value"
    return TaskState(
        name=source.name,
        flow=source.flow(arguments="Arguments" if source.jsonata else "Parameters"),
        next=definition.get("Next"),
        resource=parse_resource(definition["Resource"]),
        timeout=source.value("TimeoutSeconds", "number", missing=f"The TimeoutSecondsPath {missing}"),
        heartbeat=source.value("HeartbeatSeconds", "number", missing=f"The HeartbeatSecondsPath {missing}"),
        timeout_field="TimeoutSecondsPath" if "TimeoutSecondsPath" in definition else "TimeoutSeconds",
        heartbeat_field="HeartbeatSecondsPath" if "HeartbeatSecondsPath" in definition else "HeartbeatSeconds",
        credentials=source.template(definition, "Credentials"),
        retriers=source.retriers(),
        catchers=source.catchers(),
    )
