"""Tags of state machines and activities."""

from __future__ import annotations

from typing import Any

import msgspec

from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import parse
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.records import Activity, Machine

_MOST = 50


def read(request: dict[str, Any]) -> dict[str, str]:
    """The request's ``tags``. Raises ``TooManyTags``."""
    return _bounded({tag.get("key", ""): tag.get("value", "") for tag in request.get("tags", ())}, "")


def _bounded(tags: dict[str, str], arn: str) -> dict[str, str]:
    if len(tags) > _MOST:
        raise ApiError("TooManyTags", f"Too many tags: a resource has at most {_MOST} {arn}".rstrip())
    return tags


def _tagged(api: Api, arn: str) -> Machine | Activity:
    target = parse(api.arns, arn, "stateMachine", "activity")
    known: Any = api.catalogue.machines if target.kind == "stateMachine" else api.catalogue.activities
    found: Machine | Activity | None = known.get(target.rest) if target.ours else None
    if found is None:
        raise ApiError("ResourceNotFound", f"Resource not found: '{arn}'")
    return found


async def tag_resource(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    async with api.changing():
        found = _tagged(api, request["resourceArn"])
        tags = _bounded({**found.tags, **read(request)}, request["resourceArn"])
        await api.keep(msgspec.structs.replace(found, tags=tags))
    return {}


async def untag_resource(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    async with api.changing():
        found = _tagged(api, request["resourceArn"])
        tags = {key: value for key, value in found.tags.items() if key not in request["tagKeys"]}
        await api.keep(msgspec.structs.replace(found, tags=tags))
    return {}


async def list_tags_for_resource(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    found = _tagged(api, request["resourceArn"])
    return {"tags": [{"key": key, "value": value} for key, value in found.tags.items()]}
