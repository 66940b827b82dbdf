"""JSONPath and reference paths, compiled once and cached (ASL, "Paths" and "Reference Paths")."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeGuard

from enginehouse.asl.faults import StateFault
from enginehouse.asl.path_evaluation import MAX_STEPS, Budget, PathLimitExceeded, compile_search, is_definite
from enginehouse.asl.path_segments import Names, Segment
from enginehouse.asl.path_syntax import PathSyntaxError, parse_path
from enginehouse.asl.scope import Scope
from enginehouse.asl.values import java_text, json_text

__all__ = [
    "Path",
    "PathLimitExceeded",
    "PathNotFound",
    "PathSyntaxError",
    "compile_path",
    "set_reference",
]


class PathNotFound(StateFault):
    """A definite path has no value. ``detail`` is what AWS (Jayway) says of it.

    It is a ``States.Runtime`` fault in the words for InputPath and its like; a template says it in its own words.
    """

    def __init__(self, path: str, detail: str) -> None:
        super().__init__("States.Runtime", f"Invalid path '{path}' : {detail}")
        self.path = path
        self.detail = detail


class Path:
    """A compiled path.

    ``find(scope)`` gives its value, ``find_in(document)`` the value in a bare document. A definite path without value
    raises ``PathNotFound``; an indefinite one gives a list, maybe an empty one. Either may raise ``PathLimitExceeded``.
    ``root`` is ``$``, ``$$`` or a variable's name. ``is_reference``: only names and indexes (ASL reference path).
    """

    __slots__ = ("definite", "find", "find_in", "is_reference", "root", "segments", "text")

    find: Callable[[Scope], Any]
    find_in: Callable[[Any], Any]

    def __init__(self, text: str) -> None:
        parsed = parse_path(text)
        self.text = text
        self.root = parsed.root
        self.segments = parsed.segments
        self.definite = is_definite(parsed.segments)
        self.is_reference = parsed.reference
        self.find_in = _finder(text, parsed.segments, self.definite)
        self.find = _scoped(self)

    def exists(self, scope: Scope) -> bool:
        """Whether there is a value; for an indefinite path, whether there is at least one."""
        try:
            found = self.find(scope)
        except PathNotFound:
            return False
        return self.definite or bool(found)

    def __repr__(self) -> str:
        return f"Path({self.text!r})"


@lru_cache(maxsize=4096)
def compile_path(text: str) -> Path:
    """The path of this text; ``PathSyntaxError`` says what is wrong with it."""
    return Path(text)


def _plain(segments: tuple[Segment, ...]) -> TypeGuard[tuple[str | int, ...]]:
    return all(isinstance(segment, (str, int)) for segment in segments)


def _finder(text: str, segments: tuple[Segment, ...], definite: bool) -> Callable[[Any], Any]:
    if not _plain(segments):
        search = _searcher(text, segments)
        return lambda document: search(document, Budget(text))
    if not segments:
        return lambda document: document
    steps = segments
    if all(isinstance(step, str) for step in steps):

        def find_member(document: Any) -> Any:
            value = document
            try:
                for step in steps:
                    value = value[step]
            except (KeyError, TypeError, IndexError):
                raise PathNotFound(text, _missing(steps, document)) from None
            return value

        return find_member

    def find_item(document: Any) -> Any:
        value = document
        try:
            for step in steps:
                if value.__class__ is str:  # a text is no array of characters
                    raise TypeError
                value = value[step]
        except (KeyError, TypeError, IndexError):
            raise PathNotFound(text, _missing(steps, document)) from None
        return value

    return find_item


def _searcher(text: str, segments: tuple[Segment, ...]) -> Callable[[Any, Budget], Any]:
    search = compile_search(segments)

    def find(document: Any, budget: Budget) -> Any:
        try:
            found, value = search(document, document, budget)
        except RecursionError:
            raise PathLimitExceeded(text, "The values compared are nested too deep") from None
        if not found:
            raise PathNotFound(text, f"No results for path: {_normal(segments)}")
        return value

    return find


def _scoped(path: Path) -> Callable[[Scope], Any]:
    find_in = path.find_in
    if not _plain(path.segments):
        return _counted(path)
    if path.root == "$$":
        return lambda scope: find_in(scope.context())
    if path.root != "$":
        name, text = path.root, path.text

        def find_variable(scope: Scope) -> Any:
            try:
                value = scope.variables[name]
            except KeyError:
                raise PathNotFound(text, f"No results for path: $['{name}']") from None
            return find_in(value)

        return find_variable
    if not path.segments:
        return lambda scope: scope.input
    steps = path.segments
    if not all(isinstance(step, str) for step in steps):
        return lambda scope: find_in(scope.input)

    def find_member(scope: Scope) -> Any:  # the path of every day, without a call within: 30 ns of 130
        value = scope.input
        try:
            for step in steps:
                value = value[step]
        except (KeyError, TypeError, IndexError):
            return find_in(scope.input)
        return value

    return find_member


# Messages below are Jayway's (PathToken, PropertyPathToken, ArrayPathToken), which AWS passes on.


def _normal(segments: tuple[Segment, ...]) -> str:
    parts = ["$"]
    for segment in segments:
        if isinstance(segment, str):
            parts.append(f"['{segment}']")
        elif isinstance(segment, int):
            parts.append(f"[{segment}]")
        elif isinstance(segment, Names):
            parts.append("[" + ",".join(f"'{name}'" for name in segment.names) + "]")
        else:
            parts.append(f".{getattr(segment, 'name', '*')}()")
    return "".join(parts)


_JAVA_CLASSES = {str: "java.lang.String", int: "java.lang.Integer", float: "java.lang.Double", bool: "java.lang.Boolean", list: "net.minidev.json.JSONArray"}  # fmt: skip


def _missing(steps: tuple[str | int, ...], document: Any) -> str:
    value = document
    for place, step in enumerate(steps):
        at = _normal(steps[:place])
        if isinstance(step, str):
            if value is None or value.__class__ in _JAVA_CLASSES:
                kind = "null" if value is None else _JAVA_CLASSES[value.__class__]
                return (
                    f"Expected to find an object with property ['{step}'] in path {at} but found '{kind}'. This is not a json "
                    "object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JsonSmartJsonProvider'."
                )
            if step not in value:
                last = place == len(steps) - 1
                return f"No results for path: {_normal(steps)}" if last else f"Missing property in path {at}['{step}']"
        else:
            if value is None:
                return f"The path {at} is null"
            if value.__class__ is not list:
                return f"Filter: [{step}] can only be applied to arrays. Current context is: {java_text(value)}"
            if not -len(value) <= step < len(value):
                return f"No results for path: {_normal(steps)}"
        value = value[step]
    return f"No results for path: {_normal(steps)}"


def set_reference(path: Path, document: Any, value: Any) -> Any:
    """``document`` with ``value`` at the reference path: a new document that shares what did not change.

    Objects that are missing on the way are made; an index must exist. What cannot be, raises
    ``States.ResultPathMatchFailure`` (ASL, "InputPath, Parameters, OutputPath, ResultSelector and ResultPath").
    """
    if not path.is_reference or path.root != "$":
        raise PathSyntaxError(f"'{path.text}' is not a Reference Path into the state's input.")
    steps = [segment for segment in path.segments if isinstance(segment, (str, int))]
    if not steps:
        return value
    holders: list[Any] = []
    at = document
    for place, step in enumerate(steps):
        if isinstance(step, str) and at.__class__ is dict:
            holders.append(at)
            at = at.get(step, {}) if place + 1 < len(steps) else None
        elif isinstance(step, int) and at.__class__ is list and step < len(at):
            holders.append(at)
            at = at[step]
        else:
            raise StateFault(
                "States.ResultPathMatchFailure",
                f"Unable to apply ReferencePath {path.text} to input {json_text(document)}",
            )
    result = value
    for holder, step in zip(reversed(holders), reversed(steps), strict=True):
        changed = holder.copy()
        changed[step] = result
        result = changed
    return result


def _counted(path: Path) -> Callable[[Scope], Any]:
    """A search, whose steps the turn is told of."""
    text, search = path.text, _searcher(path.text, path.segments)
    root = compile_path(path.root if path.root in ("$", "$$") else f"${path.root}").find

    def find(scope: Scope) -> Any:
        document = root(scope)
        budget = Budget(text)
        try:
            return search(document, budget)
        finally:
            scope.chance.steps += MAX_STEPS - budget.left

    return find
