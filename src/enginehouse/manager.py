"""The front that callers hold: it checks, routes, times, logs, audits and wraps errors, the same for every provider."""

from __future__ import annotations

import asyncio
import getpass
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar

from enginehouse.abc import Provider, WatchesExecutions
from enginehouse.audit import AuditTrail
from enginehouse.config import Settings
from enginehouse.errors import (
    CapabilityError,
    Diagnostic,
    EnginehouseError,
    InvalidSpecError,
    ProviderError,
    ProviderNotFoundError,
)
from enginehouse.models import (
    AuditRecord,
    CreateWorkflowResult,
    ExecutionInput,
    ExecutionResult,
    ExecutionStatus,
    WorkflowSpec,
)
from enginehouse.registry import Registry
from enginehouse.structure import execution_name_faults, spec_faults

log = logging.getLogger(__name__)

T = TypeVar("T")

DEADLINES: Mapping[str, float] = {
    "create_workflow": 30.0,
    "start_execution": 30.0,
    "get_execution_status": 15.0,
    "stop_execution": 30.0,
    "delete_workflow": 30.0,
    "validate_workflow": 15.0,
}
AUDITED = frozenset({"create_workflow", "start_execution", "stop_execution", "delete_workflow"})
FIRST_PAUSE = 0.05
FAILURES_IN_A_ROW = 5


@dataclass(kw_only=True)
class _Call:
    operation: str
    provider: str
    workflow_id: str = ""
    execution_id: str = ""
    reason: str = ""
    engine: Provider | None = None


