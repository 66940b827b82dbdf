"""Every error that leaves the library.

    EnginehouseError
     ├─ InvalidSpecError          the definition, the configuration or the input is wrong; carries diagnostics
     ├─ WorkflowNotFoundError     no such workflow
     ├─ ExecutionNotFoundError    no such execution
     ├─ ProviderNotFoundError     no such provider, or its extra is not installed
     ├─ ProviderConflictError     the name is taken
     ├─ WorkflowBusyError         delete refused: executions run
     ├─ ExecutionConflictError    the execution name is taken by a start with another input
     ├─ ProviderUnavailableError  the engine cannot be reached or throttles; try again
     ├─ ProviderError             anything else that an engine says
     └─ CapabilityError           this provider does not do that, and why

A failed execution is a value in ``ExecutionStatus``, never an exception. Cancellation and deadlines
stay ``asyncio.CancelledError`` and ``TimeoutError``; nothing here wraps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault of a definition, a configuration or an input.

    ``path`` is a JSON pointer into the document (``/States/Hello/Next``; empty: the whole document).
    ``hint`` is the mend, where one can be known. ``line`` and ``column`` count from 1, where the text is known.
    ``source`` is where the fault stands where that is no document that was handed in: the configuration's file, or the name of an
    environment variable.
    """

    severity: Literal["error", "warning"]
    code: str
    message: str
    path: str = ""
    hint: str = ""
    line: int | None = None
    column: int | None = None
    source: str = ""

    def __str__(self) -> str:
        place = " ".join(part for part in (self.source, self.path) if part) or "/"
        if self.line is not None:
            place += f" (line {self.line}" + (")" if self.column is None else f", column {self.column})")
        mend = f" {self.hint}" if self.hint else ""
        return _one_line(f"{place}: {self.message}{mend} [{self.code}]")


class EnginehouseError(Exception):
    """The base of all errors. ``code`` is stable and for programs; ``str(error)`` is one line for people.

    The arguments of the constructor are the error's fields, so that it survives pickling.
    """

    code: ClassVar[str] = "Error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str = "",
        *,
        operation: str = "",
        workflow_id: str = "",
        execution_id: str = "",
        provider: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.workflow_id = workflow_id
        self.execution_id = execution_id
        self.provider = provider

    def __str__(self) -> str:
        ids = [
            f"{word} {value!r}"
            for word, value in (("workflow", self.workflow_id), ("execution", self.execution_id))
            if value and repr(value) not in self.message
        ]
        where = " ".join([part for part in (self.operation, " ".join(ids)) if part])
        text, cause = _one_line(self._text()), _one_line(self._cause_text())
        if cause and cause not in text:
            text = f"{text}: {cause}"
        return _one_line(f"{where}: {text}" if where else text)

    def _text(self) -> str:
        return self.message or self.code

    def _cause_text(self) -> str:
        # pickle drops __cause__, which need not be picklable itself; what it said is carried over
        return str(self.__cause__ if self.__cause__ is not None else self.__dict__.get("_cause", ""))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.args, {**self.__dict__, "_cause": self._cause_text()}))


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _rebuild(kind: type[EnginehouseError], args: tuple[object, ...], fields: dict[str, object]) -> EnginehouseError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class InvalidSpecError(EnginehouseError):
    """The definition, the provider configuration or the input is wrong. ``diagnostics`` holds all faults at once."""

    code = "InvalidSpec"

    def __init__(
        self,
        message: str = "",
        *,
        diagnostics: Sequence[Diagnostic] = (),
        operation: str = "",
        workflow_id: str = "",
        execution_id: str = "",
        provider: str = "",
    ) -> None:
        super().__init__(
            message, operation=operation, workflow_id=workflow_id, execution_id=execution_id, provider=provider
        )
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)

    def _text(self) -> str:
        faults = [item for item in self.diagnostics if item.severity == "error"]
        if not faults:
            return super()._text()
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return f"{self.message}: {faults[0]}{more}" if self.message else f"{faults[0]}{more}"


class WorkflowNotFoundError(EnginehouseError):
    """No workflow of this id is known to the provider."""

    code = "WorkflowNotFound"


class ExecutionNotFoundError(EnginehouseError):
    """No execution of this id is known to the provider."""

    code = "ExecutionNotFound"


class ProviderNotFoundError(EnginehouseError):
    """No provider of this name is registered, or the extra that carries its engine's library is not installed. ``remedy`` is
    what to do then: as a rule the command that installs it."""

    code = "ProviderNotFound"

    def __init__(self, message: str = "", *, remedy: str = "", **where: str) -> None:
        super().__init__(message, **where)
        self.remedy = remedy

    def _text(self) -> str:
        return f"{super()._text()}: {self.remedy}" if self.remedy else super()._text()


class ProviderConflictError(EnginehouseError):
    """A provider of this name is registered already."""

    code = "ProviderConflict"


class WorkflowBusyError(EnginehouseError):
    """The workflow has running executions, so it is not deleted. Stop them, or wait, and call again."""

    code = "WorkflowBusy"


class ExecutionConflictError(EnginehouseError):
    """The execution name is taken by a start with another input. Use another name, or the same input."""

    code = "ExecutionConflict"


class ProviderUnavailableError(EnginehouseError):
    """The engine cannot be reached or throttles. The same call may succeed later."""

    code = "ProviderUnavailable"
    retryable = True


class ProviderError(EnginehouseError):
    """Anything else that an engine answered; the engine's own error is the ``__cause__``."""

    code = "ProviderError"


class CapabilityError(EnginehouseError):
    """The provider does not offer this; the message says why."""

    code = "Capability"
