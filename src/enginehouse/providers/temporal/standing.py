"""What keeps an execution that is not over from going on, where that is not its definition."""

from __future__ import annotations

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import EventType, PendingWorkflowTaskState, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.client import WorkflowExecutionDescription

from enginehouse.models import ExecutionState
from enginehouse.providers.temporal.session import Session
from enginehouse.providers.temporal.settings import Settings

_PAGE = 64
_WAITED_FOR = 10
"""Seconds for which work has to lie in a queue until the pollers that Temporal lists are not believed any more."""


async def standing(
    session: Session, description: WorkflowExecutionDescription, state: ExecutionState, *, native: bool = False
) -> dict[str, Any]:
    """``stopping``, ``stuck`` and ``message``, each where there is something to say. ``native``: it is not for our workers."""
    if state.is_terminal:
        return {}
    found: dict[str, Any] = {}
    raw = description.raw_description
    if raw.workflow_extended_info.cancel_requested:
        found["stopping"] = True
    task = raw.pending_workflow_task
    if task.attempt >= 2:
        found["stuck"] = await _why_stuck(session, description)
        found["stuck_attempt"] = task.attempt
    if state == ExecutionState.PENDING or task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED:
        queue = description.task_queue
        if not polled(await _queue(session, queue), task.scheduled_time):
            found["message"] = f"no worker polls the task queue {queue!r}" + ("" if native else _advice(queue))
    return found


def polled(queue: DescribeTaskQueueResponse, since: Timestamp) -> bool:
    """Whether a worker asks for the queue's work, of which some has been there ``since`` then. Temporal lists a dead one for five
    minutes more; a living one would have asked again, or have taken what has waited for so long."""
    if queue.stats.approximate_backlog_age.seconds < _WAITED_FOR:
        return bool(queue.pollers)
    return any(poller.last_access_time.ToNanoseconds() >= since.ToNanoseconds() for poller in queue.pollers)


def _advice(queue: str) -> str:
    named = "" if queue == Settings().task_queue else f" --queue {queue}"
    return f"; run: enginehouse worker --provider temporal{named} --tasks FILE"


async def _queue(session: Session, queue: str) -> DescribeTaskQueueResponse:
    request = DescribeTaskQueueRequest(
        namespace=session.client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        report_stats=True,
    )
    return await session.ask(session.client.workflow_service.describe_task_queue(request))


async def _why_stuck(session: Session, description: WorkflowExecutionDescription) -> str:
    """Why the last workflow task failed: Temporal records the first of many failures alike."""
    request = GetWorkflowExecutionHistoryReverseRequest(namespace=session.client.namespace, maximum_page_size=_PAGE)
    request.execution.workflow_id, request.execution.run_id = description.id, description.run_id
    answer = await session.ask(session.client.workflow_service.get_workflow_execution_history_reverse(request))
    for event in answer.history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            told = event.workflow_task_failed_event_attributes.failure
            failure = await session.client.data_converter.decode_failure(told)
            return getattr(failure, "message", "") or str(failure) or "the workflow task failed"
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
            return "the worker that had the workflow task did not answer in time"
    return "the workflow task fails on the worker, and is tried again"
