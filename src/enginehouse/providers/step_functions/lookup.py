"""What AWS knows of a state machine. What was made a moment ago may not be seen yet."""

from __future__ import annotations

import asyncio
from typing import Any

from botocore.exceptions import ClientError

from enginehouse.providers.step_functions.faults import code_of
from enginehouse.providers.step_functions.session import Session

_SETTLING = 5.0
_FIRST_PAUSE = 0.1


async def described(session: Session, arn: str) -> Any:
    """The machine, which was made a moment ago."""
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + _SETTLING, _FIRST_PAUSE
    while True:
        try:
            return await session.ask("describe_state_machine", stateMachineArn=arn)
        except ClientError as error:
            if code_of(error) != "StateMachineDoesNotExist" or loop.time() + pause > end:
                raise
        await asyncio.sleep(pause)
        pause *= 2


async def described_or_none(session: Session, arn: str) -> Any:
    """The machine, or None where there is none."""
    try:
        return await session.ask("describe_state_machine", stateMachineArn=arn)
    except ClientError as error:
        if code_of(error) in ("StateMachineDoesNotExist", "InvalidArn"):
            return None
        raise


async def runs(session: Session, arn: str) -> bool:
    """Whether executions of the machine run, as far as AWS keeps them."""
    for status in ("RUNNING", "PENDING_REDRIVE"):
        try:
            answer = await session.ask("list_executions", stateMachineArn=arn, statusFilter=status, maxResults=1)
        except ClientError as error:
            if code_of(error) in ("StateMachineTypeNotSupported", "StateMachineDoesNotExist"):
                return False
            if status == "PENDING_REDRIVE":  # only of Map runs' children; older servers do not know the word
                return False
            raise
        if answer["executions"]:
            return True
    return False
