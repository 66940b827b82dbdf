"""AWS's service model of Step Functions, as botocore ships it, made into a check of every request.

The order is AWS's: a body that cannot be read, or a member of the wrong type, is a SerializationException and ends the
reading; only then are all members held to their constraints, and everything broken is told in one ValidationException.
Members that the model does not know are ignored, and null is as good as absent.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from enginehouse.server.step_functions.errors import ApiError

Shape: TypeAlias = Mapping[str, Any]
"""A shape of the service model, as it stands in botocore's JSON."""

Check: TypeAlias = Callable[[Any, str, list[str]], Any]
"""Takes a value, its place (``tags.1.member.key``) and the faults found so far; adds to these; gives the value as read."""

_INTEGERS = {"integer": ("an Integer", 2**31), "long": ("a Long", 2**63)}
_LIST_START = "Start of list found where not expected"
_OBJECT_START = "Start of structure or map found where not expected."


class Model:
    """The operations of Step Functions."""

    def __init__(self, service: Mapping[str, Any]) -> None:
        self.shapes: Mapping[str, Shape] = service["shapes"]
        """All shapes by name, of requests and of answers."""
        self.operations: Mapping[str, Mapping[str, Any]] = service["operations"]
        """The operations by name; each names the shapes of its ``input``, ``output`` and ``errors``."""
        self.target_prefix: str = service["metadata"]["targetPrefix"]
        """What stands before the operation in the header ``X-Amz-Target``, without the dot."""
        self._checks = {name: _structure(self.shapes, each["input"]["shape"]) for name, each in self.operations.items()}

    def checked(self, operation: str, body: bytes) -> dict[str, Any]:
        """The request in ``body``: the members that the model knows and the caller gave.

        Raises ``ApiError``: UnknownOperationException, SerializationException or ValidationException, in AWS's own words.
        """
        check = self._checks.get(operation)
        if check is None:
            raise ApiError("UnknownOperationException", f"There is no operation {operation!r}.")
        faults: list[str] = []
        request: dict[str, Any] = check(_parsed(body), "", faults)
        if faults:
            errors = "1 validation error" if len(faults) == 1 else f"{len(faults)} validation errors"
            raise ApiError("ValidationException", f"{errors} detected: {'; '.join(faults)}")
        return request


@functools.cache
def load() -> Model:
    """The model of the installed botocore. Raises ``ImportError`` where the extra ``server`` is not installed."""
    package = importlib.util.find_spec("botocore")
    if package is None or package.origin is None:
        raise ImportError("there is no botocore", name="botocore")
    # read, not imported: botocore takes as long to load as all else of the server
    versions = Path(package.origin).parent.glob("data/stepfunctions/*/service-2.json*")
    newest = max(versions, key=lambda file: file.parent.name)
    data = newest.read_bytes()
    return Model(msgspec.json.decode(gzip.decompress(data) if newest.suffix == ".gz" else data))


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(f"The request is not JSON: {error}.") from None
    except RecursionError:
        raise _unreadable("The request is nested too deeply.") from None
    if not isinstance(value, dict):
        raise _unreadable(_LIST_START if isinstance(value, list) else "The request is not a JSON object.")
    return value


def _unreadable(message: str) -> ApiError:
    return ApiError("SerializationException", message)


def _wrong(value: Any, wanted: str) -> ApiError:
    """The value has not the type that is wanted (``a String``)."""
    match value:
        case list():
            return _unreadable(_LIST_START)
        case dict():
            return _unreadable(_OBJECT_START)
        case bool():
            found = "TRUE_VALUE" if value else "FALSE_VALUE"
        case str():
            found = "STRING_VALUE"
        case _:
            found = "NUMBER_VALUE"
    return _unreadable(f"{found} can not be converted to {wanted}")


def _fault(value: Any, place: str, constraint: str, *, secret: bool = False) -> str:
    shown = "" if secret else " null" if value is None else f" '{value}'"
    return f"Value{shown} at '{place}' failed to satisfy constraint: Member must {constraint}"


def _compiled(shapes: Mapping[str, Shape], name: str) -> Check:
    shape = shapes[name]
    match shape["type"]:
        case "structure":
            return _structure(shapes, name)
        case "list":
            return _list(shape, _compiled(shapes, shape["member"]["shape"]))
        case "string":
            return _string(shape, sized=name == "SensitiveData")
        case "integer" | "long":
            return _integer(shape)
        case "float":
            return _float(shape)
        case "boolean":
            return _boolean
    raise ValueError(
        f"the model's shape {name!r} is of a type that no request of Step Functions has had: {shape['type']}"
    )


