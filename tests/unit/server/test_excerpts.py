"""What AWS tells of a definition by itself: the variables that states refer to."""

from __future__ import annotations

from typing import Any

import pytest

from enginehouse.server.step_functions.excerpts import labelled, variable_references

START = {"Type": "Pass", "Assign": {"a": 1, "b": 2, "total.$": "$.total"}, "Next": "S"}


def machine(state: Any, **more: Any) -> Any:
    return {"StartAt": "Start", "States": {"Start": START, "S": state}, **more}


@pytest.mark.parametrize(
    ("state", "named"),
    [
        ({"Type": "Pass", "Parameters": {"x.$": "$a", "y": "$b"}}, ["a"]),
        ({"Type": "Pass", "Assign": {"c.$": "States.Format('{} $b', $total, $$.Execution.Id, $.a)"}}, ["total"]),
        ({"Type": "Choice", "Choices": [{"Variable": "$b.c[0]", "StringEqualsPath": "$a", "Next": "S"}]}, ["a", "b"]),
        ({"Type": "Choice", "Choices": [{"Not": {"Variable": "$a", "IsNull": True}, "Next": "S"}]}, ["a"]),
        ({"Type": "Wait", "SecondsPath": "$total"}, ["total"]),
        ({"Type": "Fail", "CausePath": "$a", "ErrorPath": "$b"}, ["a", "b"]),
        ({"Type": "Task", "Resource": "task:x", "Catch": [{"ErrorEquals": ["E"], "Assign": {"c.$": "$b"}}]}, ["b"]),
    ],
)
def test_states_are_told_with_the_variables_that_they_refer_to(state: Any, named: list[str]) -> None:
    assert variable_references(machine(state)) == {"S": named}


def test_an_expression_is_told_with_its_variables_alone() -> None:
    text = "{% $sum($states.input.x[price > $a]) & ' $b' & ($own := 3; $own * $count($total)) %}"
    state = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"list": ["$b", text]}, "End": True}
    assert variable_references(machine(state)) == {"S": ["a", "total"]}


def test_states_without_variables_are_not_told_of() -> None:
    assert variable_references(machine({"Type": "Pass", "Parameters": {"x.$": "$.a", "y.$": "$$.State.Name"}})) == {}


def test_states_within_others_are_told_by_their_own_names() -> None:
    inner = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Parameters": {"x.$": "$b"}, "End": True}}}
    processor = {**inner, "ProcessorConfig": {"Mode": "INLINE"}}
    assert variable_references(machine({"Type": "Map", "ItemsPath": "$a", "ItemProcessor": processor})) == {
        "S": ["a"],
        "In": ["b"],
    }
    assert variable_references(machine({"Type": "Parallel", "Branches": [inner]})) == {"In": ["b"]}


def test_a_distributed_map_is_found_by_its_label_or_its_name_without_blanks() -> None:
    inner = {"StartAt": "In", "States": {"In": {"Type": "Succeed"}}}
    state = {"Type": "Map", "ItemProcessor": {**inner, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}}
    assert labelled({"States": {"Many Items": state}}, "ManyItems") == state
    assert labelled({"States": {"Many Items": {**state, "Label": "L"}}}, "ManyItems") is None
    inline = {"Type": "Map", "ItemProcessor": inner}
    assert labelled({"States": {"ManyItems": inline}}, "ManyItems") is None
