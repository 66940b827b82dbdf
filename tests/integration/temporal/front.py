"""A door to a dev server as a cluster has one: TLS, client certificates, API keys. The dev server itself offers none of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import trustme


class Front(grpc.GenericRpcHandler):
    """A gRPC server that asks for what it was told to and passes each call on. ``calls`` are the methods that came through."""

    def __init__(self, far: int, certificate: trustme.LeafCert, *, ca: trustme.CA | None = None, key: str = "") -> None:
        self.calls: list[str] = []
        self._key = key
        self._channel = grpc.insecure_channel(f"127.0.0.1:{far}")
        self._server = grpc.server(ThreadPoolExecutor(40), handlers=[self])
        credentials = grpc.ssl_server_credentials(
            [(certificate.private_key_pem.bytes(), b"".join(part.bytes() for part in certificate.cert_chain_pems))],
            root_certificates=None if ca is None else ca.cert_pem.bytes(),
            require_client_auth=ca is not None,
        )
        self.port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self._server.start()

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def close(self) -> None:
        self._server.stop(0).wait()
        self._channel.close()

    def service(self, details: Any) -> Any:
        given = dict(details.invocation_metadata)
        method: str = details.method
        if self._key and given.get("authorization") != f"Bearer {self._key}":
            return grpc.unary_unary_rpc_method_handler(_refused)
        self.calls.append(method.rpartition("/")[2])
        call = self._channel.unary_unary(method)
        return grpc.unary_unary_rpc_method_handler(_passing(call))


def _refused(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "Request unauthorized.")
    raise AssertionError("abort raises")


def _passing(call: Callable[..., Any]) -> Callable[[bytes, Any], bytes]:
    def passed(request: bytes, context: Any) -> bytes:
        metadata = [pair for pair in context.invocation_metadata() if pair[0] not in ("authorization", "user-agent")]
        try:
            answer: bytes = call(request, metadata=metadata, timeout=context.time_remaining())
        except grpc.RpcError as error:
            context.set_trailing_metadata(error.trailing_metadata() or ())
            context.abort(error.code(), error.details())
            raise
        return answer

    return passed