class Manager:
    """Workflows and executions on any provider of a registry.

    ``default_provider`` serves calls and specs that name none. ``deadlines`` gives seconds by operation (``None``:
    none) and replaces what ``DEADLINES`` says; past its deadline a call ends with ``TimeoutError``. ``actor`` is who
    the audit trail names, or a function that says who it is now; without it, the user of the process.

    ``async with manager:`` opens each provider that the registry made on its first use, and closes it at the end;
    a provider that was registered stays its owner's to close. Use one manager on one event loop.

    Every method lets ``asyncio.CancelledError`` and ``TimeoutError`` pass as they are. What a provider raises outside
    ``EnginehouseError`` is wrapped in ``ProviderError``, with the operation and the ids.
    """

    def __init__(
        self,
        registry: Registry | None = None,
        *,
        default_provider: str = "local",
        deadlines: Mapping[str, float | None] | None = None,
        actor: str | Callable[[], str] = "",
    ) -> None:
        unknown = sorted(set(deadlines or {}) - set(DEADLINES))
        if unknown:
            raise ValueError(f"no operation {', '.join(map(repr, unknown))}; there are {', '.join(DEADLINES)}")
        self.registry = Registry() if registry is None else registry
        self.default_provider = default_provider
        self._deadlines: Mapping[str, float | None] = {**DEADLINES, **(deadlines or {})}
        self._actor: Callable[[], str] = actor if callable(actor) else _named(actor)
        self._audit = AuditTrail()
        self._engines: dict[str, Provider] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._owned: AsyncExitStack | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """A manager over a fresh registry, as the configuration says."""
        deadlines = {} if settings.deadline is None else dict.fromkeys(DEADLINES, settings.deadline)
        return cls(
            Registry(
                settings.providers,
                defaults={"tasks": settings.tasks} if settings.tasks else {},
                origins=settings.origins,
            ),
            default_provider=settings.provider,
            deadlines=deadlines,
            actor=settings.actor,
        )

    async def __aenter__(self) -> Self:
        if self._owned is not None:
            raise RuntimeError("this Manager is open already; make another one for another 'async with'")
        self._owned = AsyncExitStack()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stack, self._owned = self._owned, None
        self._engines.clear()
        try:
            await self._audit.drain()
        finally:
            if stack is not None:
                await stack.aclose()

    def list_providers(self) -> list[str]:
        """The names of all known providers, in order."""
        return self.registry.list()

    def get_provider(self, name: str = "") -> Provider:
        """The provider of this name, or the default one. Raises as ``Registry.get``."""
        return self.registry.get(name or self.default_provider)

    async def open_provider(self, name: str = "") -> Provider:
        """As ``get_provider``, and open, and closed with this manager; for what only a capability offers."""
        return await self._engine(name or self.default_provider)

    async def create_workflow(self, spec: WorkflowSpec) -> CreateWorkflowResult:
        """Check the spec's form, have its provider validate it, then create it.

        Raises ``InvalidSpecError`` with all faults of the form, or all that the provider finds, and
        ``ProviderNotFoundError`` where the form is good but no such provider is known.
        """
        call = self._spec_call("create_workflow", spec)

        async def create(engine: Provider) -> CreateWorkflowResult:
            await engine.validate(spec)
            return await engine.create_workflow(spec)

        return await self._run(call, create, self._spec_faults(call, spec))

    async def validate_workflow(self, spec: WorkflowSpec) -> None:
        """Check the spec as ``create_workflow`` does, and make nothing. Raises as it does."""
        call = self._spec_call("validate_workflow", spec)
        await self._run(call, lambda engine: engine.validate(spec), self._spec_faults(call, spec))

    async def start_execution(
        self, workflow_id: str, input: ExecutionInput, *, provider: str | None = None
    ) -> ExecutionResult:
        """Start an execution and return at once; ``wait`` waits for its end. ``input.execution_name`` is the
        idempotency key. Raises ``WorkflowNotFoundError``, ``InvalidSpecError``, ``ExecutionConflictError``."""
        if not isinstance(input, ExecutionInput):
            raise TypeError(f"input is an ExecutionInput, not {type(input).__name__}: ExecutionInput(input=...)")
        call = _Call(
            operation="start_execution",
            provider=provider or self.default_provider,
            workflow_id=workflow_id,
            reason=input.trigger_source,
        )

        async def start(engine: Provider) -> ExecutionResult:
            result = await engine.start_execution(workflow_id, input)
            call.execution_id = result.execution_id
            return result

        return await self._run(call, start, execution_name_faults(input.execution_name))

    async def get_execution_status(
        self, execution_id: str, *, provider: str | None = None, history: bool = True
    ) -> ExecutionStatus:
        """What is known of the execution now. Raises ``ExecutionNotFoundError``."""
        call = self._execution_call("get_execution_status", execution_id, provider)
        return await self._run(call, lambda engine: engine.get_execution_status(execution_id, history=history))

    async def stop_execution(self, execution_id: str, reason: str, *, provider: str | None = None) -> None:
        """Bring the execution to ``cancelled`` and keep the reason; a finished one is left alone.
        Raises ``ExecutionNotFoundError``."""
        call = self._execution_call("stop_execution", execution_id, provider)
        call.reason = reason
        await self._run(call, lambda engine: engine.stop_execution(execution_id, reason))

    async def delete_workflow(self, workflow_id: str, *, provider: str | None = None) -> None:
        """Remove the definition; an unknown one is success. May raise ``WorkflowBusyError``."""
        call = _Call(operation="delete_workflow", provider=provider or self.default_provider, workflow_id=workflow_id)
        await self._run(call, lambda engine: engine.delete_workflow(workflow_id))

    async def wait(
        self,
        execution_id: str,
        *,
        provider: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the contract's own: waiting is what this does
        poll: float = 2.0,
        history: bool = True,
    ) -> ExecutionStatus:
        """The status of the execution once it is over, however it ended.

        Follows the execution live where the provider can, else asks again and again, with pauses that double from
        50 ms up to ``poll`` seconds. An engine that cannot be reached is asked again up to five times in a row.
        Raises ``TimeoutError`` after ``timeout`` seconds (the execution runs on) and ``ExecutionNotFoundError``.
        """
        if poll <= 0:
            raise ValueError(f"poll is {poll!r}; it is a number of seconds above 0")
        call = self._execution_call("wait", execution_id, provider)

        async def until_over(engine: Provider) -> ExecutionStatus:
            await _ended(engine, execution_id, poll, self._deadlines["get_execution_status"])
            return await engine.get_execution_status(execution_id, history=history)

        return await self._run(call, until_over, limit=timeout)

    def _spec_call(self, operation: str, spec: WorkflowSpec) -> _Call:
        provider = getattr(spec, "provider_type", "")
        workflow_id = getattr(spec, "workflow_id", "")
        return _Call(
            operation=operation,
            provider=(provider if isinstance(provider, str) else "") or self.default_provider,
            workflow_id=workflow_id if isinstance(workflow_id, str) else repr(workflow_id),
        )

    def _execution_call(self, operation: str, execution_id: str, provider: str | None) -> _Call:
        return _Call(operation=operation, provider=provider or self.default_provider, execution_id=execution_id)

    def _spec_faults(self, call: _Call, spec: WorkflowSpec) -> list[Diagnostic]:
        """The faults of the form. An unknown provider joins them; alone it is a ``ProviderNotFoundError``, later."""
        faults = spec_faults(spec)
        if faults and not self.registry.has(call.provider):
            known = ", ".join(self.registry.list()) or "none"
            message = f"no provider {call.provider!r}; known: {known}."
            faults.append(
                Diagnostic(severity="error", code=ProviderNotFoundError.code, message=message, path="/provider_type")
            )
        return faults

    async def _run(
        self,
        call: _Call,
        work: Callable[[Provider], Awaitable[T]],
        faults: list[Diagnostic] | None = None,
        *,
        limit: float | None = None,
    ) -> T:
        """One operation: open the provider, do the work within the deadline, then log and audit, whatever came of it."""
        began = datetime.now(UTC), time.perf_counter()
        limit = self._deadlines.get(call.operation, limit)
        outcome = "ok"
        try:
            return await self._within(limit, call, work, faults)
        except EnginehouseError as error:
            outcome = error.code
            raise
        except TimeoutError:
            outcome = "Timeout"
            raise
        except asyncio.CancelledError:
            outcome = "Cancelled"
            raise
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            _log(call, outcome, time.perf_counter() - began[1])
            if call.operation in AUDITED:
                record = AuditRecord(
                    time=began[0],
                    actor=self._who(),
                    operation=call.operation,
                    provider_type=call.provider,
                    workflow_id=call.workflow_id,
                    execution_id=call.execution_id,
                    reason=call.reason,
                    outcome=outcome,
                )
                await self._audit.write(call.engine, record, wait=outcome not in ("Cancelled", "Timeout"))

    def _who(self) -> str:
        try:
            return self._actor()
        except Exception:  # it must not hide what the operation came to
            log.exception("actor.unknown")
            return "unknown"

    async def _within(
        self,
        limit: float | None,
        call: _Call,
        work: Callable[[Provider], Awaitable[T]],
        faults: list[Diagnostic] | None,
    ) -> T:
        try:
            async with asyncio.timeout(limit) as deadline:
                if faults:
                    if self.registry.has(call.provider):
                        call.engine = await self._engine(call.provider)
                    raise InvalidSpecError(diagnostics=faults)
                call.engine = await self._engine(call.provider)
                return await work(call.engine)
        except TimeoutError as error:
            if deadline.expired() and not error.args:
                error.args = (f"{call.operation} of {_subject(call)} took longer than {limit:g} s",)
            raise
        except EnginehouseError as error:
            error.operation = error.operation or call.operation
            error.workflow_id = error.workflow_id or call.workflow_id
            error.execution_id = error.execution_id or call.execution_id
            error.provider = error.provider or call.provider
            raise
        except Exception as error:
            raise ProviderError(
                f"provider {call.provider!r} failed with {type(error).__name__}: {error}",
                operation=call.operation,
                workflow_id=call.workflow_id,
                execution_id=call.execution_id,
                provider=call.provider,
            ) from error

    async def _engine(self, name: str) -> Provider:
        """The provider, opened if this manager is its owner."""
        engine = self._engines.get(name)
        if engine is not None:
            return engine
        async with self._opening[name]:
            if name not in self._engines:
                # a thread, for the first use imports the engine's library
                engine = await asyncio.to_thread(self.registry.get, name)
                if self._owned is not None and self.registry.made(name):
                    await self._owned.enter_async_context(engine)
                self._engines[name] = engine
            return self._engines[name]


