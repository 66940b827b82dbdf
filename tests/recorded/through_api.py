"""Recorded cases through the Step Functions API: boto3 speaks to a server of its own, which calls Lambda functions here."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from enginehouse import (
    CreateWorkflowResult,
    ExecutionError,
    ExecutionEvent,
    ExecutionInput,
    ExecutionResult,
    ExecutionState,
    ExecutionStatus,
    Provider,
    WorkflowSpec,
)
from enginehouse.asl import details_key
from enginehouse.cli.case_providers import ROLE
from enginehouse.conformance.asl.runner import Needs
from enginehouse.tasks.failures import lambda_report
from enginehouse.tasks.lambda_invoke import LambdaContext, LambdaFunction, source_file
from tests.integration.step_functions.server import serving

ACCOUNT = "111111111111"
WORDS = {
    "RUNNING": ExecutionState.RUNNING,
    "SUCCEEDED": ExecutionState.SUCCEEDED,
    "FAILED": ExecutionState.FAILED,
    "TIMED_OUT": ExecutionState.TIMED_OUT,
    "ABORTED": ExecutionState.CANCELLED,
}


@contextmanager
def lambda_endpoint(functions: Mapping[str, LambdaFunction]) -> Iterator[str]:
    """The URL of an endpoint that invokes these functions, by ARN, as AWS Lambda does."""
    by_name = {arn.rpartition(":function:")[2]: (arn, function) for arn, function in functions.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            name = self.path.split("/")[3]
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arn, function = by_name[name]
            request = str(uuid.uuid4())
            failed = False
            answer: Any
            try:
                answer = function(event, LambdaContext(name, arn, request))
            except Exception as error:
                failed, answer = True, lambda_report(error, request, source_file(function))
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(200)
            if failed:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class ApiProvider(Provider):
    """As much of a provider as running cases needs: each call is one of boto3's, to a server that this provider starts."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._opened = ExitStack()
        self._threads = ThreadPoolExecutor(8)
        self._machines: dict[str, tuple[str, str]] = {}
        self._sync: dict[str, dict[str, Any]] = {}

    @property
    def name(self) -> str:
        return "step-functions-api"

    async def __aenter__(self) -> Self:
        await self._do(self._start)
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._do(self._opened.close)
        self._threads.shutdown(wait=False)

    def _start(self) -> None:
        folder = Path(self._opened.enter_context(tempfile.TemporaryDirectory()))
        endpoint = self._opened.enter_context(lambda_endpoint(self._needs.lambdas))
        server = self._opened.enter_context(
            serving(folder, "--account", ACCOUNT, environment={"LAMBDA_ENDPOINT": endpoint})
        )
        self._sfn = server.client(max_pool_connections=8)

    async def _do(self, call: Callable[..., Any], **request: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: call(**request))

    async def validate(self, spec: WorkflowSpec) -> None:
        return None

    async def create_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        kind = str(spec.provider_config["type"])
        made = await self._do(
            self._sfn.create_state_machine,
            name=spec.workflow_id,
            definition=spec.definition,
            roleArn=ROLE,
            type=kind,
        )
        self._machines[spec.workflow_id] = made["stateMachineArn"], kind
        return CreateWorkflowResult(
            workflow_id=spec.workflow_id, provider_type=self.name, resource_ids={}, created_at=made["creationDate"]
        )

    async def start_execution(self, workflow_id: str, input: ExecutionInput) -> ExecutionResult:
        arn, kind = self._machines[workflow_id]
        call = self._sfn.start_sync_execution if kind == "EXPRESS" else self._sfn.start_execution
        started = await self._do(call, stateMachineArn=arn, input=input.input)
        if kind == "EXPRESS":
            self._sync[started["executionArn"]] = started
        return ExecutionResult(
            execution_id=started["executionArn"],
            workflow_id=workflow_id,
            provider_type=self.name,
            state=ExecutionState.RUNNING,
            started_at=started["startDate"],
        )

    async def get_execution_status(self, execution_id: str, *, history: bool = True) -> ExecutionStatus:
        found = self._sync.get(execution_id)
        events: list[dict[str, Any]] = []
        if found is None:
            found = await self._do(self._sfn.describe_execution, executionArn=execution_id)
            pages = self._sfn.get_paginator("get_execution_history").paginate
            events = await self._do(lambda: [e for page in pages(executionArn=execution_id) for e in page["events"]])
        return ExecutionStatus(
            execution_id=execution_id,
            workflow_id=found["stateMachineArn"].rpartition(":")[2],
            provider_type=self.name,
            state=WORDS[found["status"]],
            start_time=found["startDate"],
            stop_time=found.get("stopDate"),
            output=json.loads(found["output"]) if "output" in found else None,
            error=ExecutionError(code=found.get("error", ""), message="", cause=found.get("cause", "")),
            history=tuple(
                ExecutionEvent(
                    id=event["id"],
                    previous_id=event["previousEventId"],
                    timestamp=event["timestamp"],
                    type=event["type"],
                    details=event.get(details_key(event["type"]), {}),
                )
                for event in events
            ),
        )

    async def stop_execution(self, execution_id: str, reason: str) -> None:
        await self._do(self._sfn.stop_execution, executionArn=execution_id)

    async def delete_workflow(self, workflow_id: str) -> None:
        await self._do(self._sfn.delete_state_machine, stateMachineArn=self._machines[workflow_id][0])
