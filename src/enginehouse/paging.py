"""Pages of a list: how long they are, and the token that says where the next one begins."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from enginehouse.errors import InvalidSpecError


def page_size(limit: int) -> int:
    """How many items a page has. Raises ``InvalidSpecError`` for less than one."""
    if limit < 1:
        raise InvalidSpecError(f"a page has at least one item, not {limit}")
    return limit


def page_token(*place: object) -> str:
    """Where the next page begins: the place of the last item of this one. What it holds is nobody's business."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read_page_token(token: str, kind: object) -> Any:
    """What ``page_token`` was given, as a tuple of this type; None for the empty token. Raises ``InvalidSpecError`` for a made-up one."""
    if not token:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=kind)
    except (binascii.Error, ValueError):
        raise InvalidSpecError(f"{token!r} is no page token; pass next_token of the page before, or none") from None
