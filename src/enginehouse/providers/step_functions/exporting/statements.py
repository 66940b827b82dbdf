"""The statements of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from enginehouse.providers.step_functions.exporting.arns import anywhere


@dataclass(frozen=True, slots=True)
class Statement:
    """What is allowed, on which resources; ``condition`` as IAM writes it."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Any] = field(default_factory=dict, hash=False)


def allow(actions: str, *resources: str, condition: Mapping[str, Any] | None = None) -> Statement:
    """``allow("sqs:SendMessage", arn)``; several actions of one service are separated by blanks."""
    service, _, names = actions.partition(":")
    return Statement(
        tuple(f"{service}:{name}" for name in sorted(names.split())), tuple(sorted(set(resources))), condition or {}
    )


def passing(services: str | tuple[str, ...], *roles: str) -> Statement:
    """Roles that are handed to services, named as in ``ecs-tasks.amazonaws.com``, and to no others."""
    names = [f"{name}.amazonaws.com" for name in ((services,) if isinstance(services, str) else services)]
    told = {"StringEquals": {"iam:PassedToService": names[0] if len(names) == 1 else names}}
    return allow("iam:PassRole", *roles, condition=told)


def ruling(rule: str) -> Statement:
    """The EventBridge rule by which AWS hears of the end of jobs."""
    return allow("events:DescribeRule PutRule PutTargets", anywhere("events", f"rule/{rule}"))


def merged(statements: list[Statement]) -> list[Statement]:
    """The same actions under the same condition are one statement."""
    grouped: dict[tuple[tuple[str, ...], str], Statement] = {}
    for item in statements:
        key = item.actions, repr(item.condition)
        known = grouped.get(key)
        resources = {*item.resources, *(known.resources if known else ())}
        grouped[key] = Statement(item.actions, tuple(sorted(resources)), item.condition)
    return sorted(grouped.values(), key=lambda item: (item.actions, item.resources))
