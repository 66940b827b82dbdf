"""Providers by name. An engine's library is imported when its provider is first asked for, and not before."""

from __future__ import annotations

import difflib
import functools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points

from enginehouse.abc import Provider
from enginehouse.errors import (
    Diagnostic,
    EnginehouseError,
    InvalidSpecError,
    ProviderConflictError,
    ProviderError,
    ProviderNotFoundError,
)
from enginehouse.options import Origin, arguments_of, placed

GROUP = "enginehouse.providers"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@functools.cache
def discover() -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of the group by name, as installed when this process first asked; none is imported.
    ``discover.cache_clear()`` has them read again."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=GROUP):
        others = found.get(point.name, ())
        if NAME.fullmatch(point.name) and point not in others:
            found[point.name] = (*others, point)
    return found


discover()  # it reads files: at import, where that is expected, and not later on somebody's event loop


class Registry:
    """The providers that are known: those registered by hand and those of the entry-point group ``enginehouse.providers``.

    ``options`` holds by provider name the keyword arguments that an entry point's provider is made with on the first
    ``get``. ``defaults`` are for every such provider that takes an argument of that name and has no option for it.
    ``origins`` holds by provider and option where each was said, for what is wrong with it. Raises ``InvalidSpecError`` for options of
    a provider whose name is nearly that of a known one.
    All methods may be called from any thread.
    """

    def __init__(
        self,
        options: Mapping[str, Mapping[str, object]] | None = None,
        *,
        defaults: Mapping[str, object] | None = None,
        origins: Mapping[str, Mapping[str, Origin]] | None = None,
    ) -> None:
        self._options = {name: dict(given) for name, given in (options or {}).items()}
        self._defaults = dict(defaults or {})
        self._origins = dict(origins or {})
        if faults := [fault for name in self._options for fault in self._slips(name)]:
            raise InvalidSpecError("the configuration is wrong", diagnostics=faults)
        self._lock = threading.RLock()
        self._registered: dict[str, Provider] = {}
        self._made: dict[str, Provider] = {}

    def register(self, provider: Provider) -> None:
        """Make ``provider`` known by its name. It stays the caller's to close.

        Raises ``ProviderConflictError`` where the name is taken, also by an entry point, and ``InvalidSpecError``
        for a name that is not lowercase alphanumeric with single hyphens.
        """
        if not isinstance(provider, Provider):
            raise TypeError(f"{provider!r} is no Provider; derive its class from enginehouse.Provider")
        name = provider.name
        if not isinstance(name, str) or not NAME.fullmatch(name):
            fault = Diagnostic(
                severity="error",
                code="ProviderName",
                message=f"{name!r} is no provider name.",
                path="/name",
                hint="Use lowercase letters and digits, in words joined by single hyphens, as in 'step-functions'.",
            )
            raise InvalidSpecError(operation="register", diagnostics=[fault])
        with self._lock:
            if self.has(name):
                raise ProviderConflictError(
                    f"the provider name {name!r} is taken by {self._holder(name)}; register under another name",
                    operation="register",
                    provider=name,
                )
            self._registered[name] = provider

    def get(self, name: str) -> Provider:
        """The provider of this name, made now if it was not yet; always the same object.

        Raises ``ProviderNotFoundError`` (unknown, or the extra with its engine's library is not installed),
        ``ProviderConflictError`` (two distributions claim the name), ``InvalidSpecError`` (its options do not fit) and
        ``ProviderError`` (it does not load).
        """
        with self._lock:
            if name in self._registered:
                return self._registered[name]
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def has(self, name: str) -> bool:
        """Whether the name is known. Imports nothing."""
        with self._lock:
            return name in self._registered or name in discover()

    def list(self) -> list[str]:
        """All known names in order. Imports nothing."""
        with self._lock:
            return sorted({*self._registered, *discover()})

    def made(self, name: str) -> bool:
        """Whether this registry made the provider itself, and so nobody else is there to close it."""
        with self._lock:
            return name in self._made

    def _slips(self, name: str) -> Iterator[Diagnostic]:
        """The options of a provider that is not known may be for one that is registered later, or installed elsewhere; what only looks
        like a slip is refused."""
        near = difflib.get_close_matches(name, discover(), 1, 0.8) if name not in discover() else []
        if near:
            at = next(iter(self._origins.get(name, {}).values()), Origin(""))
            yield Diagnostic(
                severity="error",
                code="UnknownProvider",
                message=f"there are options for a provider {name!r}, which is not known.",
                path=f"/providers/{name}",
                hint=f"Did you mean {near[0]!r}?",
                source=at.source,
                line=at.line,
            )

    def _holder(self, name: str) -> str:
        if name in self._registered:
            return f"a registered {type(self._registered[name]).__qualname__}"
        return " and ".join(map(_origin, discover()[name]))

    def _make(self, name: str) -> Provider:
        points = discover().get(name, ())
        if not points:
            raise ProviderNotFoundError(_unknown(name, self.list()), provider=name)
        if len(points) > 1:
            raise ProviderConflictError(
                f"the provider name {name!r} is claimed by {self._holder(name)}; uninstall one of them", provider=name
            )
        factory = _load(points[0])
        origins = self._origins.get(name, {})
        options = arguments_of(name, factory, self._options.get(name, {}), self._defaults, origins)
        try:
            provider: object = factory(**options)
        except InvalidSpecError as error:
            error.diagnostics = tuple(placed(fault, name, origins) for fault in error.diagnostics)
            raise
        except EnginehouseError:
            raise
        except ValueError as error:
            raise InvalidSpecError(f"provider {name!r} refuses its options: {error}", provider=name) from error
        except Exception as error:
            raise ProviderError(
                f"provider {name!r} could not be made: {type(error).__name__}: {error}", provider=name
            ) from error
        if not isinstance(provider, Provider):
            raise ProviderError(f"{_origin(points[0])} gives {provider!r}, which is no Provider", provider=name)
        if provider.name != name:
            raise ProviderError(
                f"{_origin(points[0])} gives a provider that calls itself {provider.name!r}; "
                "the entry point and the provider must have one name",
                provider=name,
            )
        return provider


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return f"no provider {name!r}; known: {', '.join(known) or 'none'}.{meant}"


