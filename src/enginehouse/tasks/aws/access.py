"""Whether, where and as whom AWS is called."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.util import find_spec

from enginehouse.errors import Diagnostic, InvalidSpecError, ProviderNotFoundError

_KINDS: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "region": (str, "a text"),
    "profile": (str, "a text"),
    "endpoint": (str, "a text"),
    "endpoints": (Mapping, "a table of URLs, by service"),
    "poll": ((int, float), "a number of seconds"),
    "connections": (int, "a whole number"),
    "endpoints_only": (bool, "true or false"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAccess:
    """How AWS services are called; what is left out is as botocore finds it (environment, profile, instance role).

    ``endpoint`` is for all services, ``endpoints`` for single ones, by the name that definitions or botocore give them.
    ``poll``: seconds between two looks at a job that is waited for; the first ones come sooner. ``connections``: how many
    calls of one service run at once. ``endpoints_only``: a service for which there is no endpoint is not called, so that nothing ever goes to
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

    None where AWS is not to be called. Raises ``InvalidSpecError`` with all that is wrong with the table, and
    ``ProviderNotFoundError`` where boto3 is not installed.
    """
    if given is None or given is False:
        return None
    if find_spec("botocore") is None:
        raise ProviderNotFoundError(
            "aws is switched on, and boto3 is not installed", remedy="pip install 'enginehouse[aws]'"
        )
    if isinstance(given, AwsAccess):
        return given
    if given is True:
        return AwsAccess()
    if not isinstance(given, Mapping):
        raise _refused(
            [_fault("INVALID_OPTION", f"aws cannot be {given!r:.80}.", "", f"It is true, false or {_TABLE}")]
        )
    if faults := [fault for name, value in given.items() for fault in _faults(str(name), value)]:
        raise _refused(faults)
    return AwsAccess(**given)  # type: ignore[arg-type]


_TABLE = f"a table of {', '.join(_KINDS)}."


def _refused(faults: Sequence[Diagnostic]) -> InvalidSpecError:
    return InvalidSpecError("the configuration is wrong", diagnostics=faults)


def _faults(name: str, value: object) -> Iterator[Diagnostic]:
    if name not in _KINDS:
        near = difflib.get_close_matches(name, _KINDS, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"It is {_TABLE}"
        yield _fault("UNKNOWN_OPTION", f"aws has no option {name!r}.", name, hint)
        return
    kind, words = _KINDS[name]
    said = f"the option {name!r} of aws cannot be {value!r:.80}."
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        yield _fault("INVALID_OPTION", said, name, f"It is {words}.")
        return
    if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0:
        yield _fault("INVALID_OPTION", said, name, f"It is {words} above 0.")
    urls = {name: value} if name == "endpoint" else {}
    if isinstance(value, Mapping):
        urls = {f"{name}/{service}": url for service, url in value.items()}
    for place, url in urls.items():
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            said = f"an endpoint of aws cannot be {url!r:.80}."
            yield _fault("INVALID_OPTION", said, place, "It is a URL such as http://127.0.0.1:4566.")


def _fault(code: str, message: str, name: str, hint: str) -> Diagnostic:
    return Diagnostic("error", code, message, f"/aws/{name}" if name else "/aws", hint)


assert set(_KINDS) == {item.name for item in fields(AwsAccess)}  # noqa: S101 -- every option is checked
