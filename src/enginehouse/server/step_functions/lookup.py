"""From ARNs to state machines and executions."""

from __future__ import annotations

from enginehouse.providers.local.queries import ExecutionRow
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import Target, parse
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.records import Machine


def absent(arn: str) -> ApiError:
    return ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def deleting(arn: str) -> ApiError:
    return ApiError("StateMachineDeleting", f"State Machine is deleting: '{arn}'")


def unlabelled(api: Api, arn: str) -> Target:
    """What the ARN means. Raises ``InvalidArn``, and ``ValidationException`` for that of a distributed Map's own."""
    target = parse(api.arns, arn, "stateMachine")
    if "/" in target.name:
        raise ApiError(
            "ValidationException",
            f"This operation takes no ARN of a Map state: '{arn}'",
            reason="API_DOES_NOT_SUPPORT_LABELED_ARNS",
        )
    return target


def machine_of(api: Api, arn: str) -> Machine:
    """The machine itself; the ARN of a version or an alias is none. Raises ``InvalidArn``, ``StateMachineDoesNotExist``."""
    target = unlabelled(api, arn)
    machine = api.catalogue.machines.get(target.rest) if target.ours else None
    if machine is None:
        raise absent(arn)
    return machine


def living(api: Api, arn: str) -> Machine:
    """As ``machine_of``; raises ``StateMachineDeleting`` too."""
    machine = machine_of(api, arn)
    if machine.deleting:
        raise deleting(arn)
    return machine


async def execution_of(api: Api, arn: str) -> ExecutionRow:
    """The execution. Raises ``InvalidArn``, ``ExecutionDoesNotExist``."""
    target = parse(api.arns, arn, "execution")
    if not target.ours:
        raise _no_execution(arn)
    return await found(api, target.rest, arn)


async def found(api: Api, id: str, arn: str) -> ExecutionRow:
    """The execution of this id. Raises ``ExecutionDoesNotExist``."""
    row = await api.engine.execution(id) if id.isprintable() else None
    if row is None:
        raise _no_execution(arn)
    return row


def _no_execution(arn: str) -> ApiError:
    return ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
