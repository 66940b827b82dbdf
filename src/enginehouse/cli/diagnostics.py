"""Faults, each with its place, the line of source that it is in, and the mend."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from enginehouse.cli.files import shown
from enginehouse.cli.output import width_of, write_lines
from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.graph.spans import Line, Span

MARGIN = 6
FLAGS = {"/workflow_id": "--id", "/execution_name": "--name", "/timeout": "--timeout", "/tags": "--tag"}
"""What gives those parts of a workflow and its start that stand in no file."""
SOURCE = "_enginehouse_source"
"""The attribute of an ``InvalidSpecError`` that has the name and the text of the file at fault, once that is known."""


@contextmanager
def blaming(file: str, text: bytes) -> Iterator[None]:
    """What is raised for a fault in the block is shown with its place in this file."""
    try:
        yield
    except InvalidSpecError as error:
        setattr(error, SOURCE, (shown(file), text.decode("utf-8", "replace")))
        raise


def as_json(fault: Diagnostic) -> dict[str, object]:
    """A fault's fields; those that are not known are left out."""
    return {key: value for key, value in dataclasses.asdict(fault).items() if value not in (None, "")}


def show_all(faults: Iterable[Diagnostic], *, file: str = "", text: str = "", stream: TextIO | None = None) -> None:
    """Every fault as ``file:line:column: error: sentence [code]``, with its line of ``text`` and a caret. A fault that stands
    in a file of its own is shown there."""
    out = stream or sys.stderr
    texts = {file: text.splitlines()}
    for fault in faults:
        name = fault.source or FLAGS.get("/".join(fault.path.split("/")[:2]), file)
        if name not in texts:
            texts[name] = _text_of(name).splitlines()
        write_lines(_lines(fault, name, texts[name], width_of(out)), out)


def _text_of(source: str) -> str:
    try:
        return Path(source).read_text("utf-8", "replace")
    except OSError:  # a variable's name, or a file that is not there: that is the fault
        return ""


def _lines(fault: Diagnostic, file: str, source: list[str], width: int) -> Iterator[Line]:
    place = ":".join(str(part) for part in (file, fault.line, fault.column) if part)
    yield (
        Span(f"{place}: " if place else "", "name"),
        Span(f"{fault.severity}: ", fault.severity),
        Span(" ".join(fault.message.split())),
        Span(f" [{fault.code}]", "dim"),
    )
    if fault.line is not None and fault.line <= len(source):
        yield from _excerpt(source[fault.line - 1], fault.line, fault.column, width)
    elif fault.line is not None and source:  # the text ends too early
        yield from _excerpt(source[-1], len(source), len(source[-1]) + 1, width)
    if fault.path:
        yield (Span("  at ", "dim"), Span(fault.path))
    if fault.hint:
        yield (Span("  hint: ", "hint"), Span(fault.hint))


def _excerpt(line: str, number: int, column: int | None, width: int) -> Iterator[Line]:
    """The line and, where the place in it is known, a caret under that; of a long line, the part around it."""
    text = "".join(char if char.isprintable() else " " for char in line)
    room = max(width - MARGIN - 4, 16)
    begin = 0 if len(text) <= room else max(0, min((column or 1) - 1 - room // 2, len(text) - room))
    shown = text[begin : begin + room].rstrip()
    yield (Span(f"{number:>{MARGIN}} │ ", "rail"), Span(shown))
    if column is not None:
        yield (Span(f"{'':>{MARGIN}} │ ", "rail"), Span(" " * max(column - 1 - begin, 0) + "^", "error"))
