"""From flags to a manager: the configuration is read, flags win, and what was opened is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

from enginehouse.abc import DescribesWorkflows, Provider
from enginehouse.cli.options import Engine
from enginehouse.config import Settings, load_settings
from enginehouse.errors import CapabilityError, EnginehouseError
from enginehouse.manager import Manager

T = TypeVar("T")
Capability = TypeVar("Capability")
# the one provider that is an engine too: a command that only asks must not begin to drive the store
EMBEDDED = "local"
STORE = "enginehouse.db"
# runs task functions in this process too, and passes what waits at once
MOCK = "mock"
# they work for the queue, or for activities, while they are open with task functions: a command that only asks would take
# tasks, and leave them undone when it ends
SERVERS = ("temporal", "step-functions")


class StoreNotFoundError(EnginehouseError):
    """There is no store where the command looks for one, and it is none of those that make one."""

    code = "StoreNotFound"


class Session:
    """One command's way to the engine: the manager, the settings it was made from, the provider in charge."""

    def __init__(self, manager: Manager, settings: Settings) -> None:
        self.manager = manager
        self.settings = settings

    async def provider(self) -> Provider:
        """The provider in charge, opened. Raises ``ProviderNotFoundError``."""
        return await self.manager.open_provider(self.settings.provider)

    async def able(self, capability: type[Capability], doing: str) -> Capability:
        """The provider in charge, as one that has this capability. Raises ``CapabilityError`` where it has not."""
        provider = await self.provider()
        if not isinstance(provider, capability):
            raise CapabilityError(f"the provider {provider.name!r} does not {doing}", provider=provider.name)
        return provider

    async def definition(self, workflow_id: str, execution_id: str = "") -> str:
        """The definition of a stored workflow, as it is now or as this execution began with it, as JSON text."""
        provider = await self.able(DescribesWorkflows, "show the definitions that it holds")  # type: ignore[type-abstract]
        return await provider.get_definition(workflow_id, execution_id=execution_id)


def settings_of(
    engine: Engine, *, tasks: Sequence[str] = (), drive: Literal["auto"] | bool = False, **options: object
) -> Settings:
    """The settings that this command runs under: enginehouse.toml, then the environment, then its flags.

    ``drive``: whether the embedded engine drives its store in this process: no, yes, or where no other process does.
    """
    store = None if engine.store is None else str(engine.store)
    overrides: dict[str, object] = {"provider": engine.provider, "tasks": list(tasks) or None}
    settings = load_settings(engine.config, overrides=overrides)
    functions = list(settings.tasks) if drive is not False and settings.tasks else None
    given = {
        EMBEDDED: {"store": store, "engine": drive, "tasks": functions, **options},
        MOCK: {"tasks": functions, "items": _files(settings, store)},
    }
    return load_settings(engine.config, overrides={**overrides, "providers": given})


def _files(settings: Settings, store: str | None) -> str | None:
    """The folder of a Map's files for the mock, where it is given none: the one that the embedded engine would take."""
    if "items" in settings.providers.get(MOCK, {}):
        return None
    local = settings.providers.get(EMBEDDED, {})
    return str(local.get("items") or Path(store or str(local.get("store", STORE))).parent)


@asynccontextmanager
async def session(settings: Settings) -> AsyncIterator[Session]:
    """A session for the length of the block."""
    logging.getLogger("enginehouse").addHandler(logging.NullHandler())  # errors are told once, by the command itself
    async with Manager.from_settings(settings) as manager:
        yield Session(manager, settings)


def within_session(engine: Engine | None, work: Callable[[Session], Awaitable[T]], *, make: bool = False) -> T:
    """What ``work`` gives, done in a session of its own event loop. Raises ``StoreNotFoundError``: only with ``make``
    is a store made where there is none."""
    settings = settings_of(engine or Engine())
    store = settings.providers.get(EMBEDDED, {}).get("store", STORE)
    named = isinstance(store, str) and store not in ("", ":memory:")  # what is none, the provider tells
    if settings.provider == EMBEDDED and not make and named and not Path(str(store)).exists():
        raise StoreNotFoundError(f"there is no store {store}", provider=EMBEDDED)
    return in_loop(_asking(settings), work)


def _asking(settings: Settings) -> Settings:
    """The settings for a client alone, which needs no task functions: it neither imports them nor works."""
    providers = {name: dict(options) for name, options in settings.providers.items()}
    providers[EMBEDDED] = {**providers.get(EMBEDDED, {}), "tasks": ()}
    for name in SERVERS:
        providers[name] = {**providers.get(name, {}), "tasks": (), "works": False}
    return replace(settings, providers=providers)


def in_loop(settings: Settings, work: Callable[[Session], Awaitable[T]]) -> T:
    """What ``work`` gives, in a session with these settings."""

    async def whole() -> T:
        async with session(settings) as opened:
            return await work(opened)

    return asyncio.run(whole())
