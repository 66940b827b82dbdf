"""``arn:aws:states:::http:invoke``: an HTTP request as a task, as AWS shapes it.

Only to hosts that were allowed by name, bounded in time and size; a redirect is followed within allowed hosts only.
https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from enginehouse.tasks.results import json_copy

if TYPE_CHECKING:  # loaded with the first request: most programs make none
    from http.client import HTTPConnection, HTTPResponse

RESOURCE = "arn:aws:states:::http:invoke"
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"})
_REDIRECTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAccess:
    """Where HTTP tasks may go: ``hosts`` as ``name`` or ``name:port`` (a bare name: any port). ``timeout`` in seconds
    and ``max_bytes`` of answer bound each request; AWS allows 60 s and 256 KiB."""

    hosts: frozenset[str] = frozenset()
    timeout: float = 60.0
    max_bytes: int = 256 * 1024

    def allows(self, host: str, port: int) -> bool:
        return host in self.hosts or f"{host}:{port}" in self.hosts


def http_access(given: HttpAccess | Iterable[str] | None) -> HttpAccess:
    """What a provider is given as ``http``: an ``HttpAccess``, or the hosts that HTTP tasks may go to."""
    return given if isinstance(given, HttpAccess) else HttpAccess(hosts=frozenset(given or ()))


class HttpFailure(Exception):  # noqa: N818 -- a value for the workflow's Catch
    """``args`` are the ASL error and the cause."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What an HTTP task sends."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


def http_invoke(arguments: Any, access: HttpAccess, timeout: float | None = None) -> dict[str, Any]:
    """Make the request and give ``{"Headers", "ResponseBody", "StatusCode", "StatusText"}``. Blocks: run it in a thread.

    Raises ``HttpFailure``: ``States.Http.StatusCode.NNN`` for an answer of 400 and above, ``States.Http.Socket`` where
    the host cannot be reached or is too slow, ``States.Runtime`` for a request that cannot be made.
    """
    deadline = time.monotonic() + min(access.timeout, timeout or access.timeout)
    request = request_of(arguments if isinstance(arguments, dict) else {})
    for _ in range(_REDIRECTS + 1):
        status, reason, headers, body = _exchange(request, access, deadline)
        location = headers.get("location", [""])[0]
        if status not in (301, 302, 303, 307, 308) or not location:
            break
        request = _redirected(request, status, urljoin(request.url, location))
    else:
        raise HttpFailure("States.Http.Socket", f"{request.url} redirects more than {_REDIRECTS} times")
    if status >= 400:
        text = body.decode("utf-8", "replace")
        raise HttpFailure(f"States.Http.StatusCode.{status}", text or json.dumps(reason))
    return {
        "Headers": headers,
        "ResponseBody": _parsed(body, headers.get("content-type", [""])[0]),
        "StatusCode": status,
        "StatusText": reason,
    }


def request_of(arguments: dict[str, Any]) -> HttpRequest:
    """The request that an HTTP task's arguments describe. Raises ``HttpFailure`` where they describe none."""
    url, method = arguments.get("ApiEndpoint"), arguments.get("Method")
    if not isinstance(url, str) or not isinstance(method, str) or method.upper() not in _METHODS:
        raise HttpFailure(
            "States.Runtime", f"an HTTP task needs ApiEndpoint and a Method of {', '.join(sorted(_METHODS))}"
        )
    headers = {str(name): _header(name, value) for name, value in _object(arguments, "Headers").items()}
    query = [
        (str(name), item) for name, value in _object(arguments, "QueryParameters").items() for item in _texts(value)
    ]
    parts = urlsplit(url)
    if query:
        url = urlunsplit(parts._replace(query=urlencode(parse_qsl(parts.query, keep_blank_values=True) + query)))
    return HttpRequest(method.upper(), url, headers, _body(arguments, headers))


