"""All records, in memory: there are few, they are read with every request, and this process alone writes them."""

from __future__ import annotations

from collections.abc import Iterable

from enginehouse.server.step_functions.records import (
    Activity,
    Alias,
    Machine,
    MapRunChange,
    Record,
    Revision,
    Version,
)


class Catalogue:
    """Records by what they are of."""

    def __init__(self) -> None:
        self.machines: dict[str, Machine] = {}
        self.revisions: dict[str, dict[str, Revision]] = {}
        self.versions: dict[str, dict[int, Version]] = {}
        self.aliases: dict[str, dict[str, Alias]] = {}
        self.activities: dict[str, Activity] = {}
        self.complete = False
        """Whether all that is stored has been read."""
        self.map_runs: dict[str, MapRunChange] = {}

    def put(self, record: Record) -> None:
        match record:
            case Machine():
                self.machines[record.name] = record
            case Revision():
                self.revisions.setdefault(record.machine, {})[record.revision] = record
            case Version():
                self.versions.setdefault(record.machine, {})[record.number] = record
            case Alias():
                self.aliases.setdefault(record.machine, {})[record.name] = record
            case Activity():
                self.activities[record.name] = record
            case MapRunChange():
                self.map_runs[record.run] = record

    def drop(self, record: Record) -> None:
        match record:
            case Machine():
                self.machines.pop(record.name, None)
            case Revision():
                self.revisions.get(record.machine, {}).pop(record.revision, None)
            case Version():
                self.versions.get(record.machine, {}).pop(record.number, None)
            case Alias():
                self.aliases.get(record.machine, {}).pop(record.name, None)
            case Activity():
                self.activities.pop(record.name, None)
            case MapRunChange():
                self.map_runs.pop(record.run, None)

    def of_machine(self, name: str) -> list[Record]:
        """The machine's own record, and all that goes with it."""
        found: Iterable[Record] = (
            *([self.machines[name]] if name in self.machines else ()),
            *self.revisions.get(name, {}).values(),
            *self.versions.get(name, {}).values(),
            *self.aliases.get(name, {}).values(),
        )
        return list(found)
