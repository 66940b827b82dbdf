"""What a stack has, before it is written in anybody's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import msgspec

from enginehouse.models import WorkflowSpec
from enginehouse.providers.step_functions.definitions import make
from enginehouse.providers.step_functions.exporting.arns import ACCOUNT, PARTITION, REGION, anywhere
from enginehouse.providers.step_functions.exporting.permissions import DELIVERY, TRACING, needed, untold
from enginehouse.providers.step_functions.exporting.statements import Statement, allow, merged
from enginehouse.providers.step_functions.names import Arns, partition_of
from enginehouse.providers.step_functions.settings import Settings

Logs: TypeAlias = Literal["ALL", "ERROR", "FATAL", "OFF"]

_NOT_IN_IAM = re.compile(r"[^\t\n\r\x20-\x7e\xa1-\xff]")

POLICY_LIMIT = 10_240
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

# Stands for wherever the stack is deployed; it is replaced by references.
_NOWHERE = Arns("us-east-1", "000000000000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """``definition`` mentions the stack's own activities and queues as ``${Key}``; ``activities`` and ``queues`` are their
    names by key. ``untold`` are resources of the definition whose permissions are not known, so that the role lacks them;
    ``encryption`` is as ``CreateStateMachine`` has it."""

    name: str
    workflow_id: str
    type: str
    definition: Mapping[str, Any]
    activities: Mapping[str, str]
    queues: Mapping[str, str]
    statements: list[Statement]
    logs: Logs = "OFF"
    tracing: bool = False
    encryption: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)

    @property
    def role_description(self) -> str:
        """In letters that IAM takes."""
        return _NOT_IN_IAM.sub("?", f"What the workflow {self.workflow_id} needs")[:1000]

    @property
    def policy_size(self) -> int:
        """Characters of the role's policy, as IAM counts them; it takes ``POLICY_LIMIT``."""
        statements = [
            {"Effect": "Allow", "Action": item.actions, "Resource": item.resources, "Condition": item.condition}
            for item in self.statements
        ]
        text = msgspec.json.encode({"Version": "2012-10-17", "Statement": statements}).decode()
        for mark, place in ((PARTITION, "aws"), (REGION, "eu-central-1"), (ACCOUNT, "123456789012")):
            text = text.replace(mark, place)
        return len(text.replace(',"Condition":{}', ""))

    @property
    def log_group(self) -> str:
        return f"/aws/vendedlogs/states/{self.name}"


def stack_of(spec: WorkflowSpec, settings: Settings, *, logs: Logs = "ERROR", tracing: bool = False) -> Stack:
    """What create would make of the spec, with a role of its own. Raises as ``make`` does, and ``UnknownNameError``."""
    place = _NOWHERE._replace(partition=partition_of(settings.region or ""))
    placeless = replace(settings, role=f"arn:{place.partition}:iam::{place.account}:role/own", region=None, account="")
    config = {key: value for key, value in spec.provider_config.items() if key != "roleArn"}
    made = make(replace(spec, provider_config=config), placeless, place)
    activities = keyed("Activity", {arn: task for task, arn in made.activities.items()})
    queues = keyed("Queue", {url: _name(url) for url in made.queues.values()})
    places = {place: f"${{{key}}}" for key, place in [*activities.items(), *queues.items()]}
    document = msgspec.json.decode(made.text)
    statements = [*needed(document, made.name), *_for_settings(made.settings, logs, tracing)]
    return Stack(
        name=made.name,
        workflow_id=spec.workflow_id,
        type=made.type,
        definition=_placed(document, places),
        activities={key: arn.rpartition(":")[2] for key, arn in activities.items()},
        queues={key: _name(url) for key, url in queues.items()},
        statements=merged([_anywhere(item, made.queues) for item in statements]),
        logs=logs,
        tracing=tracing or bool(made.settings.get("tracingConfiguration", {}).get("enabled")),
        encryption=made.settings.get("encryptionConfiguration", {}),
        tags=made.tags,
        untold=untold(document),
    )


def _for_settings(settings: Mapping[str, Any], logs: Logs, tracing: bool) -> list[Statement]:
    found = []
    if tracing or settings.get("tracingConfiguration", {}).get("enabled"):
        found.append(allow(f"xray:{' '.join(TRACING)}", "*"))
    if logs != "OFF":
        found.append(allow(f"logs:{' '.join(DELIVERY)}", "*"))
    key = settings.get("encryptionConfiguration", {}).get("kmsKeyId")
    if key:
        found.append(_encrypting(str(key)))
    return found


def _encrypting(key: str) -> Statement:
    """A key is named by its ARN or its id; with an alias IAM looks at the key behind it, which is not known."""
    actions = "kms:Decrypt GenerateDataKey"
    alias = key if key.startswith("alias/") else key.partition(":alias/")[2]
    if alias:
        name = f"alias/{alias.removeprefix('alias/')}"
        return allow(
            actions, anywhere("kms", "key/*"), condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": name}}
        )
    return allow(actions, key if key.startswith("arn:") else anywhere("kms", f"key/{key}"))


def keyed(kind: str, names: Mapping[str, str]) -> dict[str, str]:
    """Each place by a logical id that tells its name: letters and digits, and no two alike."""
    found: dict[str, str] = {}
    for place, name in names.items():
        words = re.findall(r"[A-Za-z0-9]+", name)
        base = kind + "".join(word[:1].upper() + word[1:].lower() for word in words)
        number, key = 1, base
        while key in found:
            number, key = number + 1, f"{base}{number + 1}"
        found[key] = place
    return found


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _placed(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _placed(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, places) for item in value]
    return places.get(value, value) if isinstance(value, str) else value


def _anywhere(statement: Statement, queues: Mapping[str, str]) -> Statement:
    """The stack's own queues are where it is deployed."""
    names = {_name(url) for url in queues.values()}

    def moved(arn: str) -> str:
        name = arn.rpartition(":")[2]
        return f"arn:{PARTITION}:sqs:{REGION}:{ACCOUNT}:{name}" if ":sqs:" in arn and name in names else arn

    return replace(statement, resources=tuple(moved(arn) for arn in statement.resources))
