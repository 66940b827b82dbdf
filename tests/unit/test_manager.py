"""The front: it checks, routes, times, logs, audits and wraps errors, the same for every provider."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse import (
    AuditRecord,
    CapabilityError,
    ExecutionEvent,
    ExecutionInput,
    ExecutionNotFoundError,
    ExecutionState,
    ExecutionStatus,
    InvalidSpecError,
    Manager,
    Page,
    ProviderError,
    ProviderNotFoundError,
    ProviderUnavailableError,
    Registry,
    RetryPolicy,
    WorkflowNotFoundError,
    WorkflowSpec,
)
from enginehouse.config import Settings
from enginehouse.structure import execution_name_faults, spec_faults
from tests.unit.idle_provider import NOW, IdleProvider

DEFINITION = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
FOREVER = 3600.0


class AuditingProvider(IdleProvider):
    def __init__(self, name: str = "idle") -> None:
        super().__init__(name)
        self.trail: list[AuditRecord] = []

    async def append_audit(self, record: AuditRecord) -> None:
        await self.called("append_audit", record.operation)
        self.trail.append(record)

    async def list_audit(
        self, *, workflow_id: str = "", execution_id: str = "", limit: int = 100, token: str = ""
    ) -> Page[AuditRecord]:
        return Page(items=self.trail)


class WatchedProvider(IdleProvider):
    """Its stream ends the execution after two events, or breaks before."""

    breaks: Exception | None = None

    async def watch_execution(self, execution_id: str, *, after: int = 0) -> AsyncIterator[ExecutionEvent]:
        await self.called("watch_execution", execution_id)
        for number in (1, 2):
            await asyncio.sleep(0)
            yield ExecutionEvent(id=number, previous_id=number - 1, timestamp=NOW, type="PassStateEntered")
            if self.breaks is not None:
                raise self.breaks
        self.executions[execution_id] = ExecutionState.SUCCEEDED


class SlowProvider(AuditingProvider):
    """Calls named in ``hang`` do not come back; ``reached`` is set when one is there."""

    def __init__(self, *hang: str) -> None:
        super().__init__()
        self.hang = set(hang)
        self.reached = asyncio.Event()

    async def called(self, method: str, *arguments: object) -> None:
        await super().called(method, *arguments)
        if method in self.hang:
            self.reached.set()
            await asyncio.sleep(FOREVER)


class OpenedProvider(IdleProvider):
    async def __aenter__(self) -> Self:
        await self.called("open")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.called("close")


class MakingRegistry(Registry):
    """A registry that makes its provider itself, as it does one of an entry point."""

    def __init__(self, *providers: IdleProvider) -> None:
        super().__init__()
        for provider in providers:
            self.register(provider)

    def made(self, name: str) -> bool:
        return True


def front(*providers: IdleProvider, **options: object) -> Manager:
    registry = Registry()
    for provider in providers:
        registry.register(provider)
    return Manager(registry, default_provider=providers[0].name, actor="ada", **options)  # type: ignore[arg-type]


def spec(**fields: object) -> WorkflowSpec:
    return WorkflowSpec(**{"workflow_id": "orders", "definition": DEFINITION, **fields})  # type: ignore[arg-type]


async def started(manager: Manager) -> str:
    await manager.create_workflow(spec())
    return (await manager.start_execution("orders", ExecutionInput())).execution_id


# -- form


async def test_create_checks_the_form_then_asks_the_provider_then_creates() -> None:
    idle = IdleProvider()
    result = await front(idle).create_workflow(spec())
    assert result.workflow_id == "orders"
    assert idle.calls == [("validate", "orders"), ("create_workflow", "orders")]


async def test_what_the_provider_finds_invalid_is_not_created() -> None:
    idle = IdleProvider()
    idle.fail["validate"] = InvalidSpecError("no StartAt")
    with pytest.raises(InvalidSpecError, match="create_workflow workflow 'orders': no StartAt"):
        await front(idle).create_workflow(spec())
    assert idle.calls == [("validate", "orders")]


async def test_all_faults_of_form_come_at_once_and_no_provider_is_asked() -> None:
    idle = IdleProvider()
    broken = spec(
        workflow_id="",
        provider_type="nowhere",
        definition="  ",
        timeout=timedelta(0),
        retry_policy=RetryPolicy(max_attempts=-1, backoff_rate=0.5, initial_interval=timedelta(0)),
        tags={"team": 7},
        provider_config={1: 2},
    )
    with pytest.raises(InvalidSpecError) as caught:
        await front(idle).create_workflow(broken)
    assert {fault.path for fault in caught.value.diagnostics} == {
        "/workflow_id",
        "/provider_type",
        "/definition",
        "/timeout",
        "/retry_policy/max_attempts",
        "/retry_policy/backoff_rate",
        "/retry_policy/initial_interval",
        "/tags/team",
        "/provider_config",
    }
    assert caught.value.operation == "create_workflow"
    assert idle.calls == []


async def test_an_unknown_provider_alone_is_not_found() -> None:
    with pytest.raises(ProviderNotFoundError, match=r"no provider 'nowhere'; known: .*idle"):
        await front(IdleProvider()).create_workflow(spec(provider_type="nowhere"))


async def test_validate_checks_form_and_provider_and_makes_nothing() -> None:
    idle = AuditingProvider()
    manager = front(idle)
    await manager.validate_workflow(spec())
    assert idle.calls == [("validate", "orders")]
    with pytest.raises(InvalidSpecError):
        await manager.validate_workflow(spec(definition={}))
    assert idle.trail == []


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"workflow_id": 7}, "/workflow_id", "IdType"),
        ({"workflow_id": ""}, "/workflow_id", "IdEmpty"),
        ({"workflow_id": "x" * 81}, "/workflow_id", "IdTooLong"),
        ({"workflow_id": "a b"}, "/workflow_id", "IdCharacter"),
        ({"workflow_id": "a/b"}, "/workflow_id", "IdCharacter"),
        ({"workflow_id": "a\x00"}, "/workflow_id", "IdCharacter"),
        ({"workflow_id": "a\ud800"}, "/workflow_id", "IdCharacter"),
        ({"provider_type": None}, "/provider_type", "TextType"),
        ({"name": 7}, "/name", "TextType"),
        ({"description": None}, "/description", "TextType"),
        ({"definition": None}, "/definition", "DefinitionType"),
        ({"definition": ["StartAt"]}, "/definition", "DefinitionType"),
        ({"definition": {}}, "/definition", "DefinitionEmpty"),
        ({"definition": b"\n"}, "/definition", "DefinitionEmpty"),
        ({"timeout": 30}, "/timeout", "DurationType"),
        ({"timeout": timedelta(0)}, "/timeout", "DurationRange"),
        ({"timeout": timedelta(seconds=-1)}, "/timeout", "DurationRange"),
        ({"tags": ["a"]}, "/tags", "TagsType"),
        ({"tags": {"a": 1}}, "/tags/a", "TagType"),
        ({"tags": {1: "a"}}, "/tags/1", "TagType"),
        ({"provider_config": "x"}, "/provider_config", "ConfigType"),
        ({"retry_policy": {"max_attempts": 1}}, "/retry_policy", "RetryPolicyType"),
        ({"retry_policy": RetryPolicy(max_attempts=True)}, "/retry_policy/max_attempts", "RetryRange"),
        ({"retry_policy": RetryPolicy(max_attempts=100_000_000)}, "/retry_policy/max_attempts", "RetryRange"),
        ({"retry_policy": RetryPolicy(backoff_rate=float("nan"))}, "/retry_policy/backoff_rate", "RetryRange"),
        (
            {"retry_policy": RetryPolicy(initial_interval=None)},  # type: ignore[arg-type]
            "/retry_policy/initial_interval",
            "DurationType",
        ),
        ({"retry_policy": RetryPolicy(max_interval=timedelta(0))}, "/retry_policy/max_interval", "DurationRange"),
        (
            {"retry_policy": RetryPolicy(initial_interval=timedelta(9), max_interval=timedelta(8))},
            "/retry_policy/max_interval",
            "RetryRange",
        ),
    ],
)
def test_a_fault_of_form_names_its_place_and_code(fields: dict[str, object], path: str, code: str) -> None:
    assert [(fault.path, fault.code) for fault in spec_faults(spec(**fields))] == [(path, code)]


@pytest.mark.parametrize("name", ["orders", "a.b-c_d", "x" * 80, "Größe", "1", "order@7+(b)=!'"])
def test_an_id_that_every_engine_takes_is_good(name: str) -> None:
    assert spec_faults(spec(workflow_id=name)) == []
    assert execution_name_faults(name) == []


def test_no_execution_name_asks_for_a_fresh_one() -> None:
    assert execution_name_faults("") == []


async def test_a_bad_execution_name_starts_nothing() -> None:
    idle = IdleProvider()
    with pytest.raises(InvalidSpecError, match="/execution_name: the id 'a b' has ' ' at character 2"):
        await front(idle).start_execution("orders", ExecutionInput(execution_name="a b"))
    assert idle.calls == []


async def test_what_is_no_spec_or_no_input_is_refused_in_words() -> None:
    with pytest.raises(InvalidSpecError, match="a workflow is a WorkflowSpec, not a dict"):
        await front(IdleProvider()).create_workflow({"workflow_id": "x"})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="input is an ExecutionInput, not dict"):
        await front(IdleProvider()).start_execution("orders", {})  # type: ignore[arg-type]


anything = st.none() | st.integers() | st.text() | st.floats() | st.lists(st.integers()) | st.timedeltas()


@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            name: anything | st.dictionaries(anything.filter(lambda key: not isinstance(key, list)), anything)
            for name in ("workflow_id", "name", "definition", "timeout", "tags", "provider_config", "retry_policy")
        },
    )
)
def test_whatever_a_spec_holds_its_faults_are_told_and_nothing_breaks(fields: dict[str, object]) -> None:
    assert all(fault.message and fault.severity == "error" for fault in spec_faults(spec(**fields)))


# -- routing


async def test_calls_go_to_the_named_provider_or_the_default() -> None:
    first, second = IdleProvider("first"), IdleProvider("second")
    manager = front(first, second)
    await manager.create_workflow(spec())
    await manager.create_workflow(spec(provider_type="second"))
    started = await manager.start_execution("orders", ExecutionInput(input=[1]), provider="second")
    await manager.get_execution_status(started.execution_id, provider="second", history=False)
    await manager.stop_execution(started.execution_id, "enough", provider="second")
    await manager.delete_workflow("orders", provider="second")
    assert first.calls == [("validate", "orders"), ("create_workflow", "orders")]
    assert second.calls == [
        ("validate", "orders"),
        ("create_workflow", "orders"),
        ("start_execution", "orders", [1]),
        ("get_execution_status", "orders-1", False),
        ("stop_execution", "orders-1", "enough"),
        ("delete_workflow", "orders"),
    ]


async def test_the_manager_shows_what_its_registry_has() -> None:
    idle = IdleProvider()
    manager = front(idle)
    assert "idle" in manager.list_providers()
    assert manager.get_provider("idle") is manager.get_provider() is idle
    with pytest.raises(ProviderNotFoundError):
        manager.get_provider("nowhere")


async def test_settings_make_a_manager() -> None:
    slow = SlowProvider("delete_workflow")
    manager = Manager.from_settings(Settings(provider="idle", deadline=0.5, actor="grace"))
    manager.registry.register(slow)
    with pytest.raises(TimeoutError, match=r"took longer than 0\.5 s"):
        await manager.delete_workflow("orders")
    await manager.stop_execution(*await running(slow), "enough")
    assert [(record.actor, record.outcome) for record in slow.trail] == [("grace", "Timeout"), ("grace", "ok")]


def test_a_deadline_for_no_operation_is_refused() -> None:
    with pytest.raises(ValueError, match="no operation 'craete_workflow'; there are create_workflow"):
        Manager(Registry(), deadlines={"craete_workflow": 1})


# -- errors, deadlines, cancellation


async def test_what_a_provider_raises_outside_the_contract_is_wrapped_once_with_ids() -> None:
    idle = IdleProvider()
    manager = front(idle)
    execution_id = await started(manager)
    broken = KeyError("column 7")
    idle.fail["stop_execution"] = broken
    with pytest.raises(ProviderError) as caught:
        await manager.stop_execution(execution_id, "enough")
    assert caught.value.__cause__ is broken
    assert (caught.value.operation, caught.value.execution_id, caught.value.provider) == (
        "stop_execution",
        "orders-1",
        "idle",
    )
    assert str(caught.value) == (
        "stop_execution execution 'orders-1': provider 'idle' failed with KeyError: 'column 7'"
    )


async def test_an_error_of_the_contract_passes_as_it_is_with_what_it_lacked_filled_in() -> None:
    idle = IdleProvider()
    error = idle.fail["stop_execution"] = ProviderUnavailableError("throttled", execution_id="theirs")
    with pytest.raises(ProviderUnavailableError) as caught:
        await front(idle).stop_execution("ours", "enough")
    assert caught.value is error
    assert (error.operation, error.execution_id, error.provider) == ("stop_execution", "theirs", "idle")


async def test_a_start_of_no_workflow_is_told_with_its_id() -> None:
    with pytest.raises(WorkflowNotFoundError) as caught:
        await front(IdleProvider()).start_execution("nothing", ExecutionInput())
    assert caught.value.workflow_id == "nothing"


async def test_a_timeout_of_the_provider_passes_untouched() -> None:
    idle = IdleProvider()
    error = idle.fail["validate"] = TimeoutError("the engine's own")
    with pytest.raises(TimeoutError) as caught:
        await front(idle).create_workflow(spec())
    assert caught.value is error
    assert error.args == ("the engine's own",)


@pytest.mark.parametrize("hung", ["validate", "create_workflow"])
async def test_past_its_deadline_a_call_ends_and_says_which(hung: str) -> None:
    slow = SlowProvider(hung)
    manager = front(slow, deadlines={"create_workflow": 0.01})
    with pytest.raises(TimeoutError, match=r"create_workflow of workflow 'orders' took longer than 0\.01 s"):
        await manager.create_workflow(spec())
    slow.hang.clear()
    assert (await manager.create_workflow(spec())).workflow_id == "orders"
    assert [record.outcome for record in slow.trail] == ["Timeout", "ok"]


async def test_a_cancelled_call_ends_at_once_and_the_manager_goes_on() -> None:
    slow = SlowProvider("create_workflow")
    manager = front(slow)
    call = asyncio.create_task(manager.create_workflow(spec()))
    await slow.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert call.cancelled()
    slow.hang.clear()
    await manager.create_workflow(spec())
    assert [record.outcome for record in slow.trail] == ["Cancelled", "ok"]


# -- the log


async def test_each_operation_is_one_record_with_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "enginehouse.manager")
    idle = IdleProvider()
    manager = front(idle)
    execution_id = await started(manager)
    await manager.get_execution_status(execution_id)
    with pytest.raises(ExecutionNotFoundError):
        await manager.stop_execution("nothing", "enough")
    records = [record for record in caplog.records if record.name == "enginehouse.manager"]
    assert [(r.getMessage(), r.levelname, r.outcome) for r in records] == [  # type: ignore[attr-defined]
        ("create_workflow", "INFO", "ok"),
        ("start_execution", "INFO", "ok"),
        ("get_execution_status", "INFO", "ok"),
        ("stop_execution", "INFO", "ExecutionNotFound"),
    ]
    start = records[1].__dict__
    assert {name: start[name] for name in ("event", "operation", "provider", "workflow_id", "execution_id")} == {
        "event": "start_execution",
        "operation": "start_execution",
        "provider": "idle",
        "workflow_id": "orders",
        "execution_id": "orders-1",
    }
    assert start["duration_ms"] >= 0


def test_the_library_configures_no_handlers() -> None:
    """In a process of its own: what runs in this one, such as a command, may configure them."""
    script = """
