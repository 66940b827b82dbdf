"""YAML to value, from the parser's events: no recursion, bounded expansion, every place known."""

from __future__ import annotations

import re
from typing import Any

import yaml

from enginehouse.asl.reading.faults import (
    SURROGATE,
    SYNTAX,
    Lines,
    Reading,
    given_twice,
    joined,
    lone_surrogate,
    not_a_number,
    too_deep,
)
from enginehouse.errors import Diagnostic

MAX_NODES = 500_000
"""Values after all aliases are written out."""

_TAG = "tag:yaml.org,2002:"
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")

_ABSENT = object()


class _Open:
    """A mapping or sequence that the events are inside of."""

    __slots__ = ("anchor", "at", "key", "size", "value")

    def __init__(self, at: str, value: dict[str, Any] | list[Any], anchor: str | None) -> None:
        self.at = at
        self.value = value
        self.anchor = anchor
        self.key: Any = _ABSENT
        self.size = 1


class _Unreadable(Exception):  # noqa: N818 -- it only carries the one fault that ends the reading
    def __init__(self, fault: Diagnostic) -> None:
        self.fault = fault


def read(text: str, max_depth: int) -> Reading:
    """The first document of the text by the YAML 1.2 core schema; aliases share their value."""
    reading = Reading()
    if half := SURROGATE.search(text):
        reading.faults.append(lone_surrogate("", *Lines(text).at(half.start())))
        return reading
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        reading.value = _build(yaml.parse(text, Loader=loader), reading, max_depth)
    except _Unreadable as stop:
        reading.faults.append(stop.fault)
    except yaml.YAMLError as fault:
        reading.faults.append(_syntax(fault, text))
    except (ValueError, RecursionError) as fault:
        reading.faults.append(Diagnostic("error", SYNTAX, f"The definition is not valid YAML: {fault}."))
    if reading.faults:
        reading.value = None
    return reading


def _build(events: Any, reading: Reading, max_depth: int) -> Any:
    tree = _Tree(reading, max_depth)
    documents = 0
    for event in events:
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                message = "The text holds more than one YAML document."
                raise _Unreadable(Diagnostic("error", SYNTAX, message, "", "Keep one.", line, column))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            tree.close()
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent | yaml.CollectionStartEvent):
            tree.take(event, line, column)
    return tree.value


class _Tree:
    """The value that grows from the events, and what of it is open."""

    def __init__(self, reading: Reading, max_depth: int) -> None:
        self.value: Any = None
        self._reading = reading
        self._max_depth = max_depth
        self._total = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}

    def close(self) -> None:
        """The innermost mapping or sequence is complete."""
        done = self._stack.pop()
        if done.anchor:
            self._anchors[done.anchor] = (done.value, done.size)
        if self._stack:
            self._stack[-1].size += done.size

    def take(self, event: Any, line: int, column: int) -> None:
        """A key, or a value that is complete or begins."""
        inside = self._stack[-1] if self._stack else None
        if inside is None:
            at = ""
        elif isinstance(inside.value, list):
            at = joined(inside.at, len(inside.value))
        elif inside.key is _ABSENT:
            _take_key(event, inside, self._reading, line, column)
            return
        else:
            at = joined(inside.at, inside.key)
        self._reading.places.setdefault(at, (line, column))

        value, size = self._value(event, at, line, column)
        self._total += size
        if self._total > MAX_NODES:
            message = f"The aliases expand to more than {MAX_NODES:,} values."
            raise _Unreadable(Diagnostic("error", "DEFINITION_TOO_LARGE", message, at, "", line, column))

        if inside is None:
            self.value = value
        elif isinstance(inside.value, list):
            inside.value.append(value)
        else:
            inside.value[inside.key] = value
            inside.key = _ABSENT
        if isinstance(event, yaml.CollectionStartEvent):
            self._stack.append(_Open(at, value, event.anchor))
        elif inside is not None:
            inside.size += size

    def _value(self, event: Any, at: str, line: int, column: int) -> tuple[Any, int]:
        """The value, as yet empty where it is a mapping or a sequence, and how many values it counts for."""
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                message = f"The alias `*{event.anchor}` names no anchor that is complete before it."
                raise _Unreadable(Diagnostic("error", SYNTAX, message, at, "", line, column))
            return self._anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event, at, self._reading, line, column)
            if isinstance(value, str) and SURROGATE.search(value):
                self._reading.faults.append(lone_surrogate(at, line, column))
            if event.anchor:
                self._anchors[event.anchor] = (value, 1)
            return value, 1
        _refuse_tag(event.tag, at, line, column)
        if len(self._stack) >= self._max_depth:
            raise _Unreadable(too_deep(at, self._max_depth, line, column))
        return {} if isinstance(event, yaml.MappingStartEvent) else [], 1


