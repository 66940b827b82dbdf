"""The cases of the language on Temporal: the same outcome and the same events, in the same order, as on the embedded engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from enginehouse.cli.case_providers import maker
from enginehouse.conformance.asl import Case, Result, disparities, own_cases, run_cases
from enginehouse.providers.temporal.testing import dev_server
from tests.recorded.cases import needs_recordings, recorded_cases

pytestmark = pytest.mark.temporal_server

Results = dict[str, Sequence[Result]]


def on_both(cases: Sequence[Case]) -> Results:
    async def run() -> Results:
        # A server that shares two busy cores with other tests may be slow: what is compared here is no speed.
        options = {"temporal": {"address": (await dev_server()).address, "timeout": 120.0}}
        return {name: await run_cases(cases, maker(name, options), limit=600) for name in ("local", "temporal")}

    return asyncio.run(run())


@pytest.fixture(scope="module")
def own() -> Results:
    return on_both(own_cases())


@pytest.fixture(scope="module")
def recorded() -> Results:
    return on_both(recorded_cases())


def check(cases: Sequence[Case], results: Results) -> None:
    assert all(result.ran for result in results["temporal"])
    found = disparities(cases, results)
    assert not found, "\n".join(map(str, found))


def test_our_own_cases(own: Results) -> None:
    check(own_cases(), own)


@needs_recordings
def test_recorded_cases_that_call_no_service_but_lambda(recorded: Results) -> None:
    check(recorded_cases(), recorded)
