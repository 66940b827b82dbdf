"""Which services and actions there are: botocore's models, by the names that definitions give them."""

from __future__ import annotations

import difflib
import gzip
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from botocore.loaders import Loader
from botocore.model import ServiceModel

from enginehouse.tasks.aws.names import action_name, service_prefix

_SERVICE_ID = re.compile(rb'"serviceId"\s*:\s*"([^"]+)"')
_HEAD = 4096


class UnknownNameError(LookupError):
    """There is no such service or action; the message says what there is."""


@cache
def _loader() -> Loader:
    return Loader(include_default_search_paths=True)


@cache
def services() -> Mapping[str, str]:
    """botocore's name of each service by the one in resources: ``sfn`` is ``stepfunctions``."""
    found: dict[str, str] = {}
    for name in _loader().list_available_services("service-2"):
        found.setdefault(service_prefix(_service_id(name)).lower(), name)
    return found


def is_botocores(name: str) -> bool:
    """Whether botocore has a service of this name."""
    return name in _loader().list_available_services("service-2")


def _service_id(name: str) -> str:
    """From the first bytes of the model: to read all 445 models whole takes half a minute."""
    version = _loader().determine_latest_version(name, "service-2")
    for head in _heads(name, version):
        found = _SERVICE_ID.search(head)
        if found is not None:
            return found[1].decode()
    metadata = _loader().load_service_model(name, "service-2")["metadata"]
    return str(metadata.get("serviceId") or name)


def _heads(name: str, version: str) -> Iterator[bytes]:
    for folder in _loader().search_paths:
        place = Path(folder) / name / version
        packed, plain = place / "service-2.json.gz", place / "service-2.json"
        if packed.is_file():
            with gzip.open(packed) as file:
                yield file.read(_HEAD)
        elif plain.is_file():
            with plain.open("rb") as file:
                yield file.read(_HEAD)


def names_of_sdk(resource: str) -> tuple[str, str]:
    """The service and the action of ``aws-sdk:SERVICE:ACTION``. Raises ``UnknownNameError``."""
    parts = resource.split(":")
    if len(parts) != 3:
        raise UnknownNameError(f"{resource!r} is not aws-sdk:SERVICE:ACTION")
    return parts[1], parts[2]


def service(name: str) -> str:
    """botocore's name of what a resource calls ``aws-sdk:NAME``. Raises ``UnknownNameError``."""
    known = services()
    if name in known:
        return known[name]
    by_botocore = {theirs: ours for ours, theirs in known.items()}
    if name in by_botocore:
        raise UnknownNameError(f"there is no AWS service {name!r} for aws-sdk; it is called {by_botocore[name]!r}")
    raise UnknownNameError(f"there is no AWS service {name!r} for aws-sdk{_nearest(name, known)}")


@cache
def model(botocore_name: str) -> ServiceModel:
    """The model of a service, by botocore's name."""
    return ServiceModel(_loader().load_service_model(botocore_name, "service-2"), botocore_name)


def prefix(botocore_name: str) -> str:
    """The prefix of the service's errors."""
    return service_prefix(str(model(botocore_name).service_id))


@cache
def operations(botocore_name: str) -> Mapping[str, str]:
    """The operation of each action: ``describeDBInstances`` is ``DescribeDBInstances``."""
    return {action_name(name): name for name in model(botocore_name).operation_names}


def operation(botocore_name: str, action: str) -> str:
    """The operation that a resource calls ``action``. Raises ``UnknownNameError``."""
    known = operations(botocore_name)
    if action in known:
        return known[action]
    raise UnknownNameError(
        f"the AWS service {prefix(botocore_name).lower()!r} has no action {action!r}{_nearest(action, known)}"
    )


def _nearest(name: str, known: Mapping[str, object]) -> str:
    lower = {item.lower(): item for item in known}
    near = difflib.get_close_matches(name.lower(), lower, 1, 0.6)
    return f"; did you mean {lower[near[0]]!r}?" if near else ""
