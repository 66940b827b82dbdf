"""A stack as Terraform's configuration, for the provider ``hashicorp/aws``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from enginehouse.providers.step_functions.exporting.arns import ACCOUNT, PARTITION, REGION
from enginehouse.providers.step_functions.exporting.stack import Stack
from enginehouse.providers.step_functions.exporting.statements import Statement

_DATA = {
    PARTITION: "${data.aws_partition.current.partition}",
    REGION: "${data.aws_region.current.region}",
    ACCOUNT: "${data.aws_caller_identity.current.account_id}",
}
_HEAD = """terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}
"""
_RETENTION = 30


class _Expression(str):
    """Written as it stands."""


def terraform(stack: Stack) -> str:
    """The configuration."""
    blocks = [_HEAD]
    for key, name in stack.activities.items():
        blocks.append(_block("resource", "aws_sfn_activity", _label(key), {"name": name}))
    for key, name in stack.queues.items():
        blocks.append(_block("resource", "aws_sqs_queue", _label(key), {"name": name}))
    if stack.logs != "OFF":
        group = {"name": stack.log_group, "retention_in_days": _RETENTION}
        blocks.append(_block("resource", "aws_cloudwatch_log_group", "logs", group))
    blocks += [_role(stack), *_policy(stack), _machine(stack)]
    outputs = {"state_machine_arn": "aws_sfn_state_machine.workflow.arn", "role_arn": "aws_iam_role.workflow.arn"}
    outputs |= {f"{_label(key)}_arn": f"aws_sfn_activity.{_label(key)}.id" for key in stack.activities}
    outputs |= {f"{_label(key)}_url": f"aws_sqs_queue.{_label(key)}.url" for key in stack.queues}
    blocks += [f'output "{name}" {{\n  value = {value}\n}}\n' for name, value in outputs.items()]
    return "\n".join(blocks)


def _label(key: str) -> str:
    return _snake(key)


def _snake(key: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()


def _role(stack: Stack) -> str:
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "states.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": _Expression(_DATA[ACCOUNT][2:-1])}},
    }
    document = {"Version": "2012-10-17", "Statement": [trusted]}
    role = {
        "name_prefix": f"{stack.name[:37]}-",
        "description": stack.role_description,
        "assume_role_policy": _json(document),
    }
    return _block("resource", "aws_iam_role", "workflow", role)


def _policy(stack: Stack) -> list[str]:
    if not stack.statements:
        return []
    document = {"Version": "2012-10-17", "Statement": [_statement(item) for item in stack.statements]}
    policy = {"name": "workflow", "role": _Expression("aws_iam_role.workflow.id"), "policy": _json(document)}
    return [_block("resource", "aws_iam_role_policy", "workflow", policy)]


def _statement(statement: Statement) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": [_arn(item) for item in statement.resources],
    }
    return {**made, "Condition": statement.condition} if statement.condition else made


def _arn(text: str) -> str:
    quoted = _quoted(text)
    for token, reference in _DATA.items():
        quoted = quoted.replace(token, reference)
    return _Expression(quoted)


def _machine(stack: Stack) -> str:
    places = {f"${{{key}}}": f"${{aws_sfn_activity.{_label(key)}.id}}" for key in stack.activities}
    places |= {f"${{{key}}}": f"${{aws_sqs_queue.{_label(key)}.url}}" for key in stack.queues}
    machine: dict[str, Any] = {
        "name": stack.name,
        "type": stack.type,
        "role_arn": _Expression("aws_iam_role.workflow.arn"),
        "definition": _json(stack.definition, places),
    }
    if stack.tags:
        machine["tags"] = stack.tags
    inner: dict[str, Mapping[str, Any]] = {}
    if stack.logs != "OFF":
        inner["logging_configuration"] = {
            "log_destination": _Expression('"${aws_cloudwatch_log_group.logs.arn}:*"'),
            "include_execution_data": stack.logs == "ALL",
            "level": stack.logs,
        }
    if stack.tracing:
        inner["tracing_configuration"] = {"enabled": True}
    if stack.encryption:
        inner["encryption_configuration"] = {_snake(key): value for key, value in stack.encryption.items()}
    waits = {"depends_on": [_Expression("aws_iam_role_policy.workflow")]} if stack.statements else {}
    return _block("resource", "aws_sfn_state_machine", "workflow", {**machine, **waits}, inner)


def _json(value: Any, places: Mapping[str, str] | None = None) -> str:
    return _Expression(f"jsonencode({_hcl(value, 1, places or {})})")


def _block(
    kind: str, type: str, label: str, body: Mapping[str, Any], inner: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    lines = [f'{kind} "{type}" "{label}" {{']
    lines += [f"  {name} = {_hcl(value, 1, {})}" for name, value in body.items()]
    for name, attributes in (inner or {}).items():
        lines += ["", f"  {name} {{"]
        lines += [f"    {key} = {_hcl(value, 2, {})}" for key, value in attributes.items()]
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _hcl(value: Any, depth: int, places: Mapping[str, str]) -> str:
    inside, outside = "  " * (depth + 1), "  " * depth
    if isinstance(value, _Expression):
        return str(value)
    if isinstance(value, str):
        return f'"{places[value]}"' if value in places else _quoted(value)
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        pairs = [f"{inside}{_quoted(key)} = {_hcl(item, depth + 1, places)}" for key, item in value.items()]
        return "\n".join(["{", *pairs, f"{outside}}}"])
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        return "\n".join(["[", *(f"{inside}{_hcl(item, depth + 1, places)}," for item in value), f"{outside}]"])
    return json.dumps(value)


_JSON_ESCAPE = re.compile(r"\\(.)")
_NOT_HCL = {"b": "\\u0008", "f": "\\u000c"}


def _quoted(text: str) -> str:
    """A text as Terraform reads it: what begins a template there is doubled, and two of JSON's escapes are not known."""
    quoted = _JSON_ESCAPE.sub(lambda found: _NOT_HCL.get(found[1], found[0]), json.dumps(text, ensure_ascii=False))
    return quoted.replace("${", "$${").replace("%{", "%%{")
