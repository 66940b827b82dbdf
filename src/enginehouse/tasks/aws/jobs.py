"""Jobs that are waited for: how to ask after one, when it is over, how it is stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from enginehouse.asl.commands import ScheduleTask
from enginehouse.tasks.aws.convert import json_text
from enginehouse.tasks.aws.failures import ServiceFailure

Answer: TypeAlias = dict[str, Any]
Ask: TypeAlias = Callable[[str, dict[str, Any]], Answer]
"""Calls an operation of the job's service with botocore's parameters; the answer is in the integration's own words."""


@dataclass(frozen=True, slots=True)
class Job:
    """``look`` gives what the task ends with, or None while the job runs; it raises ``ServiceFailure`` for a job that
    failed. ``stop`` ends the job. Both are told what the service answered when the job was submitted."""

    look: Callable[[Ask, ScheduleTask, Answer], Answer | None]
    stop: Callable[[Ask, ScheduleTask, Answer], object]


_NOT_WANTED = "The task that waited for this was stopped"


def _failed(told: Answer) -> ServiceFailure:
    return ServiceFailure("States.TaskFailed", json_text(told))


def _first(answer: Answer, name: str) -> Answer | None:
    found = answer.get(name)
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None


# -- Step Functions


def _look_at_execution(ask: Ask, command: ScheduleTask, submitted: Answer) -> Answer | None:
    told = ask("DescribeExecution", {"executionArn": submitted.get("ExecutionArn")})
    status = told.get("Status")
    if status in ("RUNNING", "PENDING_REDRIVE"):
        return None
    if command.pattern == "sync:2":
        told = {key: json.loads(value) if key in ("Input", "Output") else value for key, value in told.items()}
    if status != "SUCCEEDED":
        raise _failed(told)
    return told


# -- ECS


def _look_at_task(ask: Ask, command: ScheduleTask, submitted: Answer) -> Answer | None:
    task = _first(submitted, "Tasks") or {}
    place = {"cluster": task["ClusterArn"]} if task.get("ClusterArn") else {}
    told = _first(ask("DescribeTasks", {**place, "tasks": [task.get("TaskArn")]}), "Tasks")
    if told is None:  # ECS forgets tasks an hour after their end
        raise ServiceFailure("States.TaskFailed", f"ECS knows the task {task.get('TaskArn')} no longer")
    if told.get("LastStatus") != "STOPPED":
        return None
    bad = {item.get("Name") for item in told.get("Containers", ()) if item.get("ExitCode") != 0}
    if told.get("StopCode") == "TaskFailedToStart" or (bad and bad & _essential(ask, told)):
        raise _failed(told)
    return told


def _essential(ask: Ask, task: Answer) -> set[Any]:
    """The containers whose failure is the task's; all of them where the task's definition may not be read."""
    every = {item.get("Name") for item in task.get("Containers", ())}
    try:
        told = ask("DescribeTaskDefinition", {"taskDefinition": task.get("TaskDefinitionArn")})
    except ServiceFailure:
        return every
    containers = (told.get("TaskDefinition") or {}).get("ContainerDefinitions", ())
    return every - {item.get("Name") for item in containers if item.get("Essential") is False}


def _stop_task(ask: Ask, command: ScheduleTask, submitted: Answer) -> object:
    task = _first(submitted, "Tasks") or {}
    place = {"cluster": task["ClusterArn"]} if task.get("ClusterArn") else {}
    return ask("StopTask", {**place, "task": task.get("TaskArn"), "reason": _NOT_WANTED})


# -- Batch


def _look_at_batch(ask: Ask, command: ScheduleTask, submitted: Answer) -> Answer | None:
    told = _first(ask("DescribeJobs", {"jobs": [submitted.get("JobId")]}), "Jobs")
    if told is None:
        raise ServiceFailure("States.TaskFailed", f"Batch knows the job {submitted.get('JobId')} no longer")
    if told.get("Status") == "FAILED":
        raise _failed(told)
    return told if told.get("Status") == "SUCCEEDED" else None


# -- Glue


def _glue_run(command: ScheduleTask, submitted: Answer) -> tuple[str, str]:
    given = command.arguments if isinstance(command.arguments, Mapping) else {}
    return str(given.get("JobName") or ""), str(submitted.get("JobRunId") or "")


def _look_at_glue(ask: Ask, command: ScheduleTask, submitted: Answer) -> Answer | None:
    name, run = _glue_run(command, submitted)
    told: Answer = ask("GetJobRun", {"JobName": name, "RunId": run}).get("JobRun") or {}
    state = told.get("JobRunState")
    if state in ("FAILED", "TIMEOUT", "ERROR", "STOPPED", "EXPIRED"):
        raise _failed(told)
    return told if state == "SUCCEEDED" else None


def _stop_glue(ask: Ask, command: ScheduleTask, submitted: Answer) -> object:
    name, run = _glue_run(command, submitted)
    return ask("BatchStopJobRun", {"JobName": name, "JobRunIds": [run]})


JOBS: Mapping[str, Job] = {
    "states:startExecution": Job(
        _look_at_execution,
        lambda ask, command, submitted: ask(
            "StopExecution", {"executionArn": submitted.get("ExecutionArn"), "cause": _NOT_WANTED}
        ),
    ),
    "ecs:runTask": Job(_look_at_task, _stop_task),
    "batch:submitJob": Job(
        _look_at_batch,
        lambda ask, command, submitted: ask("TerminateJob", {"jobId": submitted.get("JobId"), "reason": _NOT_WANTED}),
    ),
    "glue:startJobRun": Job(_look_at_glue, _stop_glue),
}
