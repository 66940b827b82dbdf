"""All workloads, three times over in turn; the medians go into docs/performance.md.

python -m bench.run [NAME ...]     only these workloads; the page is written when all ran
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

WORKLOADS = [
    "machine",
    "core",
    "local_passes",
    "local_tasks",
    "local_starts",
    "local_waiting",
    "local_restart",
    "dbos_tasks",
    "temporal_tasks",
    "step_functions_provider",
    "package",
]
ROUNDS = 3
PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of the figures -->"

Values = Mapping[str, float]
ROWS = "machine: SQLite rows in commits of 100"
COMMIT = "machine: SQLite commit of one row, p50"
DBOS = "DBOS on SQLite: 10 async steps, 100 in flight"


Reach = tuple[str, Callable[[float, Values], bool], Callable[[float, Values], str]]


def beside(
    other: str, most: float, cost: Callable[[float, float], float] = lambda ours, theirs: ours / theirs
) -> Reach:
    """At most so many times the cost of another figure."""
    return (
        f"{most:g} times by hand",
        lambda value, found: cost(value, found[other]) <= most,
        lambda value, found: f"{cost(value, found[other]):.2f} times the cost by hand",
    )


REACH: dict[str, Reach] = {
    "temporal: chain of 10 activities alone, p50": beside("temporal by hand: chain of 10 activities alone, p50", 1.25),
    "temporal: chains of 10 activities, 20 in flight": beside(
        "temporal by hand: chains of 10 activities, 20 in flight", 1.25, lambda ours, theirs: theirs / ours
    ),
    **{
        f"temporal: {name}": beside(f"temporal by hand: {name}", 1.15)
        for name in ("start, p50", "status with history, p50", "status without history, p50")
    },
    "core: Pass and Choice chain": (
        "150,000",
        lambda value, found: value >= 150_000,
        lambda value, found: (
            f"{value / found['machine: Python loop, one small dict a turn']:.1%} of the bare loop's turns"
        ),
    ),
    "local: chain of 10 Pass states, 100 in flight": (
        "15 % of SQLite's rows/s",
        lambda value, found: value >= 0.15 * found[ROWS],
        lambda value, found: f"{value / found[ROWS]:.1%} of SQLite's rows/s",
    ),
    "local: chain of 10 async tasks, 100 in flight": (
        "10,000 where SQLite takes 240,000 rows/s",
        lambda value, found: value / found[ROWS] >= 10_000 / 240_000,
        lambda value, found: (
            f"{value / found[ROWS]:.1%} of SQLite's rows/s (the bar: 4.2%)"
            + (f"; {value / found[DBOS]:.0f} times DBOS" if DBOS in found else "")
        ),
    ),
    "local: one recorded step, one execution alone, p50": (
        "twice a bare commit",
        lambda value, found: value <= 2 * found[COMMIT],
        lambda value, found: f"{value / found[COMMIT]:.2f} times a bare commit",
    ),
    "local: start, alone, p50": (
        "twice a bare commit",
        lambda value, found: value <= 2 * found[COMMIT],
        lambda value, found: f"{value / found[COMMIT]:.2f} times a bare commit",
    ),
    "local: starts by 100 callers": (
        "10,000",
        lambda value, found: value >= 10_000,
        lambda value, found: f"{value / found[ROWS]:.1%} of SQLite's rows/s",
    ),
    "local: 10,000 executions that wait 5 s: all started": ("under 2", lambda value, _: value < 2, lambda *_: ""),
    "local: 10,000 executions that wait 5 s: all done": ("under 8", lambda value, _: value < 8, lambda *_: ""),
    "local: 10,000 executions that wait 5 s: memory grown by": ("under 60", lambda value, _: value < 60, lambda *_: ""),
    "local: 100,000 waiting: memory of the engine that took them": (
        "under 500",
        lambda value, _: value < 500,
        lambda *_: "",
    ),
    "local: 100,000 waiting: memory after a restart": ("under 500", lambda value, _: value < 500, lambda *_: ""),
    "local: 100,000 waiting: restart to ready": ("under 10", lambda value, _: value < 10, lambda *_: ""),
    "local: 100,000 waiting: 1,000 timers late by, most": ("under 1,000", lambda value, _: value < 1000, lambda *_: ""),
    "local: kill -9 with 10,000 unfinished: restart to ready": ("under 2", lambda value, _: value < 2, lambda *_: ""),
    "step-functions: start, alone, p50, over boto3": ("1.15", lambda value, _: value <= 1.15, lambda *_: ""),
    "step-functions: status, alone, p50, over boto3": ("1.15", lambda value, _: value <= 1.15, lambda *_: ""),
    "import enginehouse": ("under 150", lambda value, _: value < 150, lambda *_: ""),
    "base install, without pip": ("under 30", lambda value, _: value < 30, lambda *_: ""),
}


def run_once(name: str) -> list[dict[str, object]]:
    """The figures of one workload, run in a process of its own; none where it failed, which is told."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=PAGE.parents[1],
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        print(f"bench.{name} failed with status {done.returncode}", file=sys.stderr)
        return []
    found: list[dict[str, object]] = json.loads(lines[-1])
    return found


def table(found: Values, units: Mapping[str, str], runs: Mapping[str, list[float]]) -> str:
    lines = ["| workload | median | | of the runs | to reach | beside it |", "|---|---:|---|---|---|---|"]
    for name, value in found.items():
        low, high = min(runs[name]), max(runs[name])
        reach, passes, tells = REACH.get(name, ("", lambda *_: True, lambda *_: ""))
        try:
            verdict = reach and (reach if passes(value, found) else f"**not reached**: {reach}")
            note = tells(value, found)
        except KeyError:
            verdict, note = reach, ""
        lines.append(
            f"| {name} | {shown(value)} | {units[name]} | {shown(low)} to {shown(high)} | {verdict} | {note} |"
        )
    return "\n".join(lines)


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine(load: float) -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"on {os.cpu_count()} cores of {model}; medians of {ROUNDS} runs, each in a process of its own. "
        f"The load average was {load:.1f} when it began: above about 0.3, something else ran too."
    )


def main() -> None:
    names = sys.argv[1:] or WORKLOADS
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        sys.exit(f"no workload is called {unknown[0]!r}; there are {', '.join(WORKLOADS)}")
    load = os.getloadavg()[0]
    runs: dict[str, list[float]] = {}
    units: dict[str, str] = {}
    for number in range(ROUNDS):
        for name in names:
            print(f"round {number + 1} of {ROUNDS}: {name}", file=sys.stderr)
            for figure in run_once(name):
                runs.setdefault(str(figure["name"]), []).append(float(str(figure["value"])))
                units[str(figure["name"])] = str(figure["unit"])
    found = {name: statistics.median(values) for name, values in runs.items()}
    text = f"{machine(load)}\n\n{table(found, units, runs)}"
    print(text)
    if names == WORKLOADS:
        page = PAGE.read_text()
        before, rest = page.split(BEGIN, 1)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END, 1)[1]}")


if __name__ == "__main__":
    main()
