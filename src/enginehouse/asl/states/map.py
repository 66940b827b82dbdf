"""The Map state, inline: what it iterates over, and its iterations."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from enginehouse.asl.dataflow import complete
from enginehouse.asl.faults import StateFault
from enginehouse.asl.state import Fork, Frame
from enginehouse.asl.states.base import ForkState, fork_of
from enginehouse.asl.states.distributed import DistributedMapState
from enginehouse.asl.states.items import Items, compile_items
from enginehouse.asl.states.map_fields import compile_batcher, compile_reader, compile_writer
from enginehouse.asl.states.parallel import abort_children, joined, new_child

if TYPE_CHECKING:
    from enginehouse.asl.machine import Machine, Turn
    from enginehouse.asl.source import Source


class MapState(ForkState, frozen=True, kw_only=True):
    """Runs its processor once for each item, inside this execution."""

    type: ClassVar[str] = "Map"
    entered: ClassVar[str] = "MapStateEntered"
    exited: ClassVar[str] = "MapStateExited"
    failed: ClassVar[str] = "MapStateFailed"

    items: Items
    next: str | None
    processor: Machine

    def run(self, turn: Turn, frame: Frame) -> str | None:
        turn.drop_children(frame)
        frame.retrying = False
        items = self.items.read(turn, frame, objects=False)
        limit = self.items.in_flight(self.items.limit(turn, frame))
        turn.follow(frame, "MapStateStarted", {"length": len(items)})
        frame.fork = Fork(size=len(items), texts=[None] * len(items), limit=limit, chain=frame.last, items=items)
        if not items:
            return self._succeed(turn, frame, frame.fork)
        self._start(turn, frame, frame.fork)
        return None

    def _start(self, turn: Turn, frame: Frame, fork: Fork) -> None:
        """Start as many iterations as may run."""
        room = turn.room()
        while fork.running < fork.limit and fork.next < fork.size and (room > 0 or not fork.running):
            index = fork.next
            item = fork.items[index]
            try:
                given = self.items.input_of(turn, frame, index, item)
                text = turn.text(given, frame)
            except StateFault:
                abort_children(turn, frame)
                raise
            room = 0 if turn.spent else room - len(text)
            fork.next += 1
            fork.running += 1
            child = new_child(turn, frame, self.processor, index, given, text)
            child.mapped, child.item, child.item_index = True, item, index
            child.last = turn.emit(fork.chain, "MapIterationStarted", {"name": self.name, "index": index})
            turn.push(child)

    def child_succeeded(self, turn: Turn, frame: Frame, child: Frame, text: str) -> str | None:
        fork = fork_of(frame)
        turn.state.frames.pop(child.id, None)
        fork.texts[child.index] = text
        fork.done += 1
        fork.running -= 1
        fork.chain = child.last
        event = turn.emit(child.last, "MapIterationSucceeded", {"name": self.name, "index": child.index})
        if fork.done == fork.size:
            frame.last = event
            return self._succeed(turn, frame, fork)
        self._start(turn, frame, fork)
        return None

    def child_failed(self, turn: Turn, frame: Frame, child: Frame, fault: StateFault) -> str | None:
        turn.emit(child.last, "MapIterationFailed", {"name": self.name, "index": child.index})
        frame.last = child.last
        for other in abort_children(turn, frame):
            turn.emit(other.last, "MapIterationAborted", {"name": self.name, "index": other.index})
        raise StateFault(fault.error, fault.cause, located=False)

    def _succeed(self, turn: Turn, frame: Frame, fork: Fork) -> str | None:
        result, text = joined(turn, frame, fork)
        turn.emit(frame.last, "MapStateSucceeded", {})
        output, text, assigned = complete(self.items.flow, turn, frame, result, text)
        return turn.leave(frame, self, output, text, self.next, assigned)

    def redriven(self, turn: Turn, frame: Frame) -> str | None:
        """Go on with the iterations that never started; those that had are woken by the turn. Where none is left it was the
        state's own output that failed, and is made again."""
        fork = fork_of(frame)
        if fork.done == fork.size:
            return self._succeed(turn, frame, fork)
        self._start(turn, frame, fork)
        return None


def compile_map(source: Source) -> MapState | DistributedMapState:
    definition = source.definition
    field = "ItemProcessor" if "ItemProcessor" in definition else "Iterator"
    processor = definition[field]
    config = processor.get("ProcessorConfig", {})
    distributed = config.get("Mode") == "DISTRIBUTED"
    items = compile_items(source, *(["object"] if distributed else []))
    machine = source.machine(processor, field)
    if not distributed:
        return MapState(
            name=source.name,
            items=items,
            next=definition.get("Next"),
            processor=machine,
            retriers=source.retriers(),
            catchers=source.catchers(),
        )
    return DistributedMapState(
        name=source.name,
        items=items,
        next=definition.get("Next"),
        processor=machine,
        label=definition.get("Label", ""),
        execution_type=config.get("ExecutionType", "STANDARD"),
        reader=compile_reader(source),
        batcher=compile_batcher(source),
        writer=compile_writer(source),
        tolerated_count=source.value("ToleratedFailureCount", "number"),
        tolerated_percentage=source.value("ToleratedFailurePercentage", "number"),
        count_path=definition.get("ToleratedFailureCountPath", ""),
        percentage_path=definition.get("ToleratedFailurePercentagePath", ""),
        retriers=source.retriers(),
        catchers=source.catchers(),
    )