def _object(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    value = arguments.get(name) or {}
    if not isinstance(value, dict):
        raise HttpFailure("States.Runtime", f"{name} of an HTTP task must be an object")
    return value


def _texts(value: Any) -> list[str]:
    return [
        item if isinstance(item, str) else json.dumps(item) for item in (value if isinstance(value, list) else [value])
    ]


def _header(name: str, value: Any) -> str:
    text = ",".join(_texts(value))
    if "\n" in text or "\r" in text or "\n" in name or "\r" in name:
        raise HttpFailure("States.Runtime", f"header {name!r} of an HTTP task holds a line break")
    return text


def _body(arguments: dict[str, Any], headers: dict[str, str]) -> bytes | None:
    if "RequestBody" not in arguments:
        return None
    body = arguments["RequestBody"]
    transform = _object(arguments, "Transform")
    if transform.get("RequestBodyEncoding") == "URL_ENCODED" and isinstance(body, dict):
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return urlencode([(name, text) for name, value in body.items() for text in _form(value, transform)]).encode()
    if isinstance(body, str) and not _content_type(headers).startswith("application/json"):
        return body.encode()
    if not _content_type(headers):
        headers["Content-Type"] = "application/json"
    return json.dumps(body).encode()


def _form(value: Any, transform: dict[str, Any]) -> list[str]:
    options = transform.get("RequestEncodingOptions") or {}
    if isinstance(value, list) and options.get("ArrayFormat", "INDICES") == "COMMAS":
        return [",".join(_texts(value))]
    return _texts(value)


def _content_type(headers: dict[str, str]) -> str:
    return next((value for name, value in headers.items() if name.lower() == "content-type"), "")


def _redirected(request: HttpRequest, status: int, url: str) -> HttpRequest:
    """What follows a redirect: the same request for 307 and 308, a GET otherwise; credentials stay on their host."""
    keeps = status in (307, 308) or request.method in ("GET", "HEAD")
    same_host = urlsplit(url).netloc == urlsplit(request.url).netloc
    private = () if same_host else ("authorization", "cookie")
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in private and (keeps or not name.lower().startswith("content-"))
    }
    return HttpRequest(request.method if keeps else "GET", url, headers, request.body if keeps else None)


def _exchange(
    request: HttpRequest, access: HttpAccess, deadline: float
) -> tuple[int, str, dict[str, list[str]], bytes]:
    from http.client import HTTPException

    connection = _connection(request.url, access, deadline)
    parts = urlsplit(request.url)
    target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    try:
        connection.request(request.method, target, body=request.body, headers=request.headers)
        response = connection.getresponse()
        headers: dict[str, list[str]] = {}
        for name, value in response.getheaders():
            headers.setdefault(name.lower(), []).append(value)
        return response.status, response.reason, headers, _read(response, connection, access, deadline)
    except (OSError, HTTPException, ValueError) as error:
        raise HttpFailure(
            "States.Http.Socket", f"{request.method} {request.url}: {error or type(error).__name__}"
        ) from None
    finally:
        connection.close()


def _connection(url: str, access: HttpAccess, deadline: float) -> HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise HttpFailure("States.Runtime", f"ApiEndpoint {url!r} is not an http or https URL")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise HttpFailure("States.Runtime", f"ApiEndpoint {url!r} has no usable port") from None
    if not access.allows(parts.hostname, port):
        known = ", ".join(sorted(access.hosts)) or "none is"
        raise HttpFailure(
            "States.Http.HostNotAllowed",
            f"HTTP tasks may not reach {parts.hostname}:{port} (allowed: {known}). "
            f'Allow it with http = ["{parts.hostname}:{port}"] among the provider\'s options in enginehouse.toml, or '
            "HttpAccess(hosts=...).",
        )
    left = deadline - time.monotonic()
    if left <= 0:
        raise HttpFailure("States.Http.Socket", f"{url} took longer than its time")
    from http.client import HTTPConnection, HTTPSConnection

    if parts.scheme == "https":
        return HTTPSConnection(parts.hostname, port, timeout=left)
    return HTTPConnection(parts.hostname, port, timeout=left)


def _read(response: HTTPResponse, connection: HTTPConnection, access: HttpAccess, deadline: float) -> bytes:
    body = b""
    while chunk := response.read1(65536):
        body += chunk
        if len(body) > access.max_bytes:
            raise HttpFailure("States.DataLimitExceeded", f"the answer is larger than {access.max_bytes} bytes")
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took longer than its time")
        if connection.sock is not None:
            connection.sock.settimeout(left)
    return body


def _parsed(body: bytes, content_type: str) -> Any:
    text = body.decode("utf-8", "replace")
    if "json" not in content_type:
        return text
    try:
        return json_copy(json.loads(text))
    except ValueError:  # not JSON, or a number beyond it
        return text
