"""Pages of listings, and the tokens that lead from one to the next."""

from __future__ import annotations

import base64
import binascii
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from enginehouse.server.step_functions.errors import ApiError

T = TypeVar("T")
_USUAL = 100
# Seconds for which AWS takes a token.
_DAY = 86_400


def size(request: dict[str, Any], most: int = 1000) -> int:
    """How many items the page has: what is asked for; 100 where nothing, or 0, is."""
    return min(request.get("maxResults") or _USUAL, most)


def token(request: Mapping[str, Any], key: str, *where: object) -> str:
    """Where the next page begins, of the listing that ``request`` and the ``key`` of its items name. What it holds is nobody's business."""
    return base64.urlsafe_b64encode(msgspec.json.encode((_listing(request, key), int(time.time()), where))).decode()


def place(request: Mapping[str, Any], key: str, kind: Any) -> Any:
    """What ``token`` was given; None on the first page. Raises ``InvalidToken`` for what is none, is a day old, or is of another listing."""
    given = request.get("nextToken")
    if given is None:
        return None
    try:
        listing, made, where = msgspec.json.decode(base64.urlsafe_b64decode(given), type=tuple[int, int, kind])
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if listing != _listing(request, key) or made < time.time() - _DAY:
        raise _invalid()
    return where


def _listing(request: Mapping[str, Any], key: str) -> int:
    """All that has to be the same from page to page."""
    asked = sorted((name, value) for name, value in request.items() if name not in ("nextToken", "maxResults"))
    return zlib.crc32(msgspec.json.encode((key, asked)))


def _invalid() -> ApiError:
    return ApiError("InvalidToken", "Invalid Token: 'Invalid token'")


def page(
    request: dict[str, Any], key: str, items: Sequence[T], name: Callable[[T], Any], show: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """The page of ``items``, sorted by ``name``, that is asked for."""
    ordered = sorted(items, key=name)
    after = place(request, key, tuple[Any])
    if after is not None:
        try:
            ordered = [item for item in ordered if name(item) > after[0]]
        except TypeError:
            raise _invalid() from None
    most = size(request)
    answer: dict[str, Any] = {key: [show(item) for item in ordered[:most]]}
    if len(ordered) > most:
        answer["nextToken"] = token(request, key, name(ordered[most - 1]))
    return answer
