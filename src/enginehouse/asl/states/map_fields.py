"""ItemReader, ItemBatcher and ResultWriter of a distributed Map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from enginehouse.asl.dataflow import Template
from enginehouse.asl.expressions import Value

if TYPE_CHECKING:
    from enginehouse.asl.source import Source


class Reader(msgspec.Struct, frozen=True):
    """ItemReader: where the items come from."""

    resource: str
    arguments: Template | None
    config: Template | None
    most: Value | None
    pointer: str = ""


class Batcher(msgspec.Struct, frozen=True):
    """ItemBatcher: how many items go into one child execution, and what goes with them."""

    items: Value | None
    bytes: Value | None
    input: Template | None


class Writer(msgspec.Struct, frozen=True):
    """ResultWriter: where the results go, and in what form."""

    resource: str
    arguments: Template | None
    config: Mapping[str, Any]


def compile_reader(source: Source) -> Reader | None:
    definition = source.definition.get("ItemReader")
    if definition is None:
        return None
    config = definition.get("ReaderConfig", {})
    inner = source.within({"ItemReader": definition, **config}, "ItemReader/ReaderConfig")
    return Reader(
        resource=definition["Resource"],
        arguments=source.template(definition, "Arguments" if source.jsonata else "Parameters"),
        config=source.template(definition, "ReaderConfig"),
        most=inner.value("MaxItems", "number"),
    )


def compile_batcher(source: Source) -> Batcher | None:
    definition = source.definition.get("ItemBatcher")
    if definition is None:
        return None
    inner = source.within(definition, "ItemBatcher")
    return Batcher(
        items=inner.value("MaxItemsPerBatch", "number"),
        bytes=inner.value("MaxInputBytesPerBatch", "number"),
        input=source.template(definition, "BatchInput"),
    )


def compile_writer(source: Source) -> Writer | None:
    definition = source.definition.get("ResultWriter")
    if definition is None:
        return None
    return Writer(
        resource=definition.get("Resource", ""),
        arguments=source.template(definition, "Arguments" if source.jsonata else "Parameters"),
        config=definition.get("WriterConfig", {}),
    )
