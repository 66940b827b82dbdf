"""Parts of a definition that AWS tells of: its Map states, and the variables that its states refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|/\*.*?\*/""", re.DOTALL)
_VARIABLE = re.compile(r"(?<![\w$])\$([^\W\d]\w*)")
_MACHINES = ("ItemProcessor", "Iterator", "Branches")


class Part(NamedTuple):
    """A state of a definition, however deep, and whether its language is JSONata."""

    name: str
    state: dict[str, Any]
    jsonata: bool


def states_of(machine: Any, jsonata: bool = False) -> Iterator[Part]:
    """All states of a valid definition, those of machines within others too."""
    jsonata = machine.get("QueryLanguage", "JSONata" if jsonata else "JSONPath") == "JSONata"
    for name, state in machine.get("States", {}).items():
        part = Part(name, state, state.get("QueryLanguage", "JSONata" if jsonata else "JSONPath") == "JSONata")
        yield part
        for inner in (state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", ())):
            if inner is not None:
                yield from states_of(inner, jsonata)


def labelled(machine: Any, label: str) -> dict[str, Any] | None:
    """The distributed Map of this label; what has none of its own is known by its name without blanks."""
    for name, state, _ in states_of(machine):
        mode = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode")
        if mode == "DISTRIBUTED" and state.get("Label", name.replace(" ", "")) == label:
            return state
    return None


def variable_references(machine: Any) -> dict[str, list[str]]:
    """The names of the variables that each state refers to; a state without any is not there."""
    parts = list(states_of(machine))
    assigned = {name for part in parts for name in _assigned(part)}
    found = {}
    for part in parts:
        named = {name for text in _expressions(part) for name in _VARIABLE.findall(_QUOTED.sub(" ", text))}
        if known := named & assigned:  # the rest are functions, and what an expression binds itself
            found[part.name] = sorted(known)
    return found


def _assigned(part: Part) -> Iterator[str]:
    for holder in (part.state, *part.state.get("Choices", ()), *part.state.get("Catch", ())):
        for key in holder.get("Assign", {}):
            yield key if part.jsonata else key.removesuffix(".$")


def _expressions(part: Part) -> Iterator[str]:
    """Everything in the state itself that is evaluated."""
    work: list[tuple[str, Any]] = [item for item in part.state.items() if item[0] not in _MACHINES]
    while work:
        key, value = work.pop()
        if isinstance(value, dict):
            work.extend(value.items())
        elif isinstance(value, list):
            work.extend((key, item) for item in value)
        elif isinstance(value, str) and _is_evaluated(key, value, part.jsonata):
            yield value


def _is_evaluated(key: str, value: str, jsonata: bool) -> bool:
    if jsonata:
        return value.startswith("{%")
    return key.endswith((".$", "Path")) or key == "Variable"
