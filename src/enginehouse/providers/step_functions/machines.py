"""State machines: made, compared with what is there already, replaced and removed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from enginehouse.errors import (
    Diagnostic,
    InvalidSpecError,
    ProviderUnavailableError,
    WorkflowBusyError,
    WorkflowNotFoundError,
)
from enginehouse.models import CreateWorkflowResult, WorkflowSpec
from enginehouse.providers.step_functions import _mapping as mapping
from enginehouse.providers.step_functions import activities
from enginehouse.providers.step_functions.definitions import Made, make, names_role, same_definition
from enginehouse.providers.step_functions.faults import code_of
from enginehouse.providers.step_functions.lookup import described, described_or_none, runs
from enginehouse.providers.step_functions.names import Arns, is_machine
from enginehouse.providers.step_functions.session import Session
from enginehouse.providers.step_functions.settings import PROVIDER

log = logging.getLogger(__name__)

_PATIENCE = 60.0
"""Seconds that a create waits for a machine of its name to be gone, where its caller does not set a deadline."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


async def made_of(session: Session, spec: WorkflowSpec) -> tuple[Made, Arns]:
    """The spec as AWS is to hold it. Raises ``InvalidSpecError``, ``CapabilityError``."""
    if names_role(spec, session.settings):
        arns = await session.arns()
    else:  # and is refused, for which nobody has to know the account
        arns = Arns(session.connection.region, session.settings.account)
    return await asyncio.to_thread(make, spec, session.settings, arns), arns


async def validate_remotely(session: Session, made: Made) -> list[Mapping[str, Any]]:
    """The faults that AWS itself finds."""
    answer = await session.ask("validate_state_machine_definition", definition=made.text, type=made.type)
    return [item for item in answer.get("diagnostics", ()) if item.get("severity") == "ERROR"]


async def create(session: Session, spec: WorkflowSpec, made: Made, arns: Arns) -> CreateWorkflowResult:
    """Make the machine and its activities, or find it there. A machine of its name that is being deleted is waited for.
    Raises ``InvalidSpecError`` for an id that is a machine's ARN: all else takes it for that very machine."""
    if is_machine(spec.workflow_id):
        fault = Diagnostic(
            "error", "INVALID_ID", "the id is the ARN of a state machine", "/workflow_id", "Give a name."
        )
        raise InvalidSpecError("", diagnostics=[fault])
    arn, version = arns.machine(spec.workflow_id), ""
    before = await described_or_none(session, arn) if made.activities else None
    is_new = before is None or before.get("status") == "DELETING"
    if is_new:  # of one that is there, it is not known yet whether it is to have them
        await activities.ensure(session, made)
    try:
        answer = await _while_deleting(session, made)
        arn, version = answer["stateMachineArn"], answer.get("stateMachineVersionArn", "")
    except ClientError as error:
        if code_of(error) not in ("StateMachineAlreadyExists", "ConflictException"):
            raise
    there = await described(session, arn)
    session.remember(arn, spec.workflow_id)
    differing = _differing(made, there)
    if "definition" not in differing:
        await activities.ensure(session, made)  # again, now that all who look see the machine
    elif is_new:  # somebody else was quicker, with another one
        await activities.drop(session, arns, arn, made.text)
    message = ""
    if differing:
        advice = "delete it first, AWS changes no type" if "type" in differing else "replace it with update_workflow"
        message = f"the workflow exists already, with another {', '.join(differing)}, and was left as it is; {advice}"
    log.info("workflow.created workflow=%s arn=%s %s", spec.workflow_id, arn, message)
    held = replace(made, activities={}, queues={}) if "definition" in differing else made
    return _result(spec, held, there, version, message)


async def _while_deleting(session: Session, made: Made) -> Any:
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + _PATIENCE, _FIRST_PAUSE
    members: dict[str, Any] = {**made.settings}
    if made.tags:
        members["tags"] = _tags(made)
    if made.publish:
        members["publish"] = True
    if made.version_description:
        members["versionDescription"] = made.version_description
    while True:
        try:
            return await session.ask(
                "create_state_machine",
                name=made.name,
                definition=made.text,
                roleArn=made.role,
                type=made.type,
                **members,
            )
        except ClientError as error:
            if code_of(error) != "StateMachineDeleting":
                raise
            if loop.time() + pause > end:
                message = f"a workflow of this id is still being deleted after {_PATIENCE:g} s; try again later"
                raise ProviderUnavailableError(message) from error
        await asyncio.sleep(pause * random.uniform(0.7, 1))
        pause = min(pause * 2, _LONGEST_PAUSE)


