"""What a command is given in files, on standard input or as text."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.models import JSON

STDIN = "/dev/stdin"
"""What ``-`` becomes on the command line, whose parser takes a lone hyphen for an option."""


def named(words: Sequence[str]) -> list[str]:
    """The words of a command line with standard input by its name."""
    return [STDIN if word == "-" else word[:-1] + STDIN if word.endswith("=-") else word for word in words]


def read_source(place: str) -> bytes:
    """The bytes of a file, or of standard input. Raises ``OSError``."""
    if not place:  # Path takes it for the working directory
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place)
    return sys.stdin.buffer.read() if place == STDIN else Path(place).read_bytes()


def shown(place: str) -> str:
    """What a person calls it."""
    return "standard input" if place == STDIN else place


def read_input(text: str, flag: str = "--input") -> JSON:
    """The value of this flag: JSON text, ``@file`` or ``-`` for standard input. Raises ``InvalidSpecError``."""
    source = text
    if text == STDIN or text.startswith("@"):
        raw = read_source(text.removeprefix("@"))
        try:
            source = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise _not_json(text, flag, f"byte {error.start} is not UTF-8") from None
    try:
        value: JSON = json.loads(source, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise _not_json(text, flag, error.msg.lower(), error.lineno, error.colno) from None
    except RecursionError:
        raise _not_json(text, flag, "it is nested too deeply") from None
    except ValueError as error:
        raise _not_json(text, flag, str(error)) from None
    return value


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _not_json(
    text: str, flag: str, reason: str, line: int | None = None, column: int | None = None
) -> InvalidSpecError:
    from_file = text == STDIN or text.startswith("@")
    fault = Diagnostic(
        severity="error",
        code="InvalidInput",
        message=f"the {flag.removeprefix('--')} is not JSON: {reason}.",
        hint="" if from_file else f"A file is given as {flag} @file.json.",
        line=line,
        column=column,
        source=shown(text.removeprefix("@")) if from_file else flag,
    )
    return InvalidSpecError(diagnostics=[fault])
