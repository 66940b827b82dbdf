"""The command lines that are shown to people speak to the engine that the flags named."""

from __future__ import annotations

from pathlib import Path

from enginehouse.cli.options import Engine


def test_a_command_that_is_shown_has_the_flags_that_were_given() -> None:
    assert Engine().command("watch", "order:7") == "enginehouse watch order:7"
    engine = Engine(provider="step-functions", config=Path("my aws.toml"))
    assert engine.command("watch", "order:7") == (
        "enginehouse watch order:7 --provider step-functions --config 'my aws.toml'"
    )
