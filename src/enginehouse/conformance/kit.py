"""What a rule's test is given: workflows with ids of their own, executions that are cleaned up, and ways to wait."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from enginehouse.abc import (
    KeepsAudit,
    ListsWorkflows,
    Provider,
    RedrivesExecutions,
    TakesTaskTokens,
    UpdatesWorkflows,
    WatchesExecutions,
)
from enginehouse.conformance.harness import Harness, Kind, NotOfferedError
from enginehouse.errors import EnginehouseError
from enginehouse.models import JSON, ExecutionInput, ExecutionResult, ExecutionStatus, WorkflowSpec

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

CAPABILITIES: dict[str, type] = {
    "list": ListsWorkflows,
    "watch": WatchesExecutions,
    "tokens": TakesTaskTokens,
    "update": UpdatesWorkflows,
    "redrive": RedrivesExecutions,
    "audit": KeepsAudit,
}


class HarnessError(Exception):
    """The harness is at fault, so nothing is said of the provider."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: ``test`` for one rule in all; ``prompt`` for a call that was cancelled or has passed its deadline to end;
    ``brief``: the deadline of a call to an engine that hangs. ``crowd``: how many callers there are at once."""

    test: float = 30.0
    prompt: float = 2.0
    brief: float = 0.02
    crowd: int = 50


class Kit:
    """One rule's dealings with one harness. ``doing`` says what it is at, for the message about a hang."""

    def __init__(self, harness: Harness, limits: Limits, needs: Sequence[str] = ()) -> None:
        self.harness = harness
        self.limits = limits
        self.needs = needs
        self.doing = "begins"
        self._stack = AsyncExitStack()
        self._providers: list[Provider] = []
        self._workflows: list[str] = []
        self._executions: list[str] = []

    async def open(self) -> Provider:
        """A provider of the harness, entered. Another call gives another one on the same storage."""
        provider = await self.make()
        self.doing = f"{type(provider).__qualname__}.__aenter__"
        await self._stack.enter_async_context(provider)
        self._providers.append(provider)
        self.doing = "the test"
        return provider

    async def make(self) -> Provider:
        """A provider of the harness, not entered."""
        self.doing = f"{type(self.harness).__qualname__}.make"
        try:
            made: object = await self.harness.make()
        except NotOfferedError:
            raise
        except Exception as error:
            raise HarnessError(f"harness.make raised {type(error).__name__}: {error}") from error
        if not isinstance(made, Provider):
            raise HarnessError(f"harness.make gave {made!r}, a {type(made).__name__}; it is to give a Provider")
        self.doing = "the test"
        for need in self.needs:
            protocol = CAPABILITIES.get(need)
            if protocol is not None and not isinstance(made, protocol):
                raise NotOfferedError(f"{type(made).__qualname__} does not implement {protocol.__name__}")
        return made

    def spec(self, kind: Kind, workflow_id: str = "") -> WorkflowSpec:
        """The harness's workflow of this kind, under an id that nobody else has."""
        try:
            given: object = self.harness.spec(kind)
        except NotOfferedError:
            raise
        except Exception as error:
            raise HarnessError(
                f"harness.spec({kind!r}) raised {type(error).__name__}: {error}; for a kind that there is not it raises NotOfferedError"
            ) from error
        if not isinstance(given, WorkflowSpec):
            raise HarnessError(f"harness.spec({kind!r}) gave {given!r}; it is to give a WorkflowSpec")
        workflow_id = workflow_id or f"kit-{kind}-{uuid.uuid4().hex[:12]}"
        self._workflows.append(workflow_id)
        return replace(given, workflow_id=workflow_id)

    async def create(self, provider: Provider, kind: Kind) -> str:
        """Create a workflow; its id."""
        spec = self.of(provider, self.spec(kind))
        await provider.create_workflow(spec)
        return spec.workflow_id

    def of(self, provider: Provider, spec: WorkflowSpec) -> WorkflowSpec:
        """The spec, with the provider's name in it."""
        return replace(spec, provider_type=provider.name)

    async def start(
        self, provider: Provider, workflow_id: str, input: JSON | bytes = None, name: str = ""
    ) -> ExecutionResult:
        """Start an execution, to be stopped when the test is over."""
        given = ExecutionInput(input={} if input is None else input, execution_name=name)
        result = await provider.start_execution(workflow_id, given)
        self._executions.append(result.execution_id)
        return result

    async def begin(self, provider: Provider, kind: Kind, input: JSON = None, name: str = "") -> ExecutionResult:
        """Create a workflow and start an execution of it."""
        return await self.start(provider, await self.create(provider, kind), input, name)

    async def run(self, provider: Provider, kind: Kind, input: JSON = None) -> ExecutionStatus:
        """Create a workflow, start an execution and wait for its end."""
        return await self.ended(provider, (await self.begin(provider, kind, input)).execution_id)

    async def ended(self, provider: Provider, execution_id: str) -> ExecutionStatus:
        """The status of the execution once it is over: told by the provider's own stream of events where there is one, and
        asked for now and then in any case, so that a broken stream breaks its own rule alone."""
        stream = asyncio.create_task(_follow(provider, execution_id))
        pause = 0.002
        try:
            while not (await provider.get_execution_status(execution_id, history=False)).state.is_terminal:
                if stream.done():
                    await asyncio.sleep(pause)
                else:
                    await asyncio.wait({stream}, timeout=max(pause, 0.02))
                pause = min(pause * 2, 0.2)
        finally:
            stream.cancel()
            await asyncio.wait({stream})
        return await provider.get_execution_status(execution_id)

    async def token(self, provider: Provider, execution_id: str) -> str:
        """The token that the execution waits for, once it waits."""
        pause = 0.002
        while not (token := await self.harness.token(provider, execution_id)):
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.2)
        return token

    async def told(self, event: asyncio.Event, what: str) -> None:
        """Wait for an event of the kit's tasks, for a while; ``what`` is said where it does not come."""
        try:
            async with asyncio.timeout(self.limits.test / 3):
                await event.wait()
        except TimeoutError:
            raise AssertionError(what) from None

    async def close(self) -> list[str]:
        """Stop and delete what was made, leave the providers, and clean the harness up. Gives the faults of the last two."""
        self.harness.tasks.release.set()
        self.doing = "stopping executions and deleting workflows at the end"
        if self._providers:
            await self._tidy(self._providers[-1])
        faults = []
        self.doing = "leaving the provider (__aexit__)"
        try:
            await self._stack.aclose()
        except Exception as error:
            faults.append(f"leaving the provider raised {type(error).__name__}: {error}")
        self.doing = f"{type(self.harness).__qualname__}.cleanup"
        try:
            await self.harness.cleanup()
        except Exception as error:
            faults.append(f"harness.cleanup raised {type(error).__name__}: {error}")
        return faults

    async def _tidy(self, provider: Provider) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.limits.test / 3):
                stops = [provider.stop_execution(id, "the kit cleans up") for id in dict.fromkeys(self._executions)]
                await asyncio.gather(*stops, return_exceptions=True)
                deletes = [provider.delete_workflow(id) for id in dict.fromkeys(self._workflows)]
                await asyncio.gather(*deletes, return_exceptions=True)


