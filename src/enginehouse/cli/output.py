"""What the command line writes: JSON for programs, text for people, colour for terminals.

``rich`` is loaded only where there is something to colour or to lay out in columns.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from enginehouse.graph.spans import Line, Span, cells, plain, to_ascii, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

STYLES: Mapping[str, str] = {
    "name": "bold",
    "dim": "dim",
    "rail": "bright_black",
    "succeeded": "green",
    "failed": "bold red",
    "timed_out": "bold red",
    "caught": "yellow",
    "running": "bold blue",
    "pending": "blue",
    "stopped": "magenta",
    "cancelled": "magenta",
    "error": "bold red",
    "warning": "yellow",
    "hint": "cyan",
}
PIPE_WIDTH = 100
PIPE_HEIGHT = 60
NAME_WIDTH, CUT_WIDTH, COLUMN_GAP = 28, 12, 2


def coloured(stream: TextIO) -> bool:
    """Whether colour belongs on this stream: a terminal that can, unless NO_COLOR or FORCE_COLOR says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def width_of(stream: TextIO) -> int:
    """The columns to write for: the terminal's, or what suits a file."""
    if os.environ.get("COLUMNS", "").isdigit():
        return max(int(os.environ["COLUMNS"]), 20)
    return shutil.get_terminal_size().columns if stream.isatty() else PIPE_WIDTH


def height_of(stream: TextIO) -> int:
    """The lines that a picture may take: those of the terminal, or what suits a file."""
    return shutil.get_terminal_size().lines if stream.isatty() else PIPE_HEIGHT


def speaks_unicode(stream: TextIO) -> bool:
    """Whether the stream's encoding has box-drawing characters."""
    return (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf")


def write_json(value: object, *, line: bool = False) -> None:
    """One JSON document on standard output; ``line``: on one line, at once, as part of a stream."""
    text = json.dumps(value, ensure_ascii=not speaks_unicode(sys.stdout), indent=None if line else 2)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_text(text: str) -> None:
    """Text that is the answer itself, as it is, on standard output."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def write_lines(lines: Iterable[Line], stream: TextIO | None = None) -> None:
    """Lines of spans, coloured where colour belongs."""
    out = stream or sys.stdout
    if coloured(out):
        from rich.text import Text

        whole = [as_text(line) for line in lines]
        if whole:
            console(out).print(Text("\n").join(whole), soft_wrap=True)
        return
    text = plain(lines)
    out.write(text if speaks_unicode(out) else to_ascii(text))


def as_text(line: Line) -> Text:
    """A line of spans as rich's own text."""
    from rich.text import Text

    text = Text()
    for span in line:
        text.append(visible(span.text), STYLES.get(span.role, ""))
    return text


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str | Span]], stream: TextIO | None = None) -> None:
    """Rows under a heading. A terminal gets those of the columns, from the left, that its width has room for; a pipe gets
    all, as wide as they need."""
    from rich.table import Table

    out = stream or sys.stdout
    screen = console(out)
    lines = [[cell if isinstance(cell, Span) else Span(cell) for cell in row] for row in rows]
    widths = [max([cells(name), *(cells(line[index].text) for line in lines)]) for index, name in enumerate(columns)]
    least, shown = _that_fit(widths, screen.width)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, column in enumerate(columns[:shown]):
        first, last = index == 0, index == len(columns) - 1
        overflow: Literal["fold", "ellipsis"] = "fold" if first else "ellipsis"
        table.add_column(column, overflow=overflow, no_wrap=not last and not first, min_width=least if first else None)
    for line in lines:
        table.add_row(*(as_text((cell,)) for cell in line[:shown]))
    if out.isatty():
        screen.print(table)
        return
    with screen.capture() as written:
        screen.print(table)
    text = "".join(line.rstrip() + "\n" for line in written.get().splitlines())
    out.write(text if speaks_unicode(out) else to_ascii(text))


def _that_fit(widths: Sequence[int], room: int) -> tuple[int, int]:
    """The least width of the first column, and how many columns there is room for: the first one names the row, so it is
    kept whole where it can be, and the last one may be cut short."""
    least = min(widths[0], NAME_WIDTH, room)
    needed, shown = least, 1
    for index, width in enumerate(widths[1:], 1):
        needed += COLUMN_GAP + (min(width, CUT_WIDTH) if index == len(widths) - 1 else width)
        if needed > room:
            break
        shown += 1
    return least, shown


def console(stream: TextIO) -> Console:
    """rich's console for this stream, with our rules of colour and width."""
    from rich.console import Console

    wide = not stream.isatty() and not os.environ.get("COLUMNS")
    colour = coloured(stream)
    return Console(
        file=stream,
        force_terminal=colour,
        no_color=not colour,
        width=1000 if wide else width_of(stream),
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )


def complain(message: str, *, hint: str = "", kind: str = "error") -> None:
    """One readable line on standard error, and the next move on a second where there is one."""
    lines: list[Line] = [(Span(f"{kind}: ", kind), Span(message))]
    if hint:
        lines.append((Span("  next: ", "hint"), Span(hint)))
    write_lines(lines, sys.stderr)


def note(message: str) -> None:
    """A remark for a person, on standard error, so that standard output stays the answer."""
    write_lines([(Span(message, "dim"),)], sys.stderr)


def write_json_error(error: Exception, message: str, hint: str, *, usage: bool = False) -> None:
    """An error as one line of JSON on standard error. ``usage``: the words of the command line are at fault."""
    from enginehouse.errors import EnginehouseError, InvalidSpecError

    fields: dict[str, object] = {
        "code": error.code if isinstance(error, EnginehouseError) else "Usage" if usage else type(error).__name__,
        "message": message,
    }
    if hint:
        fields["next"] = hint
    if isinstance(error, EnginehouseError):
        fields["retryable"] = error.retryable
        fields |= {
            key: value
            for key in ("operation", "provider", "workflow_id", "execution_id")
            if (value := getattr(error, key))
        }
    if isinstance(error, InvalidSpecError):
        from enginehouse.cli.diagnostics import as_json

        fields["diagnostics"] = [as_json(item) for item in error.diagnostics]
    sys.stderr.write(json.dumps({"error": fields}, ensure_ascii=not speaks_unicode(sys.stderr)) + "\n")
