"""What runs executions and their tasks: any number of these, in any number of processes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.providers.temporal.activities import BEAT, Activities, Starter
from enginehouse.providers.temporal.host import Execution
from enginehouse.providers.temporal.settings import PROVIDER, Settings
from enginehouse.tasks import TaskRunner

_TURN_AT_MOST = 8.0

log = logging.getLogger(__name__)

# What the command line calls them, and the SDK.
_TUNING = {
    "concurrency": ("max_concurrent_activities",),
    "executions": ("max_concurrent_workflow_tasks",),
    "cache": ("max_cached_workflows",),
    "pollers": ("max_concurrent_workflow_task_polls", "max_concurrent_activity_task_polls"),
}


def make_worker(client: Client, settings: Settings, runner: TaskRunner, start: Starter) -> Worker:
    """A worker for the settings' task queue. Raises ``InvalidSpecError`` for what it cannot be tuned to."""
    tuning = {name: number for key, number in settings.tuning.items() for name in _TUNING.get(key, (key,))}
    if tuning.get("max_concurrent_workflow_task_polls") == 1:
        tuning["max_concurrent_workflow_task_polls"] = 2  # one for the queue, one for what this worker has in its cache
    given: Mapping[str, Any] = {"max_concurrent_workflow_tasks": 100, "max_concurrent_activities": 200, **tuning}
    try:
        worker = Worker(
            client,
            task_queue=settings.task_queue,
            workflows=[Execution],
            activities=[Activities(runner, settings.grace, start, settings.names).run],
            graceful_shutdown_timeout=timedelta(seconds=settings.drain),
            max_heartbeat_throttle_interval=timedelta(seconds=BEAT),
            default_heartbeat_throttle_interval=timedelta(seconds=BEAT),
            **given,
        )
    except TypeError as error:
        fault = Diagnostic("error", "INVALID_TUNING", f"Temporal's library makes no such worker: {error}", "/tuning")
        raise InvalidSpecError("", diagnostics=[fault], provider=PROVIDER) from error
    # The SDK fails a workflow task that takes two seconds, for good. Our turns end by themselves: the core counts their steps.
    # A busy machine may still need longer for one, and until Temporal gives up on it, after ten seconds, it has that.
    worker._workflow_worker._deadlock_timeout_seconds = _TURN_AT_MOST  # type: ignore[union-attr]
    return worker


def make_runner(settings: Settings) -> TaskRunner:
    return TaskRunner(
        settings.handlers,
        lambdas=settings.lambdas,
        http=settings.http,
        items=settings.items,
        threads=settings.threads,
        aws=settings.aws,
    )
