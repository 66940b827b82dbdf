"""The wire: AWS JSON 1.0 over HTTP, as an ASGI application.

One address takes all requests, so there is nothing to route: the operation stands in the header ``X-Amz-Target``.
https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeAlias

import msgspec

from enginehouse.errors import EnginehouseError, InvalidSpecError
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.errors import ApiError
from enginehouse.server.step_functions.model import Model
from enginehouse.server.step_functions.operations import OPERATIONS
from enginehouse.server.step_functions.signature import Signatures

log = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST = 4 * 1024 * 1024
"""Bytes of a request. The largest that the model allows is a definition of 1 MiB, each character of which may be escaped."""

# what may be held for a while before it is answered
_HELD = frozenset({"GetActivityTask", "StartSyncExecution", "TestState"})
# where the header for X-Ray is as good as the request's own member, and wins
_TRACED = frozenset({"StartExecution", "StartSyncExecution"})
_TRACE = b"x-amzn-trace-id"
_TYPE = b"application/x-amz-json-1.0"
_encode = msgspec.json.Encoder().encode


class Disconnected(Exception):  # noqa: N818 -- the caller's doing
    """The caller has gone before its request was whole."""


def make_app(api: Api, model: Model, signatures: Signatures | None = None) -> App:
    """The application. Whatever goes wrong is answered in AWS's shape. ``signatures``: only signed requests come in."""
    prefix = model.target_prefix + "."

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            body = await _read(headers, receive)
        except Disconnected:
            return
        except ApiError as error:
            await _answer(send, error.status, _fault(error))
            return
        target = headers.get(b"x-amz-target", b"").decode("latin-1")
        operation = target.removeprefix(prefix) if target.startswith(prefix) else ""
        doing = _done(scope, operation, headers, body)
        try:
            status, text = await (_while_there(doing, receive, api.leaving) if operation in _HELD else doing)
        except Disconnected:
            return
        await _answer(send, status, text)

    async def _done(scope: Scope, operation: str, headers: dict[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        try:
            if signatures is not None:
                signatures.check(scope["method"], scope["path"], scope["query_string"], headers, body)
            if scope["method"] != "POST" or operation not in model.operations:
                raise ApiError("UnknownOperationException", "")
            request = model.checked(operation, body)
            if operation in _TRACED and _TRACE in headers:
                request["traceHeader"] = headers[_TRACE].decode("latin-1")
            return 200, _encode(await OPERATIONS[operation](api, request))
        except ApiError as error:
            return error.status, _fault(error)
        except InvalidSpecError as error:
            return 400, _fault(ApiError("ValidationException", str(error)))
        except EnginehouseError as error:
            log.warning("operation.failed operation=%s error=%s", operation, error)
            code, status = ("ServiceUnavailable", 503) if error.retryable else ("InternalFailure", 500)
            return status, _fault(ApiError(code, str(error), status))
        except Exception:
            log.exception("operation.broke operation=%s", operation)
            return 500, _fault(ApiError("InternalFailure", "This is a fault of the server; its log says more.", 500))

    return app


async def _while_there(
    work: Coroutine[Any, Any, tuple[int, bytes]], receive: Receive, leaving: asyncio.Event
) -> tuple[int, bytes]:
    """What ``work`` gives. It is cancelled when the caller goes away: a task of an activity must not be given to nobody; and
    when the server does: the caller is told to come again, as SDKs do by themselves."""
    doing = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    left = asyncio.ensure_future(leaving.wait())
    try:
        await asyncio.wait({doing, gone, left}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        if gone.done():
            raise Disconnected
        return 503, _fault(ApiError("ServiceUnavailable", "The server ends. Try again when it is back.", 503))
    finally:
        for future in (doing, gone, left):
            future.cancel()
        await asyncio.wait({doing, gone, left})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    """The body. One that is too large is not kept, but is read to its end: who writes is not listening yet."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        size += len(part)
        if size <= LARGEST:
            parts.append(part)
        elif size > 16 * LARGEST:
            break
        if not message.get("more_body", False):
            break
    if size > LARGEST:
        raise ApiError("RequestEntityTooLargeException", f"The request has more than {LARGEST:,} bytes.", 413)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _fault(error: ApiError) -> bytes:
    reason = {"reason": error.reason} if error.reason else {}
    return _encode({"__type": error.code, "message": error.message, **reason})


async def _answer(send: Send, status: int, body: bytes) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", _TYPE),
                (b"content-length", b"%d" % len(body)),
                (b"x-amzn-requestid", str(uuid.UUID(int=random.getrandbits(128), version=4)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
