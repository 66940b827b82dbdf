"""The ARNs of what a definition names; what it does not name is all of its kind in the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

PARTITION, REGION, ACCOUNT = "<partition>", "<region>", "<account>"
"""Stand in ARNs for what is known where the stack is deployed."""

_EXPRESSION = "{%"


def given_to(state: Mapping[str, Any]) -> Mapping[str, Any]:
    given = state.get("Arguments", state.get("Parameters"))
    return given if isinstance(given, Mapping) else {}


def static(given: Mapping[str, Any], name: str) -> str:
    """A field's text where the definition has it; "" where it is known when an execution runs."""
    value = given.get(name)
    return value if isinstance(value, str) and not value.startswith(_EXPRESSION) else ""


def mentions(given: Mapping[str, Any], name: str) -> bool:
    return name in given or f"{name}.$" in given


def anywhere(service: str, rest: str) -> str:
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{rest}"


def named(given: Mapping[str, Any], name: str, service: str, kind: str, *, versioned: bool = False) -> str:
    """The ARN of what a field names, by ARN or by name. ``versioned``: with any version where it gives none, as IAM
    compares the ARN of a version."""
    value = static(given, name)
    arn = value if value.startswith("arn:") else anywhere(service, f"{kind}/{value or '*'}")
    return f"{arn}:*" if versioned and value and ":" not in arn.rpartition("/")[2] else arn


def role(given: Mapping[str, Any], name: str) -> str:
    """The role that a field names, by ARN or by name."""
    value = static(given, name)
    return value if value.startswith("arn:") else f"arn:{PARTITION}:iam::{ACCOUNT}:role/{value or '*'}"


def function(given: Mapping[str, Any]) -> str:
    """A function; a version or an alias where one is called, for IAM compares that."""
    value = whole = static(given, "FunctionName")
    if not value.startswith("arn:"):
        account, _, name = value.rpartition(":function:")
        whole = f"arn:{PARTITION}:lambda:{REGION}:{account or ACCOUNT}:function:{name or '*'}"
    if not value or not mentions(given, "Qualifier"):
        return whole
    return f"{whole}:{static(given, 'Qualifier') or '*'}"


def unqualified(machine: str) -> str:
    """A state machine's ARN without a version or an alias: IAM knows the machine alone.
    https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html"""
    return ":".join(machine.split(":")[:7])


def queue(given: Mapping[str, Any]) -> str:
    url = urlsplit(static(given, "QueueUrl"))
    parts = url.path.strip("/").split("/")
    host = (url.hostname or "").split(".")
    if len(parts) != 2 or not all(parts):
        return anywhere("sqs", "*")
    region = host[1] if len(host) > 2 and host[0] == "sqs" else REGION
    return f"arn:{PARTITION}:sqs:{region}:{parts[0]}:{parts[1]}"


def table(given: Mapping[str, Any]) -> str:
    value = static(given, "TableName")
    return value if value.startswith("arn:") else anywhere("dynamodb", f"table/{value or '*'}")


def bucket(given: Mapping[str, Any]) -> str:
    """A bucket, or an access point, which is named by its ARN."""
    value = static(given, "Bucket")
    return value if value.startswith("arn:") else f"arn:{PARTITION}:s3:::{value or '*'}"


def objects(given: Mapping[str, Any]) -> str:
    """The object that is named, or all of the bucket."""
    return under(given, static(given, "Key") or "*")


def under(given: Mapping[str, Any], key: str) -> str:
    """An object in the bucket, or in what its access point shows; ``key`` may be a pattern."""
    place = bucket(given)
    return f"{place}{'/object' if ':accesspoint/' in place else ''}/{key}"


def buses(given: Mapping[str, Any]) -> list[str]:
    entries = given.get("Entries")
    if not isinstance(entries, list):
        return [anywhere("events", "event-bus/*")]
    found = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            return [anywhere("events", "event-bus/*")]
        bus = static(entry, "EventBusName") or ("*" if mentions(entry, "EventBusName") else "default")
        found.append(bus if bus.startswith("arn:") else anywhere("events", f"event-bus/{bus}"))
    return found
