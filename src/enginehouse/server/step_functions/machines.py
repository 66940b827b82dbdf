"""State machines: create, describe, update, list, delete."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from enginehouse.errors import EnginehouseError
from enginehouse.models import WorkflowSpec
from enginehouse.server.step_functions import encryption, pages, tags, versions
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import check_name, check_role, parse
from enginehouse.server.step_functions.checking import refuse
from enginehouse.server.step_functions.engine import Wanted, Workflow
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.excerpts import labelled, variable_references
from enginehouse.server.step_functions.lookup import absent, deleting, living, unlabelled
from enginehouse.server.step_functions.records import Machine, Revision, Version

log = logging.getLogger(__name__)

_NO_LOGGING = {"level": "OFF", "includeExecutionData": False}
_NO_TRACING = {"enabled": False}
# Seconds between two looks whether the executions of a machine that is being deleted have ended.
_LOOK_AGAIN = 0.2
_UNFINISHED = ("running", "pending")


async def create_state_machine(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    name, kind = request["name"], request.get("type", "STANDARD")
    check_name(name)
    check_role(request["roleArn"])
    publish = request.get("publish", False)
    if "versionDescription" in request and not publish:
        raise ApiError("ValidationException", "Version description can only be set when publish is true")
    _check_logging(request)
    encrypted = encryption.read(request)
    given_tags = tags.read(request)
    workflow = await _compiled(api, name, request["definition"], kind, request["roleArn"], given_tags)
    async with api.changing():
        now = time.time()
        existing = api.catalogue.machines.get(name)
        if existing is not None:
            return await _created_again(api, existing, request)
        revision = Revision(
            machine=name,
            revision=str(uuid.uuid4()),
            digest=workflow.digest,
            definition=request["definition"],
            role=request["roleArn"],
            logging=request.get("loggingConfiguration"),
            tracing=request.get("tracingConfiguration"),
            encryption=encrypted,
            created=now,
            first=True,
        )
        machine = Machine(
            name=name, type=kind, created=now, revision=revision.revision, published=int(publish), tags=given_tags
        )
        version = [versions.made(machine, revision, 1, request.get("versionDescription", ""), now)] if publish else []
        await api.keep(machine, revision, *version, workflow=workflow)
    answer = {"stateMachineArn": api.arns.of(machine.id), "creationDate": now}
    if publish:
        answer["stateMachineVersionArn"] = api.arns.of(version[0].id)
    return answer


async def _created_again(api: Api, machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """AWS compares all but the role and the tags, and the definition as text."""
    arn = api.arns.of(machine.id)
    if machine.deleting:
        raise deleting(arn)
    revision = api.revision(machine)
    same = (
        revision.definition == request["definition"]
        and machine.type == request.get("type", "STANDARD")
        and (revision.logging or _NO_LOGGING) == request.get("loggingConfiguration", _NO_LOGGING)
        and (revision.tracing or _NO_TRACING) == request.get("tracingConfiguration", _NO_TRACING)
        and encryption.same(revision.encryption, request.get("encryptionConfiguration"))
    )
    if not same:
        raise ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
    answer = {"stateMachineArn": arn, "creationDate": machine.created}
    if request.get("publish", False):
        version = await versions.publish(api, machine, request.get("versionDescription", ""))
        answer["stateMachineVersionArn"] = api.arns.of(version.id)
    return answer


async def describe_state_machine(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["stateMachineArn"]
    target = parse(api.arns, arn, "stateMachine")
    name, _, label = target.name.partition("/")
    machine = api.catalogue.machines.get(name) if target.ours else None
    if machine is None:
        raise absent(arn)
    version = _version(api, machine, target.qualifier, arn)
    revision = api.revision(version or machine)
    answer: dict[str, Any] = {
        "stateMachineArn": arn,
        "name": machine.name,
        "status": "DELETING" if machine.deleting else "ACTIVE",
        "roleArn": revision.role,
        "type": machine.type,
        "creationDate": version.created if version else machine.created,
        **configuration(revision),
    }
    if version is not None and version.description:
        answer["description"] = version.description
    if label:
        state = labelled(msgspec.json.decode(revision.definition), label)
        if state is None:
            raise absent(arn)
        answer |= {"label": label, "type": state["ItemProcessor"]["ProcessorConfig"].get("ExecutionType", machine.type)}
    return answer | await definition_of(revision, label, request.get("includedData") != "METADATA_ONLY")


async def definition_of(revision: Revision, label: str, with_data: bool) -> dict[str, Any]:
    """What a description of the revision says of its definition; with a ``label``, of what the distributed Map runs for its items."""
    if not with_data:
        return {"definition": "{}"}
    if not label and '"Assign"' not in revision.definition:
        return {"definition": revision.definition}
    return await asyncio.to_thread(_read, revision.definition, label)  # a large one takes a tenth of a second


def _read(text: str, label: str) -> dict[str, Any]:
    machine = msgspec.json.decode(text)
    state = labelled(machine, label) if label else None
    if state is not None:
        machine = state["ItemProcessor"]
        text = msgspec.json.encode(machine).decode()
    references = variable_references(machine)
    return {"definition": text, **({"variableReferences": references} if references else {})}


def configuration(revision: Revision) -> dict[str, Any]:
    """What a description of the revision has beside definition and role."""
    answer: dict[str, Any] = {
        "loggingConfiguration": {**_NO_LOGGING, **(revision.logging or {})},
        "tracingConfiguration": {**_NO_TRACING, **(revision.tracing or {})},
        "encryptionConfiguration": encryption.shown(revision.encryption),
    }
    if not revision.first:
        answer["revisionId"] = revision.revision
    return answer


def _version(api: Api, machine: Machine, qualifier: str, arn: str) -> Version | None:
    if not qualifier:
        return None
    number = int(qualifier) if qualifier.isascii() and qualifier.isdigit() else 0
    version = api.catalogue.versions.get(machine.name, {}).get(number)
    if version is None:
        raise absent(arn)
    return version


async def update_state_machine(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    changes = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")
    publish = request.get("publish", False)
    if not publish and not any(name in request for name in changes):
        raise ApiError(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
        )
    if "versionDescription" in request and not publish:
        raise ApiError("ValidationException", "Version description can only be set when publish is true")
    if "roleArn" in request:
        check_role(request["roleArn"])
    _check_logging(request)
    encrypted = encryption.read(request)
    async with api.changing():
        machine = living(api, request["stateMachineArn"])
        before = api.revision(machine)
        after = msgspec.structs.replace(
            before,
            definition=request.get("definition", before.definition),
            role=request.get("roleArn", before.role),
            logging=request.get("loggingConfiguration", before.logging),
            tracing=request.get("tracingConfiguration", before.tracing),
            encryption=before.encryption if encrypted is None else encrypted,
        )
        now = time.time()
        if after != before:
            workflow = await _compiled(api, machine.name, after.definition, machine.type, after.role, machine.tags)
            after = msgspec.structs.replace(
                after, digest=workflow.digest, revision=str(uuid.uuid4()), created=now, first=False
            )
            machine = msgspec.structs.replace(machine, revision=after.revision)
            await api.keep(machine, after, workflow=workflow)
        answer: dict[str, Any] = {"updateDate": now}
        if not after.first:
            answer["revisionId"] = after.revision
        if publish:
            version = await versions.publish(api, machine, request.get("versionDescription", ""))
            answer["stateMachineVersionArn"] = api.arns.of(version.id)
        return answer


async def list_state_machines(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    return pages.page(
        request,
        "stateMachines",
        [machine for machine in api.catalogue.machines.values() if not machine.deleting],
        lambda machine: machine.name,
        lambda machine: {
            "stateMachineArn": api.arns.of(machine.id),
            "name": machine.name,
            "type": machine.type,
            "creationDate": machine.created,
        },
    )


async def delete_state_machine(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    """The machine is DELETING until its executions, which are told to end, have ended."""
    target = unlabelled(api, request["stateMachineArn"])
    async with api.changing():
        machine = api.catalogue.machines.get(target.rest) if target.ours else None
        if machine is not None and not machine.deleting:
            machine = msgspec.structs.replace(machine, deleting=True)
            await api.keep(machine)
            go_on_deleting(api, machine)
    return {}


def go_on_deleting(api: Api, machine: Machine) -> None:
    """Delete in the background; also what was being deleted when the last server ended."""
    task = asyncio.create_task(_delete(api, machine), name=f"delete {machine.name}")
    api.background.add(task)
    task.add_done_callback(api.background.discard)


async def _delete(api: Api, machine: Machine) -> None:
    while True:
        try:
            await _end_and_drop(api, machine)
        except EnginehouseError as error:
            if not error.retryable:
                raise
            log.warning("machine.not_deleted_yet machine=%s error=%s", machine.name, error)
            await asyncio.sleep(_LOOK_AGAIN)
        else:
            return


async def _end_and_drop(api: Api, machine: Machine) -> None:
    while running := await api.engine.executions(Wanted(machine=machine.name, states=_UNFINISHED)):
        for row in running:
            if machine.type == "STANDARD":
                await api.engine.stop(row, None, None)
        await asyncio.sleep(_LOOK_AGAIN)
    async with api.changing():
        await api.keep(dropped=api.catalogue.of_machine(machine.name), removed=machine.name)


def _check_logging(request: Mapping[str, Any]) -> None:
    """Raises ``InvalidLoggingConfiguration`` where it is not said to which one place logs go; the model's documentation has it."""
    given = request.get("loggingConfiguration", _NO_LOGGING)
    places = len(given.get("destinations", ()))
    if places > 1 or (places == 0 and given.get("level", "OFF") != "OFF"):
        why = "Must specify exactly one Log Destination."
        raise ApiError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {why}")


async def _compiled(
    api: Api, name: str, definition: str, kind: str, role: str, given_tags: Mapping[str, str]
) -> Workflow:
    """Raises ``InvalidDefinition``."""
    spec = WorkflowSpec(
        workflow_id=name,
        provider_type="local",
        name=name,
        definition=definition,
        tags=given_tags,
        provider_config={"type": kind, "role": role},
    )
    return await refuse(definition, lambda: api.engine.compile(spec))
