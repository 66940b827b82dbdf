"""Definitions: what AWS says of a wrong one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import msgspec

from enginehouse import asl
from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.errors import ApiError

T = TypeVar("T")
_MOST = 100


async def refuse(definition: str, compile: Callable[[], Awaitable[T]]) -> T:
    """What ``compile`` gives. Raises ``InvalidDefinition`` where it finds faults, and for text that is not JSON."""
    faults = not_json(definition)
    if not faults:
        try:
            return await compile()
        except InvalidSpecError as error:
            faults = [fault for fault in error.diagnostics if fault.severity == "error"]
            if not faults:
                raise
    raise invalid(faults)


def invalid(faults: Iterable[Diagnostic]) -> ApiError:
    """The error of a definition with these faults."""
    said = ", ".join(f"{_code(fault)}: {fault.message.rstrip('.')} at {fault.path or '/'}" for fault in faults)
    return ApiError("InvalidDefinition", f"Invalid State Machine Definition: '{said}'")


async def validate_state_machine_definition(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    definition, kind = request["definition"], request.get("type", "STANDARD")
    found: Iterable[Diagnostic] = not_json(definition) or await asyncio.to_thread(asl.validate, definition, type=kind)
    errors = [fault for fault in found if fault.severity == "error"]
    shown = errors
    if request.get("severity") == "WARNING":
        shown = errors + [fault for fault in found if fault.severity != "error"]
    most = request.get("maxResults") or _MOST
    return {
        "result": "FAIL" if errors else "OK",
        "diagnostics": [
            {
                "severity": fault.severity.upper(),
                "code": _code(fault),
                "message": fault.message,
                "location": fault.path or "/",
            }
            for fault in shown[:most]
        ],
        "truncated": len(shown) > most,
    }


def not_json(definition: str) -> list[Diagnostic]:
    """The engine takes YAML too; AWS does not."""
    try:
        msgspec.json.decode(definition)
    except (msgspec.DecodeError, RecursionError) as error:
        return [Diagnostic("error", "INVALID_JSON_DESCRIPTION", str(error) or "too deeply nested")]
    return []


def _code(fault: Diagnostic) -> str:
    return fault.code
