"""The Wait state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from enginehouse.asl.commands import StartTimer
from enginehouse.asl.comparison import parse_timestamp
from enginehouse.asl.dataflow import Flow, complete, effective_input
from enginehouse.asl.expressions import Value, as_text
from enginehouse.asl.faults import query_fault, runtime_fault
from enginehouse.asl.jsonata import type_name
from enginehouse.asl.retry import LONGEST_WAIT
from enginehouse.asl.states.base import CompiledState

if TYPE_CHECKING:
    from enginehouse.asl.machine import Turn
    from enginehouse.asl.source import Source
    from enginehouse.asl.state import Frame


class WaitState(CompiledState, frozen=True, kw_only=True):
    """Waits some seconds, or until a time."""

    type: ClassVar[str] = "Wait"
    entered: ClassVar[str] = "WaitStateEntered"
    exited: ClassVar[str] = "WaitStateExited"

    flow: Flow
    next: str | None
    seconds: Value | None
    timestamp: Value | None
    path: str
    """The path of SecondsPath or TimestampPath as written, for messages; empty where the value is given directly."""

    def run(self, turn: Turn, frame: Frame) -> str | None:
        scope = turn.scope(frame, effective_input(self.flow, turn, frame), {"input": frame.input})
        if self.timestamp is not None:
            at = self._time(self.timestamp(scope))
        else:
            at = turn.now + self._seconds(self.seconds(scope) if self.seconds is not None else 0)
        scale = turn.state.context.wait_scale
        if scale != 1.0 and at > turn.now:
            at = turn.now + (at - turn.now) * scale
        turn.commands.append(StartTimer(turn.await_(frame), at))
        return None

    def _seconds(self, value: Any) -> float:
        number = type_name(value) == "number"
        if not number or value != int(value):
            if self.path:
                raise runtime_fault(
                    f"The SecondsPath parameter cannot be parsed as a long value: {self.path} == {as_text(value)}"
                )
            raise query_fault(f"The Seconds field cannot be parsed as a long value: {as_text(value)}", "Seconds")
        if value < 0:
            if self.path:
                raise runtime_fault(
                    f"The SecondsPath parameter references a negative value: {self.path} == {as_text(value)}"
                )
            raise query_fault(f"The Seconds field cannot be negative: {as_text(value)}", "Seconds")
        if value > LONGEST_WAIT:
            text = f"must not be more than {LONGEST_WAIT:.0f}: {as_text(value)}"
            raise (
                runtime_fault(f"The SecondsPath parameter {text}")
                if self.path
                else query_fault(f"The Seconds field {text}", "Seconds")
            )
        return float(value)

    def _time(self, value: Any) -> float:
        moment = parse_timestamp(value)
        if moment is not None:
            seconds, fraction = moment
            return float(f"{seconds}.{fraction}") if fraction and seconds >= 0 else float(seconds)
        if self.path:
            raise runtime_fault(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
                f"{self.path} == {as_text(value)}"
            )
        raise query_fault(
            f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {as_text(value)}",
            "Timestamp",
        )

    def notified(self, turn: Turn, frame: Frame, notification: Any) -> str | None:
        output, text, assigned = complete(self.flow, turn, frame, effective_input(self.flow, turn, frame))
        return turn.leave(frame, self, output, text, self.next, assigned)


def compile_wait(source: Source) -> WaitState:
    definition = source.definition
    return WaitState(
        name=source.name,
        flow=source.flow(arguments=None),
        next=definition.get("Next"),
        seconds=source.value(
            "Seconds", "number", missing="The SecondsPath parameter does not reference an input value"
        ),
        timestamp=source.value(
            "Timestamp", "string", missing="The TimestampPath parameter does not reference an input value"
        ),
        path=definition.get("SecondsPath") or definition.get("TimestampPath") or "",
    )
