"""Where services are, by the environment variables of Step Functions Local and of AWS's own tools."""

from __future__ import annotations

from collections.abc import Mapping

_SUFFIX, _PREFIX = "_ENDPOINT", "AWS_ENDPOINT_URL_"


def endpoints_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Endpoints by service, as ``AwsAccess`` takes them: of ``SQS_ENDPOINT``, ``SAGE_MAKER_ENDPOINT`` or ``AWS_ENDPOINT_URL_SQS``; the
    first two win."""
    found: dict[str, str] = {}
    for variable, url in sorted(environment.items(), key=lambda item: item[0].endswith(_SUFFIX)):
        if variable.startswith(_PREFIX):
            name = variable.removeprefix(_PREFIX).lower()
        elif variable.endswith(_SUFFIX):
            name = variable.removesuffix(_SUFFIX).lower()
        else:
            continue
        if url:
            # botocore's names have hyphens, those in definitions nothing
            found[name.replace("_", "-")] = found[name.replace("_", "")] = url
    return found