import logging
import enginehouse.manager, enginehouse.providers.local, enginehouse.providers.mock, enginehouse.providers.temporal
loggers = [item for name, item in logging.root.manager.loggerDict.items() if name.startswith("enginehouse")]
loggers = [item for item in loggers if isinstance(item, logging.Logger)]
print(len(loggers) > 0, [item for item in loggers if item.handlers or item.level != logging.NOTSET])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True []\n"


# -- the audit trail


async def test_every_change_is_audited_in_order_also_a_failed_one() -> None:
    provider = AuditingProvider()
    manager = front(provider)
    before = datetime.now(UTC)
    await manager.create_workflow(spec())
    await manager.start_execution("orders", ExecutionInput(trigger_source="nightly"))
    await manager.get_execution_status("orders-1")
    await manager.stop_execution("orders-1", "enough")
    await manager.delete_workflow("orders")
    provider.fail["delete_workflow"] = OSError("disk")
    for call in (
        manager.create_workflow(spec(workflow_id="")),
        manager.start_execution("orders", ExecutionInput()),
        manager.stop_execution("nothing", "oops"),
        manager.delete_workflow("orders"),
    ):
        with pytest.raises((InvalidSpecError, WorkflowNotFoundError, ExecutionNotFoundError, ProviderError)):
            await call
    assert [(r.operation, r.workflow_id, r.execution_id, r.reason, r.outcome) for r in provider.trail] == [
        ("create_workflow", "orders", "", "", "ok"),
        ("start_execution", "orders", "orders-1", "nightly", "ok"),
        ("stop_execution", "", "orders-1", "enough", "ok"),
        ("delete_workflow", "orders", "", "", "ok"),
        ("create_workflow", "", "", "", "InvalidSpec"),
        ("start_execution", "orders", "", "", "WorkflowNotFound"),
        ("stop_execution", "", "nothing", "oops", "ExecutionNotFound"),
        ("delete_workflow", "orders", "", "", "ProviderError"),
    ]
    assert {(r.actor, r.provider_type) for r in provider.trail} == {("ada", "idle")}
    times = [before, *(r.time for r in provider.trail), datetime.now(UTC)]
    assert times == sorted(times)


