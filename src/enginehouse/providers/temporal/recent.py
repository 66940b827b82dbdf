"""What was done through this provider a moment ago: Temporal's visibility store, which answers lists, may not show it yet."""

from __future__ import annotations

import time
from typing import Generic, TypeVar

T = TypeVar("T")

_KEPT_FOR = 10.0
_AT_MOST = 100


class Recent(Generic[T]):
    """What was done last, by id: at most a hundred things, and none that is older than ten seconds."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, T]] = {}

    def add(self, id: str, what: T) -> None:
        self._kept.pop(id, None)
        self._kept[id] = (time.monotonic(), what)
        if len(self._kept) > _AT_MOST:
            del self._kept[next(iter(self._kept))]

    def all(self) -> dict[str, T]:
        """Oldest first."""
        since = time.monotonic() - _KEPT_FOR
        self._kept = {id: kept for id, kept in self._kept.items() if kept[0] >= since}
        return {id: what for id, (_, what) in self._kept.items()}
