"""Compiled definitions, by content: an execution ends on the one that it began with."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import Any

import msgspec

from enginehouse import asl
from enginehouse.errors import Diagnostic, InvalidSpecError, ProviderError
from enginehouse.mapping import retrier
from enginehouse.models import WorkflowSpec
from enginehouse.providers.local import queries
from enginehouse.providers.local.mapping import PROVIDER, readable
from enginehouse.providers.local.reader import Reader

_CONFIG_KEYS = ("type", "role")


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a definition is compiled and run with, apart from its text. ``timeout`` is in seconds; ``retry`` is an entry of
    Retry; ``role`` is what its executions see as theirs, where it has one of its own."""

    type: str = "STANDARD"
    timeout: float | None = None
    retry: dict[str, Any] | None = None
    role: str = ""


class Definition(msgspec.Struct, frozen=True):
    """A compiled definition and what it is stored as."""

    digest: str
    text: str
    options: str
    program: asl.Program


def compile_spec(spec: WorkflowSpec) -> Definition:
    """The spec's definition, ready to store and to run. Raises ``InvalidSpecError``."""
    options = Options(
        type=str(spec.provider_config.get("type", "STANDARD")),
        timeout=spec.timeout.total_seconds() if spec.timeout is not None else None,
        retry=retrier(spec.retry_policy),
        role=str(spec.provider_config.get("role", "")),
    )
    return _compiled(spec.definition, options)


def checked(spec: WorkflowSpec, operation: str) -> Definition:
    """As ``compile_spec``, with the provider's configuration checked too. Raises ``InvalidSpecError`` with all faults at once."""
    faults = [
        Diagnostic(
            "error",
            "UNKNOWN_CONFIG",
            f"the local provider has no setting {key!r} of a workflow.",
            f"/provider_config/{key}",
            f"It has {', '.join(_CONFIG_KEYS)}.",
        )
        for key in spec.provider_config
        if key not in _CONFIG_KEYS
    ]
    if spec.provider_config.get("type", "STANDARD") not in ("STANDARD", "EXPRESS"):
        faults.append(Diagnostic("error", "INVALID_TYPE", "type is STANDARD or EXPRESS.", "/provider_config/type"))
    try:
        made = compile_spec(spec)
    except InvalidSpecError as error:
        faults += [item for item in error.diagnostics if item.severity == "error"]
    if faults:
        raise InvalidSpecError(
            "", diagnostics=faults, operation=operation, workflow_id=spec.workflow_id, provider=PROVIDER
        )
    return made


def _compiled(definition: Any, options: Options) -> Definition:
    program = asl.compile(definition, type=options.type, timeout=options.timeout, retry=options.retry)
    encoded = msgspec.json.encode(options).decode()
    digest = hashlib.sha256(f"{program.digest}\n{encoded}".encode()).hexdigest()
    return Definition(digest, program.text, encoded, program)


_options = msgspec.json.Decoder(Options).decode
_PLAIN = Options()


class Definitions:
    """Programs by digest, compiled once; and which one a workflow had when it was last looked at."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._programs: dict[str, asl.Program] = {}
        self._options: dict[str, Options] = {}
        self._current: dict[str, str] = {}

    def keep(self, definition: Definition, workflow_id: str = "") -> None:
        self._programs[definition.digest] = definition.program
        self._options[definition.digest] = _options(definition.options)
        if workflow_id:
            self._current[workflow_id] = definition.digest

    def forget(self, workflow_id: str) -> None:
        """The workflow was replaced or deleted."""
        self._current.pop(workflow_id, None)

    async def current(self, workflow_id: str) -> str | None:
        """The digest of the workflow's definition; None where there is no such workflow. It may be out of date: the write checks."""
        digest = self._current.get(workflow_id)
        if digest is None:
            digest = await self._reader.read(partial(queries.workflow_digest, id=readable(workflow_id)))
            if digest is not None:
                self._current[workflow_id] = digest
        return digest

    def options(self, digest: str) -> Options:
        """Of a definition whose program is known."""
        return self._options.get(digest, _PLAIN)

    def known(self, digest: str, pointer: str = "") -> asl.Program | None:
        program = self._programs.get(digest)
        return program.processor(pointer) if program is not None and pointer else program

    async def program(self, digest: str, pointer: str = "") -> asl.Program:
        """The program of a stored definition, or of a Map's processor in it."""
        program = self._programs.get(digest)
        if program is None:
            row = await self._reader.read(partial(queries.definition, digest=digest))
            if row is None:
                raise ProviderError(
                    f"the store holds no definition {digest}; it is damaged", operation="load definition"
                )
            text, options = row
            compiled = await asyncio.to_thread(_compiled, text, _options(options))
            self._options[digest] = _options(options)
            program = self._programs[digest] = compiled.program
        return program.processor(pointer) if pointer else program
