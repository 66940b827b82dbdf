"""From ``task:NAME`` to what AWS runs: an activity, a message in a queue that carries the task's token, or an ARN. Pure.

An activity and a message get an envelope, which the worker opens:

    {"task": {"name": ..., "workflow": ..., "state": ..., "execution": ..., "attempt": ..., ...}, "input": ...}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from enginehouse.providers.step_functions.settings import Target

TOKEN = "<enginehouse:task-token>"  # noqa: S105 -- where the worker puts the token, not one
"""Stands in an activity's input for the token, which AWS gives to the worker alone."""

_SEND = "sqs:sendMessage.waitForTaskToken"
_INVOKE = "lambda:invoke.waitForTaskToken"

LOSSES = 20
"""How many workers one task may lose before it fails."""

_AGAIN = 3
"""Seconds until AWS hands a lost task out again: a worker that gives it back has ended by then. While it ends it still listens, and a
task that it got would wait for its heartbeat's end."""

STOPPED = "Enginehouse.WorkerStopped"
"""The error by which a worker that stops gives a task back."""

_CALLBACK = ".waitForTaskToken"
_PREFIX = "task:"
_PATH_TOKEN = re.compile(r"\$\$\.Task\.Token\b")
_QUERY_TOKEN = re.compile(r"\$states\.context\.Task\.Token\b")
_CONTEXT = {
    "state": "State.Name",
    "attempt": "State.RetryCount",
    "entered": "State.EnteredTime",
    "execution": "Execution.Id",
    "execution_name": "Execution.Name",
}

Document = dict[str, Any]


def task_states(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every Task of a definition that asks for a task function, with the function's name."""
    for state in machine.get("States", {}).values():
        resource = state.get("Resource")
        if state.get("Type") == "Task" and isinstance(resource, str) and resource.startswith(_PREFIX):
            yield resource.removeprefix(_PREFIX).removesuffix(_CALLBACK), state
        for inner in _machines(state):
            yield from task_states(inner)


def resources_of(machine: Mapping[str, Any]) -> Iterator[str]:
    """The resources of all Tasks of a definition."""
    for state in machine.get("States", {}).values():
        if state.get("Type") == "Task" and isinstance(state.get("Resource"), str):
            yield state["Resource"]
        for inner in _machines(state):
            yield from resources_of(inner)


def _machines(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    inner = [state[field] for field in ("ItemProcessor", "Iterator") if isinstance(state.get(field), dict)]
    return [*inner, *(state.get("Branches") or ())]


def rewritten(
    machine: Mapping[str, Any],
    workflow_id: str,
    target_of: Callable[[str], Target],
    liveness: int,
    partition: str = "aws",
) -> Document:
    """The definition with every ``task:NAME`` sent to its target, whose ``place`` is filled in. ``liveness``: seconds
    after which a silent worker's activity is given to another one. ``partition``: that of the integrations' ARNs."""
    return _Rewriting(workflow_id, target_of, liveness, f"arn:{partition}:states:::").machine(
        machine, "JSONPath", in_map=False, at=""
    )


class _Rewriting:
    def __init__(self, workflow_id: str, target_of: Callable[[str], Target], liveness: int, integrations: str) -> None:
        self._workflow_id = workflow_id
        self._target_of = target_of
        self._liveness = liveness
        self._integrations = integrations

    def machine(self, machine: Mapping[str, Any], language: str, *, in_map: bool, at: str) -> Document:
        language = machine.get("QueryLanguage", language)
        states = {
            name: self._state(state, language, in_map, f"{at}/States/{name}")
            for name, state in machine["States"].items()
        }
        return {**machine, "States": states}

    def _state(self, state: Document, language: str, in_map: bool, at: str) -> Document:
        language_here = state.get("QueryLanguage", language)
        made = dict(state)
        resource = state.get("Resource", "")
        if state["Type"] == "Task" and resource.startswith(_PREFIX):
            made = self._task(state, jsonata=language_here == "JSONata", in_map=in_map, at=at)
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                inline = state[field].get("ProcessorConfig", {}).get("Mode", "INLINE") == "INLINE"
                made[field] = self.machine(state[field], language, in_map=inline, at=f"{at}/{field}")
        if "Branches" in state:
            made["Branches"] = [
                self.machine(branch, language, in_map=in_map, at=f"{at}/Branches/{index}")
                for index, branch in enumerate(state["Branches"])
            ]
        return made

    def _task(self, state: Document, *, jsonata: bool, in_map: bool, at: str) -> Document:
        task = state["Resource"].removeprefix(_PREFIX)
        callback = task.endswith(_CALLBACK)
        task = task.removesuffix(_CALLBACK)
        target = self._target_of(task)
        field = "Arguments" if jsonata else "Parameters"
        made = {key: value for key, value in state.items() if key != field}
        given = state.get(field)
        if target.kind == "lambda":
            invoke = f"{self._integrations}{_INVOKE}" if callback else ""
            return _invoking(made, state, target.place, field, given, jsonata, invoke)
        if callback and target.kind == "activity":
            given = _without_token(given, jsonata)
        envelope: Document = {"task": self._told(task, state, jsonata, in_map, callback, at)}
        _put(envelope, "input", given, jsonata, whole=field not in state)
        if target.kind == "activity":
            made |= {"Resource": target.place, field: envelope}
            return made if callback else self._watched(made, envelope["task"])
        _context(envelope["task"], "token", "Task.Token", jsonata)
        made |= {"Resource": f"{self._integrations}{_SEND}", field: {"QueueUrl": target.place, "MessageBody": envelope}}
        return made

    def _told(self, task: str, state: Document, jsonata: bool, in_map: bool, callback: bool, at: str) -> Document:
        told: Document = {"name": task, "workflow": self._workflow_id, "at": at}
        for field, path in _CONTEXT.items():
            _context(told, field, path, jsonata)
        if in_map:
            told["mapped"] = True
        if state.get("Retry"):
            told["retried"] = True
        if callback:
            told["callback"] = True
        if "TimeoutSeconds" in state or "TimeoutSecondsPath" in state:
            timeout = state.get("TimeoutSeconds")
            told["timeout"] = timeout if isinstance(timeout, int) else 0
        # How often the worker must pass the function's heartbeats on; where it is computed, AWS computes it for the envelope too.
        if "HeartbeatSecondsPath" in state:
            told["heartbeat.$"] = state["HeartbeatSecondsPath"]
        elif "HeartbeatSeconds" in state:
            told["heartbeat"] = state["HeartbeatSeconds"]
        return told

    def _watched(self, state: Document, told: Document) -> Document:
        """The state with a heartbeat that its worker keeps, and another try for a worker that is lost; left as it is where
        it has a heartbeat of its own, or a timeout that comes first."""
        if {"HeartbeatSeconds", "HeartbeatSecondsPath", "TimeoutSecondsPath"} & state.keys():
            return state
        timeout = state.get("TimeoutSeconds")
        if timeout is not None and not (isinstance(timeout, int) and timeout > self._liveness):
            return state
        lost = {
            "ErrorEquals": ["States.HeartbeatTimeout", STOPPED],
            "IntervalSeconds": _AGAIN,
            "MaxAttempts": LOSSES,
            "BackoffRate": 1,
        }
        told["watched"] = self._liveness
        return {**state, "HeartbeatSeconds": self._liveness, "Retry": [lost, *state.get("Retry", ())]}


def _invoking(
    made: Document, state: Document, arn: str, field: str, given: Any, jsonata: bool, invoke: str
) -> Document:
    """``invoke``: the integration that hands a token out, where the state asks for that."""
    if not invoke:
        return {**made, "Resource": arn, **({field: given} if field in state else {})}
    payload: Document = {"FunctionName": arn}
    _put(payload, "Payload", given, jsonata, whole=field not in state)
    return {**made, "Resource": invoke, field: payload}


def _put(holder: Document, key: str, given: Any, jsonata: bool, *, whole: bool) -> None:
    """What the state gives to its task; ``whole``: its input as it is."""
    if not whole:
        holder[key] = given
    elif jsonata:
        holder[key] = "{% $states.input %}"
    else:
        holder[f"{key}.$"] = "$"


def _context(holder: Document, key: str, path: str, jsonata: bool) -> None:
    if jsonata:
        holder[key] = f"{{% $states.context.{path} %}}"
    else:
        holder[f"{key}.$"] = f"$$.{path}"


def _without_token(given: Any, jsonata: bool) -> Any:
    """The arguments with the mark where they ask for the token, which an activity's state does not know."""
    if isinstance(given, list):
        return [_without_token(item, jsonata) for item in given]
    if isinstance(given, dict):
        return dict(_pair(key, item, jsonata) for key, item in given.items())
    if jsonata and isinstance(given, str) and given.startswith("{%"):
        return _QUERY_TOKEN.sub(f'"{TOKEN}"', given)
    return given


def _pair(key: str, item: Any, jsonata: bool) -> tuple[str, Any]:
    if jsonata or not key.endswith(".$") or not isinstance(item, str):
        return key, _without_token(item, jsonata)
    if item == "$$.Task.Token":
        return key.removesuffix(".$"), TOKEN
    return key, _PATH_TOKEN.sub(f"'{TOKEN}'", item)