def _take_key(event: Any, inside: _Open, reading: Reading, line: int, column: int) -> None:
    if not isinstance(event, yaml.ScalarEvent):
        message = "A key must be plain text."
        raise _Unreadable(Diagnostic("error", "INVALID_KEY", message, inside.at, "", line, column))
    key = event.value
    at = joined(inside.at, key)
    _refuse_tag(event.tag, at, line, column)
    if key == "<<" and event.implicit[0]:
        message = "YAML merge keys (`<<`) are not read."
        hint = "Write the fields out, or alias whole values."
        raise _Unreadable(Diagnostic("error", "INVALID_KEY", message, at, hint, line, column))
    if SURROGATE.search(key):
        reading.faults.append(lone_surrogate(at, line, column))
    if key in inside.value:
        reading.faults.append(given_twice(at, key, line, column))
    reading.places.setdefault(at, (line, column))
    inside.key = key


def _scalar(event: Any, at: str, reading: Reading, line: int, column: int) -> Any:
    text: str = event.value
    tag = event.tag
    if not tag or tag == "!":
        if not event.implicit[0]:
            return text
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if text[0] not in "+-.0123456789":
            return text
        return _number(text, at, reading, line, column)
    _refuse_tag(tag, at, line, column)
    kind = tag.removeprefix(_TAG)
    if kind == "str":
        return text
    if kind == "null" and text in _NULL:
        return None
    if kind == "bool" and text in _BOOL:
        return _BOOL[text]
    if kind in ("int", "float"):
        number = _number(text, at, reading, line, column)
        if isinstance(number, int | float):
            return float(number) if kind == "float" else int(number)
    message = f"`{text:.40}` cannot be read as `!!{kind}`."
    raise _Unreadable(Diagnostic("error", SYNTAX, message, at, "", line, column))


def _number(text: str, at: str, reading: Reading, line: int, column: int) -> Any:
    if _NOT_FINITE.match(text) or (len(text) > 4000 and (_INT.match(text) or _FLOAT.match(text))):
        reading.faults.append(not_a_number(at, text, line, column))
        return None
    if _INT.match(text):
        return int(text)
    if _OCTAL.match(text) or _HEX.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        number = float(text)
        if abs(number) == float("inf"):
            reading.faults.append(not_a_number(at, text, line, column))
        return number
    return text


def _refuse_tag(tag: str | None, at: str, line: int, column: int) -> None:
    if tag and tag != "!" and tag not in _KNOWN_TAGS:
        shown = tag.replace(_TAG, "!!")
        message = f"The YAML tag `{shown:.60}` is not read here."
        hint = "Tags such as `!Sub` belong to other tools; fill their values in first."
        raise _Unreadable(Diagnostic("error", "UNSUPPORTED_YAML_TAG", message, at, hint, line, column))


_KNOWN_TAGS = {_TAG + kind for kind in ("str", "null", "bool", "int", "float", "map", "seq")}


def _syntax(fault: yaml.YAMLError, text: str) -> Diagnostic:
    line: int | None = None
    column: int | None = None
    if isinstance(fault, yaml.MarkedYAMLError):
        mark = fault.problem_mark or fault.context_mark
        if mark is not None:
            line, column = mark.line + 1, mark.column + 1
        words = ", ".join(part for part in (fault.context, fault.problem) if part)
    else:
        words = str(fault).split("\n")[0]
        position = getattr(fault, "position", None)
        if isinstance(position, int):
            before = text[:position]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            words = f"the character #x{getattr(fault, 'character', 0):04x} is not allowed"
    hint = ""
    if line is not None and "\t" in _indentation(text, line):
        hint = "Indent with spaces, not tabs."
    return Diagnostic("error", SYNTAX, f"The definition is not valid YAML: {words}.", "", hint, line, column)


def _indentation(text: str, line: int) -> str:
    found = text.splitlines()[line - 1 : line]
    return found[0][: len(found[0]) - len(found[0].lstrip())] if found else ""
