"""Any id has one name that AWS takes, and leads back to the id."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.providers.step_functions.names import (
    Arns,
    id_of_tags,
    id_tags,
    is_execution,
    is_hashed,
    legal_name,
    machine_of,
)

ids = st.one_of(
    st.text(max_size=300),
    st.from_regex(r"[0-9A-Za-z_-]{1,80}", fullmatch=True),
    st.from_regex(r"[a-z]{1,5}--[0-9a-f]{20}", fullmatch=True),
)


@given(ids)
def test_a_name_is_legal_stable_and_leads_back(id: str) -> None:
    name = legal_name(id)
    assert re.fullmatch(r"[0-9A-Za-z_-]{1,80}", name)
    assert name == legal_name(id)
    tags = id_tags(id)
    assert (id_of_tags(tags, name) if is_hashed(name) else name) == id
    assert all(len(value) <= 256 and re.fullmatch(r"[\w .:/=+@-]*", value, re.ASCII) for value in tags.values())


@given(st.lists(ids, unique=True, min_size=2, max_size=20))
def test_no_two_ids_share_a_name(given: list[str]) -> None:
    assert len({legal_name(id) for id in given}) == len(given)


@given(ids)
def test_a_name_of_ours_taken_for_an_id_gets_another_name(id: str) -> None:
    name = legal_name(id)
    assert name == id or legal_name(name) != name


def test_tags_of_another_workflow_tell_nothing() -> None:
    assert id_of_tags(id_tags("a b"), legal_name("c d")) is None
    assert id_of_tags({}, legal_name("a b")) is None


def test_arns() -> None:
    arns = Arns("eu-west-1", "123456789012")
    machine = arns.machine("flow")
    assert machine == "arn:aws:states:eu-west-1:123456789012:stateMachine:flow"
    assert arns.machine(machine) == machine
    assert machine_of(arns.execution("flow", "one")) == machine
    assert machine_of("arn:aws:states:eu-west-1:123456789012:execution:flow/Each:uuid") == machine


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "arn:aws:states:r:a:stateMachine:m",
        "arn:aws:states:r:a:execution:m",
        f"arn:aws:states:r:a:execution:m:{'x' * 230}",
    ],
)
def test_what_is_no_execution(text: str) -> None:
    assert not is_execution(text)
