"""The compiled engine, `jsonatapy`, as a library of text functions.

It formats and reads numbers and dates, and matches regular expressions in linear time: work on one text, which it bounds
by the text's length. Whole expressions do not run on it: it has a limit for time and for recursion, but none for memory.
Its compiled expressions belong to one thread, so each is made (two microseconds), used and dropped at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_CODE: Final = re.compile(r"([STD]\d{4}): ?(.*)", re.DOTALL)


class NativeError(Exception):
    """The engine refused: ``code`` is JSONata's, or empty."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def native(source: str, bindings: Mapping[str, Any]) -> Any:
    """What the engine makes of a fixed expression over bound values; ``None`` for nothing. Raises ``NativeError``."""
    import jsonatapy

    try:
        return jsonatapy.compile(source).evaluate(None, dict(bindings), timeout=1000)
    except (ValueError, TypeError, OverflowError) as error:
        text = str(error)
    except BaseException as error:
        # A panic of the engine derives from BaseException alone; all other such exceptions are not ours.
        if type(error).__name__ != "PanicException":
            raise
        text = str(error)
    # Raised out here, it leads to no error of the engine's: that one's traceback holds the expression, which must not be
    # dropped by another thread.
    match = _CODE.match(text)
    raise NativeError(match.group(1), match.group(2)) if match else NativeError("", text)
