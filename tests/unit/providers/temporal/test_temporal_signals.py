"""Signals: what is of our form is told, all else is none of ours and harms nothing."""

from __future__ import annotations

import pytest
from temporalio.api.common.v1 import Payload

from enginehouse.asl.notifications import TaskFailed, TaskSucceeded
from enginehouse.providers.temporal.live import Beat, FromOutside
from enginehouse.providers.temporal.payloads import json_value
from enginehouse.providers.temporal.signals import FAILURE, HEARTBEAT, SUCCESS, read

PROTOBUF = Payload(metadata={"encoding": b"binary/protobuf"}, data=b"\x08\x01")
BROKEN = Payload(metadata={"encoding": b"binary/enginehouse-zlib"}, data=b"no")


def payloads(*values: object) -> list[Payload]:
    return [json_value(value).payload for value in values]


@pytest.mark.parametrize(
    ("signal", "values", "told"),
    [
        (SUCCESS, [3, {"a": None}], TaskSucceeded(3, {"a": None})),
        (SUCCESS, [3, None], TaskSucceeded(3, None)),
        (FAILURE, [3, "Bad", "since"], TaskFailed(3, "Bad", "since")),
        (FAILURE, [3, None, None], TaskFailed(3, None, None)),
        (HEARTBEAT, [3], Beat(3)),
    ],
)
def test_what_is_of_our_form_is_told(
    signal: str, values: list[object], told: TaskSucceeded | TaskFailed | Beat
) -> None:
    assert read(signal, payloads(*values)) == FromOutside(told)


@pytest.mark.parametrize("signal", [SUCCESS, FAILURE, HEARTBEAT, "poke"])
@pytest.mark.parametrize(
    "values",
    [[], ["1"], [None, None], [1, 2, 3], [[1], 2, 3, 4], [1, 2, "x"], ["1", None, None]],
    ids=str,
)
def test_what_is_not_is_nothing(signal: str, values: list[object]) -> None:
    assert read(signal, payloads(*values)) is None


@pytest.mark.parametrize("payload", [PROTOBUF, BROKEN], ids=["protobuf", "broken"])
def test_what_cannot_be_read_is_nothing(payload: Payload) -> None:
    assert read(SUCCESS, [payload, payload]) is None
    assert read("poke", [payload]) is None
