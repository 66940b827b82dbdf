"""Names: of executions, and of them and their workflows as a definition sees them. The same on every engine of ours."""

from __future__ import annotations

from typing import NamedTuple


class Names(NamedTuple):
    """How ids look to a definition: as they are, or as ARNs below ``prefix`` (``arn:aws:states:us-east-1:111111111111``)."""

    prefix: str = ""
    role: str = ""

    def execution(self, execution_id: str) -> str:
        return f"{self.prefix}:execution:{execution_id}" if self.prefix else execution_id

    def workflow(self, workflow_id: str) -> str:
        return f"{self.prefix}:stateMachine:{workflow_id}" if self.prefix else workflow_id

    def express(self, workflow_id: str, name: str) -> str:
        """Of an EXPRESS execution, whose name ends in an id of its own: AWS lets names come again."""
        return f"{self.prefix}:express:{workflow_id}:{name}"

    def region(self) -> str:
        parts = self.prefix.split(":")
        return parts[3] if len(parts) > 3 else "local"

    def account(self) -> str:
        parts = self.prefix.split(":")
        return parts[4] if len(parts) > 4 else "000000000000"


def execution_id(workflow_id: str, name: str) -> str:
    """``workflow:name``. A colon in the name is escaped, so that no two pairs give one id, and a slash, so that none gives
    that of a Map's child."""
    return f"{workflow_id}:{name.replace('%', '%25').replace(':', '%3A').replace('/', '%2F')}"


def workflow_of(arn: str) -> str:
    """The workflow id in a state machine's ARN; a plain id is itself."""
    return arn.split(":stateMachine:", 1)[1] if ":stateMachine:" in arn else arn


def execution_of(arn: str) -> str:
    """The execution id in an execution's ARN; a plain id is itself."""
    return arn.split(":execution:", 1)[1] if arn.startswith("arn:") and ":execution:" in arn else arn