def _origin(point: EntryPoint) -> str:
    source = f" of distribution {point.dist.name!r}" if point.dist is not None else ""
    return f"entry point {point.value!r}{source}"


def _load(point: EntryPoint) -> Callable[..., object]:
    # A provider may import its library on first use: that it loads does not tell that the library is there.
    if absent := _absent(point):
        raise _needs(point, absent)
    try:
        factory = point.load()
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] == point.module.partition(".")[0]:
            raise ProviderError(
                f"{_origin(point)} does not load: it has no module {missing!r}; reinstall it", provider=point.name
            ) from error
        raise _needs(point, missing) from error
    except Exception as error:
        raise ProviderError(
            f"{_origin(point)} does not load: {type(error).__name__}: {error}", provider=point.name
        ) from error
    if not callable(factory):
        raise ProviderError(f"{_origin(point)} names {factory!r}, which makes no Provider", provider=point.name)
    made: Callable[..., object] = factory
    return made


def _absent(point: EntryPoint) -> str:
    """What the entry point's extras require and is not installed; "" where all is. What they require on some platforms alone
    is left out."""
    extras = {f"extra == '{extra}'" for extra in point.extras}
    for requirement in (point.dist.requires or ()) if point.dist is not None and extras else ():
        what, _, marker = requirement.partition(";")
        found = re.match(r"[\w.-]+", what)
        if found is None or marker.strip().replace('"', "'") not in extras:
            continue
        try:
            distribution(found[0])
        except PackageNotFoundError:
            return found[0]
    return ""


def _needs(point: EntryPoint, missing: str) -> ProviderNotFoundError:
    return ProviderNotFoundError(
        f"provider {point.name!r} needs {missing!r}, which is not installed",
        remedy=_remedy(point, missing),
        provider=point.name,
    )


def _remedy(point: EntryPoint, missing: str) -> str:
    """The command that brings what is missing: the extra the entry point names, else one named like the provider."""
    if point.dist is None:
        return f"install the distribution that has {missing!r}"
    offered = point.dist.metadata.get_all("Provides-Extra") or []
    extras = point.extras or [extra for extra in offered if extra == point.name]
    if extras:
        return f"pip install '{point.dist.name}[{','.join(extras)}]'"
    return f"{point.dist.name!r} does not say which extra has it; install the distribution that has {missing!r}"
