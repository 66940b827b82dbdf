"""The flags that every command has, or many share."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

GLOBAL = Group("Everywhere", sort_key=100)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How the answer is written."""

    json: Annotated[bool, Parameter(name="--json", negative=(), group=GLOBAL, help="Write JSON, for programs.")] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Engine(Output):
    """Which engine the command speaks to. Flags win over the environment, and that over enginehouse.toml."""

    provider: Annotated[
        str | None, Parameter(name=["--provider", "-p"], group=GLOBAL, help="The engine's provider, e.g. local.")
    ] = None
    store: Annotated[
        Path | None, Parameter(name="--store", group=GLOBAL, help="The local engine's store, a SQLite file.")
    ] = None
    config: Annotated[
        Path | None, Parameter(name="--config", group=GLOBAL, help="The configuration file [enginehouse.toml].")
    ] = None

    def command(self, *words: str) -> str:
        """A command line that speaks to the same engine, to be shown."""
        given = {"--provider": self.provider, "--store": self.store, "--config": self.config}
        flags = [word for flag, value in given.items() if value is not None for word in (flag, str(value))]
        return shlex.join(["enginehouse", *words, *flags])