async def test_the_record_is_written_before_the_call_returns() -> None:
    provider = AuditingProvider()
    await front(provider).delete_workflow("orders")
    assert provider.calls == [("delete_workflow", "orders"), ("append_audit", "delete_workflow")]


async def test_an_audit_that_fails_hides_nothing_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    provider = AuditingProvider()
    provider.fail["append_audit"] = OSError("disk full")
    manager = front(provider)
    assert (await manager.create_workflow(spec())).workflow_id == "orders"
    with pytest.raises(ExecutionNotFoundError):
        await manager.stop_execution("nothing", "oops")
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [(r.name, r.operation, r.actor, r.outcome) for r in errors] == [  # type: ignore[attr-defined]
        ("enginehouse.audit", "create_workflow", "ada", "ok"),
        ("enginehouse.audit", "stop_execution", "ada", "ExecutionNotFound"),
    ]


@pytest.mark.parametrize("provider", [IdleProvider("idle"), AuditingProvider("idle")])
async def test_where_no_store_keeps_it_the_trail_is_logged(
    provider: IdleProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "enginehouse.audit")
    provider.fail["append_audit"] = CapabilityError("no store")
    await front(provider).stop_execution(*await running(provider), "enough")
    (record,) = [record for record in caplog.records if record.name == "enginehouse.audit"]
    assert (record.levelname, record.operation, record.actor, record.reason) == (  # type: ignore[attr-defined]
        "INFO",
        "stop_execution",
        "ada",
        "enough",
    )


