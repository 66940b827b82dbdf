"""Between the mock's memory and the contract's values. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from enginehouse import asl
from enginehouse.abc import Page
from enginehouse.asl.values import json_text
from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.mapping import INPUT_LIMIT, event_of, retrier, when
from enginehouse.models import (
    JSON,
    ExecutionError,
    ExecutionInput,
    ExecutionResult,
    ExecutionState,
    ExecutionStatus,
    ExecutionSummary,
    MapRun,
    WorkflowSpec,
)
from enginehouse.names import Names
from enginehouse.providers.mock.execution import Execution
from enginehouse.tasks.results import NotJson, json_copy

NAME = "mock"
_TYPES = ("STANDARD", "EXPRESS")

T = TypeVar("T")


def context_of(execution: Execution, names: Names) -> asl.ExecutionContext:
    """What the definition sees of the execution."""
    express = execution.express and bool(names.prefix)
    return asl.ExecutionContext(
        execution_id=names.express(execution.workflow_id, execution.name) if express else names.execution(execution.id),
        execution_name=execution.name.rpartition(":")[0] if express else execution.name,
        start_time=execution.started,
        role_arn=execution.role or names.role,
        state_machine_id=names.workflow(execution.workflow_id),
        state_machine_name=execution.workflow_id,
        region=names.region(),
        account=names.account(),
    )


def compile_spec(spec: WorkflowSpec, operation: str) -> asl.Program:
    """The spec's definition, ready to run. Raises ``InvalidSpecError``."""
    kind = spec.provider_config.get("type", "STANDARD")
    faults = [
        Diagnostic(
            "error", "UNKNOWN_SETTING", f"the mock has no setting {name!r}", f"/provider_config/{name}", "Known: type."
        )
        for name in spec.provider_config
        if name != "type"
    ]
    if kind not in _TYPES:
        message = f"the type of a workflow is {' or '.join(_TYPES)}, not {kind!r}"
        faults.append(Diagnostic("error", "INVALID_TYPE", message, "/provider_config/type"))
    try:
        program = asl.compile(
            spec.definition,
            type=str(kind) if kind in _TYPES else "STANDARD",
            timeout=None if spec.timeout is None else spec.timeout.total_seconds(),
            retry=retrier(spec.retry_policy),
        )
    except InvalidSpecError as error:
        faults.extend(error.diagnostics)
        raise _invalid(spec.workflow_id, operation, faults) from None
    if faults:
        raise _invalid(spec.workflow_id, operation, faults)
    return program


def _invalid(workflow_id: str, operation: str, faults: Sequence[Diagnostic]) -> InvalidSpecError:
    return InvalidSpecError(
        "the workflow is invalid", diagnostics=faults, operation=operation, workflow_id=workflow_id, provider=NAME
    )


def read_input(input: JSON | bytes, workflow_id: str) -> tuple[Any, str]:
    """The value of an execution's input, and its JSON text. Raises ``InvalidSpecError``."""
    try:
        if isinstance(input, str | bytes):
            text = input.decode() if isinstance(input, bytes) else input
            value = json_copy(json.loads(text), "the input")
        else:
            value = json_copy(input, "the input")
            text = json_text(value)
        size = len(text.encode())
    except (ValueError, NotJson, RecursionError) as error:
        raise _bad_input("INVALID_INPUT", f"the input is not valid JSON: {error}", workflow_id) from error
    if size > INPUT_LIMIT:
        message = (
            f"the input has {size:,} bytes, and {INPUT_LIMIT:,} are allowed; pass a reference to large data instead"
        )
        raise _bad_input("INPUT_TOO_LARGE", message, workflow_id)
    return value, text


def canonical(value: Any) -> str:
    """The same text for the same JSON value: ``1`` is not ``true``, and the order of keys does not count."""
    return json.dumps(value, sort_keys=True)


