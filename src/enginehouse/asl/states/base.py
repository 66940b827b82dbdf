"""What the machine knows of a compiled state: its name, and what to do on entry and when what it waited for happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

if TYPE_CHECKING:
    from enginehouse.asl.dataflow import Catcher
    from enginehouse.asl.faults import StateFault
    from enginehouse.asl.machine import Turn
    from enginehouse.asl.notifications import ChangeMapRun, TaskAnswered, TaskStarted, TaskSubmitted
    from enginehouse.asl.retry import Retrier
    from enginehouse.asl.state import Fork, Frame


class CompiledState(msgspec.Struct, frozen=True, kw_only=True):
    """A state made ready to run.

    ``run`` and ``notified`` give the name of the next state, or None where the frame waits or has ended; what goes wrong
    they raise as ``StateFault``. ``run`` is called again for a retry. ``entered``, ``exited`` and ``failed`` are the
    history's event types; empty where there is none.
    """

    type: ClassVar[str]
    entered: ClassVar[str]
    exited: ClassVar[str]
    failed: ClassVar[str] = ""

    name: str
    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()

    def run(self, turn: Turn, frame: Frame) -> str | None:
        """Do the state's work."""
        raise NotImplementedError

    def notified(self, turn: Turn, frame: Frame, notification: Any) -> str | None:
        """Take what the state waited for; by default that is the delay of a retry."""
        return self.run(turn, frame)

    def goes_through(self, notification: TaskAnswered | TaskStarted | TaskSubmitted) -> bool:
        """Whether what the state waits for passes through this stage before its outcome."""
        return False


class ForkState(CompiledState, frozen=True, kw_only=True):
    """A Parallel or Map state: it has children, and is told of their ends."""

    def child_succeeded(self, turn: Turn, frame: Frame, child: Frame, text: str) -> str | None:
        """A child's machine ended well and gave ``text``."""
        raise NotImplementedError

    def child_failed(self, turn: Turn, frame: Frame, child: Frame, fault: StateFault) -> str | None:
        """A child's machine failed."""
        raise NotImplementedError

    def changed(self, turn: Turn, frame: Frame, change: ChangeMapRun) -> str | None:
        """Somebody gives other limits while it runs; only a distributed Map is ever told."""
        return None

    def redriven(self, turn: Turn, frame: Frame) -> str | None:
        """The execution goes on from where it failed: start what is still owed. Children that had started wake by themselves."""
        return None


def fork_of(frame: Frame) -> Fork:
    """The children of the frame's Parallel or Map state."""
    if frame.fork is None:
        raise RuntimeError(f"the state {frame.state!r} has no children")
    return frame.fork