def _structure(shapes: Mapping[str, Shape], name: str) -> Check:
    shape = shapes[name]
    required = frozenset(shape.get("required", ()))
    members = [
        (member, member in required, _compiled(shapes, each["shape"])) for member, each in shape["members"].items()
    ]

    def check(value: Any, place: str, faults: list[str]) -> dict[str, Any]:
        if value.__class__ is not dict:
            raise _unreadable(_LIST_START if value.__class__ is list else "Expected null")
        given: dict[str, Any] = {}
        for member, needed, inner in members:
            part = value.get(member)
            if part is not None:
                given[member] = inner(part, f"{place}.{member}" if place else member, faults)
            elif needed:
                faults.append(_fault(None, f"{place}.{member}" if place else member, "not be null"))
        return given

    return check


def _list(shape: Shape, inner: Check) -> Check:
    bounds = _bounds(shape, "have length")

    def check(value: Any, place: str, faults: list[str]) -> list[Any]:
        if value.__class__ is not list:
            raise _unreadable(_OBJECT_START if value.__class__ is dict else "Expected list or null")
        faults += [_fault(value, place, broken, secret=True) for broken in bounds(len(value))]
        given = []
        for number, part in enumerate(value, 1):
            if part is None:
                faults.append(_fault(None, f"{place}.{number}.member", "not be null"))
            else:
                given.append(inner(part, f"{place}.{number}.member", faults))
        return given

    return check


def _string(shape: Shape, *, sized: bool) -> Check:
    """``sized``: the limit counts bytes of UTF-8, as AWS has it for inputs, outputs and the like."""
    secret = bool(shape.get("sensitive"))
    bounds = _bounds(shape, "have size", " bytes in UTF-8 encoding") if sized else _bounds(shape, "have length")
    values = shape.get("enum")
    pattern = shape.get("pattern")
    matches = None if pattern is None else re.compile(_translated(pattern)).fullmatch

    def check(value: Any, place: str, faults: list[str]) -> str:
        if value.__class__ is not str:
            raise _wrong(value, "a String")
        text: str = value
        if values is not None:
            if text not in values:
                faults.append(_fault(text, place, f"satisfy enum value set: [{', '.join(values)}]", secret=secret))
            return text
        size = len(text) if text.isascii() else _size(text, sized)
        faults += [_fault(text, place, broken, secret=secret) for broken in bounds(size)]
        if matches is not None and matches(text) is None:
            faults.append(_fault(text, place, f"satisfy regular expression pattern: {pattern}", secret=secret))
        return text

    return check


def _size(text: str, sized: bool) -> int:
    """Bytes of UTF-8, or the length as Java counts it: in units of UTF-16."""
    return len(text.encode()) if sized else len(text.encode("utf-16-le")) // 2


def _translated(pattern: str) -> str:
    """Java's pattern in Python's words; ``\\p{ASCII}`` is the only one in the model that differs."""
    return pattern.replace(r"\p{ASCII}", r"[\x00-\x7f]")


def _integer(shape: Shape) -> Check:
    wanted, beyond = _INTEGERS[shape["type"]]
    bounds = _bounds(shape, "have value")

    def check(value: Any, place: str, faults: list[str]) -> int:
        if value.__class__ is not int and not (value.__class__ is float and value.is_integer()):
            raise _wrong(value, wanted)
        number = int(value)
        broken = bounds(number)
        faults += [_fault(number, place, each) for each in broken]
        if not broken and not -beyond <= number < beyond:
            raise _wrong(value, wanted)
        return number

    return check


def _float(shape: Shape) -> Check:
    bounds = _bounds(shape, "have value")

    def check(value: Any, place: str, faults: list[str]) -> float:
        if value.__class__ not in (int, float):
            raise _wrong(value, "a Float")
        broken = bounds(value)
        faults += [_fault(value, place, each) for each in broken]
        return 0.0 if broken else float(value)

    return check


def _boolean(value: Any, place: str, faults: list[str]) -> bool:
    if value.__class__ is not bool:
        raise _wrong(value, "a Boolean")
    return value is True


def _bounds(shape: Shape, what: str, unit: str = "") -> Callable[[float], Iterable[str]]:
    """What of ``min`` and ``max`` a number breaks, in words."""
    low, high = shape.get("min"), shape.get("max")

    def broken(number: float) -> Iterable[str]:
        if low is not None and number < low:
            return (f"{what} greater than or equal to {low}{unit}",)
        if high is not None and number > high:
            return (f"{what} less than or equal to {high}{unit}",)
        return ()

    return broken
