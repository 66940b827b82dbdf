"""``enginehouse worker``."""

from __future__ import annotations

import os
from typing import Annotated, Protocol, runtime_checkable

from cyclopts import Parameter
from cyclopts.validators import Number

from enginehouse.cli import exits
from enginehouse.cli.durations import read_duration
from enginehouse.cli.logs import Level, show_logs
from enginehouse.cli.options import Engine
from enginehouse.cli.output import note, write_json
from enginehouse.cli.session import Session, session, settings_of
from enginehouse.cli.signals import Interrupted, run_loop, until_asked
from enginehouse.config import Settings, load_settings
from enginehouse.errors import CapabilityError

ABOVE_0 = Number(gte=1)


@runtime_checkable
class Works(Protocol):
    """A provider whose executions are run by workers."""

    async def work(self) -> None: ...


def worker(
    *,
    tasks: Annotated[
        list[str] | None,
        Parameter(
            name=["--tasks", "-t"],
            negative=(),
            help="Task functions: a file, module or module:attribute; may be repeated.",
        ),
    ] = None,
    queue: Annotated[
        str | None, Parameter(help="The task queue that it works for; of Temporal alone [enginehouse].")
    ] = None,
    concurrency: Annotated[
        int | None, Parameter(validator=ABOVE_0, help="How many tasks run at once [200; 100 on step-functions].")
    ] = None,
    executions: Annotated[
        int | None,
        Parameter(validator=ABOVE_0, help="How many executions are advanced at once; of Temporal alone [100]."),
    ] = None,
    cache: Annotated[
        int | None,
        Parameter(validator=Number(gte=0), help="How many executions are kept in memory; of Temporal alone [1000]."),
    ] = None,
    pollers: Annotated[
        int | None,
        Parameter(validator=ABOVE_0, help="How many calls wait for work of each kind [5; 1 on step-functions]."),
    ] = None,
    drain: Annotated[str | None, Parameter(help="How long running tasks may take to end when it stops [10s].")] = None,
    metrics: Annotated[
        str | None, Parameter(help="Where Prometheus finds the metrics, e.g. 127.0.0.1:9464 [nowhere].")
    ] = None,
    log: Level = "info",
    engine: Engine | None = None,
) -> int:
    """Run tasks, and on Temporal executions too, for an engine that is a server of its own, in the foreground.

    Any number of workers may serve one queue or activity. Ctrl-C or SIGTERM stops it: it takes no more work, and running tasks are
    given a moment to end; what they leave undone is run by another worker.

    For example:

        enginehouse worker --provider temporal --tasks shop/tasks.py
        enginehouse worker -p temporal -t shop.tasks --concurrency 500 --metrics 127.0.0.1:9464
        enginehouse worker -p step-functions -t shop.tasks --pollers 4
    """
    flags = engine or Engine()
    limit = read_duration(drain)
    tuning = {"concurrency": concurrency, "executions": executions, "cache": cache, "pollers": pollers}
    options: dict[str, object] = {
        "works": True,
        "tuning": {name: number for name, number in tuning.items() if number is not None},
        "task_queue": queue,
        "drain": 10.0 if limit is None else limit.total_seconds(),
        "metrics": metrics,
    }
    settings = _settings(flags, tasks or [], options)
    show_logs(log)

    async def serve() -> None:
        async with session(settings) as opened:
            await until_asked(_served(opened, as_json=flags.json))

    try:
        run_loop(serve())
    except Interrupted:
        note("stopped; another worker goes on with what is unfinished")
    return exits.OK


def _settings(flags: Engine, tasks: list[str], options: dict[str, object]) -> Settings:
    settings = settings_of(flags, tasks=tasks)
    if settings.provider in ("local", "mock"):
        raise CapabilityError(
            f"the provider {settings.provider!r} needs no workers; name another one by --provider, "
            "or drive a local store by: enginehouse engine"
        )
    known = settings.providers.get(settings.provider, {})
    given = {name: value for name, value in options.items() if value is not None}
    own = {**given, **({"tasks": list(settings.tasks)} if settings.tasks else {})}
    if isinstance(known.get("tuning"), dict):
        own["tuning"] = {**known["tuning"], **options["tuning"]}  # type: ignore[dict-item]
    overrides: dict[str, object] = {
        "provider": settings.provider,
        "tasks": list(settings.tasks) or None,
        "providers": {settings.provider: own},
    }
    return load_settings(flags.config, overrides=overrides)


async def _served(opened: Session, *, as_json: bool) -> None:
    provider = await opened.provider()
    if not isinstance(provider, Works):
        raise CapabilityError(f"the provider {provider.name!r} has no workers", provider=provider.name)
    sources = [str(item) for item in opened.settings.tasks]
    if as_json:
        write_json({"provider": provider.name, "tasks": sources, "pid": os.getpid()}, line=True)
    else:
        of = f"with the tasks of {', '.join(sources)}" if sources else "without tasks"
        note(f"process {os.getpid()} works for {provider.name} {of}; Ctrl-C stops it")
    await provider.work()
