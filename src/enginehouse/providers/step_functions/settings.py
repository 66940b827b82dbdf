"""How AWS is reached, where tasks go, and how this process works for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.providers.step_functions.names import legal_name
from enginehouse.tasks import Handler

PROVIDER = "step-functions"
ANY = "*"
ACTIVITY = "activity"


class Target(NamedTuple):
    """Where a task goes: ``place`` is an activity's ARN or "" for the one of the task's name, a queue's URL, or a Lambda
    function's ARN."""

    kind: Literal["activity", "queue", "lambda"]
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``StepFunctionsProvider`` says what each means. What is None is left to AWS's own configuration."""

    region: str | None = None
    profile: str | None = None
    endpoint: str | None = None
    queue_endpoint: str | None = None
    role: str = ""
    account: str = ""
    resources: Mapping[str, Target] = field(default_factory=dict)
    prefix: str = "enginehouse-"
    timeout: float = 8.0
    threads: int = 64
    remote_validation: bool = False
    works: bool = False
    pollers: int = 1
    concurrency: int = 100
    beat: float = 10.0
    liveness: int = 60
    drain: float = 2.0
    grace: float = 2.0
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    task_threads: int | None = None

    def __post_init__(self) -> None:
        faults = [
            _fault(name, f"{value!r:.200} is no URL", "It looks like http://127.0.0.1:8083.")
            for name, value in (("endpoint", self.endpoint), ("queue_endpoint", self.queue_endpoint))
            if value is not None and not value.startswith(("http://", "https://"))
        ]
        faults += [
            _fault(name, f"{value} is too few", "It is 1 or more.")
            for name, value in (("concurrency", self.concurrency), ("pollers", self.pollers))
            if value < 1
        ]
        faults += [
            _fault(name, f"{value} s is no time", "It is more than 0 seconds.")
            for name, value in (("timeout", self.timeout), ("beat", self.beat))
            if not value > 0
        ]
        if faults:
            raise InvalidSpecError("the configuration is wrong", diagnostics=faults, provider=PROVIDER)

    def target(self, task: str) -> Target:
        return self.resources.get(task) or self.resources.get(ANY) or Target("activity")

    def activity_name(self, task: str) -> str:
        """The name of the activity that this task's workers poll."""
        return legal_name(self.prefix + task)

    def queues(self) -> list[str]:
        """The queues that tasks are sent to."""
        return list(dict.fromkeys(item.place for item in self.resources.values() if item.kind == "queue"))


def _fault(name: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic("error", "INVALID_OPTION", f"{message}.", f"/{name}", hint)


def read_resources(given: Mapping[str, str] | str | None) -> dict[str, Target]:
    """Where tasks go, by their names; ``*`` and a lone text are for all others. Raises ``InvalidSpecError``."""
    named = {ANY: given} if isinstance(given, str) else dict(given or {})
    found: dict[str, Target] = {}
    faults: list[Diagnostic] = []
    for name, place in named.items():
        target = _target(place) if isinstance(place, str) else None
        if target is None:
            message = f"{place!r} is no place for a task."
            hint = "It is `activity`, an activity's ARN, a queue's URL, or a Lambda function's ARN."
            faults.append(Diagnostic("error", "INVALID_RESOURCE", message, f"/resources/{name}", hint))
        elif target.place.endswith(".fifo"):
            message = "A FIFO queue runs the tasks of a group one after the other."
            faults.append(
                Diagnostic("error", "INVALID_RESOURCE", message, f"/resources/{name}", "Name a standard queue.")
            )
        else:
            found[name] = target
    if faults:
        raise InvalidSpecError("the configuration is wrong", diagnostics=faults, provider=PROVIDER)
    return found


def _target(place: str) -> Target | None:
    if place == ACTIVITY:
        return Target("activity")
    if place.startswith(("https://", "http://")):
        return Target("queue", place)
    parts = place.split(":")
    if len(parts) < 7 or parts[0] != "arn":
        return None
    if parts[2] == "states" and parts[5] == "activity":
        return Target("activity", place)
    return Target("lambda", place) if parts[2] == "lambda" and parts[5] == "function" else None
