"""The blocking facade: the same front for threads and scripts, and every way that a call may end."""

import asyncio
import contextvars
import gc
import inspect
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import enginehouse
from enginehouse import ExecutionInput, ExecutionNotFoundError, ExecutionState, Registry, WorkflowSpec, sync
from tests.unit.idle_provider import IdleProvider

SPEC = WorkflowSpec(workflow_id="orders", definition={"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
FOREVER = 3600.0


class HangingProvider(IdleProvider):
    """Creates hang; ``reached`` and ``cancelled`` tell a thread how far one got."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.cancelled = threading.Event()

    async def create_workflow(self, spec: WorkflowSpec) -> enginehouse.CreateWorkflowResult:
        self.reached.set()
        try:
            await asyncio.sleep(FOREVER)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return await super().create_workflow(spec)


class InterruptedLock:
    """Is released into an interrupt, once: when the call that was handed over has begun."""

    def __init__(self, begun: threading.Event) -> None:
        self.begun, self.interrupts = begun, True

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        if self.interrupts:
            self.interrupts = False
            self.begun.wait(30)
            raise KeyboardInterrupt


class OwnedRegistry(Registry):
    def made(self, name: str) -> bool:
        return True


class OpenedProvider(IdleProvider):
    async def __aenter__(self) -> "OpenedProvider":  # noqa: PYI034
        await self.called("open")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.called("close")


def front(provider: IdleProvider, **options: object) -> sync.Manager:
    registry = OwnedRegistry()
    registry.register(provider)
    return sync.Manager(registry, default_provider=provider.name, actor="ada", **options)  # type: ignore[arg-type]


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "enginehouse"}


def test_its_methods_are_those_of_the_manager_with_a_timeout() -> None:
    for name, method in inspect.getmembers(enginehouse.Manager, inspect.isfunction):
        if name.startswith("_") or name == "open_provider":  # what get_provider gives here is open
            continue
        wanted = dict(inspect.signature(method).parameters)
        given = dict(inspect.signature(getattr(sync.Manager, name)).parameters)
        if inspect.iscoroutinefunction(method):
            timeout = given.pop("timeout")
            assert timeout.default is None
            wanted.pop("timeout", None)
        assert {key: (item.kind, item.default) for key, item in given.items()} == {
            key: (item.kind, item.default) for key, item in wanted.items()
        }, name


def test_a_provider_has_the_methods_of_the_contract() -> None:
    wanted = {name for name in vars(enginehouse.Provider) if not name.startswith("_")}
    assert wanted == {name for name in vars(sync.Provider) if not name.startswith("_")}


def test_it_does_what_the_manager_does() -> None:
    idle = IdleProvider()
    with front(idle) as manager:
        manager.validate_workflow(SPEC)
        assert manager.create_workflow(SPEC).workflow_id == "orders"
        started = manager.start_execution("orders", ExecutionInput(input=[1]))
        assert manager.get_execution_status(started.execution_id).state is ExecutionState.RUNNING
        manager.stop_execution(started.execution_id, "enough")
        assert manager.wait(started.execution_id, timeout=60).state is ExecutionState.CANCELLED
        manager.delete_workflow("orders")
        assert "idle" in manager.list_providers()
        with pytest.raises(ExecutionNotFoundError, match="stop_execution: no execution 'nothing'"):
            manager.stop_execution("nothing", "enough")


def test_a_provider_may_be_called_past_the_manager() -> None:
    idle = IdleProvider()
    provider = front(idle).get_provider()
    gc.collect()
    assert provider.name == "idle"
    provider.validate(SPEC)
    provider.create_workflow(SPEC)
    started = provider.start_execution("orders", ExecutionInput())
    provider.stop_execution(started.execution_id, "enough")
    assert provider.get_execution_status(started.execution_id).state is ExecutionState.CANCELLED
    provider.delete_workflow("orders")


def test_many_threads_may_call_at_once_over_one_loop() -> None:
    idle = IdleProvider()
    before = threads()
    with front(idle) as manager, ThreadPoolExecutor(16) as pool:
        manager.create_workflow(SPEC)
        started = list(pool.map(lambda n: manager.start_execution("orders", ExecutionInput(input=n)), range(200)))
        assert len(threads() - before) == 1
    assert len({result.execution_id for result in started}) == 200
    assert sorted(call[2] for call in idle.calls if call[0] == "start_execution") == list(range(200))


def test_many_threads_may_make_the_first_call() -> None:
    idle, gate = IdleProvider(), threading.Barrier(8)
    before = threads()
    with front(idle) as manager, ThreadPoolExecutor(8) as pool:

        def call(_: int) -> None:
            gate.wait()
            manager.delete_workflow("orders")

        list(pool.map(call, range(8)))
        assert len(threads() - before) == 1
    assert len(idle.calls) == 8


def test_nothing_runs_before_the_first_call_or_after_the_end() -> None:
    provider = OpenedProvider()
    before = threads()
    with front(provider) as manager:
        assert threads() == before
        manager.delete_workflow("orders")
        assert len(threads() - before) == 1
    assert threads() == before
    assert provider.calls == [("open",), ("delete_workflow", "orders"), ("close",)]


def test_a_closed_manager_says_so() -> None:
    manager = front(IdleProvider())
    manager.delete_workflow("orders")
    manager.close()
    manager.close()
    with pytest.raises(RuntimeError, match="closed; make a new one"):
        manager.delete_workflow("orders")


def test_a_manager_that_nobody_holds_is_closed() -> None:
    provider = OpenedProvider()
    before = threads()
    manager = front(provider)
    manager.delete_workflow("orders")
    del manager
    gc.collect()
    assert threads() == before
    assert provider.calls[-1] == ("close",)


def test_past_its_timeout_a_call_is_cancelled_and_the_manager_goes_on() -> None:
    provider = HangingProvider()
    with front(provider) as manager:
        with pytest.raises(TimeoutError, match=r"longer than 0\.01 s and was cancelled"):
            manager.create_workflow(SPEC, timeout=0.01)
        manager.delete_workflow("orders")
        if provider.reached.is_set():
            assert provider.cancelled.wait(60)


def test_a_timeout_of_the_operation_itself_passes() -> None:
    provider = IdleProvider()
    provider.fail["validate"] = TimeoutError("the engine's own")
    with front(provider) as manager, pytest.raises(TimeoutError, match=r"^the engine's own$"):
        manager.create_workflow(SPEC, timeout=60)


def test_a_timeout_of_nothing_leaves_no_coroutine_behind() -> None:
    with front(HangingProvider()) as manager:
        for _ in range(100):
            with pytest.raises(TimeoutError):
                manager.create_workflow(SPEC, timeout=0)
    gc.collect()  # a coroutine that was never awaited warns here, and warnings are errors


def test_closing_cancels_the_calls_that_run() -> None:
    provider = HangingProvider()
    manager = front(provider)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(manager.create_workflow, SPEC)
        assert provider.reached.wait(60)
        manager.close()
        with pytest.raises(RuntimeError, match="closed while this call ran"):
            call.result(60)
    assert provider.cancelled.is_set()


def test_a_call_from_its_own_loop_is_refused_and_does_not_hang() -> None:
    class CallingBack(IdleProvider):
        async def delete_workflow(self, workflow_id: str) -> None:
            manager.create_workflow(SPEC)

    with front(CallingBack()) as manager:
        with pytest.raises(enginehouse.ProviderError) as caught:
            manager.delete_workflow("orders")
        assert "called from its own event loop" in str(caught.value.__cause__)
        manager.create_workflow(SPEC)


def test_the_callers_context_goes_with_the_call() -> None:
    who = contextvars.ContextVar("who", default="nobody")
    seen = []

    class Looking(IdleProvider):
        async def delete_workflow(self, workflow_id: str) -> None:
            seen.append(who.get())

    with front(Looking()) as manager:
        for name in ("ada", "grace"):
            who.set(name)
            manager.delete_workflow("orders")
    assert seen == ["ada", "grace"]


def in_a_process(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + script],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
        check=False,
    )


PRELUDE = """
import asyncio, os, signal, sys, threading
from enginehouse import Registry, sync
from tests.unit.test_sync import HangingProvider, OpenedProvider, SPEC, front
"""


def test_an_interrupt_cancels_the_call() -> None:
    done = in_a_process("""
provider = HangingProvider()
manager = front(provider)
def interrupt():
    provider.reached.wait()
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    manager.create_workflow(SPEC)
except KeyboardInterrupt:
    print("interrupted", provider.cancelled.wait(30))
""")
    assert (done.stdout, done.stderr, done.returncode) == ("interrupted True\n", "", 0)


def test_an_interrupt_as_the_call_is_handed_over_cancels_it_too() -> None:
    provider = HangingProvider()
    with front(provider) as manager:
        manager._portal._lock = InterruptedLock(provider.reached)  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            manager.create_workflow(SPEC)
        assert provider.cancelled.wait(30)


def test_the_end_of_the_program_closes_what_nobody_closed() -> None:
    done = in_a_process("""
class Telling(OpenedProvider):
    async def called(self, method, *arguments):
        print(method, flush=True)
manager = front(Telling())
manager.delete_workflow("orders")
""")
    assert (done.stdout, done.stderr, done.returncode) == ("open\ndelete_workflow\nclose\n", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_is_told_to_make_its_own() -> None:
    done = in_a_process("""
manager = front(OpenedProvider())
manager.delete_workflow("orders")
child = os.fork()
if child == 0:
    try:
        manager.delete_workflow("orders")
    except RuntimeError as error:
        print(error, flush=True)
    with front(OpenedProvider()) as own:
        own.delete_workflow("orders")
        print("its own works", flush=True)
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
manager.delete_workflow("orders")
print("the parent's goes on")
""")
    assert done.stdout.splitlines() == [
        "this Manager was made before a fork; make a new one in the child process",
        "its own works",
        "0",
        "the parent's goes on",
    ]
    assert done.stderr == ""
