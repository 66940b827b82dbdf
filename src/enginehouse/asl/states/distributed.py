"""The Map state, distributed: a map run whose items, or batches of them, are executions of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from enginehouse.asl.commands import MapRunLimits, ReadItems, StartChild, WriteResults
from enginehouse.asl.dataflow import complete, effective_input
from enginehouse.asl.expressions import Value, as_text, whole_number
from enginehouse.asl.faults import StateFault, runtime_fault
from enginehouse.asl.jsonata import type_name
from enginehouse.asl.notifications import ChangeMapRun, ChildFinished, TaskFailed, TaskSucceeded
from enginehouse.asl.state import Fork
from enginehouse.asl.states.base import ForkState
from enginehouse.asl.states.map_fields import Batcher, Reader, Writer
from enginehouse.asl.states.parallel import joined

if TYPE_CHECKING:
    from enginehouse.asl.machine import Machine, Turn
    from enginehouse.asl.scope import Scope
    from enginehouse.asl.state import Frame
    from enginehouse.asl.states.items import Items

THRESHOLD = "States.ExceedToleratedFailureThreshold"

_ALL_FAILURES = 2**53  # more than a map run can have; an integer of the input may be larger than any double


class DistributedMapState(ForkState, frozen=True, kw_only=True):
    """Runs its processor as child executions, of which some may fail."""

    type: ClassVar[str] = "Map"
    entered: ClassVar[str] = "MapStateEntered"
    exited: ClassVar[str] = "MapStateExited"
    failed: ClassVar[str] = "MapStateFailed"

    items: Items
    next: str | None
    processor: Machine
    label: str
    execution_type: str
    reader: Reader | None
    batcher: Batcher | None
    writer: Writer | None
    tolerated_count: Value | None
    tolerated_percentage: Value | None
    count_path: str
    percentage_path: str

    def run(self, turn: Turn, frame: Frame) -> str | None:
        turn.drop_children(frame)
        frame.retrying = False
        found: Any = [] if self.reader else self.items.read(turn, frame, objects=True)
        keyed = isinstance(found, dict)
        items = [{"Key": key, "Value": value} for key, value in found.items()] if keyed else found
        concurrency = self.items.limit(turn, frame)
        turn.follow(frame, "MapStateStarted", {"length": len(items)})
        fork = frame.fork = Fork(
            size=0,
            texts=[],
            limit=self.items.in_flight(concurrency),
            concurrency=concurrency,
            run=self._run_arn(turn),
            keyed=keyed,
        )
        try:
            fork.tolerated_count = self._tolerated(turn, frame, self.tolerated_count, "Count", self.count_path)
            fork.tolerated_percentage = self._tolerated(
                turn, frame, self.tolerated_percentage, "Percentage", self.percentage_path
            )
        except StateFault:
            frame.fork = None
            raise
        turn.follow(frame, "MapRunStarted", {"mapRunArn": fork.run})
        if self.reader is None:
            return self._begin(turn, frame, fork, items)
        self._read(turn, frame, fork, self.reader)
        return None

    def notified(self, turn: Turn, frame: Frame, notification: Any) -> str | None:
        fork = frame.fork
        if frame.retrying or fork is None:
            return self.run(turn, frame)
        match notification:
            case ChildFinished():
                try:
                    return self._child_finished(turn, frame, fork, notification)
                except StateFault:
                    turn.stop_children(fork)
                    raise
            case TaskSucceeded(output=output):
                phase, fork.phase = fork.phase, ""
                if phase == "reading":
                    return self._begin(turn, frame, fork, output)
                return self._succeed(turn, frame, output, None)
            case TaskFailed(error=error, cause=cause):
                default = "States.ItemReaderFailed" if fork.phase == "reading" else "States.ResultWriterFailed"
                fork.phase = ""
                self._fail(turn, frame, fork, error or default, cause)
        return None

    # -- what goes in

    def _run_arn(self, turn: Turn) -> str:
        context = turn.state.context
        name = context.state_machine_name or "workflow"
        label = self.label or self.name.replace(" ", "")
        return f"arn:aws:states:{context.region}:{context.account}:mapRun:{name}/{label}:{turn.chance.uuid()}"

    def _tolerated(self, turn: Turn, frame: Frame, value: Value | None, what: str, path: str) -> float | None:
        if value is None:
            return None
        given = value(self._scope(turn, frame))
        whole = what == "Count"
        number: Any = whole_number(given) if whole or isinstance(given, str) else given
        if type_name(number) != "number":
            sort = "integer" if whole else "float"
            raise runtime_fault(
                f'The ToleratedFailure{what}Path field refers to value "{as_text(given)}" which is not a valid {sort}: {path}'
            )
        if whole and number < 0:
            raise runtime_fault("ToleratedFailureCount cannot be negative.")
        if not whole and not 0 <= number <= 100:
            raise runtime_fault("ToleratedFailurePercentage must be between 0 and 100.")
        return float(min(number, _ALL_FAILURES))

    def _scope(self, turn: Turn, frame: Frame) -> Scope:
        return turn.scope(frame, effective_input(self.items.flow, turn, frame), {"input": frame.input})

    def _read(self, turn: Turn, frame: Frame, fork: Fork, reader: Reader) -> None:
        scope = self._scope(turn, frame)
        arguments = {} if reader.arguments is None else reader.arguments.evaluate(scope)
        config = {} if reader.config is None else dict(reader.config.evaluate(scope))
        if reader.most is not None:
            config.pop("MaxItemsPath", None)
            config["MaxItems"] = reader.most(scope)
        fork.phase = "reading"
        if isinstance(arguments, dict) and "Bucket" in arguments:
            fork.source = "/".join(["S3:/", *(str(arguments[part]) for part in ("Bucket", "Key") if part in arguments)])
        turn.commands.append(
            ReadItems(turn.await_(frame), reader.resource, arguments, config=config, pointer=reader.pointer)
        )

    def _begin(self, turn: Turn, frame: Frame, fork: Fork, items: list[Any]) -> str | None:
        if self.batcher is not None:
            items = self._batches(turn, frame, fork, self.batcher, items)
        fork.items = items
        fork.size = len(items)
        fork.texts = [None] * fork.size
        if not items:
            return self._finished(turn, frame, fork)
        self._start(turn, frame, fork)
        return None

    def _batches(self, turn: Turn, frame: Frame, fork: Fork, batcher: Batcher, items: list[Any]) -> list[Any]:
        scope = self._scope(turn, frame)
        most = _limit(batcher.items, scope, "MaxItemsPerBatch", len(items))
        most_bytes = _limit(batcher.bytes, scope, "MaxInputBytesPerBatch", 262_144)
        shared = {} if batcher.input is None else {"BatchInput": batcher.input.evaluate(scope)}
        batches: list[Any] = []
        batch: list[Any] = []
        room = most_bytes
        for index, item in enumerate(items):
            given = self._given(turn, frame, fork, index, item)
            size = len(turn.text(given, frame))
            if batch and (len(batch) >= most or size > room):
                batches.append({**shared, "Items": batch})
                batch, room = [], most_bytes
            batch.append(given)
            room -= size
        if batch:
            batches.append({**shared, "Items": batch})
        return batches

    def _given(self, turn: Turn, frame: Frame, fork: Fork, index: int, item: Any) -> Any:
        more = {"Source": fork.source}
        if fork.keyed:
            more["Key"] = item["Key"]
        return self.items.input_of(turn, frame, index, item, more)

    def _start(self, turn: Turn, frame: Frame, fork: Fork) -> None:
        room = turn.room()
        while fork.running < fork.limit and (fork.pending or fork.next < fork.size) and (room > 0 or not fork.running):
            if fork.pending:
                index, fork.pending = fork.pending[0], fork.pending[1:]
            else:
                index = fork.next
                fork.next += 1
            item = fork.items[index]
            try:
                given = item if self.batcher is not None else self._given(turn, frame, fork, index, item)
                size = len(turn.text(given, frame))
            except StateFault:
                turn.stop_children(fork)
                raise
            child = turn.new_id()
            turn.state.waits[child] = frame.id
            fork.children[child] = index
            room = 0 if turn.spent else room - size
            if turn.state.bounded:
                fork.held[child] = size
            fork.running += 1
            limits = _limits(fork) if index == 0 else None
            processor, total = self.processor.pointer, fork.size
            batch = 1 if self.batcher is None else len(item["Items"])
            kind, before = self.execution_type, self._before(fork, index)
            turn.commands.append(
                StartChild(child, processor, fork.run, index, given, kind, total, batch, limits, before)
            )

    def _before(self, fork: Fork, index: int) -> int:
        """The child that goes on at this place; 0 for none. An EXPRESS one never does: it is started anew."""
        return fork.tried.get(index, 0) if self.execution_type == "STANDARD" else 0

    # -- what comes out

    def _child_finished(self, turn: Turn, frame: Frame, fork: Fork, child: ChildFinished) -> str | None:
        index = fork.children.pop(child.child)
        fork.held.pop(child.child, None)
        fork.running -= 1
        fork.done += 1
        writer = self.writer
        if writer is not None and writer.resource:
            record = self._written(turn, frame, fork, writer, index, child)
            fork.texts[index] = msgspec.json.encode(record).decode()  # goes to a file, so no payload's limit holds
        elif child.status == "SUCCEEDED":
            fork.texts[index] = turn.text(child.output, frame)
        else:
            fork.texts[index] = turn.text({"Error": child.error, "Cause": child.cause}, frame)
        if child.status != "SUCCEEDED":
            fork.tried.setdefault(index, child.child)
            fork.failures = [*fork.failures, index]
            if self.exceeded(fork):
                self._fail(turn, frame, fork, THRESHOLD, "The specified tolerated failure threshold was exceeded")
        if fork.done == fork.size:
            return self._finished(turn, frame, fork)
        self._start(turn, frame, fork)
        return None

    @staticmethod
    def exceeded(fork: Fork) -> bool:
        count, percentage, failed = fork.tolerated_count, fork.tolerated_percentage, len(fork.failures)
        if count is None and percentage is None:
            return failed > 0
        return (count is not None and failed > count) or (
            percentage is not None and failed * 100 > percentage * fork.size
        )

    def _finished(self, turn: Turn, frame: Frame, fork: Fork) -> str | None:
        writer = self.writer
        if writer is not None and writer.resource:
            scope = self._scope(turn, frame)
            arguments = {} if writer.arguments is None else writer.arguments.evaluate(scope)
            fork.phase = "writing"
            results = [msgspec.json.decode(text or "null") for text in fork.texts]
            if writer.config.get("Transformation") == "FLATTEN":
                results = _flat(results)
            turn.commands.append(
                WriteResults(turn.await_(frame), writer.resource, arguments, dict(writer.config), fork.run, results)
            )
            return None
        result, text = joined(turn, frame, fork)
        if writer is not None and writer.config.get("Transformation") == "FLATTEN":
            return self._succeed(turn, frame, _flat(result), None)
        return self._succeed(turn, frame, result, text)

    def _written(self, turn: Turn, frame: Frame, fork: Fork, writer: Writer, index: int, child: ChildFinished) -> Any:
        """What the writer is given of a child: its output, or, unless that alone was asked for and it succeeded, a record of
        the whole execution as AWS writes it. Its dates are not known here."""
        if child.status == "SUCCEEDED" and writer.config.get("Transformation", "NONE") != "NONE":
            return child.output
        item, number = fork.items[index], self._before(fork, index) or child.child
        given = item if self.batcher is not None else self._given(turn, frame, fork, index, item)
        outcome: dict[str, Any] = {"Error": child.error or "", "Cause": child.cause or ""}
        if child.status == "SUCCEEDED":
            outcome = {"Output": _as_json(child.output), "OutputDetails": {"Included": True}}
        return {
            "ExecutionArn": f"{turn.state.context.execution_id}/{number}",
            "Input": _as_json(given),
            "InputDetails": {"Included": True},
            "Name": str(number),
            **outcome,
            "Status": child.status,
        }

    def _succeed(self, turn: Turn, frame: Frame, result: Any, text: str | None) -> str | None:
        turn.emit(turn.emit(frame.last, "MapRunSucceeded", {}), "MapStateSucceeded", {})
        output, text, assigned = complete(self.items.flow, turn, frame, result, text)
        return turn.leave(frame, self, output, text, self.next, assigned)

    def _fail(self, turn: Turn, frame: Frame, fork: Fork, error: str, cause: str | None) -> None:
        turn.stop_children(fork)
        details = {"error": error} if cause is None else {"error": error, "cause": cause}
        turn.follow(frame, "MapRunFailed", details)
        raise StateFault(error, cause, located=False)

    def changed(self, turn: Turn, frame: Frame, change: ChangeMapRun) -> str | None:
        """Take other limits; children under way are left alone."""
        fork = frame.fork
        if fork is None or frame.retrying or fork.phase == "writing":
            return None
        if change.limit is not None:
            fork.limit = self.items.in_flight(change.limit)
        if change.tolerated_count is not None:
            fork.tolerated_count = float(change.tolerated_count)
        if change.tolerated_percentage is not None:
            fork.tolerated_percentage = change.tolerated_percentage
        if fork.failures and self.exceeded(fork):
            self._fail(turn, frame, fork, THRESHOLD, "The specified tolerated failure threshold was exceeded")
        self._start(turn, frame, fork)
        return None

    def redriven(self, turn: Turn, frame: Frame) -> str | None:
        """Run again the child executions that failed, were stopped, or never ran."""
        fork = frame.fork
        if fork is None or not fork.size:
            return self.run(turn, frame)  # it failed while it read its items
        for index in fork.failures:
            fork.texts[index] = None
        fork.failures = []
        fork.pending = [index for index in range(fork.size) if fork.texts[index] is None]
        fork.next, fork.running = fork.size, 0
        fork.done = fork.size - len(fork.pending)
        turn.follow(frame, "MapRunRedriven", {"mapRunArn": fork.run})
        if not fork.pending:
            return self._finished(turn, frame, fork)
        self._start(turn, frame, fork)
        return None


def _limits(fork: Fork) -> MapRunLimits:
    return MapRunLimits(fork.concurrency, int(fork.tolerated_count or 0), fork.tolerated_percentage or 0.0)


def _limit(value: Value | None, scope: Scope, field: str, default: int) -> int:
    """How much one batch may hold."""
    if value is None:
        return default
    given = value(scope)
    number = whole_number(given)
    if number is None or number < 1:
        raise runtime_fault(f'The {field} of ItemBatcher is "{as_text(given)}", which is not an integer of 1 or more.')
    return number


def _flat(results: list[Any]) -> list[Any]:
    return [item for part in results for item in (part if isinstance(part, list) else [part])]


def _as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
