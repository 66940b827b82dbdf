"""``enginehouse step-functions-api``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from enginehouse.cli import exits
from enginehouse.cli.logs import Level, show_logs
from enginehouse.cli.options import Output
from enginehouse.cli.output import note, write_json
from enginehouse.cli.signals import Interrupted, run_loop, until_asked
from enginehouse.errors import InvalidSpecError, ProviderNotFoundError


def step_functions_api(
    *,
    store: Annotated[
        Path | None, Parameter(help="The SQLite file that keeps machines and executions [enginehouse.db].")
    ] = None,
    memory: Annotated[bool, Parameter(negative=(), help="Keep nothing: all is gone when the server ends.")] = False,
    host: Annotated[str, Parameter(help="Where it listens.")] = "127.0.0.1",
    port: Annotated[
        int, Parameter(validator=Number(gte=0, lte=65535), help="Where it listens; 0 is a free port.")
    ] = 8083,
    lambda_: Annotated[
        list[str] | None,
        Parameter(
            name=["--lambda", "-l"],
            negative=(),
            help="NAME=module:handler, NAME=file.py:handler, NAME=http://endpoint or NAME=@answer.json; may be repeated.",
        ),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        Parameter(name=["--tasks", "-t"], negative=(), help="Functions for task:NAME resources; may be repeated."),
    ] = None,
    http: Annotated[
        list[str] | None,
        Parameter(name="--http", negative=(), help="A host that http:invoke tasks may call; may be repeated."),
    ] = None,
    skip_waits: Annotated[
        bool, Parameter(negative=(), help="Time is virtual: waits and retries pass at once. Keeps nothing.")
    ] = False,
    mock_config: Annotated[
        Path | None,
        Parameter(help="Answers of tasks, in the format of Step Functions Local [$SFN_MOCK_CONFIG]. Keeps nothing."),
    ] = None,
    credentials: Annotated[
        Path | None,
        Parameter(help="A shared credentials file of AWS: only requests signed with its keys come in."),
    ] = None,
    region: Annotated[str | None, Parameter(help="The region in all ARNs [$AWS_DEFAULT_REGION, us-east-1].")] = None,
    account: Annotated[str | None, Parameter(help="The account in all ARNs [$AWS_ACCOUNT_ID, 123456789012].")] = None,
    log: Level = "info",
    output: Output | None = None,
) -> int:
    """Serve the AWS Step Functions API on the embedded engine, for every AWS tool and SDK, in the foreground.

    Tasks of other services go to the endpoints that the environment names: LAMBDA_ENDPOINT, SQS_ENDPOINT and so on.
    WAIT_TIME_SCALE shortens Wait states. Ctrl-C or SIGTERM stops it; what is unfinished goes on when it comes back.

    For example:

        enginehouse step-functions-api --lambda hello=app.py:handler
        aws stepfunctions list-state-machines --endpoint-url http://127.0.0.1:8083
    """
    try:
        from enginehouse.server.step_functions import model, serving, settings

        model.load()
    except ModuleNotFoundError as error:
        message = f"the Step Functions API needs {error.name!r}, which is not installed"
        raise ProviderNotFoundError(message, remedy="pip install 'enginehouse[server]'") from None
    environment = os.environ
    mocks = environment.get("SFN_MOCK_CONFIG", "")
    asked = settings.Settings(
        store=settings.MEMORY if memory else str(store or settings.STORE),
        host=host,
        region=region or environment.get("AWS_DEFAULT_REGION") or "us-east-1",
        account=account or environment.get("AWS_ACCOUNT_ID") or "123456789012",
        lambdas=tuple(lambda_ or ()),
        tasks=tuple(tasks or ()),
        http=tuple(http or ()),
        skip_waits=skip_waits,
        mock_config=mock_config or (Path(mocks) if mocks else None),
        credentials=credentials,
        wait_scale=settings.wait_scale_of(environment),
    )
    if store is not None and (memory or asked.mocked):
        raise InvalidSpecError(
            "--store keeps what --memory, --skip-waits and a mock configuration do not; leave one out"
        )
    signatures = settings.signatures_of(asked)
    api = settings.api_of(asked, environment)
    place = "memory" if memory or asked.mocked else asked.store
    as_json = output is not None and output.json
    show_logs(log)

    def ready(url: str) -> None:
        if as_json:
            write_json({"url": url, "store": place, "pid": os.getpid()}, line=True)
        else:
            note(f"process {os.getpid()} serves the Step Functions API at {url} from {place}; Ctrl-C stops it")

    async def serve() -> None:
        await until_asked(serving.serve(api, listening, ready, signatures))

    with serving.bind(host, port) as listening:
        try:
            run_loop(serve())
        except Interrupted:
            note("stopped" if place == "memory" else "stopped; unfinished executions go on when it comes back")
    return exits.OK
