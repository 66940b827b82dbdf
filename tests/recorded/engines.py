"""Run recorded cases through the mock and the local engine, as the command line runs cases through any provider, and
through the Step Functions API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from enginehouse.cli.case_providers import maker
from enginehouse.conformance.asl.cases import Case
from enginehouse.conformance.asl.observed import Observed
from enginehouse.conformance.asl.runner import run_cases
from tests.recorded.through_api import ApiProvider

API = "step-functions-api"
PROVIDERS = ("local", "mock", API)


async def run_all(host: str, cases: Iterable[Case]) -> list[Observed | str]:
    """What every case did, or the problem in its way."""
    results = await run_cases(cases, ApiProvider if host == API else maker(host, {}), jobs=8 if host == API else 40)
    return [result.observed or result.problem for result in results]


def run_one(host: str, case: Case) -> Observed:
    """What one case did. Raises ``RuntimeError`` where it could not be observed."""
    (result,) = asyncio.run(run_all(host, [case]))
    if isinstance(result, str):
        raise RuntimeError(result)
    return result
