"""What a command makes of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from enginehouse.cli.options import Engine
from enginehouse.cli.session import Session, within_session
from enginehouse.config import Settings
from enginehouse.manager import Manager

CONFIG = """
[enginehouse]
tasks = ["tasks.py"]

[providers.temporal]
works = true

[providers.step-functions]
region = "eu-central-1"
"""


@pytest.mark.parametrize("name", ["temporal", "step-functions"])
def test_a_command_that_only_asks_is_no_worker(tmp_path: Path, name: str) -> None:
    (tmp_path / "tasks.py").write_text("from enginehouse import task\n@task\ndef work(): ...\n")
    (tmp_path / "enginehouse.toml").write_text(CONFIG)

    async def settings_of_the_command(opened: Session) -> Settings:
        return opened.settings

    seen = within_session(Engine(provider=name, config=tmp_path / "enginehouse.toml"), settings_of_the_command)
    made = Manager.from_settings(seen).registry.get(name).settings  # type: ignore[attr-defined]
    assert (made.works, len(made.handlers)) == (False, 0)
