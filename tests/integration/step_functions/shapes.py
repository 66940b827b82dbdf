"""Answers held to the service model: the members, types and enumerations that it has for them."""

from __future__ import annotations

from typing import Any

from enginehouse.server.step_functions.model import load

SHAPES = load().shapes
OPERATIONS = load().operations


def check(operation: str, answer: dict[str, Any], *, texts: bool = False) -> None:
    """Fail where the answer is not of the shape that the model has for this operation. ``texts``: times may be texts, as the
    command line writes them; on the wire they are seconds since the epoch."""
    faults: list[str] = []
    _check(SHAPES[OPERATIONS[operation]["output"]["shape"]], answer, operation, faults, texts)
    assert not faults, "\n".join(faults)


def _check(shape: Any, value: Any, place: str, faults: list[str], texts: bool) -> None:
    match shape["type"]:
        case "structure":
            if not isinstance(value, dict):
                faults.append(f"{place}: {value!r} is no structure")
                return
            members = shape["members"]
            faults += [f"{place}: {name} is missing" for name in shape.get("required", ()) if name not in value]
            faults += [f"{place}: {name} is not of the model" for name in value if name not in members]
            for name, item in value.items():
                if name in members:
                    _check(SHAPES[members[name]["shape"]], item, f"{place}.{name}", faults, texts)
        case "list":
            if not isinstance(value, list):
                faults.append(f"{place}: {value!r} is no list")
                return
            for index, item in enumerate(value):
                _check(SHAPES[shape["member"]["shape"]], item, f"{place}[{index}]", faults, texts)
        case "map":
            if not isinstance(value, dict):
                faults.append(f"{place}: {value!r} is no map")
                return
            for name, item in value.items():
                _check(SHAPES[shape["value"]["shape"]], item, f"{place}.{name}", faults, texts)
        case kind:
            _check_scalar(kind, shape, value, place, faults, texts)


def _check_scalar(kind: str, shape: Any, value: Any, place: str, faults: list[str], texts: bool) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    right = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": number and isinstance(value, int),
        "long": number and isinstance(value, int),
        "float": number,
        "double": number,
        "timestamp": number or (texts and isinstance(value, str)),
    }[kind]
    if not right:
        faults.append(f"{place}: {value!r} is no {kind}")
    elif kind == "string":
        if value not in shape.get("enum", [value]):
            faults.append(f"{place}: {value!r} is none of {shape['enum']}")
        if not shape.get("min", 0) <= len(value) <= shape.get("max", len(value)):
            faults.append(f"{place}: {value!r} is too short or too long")
    elif kind in ("integer", "long") and not shape.get("min", value) <= value <= shape.get("max", value):
        faults.append(f"{place}: {value!r} is out of range")
