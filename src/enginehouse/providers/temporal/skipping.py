"""Virtual time, for tests against a real server: while nothing of an execution runs, its clock jumps to its next timer.

The server's switch for it is experimental: ``temporal server start-dev --dynamic-config-value
frontend.WorkflowTimeSkippingEnabled=true``. Needs temporalio 1.35.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import TimeSkippingConfig
from temporalio.client import Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle


class SkipTime(Interceptor):
    """For ``TemporalProvider(interceptors=[SkipTime()])``: the executions that it starts, and their children, skip time."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Starting(next)


class _Starting(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        input.time_skipping_config = TimeSkippingConfig(enabled=True)
        return await super().start_workflow(input)
