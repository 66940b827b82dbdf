"""Requests of the Step Functions API made from AWS's service model: valid ones, and such as break one rule each."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import strategies as st

from enginehouse.server.step_functions import model

MODEL = model.load()
OPERATIONS = sorted(MODEL.operations)

_PATTERNS = {r"\p{ASCII}*": r"[\x00-\x7f]*"}
_LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs",))


class Broken(NamedTuple):
    """A request with one fault: what it is, the error code that AWS answers with, and a word of the message."""

    fault: str
    request: Any
    code: str
    message: str


def shape_of(operation: str) -> Any:
    """The shape of the operation's request."""
    return MODEL.shapes[MODEL.operations[operation]["input"]["shape"]]


def minimal(operation: str) -> dict[str, Any]:
    """A request with every member that the model has, each as short and low as it may be."""
    return _least(shape_of(operation))


def _least(shape: Any) -> Any:
    match shape["type"]:
        case "structure":
            return {name: _least(MODEL.shapes[each["shape"]]) for name, each in shape["members"].items()}
        case "list":
            return [_least(MODEL.shapes[shape["member"]["shape"]])] * max(1, shape.get("min", 0))
        case "string":
            return shape["enum"][0] if "enum" in shape else "a" * max(1, shape.get("min", 0))
        case "boolean":
            return False
        case _:
            return shape.get("min", 0)


def valid(operation: str) -> st.SearchStrategy[dict[str, Any]]:
    """Requests that the model allows, of every length, with and without what is optional."""
    return _valid(shape_of(operation))


