"""ARNs: of what is here, and what a caller means by one."""

from __future__ import annotations

import re
from typing import NamedTuple

from enginehouse.server.step_functions.errors import ApiError

_FORBIDDEN = re.compile(r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\U0010ffff]""")


class Arns(NamedTuple):
    """Whose resources these are. ``prefix`` is what all their ARNs begin with."""

    region: str = "us-east-1"
    account: str = "123456789012"
    partition: str = "aws"

    @property
    def prefix(self) -> str:
        return f"arn:{self.partition}:states:{self.region}:{self.account}"

    def of(self, resource: str) -> str:
        """``stateMachine:name`` as an ARN."""
        return f"{self.prefix}:{resource}"


class Target(NamedTuple):
    """What an ARN means: its ``kind`` (``stateMachine``) and what stands after it (``name:version``). ``ours`` is false for
    another account or region."""

    kind: str
    rest: str
    ours: bool

    @property
    def name(self) -> str:
        """The machine's, or the activity's, alone."""
        return self.rest.partition(":")[0]

    @property
    def qualifier(self) -> str:
        """The number of a version, or the name of an alias."""
        return self.rest.partition(":")[2]


def parse(arns: Arns, arn: str, *kinds: str) -> Target:
    """What the ARN means. Raises ``InvalidArn`` for what is no ARN of Step Functions, and for one of another kind."""
    parts = arn.split(":", 6)
    if parts[0] != "arn":
        raise invalid(f"Invalid ARN prefix: {arn}")
    if len(parts) < 7 or not parts[6]:
        raise invalid(f"Invalid ARN length: {arn}")
    if parts[5] == "stateMachine" and parts[6].endswith(":"):
        raise invalid(f"Invalid ARN length: {arn}")
    if parts[2] != "states":
        raise invalid(f"Invalid ARN service: {parts[2]}")
    if parts[5] not in kinds:
        raise invalid(f"Resource type not valid in this context: {parts[5]}")
    return Target(parts[5], parts[6], arn.startswith(arns.prefix + ":"))


def invalid(why: str) -> ApiError:
    return ApiError("InvalidArn", f"Invalid Arn: '{why}'")


def check_role(arn: str) -> None:
    """Raises ``InvalidArn`` for what is no ARN."""
    if not arn.startswith("arn:"):
        raise invalid(f"Invalid ARN prefix: {arn}")


def check_name(name: str) -> None:
    """Raises ``InvalidName`` for a name of a machine, an execution or an activity that AWS does not take."""
    if not 1 <= len(name) <= 80 or _FORBIDDEN.search(name):
        raise ApiError("InvalidName", f"Invalid Name: '{name}'")
