"""The README's demo, unchanged, on Temporal and on the embedded engine: the same outcome, the same events."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from pathlib import Path

import pytest

from enginehouse import ExecutionInput, ExecutionStatus, Manager, WorkflowSpec
from enginehouse.config import Settings, load_settings
from enginehouse.providers.temporal.testing import dev_server

pytestmark = pytest.mark.temporal_server

DEMO = Path(__file__).parents[3] / "examples" / "tenant_provisioning"
MADE_BY_RUNS = shutil.ignore_patterns("*.db*", "__pycache__", "tenants")


async def provision(settings: Settings, definition: str, order: str) -> ExecutionStatus:
    async with Manager.from_settings(settings) as manager:
        spec = WorkflowSpec(workflow_id="provision", provider_type=settings.provider, definition=definition)
        await manager.create_workflow(spec)
        started = await manager.start_execution("provision", ExecutionInput(input=order))
        return await manager.wait(started.execution_id, timeout=60)


def demo(folder: Path, provider: str) -> ExecutionStatus:
    """Run the demo in a copy of its folder, with the provider's name as the one change."""
    shutil.copytree(DEMO, folder, ignore=MADE_BY_RUNS)
    place = {"address": asyncio.run(dev_server()).address, "task_queue": "demo", "prefix": "demo:"}
    overrides = {"provider": provider, "providers": {"temporal": place}}
    settings = load_settings(folder / "enginehouse.toml", overrides=overrides)
    definition, order = ((folder / name).read_text() for name in ("tenant-provisioning.yaml", "input.json"))
    try:
        return asyncio.run(provision(settings, definition, order))
    finally:
        (folder / "tenants" / "acme" / "service.url").unlink(missing_ok=True)  # the service ends


def told(status: ExecutionStatus) -> tuple[object, Counter[tuple[str, object]]]:
    """The output without what differs by the folder and by chance, and how often each event came. How often a service that
    warms up is asked differs by chance too."""
    assert isinstance(status.output, dict), status.error
    events = Counter((event.type, event.details.get("name")) for event in status.history if event.type[:4] != "Task")
    return {**status.output, "url": "", "home": ""}, events


def test_the_demo_does_the_same_on_temporal(tmp_path: Path) -> None:
    assert told(demo(tmp_path / "temporal", "temporal")) == told(demo(tmp_path / "local", "local"))
