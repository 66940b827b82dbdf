"""How what a task function raises becomes the error and cause that ``Retry`` and ``Catch`` see."""

from __future__ import annotations

import json
import os.path
import traceback
from types import TracebackType


class TaskError(Exception):
    """A failure with an ASL error name, for ``ErrorEquals``.

    ``raise TaskError("OutOfStock", "sku 12 is gone")`` names it on the spot. A subclass is named by its ``error``
    attribute, else by its class: ``class OutOfStock(TaskError): ...``, then ``raise OutOfStock("sku 12 is gone")``.
    """

    error: str = ""

    def __init__(self, *parts: str) -> None:
        if len(parts) > 2:
            raise TypeError(f"{type(self).__name__} takes an error name and a cause, not {len(parts)} arguments")
        super().__init__(*parts)
        if type(self) is TaskError or len(parts) == 2:
            self.error = parts[0] if parts else "TaskError"
            self.cause = parts[1] if len(parts) == 2 else ""
        else:
            self.cause = parts[0] if parts else ""

    def __str__(self) -> str:
        error, cause = error_and_cause(self)
        return f"{error}: {cause}" if cause else error


class RemoteError(Exception):
    """A function elsewhere failed; ``report`` is what its runtime said: ``errorType``, ``errorMessage``, its trace."""

    def __init__(self, report: dict[str, object]) -> None:
        super().__init__(report)
        self.report = {"errorType": "Unknown", "errorMessage": "", **report}


def error_and_cause(error: BaseException) -> tuple[str, str]:
    """The name and the cause of what was raised: those of a ``TaskError``, else the class and the message."""
    if isinstance(error, TaskError):
        return _readable(error.error) or type(error).__name__, _readable(str(getattr(error, "cause", "") or ""))
    return type(error).__name__, _readable(_message(error))


def _readable(text: str) -> str:
    """The text, with half surrogate pairs written out: a message may name a file that has one, and JSON holds none."""
    return text.encode("utf-8", "backslashreplace").decode()


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return f"{type(error).__name__} has no readable message: its __str__ fails"


def lambda_report(error: BaseException, request_id: str, source: str) -> dict[str, object]:
    """The error report of AWS Lambda's Python runtime.

    ``source`` is the file of the handler. Frames of that file alone are shown, where Lambda keeps it: ``/var/task``.
    A ``RemoteError`` has its report already.
    """
    if isinstance(error, RemoteError):
        return error.report
    name, cause = error_and_cause(error)
    return {
        "errorMessage": cause,
        "errorType": name,
        "requestId": request_id,
        "stackTrace": _frames(error.__traceback__, source),
    }


def _frames(trace: TracebackType | None, source: str) -> list[str]:
    shown = f"/var/task/{os.path.basename(source)}"
    return [
        f'  File "{shown}", line {frame.lineno}, in {frame.name}\n' + (f"    {frame.line}\n" if frame.line else "")
        for frame in traceback.extract_tb(trace)
        if frame.filename == source
    ]


def lambda_cause(report: dict[str, object], *, compact: bool) -> str:
    """The report as a cause: ``lambda:invoke`` gives it without blanks, a Lambda ARN as the resource with them."""
    return json.dumps(report, separators=(",", ":") if compact else None)
