"""Workflows' definitions, kept in Temporal itself: each is the action of a schedule that is paused and never fires.

Paused, because a schedule with nothing to do that is not paused closes by itself after a week.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import RawValue
from temporalio.service import RPCError

from enginehouse import asl
from enginehouse.errors import Diagnostic, InvalidSpecError, ProviderError
from enginehouse.mapping import retrier, spec_text
from enginehouse.models import WorkflowSpec
from enginehouse.names import execution_id
from enginehouse.providers.temporal.connection import asked, is_bad_request, is_not_found
from enginehouse.providers.temporal.live import compiled
from enginehouse.providers.temporal.names import TRIGGERED
from enginehouse.providers.temporal.payloads import json_text, json_value, packed, text_of, value_of
from enginehouse.providers.temporal.recent import Recent
from enginehouse.providers.temporal.records import VERSION, Options, Start, Stored
from enginehouse.providers.temporal.settings import MEMO, NATIVE, PROVIDER, Settings

_NOTE = (
    "A workflow of Enginehouse lives here. Leave it paused: it is started by enginehouse alone, "
    "and an unpaused schedule without times is removed by Temporal after some days."
)
_REPLACED = f"{_NOTE} It was replaced after it was created."
"""Temporal keeps a schedule's memo, which a list shows, as it was at first: the note says that it is of old."""

_CONFIG_KEYS = ("type",)

# Temporal answers what a schedule holds by asking a system workflow, which may take ten times as long as a start. Seconds:
_TRUSTED = 0.2
_UNTIL_DISTRUSTED = 0.25
_REMEMBERED = 256


class Definition(msgspec.Struct, frozen=True):
    """A workflow as it is stored. ``native`` names the type and the queue of one that Temporal runs without us."""

    text: str
    stored: Stored
    native: tuple[str, str] | None = None


def compile_spec(spec: WorkflowSpec, operation: str) -> Definition:
    """The spec's definition, ready to store, with the provider's configuration checked. Raises ``InvalidSpecError``."""
    faults = [
        Diagnostic(
            "error",
            "UNKNOWN_CONFIG",
            f"the temporal provider has no setting {key!r} of a workflow.",
            f"/provider_config/{key}",
            f"It has {', '.join(_CONFIG_KEYS)}.",
        )
        for key in spec.provider_config
        if key not in _CONFIG_KEYS
    ]
    kind = spec.provider_config.get("type", "STANDARD")
    if kind not in ("STANDARD", "EXPRESS"):
        faults.append(Diagnostic("error", "INVALID_TYPE", "type is STANDARD or EXPRESS.", "/provider_config/type"))
    options = Options(
        type=str(kind),
        timeout=spec.timeout.total_seconds() if spec.timeout is not None else None,
        retry=retrier(spec.retry_policy),
    )
    text, native = "", None
    try:
        native = native_of(spec.definition)
        if native is not None:
            text = msgspec.json.encode({"workflowType": native[0], "taskQueue": native[1]}).decode()
        else:
            text = asl.compile(spec.definition, type=options.type, timeout=options.timeout, retry=options.retry).text
    except InvalidSpecError as error:
        faults += [item for item in error.diagnostics if item.severity == "error"]
    if faults:
        raise InvalidSpecError(
            "", diagnostics=faults, operation=operation, workflow_id=spec.workflow_id, provider=PROVIDER
        )
    digest = hashlib.sha256(f"{text}\n{msgspec.json.encode(options).decode()}".encode()).hexdigest()
    return Definition(text, Stored(digest, spec_text(spec), options, time.time()), native)


