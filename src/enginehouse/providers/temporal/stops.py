"""Stopping: asked first, by force where that does not help in time."""

from __future__ import annotations

import asyncio
import logging

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from enginehouse.providers.temporal import reading
from enginehouse.providers.temporal.connection import is_not_found
from enginehouse.providers.temporal.session import Session

log = logging.getLogger(__name__)

# Seconds beyond the tasks' grace that a worker has to end the execution by itself.
_WORKER = 1.0
_LOOK_FIRST, _LOOK_LATER = 0.01, 0.2
_REASON_LIMIT = 32_768


async def stop(session: Session, execution_id: str, reason: str) -> None:
    """End an execution as cancelled; one that is over is left alone. Raises ``ExecutionNotFoundError``."""
    description = await reading.described(session, execution_id)
    if description.status != WorkflowExecutionStatus.RUNNING:
        return
    reason = reason.encode("utf-8", "backslashreplace").decode()[:_REASON_LIMIT]
    handle = session.client.get_workflow_handle(execution_id)
    await session.ask(handle.cancel(reason=reason))
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + session.settings.grace + _WORKER, _LOOK_FIRST
    while (await session.ask(handle.describe())).status == WorkflowExecutionStatus.RUNNING:
        if loop.time() >= end:
            await _end_by_force(session, execution_id, reason)
            break
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LOOK_LATER)
    session.recent.add(execution_id, None)
    log.info("execution.stopped execution=%s reason=%s", execution_id, reason)


async def ask(session: Session, execution_id: str, reason: str) -> None:
    """Ask the execution to end, and do not wait for it."""
    await session.ask(session.client.get_workflow_handle(execution_id).cancel(reason=reason))


async def _end_by_force(session: Session, execution_id: str, reason: str) -> None:
    description = await reading.described(session, execution_id)
    first = await reading.stop_reason(session, description)
    handle = session.client.get_workflow_handle(execution_id)
    try:
        await session.ask(handle.terminate(reason=reason if first is None else first))
    except RPCError as error:
        if not is_not_found(error):
            raise
        log.debug("execution.ended_meanwhile execution=%s", execution_id)
