"""What an expression can see. One scope serves one field of one state; nothing in it is ever changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any


class Chance:
    """Randomness as input: numbers and ids that follow from a seed, so that a replay draws the same ones.

    ``steps`` counts what expressions have cost, each step roughly a microsecond: the same on every replay, as a clock is not."""

    __slots__ = ("draws", "seed", "steps")

    def __init__(self, seed: str, draws: int = 0) -> None:
        self.seed = seed
        self.draws = draws
        self.steps = 0

    def bits(self) -> int:
        """128 fresh bits."""
        self.draws += 1
        text = f"{self.seed}/{self.draws}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")

    def random(self) -> float:
        """A number from 0 up to, not including, 1."""
        return (self.bits() >> 75) / 9007199254740992.0

    def uuid(self) -> str:
        """A version 4 UUID."""
        value = self.bits() & ~(0xF000 << 64) & ~(0xC000 << 48) | (4 << 76) | (0x8000 << 48)
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Scope:
    """``input`` is what ``$`` means in JSONPath; ``context()`` what ``$$`` and ``$states.context`` mean; ``variables`` by bare name.

    ``states`` is JSONata's ``$states`` apart from its context: ``input``, and where the language offers them ``result``
    and ``errorOutput``. ``now`` is in seconds since the epoch.
    """

    __slots__ = ("chance", "context", "input", "now", "states", "variables")

    def __init__(
        self,
        input: Any,
        context: Callable[[], Mapping[str, Any]],
        variables: Mapping[str, Any],
        chance: Chance,
        now: float,
        states: Mapping[str, Any] | None = None,
    ) -> None:
        self.input = input
        self.context = context
        self.variables = variables
        self.chance = chance
        self.now = now
        self.states = states if states is not None else {"input": input}