async def running(provider: IdleProvider) -> tuple[str]:
    provider.executions["e-1"] = ExecutionState.RUNNING
    return ("e-1",)


async def test_a_call_to_an_unknown_provider_is_audited_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "enginehouse.audit")
    with pytest.raises(ProviderNotFoundError):
        await front(IdleProvider()).delete_workflow("orders", provider="nowhere")
    (record,) = [record for record in caplog.records if record.name == "enginehouse.audit"]
    assert (record.provider_type, record.outcome) == ("nowhere", "ProviderNotFound")  # type: ignore[attr-defined]


async def test_the_actor_may_be_asked_for_at_each_call(caplog: pytest.LogCaptureFixture) -> None:
    provider, who = AuditingProvider(), iter(["ada", "grace"])
    registry = Registry()
    registry.register(provider)
    manager = Manager(registry, default_provider="idle", actor=lambda: next(who))
    for _ in range(3):
        await manager.delete_workflow("orders")
    assert [record.actor for record in provider.trail] == ["ada", "grace", "unknown"]
    assert "actor.unknown" in caplog.messages


class GatedStore(AuditingProvider):
    """Its store takes the records of workflow ``first`` when ``gate`` is open; ``hang``: deletes do not come back."""

    def __init__(self, *, hang: bool = False) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.hang = hang

    async def delete_workflow(self, workflow_id: str) -> None:
        await super().delete_workflow(workflow_id)
        if self.hang:
            await asyncio.sleep(FOREVER)

    async def append_audit(self, record: AuditRecord) -> None:
        if record.workflow_id == "first":
            await self.gate.wait()
        await super().append_audit(record)


