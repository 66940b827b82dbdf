"""The recordings: where they are, and which of them are run here.

They are not part of the project. They are looked for in the folder that ``ENGINEHOUSE_RECORDED`` names, or in
``shared/conformance`` beside the checkout.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from enginehouse.conformance.asl.cases import Case, read_cases

CASES = "asl_recorded_dev.json"
DEFINITIONS = "asl_validation_dev.json"


def folder() -> Path:
    named = os.environ.get("ENGINEHOUSE_RECORDED")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "conformance"


def present() -> bool:
    return (folder() / CASES).is_file()


needs_recordings = pytest.mark.skipif(
    not present(), reason=f"no recordings in {folder()}: set ENGINEHOUSE_RECORDED to the folder with {CASES}"
)


@cache
def recorded_cases() -> tuple[Case, ...]:
    """The recorded executions that call no service but Lambda."""
    return tuple(case for case in read_cases([folder() / CASES]) if case["category"] in ("pure", "lambda"))


@cache
def service_cases() -> tuple[Case, ...]:
    """The recorded executions that call other services of AWS."""
    return tuple(case for case in read_cases([folder() / CASES]) if case["category"] == "services")


@cache
def published_definitions() -> tuple[dict[str, Any], ...]:
    """The real-world definitions of the validation file: AWS's published samples."""
    entries = json.loads((folder() / DEFINITIONS).read_text())
    return tuple(entry for entry in entries if entry["source"] in ("workflows", "examples"))


def short_id(case: Case) -> str:
    """The case's id without its folders: ``test_wait.py::TestSfnWait::test_wait_seconds``."""
    return str(case["id"]).split("[", 1)[0].rsplit("/", 1)[-1] + (
        "[" + case["id"].split("[", 1)[1] if "[" in case["id"] else ""
    )
