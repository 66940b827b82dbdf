"""Parameters as definitions write them to botocore's, and answers back."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

from botocore.model import ListShape, MapShape, Shape, StructureShape

from enginehouse.tasks.aws.names import capital, field_name

Naming: TypeAlias = Callable[[str], str]


class RefusedFields(ValueError):  # noqa: N818 -- AWS's answer, not a defect
    """What AWS says of each field that it does not take, before it calls the service."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an integration writes: names of fields, points of time, and which ``texts`` take any JSON value.

    ``exact``: names are taken in this spelling alone. Otherwise the service's own spelling is understood too.
    """

    naming: Naming
    exact: bool
    moment: Callable[[datetime], str | int]
    texts: Collection[str] = ()


def iso(moment: datetime) -> str:
    """``2024-05-01T12:00:00Z``, with milliseconds where there are some."""
    whole = moment.astimezone(UTC).replace(tzinfo=None)
    return whole.isoformat(timespec="milliseconds" if whole.microsecond // 1000 else "seconds") + "Z"


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


SDK = Dialect(field_name, exact=True, moment=iso)


def optimised(texts: Collection[str]) -> Dialect:
    """What an optimized integration speaks."""
    return Dialect(capital, exact=False, moment=milliseconds, texts=texts)


def json_text(value: object) -> str:
    """A JSON value as the text that AWS makes of it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# -- parameters


def parameters(given: object, shape: Shape | None, dialect: Dialect) -> dict[str, Any]:
    """``given`` as botocore takes it; fields that are null are left out. Raises ``RefusedFields`` with all faults."""
    faults: list[str] = []
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise RefusedFields("The parameters must be an object")
    result = _structure(given, shape if isinstance(shape, StructureShape) else None, dialect, faults)
    if faults:
        raise RefusedFields(", ".join(faults))
    return result


def _structure(
    given: Mapping[str, Any], shape: StructureShape | None, dialect: Dialect, faults: list[str]
) -> dict[str, Any]:
    names = _fields(shape, dialect.naming) if shape is not None else {}
    members = shape.members if shape is not None else {}
    result: dict[str, Any] = {}
    for key, value in given.items():
        member = names.get(key)
        if member is None and not dialect.exact and key in members:
            member = key
        if member is None:
            near = next((name for name in names if name.lower() == key.lower()), "")
            faults.append(f'The field "{key}" is not supported by Step Functions{near and f"; write {near}"}')
        elif value is not None:
            result[member] = _value(value, members[member], dialect, faults, key)
    faults += [
        f"The field '{dialect.naming(member)}' is required but was missing"
        for member in (shape.required_members if shape is not None else ())
        if member not in result and not members[member].metadata.get("idempotencyToken")  # botocore makes those
    ]
    return result


@lru_cache(maxsize=4096)
def _fields(shape: StructureShape, naming: Naming) -> dict[str, str]:
    return {naming(member): member for member in shape.members}


def _value(value: Any, shape: Shape, dialect: Dialect, faults: list[str], name: str) -> Any:
    if isinstance(shape, StructureShape):
        if getattr(shape, "is_document_type", False):
            return value
        if isinstance(value, Mapping):
            return _structure(value, shape, dialect, faults)
        return _wrong(faults, name, "an OBJECT")
    if isinstance(shape, MapShape):
        if not isinstance(value, Mapping):
            return _wrong(faults, name, "an OBJECT")
        return {key: _value(item, shape.value, dialect, faults, key) for key, item in value.items()}
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            return _wrong(faults, name, "an ARRAY")
        return [_value(item, shape.member, dialect, faults, name) for item in value]
    return _scalar(value, shape.type_name, dialect, faults, name)


def _scalar(value: Any, kind: str, dialect: Dialect, faults: list[str], name: str) -> Any:
    match kind:
        case "string" | "character":
            if isinstance(value, str):
                return value
            if isinstance(value, Mapping | list) or name in dialect.texts:
                return json_text(value)
            return _wrong(faults, name, "a STRING")
        case "blob":  # a text goes as JSON too, with its quotes, but to what takes JSON as text
            return (value if isinstance(value, str) and name in dialect.texts else json_text(value)).encode()
        case "boolean":
            return value if isinstance(value, bool) else _wrong(faults, name, "a BOOLEAN")
        case "integer" | "long":
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            return value if type(value) is int else _wrong(faults, name, "an INTEGER")
        case "float" | "double":
            return value if type(value) in (int, float) else _wrong(faults, name, "a NUMBER")
        case "timestamp":
            return _moment(value, faults, name)
    return value


def _moment(value: Any, faults: list[str], name: str) -> Any:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        if type(value) in (int, float):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return _wrong(faults, name, "a TIMESTAMP")


def _wrong(faults: list[str], name: str, kind: str) -> None:
    faults.append(f"The value for the field '{name}' must be {kind}")


# -- answers


def answer(value: Any, shape: Shape | None, dialect: Dialect) -> Any:
    """What the service answered, as JSON. Bytes are text, for AWS as for us; where they are not UTF-8 something is lost.

    An operation without an output (no ``shape``) answers with an empty object.
    """
    if shape is None:
        return {}
    if isinstance(shape, StructureShape) and isinstance(value, Mapping) and not _is_document(shape):
        members = shape.members
        return {
            dialect.naming(name): answer(item, members[name], dialect)
            for name, item in value.items()
            if name in members and item is not None
        }
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {str(key): answer(item, shape.value, dialect) for key, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [answer(item, shape.member, dialect) for item in value]
    if isinstance(value, datetime):
        return dialect.moment(value)
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value


def _is_document(shape: Shape) -> bool:
    return bool(getattr(shape, "is_document_type", False))
