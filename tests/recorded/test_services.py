"""Native resources do what AWS was recorded to do, called on moto's server by the local engine and by the mock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from enginehouse.conformance.asl.figures import Figures, measure
from tests.moto_server import KEYS, configure, moto_server
from tests.recorded.bars import SERVICE_BARS, check_bars, check_misses
from tests.recorded.cases import needs_recordings, service_cases
from tests.recorded.known_misses import SERVICE_MISSES
from tests.recorded.services import HOSTS, run_service_cases

pytestmark = needs_recordings


@pytest.fixture(scope="module", params=HOSTS)
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    with moto_server("111111111111") as url, pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        configure(url, '{"stepfunctions": {"execute_state_machine": true}}')
        yield measure(*run_service_cases(request.param, service_cases(), url))


def test_status_and_output(figures: Figures) -> None:
    check_bars(figures, "outcomes", SERVICE_BARS)


def test_history_events(figures: Figures) -> None:
    check_bars(figures, "events", SERVICE_BARS)


def test_every_miss_has_its_reason(figures: Figures) -> None:
    check_misses(figures, SERVICE_MISSES)
