"""What an execution is started with, and what one run hands on to the next. All of it is JSON in Temporal's history."""

from __future__ import annotations

from typing import Any

import msgspec

from enginehouse.asl.commands import ReadItems, ScheduleTask, StartChild, WriteResults

VERSION = 3
"""How the host acts, beyond what the core says. Executions keep to the version that their run began with: 0 had no limits
by bytes; 1 did not wait for a service's own answer where the task's token was quicker; 2 waited for ever for a child whose id was taken, and
dropped such an answer where the service then refused the request."""

Work = ScheduleTask | ReadItems | WriteResults


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a definition is compiled with, apart from its text. ``timeout`` is in seconds; ``retry`` is an entry of Retry."""

    type: str = "STANDARD"
    timeout: float | None = None
    retry: dict[str, Any] | None = None


class Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a schedule keeps of a workflow, beside its definition. ``spec`` is the spec without the definition, as JSON text."""

    digest: str
    spec: str
    options: Options = Options()
    created_at: float = 0.0


class Start(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who the execution is. ``pointer`` is that of the Map's processor which a child execution runs; ``request`` holds the
    caller's tags, metadata and trigger source. ``grace`` and ``liveness`` are seconds. ``chains``: Temporal's first run ids of what
    was redriven, oldest first."""

    seed: str = ""
    name: str = ""
    options: Options = Options()
    digest: str = ""
    arns: str = ""
    role: str = ""
    pointer: str = ""
    request: dict[str, Any] = {}
    grace: float = 2.0
    liveness: float = 30.0
    started_at: float | None = None
    chains: list[str] = []
    version: int = 0


class Carried(msgspec.Struct, frozen=True):
    """Where a run ended for the next one to go on: the core's snapshot, and what was open. ``redriven``: it goes on because
    somebody asked for it after the end."""

    state: str
    tasks: list[Work]
    submitted: list[int]
    timers: dict[int, float]
    deferred: list[ScheduleTask | ReadItems | WriteResults | StartChild]
    redriven: bool = False


class TaskCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """An activity's second argument: the task, without its arguments, and the execution that it is of."""

    command: ScheduleTask | ReadItems | WriteResults
    execution_id: str
    execution_name: str
    workflow_id: str


class Ending(msgspec.Struct, frozen=True):
    """How an execution, or a task, failed: the details of its failure in Temporal."""

    error: str | None = None
    cause: str | None = None
    status: str = "FAILED"
    failed_at: str | None = None
