"""botocore's clients: made once for each service, role and endpoint, and used from the threads of the pool."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from enginehouse.tasks.aws.access import AwsAccess
from enginehouse.tasks.aws.catalog import UnknownNameError, is_botocores, prefix, service
from enginehouse.tasks.aws.strangers import refuse_strangers

_CONNECT, _READ = 3.0, 60.0
_PATIENCE = 910.0  # a Lambda function may take 15 minutes
_ROLE_MARGIN = 300.0


@dataclass(frozen=True, slots=True)
class _Keys:
    access: str
    secret: str
    token: str
    expires: float


class UnknownEndpointError(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """An endpoint is given for what is no service, and the one that was meant would be called at AWS itself."""

    fmt = "aws has an endpoint for {name!r}: {reason}"


class Clients:
    """Makes clients, blocking, under a lock: botocore's sessions are not safe to share while they make one."""

    def __init__(self, access: AwsAccess) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._role_lock = threading.Lock()
        self._session: Session | None = None
        self._clients: dict[tuple[str, ...], Any] = {}
        self._roles: dict[str, _Keys] = {}

    def get(self, service: str, *, role: str = "", endpoint: str = "", patient: bool = False) -> Any:
        """The client of a service, by botocore's name. ``role``: the ARN of the role to be taken on; ``endpoint``: instead
        of the configured one; ``patient``: waits long for an answer, and asks once."""
        keys = self._keys(role) if role else None
        key = (service, endpoint, "patient" if patient else "", role, keys.access if keys else "")
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(service, keys, endpoint, patient)
            return self._clients[key]

    def _make(self, service: str, keys: _Keys | None, endpoint: str, patient: bool) -> Any:
        access = self._access
        if self._session is None:
            _check_endpoints(access)
            self._session = Session(profile=access.profile or None)
        session = self._session
        region = access.region or os.environ.get("AWS_REGION") or session.get_config_variable("region") or None
        url = endpoint or self._access.endpoint_of(*names_of(service))
        if keys is None and access.endpoints_only and session.get_credentials() is None:
            keys = _Keys("nobody", "nothing", "", 0)
        client = session.create_client(
            service,
            region_name=region,
            endpoint_url=url or None,
            aws_access_key_id=keys.access if keys else None,
            aws_secret_access_key=keys.secret if keys else None,
            aws_session_token=keys.token or None if keys else None,
            config=Config(
                connect_timeout=_CONNECT,
                read_timeout=_PATIENCE if patient else _READ,
                retries={"mode": "standard", "total_max_attempts": 1 if patient else 3},
                max_pool_connections=access.connections,
                parameter_validation=False,
                # Some actions have a host of their own at AWS (sync-states...), and nowhere else.
                inject_host_prefix=not (url or any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)),
                response_checksum_validation="when_required",  # else S3 shows checksums that nobody asked for
            ),
        )
        client.meta.events.register("before-parse.*.*", _keep_headers)
        refuse_strangers(client)
        return client

    def _keys(self, role: str) -> _Keys:
        """The keys of a role (a task's ``Credentials``), kept until shortly before they expire."""
        with self._role_lock:
            kept = self._roles.get(role)
            if kept is None or kept.expires < time.time():
                answered = self.get("sts").assume_role(RoleArn=role, RoleSessionName="enginehouse")
                given = answered["Credentials"]
                expires = given["Expiration"].timestamp() - _ROLE_MARGIN
                kept = _Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], expires)
                self._roles[role] = kept
            return kept


def _check_endpoints(access: AwsAccess) -> None:
    if access.endpoints_only:  # all other services are refused anyway
        return
    for name in access.endpoints:
        try:
            if not is_botocores(name):
                service(name)
        except UnknownNameError as error:
            raise UnknownEndpointError(name=name, reason=str(error)) from None


def names_of(service: str) -> tuple[str, str]:
    """What an endpoint of the service may be named by: botocore's name for it, and that of definitions."""
    return service, prefix(service).lower()


HEADERS = "enginehouse.headers"


def _keep_headers(response_dict: Any, customized_response_dict: Any, **_: object) -> None:
    """botocore gives header names in small letters; AWS shows them as they came."""
    customized_response_dict[HEADERS] = dict(response_dict.get("headers") or {})
