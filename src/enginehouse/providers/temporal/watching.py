"""An execution's events as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator

from enginehouse.mapping import event_of
from enginehouse.models import ExecutionEvent
from enginehouse.providers.temporal import reading
from enginehouse.providers.temporal.replay import Replay
from enginehouse.providers.temporal.session import Session


async def watch(session: Session, execution_id: str, after: int) -> AsyncIterator[ExecutionEvent]:
    """The events with ids above ``after``; ends with the execution. Raises ``ExecutionNotFoundError``."""
    description = await reading.described(session, execution_id)
    if reading.is_native(description):
        from enginehouse.providers.temporal import native

        async for item in native.watch(session, description, after):
            yield item
        return
    begun = await reading.first(session, execution_id, description.run_id, native=False)
    replay = Replay(session.client.data_converter, execution_id)
    async for events in reading.told(session, description, begun, replay, follow=True):
        for happened in events:
            if happened.id > after:
                yield event_of(happened)
