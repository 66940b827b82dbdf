"""Services of AWS that tasks ask for: what a caller of them looks like. The one that there is belongs to the server."""

from __future__ import annotations

from typing import Any, Protocol

from enginehouse.asl.commands import ScheduleTask
from enginehouse.tasks.lambda_invoke import LambdaFunction


class ServiceFailure(Exception):  # noqa: N818 -- a value for the workflow's Catch
    """``args`` are the ASL error and the cause."""


class Services(Protocol):
    """Calls services. Its methods block: they are run on threads."""

    def lambda_function(self, name: str) -> LambdaFunction | None:
        """The Lambda function of this name, where one can be reached."""
        ...

    def serves(self, resource: str) -> bool:
        """Whether ``call`` knows where the resource's service is."""
        ...

    def hint(self, resource: str) -> str:
        """What to do so that the resource is served; empty where nothing helps."""
        ...

    def call(self, command: ScheduleTask) -> Any:
        """What the service answers, as the task's result. Raises ``ServiceFailure``."""
        ...
