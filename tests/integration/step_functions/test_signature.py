"""Who may come in: anybody on this machine, or those who sign with a key that is known."""

from __future__ import annotations

import re
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
from enginehouse.server.step_functions.signature import Secret, Signatures, keys_of
from tests.integration.step_functions.calls import refused
from tests.integration.step_functions.server import REGION, Server, serving

FILE = """\
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY

[other]
aws_access_key_id = OTHER
aws_secret_access_key = percent%%sign

[session]
aws_access_key_id = ASIAEXAMPLE
aws_secret_access_key = for a while
aws_session_token = of this session/+=
"""
KEYS = {"AKIDEXAMPLE": Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "credentials").write_text(FILE.replace("%%", "%"))
    with serving(folder, "--memory", "--host", "0.0.0.0", "--credentials", "credentials") as server:
        server.url = f"http://127.0.0.1:{server.port}"
        yield server


def client(
    server: Server, access: str, secret: str, token: str | None = None, region: str = REGION, **config: Any
) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=server.url,
        region_name=region,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def test_known_keys_come_in(server: Server) -> None:
    session = ("ASIAEXAMPLE", "for a while", "of this session/+=")
    for keys in (("AKIDEXAMPLE", KEYS["AKIDEXAMPLE"].key), ("OTHER", "percent%sign"), session):
        assert client(server, *keys).list_state_machines()["stateMachines"] == []


def test_others_stay_outside(server: Server) -> None:
    message = refused("UnrecognizedClientException", client(server, "NOBODY", "x").list_state_machines)
    assert message == "The security token included in the request is invalid."
    for keys in (("ASIAEXAMPLE", "for a while"), ("OTHER", "percent%sign", "a token that it has not")):
        message = refused("UnrecognizedClientException", client(server, *keys).list_state_machines)
        assert message == "The security token included in the request is invalid."
    message = refused("InvalidSignatureException", client(server, "OTHER", "wrong").list_state_machines)
    assert message.startswith("The request signature we calculated does not match")
    unsigned = client(server, "x", "x", signature_version=UNSIGNED)
    assert (
        refused("MissingAuthenticationTokenException", unsigned.list_state_machines) == "Missing Authentication Token"
    )


def test_a_signature_for_another_region_is_told_so(server: Server) -> None:
    elsewhere = client(server, "OTHER", "percent%sign", region="eu-west-1")
    message = refused("InvalidSignatureException", elsewhere.list_state_machines)
    assert message == "Credential should be scoped to a valid region, not 'eu-west-1'."


def signed(body: bytes, path: str = "/", service: str = "states", **headers: str) -> tuple[str, dict[bytes, bytes]]:
    request = AWSRequest("POST", f"http://here:8083{path}", headers={"X-Amz-Target": "t", **headers}, data=body)
    SigV4Auth(Credentials("AKIDEXAMPLE", KEYS["AKIDEXAMPLE"].key), service, REGION).add_auth(request)
    found = {name.lower().encode(): str(value).encode() for name, value in request.headers.items()}
    return path, {**found, b"host": b"here:8083"}


@given(body=st.binary(max_size=50), other=st.binary(max_size=50))
def test_a_signature_is_of_one_body_alone(body: bytes, other: bytes) -> None:
    path, headers = signed(body)
    signatures = Signatures(KEYS, REGION)
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
        Signatures(KEYS, REGION).check("POST", path, b"", {**headers, **change}, b"{}")


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(-6, "Signature not yet current: .* is still later than .* [+] 5 min"), (6, "Signature expired: .* - 5 min")],
)
def test_a_signature_is_good_for_five_minutes(minutes: int, said: str) -> None:
    path, headers = signed(b"{}")
    there = datetime.now(UTC) + timedelta(minutes=minutes)
    with pytest.raises(ApiError, match=said):
        Signatures(KEYS, REGION, lambda: there).check("POST", path, b"", headers, b"{}")


def test_a_signature_is_for_one_service_and_of_one_day() -> None:
    path, headers = signed(b"{}", service="sqs")
    with pytest.raises(ApiError, match="scoped to correct service: 'states'"):
        Signatures(KEYS, REGION).check("POST", path, b"", headers, b"{}")
    path, headers = signed(b"{}")
    authorization = re.sub(rb"/\d{8}/", b"/20200101/", headers[b"authorization"])
    with pytest.raises(ApiError, match=r"Date in Credential scope does not match .* '20200101' != "):
        Signatures(KEYS, REGION).check("POST", path, b"", {**headers, b"authorization": authorization}, b"{}")


def test_what_is_asked_for_must_be_signed() -> None:
    request = AWSRequest("POST", "http://here:8083/", data=b"{}")
    SigV4Auth(Credentials("AKIDEXAMPLE", KEYS["AKIDEXAMPLE"].key), "states", REGION).add_auth(request)
    headers = {name.lower().encode(): str(value).encode() for name, value in request.headers.items()}
    with pytest.raises(ApiError, match="does not match"):
        Signatures(KEYS, REGION).check(
            "POST", "/", b"", {**headers, b"host": b"here:8083", b"x-amz-target": b"t"}, b"{}"
        )


@pytest.mark.parametrize("text", ["", "[default]\nregion = x\n", "no file of profiles", "[a]\naws_access_key_id = x\n"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "credentials").write_text(text)
    with pytest.raises(InvalidSpecError, match="credentials file"):
        keys_of(tmp_path / "credentials")
    with pytest.raises(InvalidSpecError, match="cannot be read"):
        keys_of(tmp_path / "nothing")
