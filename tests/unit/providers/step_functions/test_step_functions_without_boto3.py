"""boto3 is an extra: what is said where it is not installed, and what goes without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WITHOUT = "import sys; sys.modules['boto3'] = sys.modules['botocore'] = None\n"
CALL = """
import asyncio
from enginehouse.errors import ProviderNotFoundError
from enginehouse.providers.step_functions import StepFunctionsProvider
try:
    asyncio.run(StepFunctionsProvider("eu-central-1").delete_workflow("flow"))
except ProviderNotFoundError as error:
    print(error)
"""


def run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", WITHOUT + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_first_call_names_the_extra() -> None:
    assert "pip install 'enginehouse[aws]'" in run(CALL)


def test_a_workflow_is_exported_all_the_same(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("StartAt: Do\nStates:\n  Do: {Type: Task, Resource: 'task:do', End: true}\n")
    code = (
        "import importlib.metadata as metadata\n"
        "given = metadata.distribution\n"
        "def distribution(name):\n"
        "    if name == 'boto3': raise metadata.PackageNotFoundError(name)\n"
        "    return given(name)\n"
        "metadata.distribution = distribution\n"
        "from enginehouse.cli import main\n"
        "main()\n"
    )
    assert "AWS::StepFunctions::Activity" in run(code, "export", str(flow))
    assert "pip install 'enginehouse[aws]'" in run(code, "providers", "--json")


def test_boto3_is_imported_on_a_thread_also_for_a_provider_that_nobody_entered() -> None:
    code = """
import asyncio, sys, threading
from enginehouse.providers.step_functions import StepFunctionsProvider

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "botocore":
            print("on the loop" if threading.current_thread() is threading.main_thread() else "on a thread")

sys.meta_path.insert(0, Finder())
async def main():
    try:
        await StepFunctionsProvider("eu-central-1", endpoint="http://127.0.0.1:9", timeout=0.1).get_execution_status("x")
    except Exception:
        pass
asyncio.run(main())
"""
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == "on a thread\n"
