"""Activities, and the outcomes of tasks that wait for a token."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable
from typing import Any

import msgspec

from enginehouse.errors import ExecutionNotFoundError
from enginehouse.server.step_functions import encryption, pages, tags
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import check_name, parse
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.records import Activity

_POLL = 60.0
_TOKEN = re.compile(r"\d+\.[0-9a-f]{24}\.(.+)", re.DOTALL)


async def create_activity(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    name = request["name"]
    check_name(name)
    given = tags.read(request)
    encrypted = encryption.read(request)
    async with api.changing():
        activity = api.catalogue.activities.get(name)
        if activity is None:
            activity = Activity(name=name, created=time.time(), tags=given, encryption=encrypted)
            await api.keep(activity)
        elif not encryption.same(activity.encryption, encrypted):
            arn = api.arns.of(activity.id)
            raise ApiError("ActivityAlreadyExists", f"Activity Already Exists: '{arn}'")
    return {"activityArn": api.arns.of(activity.id), "creationDate": activity.created}


def _activity_of(api: Api, arn: str) -> Activity:
    target = parse(api.arns, arn, "activity")
    activity = api.catalogue.activities.get(target.rest) if target.ours else None
    if activity is None:
        raise ApiError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
    return activity


def _line(api: Api, activity: Activity) -> dict[str, Any]:
    return {"activityArn": api.arns.of(activity.id), "name": activity.name, "creationDate": activity.created}


async def describe_activity(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    activity = _activity_of(api, request["activityArn"])
    answer = _line(api, activity)
    if activity.encryption is not None:
        answer["encryptionConfiguration"] = activity.encryption
    return answer


async def list_activities(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    return pages.page(
        request,
        "activities",
        list(api.catalogue.activities.values()),
        lambda activity: activity.name,
        lambda activity: _line(api, activity),
    )


async def delete_activity(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    target = parse(api.arns, request["activityArn"], "activity")
    async with api.changing():
        activity = api.catalogue.activities.get(target.rest) if target.ours else None
        if activity is not None:
            await api.keep(dropped=[activity])
    return {}


async def get_activity_task(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    """A task, or, after a minute without one, an answer without a token."""
    activity = _activity_of(api, request["activityArn"])
    taken = await api.engine.task(api.arns.of(activity.id), request.get("workerName", ""), _POLL)
    return {} if taken is None else {"taskToken": taken[0], "input": taken[1]}


async def send_task_success(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    try:
        output = msgspec.json.decode(request["output"])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ApiError("InvalidOutput", f"Invalid Output: '{error or 'it is nested too deeply'}'") from None
    token = request["taskToken"]
    return await _told(api, token, api.engine.tokens.send_task_success(token, output))


async def send_task_failure(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    token = request["taskToken"]
    failed = api.engine.tokens.send_task_failure(token, request.get("error") or "", request.get("cause") or "")
    return await _told(api, token, failed)


async def send_task_heartbeat(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    token = request["taskToken"]
    return await _told(api, token, api.engine.tokens.send_task_heartbeat(token))


async def _told(api: Api, token: str, telling: Awaitable[None]) -> dict[str, Any]:
    try:
        await telling
    except ExecutionNotFoundError:
        raise await _gone(api, token) from None
    return {}


async def _gone(api: Api, token: str) -> ApiError:
    """Nothing waits for the token: its task is over, or it never was one."""
    found = _TOKEN.fullmatch(token)
    id = found[1].partition(":execution:")[2] if found else ""
    if id and id.isprintable() and await api.engine.execution(id) is not None:
        return ApiError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    return ApiError("InvalidToken", "Invalid Token: 'Invalid token'")
