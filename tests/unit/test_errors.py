"""Every error survives pickling with its fields, and says itself in one line."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse import errors
from enginehouse.errors import Diagnostic, EnginehouseError, InvalidSpecError, ProviderError

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EnginehouseError)]
FIELDS = {"operation": "start_execution", "workflow_id": "w", "execution_id": "e", "provider": "local"}
FAULT = Diagnostic(severity="error", code="Missing", message="Next is missing.", path="/States/A", hint="Add it.")

texts = st.text()
diagnostics = st.builds(
    Diagnostic,
    severity=st.sampled_from(["error", "warning"]),
    code=texts,
    message=texts,
    path=texts,
    hint=texts,
    line=st.none() | st.integers(1, 9999),
    column=st.none() | st.integers(1, 9999),
)


def filled(kind: type[EnginehouseError]) -> EnginehouseError:
    if issubclass(kind, InvalidSpecError):
        return kind("wrong", diagnostics=[FAULT, FAULT], **FIELDS)
    return kind("wrong", **FIELDS)


def test_the_tree_is_the_contracts() -> None:
    assert {kind.__name__ for kind in ALL} == {
        "EnginehouseError",
        "InvalidSpecError",
        "WorkflowNotFoundError",
        "ExecutionNotFoundError",
        "ProviderNotFoundError",
        "ProviderConflictError",
        "WorkflowBusyError",
        "ExecutionConflictError",
        "ProviderUnavailableError",
        "ProviderError",
        "CapabilityError",
    }


def test_codes_are_stable_and_of_one_error_each() -> None:
    assert {kind.__name__.removesuffix("Error").replace("Enginehouse", "") or "Error": kind.code for kind in ALL} == {
        "Error": "Error",
        "InvalidSpec": "InvalidSpec",
        "WorkflowNotFound": "WorkflowNotFound",
        "ExecutionNotFound": "ExecutionNotFound",
        "ProviderNotFound": "ProviderNotFound",
        "ProviderConflict": "ProviderConflict",
        "WorkflowBusy": "WorkflowBusy",
        "ExecutionConflict": "ExecutionConflict",
        "ProviderUnavailable": "ProviderUnavailable",
        "Provider": "ProviderError",
        "Capability": "Capability",
    }


def test_only_an_engine_that_cannot_be_reached_is_worth_another_try() -> None:
    assert [kind.__name__ for kind in ALL if kind.retryable] == ["ProviderUnavailableError"]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ALL)
def test_pickling_keeps_type_fields_and_words(kind: type[EnginehouseError], protocol: int) -> None:
    error = filled(kind)
    error.__cause__ = OSError("connection refused")
    error.add_note("seen on Tuesday")

    again = pickle.loads(pickle.dumps(error, protocol))

    assert type(again) is kind
    assert {name: getattr(again, name) for name in (*FIELDS, "message")} == {**FIELDS, "message": "wrong"}
    assert getattr(again, "diagnostics", ()) == getattr(error, "diagnostics", ())
    assert again.args == error.args
    assert again.__notes__ == ["seen on Tuesday"]
    assert str(again) == str(error)
    assert "connection refused" in str(again)
    assert str(pickle.loads(pickle.dumps(again))) == str(error)


def test_a_cause_that_cannot_be_pickled_does_not_stop_its_error() -> None:
    class LocalError(Exception):
        pass

    error = ProviderError("it broke")
    error.__cause__ = LocalError("deep down")
    assert str(pickle.loads(pickle.dumps(error))) == "it broke: deep down"


@pytest.mark.parametrize("kind", ALL)
def test_copying_keeps_the_words(kind: type[EnginehouseError]) -> None:
    error = filled(kind)
    assert str(copy.copy(error)) == str(copy.deepcopy(error)) == str(error)


@pytest.mark.parametrize("kind", ALL)
def test_an_error_names_operation_ids_and_cause(kind: type[EnginehouseError]) -> None:
    error = filled(kind)
    error.__cause__ = OSError("connection refused")
    words = str(error)
    assert words.startswith("start_execution workflow 'w' execution 'e': wrong")
    assert words.endswith("connection refused")


@pytest.mark.parametrize("kind", ALL)
def test_an_error_without_words_says_its_code(kind: type[EnginehouseError]) -> None:
    assert str(kind()) == kind.code


def test_an_id_that_the_message_names_is_not_named_twice() -> None:
    error = errors.WorkflowNotFoundError("no workflow 'orders'", operation="start_execution", workflow_id="orders")
    assert str(error) == "start_execution: no workflow 'orders'"


def test_a_cause_that_the_message_tells_is_not_told_twice() -> None:
    error = ProviderError("engine says: no room")
    error.__cause__ = OSError("no room")
    assert str(error) == "engine says: no room"


def test_faults_are_told_with_operation_and_count() -> None:
    error = InvalidSpecError(operation="create_workflow", workflow_id="w", diagnostics=[FAULT, FAULT, FAULT])
    assert str(error) == ("create_workflow workflow 'w': /States/A: Next is missing. Add it. [Missing] (and 2 more)")


def test_a_warning_is_not_told_as_the_fault() -> None:
    warning = Diagnostic(severity="warning", code="Odd", message="Odd.")
    assert str(InvalidSpecError("wrong", diagnostics=[warning])) == "wrong"
    assert str(InvalidSpecError("wrong", diagnostics=[warning, FAULT])).startswith("wrong: /States/A")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({}, "/: m [c]"),
        ({"path": "/a"}, "/a: m [c]"),
        ({"line": 3}, "/ (line 3): m [c]"),
        ({"line": 3, "column": 7}, "/ (line 3, column 7): m [c]"),
    ],
)
def test_a_diagnostic_names_what_is_known_of_its_place(place: dict, said: str) -> None:
    assert str(Diagnostic(severity="error", code="c", message="m", **place)) == said


@given(message=texts, operation=texts, workflow_id=texts, faults=st.lists(diagnostics, max_size=3), cause=texts)
def test_whatever_is_in_it_an_error_is_one_line_and_survives_pickling(
    message: str, operation: str, workflow_id: str, faults: list[Diagnostic], cause: str
) -> None:
    error = InvalidSpecError(message, operation=operation, workflow_id=workflow_id, diagnostics=faults)
    error.__cause__ = OSError(cause)
    assert len(str(error).splitlines()) <= 1
    assert all(len(str(fault).splitlines()) <= 1 for fault in faults)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.diagnostics == tuple(faults)


def test_a_cause_of_many_lines_is_told_once() -> None:
    cause = ValueError("Parameter validation failed:\nno name")
    error = InvalidSpecError(diagnostics=[Diagnostic("error", "REFUSED", f"AWS does not take this: {cause}")])
    error.__cause__ = cause
    assert str(error).count("no name") == 1
