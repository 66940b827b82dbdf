"""``enginehouse graph``."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from enginehouse import asl
from enginehouse.asl.document import read_document
from enginehouse.cli import exits
from enginehouse.cli.diagnostics import blaming
from enginehouse.cli.files import STDIN, read_source
from enginehouse.cli.options import Engine
from enginehouse.cli.output import PIPE_WIDTH, note, width_of, write_json, write_lines, write_text
from enginehouse.errors import InvalidSpecError
from enginehouse.graph.dot import to_dot
from enginehouse.graph.marks import Mark
from enginehouse.graph.mermaid import to_mermaid
from enginehouse.graph.model import Graph, build
from enginehouse.graph.spans import plain
from enginehouse.graph.text import to_text

_BY_SUFFIX = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}
_DEFINITIONS = (".json", ".yaml", ".yml")


def graph(
    workflow: Annotated[str, Parameter(help="A definition's file (- is standard input), or a stored workflow's id.")],
    /,
    *,
    format: Annotated[
        Literal["text", "svg", "mermaid", "dot"], Parameter(name=["--format", "-f"], help="How it is drawn.")
    ] = "text",
    execution: Annotated[
        str | None, Parameter(name=["--execution", "-e"], help="Colour the states by what this execution did.")
    ] = None,
    file: Annotated[
        Path | None,
        Parameter(name=["--output", "-o"], help="Write here; the suffix .svg, .mmd or .dot sets the format."),
    ] = None,
    engine: Engine | None = None,
) -> int:
    """Draw a workflow: in the terminal, or as SVG, Mermaid or DOT.

    With --execution the states are coloured by what happened: green succeeded, red failed, orange failed and caught,
    blue running, grey not reached; with attempts, and iterations of a Map counted together.

    For example:

        enginehouse graph order.yaml
        enginehouse graph order.yaml --output order.svg
        enginehouse graph order --execution order:42 --format mermaid
    """
    engine = engine or Engine()
    drawn, found = _drawn(workflow, execution, engine)
    if file is not None:
        chosen = _BY_SUFFIX.get(file.suffix.lower(), "text") if format == "text" else format
        file.write_text(_text(drawn, found, chosen, PIPE_WIDTH), encoding="utf-8")
        note(f"written: {file}")
    if engine.json:
        write_json(_document(drawn, found))
    elif file is None and format == "text":
        write_lines(to_text(drawn, found, width=width_of(sys.stdout)))
    elif file is None:
        write_text(_text(drawn, found, format, PIPE_WIDTH))
    return exits.OK


def _drawn(workflow: str, execution: str | None, engine: Engine) -> tuple[Graph, Mapping[str, Mark] | None]:
    is_file = workflow == STDIN or Path(workflow).exists()
    if is_file and execution is None:
        return _from_file(workflow), None
    if not is_file and Path(workflow).suffix in _DEFINITIONS:
        raise FileNotFoundError(2, "no such file", workflow)
    from enginehouse.cli.history import status_of
    from enginehouse.cli.map_runs import marks_of
    from enginehouse.cli.session import Session, within_session

    async def fetch(opened: Session) -> tuple[Graph, Mapping[str, Mark] | None]:
        status = None if execution is None else await status_of(opened, execution)
        if is_file:
            drawn = _from_file(workflow)
        else:
            drawn = build(read_document(await opened.definition(workflow, execution or "")).value)
        return drawn, None if status is None else await marks_of(await opened.provider(), drawn, status)

    return within_session(engine, fetch)


def _from_file(file: str) -> Graph:
    text = read_source(file)
    with blaming(file, text):
        drawn = build(read_document(text).value)
        if not drawn.nodes:
            raise InvalidSpecError(diagnostics=[fault for fault in asl.validate(text) if fault.severity == "error"])
        return drawn


def _text(drawn: Graph, found: Mapping[str, Mark] | None, format: str, width: int) -> str:
    match format:
        case "svg":
            from enginehouse.graph.svg import to_svg

            return to_svg(drawn, found)
        case "mermaid":
            return to_mermaid(drawn, found)
        case "dot":
            return to_dot(drawn, found)
    return plain(to_text(drawn, found, width=width))


def _document(drawn: Graph, found: Mapping[str, Mark] | None) -> dict[str, object]:
    """The graph as JSON: states by pointer with what happened to them, and the ways between them by name."""
    states: list[dict[str, object]] = []
    for node, parent in drawn.walk():
        state: dict[str, object] = {"name": node.name, "type": node.type, "path": node.path, "end": node.ends}
        if parent is not None:
            state["inside"] = parent.name
        if found is not None:
            mark = found.get(node.name)
            state["mark"] = None if mark is None else dataclasses.asdict(mark)
        states.append(state)
    edges = [dataclasses.asdict(edge) for region in _regions(drawn) for edge in region.edges]
    return {"start": drawn.start, "states": states, "edges": edges}


def _regions(drawn: Graph) -> Iterator[Graph]:
    yield drawn
    for node, _ in drawn.walk():
        yield from node.regions
