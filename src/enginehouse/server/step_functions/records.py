"""What AWS keeps of resources beside what the engine needs to run them. Stored as JSON under the resource part of their ARN."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

JsonObject: TypeAlias = dict[str, Any]


class Machine(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag=True, omit_defaults=True):
    """A state machine. ``revision`` is the one that is now; ``published`` how many versions it ever had, as numbers do not
    come again."""

    name: str
    type: str = "STANDARD"
    created: float
    revision: str
    published: int = 0
    deleting: bool = False
    tags: dict[str, str] = {}

    @property
    def id(self) -> str:
        return f"stateMachine:{self.name}"


class Revision(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag=True, omit_defaults=True):
    """What a machine was from one update to the next. ``definition`` is the text as it was sent, ``digest`` the engine's key of
    it. AWS shows no revision id until the first update: that is ``first``."""

    machine: str
    revision: str
    digest: str
    definition: str
    role: str
    logging: JsonObject | None = None
    tracing: JsonObject | None = None
    encryption: JsonObject | None = None
    created: float
    first: bool = False

    @property
    def id(self) -> str:
        return f"revision:{self.machine}:{self.revision}"


class Version(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag=True, omit_defaults=True):
    """A published revision."""

    machine: str
    number: int
    revision: str
    description: str = ""
    created: float

    @property
    def id(self) -> str:
        return f"stateMachine:{self.machine}:{self.number}"


class Route(msgspec.Struct, frozen=True):
    """How many in a hundred starts go to this version."""

    version: int
    weight: int


class Alias(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag=True, omit_defaults=True):
    """A name for one version, or two."""

    machine: str
    name: str
    description: str = ""
    routes: tuple[Route, ...]
    created: float
    updated: float

    @property
    def id(self) -> str:
        return f"stateMachine:{self.machine}:{self.name}"


class Activity(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag=True, omit_defaults=True):
    """An activity."""

    name: str
    created: float
    encryption: JsonObject | None = None
    tags: dict[str, str] = {}

    @property
    def id(self) -> str:
        return f"activity:{self.name}"


class MapRunChange(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag=True, omit_defaults=True):
    """What UpdateMapRun set; None is as the definition says. ``run`` is the ARN's ``machine/label:uuid``."""

    run: str
    max_concurrency: int | None = None
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None

    @property
    def id(self) -> str:
        return f"mapRun:{self.run}"


Record: TypeAlias = Machine | Revision | Version | Alias | Activity | MapRunChange

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Record).decode
