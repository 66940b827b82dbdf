"""What one optimized integration must be allowed, as a row of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from enginehouse.providers.step_functions.exporting.arns import anywhere, role, static
from enginehouse.providers.step_functions.exporting.statements import Statement, allow, passing, ruling

Given: TypeAlias = Mapping[str, Any]
Places: TypeAlias = Callable[[Given], tuple[str, ...]]
Also: TypeAlias = Callable[[Given], Iterator[Statement]]


@dataclass(frozen=True, slots=True)
class Needs:
    """``does`` is what the call takes, on ``places``. Waiting for the job takes ``waits`` besides, on ``jobs`` or else the same
    places, and the EventBridge ``rule``; where there is none, AWS asks again and again. ``also`` is all else."""

    does: str
    places: Places
    waits: str = ""
    jobs: Places | None = None
    rule: str = ""
    also: Also = lambda given: iter(())

    def statements(self, given: Given, *, waited: bool) -> Iterator[Statement]:
        if self.does:
            yield allow(self.does, *self.places(given))
        yield from self.also(given)
        if waited and self.waits:
            yield allow(self.waits, *(self.jobs or self.places)(given))
        if waited and self.rule:
            yield ruling(self.rule)


def everything(given: Given) -> tuple[str, ...]:
    return ("*",)


def within(service: str, pattern: str, *names: str) -> Places:
    """The resources of a service: ``pattern`` with the fields of these names put in, ``*`` for what is known later."""
    return lambda given: (anywhere(service, pattern.format(*(static(given, name) or "*" for name in names))),)


def both(*places: Places) -> Places:
    return lambda given: tuple(arn for place in places for arn in place(given))


def passed(service: str, *fields: str) -> Also:
    def also(given: Given) -> Iterator[Statement]:
        yield passing(service, *(role(given, field) for field in fields))

    return also
