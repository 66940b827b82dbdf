"""``enginehouse start``, ``status``, ``stop`` and ``redrive``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from enginehouse.abc import RedrivesExecutions
from enginehouse.cli import exits
from enginehouse.cli.durations import read_duration
from enginehouse.cli.files import read_input
from enginehouse.cli.map_runs import name_of, runs_of
from enginehouse.cli.options import Engine
from enginehouse.cli.output import note, write_json, write_lines
from enginehouse.cli.session import Session, within_session
from enginehouse.cli.times import clock, took
from enginehouse.graph.spans import Line, Span
from enginehouse.models import JSON, ExecutionInput, ExecutionResult, ExecutionState, ExecutionStatus, MapRun

Execution = Annotated[str, Parameter(help="The execution's id.")]


def start(
    workflow: Annotated[str, Parameter(help="The workflow's id.")],
    /,
    *,
    input: Annotated[str, Parameter(name=["--input", "-i"], help="JSON, @file, or - for standard input.")] = "{}",
    name: Annotated[
        str, Parameter(name=["--name", "-n"], help="The execution's name: the same name and input start it once.")
    ] = "",
    wait: Annotated[bool, Parameter(negative=(), help="Wait for its end; the exit status is its outcome.")] = False,
    timeout: Annotated[str | None, Parameter(help="With --wait: how long to wait, e.g. 90s. It runs on.")] = None,
    engine: Engine | None = None,
) -> int:
    """Start an execution of a stored workflow, and print its id.

    Some engine must drive it: enginehouse engine drives a local store; enginehouse run does all in one.

    For example:

        enginehouse start order --input '{"id": 7}'
        enginehouse start order --input @order.json --name order-7 --wait
    """
    engine = engine or Engine()
    given = ExecutionInput(input=as_text(read_input(input)), execution_name=name, trigger_source="cli")
    limit = read_duration(timeout)

    async def begin(opened: Session) -> ExecutionResult | ExecutionStatus:
        result = await opened.manager.start_execution(workflow, given)
        if not engine.json and (wait or result.state is ExecutionState.PENDING):
            await tell_why_it_waits(opened, result.execution_id)
        if not wait:
            return result
        if not engine.json:
            note(f"{result.execution_id} is {result.state}; Ctrl-C ends the waiting alone")
        seconds = None if limit is None else limit.total_seconds()
        return await opened.manager.wait(result.execution_id, timeout=seconds, history=False)

    result = within_session(engine, begin)
    if isinstance(result, ExecutionStatus):
        return show_status(result, as_json=engine.json)
    if engine.json:
        write_json(result.to_dict())
    else:
        write_lines([(Span(result.execution_id, "name"),)])
        note(f"{result.state}; follow it with: {engine.command('watch', result.execution_id)}")
    return exits.OK


async def tell_why_it_waits(opened: Session, execution: str) -> ExecutionStatus:
    """The execution's status, without its history; what keeps it from going on, nobody there to run it for one, is noted."""
    found = await opened.manager.get_execution_status(execution, history=False)
    if not found.state.is_terminal and isinstance(message := found.metadata.get("message"), str):
        note(message)
    return found


def status(execution: Execution, /, *, engine: Engine | None = None) -> int:
    """Show what is known of an execution: its state, input, output or error.

    The exit status is its outcome: 0 running or succeeded, 1 failed, 3 timed out, 4 cancelled.

    For example:

        enginehouse status order:42
        enginehouse status order:42 --json
    """
    engine = engine or Engine()

    async def fetch(opened: Session) -> tuple[ExecutionStatus, list[MapRun]]:
        found = await opened.manager.get_execution_status(execution, history=engine.json)
        return found, await runs_of(await opened.provider(), execution)

    found, runs = within_session(engine, fetch)
    return show_status(found, runs, as_json=engine.json)