async def turns_of_the_loop() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def cancelled(manager: Manager, workflow_id: str) -> None:
    """A delete that is cancelled while it runs, or while its record is written."""
    call = asyncio.create_task(manager.delete_workflow(workflow_id))
    provider = manager.get_provider()
    while ("delete_workflow", workflow_id) not in provider.calls:  # type: ignore[attr-defined]  # noqa: ASYNC110
        await asyncio.sleep(0)
    await turns_of_the_loop()
    assert not call.done()
    call.cancel()
    await turns_of_the_loop()
    assert call.cancelled(), "a store that does not answer holds up no cancellation"


@pytest.mark.parametrize("hang", [True, False])
async def test_a_record_written_behind_a_cancelled_call_comes_before_the_next(hang: bool) -> None:
    provider = GatedStore(hang=hang)
    manager = front(provider)
    await cancelled(manager, "first")
    provider.hang = False
    later = asyncio.create_task(manager.delete_workflow("second"))
    await turns_of_the_loop()
    provider.gate.set()
    await later
    outcome = "Cancelled" if hang else "ok"
    assert [(r.workflow_id, r.outcome) for r in provider.trail] == [("first", outcome), ("second", "ok")]


async def test_leaving_the_manager_waits_for_records_that_are_being_written() -> None:
    provider = GatedStore(hang=True)
    manager = await front(provider).__aenter__()
    await cancelled(manager, "first")
    leaving = asyncio.create_task(manager.__aexit__(None, None, None))
    await turns_of_the_loop()
    assert not leaving.done()
    provider.gate.set()
    await leaving
    assert [record.outcome for record in provider.trail] == ["Cancelled"]


