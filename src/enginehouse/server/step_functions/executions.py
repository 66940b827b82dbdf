"""Executions: start, describe, stop."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import msgspec

from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.server.step_functions import versions
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import check_name
from enginehouse.server.step_functions.engine import Start
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.lookup import absent, deleting, execution_of, found, unlabelled
from enginehouse.server.step_functions.machines import configuration, definition_of
from enginehouse.server.step_functions.records import Machine, Revision
from enginehouse.server.step_functions.redriving import redrivable, redriven_at

STATUS = {
    "pending": "RUNNING",
    "running": "RUNNING",
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "timed_out": "TIMED_OUT",
    "cancelled": "ABORTED",
    "pending_redrive": "PENDING_REDRIVE",
}
_INPUT_LIMIT = 262_144
_SYNC_LIMIT = 300.0
_TOKEN = re.compile(r"\s*([A-Za-z_$][\w$]*)")
_LITERALS = ("true", "false", "null")
_decode = msgspec.json.decode


# -- start


async def start_execution(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    machine, start = _prepared(api, request)
    existing = await api.engine.start(start)
    if existing is None:
        return {"executionArn": _arn(api, machine.type, machine.name, start.name), "startDate": start.started_at}
    arn = api.arns.of(f"execution:{existing.id}")
    if existing.stopped_at is None and existing.input == start.text:
        return {"executionArn": arn, "startDate": existing.started_at}
    raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")


async def start_sync_execution(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    """The whole answer when the execution is over. One that takes longer than AWS's five minutes is TIMED_OUT."""
    machine, start = _prepared(api, request)
    if machine.type != "EXPRESS":
        raise type_not_supported()
    await api.engine.start(start)
    id = f"{machine.name}:{start.name.replace(':', '%3A')}"
    try:
        async with asyncio.timeout(_SYNC_LIMIT):
            row = await api.engine.ended(id)
    except TimeoutError:
        row = await found(api, id, id)
        await api.engine.stop(row, "States.Timeout", None)
        row = (await api.engine.ended(id))._replace(state="timed_out")
    stopped = row.stopped_at or time.time()
    answer: dict[str, Any] = {
        "executionArn": _arn(api, machine.type, machine.name, start.name),
        "stateMachineArn": api.arns.of(machine.id),
        "name": start.name.rpartition(":")[0],
        "startDate": row.started_at,
        "stopDate": stopped,
        "status": STATUS[row.state],
        "billingDetails": {
            "billedDurationInMilliseconds": max(1, -int(-10 * (stopped - row.started_at))) * 100,
            "billedMemoryUsedInMB": 64,
        },
    }
    if "traceHeader" in request:
        answer["traceHeader"] = request["traceHeader"]
    _add_outcome(answer, row, request.get("includedData") != "METADATA_ONLY")
    return answer


def _prepared(api: Api, request: dict[str, Any]) -> tuple[Machine, Start]:
    """The machine, and what is to be started. Raises ``ApiError`` for all that AWS refuses beforehand."""
    arn, _, case = request["stateMachineArn"].partition("#")
    target = unlabelled(api, arn)
    machine = api.catalogue.machines.get(target.name) if target.ours else None
    name = request.get("name", "")
    if name:
        check_name(name)
    if machine is None:
        raise absent(arn)
    if machine.deleting:
        raise deleting(arn)
    text = request.get("input", "{}")
    value = read_input(text)
    metadata: dict[str, Any] = {"revision": machine.revision}
    revision = api.catalogue.revisions[machine.name][machine.revision]
    if target.qualifier:
        version, alias = versions.chosen(api, machine, target.qualifier, arn)
        revision = api.revision(version)
        metadata = {"revision": revision.revision, "version": version.number}
        if alias is not None:
            metadata["alias"] = alias.name
    if "traceHeader" in request:
        metadata["trace_header"] = request["traceHeader"]
    named = bool(name)
    if not named:
        name = api.engine.fresh_name()
    if machine.type == "EXPRESS":
        name, named = f"{name}:{api.engine.fresh_name()}", False
    return machine, Start(
        machine.name, name, revision.digest, text, value, metadata, int(api.engine.now() * 1000) / 1000, named, case
    )


def read_input(text: str) -> Any:
    """The JSON value. Raises ``InvalidExecutionInput``, in the words of AWS's parser where they are known."""
    try:
        value = _decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        why = _why_not_json(text, error)
    else:
        if len(text) <= _INPUT_LIMIT and (text.isascii() or len(text.encode()) <= _INPUT_LIMIT):
            return value
        why = "Invalid execution input."
    raise ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{why}'")