def _valid(shape: Any) -> st.SearchStrategy[Any]:
    match shape["type"]:
        case "structure":
            members = {name: _valid(MODEL.shapes[each["shape"]]) for name, each in shape["members"].items()}
            required = shape.get("required", ())
            return st.fixed_dictionaries(
                {name: each for name, each in members.items() if name in required},
                optional={name: each for name, each in members.items() if name not in required},
            )
        case "list":
            return st.lists(
                _valid(MODEL.shapes[shape["member"]["shape"]]),
                min_size=shape.get("min", 0),
                max_size=shape.get("max", 4),
            )
        case "string" if "enum" in shape:
            return st.sampled_from(shape["enum"])
        case "string" if "pattern" in shape:
            pattern = _PATTERNS.get(shape["pattern"], shape["pattern"])
            fits = st.from_regex(pattern, fullmatch=True)
            return fits.filter(lambda text: shape.get("min", 0) <= len(text) <= shape["max"])
        case "string":
            low, high = shape.get("min", 0), shape.get("max", 64)
            short = st.text(
                _LETTERS, min_size=low, max_size=min(low + 8, high // 2)
            )  # two UTF-16 units at most a letter
            return short | st.sampled_from(["a" * low, "a" * high])
        case "boolean":
            return st.booleans()
        case "float":
            return st.floats(shape.get("min", 0), shape.get("max", 1e9), allow_nan=False)
        case _:
            return st.integers(shape.get("min", 0), shape.get("max", 2**31 - 1))


def broken(operation: str) -> Iterator[Broken]:
    """Every way to break one rule of the model, at every member, however deep."""
    request = minimal(operation)
    for fault, code, message, change in _faults(shape_of(operation), request, ""):
        changed = copy.deepcopy(request)
        change(changed)
        yield Broken(fault, changed, code, message)


_OTHERS: dict[str, list[Any]] = {
    "structure": ["text", 1, 1.5, True, []],
    "list": ["text", 1, True, {}],
    "string": [1, 1.5, True, False, [], {}],
    "boolean": ["true", 1, [], {}],
    "integer": ["1", 1.5, True, [], {}],
    "long": ["1", 1.5, True, [], {}],
    "float": ["1", True, [], {}],
}


def _faults(shape: Any, value: Any, place: str) -> Iterator[tuple[str, str, str, Any]]:
    """The faults below a structure or a list: each with the change that makes it, given the structure that holds it."""
    if shape["type"] == "structure":
        inner = [(name, name, MODEL.shapes[each["shape"]]) for name, each in shape["members"].items()]
    else:
        inner = [(0, "1.member", MODEL.shapes[shape["member"]["shape"]])]
    for key, name, each in inner:
        here = f"{place}.{name}" if place else name
        for other in _OTHERS[each["type"]]:
            yield f"{here}: {other!r}", "SerializationException", "", _setting(key, other)
        for wrong, constraint in _out_of_bounds(each):
            yield f"{here}: {constraint}", "ValidationException", f"at '{here}' failed to satisfy", _setting(key, wrong)
        if name in shape.get("required", ()):
            null = f"Value null at '{here}' failed to satisfy constraint: Member must not be null"
            yield f"{here}: null", "ValidationException", null, _setting(key, None)
            yield f"{here}: absent", "ValidationException", null, _without(key)
        if each["type"] in ("structure", "list"):
            for fault, code, message, change in _faults(each, value[key], here):
                yield fault, code, message, _within(key, change)


def _out_of_bounds(shape: Any) -> Iterator[tuple[Any, str]]:
    low, high = shape.get("min"), shape.get("max")
    match shape["type"]:
        case "string":
            if "enum" in shape:
                yield shape["enum"][0].lower(), "enum"
            if low:
                yield "a" * (low - 1), "too short"
            if high is not None:
                yield "a" * (high + 1), "too long"
            if "pattern" in shape:
                yield "ä ", "pattern"
        case "list":
            if low:
                yield [], "too few"
            if high is not None:
                yield [_least(MODEL.shapes[shape["member"]["shape"]])] * (high + 1), "too many"
        case "integer" | "long" | "float":
            if low is not None:
                yield low - 1, "too low"
            if high is not None:
                yield high + 1, "too high"
                yield 10**30, "much too high"


def _setting(key: Any, value: Any) -> Any:
    def change(holder: Any) -> None:
        holder[key] = value

    return change


def _without(key: Any) -> Any:
    return lambda holder: holder.pop(key)


def _within(key: Any, change: Any) -> Any:
    return lambda holder: change(holder[key])


def assert_answers(operation: str, answer: Any) -> None:
    """The answer has the shape that AWS's model gives it: no member too many, none missing, each of its type and within its bounds."""
    output = MODEL.operations[operation].get("output")
    assert output is not None or not answer, f"{operation} answers nothing, but gave {answer!r}"
    if output is not None:
        _assert_fits(MODEL.shapes[output["shape"]], answer, operation)


_JSON: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "timestamp": (int, float),
}


def _assert_fits(shape: Any, value: Any, place: str) -> None:
    kind = shape["type"]
    assert isinstance(value, _JSON[kind]), f"{place} is {value!r}, which is no {kind}"
    assert isinstance(value, bool) == (kind == "boolean"), f"{place} is {value!r}, which is no {kind}"
    if kind == "structure":
        assert set(value) <= set(shape["members"]), f"{place} has {set(value) - set(shape['members'])}"
        assert set(shape.get("required", ())) <= set(value), f"{place} lacks {set(shape['required']) - set(value)}"
        for name, part in value.items():
            _assert_fits(MODEL.shapes[shape["members"][name]["shape"]], part, f"{place}.{name}")
    elif kind == "list":
        for number, part in enumerate(value):
            _assert_fits(MODEL.shapes[shape["member"]["shape"]], part, f"{place}[{number}]")
    elif "enum" in shape:
        assert value in shape["enum"], f"{place} is {value!r}"
    elif kind != "map" and kind != "timestamp":
        size = value if kind in ("integer", "long", "float") else len(value) if kind == "string" else 0
        assert shape.get("min", size) <= size <= shape.get("max", size), f"{place} is {value!r}"
