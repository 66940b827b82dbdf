"""Which workflows keep their executions. AWS starts an EXPRESS one as well, and then nobody can ask how it went."""

from __future__ import annotations

import asyncio

from botocore.exceptions import ClientError

from enginehouse.errors import CapabilityError
from enginehouse.providers.step_functions.faults import code_of
from enginehouse.providers.step_functions.session import Session

_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


class Kinds:
    """What a session has learnt of them: each workflow is asked for once, by the first of those that start it."""

    def __init__(self) -> None:
        self._standard: dict[str, asyncio.Future[bool]] = {}

    def knows(self, workflow_id: str) -> bool:
        """Whether the workflow is known to keep its executions."""
        known = self._standard.get(workflow_id)
        return known is not None and known.done()

    async def refuse_express(self, session: Session, workflow_id: str) -> None:
        """Raises ``CapabilityError`` for an EXPRESS workflow. One that is not there, and one that may not be looked at, is left to
        the start itself."""
        known = self._standard.get(workflow_id)
        if known is None:
            await self._learn(session, workflow_id)
        elif not await asyncio.shield(known):
            # Where the other call failed, each asks for itself: one after the other would take long.
            await _is_settled(session, workflow_id)

    async def _learn(self, session: Session, workflow_id: str) -> None:
        answer = self._standard[workflow_id] = asyncio.get_running_loop().create_future()
        found = False
        try:
            found = await _is_settled(session, workflow_id)
        finally:
            if not found:
                self._standard.pop(workflow_id, None)
            answer.set_result(found)

    def forget(self, workflow_id: str) -> None:
        """What is made anew under this id may be of the other kind."""
        self._standard.pop(workflow_id, None)


async def _is_settled(session: Session, workflow_id: str) -> bool:
    """Whether it need not be asked for again. Raises ``CapabilityError`` for an EXPRESS workflow."""
    arn = (await session.arns()).machine(workflow_id)
    try:
        there = await session.ask("describe_state_machine", stateMachineArn=arn)
    except ClientError as error:
        return code_of(error) in _DENIED  # and will be, each time
    if there.get("type") == "EXPRESS":
        raise CapabilityError(
            "it is EXPRESS, and AWS keeps no status of such an execution; await run_synchronously, or delete it and make it STANDARD"
        )
    return True