def stop(
    execution: Execution,
    /,
    *,
    reason: Annotated[
        str, Parameter(name=["--reason", "-r"], help="Why; kept with the execution and in the audit trail.")
    ],
    engine: Engine | None = None,
) -> int:
    """Stop an execution. Its running tasks are told, and given a moment to clean up. A finished one is left alone.

    For example:

        enginehouse stop order:42 --reason "wrong customer"
    """
    engine = engine or Engine()

    async def halt(opened: Session) -> ExecutionStatus:
        await opened.manager.stop_execution(execution, reason)
        return await opened.manager.get_execution_status(execution, history=False)

    result = within_session(engine, halt)
    if engine.json:
        write_json(result.to_dict())
    else:
        write_lines([(Span(result.execution_id, "name"), Span(" is "), Span(result.state, result.state))])
    return exits.OK


def redrive(execution: Execution, /, *, engine: Engine | None = None) -> int:
    """Run a failed, cancelled or timed-out execution on from where it failed. Finished work is kept.

    For example:

        enginehouse redrive order:42
    """
    engine = engine or Engine()

    async def again(opened: Session) -> ExecutionResult:
        provider = await opened.able(RedrivesExecutions, "redrive executions")  # type: ignore[type-abstract]
        return await provider.redrive_execution(execution)

    result = within_session(engine, again)
    if engine.json:
        write_json(result.to_dict())
    else:
        write_lines(
            [(Span(result.execution_id, "name"), Span(" is "), Span(result.state, result.state), Span(" again"))]
        )
    return exits.OK


def _counts(run: MapRun) -> str:
    """``7/12 items, 2 running, 1 failed``."""
    others = (("running", run.running), ("failed", run.failed), ("cancelled", run.cancelled))
    return ", ".join([f"{run.succeeded}/{run.total} items", *(f"{number} {word}" for word, number in others if number)])


def as_text(value: JSON) -> JSON:
    """A value for ``ExecutionInput.input``, which takes bare text for JSON text."""
    return json.dumps(value) if isinstance(value, str) else value


def show_status(found: ExecutionStatus, runs: Sequence[MapRun] = (), *, as_json: bool) -> int:
    """Write an execution's status, with how far its distributed Maps are; the exit status of its state."""
    if as_json:
        write_json(found.to_dict() | ({"map_runs": [run.to_dict() for run in runs]} if runs else {}))
    else:
        write_lines(status_lines(found, runs))
    return exits.of_state(found.state)


def status_lines(found: ExecutionStatus, runs: Sequence[MapRun] = ()) -> list[Line]:
    """An execution's status for people: a field a line, values as JSON."""

    def field(word: str, *spans: Span) -> Line:
        return (Span(f"{word.replace('_', ' '):<15}", "dim"), *spans)

    lines = [
        field("execution", Span(found.execution_id, "name")),
        field("workflow", Span(found.workflow_id)),
        field("state", Span(found.state, found.state)),
        field("started", Span(clock(found.start_time))),
    ]
    if found.stop_time is not None:
        lines.append(field("ended", Span(clock(found.stop_time))))
    lines.append(field("took", Span(took(found.start_time, found.stop_time))))
    lines.extend(field("map run", Span(name_of(run), "name"), Span(f"  {_counts(run)}")) for run in runs)
    lines.append(field("input", Span(json.dumps(found.input, ensure_ascii=False))))
    if found.error is not None:
        lines.append(field("error", Span(found.error.code, "failed")))
        text = found.error.cause or found.error.message
        if text:
            lines.append(field("cause", Span(" ".join(text.split()))))
        if found.error.failed_at:
            lines.append(field("failed at", Span(found.error.failed_at)))
    elif found.stop_time is not None:
        lines.append(field("output", Span(json.dumps(found.output, ensure_ascii=False))))
    lines.extend(field(str(key), Span(json.dumps(value, ensure_ascii=False))) for key, value in found.metadata.items())
    return lines
