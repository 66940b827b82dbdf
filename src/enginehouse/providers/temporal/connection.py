"""The way to Temporal: a client from settings, and calls that end in time and fail in the contract's words."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import inspect
import re
from collections.abc import Awaitable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from temporalio.api.common.v1 import Payload
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import Client, ScheduleAlreadyRunningError
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RetryConfig, RPCError, RPCStatusCode, TLSConfig

from enginehouse.errors import (
    Diagnostic,
    EnginehouseError,
    InvalidSpecError,
    ProviderError,
    ProviderUnavailableError,
)
from enginehouse.providers.temporal.settings import PROVIDER, Settings

T = TypeVar("T")

# A dead server is told of soon: the caller may try again, and knows better how long.
_RETRY = RetryConfig(initial_interval_millis=50, max_interval_millis=500, max_elapsed_time_millis=2000, max_retries=4)

_REFUSED = "Temporal refuses these credentials; check `api_key` or TEMPORAL_API_KEY, and the namespace that it is for"

_TRY_AGAIN = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.ABORTED,
}


async def connect(settings: Settings, *, lazy: bool = True) -> Client:
    """A client; where ``lazy``, it connects at its first call. Raises ``ProviderError`` for a configuration that is wrong."""
    given = await asyncio.to_thread(_configured, settings)
    converter = DataConverter.default
    if settings.codec is not None:
        codec = await asyncio.to_thread(_codec, settings.codec)
        converter = dataclasses.replace(
            converter,
            payload_codec=_Codec(codec),
            failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
        )
    if settings.metrics:
        given["runtime"] = _runtime(settings.metrics)
    return await Client.connect(
        **given, data_converter=converter, interceptors=settings.interceptors, retry_config=_RETRY, lazy=lazy
    )


@cache
def _runtime(metrics: str) -> Runtime:
    """The SDK's runtime with its metrics for Prometheus at an address; one each for the whole process."""
    return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=metrics)))


def _configured(settings: Settings) -> dict[str, Any]:
    """Temporal's own environment configuration, under what was given to the provider. Raises ``ProviderError`` where it cannot be
    read, and ``InvalidSpecError`` for a file that is not there and an address that is none."""
    if settings.config_file and not Path(settings.config_file).exists():
        fault = Diagnostic("error", "NO_FILE", f"there is no file {settings.config_file}", "/config_file")
        raise InvalidSpecError("", diagnostics=[fault])
    try:
        found: dict[str, Any] = dict(
            ClientConfig.load_client_connect_config(settings.profile, config_file=settings.config_file)
        )
    except Exception as error:
        raise ProviderError("Temporal's environment configuration cannot be read", provider="temporal") from error
    given = {
        "target_host": settings.address,
        "namespace": settings.namespace,
        "api_key": settings.api_key,
        "tls": settings.tls,
    }
    here = {key: value for key, value in given.items() if value is not None}
    if settings.tls and isinstance(found.get("tls"), TLSConfig):
        del here["tls"]  # its certificates are there
    chosen = {"target_host": "localhost:7233", **found, **here}
    if not _ADDRESS.fullmatch(chosen["target_host"]):
        message = f"the address of Temporal is HOST:PORT, without a scheme, not {chosen['target_host']!r}"
        raise InvalidSpecError("", diagnostics=[Diagnostic("error", "INVALID_ADDRESS", message, "/address")])
    return chosen


def _codec(given: Any) -> PayloadCodec:
    """A payload codec: one, or ``module:name`` of one or of what makes one."""
    made = given
    if isinstance(given, str):
        module, _, name = given.partition(":")
        try:
            made = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise InvalidSpecError(
                "",
                diagnostics=[
                    Diagnostic("error", "INVALID_CODEC", f"there is no payload codec {given!r}: {error}", "/codec")
                ],
                provider="temporal",
            ) from error
    if inspect.isclass(made) or inspect.isfunction(made):
        made = made()
    if not isinstance(made, PayloadCodec):
        raise InvalidSpecError(f"{given!r} is no temporalio PayloadCodec", provider="temporal")
    return made


class _Codec(PayloadCodec):
    """The user's codec. What it fails with is told as what it is."""

    def __init__(self, codec: PayloadCodec) -> None:
        self._codec = codec

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        try:
            return await self._codec.encode(payloads)
        except Exception as error:
            raise _codec_failed("write", error) from error

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        try:
            return await self._codec.decode(payloads)
        except Exception as error:
            raise _codec_failed("read", error) from error


