"""``enginehouse conformance``: cases of the language on any provider, and on several side by side."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

from cyclopts import App, Parameter

from enginehouse.cli import exits
from enginehouse.cli.durations import read_duration
from enginehouse.cli.options import Engine
from enginehouse.cli.output import complain, console, note, write_json, write_table
from enginehouse.cli.session import settings_of
from enginehouse.cli.signals import Interrupted, until_asked
from enginehouse.config import Settings
from enginehouse.errors import InvalidSpecError
from enginehouse.graph.spans import Span
from enginehouse.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from enginehouse.conformance.asl import Case, Figures, Result, Share

app = App(name="conformance", help="Hold a provider to what the language and AWS do, case by case.")

Cases = Annotated[
    list[Path] | None,
    Parameter(name="--cases", negative=(), help="Files of cases; may be repeated [those of the package]."),
]
Categories = Annotated[
    list[str] | None, Parameter(name="--category", negative=(), help="Only cases of this category; may be repeated.")
]
Jobs = Annotated[int, Parameter(help="How many cases run at once.")]
Limit = Annotated[str | None, Parameter(help="How long one case may take before it is stopped [60s].")]
Ids = Annotated[
    list[str] | None, Parameter(name="--id", negative=(), help="Only cases whose id has this text; may be repeated.")
]


@app.command
def asl(
    *,
    cases: Cases = None,
    out: Annotated[
        str | None,
        Parameter(name=["--out", "-o"], help="Where the observations go, one line a case; - is standard output."),
    ] = None,
    expect: Annotated[bool, Parameter(negative=(), help="Judge them, and fail where one is missed.")] = False,
    category: Categories = None,
    id: Ids = None,
    jobs: Jobs = 20,
    limit: Limit = None,
    engine: Engine | None = None,
) -> int:
    """Run cases on a provider, write what was observed and, with --expect, judge it.

    Without --cases the package's own cases are run. The exit status with --expect is 0 where everything is as
    expected and 1 where a case is missed. Ctrl-C ends the run; what was observed by then is kept.

    For example:

        enginehouse conformance asl --provider local --expect
        enginehouse conformance asl --cases recorded.json --provider mock --out observed.jsonl --expect
    """
    engine = engine or Engine()
    settings = settings_of(engine)
    chosen = _chosen(cases, category, id)
    found: list[Result] = []
    with _lines(out) as write, _progress(len(chosen)) as step:

        def tell(result: Result) -> None:
            found.append(result)
            write(json.dumps(result.to_dict(), ensure_ascii=False))
            step()

        try:
            _run(chosen, settings.provider, settings, jobs, limit, tell)
        except Interrupted as interrupted:
            kept = f"; what they did is in {out}" if out else ""
            complain(f"{len(found)} of {len(chosen)} cases were run{kept}", kind="interrupted")
            return interrupted.status
    results = {result.id: result for result in found}
    return _judged(chosen, results, as_json=engine.json, expect=expect, quiet=out == "-")


@app.command
def parity(
    *,
    providers: Annotated[
        str, Parameter(help="The providers, joined by commas; the first is what the others are held to.")
    ],
    cases: Cases = None,
    category: Categories = None,
    id: Ids = None,
    jobs: Jobs = 20,
    limit: Limit = None,
    engine: Engine | None = None,
) -> int:
    """Run the same cases on several providers, and report every difference in outcome and in the order of events.

    The exit status is 0 where there is none, and 1 where there is one.

    For example:

        enginehouse conformance parity --providers local,mock
    """
    from enginehouse.conformance.asl import disparities

    engine = engine or Engine()
    settings = settings_of(engine)
    names = [name.strip() for name in providers.split(",") if name.strip()]
    if len(set(names)) < 2:
        raise InvalidSpecError(f"--providers {providers!r} names {len(set(names))} provider; parity needs two or more")
    chosen = _chosen(cases, category, id)
    results: dict[str, Sequence[Result]] = {}
    with _progress(len(chosen) * len(names)) as step:
        try:
            for name in names:
                results[name] = _run(chosen, name, settings, jobs, limit, lambda result: step())
        except Interrupted as interrupted:
            complain("the cases were not run to the end on every provider", kind="interrupted")
            return interrupted.status
    found = disparities(chosen, results)
    if engine.json:
        write_json([vars(item) for item in found])
    elif found:
        rows = [(Span(item.id, "name"), item.provider, item.what, item.there, item.here) for item in found]
        write_table(("case", "provider", "differs in", names[0], "it"), rows)
    unrun = sum(not result.ran for result in results[names[0]])
    skipped = f" ({unrun} not run: they need services)" if unrun else ""
    cases_differing = len({item.id for item in found})
    note(f"{len(chosen) - unrun} cases on {', '.join(names)}: {cases_differing} differ{skipped}")
    return exits.FAILED if found else exits.OK


def _chosen(files: Sequence[Path] | None, categories: Sequence[str] | None, ids: Sequence[str] | None) -> list[Case]:
    from enginehouse.conformance.asl import own_cases, read_cases

    known = own_cases() if files is None else read_cases(files)
    wanted = [
        case
        for case in known
        if (not categories or case["category"] in categories) and (not ids or any(text in case["id"] for text in ids))
    ]
    if not wanted:
        there = ", ".join(sorted({case["category"] for case in known}))
        raise InvalidSpecError(f"none of the {len(known)} cases is of that category and id; their categories: {there}")
    return wanted


def _run(
    cases: Sequence[Case],
    provider: str,
    settings: Settings,
    jobs: int,
    limit: str | None,
    tell: Callable[[Result], object],
) -> Sequence[Result]:
    from enginehouse.cli.case_providers import maker, takes
    from enginehouse.conformance.asl.runner import LONGEST, run_cases

    if not (known := Registry()).has(provider):
        known.get(provider)  # which says what there is
    logging.getLogger("enginehouse").addHandler(logging.NullHandler())  # what a provider logs is no part of the report
    longest = read_duration(limit)
    seconds = LONGEST if longest is None else longest.total_seconds()
    make = maker(provider, settings.providers)
    running = run_cases(cases, make, jobs=max(jobs, 1), limit=seconds, takes=takes(provider), tell=tell)

    async def whole() -> Sequence[Result]:
        return await until_asked(running)

    return asyncio.run(whole())


def _judged(cases: Sequence[Case], results: dict[str, Result], *, as_json: bool, expect: bool, quiet: bool) -> int:
    from enginehouse.conformance.asl import measure

    unrun = [results[case["id"]] for case in cases if not results[case["id"]].ran]
    tried = [case for case in cases if results[case["id"]].ran]
    broken = [result for result in results.values() if result.ran and result.observed is None]
    stream = sys.stderr if quiet else sys.stdout

    def figures(some: Sequence[Case]) -> Figures:
        return measure(some, [results[case["id"]].observed or results[case["id"]].problem for case in some])

    whole = figures(tried)
    if as_json and not quiet:
        write_json(_document(whole, unrun, judged=expect))
    elif expect:
        _show(tried, figures, whole, stream)
    for problem, count in Counter(result.problem for result in unrun).items():
        note(f"{count} {problem}")
    if not expect:
        for result in broken:
            note(f"{result.id}: {result.problem}")
    note(f"{len(tried)} cases run, {len(broken)} of them without a result; {len(unrun)} could not be run here")
    return exits.FAILED if (whole.misses if expect else broken) else exits.OK


def _show(cases: Sequence[Case], figures: Callable[[Sequence[Case]], Figures], whole: Figures, stream: TextIO) -> None:
    stream.writelines(miss + "\n" for miss in whole.misses)
    categories = sorted({case["category"] for case in cases})
    rows = [_row(name, figures([case for case in cases if case["category"] == name])) for name in categories]
    if len(rows) > 1:
        rows.append(_row("all", whole))
    write_table(("category", "status, output", "error, cause", "history events", "missed"), rows, stream)


def _row(name: str, found: Figures) -> tuple[Span, Span, Span, Span, str]:
    return (
        Span(name, "name"),
        _cell(found.outcomes),
        _cell(found.failures),
        _cell(found.events),
        f"{len(found.misses)} cases",
    )


def _cell(share: Share) -> Span:
    return Span(str(share), "succeeded" if share.matched == share.total else "failed")


def _document(whole: Figures, unrun: Iterable[Result], *, judged: bool) -> dict[str, object]:
    counted = {"outcomes": whole.outcomes, "failures": whole.failures, "events": whole.events}
    shares = {name: {"matched": share.matched, "total": share.total} for name, share in counted.items()}
    told = {**shares, "misses": list(whole.misses)} if judged else {}
    return {**told, "not_run": {result.id: result.problem for result in unrun}}


@contextmanager
def _lines(out: str | None) -> Iterator[Callable[[str], object]]:
    """What takes the lines of the file, each written at once and on a thread: a slow disk must not hold up the cases."""
    if out is None:
        yield lambda line: None
        return
    with nullcontext(sys.stdout) if out == "-" else Path(out).open("w", encoding="utf-8") as file:

        def put(line: str) -> None:
            file.write(line + "\n")
            file.flush()

        with ThreadPoolExecutor(1) as writer:
            written: list[Future[None]] = []
            yield lambda line: written.append(writer.submit(put, line))
        for line in written:
            line.result()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], object]]:
    """A bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("cases"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(sys.stderr), transient=True) as shown:
        task = shown.add_task("cases", total=total)
        yield lambda: shown.advance(task)
