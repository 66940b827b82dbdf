"""The activities of workflows' tasks: made with the workflow, and removed with the last one that mentions them.

One process may remove an activity while another one makes a workflow that uses it, and AWS has no locks. So whoever makes a
workflow makes its activities again once the machine is there, and whoever has removed some looks at the machines again and makes
anew what is used: one of the two comes last, and has seen what the other did.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from enginehouse.errors import ProviderError, ProviderUnavailableError
from enginehouse.providers.step_functions.definitions import Made
from enginehouse.providers.step_functions.faults import code_of
from enginehouse.providers.step_functions.lookup import described_or_none, runs
from enginehouse.providers.step_functions.names import MADE, Arns, legal_part
from enginehouse.providers.step_functions.rewriting import resources_of
from enginehouse.providers.step_functions.session import Session

log = logging.getLogger(__name__)

_FAILED = (ClientError, ProviderUnavailableError, ProviderError)
_SCANNED = 500
_AT_ONCE = 8

_ASKED_BLINDLY = 50
"""Activities that are made without a look at what is there. AWS lets a hundred be asked for at once, and then one a second.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


async def ensure(session: Session, made: Made) -> None:
    """Make the activities of a workflow's tasks; those that are there are left alone."""
    wanted = set(made.activities.values())
    if len(wanted) > _ASKED_BLINDLY:  # else each call would spend on those that are there what AWS allows in a minute
        wanted -= await _there(session)
    await _all(_make(session, arn) for arn in sorted(wanted))


async def _there(session: Session) -> set[str]:
    found: set[str] = set()
    token: dict[str, str] = {}
    while True:
        answer = await session.ask("list_activities", maxResults=1000, **token)
        found |= {item["activityArn"] for item in answer["activities"]}
        if not answer.get("nextToken"):
            return found
        token = {"nextToken": answer["nextToken"]}


async def _make(session: Session, arn: str) -> None:
    try:
        await session.ask("create_activity", name=arn.rpartition(":")[2], tags=[MADE])
    except ClientError as error:
        if code_of(error) != "ActivityAlreadyExists":
            raise


async def drop(session: Session, arns: Arns, of: str, definition: str) -> None:
    """Remove the activities of ours in what was a machine's definition that no machine mentions any more. An activity that stays costs
    nothing, so what goes wrong here is logged."""
    ours = arns.activity(legal_part(session.settings.prefix))
    candidates = _mentioned(definition, ours)
    if not candidates:
        return
    try:
        if await runs(session, of):  # what runs goes on as it began, and needs its activities
            return
        used, complete = await _used(session, ours)
        free = sorted(candidates - used) if complete else []
        await _remove(session, ours, [arn for arn in free if await _is_ours(session, arn)])
    except _FAILED as error:
        log.warning("activities.left of=%s reason=%s", of, error)


async def _remove(session: Session, ours: str, arns: Sequence[str]) -> None:
    gone: list[str] = []
    try:
        for arn in arns:
            gone.append(arn)  # also where the answer is lost
            await session.ask("delete_activity", activityArn=arn)
            log.info("activity.deleted arn=%s", arn)
    except _FAILED:
        await _restore(session, ours, gone)
        raise
    await _restore(session, ours, gone)


async def _restore(session: Session, ours: str, gone: Sequence[str]) -> None:
    """Make anew what is used all the same; all of them where that cannot be seen."""
    if not gone:
        return
    try:
        used, complete = await _used(session, ours)
    except _FAILED as error:
        log.warning("activities.unseen reason=%s", error)
        used, complete = set(), False
    await _all(_make(session, arn) for arn in gone if arn in used or not complete)


async def _is_ours(session: Session, arn: str) -> bool:
    """Whether the activity was made here: somebody else's may have a name like it."""
    try:
        return MADE in (await session.ask("list_tags_for_resource", resourceArn=arn))["tags"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFound":
            raise
        return False


def _mentioned(definition: str, prefix: str) -> set[str]:
    document = msgspec.json.decode(definition)
    return {arn for arn in resources_of(document) if arn.startswith(prefix)}


async def _used(session: Session, prefix: str) -> tuple[set[str], bool]:
    """The activities that the account's machines mention, and whether all machines were looked at."""
    machines: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = await session.ask("list_state_machines", maxResults=1000, **token)
        machines += [item["stateMachineArn"] for item in answer["stateMachines"]]
        if len(machines) > _SCANNED:
            log.warning("activities.left machines=%d limit=%d", len(machines), _SCANNED)
            return set(), False
        if not answer.get("nextToken"):
            break
        token = {"nextToken": answer["nextToken"]}
    free = asyncio.Semaphore(_AT_ONCE)
    found: set[str] = set()

    async def look(arn: str) -> None:
        async with free:
            there = await described_or_none(session, arn)
        if there is not None and there.get("status") != "DELETING":
            found.update(_mentioned(there["definition"], prefix))

    await _all(map(look, machines))
    return found, True


async def _all(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Make these calls at once; the first one that fails ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(call)
    except BaseExceptionGroup as failed:
        first = failed.exceptions[0]
        raise first from first.__cause__
