"""Names and ARNs. Any id has a name that AWS takes, the same every time, and no two ids have the same."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

TAG = "enginehouse:workflow-id"
"""The tag, and the beginning of those after it, that hold a workflow's id where the machine's name does not."""

MADE = {"key": "enginehouse:made-by", "value": "create_workflow"}
"""The tag of activities that came with a workflow, and may go with it. AWS sets it on no activity that is there already."""

_LEGAL = re.compile(r"[0-9A-Za-z_-]{1,80}", re.ASCII)
_HASHED = re.compile(r".+--[0-9a-f]{20}", re.ASCII)
_ILLEGAL = re.compile(r"[^0-9A-Za-z_-]+", re.ASCII)
_TAG_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _./+-@:")
_TAG_LENGTH = 256
_LONGEST_TAGGED = 30 * _TAG_LENGTH
_LONGEST_ARN = 256


def legal_name(id: str) -> str:
    """The name of a state machine, an execution or an activity for this id: the id itself where AWS takes it for all of
    them, else a part that can be read and a hash."""
    if _LEGAL.fullmatch(id) and not is_hashed(id):
        return id
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:20]
    return f"{legal_part(id)[:58] or 'x'}--{digest}"


def legal_part(text: str) -> str:
    """What of a text can stand in a name."""
    return _ILLEGAL.sub("-", text)


def is_hashed(name: str) -> bool:
    """Whether the name is one that ``legal_name`` made, so that only the tags tell the id."""
    return _HASHED.fullmatch(name) is not None


def id_tags(id: str) -> dict[str, str]:
    """The tags that keep an id whose name does not; what a tag's value cannot hold is written ``=XX``."""
    if legal_name(id) == id:
        return {}
    data = id.encode("utf-8", "surrogatepass")
    text = "".join(chr(byte) if byte in _TAG_SAFE else f"={byte:02X}" for byte in data)[:_LONGEST_TAGGED]
    parts = [text[at : at + _TAG_LENGTH] for at in range(0, len(text), _TAG_LENGTH)] or [""]
    return {TAG if number == 0 else f"{TAG}-{number + 1}": part for number, part in enumerate(parts)}


def id_of_tags(tags: dict[str, str], name: str) -> str | None:
    """The id that ``id_tags`` wrote; None where there is none, or it is not this name's."""
    if TAG not in tags:
        return None
    number, text = 2, tags[TAG]
    while (part := tags.get(f"{TAG}-{number}")) is not None:
        number, text = number + 1, text + part
    try:
        raw = re.sub(rb"=([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())
        id = raw.decode("utf-8", "surrogatepass")
    except (ValueError, UnicodeError):
        return None
    return id if legal_name(id) == name else None


class Arns(NamedTuple):
    """The ARNs of one account in one region."""

    region: str
    account: str
    partition: str = "aws"

    def machine(self, workflow_id: str) -> str:
        """The ARN of a workflow's machine; an ARN is itself."""
        return workflow_id if is_machine(workflow_id) else self._of("stateMachine", legal_name(workflow_id))

    def activity(self, name: str) -> str:
        return self._of("activity", name)

    def execution(self, machine: str, name: str) -> str:
        return self._of("execution", f"{machine}:{name}")

    def _of(self, kind: str, rest: str) -> str:
        return f"arn:{self.partition}:states:{self.region}:{self.account}:{kind}:{rest}"


def is_machine(text: str) -> bool:
    return text.startswith("arn:") and ":stateMachine:" in text and len(text) <= _LONGEST_ARN


def is_execution(text: str) -> bool:
    """Whether AWS would take this as the ARN of an execution."""
    parts = text.split(":")
    is_one = len(parts) >= 8 and parts[0] == "arn" and parts[2] == "states" and parts[5] == "execution"
    return is_one and len(text) <= _LONGEST_ARN


def machine_of(execution: str) -> str:
    """The ARN of the machine that an execution is of, also for the child of a Map run."""
    parts = execution.split(":")
    return ":".join([*parts[:5], "stateMachine", parts[6].partition("/")[0]])


def name_of(arn: str) -> str:
    """The machine's name in its ARN, without a version or an alias."""
    return arn.split(":")[6]


_PARTITIONS = {
    "cn": "aws-cn",
    "eu-isoe": "aws-iso-e",
    "eusc": "aws-eusc",
    "us-gov": "aws-us-gov",
    "us-iso": "aws-iso",
    "us-isob": "aws-iso-b",
    "us-isof": "aws-iso-f",
}


def partition_of(region: str) -> str:
    """As botocore has it, which takes longer to import than most who ask have time."""
    parts = region.split("-")
    return _PARTITIONS.get("-".join(parts[:2])) or _PARTITIONS.get(parts[0], "aws")
