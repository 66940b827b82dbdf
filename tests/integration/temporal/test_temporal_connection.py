"""TLS, client certificates, API keys and profiles, through a door that asks for them before a real dev server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from enginehouse.errors import EnginehouseError, InvalidSpecError, ProviderError, ProviderUnavailableError
from enginehouse.providers.temporal import TemporalProvider
from enginehouse.providers.temporal.testing import DevServer
from tests.integration.temporal.front import Front
from tests.integration.temporal.running import one, run

pytestmark = pytest.mark.temporal_server

KEY = "a-key-of-the-team"
CA, CERT, CERT_KEY = "TEMPORAL_TLS_SERVER_CA_CERT_PATH", "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of this machine's."""
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, ca: trustme.CA) -> Path:
    """The authority's certificate, another one's, and a client's own."""
    mine = ca.issue_cert("client")
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    mine.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    mine.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    return tmp_path


@pytest.fixture
def door(server: DevServer, ca: trustme.CA) -> Iterator[Front]:
    """TLS, and an API key."""
    front = Front(server.port, ca.issue_cert("localhost"), key=KEY)
    yield front
    front.close()


@pytest.fixture
def guarded(server: DevServer, ca: trustme.CA) -> Iterator[Front]:
    """TLS, and certificates of clients."""
    front = Front(server.port, ca.issue_cert("localhost"), ca=ca)
    yield front
    front.close()


async def refusal(provider: TemporalProvider) -> EnginehouseError:
    with pytest.raises(EnginehouseError) as caught:
        async with provider:
            await provider.get_execution_status("any")
    return caught.value


async def double(given: int) -> int:
    return 2 * given


@pytest.mark.parametrize("tls", [None, True])
async def test_an_execution_runs_through_tls_with_an_api_key(
    monkeypatch: pytest.MonkeyPatch, door: Front, files: Path, tls: bool | None
) -> None:
    monkeypatch.setenv(CA, str(files / "ca.pem"))
    async with TemporalProvider(
        door.address, api_key=KEY, tls=tls, tasks={"double": double}, task_queue="tls"
    ) as provider:
        status = await run(provider, one("Task", Resource="task:double"), 4)
    assert status.output == 8
    assert {"StartWorkflowExecution", "RespondWorkflowTaskCompleted", "RespondActivityTaskCompleted"} <= set(door.calls)


async def test_an_execution_runs_through_tls_with_a_clients_certificate(
    monkeypatch: pytest.MonkeyPatch, guarded: Front, files: Path
) -> None:
    for name, file in ((CA, "ca.pem"), (CERT, "cert.pem"), (CERT_KEY, "key.pem")):
        monkeypatch.setenv(name, str(files / file))
    async with TemporalProvider(guarded.address, tasks={"double": double}, task_queue="mtls") as provider:
        status = await run(provider, one("Task", Resource="task:double"), 4)
    assert status.output == 8


@pytest.mark.parametrize("key", ["another-key", None])
@pytest.mark.parametrize("works", [False, True], ids=["client", "worker"])
async def test_a_wrong_key_and_none_are_refused(
    monkeypatch: pytest.MonkeyPatch, door: Front, files: Path, key: str | None, works: bool
) -> None:
    monkeypatch.setenv(CA, str(files / "ca.pem"))
    error = await refusal(TemporalProvider(door.address, api_key=key, works=works))
    assert isinstance(error, ProviderError)
    assert not isinstance(error, ProviderUnavailableError)
    assert "refuses these credentials" in str(error)
    assert "api_key" in str(error)


async def test_a_server_that_is_not_trusted_is_not_talked_to(
    monkeypatch: pytest.MonkeyPatch, door: Front, files: Path
) -> None:
    monkeypatch.setenv(CA, str(files / "other.pem"))
    error = await refusal(TemporalProvider(door.address, api_key=KEY))
    assert "is not trusted" in str(error)
    assert CA in str(error)
    assert not error.retryable
    monkeypatch.delenv(CA)
    assert "is not trusted" in str(await refusal(TemporalProvider(door.address, tls=True)))
    assert door.calls == []


