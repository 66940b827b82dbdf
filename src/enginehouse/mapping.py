"""Between the contract's values and the core's, the same for every engine. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from enginehouse.asl import Event
from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.models import ExecutionEvent, ExecutionInput, RetryPolicy, WorkflowSpec
from enginehouse.tasks.results import json_copy

INPUT_LIMIT = 262_144
"""Bytes of UTF-8 that an execution's input may have, as on AWS."""

_sorted = msgspec.json.Encoder(order="sorted").encode


def when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def event_of(event: Event) -> ExecutionEvent:
    return ExecutionEvent(
        id=event.id,
        previous_id=event.previous_id,
        timestamp=when(event.timestamp),
        type=event.type,
        details=event.details,
    )


def read_input(input: ExecutionInput, *, compact: bool = False) -> tuple[Any, str]:
    """The value and the JSON text of an execution's input; ``compact``, the text without blanks. Raises ``InvalidSpecError``."""
    given = input.input
    try:
        if isinstance(given, str | bytes):
            given = msgspec.json.format(given, indent=-1) if compact else given
            text = given.decode() if isinstance(given, bytes) else given
            value = msgspec.json.decode(text)
        else:
            value = json_copy(dict(given) if isinstance(given, Mapping) else given, "the input")
            text = msgspec.json.encode(value).decode()
        size = len(text.encode())
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise bad_input("INVALID_INPUT", f"the input is not valid JSON: {error}") from error
    if size > INPUT_LIMIT:
        raise bad_input(
            "INPUT_TOO_LARGE",
            f"the input has {size:,} bytes, and {INPUT_LIMIT:,} are allowed; pass a reference to large data instead",
        )
    return value, text


def bad_input(code: str, message: str) -> InvalidSpecError:
    return InvalidSpecError("", diagnostics=[Diagnostic("error", code, message)])


def same_json(one: str, other: str) -> bool:
    """Whether two texts hold the same JSON value. What is no JSON is the same as itself alone."""
    if one == other:
        return True
    try:
        return _sorted(msgspec.json.decode(one)) == _sorted(msgspec.json.decode(other))
    except msgspec.MsgspecError:
        return False


def spec_text(spec: WorkflowSpec) -> str:
    """The spec without its definition, as JSON."""
    fields = spec.to_dict()
    fields.pop("definition")
    return msgspec.json.encode(fields).decode()


def retrier(policy: RetryPolicy | None) -> dict[str, Any] | None:
    """The policy as an entry of the language's Retry."""
    if policy is None:
        return None
    made: dict[str, Any] = {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": policy.initial_interval.total_seconds(),
        "MaxAttempts": policy.max_attempts,
        "BackoffRate": policy.backoff_rate,
    }
    if policy.max_interval is not None:
        made["MaxDelaySeconds"] = policy.max_interval.total_seconds()
    return made
