"""The bars that recorded behaviour is held to, on every host."""

from __future__ import annotations

from collections.abc import Mapping

from enginehouse.conformance.asl.figures import Figures
from tests.recorded.known_misses import KNOWN_MISSES

BARS = {"outcomes": 1.0, "failures": 0.97, "events": 0.95}
SERVICE_BARS = {"outcomes": 0.8, "events": 0.8}


def check_bars(figures: Figures, bar: str, bars: Mapping[str, float] = BARS) -> None:
    """Fail where the share is under its bar, and name every case that differs."""
    print(figures)
    share = getattr(figures, bar)
    listing = "\n".join(figures.misses)
    assert share.part >= bars[bar], f"{bar}: {share}, the bar is {bars[bar]:.0%}\n{listing}"


def check_misses(figures: Figures, known: Mapping[str, str] | None = None) -> None:
    """Fail where a case differs that is not known to, or is known to and does not."""
    known = KNOWN_MISSES if known is None else known
    differing = {miss.split("\n", 1)[0]: miss for miss in figures.misses}
    unknown = [text for id, text in differing.items() if id not in known]
    mended = [id for id in known if id not in differing]
    assert not unknown, f"{figures}\nnot as recorded, and no reason in known_misses.py:\n" + "\n".join(unknown)
    assert not mended, f"as recorded by now, so no longer to be listed in known_misses.py: {mended}"
