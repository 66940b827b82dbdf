"""Who may come in: anybody on this machine, or those who sign with a key that is known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.errors import InvalidSpecError
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.signature import Signatures, keys_of
from tests.integration.step_functions.calls import refused
from tests.integration.step_functions.server import REGION, Server, serving

FILE = """\
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY

[other]
aws_access_key_id = OTHER
aws_secret_access_key = percent%%sign
"""
KEYS = {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "credentials").write_text(FILE.replace("%%", "%"))
    with serving(folder, "--memory", "--host", "0.0.0.0", "--credentials", "credentials") as server:
        server.url = f"http://127.0.0.1:{server.port}"
        yield server


def client(server: Server, access: str, secret: str, **config: Any) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def test_known_keys_come_in(server: Server) -> None:
    for access, secret in (*KEYS.items(), ("OTHER", "percent%sign")):
        assert client(server, access, secret).list_state_machines()["stateMachines"] == []


def test_others_stay_outside(server: Server) -> None:
    message = refused("UnrecognizedClientException", client(server, "NOBODY", "x").list_state_machines)
    assert message == "The security token included in the request is invalid."
    message = refused("InvalidSignatureException", client(server, "OTHER", "wrong").list_state_machines)
    assert message.startswith("The request signature we calculated does not match")
    unsigned = client(server, "x", "x", signature_version=UNSIGNED)
    assert (
        refused("MissingAuthenticationTokenException", unsigned.list_state_machines) == "Missing Authentication Token"
    )


def signed(body: bytes, path: str = "/", **headers: str) -> tuple[str, dict[bytes, bytes]]:
    request = AWSRequest("POST", f"http://here:8083{path}", headers={"X-Amz-Target": "t", **headers}, data=body)
    SigV4Auth(Credentials("AKIDEXAMPLE", KEYS["AKIDEXAMPLE"]), "states", REGION).add_auth(request)
    found = {name.lower().encode(): str(value).encode() for name, value in request.headers.items()}
    return path, {**found, b"host": b"here:8083"}


@given(body=st.binary(max_size=50), other=st.binary(max_size=50))
def test_a_signature_is_of_one_body_alone(body: bytes, other: bytes) -> None:
    path, headers = signed(body)
    signatures = Signatures(KEYS)
    signatures.check("POST", path, b"", headers, body)
    if other != body:
        with pytest.raises(ApiError, match="does not match"):
            signatures.check("POST", path, b"", headers, other)


@pytest.mark.parametrize(
    "change",
    [
        {b"x-amz-target": b"other"},
        {b"host": b"elsewhere"},
        {b"authorization": b"AWS4-HMAC-SHA256 nonsense"},
        {b"authorization": b"Bearer token"},
        {b"x-amz-date": b""},
        {b"x-amz-date": b"20200101T000000Z"},
    ],
)
def test_what_was_signed_must_not_change(change: dict[bytes, bytes]) -> None:
    path, headers = signed(b"{}")
    with pytest.raises(ApiError):
        Signatures(KEYS).check("POST", path, b"", {**headers, **change}, b"{}")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_is_good_for_five_minutes(minutes: int) -> None:
    path, headers = signed(b"{}")
    there = datetime.now(UTC) + timedelta(minutes=minutes)
    with pytest.raises(ApiError, match="Signature expired"):
        Signatures(KEYS, lambda: there).check("POST", path, b"", headers, b"{}")


@pytest.mark.parametrize("text", ["", "[default]\nregion = x\n", "no file of profiles", "[a]\naws_access_key_id = x\n"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "credentials").write_text(text)
    with pytest.raises(InvalidSpecError, match="credentials file"):
        keys_of(tmp_path / "credentials")
    with pytest.raises(InvalidSpecError, match="cannot be read"):
        keys_of(tmp_path / "nothing")
