"""What a Map state iterates over, inline or distributed, and what each iteration is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from enginehouse.asl.dataflow import Flow, Template, effective_input
from enginehouse.asl.expressions import Value, as_text, whole_number
from enginehouse.asl.faults import query_fault, runtime_fault
from enginehouse.asl.paths import Path, compile_path

if TYPE_CHECKING:
    from enginehouse.asl.machine import Turn
    from enginehouse.asl.source import Source
    from enginehouse.asl.state import Frame

MOST_IN_FLIGHT = 1000
"""Iterations under way at once, where MaxConcurrency asks for more or sets no limit: what every host can carry."""


_NOTHING: Mapping[str, Any] = {}


class Items(msgspec.Struct, frozen=True):
    """What a Map iterates over, and what each iteration is given."""

    flow: Flow
    path: Path | None
    query: Value | None
    selector: Template | None
    concurrency: Value | None
    concurrency_path: str

    def read(self, turn: Turn, frame: Frame, *, objects: bool) -> Any:
        """The list of items; with ``objects``, an object may stand for the list of its keys and values."""
        if self.flow.jsonata:
            value = frame.input
            if self.query is not None:
                value = self.query(turn.scope(frame, None, {"input": frame.input}))
        else:
            value = effective_input(self.flow, turn, frame)
            if self.path is not None:
                value = self.path.find(turn.scope(frame, value))
        if isinstance(value, list) or (objects and isinstance(value, dict)):
            return value
        if not self.flow.jsonata:
            raise runtime_fault(f'Reference path "{self.path.text if self.path else "$"}" must point to array.')
        raise query_fault(f"Map state input must be an array but was: {as_text(value)}")

    def limit(self, turn: Turn, frame: Frame) -> int:
        """How many iterations may run at once, as the definition says it; 0: no limit."""
        if self.concurrency is None:
            return 0
        value = self.concurrency(turn.scope(frame, effective_input(self.flow, turn, frame), {"input": frame.input}))
        number = whole_number(value)
        if number is None:
            if not self.concurrency_path:
                raise query_fault(
                    f"The MaxConcurrency field is not a valid integer: {as_text(value)}", "MaxConcurrency"
                )
            raise runtime_fault(
                f'The MaxConcurrencyPath field refers to value "{as_text(value)}" which is not a valid integer: '
                f"{self.concurrency_path}"
            )
        if number < 0:
            raise runtime_fault("MaxConcurrency cannot be negative.")
        return number

    def in_flight(self, limit: int) -> int:
        """How many iterations are under way at once, where this is the limit."""
        return min(limit or MOST_IN_FLIGHT, MOST_IN_FLIGHT)

    def input_of(self, turn: Turn, frame: Frame, index: int, item: Any, more: Mapping[str, Any] = _NOTHING) -> Any:
        """What the iteration is given: the item, or what ItemSelector makes of it; ``more`` is what else ``Map.Item`` tells."""
        if self.selector is None:
            return item
        given = None if self.flow.jsonata else effective_input(self.flow, turn, frame)
        told = {"Index": index, "Value": item, **more}
        return self.selector.evaluate(turn.scope(frame, given, {"input": frame.input}, item=told))


def compile_items(source: Source, *others: str) -> Items:
    """The items of a Map state: an array, or another type where ``others`` names it."""
    definition = source.definition
    path = definition.get("ItemsPath", "$")
    return Items(
        flow=source.flow(arguments=None),
        path=None if path == "$" else compile_path(path),
        query=source.value("Items", "array", *others) if source.jsonata else None,
        selector=source.template(definition, "ItemSelector" if "ItemSelector" in definition else "Parameters"),
        concurrency=source.value("MaxConcurrency", "number"),
        concurrency_path=definition.get("MaxConcurrencyPath", ""),
    )
