"""The ids of executions that Temporal names: what is triggered by hand in its own tools has the time behind the name."""

from __future__ import annotations

import re

TRIGGERED = "triggered"
_TIME = re.compile(rf":{TRIGGERED}-\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")  # a name of ours has no colon


def workflow_id_of(execution_id: str) -> str:
    """The workflow in ``workflow:name``."""
    triggered = _TIME.search(execution_id)
    end = triggered.start() if triggered is not None else execution_id.rfind(":")
    return execution_id[:end] if end > 0 else execution_id