def _tags(made: Made) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in made.tags.items()]


def _differing(made: Made, there: Mapping[str, Any]) -> list[str]:
    """What of the machine is not as it was asked for."""
    found = [] if same_definition(made.text, there["definition"]) else ["definition"]
    found += [] if there.get("type", "STANDARD") == made.type else ["type"]
    found += [] if there.get("roleArn", made.role) == made.role else ["role"]
    for key, value in made.settings.items():
        if not _holds(there.get(key), value):
            found.append(key)
    return found


def _holds(there: Any, asked: Any) -> bool:
    """Whether what is there has all that was asked for; AWS adds defaults."""
    if isinstance(asked, Mapping):
        return isinstance(there, Mapping) and all(_holds(there.get(key), value) for key, value in asked.items())
    if isinstance(asked, list | tuple):
        return isinstance(there, list) and len(there) == len(asked) and all(map(_holds, there, asked))
    return bool(there == asked)


def _result(
    spec: WorkflowSpec, made: Made, there: Mapping[str, Any], version: str, message: str
) -> CreateWorkflowResult:
    ids = {"arn": there["stateMachineArn"], "role": there.get("roleArn", made.role)}
    ids |= {f"activity:{task}": arn for task, arn in made.activities.items()}
    ids |= {f"queue:{task}": url for task, url in made.queues.items()}
    if version:
        ids["version"] = version
    return CreateWorkflowResult(
        workflow_id=spec.workflow_id,
        provider_type=PROVIDER,
        resource_ids=ids,
        created_at=mapping.utc(there["creationDate"]),
        message=message,
    )


async def update(session: Session, spec: WorkflowSpec, made: Made, arns: Arns) -> CreateWorkflowResult:
    """Replace definition, role and settings; running executions end on what they began with. AWS may start executions on
    the old definition for a few seconds more, and on a version of it for as long as there is one, so no activity is
    removed. Raises ``WorkflowNotFoundError``, and ``InvalidSpecError`` for another type, which AWS does not change."""
    arn = arns.machine(spec.workflow_id)
    members: dict[str, Any] = {**made.settings}
    if made.publish:
        members["publish"] = True
    if made.version_description:
        members["versionDescription"] = made.version_description
    before = await described_or_none(session, arn)
    if before is None:
        raise WorkflowNotFoundError("there is no such workflow; create it first")
    if (kind := before.get("type", made.type)) != made.type:
        message = f"the workflow is {kind}, and AWS does not change that."
        hint = "Delete it and create it again, or give it another id."
        raise InvalidSpecError(
            "", diagnostics=[Diagnostic("error", "INVALID_TYPE", message, "/provider_config/type", hint)]
        )
    await activities.ensure(session, made)
    answer = await session.ask(
        "update_state_machine", stateMachineArn=arn, definition=made.text, roleArn=made.role, **members
    )
    if made.tags:
        await session.ask("tag_resource", resourceArn=arn, tags=_tags(made))
    await activities.ensure(session, made)
    there, version = await described(session, arn), answer.get("stateMachineVersionArn", "")
    log.info("workflow.updated workflow=%s arn=%s", spec.workflow_id, arn)
    message = "nothing differed; the workflow is as it was" + (", with these tags" if made.tags else "")
    if _differing(made, before):
        message = "the workflow was replaced"
    return _result(spec, made, there, version, message)


async def definition(session: Session, workflow_id: str) -> str:
    """The definition as AWS holds it. Raises ``WorkflowNotFoundError``."""
    there = await described_or_none(session, (await session.arns()).machine(workflow_id))
    if there is None:
        raise WorkflowNotFoundError("there is no such workflow; create it first")
    return str(there["definition"])


async def delete(session: Session, workflow_id: str) -> None:
    """Remove the machine, and the activities that no other one mentions. Raises ``WorkflowBusyError`` while executions
    run: AWS would end them."""
    arns = await session.arns()
    arn = arns.machine(workflow_id)
    there = await described_or_none(session, arn)
    if there is None or there.get("status") == "DELETING":
        return
    if await runs(session, arn):
        raise WorkflowBusyError("executions of it run, and AWS would end them; stop them, or wait, and call again")
    try:
        await session.ask("delete_state_machine", stateMachineArn=arn)
    except ClientError as error:
        if code_of(error) != "StateMachineDoesNotExist":
            raise
    log.info("workflow.deleted workflow=%s arn=%s", workflow_id, arn)
    await activities.drop(session, arns, arn, there["definition"])
