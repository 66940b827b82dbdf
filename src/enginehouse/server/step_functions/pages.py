"""Pages of listings, and the tokens that lead from one to the next."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from enginehouse.server.step_functions.errors import ApiError

T = TypeVar("T")
_USUAL = 100


def size(request: dict[str, Any], most: int = 1000) -> int:
    """How many items the page has: what is asked for; 100 where nothing, or 0, is."""
    return min(request.get("maxResults") or _USUAL, most)


def token(*place: object) -> str:
    """Where the next page begins. What it holds is nobody's business."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def place(request: dict[str, Any], kind: Any) -> Any:
    """What ``token`` was given; None on the first page. Raises ``InvalidToken``."""
    given = request.get("nextToken")
    if given is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(given), type=kind)
    except (binascii.Error, ValueError):
        raise _invalid() from None


def _invalid() -> ApiError:
    return ApiError("InvalidToken", "Invalid Token: 'Invalid token'")


def page(
    request: dict[str, Any], key: str, items: Sequence[T], name: Callable[[T], Any], show: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """The page of ``items``, sorted by ``name``, that is asked for."""
    ordered = sorted(items, key=name)
    after = place(request, tuple[Any])
    if after is not None:
        try:
            ordered = [item for item in ordered if name(item) > after[0]]
        except TypeError:
            raise _invalid() from None
    most = size(request)
    answer: dict[str, Any] = {key: [show(item) for item in ordered[:most]]}
    if len(ordered) > most:
        answer["nextToken"] = token(name(ordered[most - 1]))
    return answer
