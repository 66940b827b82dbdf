"""A harness or a provider that misbehaves is named, and the run goes on."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from enginehouse.conformance.judging import Outcome, Verdict, judge
from enginehouse.conformance.kit import Limits
from enginehouse.conformance.loading import HarnessLoadError, load_harness
from enginehouse.conformance.marks import TESTS
from enginehouse.conformance.rules import RULES
from tests.kit.kit_tests import load_tests
from tests.kit.memory import MemoryHarness, MemoryProvider

load_tests()


def verdict(harness: Any, folder: Path, rule: str = "status.result") -> Verdict:
    test, arguments = TESTS[rule]
    limits = Limits(test=0.1, prompt=0.05)
    return judge(test, harness, folder, limits=limits, needs=RULES[rule].needs, arguments=arguments)


def of(kind: type[MemoryProvider]) -> type[MemoryHarness]:
    class Bad(MemoryHarness):
        pass

    Bad.kind = kind
    return Bad


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("tests.kit.harnesses", "it is a module and a name in it"),
        ("tests.kit.no_such_module:Harness", "the module does not import: No module named 'tests.kit.no_such_module'"),
        ("tests.kit.harnesses:NoSuch", "tests.kit.harnesses has no 'NoSuch'"),
        ("tests.kit.harnesses:TEXT", "'TEXT' is str, and not a class or function"),
        ("tests.kit.harnesses:WithoutMake", "WithoutMake lacks make;"),
        ("tests.kit.harnesses:NoHarness", "NoHarness lacks spec, hanging, unreachable, erring, token, cleanup;"),
        ("tests.kit.harnesses:TakesTwo", "TakesTwo is made with one argument, the folder"),
        ("tests.kit.harnesses:DeclaresATypo", "not_offered of DeclaresATypo has durabel; it may have audit, durable,"),
    ],
)
def test_a_harness_that_cannot_be_used_is_refused_by_name(target: str, said: str) -> None:
    with pytest.raises(HarnessLoadError, match=r".*") as caught:
        load_harness(target)
    assert said in str(caught.value)


def test_a_harness_that_cannot_be_made_judges_nothing(tmp_path: Path) -> None:
    class Bad(MemoryHarness):
        def __init__(self, folder: Path) -> None:
            raise OSError("no engine here")

    found = verdict(Bad, tmp_path)
    assert (found.outcome, found.explanation) == (
        Outcome.NOT_JUDGED,
        "the harness could not be made: OSError: no engine here",
    )


def test_a_make_that_raises_judges_nothing(tmp_path: Path) -> None:
    class Bad(MemoryHarness):
        async def make(self) -> Any:
            raise ConnectionError("port 1 is closed")

    found = verdict(Bad, tmp_path)
    assert (found.outcome, found.explanation) == (
        Outcome.NOT_JUDGED,
        "harness.make raised ConnectionError: port 1 is closed",
    )


def test_a_make_that_gives_no_provider_judges_nothing(tmp_path: Path) -> None:
    class Bad(MemoryHarness):
        async def make(self) -> Any:
            return "memory"

    found = verdict(Bad, tmp_path)
    assert (found.outcome, found.explanation) == (
        Outcome.NOT_JUDGED,
        "harness.make gave 'memory', a str; it is to give a Provider",
    )


def test_a_spec_of_the_wrong_type_judges_nothing(tmp_path: Path) -> None:
    class Bad(MemoryHarness):
        def spec(self, kind: Any) -> Any:
            return {"do": kind}

    found = verdict(Bad, tmp_path)
    assert (found.outcome, found.explanation) == (
        Outcome.NOT_JUDGED,
        "harness.spec('waiting') gave {'do': 'waiting'}; it is to give a WorkflowSpec",
    )


def test_a_spec_that_raises_judges_nothing(tmp_path: Path) -> None:
    class Bad(MemoryHarness):
        def spec(self, kind: Any) -> Any:
            raise KeyError(kind)

    found = verdict(Bad, tmp_path)
    assert (found.outcome, found.explanation) == (
        Outcome.NOT_JUDGED,
        "harness.spec('waiting') raised KeyError: 'waiting'; for a kind that there is not it raises NotOfferedError",
    )


def test_a_provider_that_hangs_when_it_is_entered_is_named(tmp_path: Path) -> None:
    class Hangs(MemoryProvider):
        async def __aenter__(self) -> Any:
            await asyncio.Event().wait()

    found = verdict(of(Hangs), tmp_path)
    assert found.outcome is Outcome.BROKEN
    assert "Hangs.__aenter__ did not come back within 0.1 s" in found.explanation


def test_a_call_that_hangs_is_named_with_its_place(tmp_path: Path) -> None:
    class Hangs(MemoryProvider):
        async def get_execution_status(self, execution_id: str, *, history: bool = True) -> Any:
            await asyncio.Event().wait()

    found = verdict(of(Hangs), tmp_path)
    assert found.outcome is Outcome.BROKEN
    assert "did not come back within 0.1 s" in found.explanation
    assert found.error is not None


def test_a_hang_that_swallows_its_cancellation_is_left_behind(tmp_path: Path) -> None:
    class Swallows(MemoryProvider):
        async def get_execution_status(self, execution_id: str, *, history: bool = True) -> Any:
            end = time.monotonic() + 3  # not for ever: it would outlive this test
            while time.monotonic() < end:
                try:
                    await asyncio.sleep(0.1)
                except asyncio.CancelledError:
                    continue

    found = verdict(of(Swallows), tmp_path)
    assert found.outcome is Outcome.BROKEN
    assert found.faults == ["tasks were left behind that do not end when they are cancelled"]


@pytest.mark.usefixtures("blocking_allowed")
def test_a_provider_that_blocks_the_loop_is_named(tmp_path: Path) -> None:
    class Blocks(MemoryProvider):
        async def get_execution_status(self, execution_id: str, *, history: bool = True) -> Any:
            time.sleep(1)  # noqa: ASYNC251 - this is the fault

    found = verdict(of(Blocks), tmp_path)
    assert found.outcome is Outcome.BROKEN
    assert found.explanation == "the event loop was blocked in the test for 0.3 s"


@pytest.fixture
def blocking_allowed(blockbuster: Any) -> None:
    blockbuster.deactivate()


def test_a_cleanup_that_raises_is_named_beside_the_verdict(tmp_path: Path) -> None:
    class Bad(MemoryHarness):
        async def cleanup(self) -> None:
            raise PermissionError("not mine to remove")

    found = verdict(Bad, tmp_path)
    assert (found.outcome, found.faults) == (
        Outcome.KEPT,
        ["Bad.cleanup raised PermissionError: not mine to remove".replace("Bad", "harness")],
    )


def test_a_provider_that_raises_when_it_is_left_is_named_beside_the_verdict(tmp_path: Path) -> None:
    class Bad(MemoryProvider):
        async def __aexit__(self, *given: object) -> None:
            raise OSError("half closed")

    found = verdict(of(Bad), tmp_path)
    assert (found.outcome, found.faults) == (Outcome.KEPT, ["leaving the provider raised OSError: half closed"])


def test_what_a_failed_test_made_is_cleaned_up(tmp_path: Path) -> None:
    made: list[MemoryHarness] = []

    class Odd(MemoryProvider):
        async def get_execution_status(self, execution_id: str, *, history: bool = True) -> Any:
            raise KeyError(execution_id)

    class Kept(of(Odd)):  # type: ignore[misc]
        def __init__(self, folder: Path) -> None:
            super().__init__(folder)
            made.append(self)

    assert verdict(Kept, tmp_path).outcome is Outcome.BROKEN
    storage = made[0].storage
    assert not storage.workflows
    assert [run.state.is_terminal for run in storage.runs.values()] == [True]