async def test_a_server_of_another_name_is_not_talked_to_unless_that_is_the_one_meant(
    monkeypatch: pytest.MonkeyPatch, server: DevServer, ca: trustme.CA, files: Path
) -> None:
    front = Front(server.port, ca.issue_cert("temporal.example.com"))
    try:
        monkeypatch.setenv(CA, str(files / "ca.pem"))
        assert "another name" in str(await refusal(TemporalProvider(front.address)))
        monkeypatch.setenv("TEMPORAL_TLS_SERVER_NAME", "temporal.example.com")
        assert "no such execution" in str(await refusal(TemporalProvider(front.address)))
    finally:
        await asyncio.to_thread(front.close)


async def test_tls_on_one_side_only_is_said(server: DevServer, guarded: Front) -> None:
    assert "does not speak TLS" in str(await refusal(TemporalProvider(server.address, tls=True)))
    plain = await refusal(TemporalProvider(guarded.address))
    assert isinstance(plain, ProviderUnavailableError)
    assert "it may want TLS" in str(plain)


async def test_no_certificate_where_one_is_wanted_is_said(
    monkeypatch: pytest.MonkeyPatch, guarded: Front, files: Path
) -> None:
    monkeypatch.setenv(CA, str(files / "ca.pem"))
    assert CERT in str(await refusal(TemporalProvider(guarded.address)))


async def test_a_profile_of_temporals_file_is_used_and_what_is_given_goes_before_it(
    monkeypatch: pytest.MonkeyPatch, door: Front, files: Path
) -> None:
    config = files / "temporal.toml"
    await asyncio.to_thread(
        config.write_text,
        f'[profile.shop]\naddress = "{door.address}"\nnamespace = "no-such"\napi_key = "{KEY}"\n'
        f'[profile.shop.tls]\nserver_ca_cert_path = "{files / "ca.pem"}"\n',
    )
    by_name = TemporalProvider(profile="shop", config_file=str(config))
    assert "the namespace does not exist" in str(await refusal(by_name))
    assert "no such execution" in str(
        await refusal(TemporalProvider(profile="shop", config_file=str(config), namespace="default"))
    )
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(config))
    monkeypatch.setenv("TEMPORAL_PROFILE", "shop")
    assert "the namespace does not exist" in str(await refusal(TemporalProvider()))
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "default")
    assert "no such execution" in str(await refusal(TemporalProvider()))
    monkeypatch.setenv("TEMPORAL_API_KEY", "another-key")
    assert "refuses these credentials" in str(await refusal(TemporalProvider()))


async def test_a_profile_that_is_not_there_and_a_file_that_is_no_toml_are_said(files: Path) -> None:
    bad = files / "bad.toml"
    await asyncio.to_thread(bad.write_text, "[profile.shop]\naddress = \n")
    for profile, file, said in (
        ("shop", Path(os.devnull), "Profile 'shop' not found"),
        ("shop", bad, "line 2"),
    ):
        error = await refusal(TemporalProvider(profile=profile, config_file=str(file)))
        assert "environment configuration cannot be read" in str(error)
        assert said in str(error)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"address": "http://127.0.0.1:7233"}, "is HOST:PORT, without a scheme, not 'http://127.0.0.1:7233'"),
        ({"address": "a b"}, "is HOST:PORT, without a scheme, not 'a b'"),
        ({"config_file": "no-such.toml"}, "there is no file no-such.toml"),
    ],
)
@pytest.mark.parametrize("works", [False, True])
async def test_an_address_or_file_that_cannot_be_is_refused(options: dict[str, str], said: str, works: bool) -> None:
    error = await refusal(TemporalProvider(**options, works=works))  # type: ignore[arg-type]
    assert isinstance(error, InvalidSpecError)
    assert said in str(error)


@pytest.mark.parametrize("works", [False, True])
async def test_where_nobody_listens_the_address_and_the_reason_are_said(works: bool) -> None:
    error = await refusal(TemporalProvider("127.0.0.1:1", works=works))
    assert str(error).endswith("Temporal cannot be reached at 127.0.0.1:1: Connection refused")
