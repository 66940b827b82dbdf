"""The distributed Map: child executions, batches, readers and writers, tolerated failures."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from enginehouse import asl
from enginehouse.asl.commands import ReadItems, StartChild, StartTimer, StopChild, WriteResults
from enginehouse.asl.notifications import ChangeMapRun, ChildFinished, TaskFailed, TaskSucceeded, TimerFired
from tests.bare_host import START, drive
from tests.unit.asl.machines import JSONATA, answers, compiled, machine, task, types


def distributed(*states: Any, **fields: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **machine(T=task())}
    return {"Type": "Map", "ItemProcessor": processor, **fields}


def context() -> asl.ExecutionContext:
    return asl.ExecutionContext(execution_id="e", execution_name="e", start_time=START, state_machine_name="flow")


def test_each_item_is_an_execution_of_its_own() -> None:
    run = drive(compiled(M=distributed()), [1, 2], lambda c: [(1, TaskSucceeded(c.task, c.arguments * 10))])
    assert run.state.output == [10, 20]
    assert types(run) == [
        "ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded",
        "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert [c.processor for c in run.commands if isinstance(c, StartChild)] == ["/States/M/ItemProcessor"] * 2


def test_an_object_is_iterated_by_key_and_value() -> None:
    run = drive(compiled(M=distributed()), {"a": 1}, lambda c: [(0, TaskSucceeded(c.task, c.arguments))])
    assert run.state.output == [{"Key": "a", "Value": 1}]


def test_one_failed_child_is_too_many_unless_failures_are_tolerated() -> None:
    run = drive(compiled(M=distributed(MaxConcurrency=1)), [1, 2], answers(ValueError("no")))
    assert (run.state.error, run.state.cause) == (
        "States.ExceedToleratedFailureThreshold",
        "The specified tolerated failure threshold was exceeded",
    )
    assert types(run)[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


def test_tolerated_failures_stand_in_the_result() -> None:
    run = drive(
        compiled(M=distributed(ToleratedFailureCount=1, MaxConcurrency=1)), [1, 2], answers(ValueError("no"), 20)
    )
    assert run.state.output == [{"Error": "ValueError", "Cause": "no"}, 20]


def test_a_percentage_of_failures_is_tolerated() -> None:
    state = distributed(ToleratedFailurePercentage=50, MaxConcurrency=1)
    assert drive(compiled(M=state), [1, 2], answers(ValueError("1"), 2)).state.status == "SUCCEEDED"
    failed = drive(compiled(M=state), [1, 2, 3], answers(ValueError("1"), ValueError("2"), 3))
    assert failed.state.status == "FAILED"


def test_a_tolerated_count_beyond_every_double_tolerates_all() -> None:
    state = distributed(ItemsPath="$.items", ToleratedFailureCountPath="$.n")
    assert drive(compiled(M=state), {"items": [1], "n": 10**400}, answers(ValueError("no"))).state.status == "SUCCEEDED"


def test_the_map_run_that_fails_stops_its_other_children() -> None:
    program = compiled(M=distributed())
    turn = program.start([1, 2, 3], context(), START, "seed")
    children = [c.child for c in turn.commands if isinstance(c, StartChild)]
    turn = program.resume(turn.state, ChildFinished(children[0], "FAILED", error="Boom"), START)
    assert [c.child for c in turn.commands if isinstance(c, StopChild)] == children[1:]


def test_an_outcome_too_large_to_keep_stops_the_other_children_before_it_is_caught() -> None:
    caught = [{"ErrorEquals": ["States.DataLimitExceeded"], "ResultPath": None, "Next": "After"}]
    program = compiled(M=distributed(ToleratedFailureCount=2, Catch=caught, Next="After"), After={"Type": "Pass"})
    turn = program.start([1, 2, 3], context(), START, "seed")
    children = [c.child for c in turn.commands if isinstance(c, StartChild)]
    turn = program.resume(turn.state, ChildFinished(children[0], "FAILED", error="E", cause="x" * 262_144), START)
    assert turn.state.status == "SUCCEEDED"
    assert [c.child for c in turn.commands if isinstance(c, StopChild)] == children[1:]


def test_batches_hold_items_and_what_goes_with_them() -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"shared.$": "$[0]"}}
    run = drive(
        compiled(M=distributed(ItemBatcher=batcher)), [1, 2, 3], lambda c: [(0, TaskSucceeded(c.task, c.arguments))]
    )
    assert run.state.output == [
        {"BatchInput": {"shared": 1}, "Items": [1, 2]},
        {"BatchInput": {"shared": 1}, "Items": [3]},
    ]


def test_batches_are_bounded_by_their_bytes() -> None:
    run = drive(
        compiled(M=distributed(ItemBatcher={"MaxInputBytesPerBatch": 12})),
        ["aaaa", "bbbb", "cccc"],
        lambda c: [(0, TaskSucceeded(c.task, c.arguments["Items"]))],
    )
    assert run.state.output == [["aaaa", "bbbb"], ["cccc"]]


@pytest.mark.parametrize("given", ["x", None, [1], 0, -1, 1.5, True])
@pytest.mark.parametrize("field", ["MaxItemsPerBatch", "MaxInputBytesPerBatch"])
def test_a_batch_size_that_is_no_positive_integer_fails_the_state(field: str, given: Any) -> None:
    state = distributed(ItemsPath="$.items", ItemBatcher={field + "Path": "$.size"})
    run = drive(compiled(M=state), {"items": [1, 2], "size": given}, answers())
    assert (run.state.status, run.state.error) == ("FAILED", "States.Runtime")
    assert field in str(run.state.cause)


def test_a_batch_size_may_be_digits_in_a_text() -> None:
    state = distributed(ItemsPath="$.items", ItemBatcher={"MaxItemsPerBatchPath": "$.size"})
    run = drive(
        compiled(M=state),
        {"items": [1, 2, 3], "size": "2"},
        lambda c: [(0, TaskSucceeded(c.task, c.arguments["Items"]))],
    )
    assert run.state.output == [[1, 2], [3]]


READER = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "Parameters": {"Bucket.$": "$.b", "Key": "k"}}  # fmt: skip


def test_items_are_read_by_the_host() -> None:
    program = compiled(M=distributed(ItemReader=READER))
    turn = program.start({"b": "bucket"}, context(), START, "seed")
    (read,) = turn.commands
    assert isinstance(read, ReadItems)
    assert (read.arguments, read.config["InputType"]) == ({"Bucket": "bucket", "Key": "k"}, "CSV")
    turn = program.resume(turn.state, TaskSucceeded(read.task, [{"a": "1"}]), START)
    (child,) = turn.commands
    assert isinstance(child, StartChild)
    assert child.input == {"a": "1"}


def test_a_reader_that_fails_fails_the_map_run() -> None:
    program = compiled(M=distributed(ItemReader=READER))
    turn = program.start({"b": "bucket"}, context(), START, "seed")
    turn = program.resume(turn.state, TaskFailed(turn.commands[0].task, "States.ItemReaderFailed", "gone"), START)  # type: ignore[union-attr]
    assert [event.type for event in turn.events] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]
    assert turn.state.cause == "gone"


def test_results_are_written_by_the_host_and_its_answer_is_the_result() -> None:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}}
    run = drive(compiled(M=distributed(ResultWriter=writer)), [1], lambda c: [(0, TaskSucceeded(c.task, 7))])
    (written,) = [c for c in run.commands if isinstance(c, WriteResults)]
    assert written.arguments == {"Bucket": "b", "Prefix": "p"}
    assert run.state.output == {"ResultWriterDetails": {"Bucket": "b", "Key": "k"}}


def written(outcome: Any, **fields: Any) -> list[Any]:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}, **fields}
    state = distributed(ResultWriter=writer, ToleratedFailureCount=1, MaxConcurrency=1)
    run = drive(compiled(M=state), [1, 2], answers(ValueError("no"), outcome))
    (command,) = [c for c in run.commands if isinstance(c, WriteResults)]
    return command.results


def test_records_of_the_children_are_written_those_that_failed_too() -> None:
    failed, succeeded = written({"a": 7})
    assert (failed["Status"], failed["Input"], failed["Error"], failed["Cause"]) == ("FAILED", "1", "ValueError", "no")
    assert (succeeded["Status"], succeeded["Input"], succeeded["Output"]) == ("SUCCEEDED", "2", '{"a":7}')
    assert failed["ExecutionArn"] != succeeded["ExecutionArn"]


def test_outputs_alone_are_written_where_asked_but_failures_stay_records() -> None:
    failed, succeeded = written({"a": 7}, WriterConfig={"Transformation": "COMPACT", "OutputType": "JSON"})
    assert (failed["Status"], succeeded) == ("FAILED", {"a": 7})
    failed, *flat = written([7, 8], WriterConfig={"Transformation": "FLATTEN", "OutputType": "JSON"})
    assert (failed["Status"], flat) == ("FAILED", [7, 8])


def test_flatten_joins_the_lists_of_the_children() -> None:
    state = distributed(ResultWriter={"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}})
    run = drive(compiled(M=state), [1, 2], lambda c: [(0, TaskSucceeded(c.task, [c.arguments] * 2))])
    assert run.state.output == [1, 1, 2, 2]


def test_a_stopped_map_stops_its_children() -> None:
    program = compiled(M=distributed())
    turn = program.start([1, 2], context(), START, "seed")
    turn = program.resume(turn.state, asl.Stop(), START)
    assert turn.state.status == "ABORTED"
    assert len([c for c in turn.commands if isinstance(c, StopChild)]) == 2


def test_the_context_tells_where_an_item_came_from() -> None:
    selector = {"key.$": "$$.Map.Item.Key", "source.$": "$$.Map.Item.Source", "index.$": "$$.Map.Item.Index"}
    run = drive(
        compiled(M=distributed(ItemSelector=selector)), {"a": 1}, lambda c: [(0, TaskSucceeded(c.task, c.arguments))]
    )
    assert run.state.output == [{"key": "a", "source": "STATE_DATA", "index": 0}]


def test_query_items_may_be_an_object_or_hold_expressions() -> None:
    echo = lambda c: [(0, TaskSucceeded(c.task, c.arguments))]  # noqa: E731
    by_key = compiled(M=distributed(Items="{% $states.input %}", **JSONATA))
    assert drive(by_key, {"a": 1}, echo).state.output == [{"Key": "a", "Value": 1}]
    listed = compiled(M=distributed(Items=["{% $states.input.a %}", 2], **JSONATA))
    assert drive(listed, {"a": 1}, echo).state.output == [1, 2]


def test_a_later_item_that_cannot_be_made_stops_the_children_before_it() -> None:
    parsed = {"value.$": "States.StringToJson($$.Map.Item.Value)"}
    state = distributed(ItemSelector=parsed, Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60}])
    turn = compiled(M=state).start(["1", "{"], context(), START, "seed")
    (first,) = [c for c in turn.commands if isinstance(c, StartChild)]
    (timer,) = [c for c in turn.commands if isinstance(c, StartTimer)]
    assert [c.child for c in turn.commands if isinstance(c, StopChild)] == [first.child]
    turn = compiled(M=state).resume(turn.state, ChildFinished(first.child, "SUCCEEDED", 1), START + 1)
    assert (turn.commands, turn.events) == ([], [])
    again = compiled(M=state).resume(turn.state, TimerFired(timer.timer), START + 60)
    assert [c.index for c in again.commands if isinstance(c, StartChild)] == [0]


def begun(items: int, **fields: Any) -> tuple[asl.Program, asl.Turn, str]:
    """A map run that has begun, and its ARN."""
    program = compiled(M=distributed(**fields))
    turn = program.start(list(range(items)), context(), START, "seed")
    return program, turn, children(turn)[0].run


def children(turn: asl.Turn) -> list[StartChild]:
    return [command for command in turn.commands if isinstance(command, StartChild)]


def test_a_run_that_is_given_more_room_begins_more_children() -> None:
    program, turn, run = begun(10, MaxConcurrency=2)
    assert len(children(turn)) == 2
    turn = program.resume(turn.state, ChangeMapRun(run, limit=5), START)
    assert (len(children(turn)), turn.events) == (3, [])
    turn = program.resume(turn.state, ChangeMapRun(run, limit=0), START)
    assert len(children(turn)) == 5, "0 is no limit"


def test_a_run_that_is_given_less_room_lets_its_children_end() -> None:
    program, turn, run = begun(10, MaxConcurrency=3)
    first, *_ = children(turn)
    turn = program.resume(turn.state, ChangeMapRun(run, limit=1), START)
    assert turn.commands == []
    turn = program.resume(turn.state, ChildFinished(first.child, "SUCCEEDED", 1), START)
    assert turn.commands == []


def test_a_run_that_is_allowed_more_failures_goes_on() -> None:
    program, turn, run = begun(3, MaxConcurrency=1)
    turn = program.resume(turn.state, ChangeMapRun(run, tolerated_count=1), START)
    (first,) = children(program.start([0, 1, 2], context(), START, "seed"))
    turn = program.resume(turn.state, ChildFinished(first.child, "FAILED", None, "E"), START)
    assert turn.state.status == "RUNNING"
    turn = program.resume(turn.state, ChangeMapRun(run, tolerated_percentage=1.0, tolerated_count=0), START)
    assert (turn.state.status, turn.state.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")


def test_a_change_of_another_run_is_nothing() -> None:
    program, turn, _ = begun(3, MaxConcurrency=1)
    turn = program.resume(turn.state, ChangeMapRun("another", limit=3), START)
    assert (turn.commands, turn.events) == ([], [])


@pytest.mark.parametrize(("scale", "at"), [(1.0, 60.0), (0.5, 30.0), (0.0, 0.0), (2.0, 120.0)])
def test_waits_are_scaled_by_their_context(scale: float, at: float) -> None:
    scaled = asl.ExecutionContext(execution_id="e", execution_name="e", start_time=START, wait_scale=scale)
    for state in ({"Seconds": 60}, {"TimestampPath": "$.at"}):
        moment = datetime.fromtimestamp(START + 60, UTC).isoformat().replace("+00:00", "Z")
        turn = compiled(W={"Type": "Wait", **state}).start({"at": moment}, scaled, START, "seed")
        assert [command.at - START for command in turn.commands if isinstance(command, StartTimer)] == [at]
