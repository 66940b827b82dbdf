"""A provider's options: checked by the names, the types and the limits of its constructor's signature."""

from __future__ import annotations

import difflib
import inspect
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from enginehouse.errors import Diagnostic, InvalidSpecError

if TYPE_CHECKING:
    from msgspec import Meta

_WRITTEN = (str, bool, int, float, list, dict)  # what a configuration can say, and what is judged here
_WORDS = {
    str: "a text",
    Path: "a path",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    datetime: "a moment",
    Callable: "a function",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an option was said: in ``source``, a file's path or a variable's name, there on ``line``. ``text`` is how a variable
    has it, for an option that takes text which looks like a number."""

    source: str
    line: int | None = None
    text: str | None = None


def arguments_of(
    name: str,
    factory: Callable[..., object],
    options: Mapping[str, object],
    defaults: Mapping[str, object],
    origins: Mapping[str, Origin] | None = None,
) -> Mapping[str, object]:
    """What ``factory`` is called with: ``options``, and those of ``defaults`` that it takes.

    Raises ``InvalidSpecError`` with all that does not fit its signature: unknown and missing options, and values that are not
    of the annotated type, a ``Literal``'s choices, or within the limits of ``Annotated[float, msgspec.Meta(ge=0)]``. A value of
    an option that takes any text is not shown, since it may be a secret. ``origins``: where each option was said.
    """
    try:
        parameters = _parameters(factory)
    except (TypeError, ValueError):  # a callable written in C need not have a signature
        return options
    origins = origins or {}
    takes = [item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]
    takes_any = any(item.kind is item.VAR_KEYWORD for item in parameters)
    hints = {item.name: item.annotation for item in parameters if item.name in takes}
    faults = [_unknown(name, option, takes) for option in options if option not in takes and not takes_any]
    faults += [
        Diagnostic(
            severity="error",
            code="MissingOption",
            message=f"provider {name!r} needs the option {item.name!r}.",
            path=f"/providers/{name}/{item.name}",
            hint=f"Set it under [providers.{name}] in enginehouse.toml.",
        )
        for item in parameters
        if item.name in takes and item.default is item.empty and item.name not in options
    ]
    given = dict(options)
    for option, hint in hints.items():
        if option not in given or _fits(given[option], hint):
            continue
        text = origins[option].text if option in origins else None
        if text is not None and _fits(text, hint):
            given[option] = text
        else:
            faults.append(_unfit(name, option, given[option], hint))
    if faults:
        raise InvalidSpecError(
            "the configuration is wrong", provider=name, diagnostics=[placed(fault, name, origins) for fault in faults]
        )
    return {**{key: value for key, value in defaults.items() if key in takes}, **given}


def placed(fault: Diagnostic, name: str, origins: Mapping[str, Origin]) -> Diagnostic:
    """The fault of an option of this provider, with where that was said. A provider's own words have the option's path alone."""
    option = "".join(fault.path.removeprefix(f"/providers/{name}").split("/")[1:2])
    if option not in origins or fault.source:
        return fault
    path = fault.path if fault.path.startswith("/providers/") else f"/providers/{name}{fault.path}"
    return replace(fault, path=path, source=origins[option].source, line=origins[option].line)


def _parameters(factory: Callable[..., object]) -> Sequence[inspect.Parameter]:
    try:
        signature = inspect.signature(factory, eval_str=True)
    except Exception:  # an annotation that is there for a type checker alone; what it is made of decides how it fails
        signature = inspect.signature(factory)
    return list(signature.parameters.values())


def _fits(value: object, hint: Any) -> bool:
    """Whether a value that a configuration can say is of this type; what cannot be told, the provider itself will tell."""
    if not isinstance(value, _WRITTEN) or isinstance(hint, str) or hint in (Any, object, inspect.Parameter.empty):
        return True
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, item) for item in arguments)
    if origin is Annotated:
        return _fits(value, arguments[0]) and all(_within(value, limit) for limit in _limits(arguments))
    if origin is Literal:
        return any(value == item and type(value) is type(item) for item in arguments)
    if isinstance(value, bool) or hint is bool:
        return hint is bool and isinstance(value, bool)
    if isinstance(value, str):
        return hint is str or (hint is Path and value != "")
    if isinstance(value, int | float):
        return (hint is float and math.isfinite(value)) or (hint is int and isinstance(value, int))
    kind = origin or hint
    if isinstance(value, list):
        return kind in (list, tuple, Sequence, Iterable) and all(
            _fits(item, arguments[0]) for item in value if arguments
        )
    # what a table holds, the provider tells best; another class may be made of one
    return isinstance(kind, type) and kind not in (*_WORDS, list, tuple, type(None), Sequence, Iterable, Callable)


def _limits(annotated: Sequence[object]) -> Iterable[Meta]:
    from msgspec import Meta  # late: a registry alone need not load it

    return [item for item in annotated if isinstance(item, Meta)]


def _within(value: object, limit: Meta) -> bool:
    if isinstance(value, str):
        return limit.min_length is None or len(value) >= limit.min_length
    if isinstance(value, int | float):
        return (limit.ge is None or value >= limit.ge) and (limit.gt is None or value > limit.gt)
    return True


def _unfit(name: str, option: str, value: object, hint: Any) -> Diagnostic:
    *most, last = list(dict.fromkeys(_said(hint))) or ["something else"]
    words = f"{', '.join(most)} or {last}" if most else last
    shown = f"not {_kind(value) if _may_be_secret(hint) else _written(value)}"
    return Diagnostic(
        severity="error",
        code="InvalidOption",
        message=f"the option {option!r} of provider {name!r} is {words}, {shown}.",
        path=f"/providers/{name}/{option}",
    )


def _said(hint: Any) -> Iterable[str]:
    """What can be written for this type, in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        for item in arguments:
            if Path not in arguments or item is Path or not _may_be_secret(item):  # any text is a path then
                yield from _said(item)
    elif origin is Annotated:
        limits = "".join(map(_limit, _limits(arguments)))
        yield from (word + limits for word in _said(arguments[0]))
    elif origin is Literal:
        yield from (repr(item) for item in arguments)
    elif (origin or hint) in (dict, Mapping):
        yield "a table"
    elif (origin or hint) in (list, tuple, Sequence, Iterable):
        yield f"a list of {' or '.join(_PLURAL[item] for item in arguments if item in _PLURAL)}".removesuffix(" of ")
    elif (origin or hint) in _WORDS:
        yield _WORDS[origin or hint]


_PLURAL = {str: "texts", int: "whole numbers", float: "numbers"}


def _limit(limit: Meta) -> str:
    if limit.min_length:
        return " that is not empty"
    return (
        f" of {limit.ge:g} or more" if limit.ge is not None else f" above {limit.gt:g}" if limit.gt is not None else ""
    )


def _may_be_secret(hint: Any) -> bool:
    """Whether the option takes any text: then what stands there may be a password in the wrong place."""
    if get_origin(hint) in (Union, types.UnionType, Annotated):
        return any(map(_may_be_secret, get_args(hint)))
    return hint is str


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value!r:.80}"


def _kind(value: object) -> str:
    if isinstance(value, Mapping):
        return "a table"
    return "a list" if isinstance(value, list) else _WORDS.get(type(value), type(value).__name__)


def _unknown(name: str, option: str, takes: list[str]) -> Diagnostic:
    near = difflib.get_close_matches(option, takes, 1)
    return Diagnostic(
        severity="error",
        code="UnknownOption",
        message=f"provider {name!r} has no option {option!r}.",
        path=f"/providers/{name}/{option}",
        hint=f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(takes) or 'none'}.",
    )
