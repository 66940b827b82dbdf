"""``enginehouse run``."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from contextlib import aclosing, redirect_stdout
from typing import Annotated
from uuid import uuid4

from cyclopts import Parameter

from enginehouse.abc import WatchesExecutions
from enginehouse.asl.document import read_document
from enginehouse.cli import exits
from enginehouse.cli.diagnostics import blaming
from enginehouse.cli.durations import read_duration
from enginehouse.cli.executions import as_text
from enginehouse.cli.files import read_input
from enginehouse.cli.history import closable
from enginehouse.cli.logs import Level, show_logs
from enginehouse.cli.map_runs import count, counting, marks_of
from enginehouse.cli.options import Engine
from enginehouse.cli.output import complain, note, write_json, write_json_error
from enginehouse.cli.progress import Progress
from enginehouse.cli.report import show_report
from enginehouse.cli.session import Session, session, settings_of
from enginehouse.cli.signals import Interrupted, run_loop, until_asked
from enginehouse.cli.workflows import bytes_of, spec_from, store_workflow
from enginehouse.graph.marks import Mark, Tracker
from enginehouse.graph.model import Graph, build
from enginehouse.models import ExecutionInput, ExecutionState, ExecutionStatus, WorkflowSpec


def run(
    file: Annotated[str, Parameter(help="The definition, JSON or YAML; - is standard input.")],
    /,
    *,
    tasks: Annotated[
        list[str] | None,
        Parameter(
            name=["--tasks", "-t"],
            negative=(),
            help="Task functions: a file, module or module:attribute; may be repeated.",
        ),
    ] = None,
    input: Annotated[str, Parameter(name=["--input", "-i"], help="JSON, @file, or - for standard input.")] = "{}",
    name: Annotated[
        str, Parameter(name=["--name", "-n"], help="The execution's name; the same name again goes on with it.")
    ] = "",
    id: Annotated[str | None, Parameter(help="The workflow's id [the file's name].")] = None,
    timeout: Annotated[str | None, Parameter(help="How long the execution may take, e.g. 90s, 15m, 2h.")] = None,
    log: Level | None = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative=(), help="No progress and no report.")] = False,
    engine: Engine | None = None,
) -> int:
    """Create a workflow, start an execution, follow it and print its output.

    A stored definition that differs is replaced. Progress and a report go to standard error, the output alone to
    standard output. Ctrl-C stops the engine cleanly and leaves the execution as it is; the same command with the --name
    that is shown goes on from there. The exit status is the outcome: 0 succeeded, 1 failed, 3 timed out, 4 cancelled.

    For example:

        enginehouse run hello.yaml --tasks tasks.py --input '{"who": "world"}'
        enginehouse run order.yaml -t shop.tasks -i @order.json --name order-7
        enginehouse run order.yaml -t shop.tasks --json | jq .output
    """
    engine = engine or Engine()
    spec = spec_from(file, id=id, timeout=read_duration(timeout))
    name = name or f"run-{uuid4().hex[:12]}"
    given = ExecutionInput(input=as_text(read_input(input)), execution_name=name, trigger_source="cli")
    settings = settings_of(engine, tasks=tasks or (), drive="auto")
    if log is not None:
        show_logs(log)

    async def whole() -> tuple[ExecutionStatus, Graph, Mapping[str, Mark]]:
        async with session(settings) as opened:
            return await until_asked(work(opened))

    begun = False

    async def work(opened: Session) -> tuple[ExecutionStatus, Graph, Mapping[str, Mark]]:
        nonlocal begun
        with blaming(file, bytes_of(spec)):
            await store_workflow(opened, spec, update=True)
        execution = (await opened.manager.start_execution(spec.workflow_id, given)).execution_id
        begun = True
        found = await _followed(opened, spec, execution, quiet=quiet or engine.json)
        graph = build(read_document(spec.definition).value)
        shown = engine.json or not quiet
        return found, graph, await marks_of(await opened.provider(), graph, found) if shown else {}

    try:
        with redirect_stdout(sys.stderr):  # what task functions print is not the output
            found, graph, happened = run_loop(whole())
    except Interrupted as interrupted:
        kept = (
            f"stopped following {name!r}; it is kept as it stands" if begun else f"{name!r} may not have been started"
        )
        if engine.json:
            write_json_error(interrupted, kept, _again(name))
        else:
            complain(kept, hint=_again(name), kind="interrupted")
        return interrupted.status
    if engine.json:
        write_json(_document(found, graph, happened))
    else:
        if not quiet:
            show_report(found, graph, happened)
        if found.state is ExecutionState.SUCCEEDED:
            sys.stdout.write(json.dumps(found.output, ensure_ascii=False, indent=2) + "\n")
    return exits.of_state(found.state)


async def _followed(opened: Session, spec: WorkflowSpec, execution: str, *, quiet: bool) -> ExecutionStatus:
    if not quiet:
        note(f"{spec.workflow_id}: execution {execution}")
        await _show_progress(opened, spec, execution)
    return await opened.manager.wait(execution)


async def _show_progress(opened: Session, spec: WorkflowSpec, execution: str) -> None:
    provider = await opened.provider()
    if not isinstance(provider, WatchesExecutions):
        return
    tracker = Tracker(build(read_document(spec.definition).value))
    with Progress(tracker) as progress:
        async with (
            counting(provider, execution, tracker),
            aclosing(closable(provider.watch_execution(execution))) as events,
        ):
            async for event in events:
                if event.type == "MapStateExited":
                    await count(provider, execution, tracker)
                progress.take(event)


def _again(name: str) -> str:
    """The command line that goes on with this execution."""
    words = sys.argv[1:]
    named = any(word in ("--name", "-n") or word.startswith("--name=") for word in words)
    return shlex.join(["enginehouse", *words, *([] if named else ["--name", name])])


def _document(found: ExecutionStatus, graph: Graph, happened: Mapping[str, Mark]) -> dict[str, object]:
    document: dict[str, object] = dict(found.to_dict())
    del document["history"]
    document["states"] = [
        {"name": node.name, "type": node.type, **_fields(happened[node.name])}
        for node, _ in graph.walk()
        if node.name in happened
    ]
    return document


def _fields(mark: Mark) -> dict[str, object]:
    fields: dict[str, object] = {
        "outcome": mark.outcome,
        "visits": mark.visits,
        "attempts": mark.attempts,
        "seconds": round(mark.seconds, 6),
    }
    if mark.items is not None:
        fields["items"] = {"finished": mark.items[0], "known": mark.items[1]}
    if mark.error:
        fields["error"] = mark.error
    return fields
