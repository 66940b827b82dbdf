"""Whether, where and as whom AWS is called."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from urllib.parse import urlsplit

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "region": str,
    "profile": str,
    "endpoint": str,
    "endpoints": Mapping,
    "poll": (int, float),
    "connections": int,
    "endpoints_only": bool,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAccess:
    """How AWS services are called; what is left out is as botocore finds it (environment, profile, instance role).

    ``endpoint`` is for all services, ``endpoints`` for single ones, by the name that definitions or botocore give them.
    ``poll``: seconds between two looks at a job that is waited for; the first ones come sooner. ``connections``: how many
    calls run at once. ``endpoints_only``: a service for which there is no endpoint is not called, so that nothing ever goes to
    AWS itself; credentials are made up where there are none.
    """

    region: str = ""
    profile: str = ""
    endpoint: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    poll: float = 5.0
    connections: int = 16
    endpoints_only: bool = False

    def endpoint_of(self, *names: str) -> str:
        """The endpoint of the service that has these names; empty where it is called where botocore finds it."""
        return next((url for name in names if (url := self.endpoints.get(name))), self.endpoint)

    def reaches(self, *names: str) -> bool:
        """Whether the service that has these names may be called."""
        return not self.endpoints_only or bool(self.endpoint_of(*names))


def aws_access(given: AwsAccess | Mapping[str, object] | bool | None) -> AwsAccess | None:
    """What a provider is given as ``aws``: True for botocore's own defaults, or a table of ``AwsAccess``'s fields.

    None where AWS is not to be called. Raises ``ValueError`` for a wrong table, and where boto3 is not installed.
    """
    if given is None or given is False:
        return None
    if find_spec("botocore") is None:
        raise ValueError("aws is switched on, and boto3 is not installed: pip install 'enginehouse[aws]'")
    if isinstance(given, AwsAccess):
        return given
    if given is True:
        return AwsAccess()
    if not isinstance(given, Mapping):
        raise ValueError(f"aws is true, false or a table of {', '.join(_KINDS)}; not {given!r}")
    for name, value in given.items():
        _check(name, value)
    return AwsAccess(**given)  # type: ignore[arg-type]


def _check(name: str, value: object) -> None:
    if name not in _KINDS:
        near = difflib.get_close_matches(str(name), _KINDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_KINDS)}"
        raise ValueError(f"aws has no option {name!r}; {hint}")
    if not isinstance(value, _KINDS[name]) or isinstance(value, bool) != (_KINDS[name] is bool):
        raise ValueError(f"the option {name!r} of aws cannot be {value!r}")
    if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
        raise ValueError(f"the option {name!r} of aws must be above 0, not {value!r}")
    urls = [value] if name == "endpoint" else list(value.values()) if isinstance(value, Mapping) else []
    for url in urls:
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"an endpoint of aws is a URL such as http://127.0.0.1:4566, not {url!r}")


assert set(_KINDS) == {item.name for item in fields(AwsAccess)}  # noqa: S101 -- every option is checked