def _codec_failed(what: str, error: Exception) -> ProviderError:
    kind = type(error).__name__
    return ProviderError(
        f"the payload codec cannot {what} a payload ({kind}); is its key the right one?", provider=PROVIDER
    )


async def asked(call: Awaitable[T], seconds: float) -> T:
    """What the call gives, within ``seconds``. Raises Temporal's own errors, and ``ProviderUnavailableError`` where no
    answer came. The SDK's own time limits bound neither a connection nor its retries."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await call
    except TimeoutError as error:
        if limit.expired():
            raise ProviderUnavailableError(f"Temporal has not answered within {seconds:g} s") from error
        raise


def is_not_found(error: BaseException) -> bool:
    """Whether Temporal says that what was asked for is not there; a missing namespace is another matter."""
    return isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND and not _no_namespace(error)


def is_bad_request(error: BaseException) -> bool:
    return isinstance(error, RPCError) and error.status == RPCStatusCode.INVALID_ARGUMENT


def _no_namespace(error: RPCError) -> bool:
    status = error.grpc_status
    return any(item.Is(NamespaceNotFoundFailure.DESCRIPTOR) for item in status.details)


def translated(error: BaseException) -> EnginehouseError | None:
    """What an error of Temporal's is in the contract's words; None for what is not Temporal's."""
    if isinstance(error, RPCError):
        return _of_rpc(error)
    if isinstance(error, RuntimeError) and "Failed client connect" in str(error):
        return _not_connected(str(error))
    if isinstance(error, WorkflowAlreadyStartedError | ScheduleAlreadyRunningError):
        return ProviderError("Temporal has it already")
    if isinstance(error, KeyError) and "payload encoding" in str(error):
        return ProviderError(
            "a payload cannot be read by this process; give it the codec that it was written with, by `codec`"
        )
    if isinstance(error, RuntimeError | ValueError | ConnectionError):
        return ProviderError("Temporal's library refused the call")
    return None


def _not_connected(text: str) -> EnginehouseError:
    """Why there is no connection: the SDK tells it in the words of its libraries alone."""
    for sign, told in _NO_CONNECTION.items():
        if sign in text:
            return ProviderError(told)
    if "tonic::transport::Error(Transport, hyper::Error" in text:
        return ProviderUnavailableError(
            "Temporal's server broke the connection off; it may want TLS (`tls`, TEMPORAL_TLS), or a client's certificate "
            "(TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH)"
        )
    at, reason = _REFUSED_AT.search(text), _REASON.findall(text)
    lost = ProviderUnavailableError("Temporal cannot be reached" + (f" at {at[1]}" if at is not None else ""))
    if reason:
        lost.__cause__ = ConnectionError(reason[-1])
    return lost


_ADDRESS = re.compile(r"[^\s/]+:\d+")
_REFUSED_AT = re.compile(r'"tcp connect error", (\S+), Os')
_REASON = re.compile(r'(?:message|error): "([^"]+)"')
_NO_CONNECTION = {
    "Unauthenticated": _REFUSED,
    "PermissionDenied": _REFUSED,
    "InvalidCertificate": "the certificate of Temporal's server is not trusted, or is of another name; give the authority that "
    "signed it by TEMPORAL_TLS_SERVER_CA_CERT_PATH, or the name by TEMPORAL_TLS_SERVER_NAME",
    "InvalidContentType": "Temporal's server does not speak TLS at this address; leave out `tls` and TEMPORAL_TLS_*, or name another "
    "address",
}


def _of_rpc(error: RPCError) -> EnginehouseError:
    if error.status == RPCStatusCode.INVALID_ARGUMENT:
        fault = Diagnostic("error", "REFUSED", f"Temporal does not take this: {error.message}")
        return InvalidSpecError("", diagnostics=[fault])
    if error.status == RPCStatusCode.RESOURCE_EXHAUSTED and "larger than max" in error.message:
        fault = Diagnostic("error", "TOO_LARGE", f"this is too large for Temporal: {error.message}")
        return InvalidSpecError("", diagnostics=[fault])
    if error.status in _TRY_AGAIN:
        return ProviderUnavailableError("Temporal cannot be reached, or throttles")
    if error.status == RPCStatusCode.NOT_FOUND and _no_namespace(error):
        return ProviderError("the namespace does not exist; create it, or name another one by `namespace`")
    if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED):
        return ProviderError(_REFUSED)
    return ProviderError("Temporal answered with an error")