def _bad_input(code: str, message: str, workflow_id: str) -> InvalidSpecError:
    fault = Diagnostic("error", code, message)
    return InvalidSpecError(
        "", diagnostics=[fault], operation="start execution", workflow_id=workflow_id, provider=NAME
    )


def status_of(execution: Execution, *, history: bool) -> ExecutionStatus:
    """What is known of the execution now."""
    state = execution.status
    text = execution.output_text
    return ExecutionStatus(
        execution_id=execution.id,
        workflow_id=execution.workflow_id,
        provider_type=NAME,
        state=state,
        start_time=when(execution.started),
        stop_time=None if execution.stopped is None else when(execution.stopped),
        input=execution.input,
        output=None if text is None else json.loads(text),
        error=_error_of(execution, state),
        history=tuple(event_of(event) for event in execution.events) if history else (),
        metadata=_metadata(execution),
    )


def _error_of(execution: Execution, state: ExecutionState) -> ExecutionError | None:
    if state not in (ExecutionState.FAILED, ExecutionState.TIMED_OUT):
        return None
    core = execution.state
    if execution.broken or core is None:
        return ExecutionError(code="States.Runtime", message=f"the core failed: {execution.broken}")
    error, cause = core.error or "", core.cause or ""
    return ExecutionError(code=error, message=cause or error, cause=cause, failed_at=core.failed_at or "")


def _metadata(execution: Execution) -> dict[str, JSON]:
    request: ExecutionInput = execution.request
    found: dict[str, JSON] = {**request.metadata, "execution_name": execution.name}
    if request.tags:
        found["tags"] = dict(request.tags)
    if request.trigger_source:
        found["trigger_source"] = request.trigger_source
    if execution.stop_reason is not None:
        found["stop_reason"] = execution.stop_reason
    if execution.state is not None and execution.state.context.redrive_count:
        found["redrive_count"] = execution.state.context.redrive_count
    return found


def started_result(execution: Execution, state: ExecutionState, message: str = "") -> ExecutionResult:
    return ExecutionResult(
        execution_id=execution.id,
        workflow_id=execution.workflow_id,
        provider_type=NAME,
        state=state,
        started_at=when(execution.started),
        message=message,
    )


def summary_of(execution: Execution) -> ExecutionSummary:
    return ExecutionSummary(
        execution_id=execution.id,
        workflow_id=execution.workflow_id,
        provider_type=NAME,
        state=execution.status,
        start_time=when(execution.started),
        stop_time=None if execution.stopped is None else when(execution.stopped),
    )


def map_runs(children: Iterable[Execution]) -> list[MapRun]:
    """The runs that these belong to, in order."""
    runs: dict[str, list[Execution]] = {}
    for child in children:
        runs.setdefault(child.map_run, []).append(child)
    return [
        MapRun(
            map_run_id=run,
            path=members[0].map_path,
            total=members[0].map_run_size,
            running=sum(not child.finished for child in members),
            succeeded=sum(child.status is ExecutionState.SUCCEEDED for child in members),
            failed=sum(child.status in (ExecutionState.FAILED, ExecutionState.TIMED_OUT) for child in members),
            cancelled=sum(child.status is ExecutionState.CANCELLED for child in members),
        )
        for run, members in runs.items()
    ]


def page_of(items: Sequence[tuple[int, T]], limit: int, token: str, operation: str) -> Page[T]:
    """A page of numbered items, of which the newest have the highest numbers; ``token`` is the number before which it begins."""
    if limit < 1:
        raise InvalidSpecError(f"a page has at least one item, not {limit}", operation=operation, provider=NAME)
    if token and not token.isdecimal():
        message = f"{token!r} is no page token; pass next_token of the page before, or none"
        raise InvalidSpecError(message, operation=operation, provider=NAME)
    left = [(number, item) for number, item in reversed(items) if not token or number < int(token)]
    page = left[:limit]
    return Page(items=[item for _, item in page], next_token=str(page[-1][0]) if len(left) > limit else "")
