"""Our own providers under the kit, run as a stranger runs it; docs/capabilities.md says what it says."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from enginehouse.conformance import matrix
from enginehouse.conformance.judging import Outcome
from enginehouse.conformance.rules import RULES

PAGE = Path(__file__).parents[2] / "docs" / "capabilities.md"


@pytest.mark.parametrize(
    "name", ["mock", "local", "step_functions", pytest.param("temporal", marks=pytest.mark.temporal_server)]
)
def test_our_provider_keeps_every_rule(name: str, tmp_path: Path) -> None:
    target = f"enginehouse.providers.{name}.testing:Harness"
    command = [
        sys.executable, "-m", "pytest", "-p", "enginehouse.conformance.plugin", "--pyargs", "enginehouse.conformance",
        "--provider-harness", target, "--conformance-report", "report.json", "-q", "--tb=short",
        "-W", "error::pytest.PytestUnhandledThreadExceptionWarning", "-p", "no:cacheprovider",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    lines = matrix.read(tmp_path / "report.json")
    assert list(lines) == list(RULES)
    assert {line.outcome for line in lines.values()} <= {Outcome.KEPT, Outcome.NOT_OFFERED}

    by_nature = ("errors.declined", "delete.busy")  # what a provider does not do that need not
    declared = importlib.import_module(target.partition(":")[0]).Harness.not_offered.values()
    unexplained = [
        line.rule
        for line in lines.values()
        if line.outcome == Outcome.NOT_OFFERED and line.explanation not in declared and line.rule not in by_nature
    ]
    assert not unexplained, f"not offered, and the harness does not say why: {unexplained}"
    assert told(name) == {id: line.outcome for id, line in lines.items()}, (
        "docs/capabilities.md is old: make capabilities"
    )


def told(name: str) -> dict[str, str]:
    """What the page says of this provider, by rule."""
    table = [line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    column = next(row for row in table if row[0] == "rule").index(name)
    return {row[0].strip("`"): row[column] for row in table if row[0].strip("`") in RULES}
