"""From what was asked for on the command line, and the environment variables of Step Functions Local, to an API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from enginehouse.errors import InvalidSpecError
from enginehouse.providers.local import LocalProvider
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import Arns
from enginehouse.server.step_functions.catalogue import Catalogue
from enginehouse.server.step_functions.endpoints import endpoints_of
from enginehouse.server.step_functions.engine import Engine
from enginehouse.server.step_functions.lambdas import all_at, functions_of
from enginehouse.server.step_functions.on_local import LocalEngine
from enginehouse.server.step_functions.signature import Signatures, keys_of
from enginehouse.tasks.aws import AwsAccess
from enginehouse.tasks.lambda_invoke import ANY, LambdaFunction

STORE = "enginehouse.db"
MEMORY = ":memory:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the API is served. ``store``: a SQLite file, or ``:memory:``. ``lambdas``: as ``functions_of`` takes them; ``tasks``: as
    ``load_tasks`` does. ``skip_waits``: time is virtual. ``mock_config``: answers of tasks, in the format of Step Functions Local.
    ``credentials``: a shared credentials file, whose keys requests must be signed with."""

    store: str
    host: str = "127.0.0.1"
    region: str = "us-east-1"
    account: str = "123456789012"
    lambdas: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    http: tuple[str, ...] = ()
    skip_waits: bool = False
    mock_config: Path | None = None
    credentials: Path | None = None
    wait_scale: float = 1.0

    @property
    def mocked(self) -> bool:
        """Whether the mock is the engine, which keeps nothing."""
        return self.skip_waits or self.mock_config is not None


def wait_scale_of(environment: Mapping[str, str]) -> float:
    """``WAIT_TIME_SCALE``: by what waits are shortened. Raises ``InvalidSpecError``."""
    text = environment.get("WAIT_TIME_SCALE", "") or "1"
    try:
        scale = float(text)
    except ValueError:
        scale = -1.0
    if not 0 <= scale < float("inf"):
        raise InvalidSpecError(f"WAIT_TIME_SCALE is a number of 0 or more, not {text!r}")
    return scale


def signatures_of(settings: Settings) -> Signatures | None:
    """The keys that requests must be signed with; None where anybody on this machine may come in. Raises ``InvalidSpecError``
    where others could come in too, and nobody has said who may."""
    if settings.credentials is not None:
        return Signatures(keys_of(settings.credentials), settings.region)
    if not _is_loopback(settings.host):
        raise InvalidSpecError(
            f"{settings.host} can be reached from other machines: name the keys that may come in by --credentials FILE, "
            "a shared credentials file of AWS, or listen at 127.0.0.1"
        )
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def api_of(settings: Settings, environment: Mapping[str, str]) -> Api:
    """The API on the engine that the settings ask for; it is not opened. Raises ``InvalidSpecError``."""
    for name, value, pattern, example in (
        ("region", settings.region, r"[a-z0-9-]+", "us-east-1"),
        ("account", settings.account, r"[0-9]{12}", "123456789012"),
    ):
        if not re.fullmatch(pattern, value):
            raise InvalidSpecError(f"{value!r} is no {name} of AWS, such as {example}")
    arns, catalogue = Arns(region=settings.region, account=settings.account), Catalogue()
    prefix = arns.of("activity:")

    def has_activity(arn: str) -> bool:
        known = arn.startswith(prefix) and arn.removeprefix(prefix) in catalogue.activities
        return known or not catalogue.complete

    make = _mock if settings.mocked else _local
    return Api(make(settings, arns, environment, has_activity), arns, catalogue)


def _local(
    settings: Settings, arns: Arns, environment: Mapping[str, str], has_activity: Callable[[str], bool]
) -> Engine:
    return LocalEngine(
        LocalProvider(
            settings.store,
            engine=True,
            # what goes with the server need not reach the disk
            synchronous="OFF" if settings.store == MEMORY else "FULL",
            arns=arns.prefix,
            tasks=list(settings.tasks),
            lambdas=_lambdas(settings, environment),
            http=settings.http,
            aws=_aws(settings, environment),
            wait_scale=settings.wait_scale,
            activities=has_activity,
        )
    )


def _lambdas(settings: Settings, environment: Mapping[str, str]) -> dict[str, LambdaFunction]:
    found = functions_of(settings.lambdas)
    endpoint = endpoints_of(environment).get("lambda")
    return {**found, ANY: all_at(endpoint)} if endpoint else found


def _aws(settings: Settings, environment: Mapping[str, str]) -> AwsAccess:
    return AwsAccess(region=settings.region, endpoints=endpoints_of(environment), endpoints_only=True)


def _mock(
    settings: Settings, arns: Arns, environment: Mapping[str, str], has_activity: Callable[[str], bool]
) -> Engine:
    # loaded where it is wanted: most servers are up sooner without it
    from enginehouse.providers.mock import MockProvider
    from enginehouse.providers.mock.mock_file import read_config, script_from_file
    from enginehouse.server.step_functions.on_mock import CaseScripts, MockEngine

    file = settings.mock_config
    scripts = None
    if file is not None:
        read_config(
            file
        )  # what is wrong with it now is told now; each start reads it again, as it may be edited meanwhile
        scripts = CaseScripts(lambda machine, case: script_from_file(file, machine, case))
    return MockEngine(
        MockProvider(
            scripts,
            clock="jump" if settings.skip_waits else "real",
            start=datetime.now(UTC),
            arns=arns.prefix,
            tasks=list(settings.tasks),
            lambdas=_lambdas(settings, environment),
            http=settings.http,
            aws=_aws(settings, environment),
            activities=has_activity,
        ),
        scripts,
    )
