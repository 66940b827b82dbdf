"""``enginehouse step-functions-api``."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from enginehouse.cli import exits
from enginehouse.cli.logs import Level, show_logs
from enginehouse.cli.options import Output
from enginehouse.cli.output import note, write_json
from enginehouse.cli.session import STORE
from enginehouse.cli.signals import Interrupted, until_asked
from enginehouse.providers.local import LocalProvider
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.arns import Arns
from enginehouse.server.step_functions.on_local import LocalEngine
from enginehouse.server.step_functions.serving import bind, serve


def step_functions_api(
    *,
    store: Annotated[Path, Parameter(help="The SQLite file that keeps machines and executions.")] = Path(STORE),
    memory: Annotated[bool, Parameter(negative=(), help="Keep nothing: all is gone when the server ends.")] = False,
    host: Annotated[str, Parameter(help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Where it listens; 0 is a free port.")] = 8083,
    region: Annotated[str, Parameter(help="The region in all ARNs.")] = "us-east-1",
    account: Annotated[str, Parameter(help="The account in all ARNs.")] = "123456789012",
    log: Level = "info",
    output: Output | None = None,
) -> int:
    """Serve the AWS Step Functions API on the embedded engine, for every AWS tool and SDK, in the foreground.

    For example:

        enginehouse step-functions-api --memory
        aws stepfunctions list-state-machines --endpoint-url http://127.0.0.1:8083
    """
    arns = Arns(region=region, account=account)
    place = ":memory:" if memory else str(store)
    provider = LocalProvider(place, engine=True, arns=arns.prefix)
    api = Api(LocalEngine(provider), arns)
    as_json = output is not None and output.json
    show_logs(log)

    def ready(url: str) -> None:
        if as_json:
            write_json({"url": url, "store": place, "pid": os.getpid()}, line=True)
        else:
            note(f"process {os.getpid()} serves the Step Functions API at {url} from {place}; Ctrl-C stops it")

    with bind(host, port) as listening:
        try:
            asyncio.run(_serve(api, listening, ready))
        except Interrupted:
            note("stopped; unfinished executions go on when it comes back" if not memory else "stopped")
    return exits.OK


async def _serve(api: Api, listening: socket.socket, ready: Callable[[str], None]) -> None:
    await until_asked(serve(api, listening, ready))