async def test_a_store_that_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("enginehouse.audit.SECONDS_TO_WRITE", 0.01)
    await front(GatedStore()).delete_workflow("first")
    assert "audit.unwritten" in caplog.messages


# -- opening and closing


async def test_a_provider_that_the_registry_made_is_opened_on_use_and_closed_at_the_end() -> None:
    used, unused = OpenedProvider("used"), OpenedProvider("unused")
    async with Manager(MakingRegistry(used, unused), default_provider="used") as manager:
        assert used.calls == []
        await asyncio.gather(*(manager.delete_workflow("orders") for _ in range(3)))
    assert used.calls == [("open",), *[("delete_workflow", "orders")] * 3, ("close",)]
    assert unused.calls == []


async def test_a_provider_may_be_asked_for_open() -> None:
    provider = OpenedProvider("mine")
    async with Manager(MakingRegistry(provider), default_provider="mine") as manager:
        assert await manager.open_provider() is await manager.open_provider("mine") is provider
        assert provider.calls == [("open",)]
    assert provider.calls == [("open",), ("close",)]


async def test_a_provider_that_was_registered_stays_its_owners() -> None:
    mine = OpenedProvider("mine")
    async with front(mine) as manager:
        await manager.delete_workflow("orders")
    assert mine.calls == [("delete_workflow", "orders")]


async def test_all_are_closed_also_when_one_fails_to() -> None:
    first, second = OpenedProvider("first"), OpenedProvider("second")
    second.fail["close"] = OSError("stuck")
    manager = await Manager(MakingRegistry(first, second), default_provider="first").__aenter__()
    await manager.delete_workflow("orders")
    await manager.delete_workflow("orders", provider="second")
    with pytest.raises(OSError, match="stuck"):
        await manager.__aexit__(None, None, None)
    assert first.calls[-1] == ("close",)


async def test_a_provider_that_fails_to_open_is_opened_again() -> None:
    provider = OpenedProvider("mine")
    provider.fail["open"] = OSError("refused")
    async with Manager(MakingRegistry(provider), default_provider="mine") as manager:
        with pytest.raises(ProviderError, match="provider 'mine' failed with OSError: refused"):
            await manager.delete_workflow("orders")
        provider.fail.clear()
        await manager.delete_workflow("orders")
    assert provider.calls == [("open",), ("open",), ("delete_workflow", "orders"), ("close",)]


async def test_a_manager_is_entered_once_at_a_time_and_may_be_again() -> None:
    manager = front(IdleProvider())
    async with manager:
        with pytest.raises(RuntimeError, match="open already"):
            await manager.__aenter__()
    async with manager:
        await manager.delete_workflow("orders")