async def _ended(engine: Provider, execution_id: str, poll: float, limit: float | None) -> None:
    """Return once the execution is over. ``limit``: seconds that one query may take."""
    follow = isinstance(engine, WatchesExecutions)
    pause, failures = min(FIRST_PAUSE, poll), 0
    while True:
        try:
            async with asyncio.timeout(limit):
                status = await engine.get_execution_status(execution_id, history=False)
            if status.state.is_terminal:
                return
            if follow and isinstance(engine, WatchesExecutions):
                follow = False  # a stream that ends before its execution has broken; from then on, ask
                async for _ in engine.watch_execution(execution_id):
                    pass
                continue
            failures = 0
        except CapabilityError:
            follow = False
        except (EnginehouseError, TimeoutError) as error:
            failures += 1
            if failures >= FAILURES_IN_A_ROW or (isinstance(error, EnginehouseError) and not error.retryable):
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, poll)


def _log(call: _Call, outcome: str, seconds: float) -> None:
    # info also for what failed: its caller has the error, and a program without logging set up prints warnings
    if not log.isEnabledFor(logging.INFO):
        return
    log.info(
        call.operation,
        extra={
            "event": call.operation,
            "operation": call.operation,
            "provider": call.provider,
            "workflow_id": call.workflow_id,
            "execution_id": call.execution_id,
            "duration_ms": round(seconds * 1000, 3),
            "outcome": outcome,
        },
    )


def _subject(call: _Call) -> str:
    return f"execution {call.execution_id!r}" if call.execution_id else f"workflow {call.workflow_id!r}"


def _named(actor: str) -> Callable[[], str]:
    if not actor:
        try:
            actor = getpass.getuser()
        except (KeyError, OSError):  # a container may run a user id that has no name
            actor = "unknown"
    return lambda: actor
