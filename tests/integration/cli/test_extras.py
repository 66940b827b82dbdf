"""What an extra brings and is not installed is named with the command that installs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.command import ENVIRONMENT, LIMIT

# As if these were not installed: no module, and no distribution of the name.
WITHOUT = """
import importlib.metadata as metadata, sys
missing = {"uvicorn", "boto3", "botocore", "temporalio"}
sys.modules.update(dict.fromkeys(missing))
given = metadata.distribution
def distribution(name):
    if name in missing: raise metadata.PackageNotFoundError(name)
    return given(name)
metadata.distribution = distribution
from enginehouse.cli import main
sys.exit(main())
"""


def said(folder: Path, *words: str) -> dict[str, object]:
    command = [sys.executable, "-c", WITHOUT, *words, "--json"]
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    error: dict[str, object] = json.loads(done.stderr)["error"]
    return error


@pytest.mark.parametrize(
    ("words", "message", "extra"),
    [
        (["step-functions-api"], "the Step Functions API needs 'uvicorn', which is not installed", "server"),
        (["list", "workflows", "-p", "temporal"], "'temporal' needs 'temporalio', which is not installed", "temporal"),
        (["worker", "-p", "step-functions"], "'step-functions' needs 'boto3', which is not installed", "aws"),
        (["list", "workflows", "--store", ":memory:"], "aws is switched on, and boto3 is not installed", "aws"),
    ],
)
def test_the_next_move_is_the_command_that_installs_it(
    tmp_path: Path, words: list[str], message: str, extra: str
) -> None:
    (tmp_path / "enginehouse.toml").write_text("[providers.local]\naws = true\n")
    error = said(tmp_path, *words)
    assert str(error["message"]).endswith(message)
    assert error["next"] == f"pip install 'enginehouse[{extra}]'"
