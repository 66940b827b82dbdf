"""The error that an operation answers with."""

from __future__ import annotations


class ApiError(Exception):
    """An answer that is an error: AWS's ``code`` (``StateMachineDoesNotExist``), its ``message``, and the HTTP status. A
    ValidationException may give a ``reason`` for programs."""

    def __init__(self, code: str, message: str, status: int = 400, *, reason: str = "") -> None:
        super().__init__(code, message, status)
        self.code = code
        self.message = message
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
