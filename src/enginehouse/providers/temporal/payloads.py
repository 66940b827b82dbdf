"""What crosses Temporal: JSON text as it is, so that the order of keys and the form of numbers stay; large texts packed."""

from __future__ import annotations

import lzma
import zlib
from typing import Any

import msgspec
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from enginehouse.errors import ProviderError
from enginehouse.providers.temporal.settings import PROVIDER

LIMIT = 2_000_000
"""Bytes of a payload that Temporal surely takes; above two megabytes a workflow task would fail for ever."""

LIST_LIMIT = 10_000_000
"""Bytes of JSON that a Map's items or results may have before they are squeezed: that takes half a second."""

_PACKED = b"binary/enginehouse-zlib"
_SQUEEZED = b"binary/enginehouse-xz"
_PACK_FROM = 4096

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def json_value(value: Any) -> RawValue:
    """A JSON value, or a struct, as a payload that Temporal's own tools can show."""
    return json_text(_encode(value))


def json_text(text: str | bytes) -> RawValue:
    """JSON text as a payload, letter by letter."""
    data = text.encode() if isinstance(text, str) else text
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))


def packed(text: str | bytes) -> RawValue:
    """Text that people need not read, compressed where that pays."""
    data = text.encode() if isinstance(text, str) else text
    if len(data) < _PACK_FROM:
        return json_text(data)
    return RawValue(Payload(metadata={"encoding": _PACKED}, data=zlib.compress(data, 6)))


def squeezed(text: bytes) -> RawValue:
    """Text in which large parts come again, each kept once: a snapshot has a state's input as a value and as text, for each thread."""
    return RawValue(Payload(metadata={"encoding": _SQUEEZED}, data=lzma.compress(text, preset=1)))


def list_value(value: Any) -> RawValue:
    """A list of items or results as a payload: as it is while Temporal takes that, else squeezed."""
    return list_text(_encode(value))


def list_text(text: bytes) -> RawValue:
    return squeezed(text) if len(text) > LIMIT // 2 else json_text(text)


def text_of(payload: Payload) -> str:
    """The text of a payload that was made here, or another program's JSON."""
    encoding = payload.metadata.get("encoding", b"")
    if encoding == _PACKED:
        return zlib.decompress(payload.data).decode()
    if encoding == _SQUEEZED:
        return lzma.decompress(payload.data).decode()
    if encoding == b"binary/null":
        return "null"
    if encoding == b"binary/plain":
        return _encode(payload.data).decode()
    if encoding and not encoding.startswith(b"json/"):
        raise ProviderError(
            f"a payload is encoded as {encoding.decode(errors='replace')!r}, which this process cannot read: give it the codec "
            "that it was written with, by `codec`",
            provider=PROVIDER,
        )
    return payload.data.decode()


def value_of(payload: Payload) -> Any:
    """The JSON value of a payload."""
    return _decode(text_of(payload))