async def _follow(provider: Provider, execution_id: str) -> None:
    if isinstance(provider, WatchesExecutions):
        with suppress(Exception):
            async for _ in provider.watch_execution(execution_id):
                pass


async def refused(kind: type[E], call: Awaitable[object], asked: str) -> E:
    """The error that ``call`` raises, which has to be of this kind. ``asked`` says what was asked for."""
    try:
        result = await call
    except Exception as error:
        assert isinstance(error, kind), f"{asked} raised {type(error).__name__} ({error}), not {kind.__name__}"
        return error
    raise AssertionError(f"{asked} gave {result!r} and raised nothing; it is to raise {kind.__name__}")


async def allowed(call: Awaitable[T], asked: str) -> T:
    """What ``call`` gives, which is not to raise. ``asked`` says what was asked for."""
    try:
        return await call
    except EnginehouseError as error:
        raise AssertionError(f"{asked} raised {type(error).__name__}: {error}") from error


async def at_once(calls: Sequence[Awaitable[T]], asked: str) -> list[T]:
    """What all calls give, made at the same time; none is to raise."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    failed = [item for item in results if isinstance(item, BaseException)]
    if failed:
        first = f"{type(failed[0]).__name__}: {failed[0]}"
        raise AssertionError(f"{asked}: {len(failed)} of {len(calls)} calls at once raised, the first {first}")
    return cast("list[T]", results)
