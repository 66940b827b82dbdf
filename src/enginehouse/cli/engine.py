"""``enginehouse engine``."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from enginehouse.cli import exits
from enginehouse.cli.durations import read_duration
from enginehouse.cli.logs import Level, show_logs
from enginehouse.cli.options import Engine
from enginehouse.cli.output import note, write_json
from enginehouse.cli.session import EMBEDDED, STORE, Session, session, settings_of
from enginehouse.cli.signals import Interrupted, run_loop, until_asked
from enginehouse.errors import CapabilityError


def engine(
    *,
    tasks: Annotated[
        list[str] | None,
        Parameter(
            name=["--tasks", "-t"],
            negative=(),
            help="Task functions: a file, module or module:attribute; may be repeated.",
        ),
    ] = None,
    standby: Annotated[
        bool, Parameter(negative=(), help="Where another engine drives the store, wait to take over.")
    ] = False,
    grace: Annotated[
        str | None, Parameter(help="How long running tasks may take to end when it stops, e.g. 10s.")
    ] = None,
    log: Level = "info",
    engine: Engine | None = None,
) -> int:
    """Drive a store in the foreground: run what was started, and whatever any process starts from now on.

    One engine drives a store at a time. Ctrl-C or SIGTERM stops it: running tasks are given a moment to end, the rest
    goes on when an engine comes back.

    For example:

        enginehouse engine --tasks shop/tasks.py --store shop.db
        enginehouse engine -t shop.tasks --standby --log warning
    """
    flags = engine or Engine()
    limit = read_duration(grace)
    options: dict[str, object] = {} if limit is None else {"grace": limit.total_seconds()}
    settings = settings_of(flags, tasks=tasks or (), drive="auto" if standby else True, **options)
    if settings.provider != EMBEDDED:
        raise CapabilityError(
            f"the provider {settings.provider!r} has an engine of its own; only {EMBEDDED!r} is embedded"
        )
    show_logs(log)

    async def serve() -> None:
        async with session(settings) as opened:
            await until_asked(_served(opened, as_json=flags.json))

    try:
        run_loop(serve())
    except Interrupted:
        note("stopped; unfinished executions go on when an engine comes back")
    return exits.OK


async def _served(opened: Session, *, as_json: bool) -> None:
    from enginehouse.providers.local import LocalProvider
    from enginehouse.providers.local.session import StoreDrivenError

    try:
        provider = await opened.provider()
    except StoreDrivenError as error:
        error.advise("stop it, or stand by until it ends (--standby)")
        raise
    options = opened.settings.providers.get(EMBEDDED, {})
    place = str(options.get("store", STORE))
    sources = [str(item) for item in opened.settings.tasks]
    standby = options.get("engine") == "auto"
    if as_json:
        write_json({"driving": place, "tasks": sources, "standby": standby, "pid": os.getpid()}, line=True)
    else:
        of = f"with the tasks of {', '.join(sources)}" if sources else "without tasks"
        what = "drives, or stands by for," if standby else "drives"
        note(f"process {os.getpid()} {what} {place} {of}; Ctrl-C stops it")
    assert isinstance(provider, LocalProvider), "the settings name the embedded engine"  # noqa: S101
    await (await provider.session()).until_broken()
