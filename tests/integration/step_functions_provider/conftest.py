"""A scripted server, and a provider that speaks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from enginehouse.providers.step_functions import StepFunctionsProvider
from tests.integration.step_functions_provider.wire import Wire, wire

REGION = "eu-central-1"
ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/machines"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that nobody knows, and no configuration but the test's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aws() -> Iterator[Wire]:
    with wire() as server:
        yield server


@pytest.fixture
async def provider(aws: Wire) -> AsyncIterator[StepFunctionsProvider]:
    async with StepFunctionsProvider(REGION, endpoint=aws.url, role=ROLE, timeout=2.0) as made:
        yield made
