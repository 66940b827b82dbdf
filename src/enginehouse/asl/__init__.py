"""The Amazon States Language, pure: no clock, no randomness, no input or output. ``program.py`` is the way in."""

from enginehouse.asl.commands import (
    CancelTask,
    CancelTimer,
    Command,
    Finish,
    ReadItems,
    ScheduleTask,
    StartChild,
    StartTimer,
    StopChild,
    WriteResults,
)
from enginehouse.asl.events import Event, details_key
from enginehouse.asl.notifications import (
    ChangeMapRun,
    ChildFinished,
    Notification,
    Redrive,
    Stop,
    TaskAnswered,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TaskTimedOut,
    TimerFired,
)
from enginehouse.asl.program import Program, Turn, compile, validate  # noqa: A004 -- as `re.compile`: asl.compile
from enginehouse.asl.state import ExecutionContext, State

__all__ = [
    "CancelTask",
    "CancelTimer",
    "ChangeMapRun",
    "ChildFinished",
    "Command",
    "Event",
    "ExecutionContext",
    "Finish",
    "Notification",
    "Program",
    "ReadItems",
    "Redrive",
    "ScheduleTask",
    "StartChild",
    "StartTimer",
    "State",
    "Stop",
    "StopChild",
    "TaskAnswered",
    "TaskFailed",
    "TaskStarted",
    "TaskSubmitted",
    "TaskSucceeded",
    "TaskTimedOut",
    "TimerFired",
    "Turn",
    "WriteResults",
    "compile",
    "details_key",
    "validate",
]
