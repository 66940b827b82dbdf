"""What is shown when a run is over: what happened to each state, and the workflow coloured by it."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from enginehouse.cli.output import height_of, width_of, write_lines, write_table
from enginehouse.cli.times import took
from enginehouse.graph.badges import badge, duration
from enginehouse.graph.marks import Mark
from enginehouse.graph.model import Graph
from enginehouse.graph.outline import SIGNS
from enginehouse.graph.spans import Line, Span
from enginehouse.graph.text import to_text
from enginehouse.models import ExecutionState, ExecutionStatus

_SIGN = {
    ExecutionState.SUCCEEDED: "✓",
    ExecutionState.FAILED: "✗",
    ExecutionState.TIMED_OUT: "✗",
    ExecutionState.CANCELLED: "◼",
}


def show_report(found: ExecutionStatus, graph: Graph, happened: Mapping[str, Mark]) -> None:
    """The table of states, the graph and the outcome, on standard error; the outcome alone for what is not in the language."""
    blank: list[Line] = [()]
    write_lines(blank, sys.stderr)
    if not graph.nodes:
        write_lines([_verdict(found)], sys.stderr)
        return
    rows = [
        (
            Span("  " * depth + name, "name"),
            Span(f"{SIGNS[mark.outcome]} {mark.outcome}", mark.outcome),
            _attempts(mark),
            duration(mark.seconds),
            Span(mark.error, "dim" if mark.outcome == "succeeded" else ""),
        )
        for name, depth in _in_order(graph)
        if (mark := happened.get(name)) is not None
    ]
    columns = ["state", "outcome", "attempts", "took", "error"]
    if not any(mark.error for mark in happened.values()):
        columns.remove("error")
    write_table(columns, [row[: len(columns)] for row in rows], sys.stderr)
    write_lines(blank, sys.stderr)
    picture = to_text(graph, happened, width=width_of(sys.stderr), height=height_of(sys.stderr))
    write_lines(picture, sys.stderr)
    write_lines(blank, sys.stderr)
    write_lines([_verdict(found)], sys.stderr)


def _in_order(graph: Graph) -> list[tuple[str, int]]:
    """Every state in the order of the definition, with its depth."""
    found: list[tuple[str, int]] = []
    stack = [(node, 0) for node in reversed(graph.nodes)]
    while stack:
        node, depth = stack.pop()
        found.append((node.name, depth))
        for region in reversed(node.regions):
            stack.extend((inner, depth + 1) for inner in reversed(region.nodes))
    return found


def _attempts(mark: Mark) -> str:
    if mark.items is not None:
        return f"{mark.items[0]}/{mark.items[1]} items"
    if mark.inside_map and mark.visits > 1:
        return badge(mark)
    if mark.visits > 1:
        return f"{mark.visits}×" + (f", {mark.attempts} attempts" if mark.attempts > mark.visits else "")
    return str(mark.attempts) if mark.attempts else ""


def _verdict(found: ExecutionStatus) -> Line:
    sign = Span(f"{_SIGN.get(found.state, '▶')} {found.state}", found.state)
    line: list[Span] = [sign, Span(f" after {took(found.start_time, found.stop_time)}")]
    if found.error is not None:
        cause = " ".join((found.error.cause or found.error.message).split())
        line.append(Span(f": {found.error.code}", "failed"))
        if found.error.failed_at:
            line.append(Span(f" at {found.error.failed_at}"))
        if cause:
            line.append(Span(f": {cause}"))
    line.append(Span(f"  {found.execution_id}", "dim"))
    return tuple(line)
