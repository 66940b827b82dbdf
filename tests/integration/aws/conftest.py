"""A moto server for the session, and an environment in which botocore finds keys and nothing of the machine's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.moto_server import KEYS, configure, moto_server


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as url:
        configure(
            url,
            '{"stepfunctions": {"execute_state_machine": true}, "lambda": {"use_docker": false}, "batch": {"use_docker": false}}',
        )
        yield url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
