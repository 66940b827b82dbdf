"""Lambda functions by configuration: a Python handler in this process, a function at an endpoint, or a fixed answer."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from enginehouse.errors import InvalidSpecError
from enginehouse.tasks.failures import RemoteError, TaskError
from enginehouse.tasks.lambda_invoke import LambdaFunction

_PATIENCE = 900.0


def functions_of(given: Iterable[str]) -> dict[str, LambdaFunction]:
    """Functions by name. Each of ``given`` is ``NAME=TARGET``; a target is ``module:handler``, ``file.py:handler``, the URL of
    a Lambda-compatible endpoint, or ``@file.json``, what the function always answers. Raises ``InvalidSpecError``."""
    found: dict[str, LambdaFunction] = {}
    for item in given:
        name, is_one, target = item.partition("=")
        if not is_one or not name or not target:
            raise InvalidSpecError(f"--lambda takes NAME=TARGET, as in hello=app.py:handler, not {item!r}")
        if name in found:
            raise InvalidSpecError(f"--lambda names {name!r} twice")
        found[name] = _function(name, target)
    return found


def _function(name: str, target: str) -> LambdaFunction:
    if target.startswith(("http://", "https://")):
        return remote(target, name)
    if target.startswith("@"):
        return _answering(name, Path(target[1:]))
    return _imported(name, target)


def _answering(name: str, file: Path) -> LambdaFunction:
    try:
        answer = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidSpecError(f"the answer of the Lambda function {name!r} cannot be read: {error}") from error
    return lambda event, context: answer


def _imported(name: str, target: str) -> LambdaFunction:
    """As Lambda does it: the handler's module is imported once, here at the start, and its faults are told at once."""
    place, is_one, handler = target.rpartition(":")
    if not is_one or not place or not handler:
        raise InvalidSpecError(f"the Lambda function {name!r} is module:handler or file.py:handler, not {target!r}")
    try:
        module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    except Exception as error:
        raise InvalidSpecError(f"the Lambda function {name!r} cannot be imported: {error or type(error)}") from error
    function = getattr(module, handler, None)
    if not callable(function):
        raise InvalidSpecError(f"the Lambda function {name!r}: {place} has no function {handler!r}")
    made: LambdaFunction = function
    return made


def _load_module(name: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


def _load_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(file.stem, file.resolve())
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(file.stem, module)
    spec.loader.exec_module(module)
    return module


def all_at(endpoint: str) -> LambdaFunction:
    """Every function, at one endpoint."""
    return lambda event, context: remote(endpoint, context.function_name)(event, context)


def remote(endpoint: str, name: str) -> LambdaFunction:
    """The function at a Lambda-compatible endpoint. A URL with a path is called as it is, as a runtime emulator's is."""
    parts = urlsplit(endpoint)
    path = parts.path if parts.path not in ("", "/") else f"/2015-03-31/functions/{name}/invocations"
    connect: Callable[..., HTTPConnection] = HTTPSConnection if parts.scheme == "https" else HTTPConnection

    def invoke(event: Any, context: Any) -> Any:
        connection = connect(parts.netloc, timeout=min(_PATIENCE, context.get_remaining_time_in_millis() / 1000 + 1))
        try:
            connection.request("POST", path, json.dumps(event), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            raise TaskError("Lambda.SdkClientException", f"{endpoint} cannot be reached: {error}") from None
        finally:
            connection.close()
        return _read(answer.status, answer.getheader("X-Amz-Function-Error"), body)

    return invoke


def _read(status: int, failed: str | None, body: bytes) -> Any:
    try:
        value = json.loads(body or b"null")
    except ValueError:
        value = body.decode("utf-8", "replace")
    report = value if isinstance(value, dict) else {}
    if status >= 400:
        kind = str(report.get("Type") or report.get("__type") or "ServiceException")
        text = report.get("Message") or report.get("message") or value
        raise TaskError(f"Lambda.{kind}", f"{text} (Service: Lambda, Status Code: {status})")
    if failed is not None or ("errorType" in report and "errorMessage" in report):
        raise RemoteError(report or {"errorMessage": value})
    return value