# -- waiting


def status(execution_id: str, state: ExecutionState) -> ExecutionStatus:
    return ExecutionStatus(
        execution_id=execution_id, workflow_id="orders", provider_type="idle", state=state, start_time=NOW
    )


class ScriptedProvider(IdleProvider):
    """Answers each query of a status with the next of ``answers``."""

    def __init__(self, *answers: ExecutionState | Exception) -> None:
        super().__init__()
        self.answers = list(answers)

    async def get_execution_status(self, execution_id: str, *, history: bool = True) -> ExecutionStatus:
        await self.called("get_execution_status", execution_id, history)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return status(execution_id, answer)


R, S = ExecutionState.RUNNING, ExecutionState.SUCCEEDED
AWAY = ProviderUnavailableError("throttled")


@pytest.mark.parametrize("end", [state for state in ExecutionState if state.is_terminal])
async def test_wait_asks_until_the_execution_is_over(end: ExecutionState) -> None:
    provider = ScriptedProvider(ExecutionState.PENDING, R, R, end, end)
    assert (await front(provider).wait("e", poll=0.001)).state is end
    assert [call[-1] for call in provider.calls] == [False, False, False, False, True]


async def test_waits_pauses_double_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses, sleep = [], asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr("enginehouse.manager.asyncio.sleep", noted)
    await front(ScriptedProvider(*[R] * 5, S, S)).wait("e", poll=0.25)
    assert pauses == [0.05, 0.1, 0.2, 0.25, 0.25]


async def test_wait_follows_the_execution_where_the_provider_can() -> None:
    provider = WatchedProvider()
    manager = front(provider)
    execution_id = await started(manager)
    assert (await manager.wait(execution_id, history=False)).state is S
    assert [call[0] for call in provider.calls[3:]] == [
        "get_execution_status",
        "watch_execution",
        "get_execution_status",
        "get_execution_status",
    ]


@pytest.mark.parametrize("breaks", [CapabilityError("not here"), ProviderUnavailableError("cut off")])
async def test_wait_asks_where_the_stream_breaks(breaks: Exception) -> None:
    provider = WatchedProvider()
    provider.breaks = breaks
    manager = front(provider)
    execution_id = await started(manager)
    waiting = asyncio.create_task(manager.wait(execution_id, poll=0.001))
    while [call[0] for call in provider.calls].count("get_execution_status") < 3:  # noqa: ASYNC110 - turn by turn
        await asyncio.sleep(0)
    provider.executions[execution_id] = ExecutionState.FAILED
    assert (await waiting).state is ExecutionState.FAILED
    assert [call[0] for call in provider.calls].count("watch_execution") == 1


async def test_wait_bears_an_engine_that_is_away_for_a_while() -> None:
    provider = ScriptedProvider(*[AWAY] * 4, R, *[AWAY] * 4, S, S)
    assert (await front(provider).wait("e", poll=0.001)).state is S


async def test_wait_gives_up_on_an_engine_that_stays_away() -> None:
    with pytest.raises(ProviderUnavailableError):
        await front(ScriptedProvider(*[AWAY] * 5, S, S)).wait("e", poll=0.001)


async def test_wait_gives_up_on_an_engine_that_never_answers() -> None:
    provider = SlowProvider("get_execution_status")
    with pytest.raises(TimeoutError):
        await front(provider, deadlines={"get_execution_status": 0.001}).wait("e", poll=0.001)
    assert len(provider.calls) == 5


async def test_wait_for_no_execution_is_told_at_once() -> None:
    with pytest.raises(ExecutionNotFoundError, match="wait: no execution 'nothing'"):
        await front(IdleProvider()).wait("nothing")


async def test_wait_ends_at_its_timeout_and_the_execution_runs_on() -> None:
    idle = IdleProvider()
    manager = front(idle)
    execution_id = await started(manager)
    with pytest.raises(TimeoutError, match=r"wait of execution 'orders-1' took longer than 0\.01 s"):
        await manager.wait(execution_id, timeout=0.01)
    assert idle.executions[execution_id] is R


async def test_wait_refuses_a_pause_of_nothing() -> None:
    with pytest.raises(ValueError, match="poll is 0"):
        await front(IdleProvider()).wait("e", poll=0)