def native_of(definition: Any) -> tuple[str, str] | None:
    """The workflow type and task queue of ``{"workflowType": ..., "taskQueue": ...}``; None for any other definition.
    Raises ``InvalidSpecError`` where it is one, and wrong."""
    found = definition
    if isinstance(definition, str | bytes):
        text = definition.decode(errors="replace") if isinstance(definition, bytes) else definition
        if '"workflowType"' not in text:
            return None
        try:
            found = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError):
            return None
    if not hasattr(found, "keys") or "workflowType" not in found or "States" in found:
        return None
    faults = [
        Diagnostic("error", "INVALID_NATIVE", f"{key} is to be a text that is not empty.", f"/{key}")
        for key in ("workflowType", "taskQueue")
        if not isinstance(found.get(key), str) or not found[key]
    ] + [
        Diagnostic("error", "UNKNOWN_FIELD", f"a native workflow has no field {key!r}.", f"/{key}")
        for key in found
        if key not in ("workflowType", "taskQueue")
    ]
    if faults:
        raise InvalidSpecError("the definition is invalid", diagnostics=faults)
    return found["workflowType"], found["taskQueue"]


class _Known(NamedTuple):
    """What a call that began lately finds of a workflow, None where it fails, and until when that is enough for a start."""

    answer: asyncio.Future[Definition | None]
    until: float


