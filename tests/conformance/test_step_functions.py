"""The step-functions provider on two servers of the API: ours, and moto's, which is not AWS; what moto itself prevents
is named. docs/step-functions.md tells of both."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from enginehouse.conformance import matrix
from enginehouse.conformance.asl import own_cases
from enginehouse.conformance.judging import Outcome
from enginehouse.conformance.rules import RULES
from enginehouse.providers.step_functions.testing import (
    KEYS,
    REGION,
    ROLE,
    MotoHarness,
    Server,
    api_server,
    make_queue,
    moto_server,
)

RULES_MOTO_BREAKS = {
    "stop.reason.status": "moto drops the cause of StopExecution",
    "stop.reason.history": "moto drops the cause of StopExecution",
    "stop.grace-bounded": "in moto a stopped execution that waits for a token goes on running",
    "terminal.late-answer": "the same, where the stop comes after moto has begun to wait",
    "tokens.heartbeat": "moto takes a heartbeat for a state without HeartbeatSeconds for an invalid token",
    "redrive.goes-on": "moto has no RedriveExecution",
}

CASES_MOTO_FAILS = {
    "moto's grammar lacks the field": "batching/* distributed/express-children tolerance/percentage-* "
    "tolerance/everything-may-fail tolerance/either-threshold-counts",
    "moto drops the cause of SendTaskFailure": "callbacks/failure callbacks/failure-is-caught callbacks/handing-out-fails "
    "catch/error-output catch/result-path catch/all catch/task-failed catch/another-name catch/names-are-case-sensitive "
    "catch/not-of-a-later-state catch/own-result-path-is-not-used errors/own-names-are-free errors/empty-cause "
    "retry/too-often retry/never retry/another-error retry/the-first-that-fits retry/each-is-exhausted-for-itself "
    "retry/exhausted-then-caught retry/parallel retry/map task/failure-ends-the-execution",
    "moto does not count in $$.State.RetryCount": "retry/twice retry/each-counts-for-itself "
    "retry/starts-anew-at-each-visit retry/after-a-caught-visit timeouts/retried",
    "moto gives a retried task no token that it knows": "callbacks/retried-with-a-new-token",
    "moto does not evaluate Assign and variables in JSONPath": "catch/assign map/items-of-a-variable variables/*",
    "moto's JSONPath is another dialect": "jsonpath/* parallel/input-and-output-path templates/missing-path-history",
    "moto's intrinsic functions differ": "intrinsics/*",
    "moto's Choice differs": "choice_logic/* choice_matches/* choice_timestamps/* context/*-is-a-timestamp",
    "moto names some errors of the language States.Runtime, or does not name them": "errors/* paths/result-path-into-a-text "
    "timeouts/* wait/timestamp-with-offset",
    "moto tolerates failed items of a Map, and its distributed Map gives lists": "tolerance/* "
    "distributed/each-item-is-an-execution-of-its-own",
}


def test_on_moto_every_rule_is_kept_but_those_that_moto_prevents(tmp_path: Path) -> None:
    # What moto prevents is not tried: it would only be waited for.
    target = f"{MotoHarness.__module__}:{MotoHarness.__qualname__}"
    command = [
        sys.executable, "-m", "pytest", "-p", "enginehouse.conformance.plugin", "--pyargs", "enginehouse.conformance",
        "--provider-harness", target, "--conformance-report", "report.json", "-q", "--tb=short", "-p", "no:cacheprovider",
        "-k", f"not ({' or '.join(f'[{id}]' for id in RULES_MOTO_BREAKS)})",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = matrix.read(tmp_path / "report.json")
    broken = {id for id, line in lines.items() if line.outcome not in (Outcome.KEPT, Outcome.NOT_OFFERED)}
    assert not broken, done.stdout
    assert set(lines) == set(RULES) - set(RULES_MOTO_BREAKS)


def test_our_cases_run_on_our_server_as_on_the_local_engine(tmp_path: Path) -> None:
    differing = _differences(tmp_path, api_server, [])
    cases = {case["id"]: case for case in own_cases()}

    def explained(item: dict[str, Any]) -> bool:
        case = cases[item["id"]]
        tasks_are_activities = item["what"] == "history" and "task:" in json.dumps(case["definition"])
        no_cause_by_token = item["id"] == "errors/empty-cause"  # an empty one is none where an outcome comes by a token
        return tasks_are_activities or no_cause_by_token or case["type"] == "EXPRESS" or bool(case["lambdas"])

    assert [item for item in differing if not explained(item)] == []


def test_our_cases_run_on_moto_but_those_that_moto_fails(tmp_path: Path) -> None:
    patterns = [word for words in CASES_MOTO_FAILS.values() for word in words.split()]
    failed = re.compile("|".join(re.escape(word).replace(r"\*", ".*") for word in patterns))

    def fits(case: Any) -> bool:
        # moto evaluates no JSONata, and one such definition spoils what it parses next to it.
        text = json.dumps(case["definition"])
        return not (
            "JSONata" in text
            or case["stopped"]
            or case["lambdas"]
            or case["type"] == "EXPRESS"
            or case["id"].startswith("limits/history")
            or failed.fullmatch(case["id"])
        )

    chosen = [case for case in own_cases() if fits(case)]
    assert len(chosen) > 280
    (tmp_path / "cases.json").write_text(json.dumps(chosen), encoding="utf-8")
    words = ["--cases", "cases.json", "--jobs", "4", "--limit", "60s"]
    differing = _differences(tmp_path, moto_server, words, queues=True)
    assert {item["id"] for item in differing if item["what"] != "history"} == set()


def _differences(
    folder: Path, serve: Callable[[], Server], words: list[str], *, queues: bool = False
) -> list[dict[str, Any]]:
    """What ``enginehouse conformance parity`` tells, of the local engine and of this server."""
    server = serve()
    try:
        given = {"ENDPOINT": server.url, "REGION": REGION, "ROLE": ROLE, "BEAT": "0.3"}
        if queues:
            given |= {"QUEUE_ENDPOINT": server.url, "RESOURCES": make_queue(server.url, "parity")}
        options = {f"ENGINEHOUSE_PROVIDERS__STEP_FUNCTIONS__{key}": value for key, value in given.items()}
        done = subprocess.run(
            [
                sys.executable, "-m", "enginehouse.cli", "conformance", "parity", "--json",
                "--providers", "local,step-functions", *words,
            ],
            cwd=folder, env={**os.environ, **KEYS, **options}, stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found
    finally:
        server.kill()
