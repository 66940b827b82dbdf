"""Signature version 4: whether a request was signed with a key that is known here.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import configparser
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from enginehouse.errors import InvalidSpecError
from enginehouse.server.step_functions.errors import ApiError

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)
_SKEW = timedelta(minutes=5)
_SERVICE = "states"
_TIME = "%Y%m%dT%H%M%SZ"


class Secret(NamedTuple):
    """What goes with an access key. ``token``: of a session, which its requests carry along; others carry none."""

    key: str
    token: str = ""


def keys_of(file: Path) -> dict[str, Secret]:
    """Secrets by access key: those of every profile of a shared credentials file. Raises ``InvalidSpecError``."""
    profiles = configparser.ConfigParser(interpolation=None)
    try:
        profiles.read_string(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise InvalidSpecError(f"the credentials file {file} cannot be read: {error}") from error
    found = {
        profile["aws_access_key_id"]: Secret(profile["aws_secret_access_key"], profile.get("aws_session_token", ""))
        for profile in profiles.values()
        if "aws_access_key_id" in profile and "aws_secret_access_key" in profile
    }
    if not found:
        raise InvalidSpecError(
            f"the credentials file {file} has no profile with aws_access_key_id and aws_secret_access_key"
        )
    return found


class Signatures:
    """Checks requests against ``keys``, secrets by access key. They must be for ``region``; ``now`` is the time that they must
    be of."""

    def __init__(
        self, keys: Mapping[str, Secret], region: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._keys = keys
        self._region = region
        self._now = now

    def check(self, method: str, path: str, query: bytes, headers: Mapping[bytes, bytes], body: bytes) -> None:
        """Raises ``ApiError`` in AWS's words for a request that may not come in."""
        given = headers.get(b"authorization", b"").decode("latin-1")
        if not given:
            raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
        found = _HEADER.fullmatch(given.strip())
        if found is None:
            raise ApiError("IncompleteSignatureException", "The Authorization header is not a signature of version 4.")
        access, day, region, service, names, signature = found.groups()
        stamp = headers.get(b"x-amz-date", b"").decode("latin-1")
        secret = self._keys.get(access)
        if secret is None or headers.get(b"x-amz-security-token", b"").decode("latin-1") != secret.token:
            raise ApiError("UnrecognizedClientException", "The security token included in the request is invalid.")
        self._check_scope(stamp, day, region, service)
        signed = names.split(";")
        if not {"host", "x-amz-date", "x-amz-target"} <= {*signed}:
            raise _mismatch()
        request = "\n".join(
            [
                method,
                quote(path or "/", safe="/~-._"),
                query.decode("latin-1"),
                *(f"{name}:{_trimmed(headers.get(name.encode(), b''))}" for name in signed),
                "",
                names,
                hashlib.sha256(body).hexdigest(),
            ]
        )
        scope = f"{day}/{region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode("latin-1")).hexdigest()])
        key = f"AWS4{secret.key}".encode()
        for part in (day, region, service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signature):
            raise _mismatch()

    def _check_scope(self, stamp: str, day: str, region: str, service: str) -> None:
        """What the signature is for, in the order in which AWS looks at it."""
        try:
            signed = datetime.strptime(stamp, _TIME).replace(tzinfo=UTC)
        except ValueError:
            raise ApiError("IncompleteSignatureException", "The header X-Amz-Date is missing or is no time.") from None
        if not stamp.startswith(day):
            raise _invalid(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                f"'{day}' != '{stamp[:8]}', from '{stamp}'."
            )
        if region != self._region:
            raise _invalid(f"Credential should be scoped to a valid region, not '{region}'.")
        if service != _SERVICE:
            raise _invalid(f"Credential should be scoped to correct service: '{_SERVICE}'.")
        now = self._now()
        if signed < now - _SKEW:
            earliest = f"{now - _SKEW:{_TIME}} ({now:{_TIME}} - 5 min.)"
            raise _invalid(f"Signature expired: {stamp} is now earlier than {earliest}")
        if signed > now + _SKEW:
            latest = f"{now + _SKEW:{_TIME}} ({now:{_TIME}} + 5 min.)"
            raise _invalid(f"Signature not yet current: {stamp} is still later than {latest}")


def _trimmed(value: bytes) -> str:
    return " ".join(value.decode("latin-1").split())


def _invalid(why: str) -> ApiError:
    return ApiError("InvalidSignatureException", why)


def _mismatch() -> ApiError:
    return _invalid(
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )
