"""Versions of state machines, and aliases for them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from enginehouse.server.step_functions import pages
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import parse
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.lookup import absent, living, machine_of
from enginehouse.server.step_functions.records import Alias, Machine, Revision, Route, Version

_MOST_VERSIONS = 1000
_MOST_ALIASES = 100


def made(machine: Machine, revision: Revision, number: int, description: str, now: float) -> Version:
    return Version(
        machine=machine.name, number=number, revision=revision.revision, description=description, created=now
    )


async def publish(api: Api, machine: Machine, description: str) -> Version:
    """The version of the machine's revision; the one that there is already, where it is the newest. Hold ``changing``."""
    known = api.catalogue.versions.get(machine.name, {})
    newest = known[max(known)] if known else None
    if newest is not None and newest.revision == machine.revision:
        return newest
    if len(known) >= _MOST_VERSIONS:
        raise ApiError("ServiceQuotaExceededException", f"A state machine has at most {_MOST_VERSIONS} versions.")
    machine = msgspec.structs.replace(machine, published=machine.published + 1)
    version = made(machine, api.revision(machine), machine.published, description, time.time())
    await api.keep(machine, version)
    return version


async def publish_state_machine_version(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    async with api.changing():
        machine = living(api, request["stateMachineArn"])
        wanted = request.get("revisionId")
        current = api.revision(machine)
        shown = "INITIAL" if current.first else current.revision
        if wanted is not None and wanted != shown:
            raise ApiError(
                "ConflictException",
                f"Failed to publish the State Machine version for revision {wanted}. "
                f"The current State Machine revision is {shown}.",
            )
        version = await publish(api, machine, request.get("description", ""))
    return {"creationDate": version.created, "stateMachineVersionArn": api.arns.of(version.id)}


async def list_state_machine_versions(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    machine = machine_of(api, request["stateMachineArn"])
    return pages.page(
        request,
        "stateMachineVersions",
        list(api.catalogue.versions.get(machine.name, {}).values()),
        lambda version: -version.number,
        lambda version: {"stateMachineVersionArn": api.arns.of(version.id), "creationDate": version.created},
    )


async def delete_state_machine_version(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["stateMachineVersionArn"]
    async with api.changing():
        version = _version_of(api, arn)
        if version is None:
            return {}
        aliases = [
            alias.name
            for alias in api.catalogue.aliases.get(version.machine, {}).values()
            if any(route.version == version.number for route in alias.routes)
        ]
        if aliases:
            raise ApiError(
                "ConflictException",
                "Version to be deleted must not be referenced by an alias. "
                f"Current list of aliases referencing this version: [{', '.join(sorted(aliases))}]",
            )
        await api.keep(dropped=[version])
    return {}


def _version_of(api: Api, arn: str) -> Version | None:
    target = parse(api.arns, arn, "stateMachine")
    number = target.qualifier
    if not number.isascii() or not number.isdigit():
        raise ApiError("ValidationException", f"Not a state machine version ARN: {arn}")
    return api.catalogue.versions.get(target.name, {}).get(int(number)) if target.ours else None


# Aliases.


async def create_state_machine_alias(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    async with api.changing():
        machine, routes = _routes(api, request["routingConfiguration"])
        now = time.time()
        alias = Alias(
            machine=machine.name,
            name=request["name"],
            description=request.get("description", ""),
            routes=routes,
            created=now,
            updated=now,
        )
        known = api.catalogue.aliases.get(machine.name, {})
        existing = known.get(alias.name)
        if existing is not None:
            if (existing.routes, existing.description) != (alias.routes, alias.description):
                raise ApiError(
                    "ConflictException",
                    "Failed to create alias because an alias with the same name and a different routing configuration "
                    "already exists.",
                )
            alias = existing
        elif len(known) >= _MOST_ALIASES:
            raise ApiError("ServiceQuotaExceededException", f"A state machine has at most {_MOST_ALIASES} aliases.")
        else:
            await api.keep(alias)
    return {"stateMachineAliasArn": api.arns.of(alias.id), "creationDate": alias.created}


def _routes(api: Api, given: Sequence[dict[str, Any]], of: str = "") -> tuple[Machine, tuple[Route, ...]]:
    """The machine, and the versions of it that starts go to. Raises ``ValidationException`` and what ``living`` does."""
    arns = [item["stateMachineVersionArn"] for item in given]
    targets = [parse(api.arns, arn, "stateMachine") for arn in arns]
    received = f"Received: [{', '.join(arns)}]"
    if not all(target.qualifier.isascii() and target.qualifier.isdigit() for target in targets):
        raise _routing(f"Routing configuration must contain state machine version ARNs. {received}")
    if len(set(arns)) < len(arns):
        raise _routing(f"Routing configuration must contain distinct state machine version ARNs. {received}")
    names = {target.name for target in targets}
    if len(names) > 1 or (of and names != {of}):
        raise _routing(f"Routing configuration must contain versions of the same state machine. {received}")
    weights = [item["weight"] for item in given]
    if sum(weights) != 100:
        raise _routing(
            f"Sum of routing configuration weights must equal 100. Received: [{', '.join(map(str, weights))}]"
        )
    machine = living(api, api.arns.of(f"stateMachine:{targets[0].name}"))
    for target in targets:
        if not target.ours or int(target.qualifier) not in api.catalogue.versions.get(machine.name, {}):
            raise _no_resource()
    return machine, tuple(Route(int(target.qualifier), weight) for target, weight in zip(targets, weights, strict=True))


def _routing(why: str) -> ApiError:
    return ApiError("ValidationException", why, reason="INVALID_ROUTING_CONFIGURATION")


def _no_resource() -> ApiError:
    return ApiError("ResourceNotFound", "Request references a resource that does not exist.")


def _alias_of(api: Api, arn: str) -> Alias | None:
    target = parse(api.arns, arn, "stateMachine")
    if not target.qualifier or target.qualifier.isdigit():
        raise ApiError("ValidationException", f"Not a state machine alias ARN: {arn}")
    return api.catalogue.aliases.get(target.name, {}).get(target.qualifier) if target.ours else None


async def describe_state_machine_alias(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    alias = _alias_of(api, request["stateMachineAliasArn"])
    if alias is None:
        raise _no_resource()
    answer = {
        "stateMachineAliasArn": api.arns.of(alias.id),
        "name": alias.name,
        "routingConfiguration": [
            {
                "stateMachineVersionArn": api.arns.of(f"stateMachine:{alias.machine}:{route.version}"),
                "weight": route.weight,
            }
            for route in alias.routes
        ],
        "creationDate": alias.created,
        "updateDate": alias.updated,
    }
    if alias.description:
        answer["description"] = alias.description
    return answer


async def update_state_machine_alias(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    if "description" not in request and "routingConfiguration" not in request:
        raise ApiError(
            "ValidationException",
            "Either the description or the routing configuration must be specified",
            reason="MISSING_REQUIRED_PARAMETER",
        )
    async with api.changing():
        alias = _alias_of(api, request["stateMachineAliasArn"])
        if alias is None:
            raise _no_resource()
        living(api, api.arns.of(f"stateMachine:{alias.machine}"))
        routes = alias.routes
        if "routingConfiguration" in request:
            _, routes = _routes(api, request["routingConfiguration"], of=alias.machine)
        changed = msgspec.structs.replace(
            alias, routes=routes, description=request.get("description", alias.description), updated=time.time()
        )
        await api.keep(changed)
    return {"updateDate": changed.updated}


async def delete_state_machine_alias(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    async with api.changing():
        alias = _alias_of(api, request["stateMachineAliasArn"])
        if alias is not None:
            await api.keep(dropped=[alias])
    return {}


async def list_state_machine_aliases(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["stateMachineArn"]
    target = parse(api.arns, arn, "stateMachine")
    machine = living(api, api.arns.of(f"stateMachine:{target.name}") if target.ours else arn)
    aliases = list(api.catalogue.aliases.get(machine.name, {}).values())
    if target.qualifier:
        version = _version_of(api, arn)
        if version is None:
            raise _no_resource()
        aliases = [alias for alias in aliases if any(route.version == version.number for route in alias.routes)]
    return pages.page(
        request,
        "stateMachineAliases",
        aliases,
        lambda alias: [-alias.created, alias.name],
        lambda alias: {"stateMachineAliasArn": api.arns.of(alias.id), "creationDate": alias.created},
    )


def is_known(api: Api, machine: Machine, qualifier: str) -> bool:
    """Whether the machine has this version, or this alias."""
    if qualifier.isascii() and qualifier.isdigit():
        return int(qualifier) in api.catalogue.versions.get(machine.name, {})
    return qualifier in api.catalogue.aliases.get(machine.name, {})


def chosen(api: Api, machine: Machine, qualifier: str, arn: str) -> tuple[Version, Alias | None]:
    """The version that a start goes to: the one named, or one that the alias leads to, by its weights."""
    alias = None
    if qualifier.isascii() and qualifier.isdigit():
        number = int(qualifier)
    else:
        alias = api.catalogue.aliases.get(machine.name, {}).get(qualifier)
        if alias is None:
            raise absent(arn)
        (route,) = random.choices(alias.routes, [route.weight for route in alias.routes])
        number = route.version
    version = api.catalogue.versions.get(machine.name, {}).get(number)
    if version is None:
        raise absent(arn)
    return version, alias