def _why_not_json(text: str, error: Exception) -> str:
    if not text.strip():
        return "Invalid execution input."
    word = _TOKEN.match(text)
    if word is not None and word[1] not in _LITERALS:
        wanted = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        return f"Unrecognized token '{word[1]}': was expecting {wanted}"
    first = text.lstrip()[1:].lstrip()[:1]
    if text.lstrip().startswith("{") and first not in ('"', "}", ""):
        return f"Unexpected character ('{first}' (code {ord(first)})): was expecting double-quote to start field name"
    return str(error) or "Invalid execution input."


def _arn(api: Api, kind: str, machine: str, name: str) -> str:
    return api.arns.of(f"{'express' if kind == 'EXPRESS' else 'execution'}:{machine}:{name}")


def type_not_supported() -> ApiError:
    return ApiError("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")


# -- describe


def metadata_of(row: ExecutionRow) -> dict[str, Any]:
    """What the execution was started with."""
    if row.request == "{}":
        return {}
    found: dict[str, Any] = _decode(row.request).get("metadata", {})
    return found


async def describe_execution(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    row = await execution_of(api, request["executionArn"])
    metadata = metadata_of(row)
    answer = line(api, row, metadata)
    if "trace_header" in metadata:
        answer["traceHeader"] = metadata["trace_header"]
    _add_outcome(answer, row, request.get("includedData") != "METADATA_ONLY")
    answer["redriveStatus"], reason = await redrivable(api, row)
    if reason:
        answer["redriveStatusReason"] = reason
    if row.redrives:
        answer["redriveDate"] = await redriven_at(api, row)
    return answer


def line(api: Api, row: ExecutionRow, metadata: dict[str, Any]) -> dict[str, Any]:
    """What a listing says of an execution, and a description too."""
    machine = f"stateMachine:{row.workflow}"
    if "map_run" in metadata:
        machine += f"/{metadata['map_run'].split(':')[6].partition('/')[2]}"
    answer: dict[str, Any] = {
        "executionArn": api.arns.of(f"execution:{row.id}"),
        "stateMachineArn": api.arns.of(machine),
        "name": row.name,
        "status": STATUS[row.state],
        "startDate": row.started_at,
        "redriveCount": row.redrives,
    }
    if row.stopped_at is not None:
        answer["stopDate"] = row.stopped_at
    if "version" in metadata:
        answer["stateMachineVersionArn"] = api.arns.of(f"{machine}:{metadata['version']}")
    if "alias" in metadata:
        answer["stateMachineAliasArn"] = api.arns.of(f"{machine}:{metadata['alias']}")
    if "map_run" in metadata:
        answer["mapRunArn"] = metadata["map_run"]
    return answer


def _add_outcome(answer: dict[str, Any], row: ExecutionRow, with_data: bool) -> None:
    if with_data:
        answer["input"] = row.input
    answer["inputDetails"] = {"included": with_data}
    if row.state == "succeeded":
        if with_data:
            answer["output"] = row.output
        answer["outputDetails"] = {"included": with_data}
    elif with_data:
        if row.error is not None:
            answer["error"] = row.error
        if row.cause is not None:
            answer["cause"] = row.cause


async def describe_state_machine_for_execution(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    row = await execution_of(api, request["executionArn"])
    metadata = metadata_of(row)
    machine = f"stateMachine:{row.workflow}"
    revision = revision_of(api, row, metadata)
    if revision is None:
        raise absent(api.arns.of(machine))
    answer: dict[str, Any] = {
        "stateMachineArn": api.arns.of(machine),
        "name": row.workflow,
        "roleArn": revision.role,
        "updateDate": revision.created,
        **configuration(revision),
    }
    label = ""
    if "map_run" in metadata:
        label = metadata["map_run"].split(":")[6].partition("/")[2]
        answer |= {"mapRunArn": metadata["map_run"], "label": label}
        answer["stateMachineArn"] += f"/{label}"
        answer["name"] += f"/{label}"
    return answer | await definition_of(revision, label, request.get("includedData") != "METADATA_ONLY")


def revision_of(api: Api, row: ExecutionRow, metadata: dict[str, Any]) -> Revision | None:
    """What the machine was when the execution began; None where the machine is gone."""
    known = api.catalogue.revisions.get(row.workflow, {})
    if metadata.get("revision") in known:
        return known[metadata["revision"]]
    return next((revision for revision in known.values() if revision.digest == row.digest), None)


# -- stop


async def stop_execution(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    row = await execution_of(api, request["executionArn"])
    if row.stopped_at is None:
        await api.engine.stop(row, request.get("error"), request.get("cause"))
        row = await found(api, row.id, request["executionArn"])
    return {"stopDate": row.stopped_at if row.stopped_at is not None else time.time()}