class Definitions:
    """The schedules that hold definitions."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._known: dict[str, _Known] = {}
        self.recent: Recent[dict[str, Any] | float] = Recent()
        """The memos of those that were just created or replaced; for what was deleted the time of that."""

    def schedule_id(self, workflow_id: str) -> str:
        return f"{self._settings.prefix}{workflow_id}"

    async def create(self, workflow_id: str, made: Definition) -> Definition | None:
        """Store it. Gives the existing one where there is one. Raises ``ProviderError`` where the schedule is somebody else's."""
        while True:
            try:
                await self._asked(
                    self._client.create_schedule(
                        self.schedule_id(workflow_id), self._schedule(workflow_id, made), memo=memo_of(made)
                    )
                )
                self._known.pop(workflow_id, None)
                self.recent.add(workflow_id, memo_of(made)[MEMO])
                return None
            except ScheduleAlreadyRunningError:
                there = await self._there(workflow_id)
                if there is None:
                    continue  # deleted between the two calls
                existing = await self._read(there)
                if existing is None:
                    name = self.schedule_id(workflow_id)
                    raise ProviderError(
                        f"Temporal has a schedule {name!r} already that holds no workflow of ours; take another id, or "
                        "give the provider another `prefix`"
                    ) from None
                return existing

    async def find(self, workflow_id: str) -> Definition | None:
        """What is stored under this id; None where there is nothing."""
        there = await self._there(workflow_id) if workflow_id else None
        return await self._read(there) if there is not None else None

    async def _there(self, workflow_id: str) -> Schedule | None:
        try:
            handle = self._client.get_schedule_handle(self.schedule_id(workflow_id))
            description: ScheduleDescription = await self._asked(handle.describe())
        except RPCError as error:
            if is_not_found(error) or is_bad_request(error):
                return None
            raise
        return description.schedule

    async def to_start(self, workflow_id: str) -> Definition | None:
        """``find``, or what it gave to a call that began less than a fifth of a second ago. Replacing and deleting return
        after longer than that, so what starts afterwards, in whatever process, never runs what is gone."""
        loop = asyncio.get_running_loop()
        known = self._known.get(workflow_id)
        if known is not None and loop.time() < known.until:
            found = await asyncio.shield(known.answer)
            # Where the other call failed, or was too early to find it, each asks for itself: one after the other would take long.
            return found if found is not None else await self.find(workflow_id)
        known = _Known(loop.create_future(), loop.time() + _TRUSTED)
        self._remember(workflow_id, known)
        found = None
        try:
            found = await self.find(workflow_id)
        finally:
            if found is None and self._known.get(workflow_id) is known:
                del self._known[workflow_id]
            known.answer.set_result(found)
        return found

    def _remember(self, workflow_id: str, known: _Known) -> None:
        self._known.pop(workflow_id, None)
        self._known[workflow_id] = known
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]

    async def _forgotten(self, workflow_id: str) -> None:
        """Wait until nobody trusts any more what was there."""
        self._known.pop(workflow_id, None)
        await asyncio.sleep(_UNTIL_DISTRUSTED)

    async def update(self, workflow_id: str, made: Definition) -> Definition | None:
        """Replace it. Gives what is there now, created when it was at first; None where there was nothing."""
        existing = await self.find(workflow_id)
        if existing is None:
            return None
        kept = msgspec.structs.replace(
            made, stored=msgspec.structs.replace(made.stored, created_at=existing.stored.created_at)
        )

        def replaced(_: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(self._schedule(workflow_id, kept, note=_REPLACED))

        try:
            await self._asked(self._client.get_schedule_handle(self.schedule_id(workflow_id)).update(replaced))
        except RPCError as error:
            if is_not_found(error):
                return None
            raise
        self.recent.add(workflow_id, memo_of(kept)[MEMO])
        await self._forgotten(workflow_id)
        return kept

    async def delete(self, workflow_id: str) -> None:
        """Remove it; nothing where there is none, or where the schedule is somebody else's. Executions carry their definition with
        them."""
        there = await self._there(workflow_id)
        if there is not None and not _kept_in(there):
            return
        try:
            await self._asked(self._client.get_schedule_handle(self.schedule_id(workflow_id)).delete())
        except RPCError as error:
            if not (is_not_found(error) or is_bad_request(error)):
                raise
        self.recent.add(workflow_id, time.time())
        await self._forgotten(workflow_id)

    def _asked(self, call: Any) -> Any:
        return asked(call, self._settings.timeout)

    def _schedule(self, workflow_id: str, made: Definition, *, note: str = _NOTE) -> Schedule:
        # What somebody triggers by hand in Temporal's UI runs, with an empty input; a native one is given the arguments as they are here.
        names = self._settings.names
        start = Start(
            options=made.stored.options,
            digest=made.stored.digest,
            arns=names.prefix,
            role=names.role,
            grace=self._settings.grace,
            liveness=self._settings.liveness,
            version=VERSION,
        )
        args = [packed(made.text), json_text("{}"), json_value(start), json_value(made.stored)]
        if made.native is None:
            workflow_type, queue = workflow_id, self._settings.task_queue
            limit = compiled(made.text, made.stored.options).timeout
        else:
            (workflow_type, queue), limit = made.native, made.stored.options.timeout
        return Schedule(
            action=ScheduleActionStartWorkflow(
                workflow_type,
                args=args,
                id=execution_id(workflow_id, TRIGGERED),
                task_queue=queue,
                execution_timeout=timedelta(seconds=limit) if limit is not None else None,
                memo=memo_of_execution(native=made.native is not None),
            ),
            spec=ScheduleSpec(),
            state=ScheduleState(paused=True, note=note),
        )

    async def _read(self, schedule: Schedule) -> Definition | None:
        payloads = _kept_in(schedule)
        if not payloads:
            return None
        raw = await self._client.data_converter.decode(payloads, [RawValue] * len(payloads))
        text = text_of(raw[0].payload)
        return Definition(text, msgspec.convert(value_of(raw[3].payload), Stored), native_of(text))


def _kept_in(schedule: Schedule) -> list[Payload]:
    """What a schedule of ours keeps; nothing for somebody else's."""
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow) or len(action.args) < 4:
        return []
    return [item for item in action.args if isinstance(item, Payload)]


def was_replaced(note: str | None) -> bool:
    """Whether the memo of a schedule with this note is that of an earlier definition."""
    return note == _REPLACED


def memo_of(made: Definition) -> dict[str, Any]:
    """What a listing shows without asking for each. Large tags stay with the definition alone."""
    spec = msgspec.json.decode(made.stored.spec)
    found = {
        "digest": made.stored.digest,
        "name": spec.get("name", ""),
        "created_at": made.stored.created_at,
        "tags": spec.get("tags", {}),
    }
    if len(msgspec.json.encode(found)) > 1500:
        del found["tags"]
    return {MEMO: found}


def memo_of_execution(*, native: bool) -> dict[str, Any]:
    # a codec hides what a memo holds, and not that it is there
    return {MEMO: {"native": native}, **({NATIVE: True} if native else {})}
