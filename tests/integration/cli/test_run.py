"""``enginehouse run``: from a file to its output, and the life of an execution around it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest

from tests.integration.cli.command import LIMIT, Command

RUN = ("run", "flow.yaml", "--tasks", "tasks.py")


def wait_for(process: subprocess.Popen[str], words: str) -> str:
    """Read its standard error up to the line that has these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"it ended without saying {words!r}")


def test_a_run_prints_its_output_alone_and_reports_beside_it(enginehouse: Command) -> None:
    done = enginehouse(*RUN, "--input", '{"n": 4}')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"n": 8}
    for words in ("✓ Double", "state", "attempts", "✓ succeeded after", "Too large"):
        assert words in done.stderr
    headings = [
        line.split()
        for given in ('{"n": 4}', '{"n": null}')
        for line in enginehouse(*RUN, "--input", given).stderr.splitlines()
        if line.startswith("state ")
    ]
    usual = ["state", "outcome", "attempts", "took"]
    assert headings == [usual, [*usual, "error"]], "errors have a column where there are any"


def test_input_comes_from_standard_input_or_from_a_file(enginehouse: Command) -> None:
    (enginehouse.folder / "in.json").write_text('{"n": 4}')
    for given in (["-i", "-"], ["--input=-"], ["--input", "@in.json"]):
        assert json.loads(enginehouse(*RUN, *given, stdin='{"n": 4}').stdout) == {"n": 8}


def test_quiet_leaves_the_output(enginehouse: Command) -> None:
    done = enginehouse(*RUN, "-i", '{"n": 4}', "--quiet")
    assert (json.loads(done.stdout), done.stderr) == ({"n": 8}, "")


def test_what_a_task_prints_and_logs_is_not_the_output(enginehouse: Command) -> None:
    file = enginehouse.folder / "tasks.py"
    file.write_text(
        file.read_text().replace(
            "    return",
            "    print('printed')\n    import logging; logging.getLogger('mine').info('logged')\n    return",
        )
    )
    done = enginehouse(*RUN, "-i", '{"n": 4}', "--json")
    assert json.loads(done.stdout)["output"] == {"n": 8}
    assert (done.stderr.count("printed"), done.stderr.count("logged")) == (1, 0)
    assert "INFO mine logged" in enginehouse(*RUN, "-i", '{"n": 4}', "--log", "info").stderr


def test_a_failed_run_says_where_and_why_and_its_status_is_one(enginehouse: Command) -> None:
    done = enginehouse(*RUN, "--input", '{"n": 10}')
    assert done.returncode == 1
    assert done.stdout == ""
    assert "✗ failed" in done.stderr
    assert "Number.TooLarge at Too large: it is above 9" in done.stderr


def test_a_run_that_takes_too_long_has_status_three(enginehouse: Command) -> None:
    assert enginehouse(*RUN, "--input", '{"n": 1, "hold": 1}', "--timeout", "1s").returncode == 3


def test_json_is_one_document_with_what_happened_to_each_state(enginehouse: Command) -> None:
    found = enginehouse.json(*RUN, "--input", '{"n": 4}', "--name", "one")
    assert (found["execution_id"], found["state"], found["output"]) == ("flow:one", "succeeded", {"n": 8})
    assert [(state["name"], state["outcome"]) for state in found["states"]] == [
        ("Large?", "succeeded"),
        ("Double", "succeeded"),
        ("Done", "succeeded"),
    ]


def test_the_same_name_again_gives_the_same_execution(enginehouse: Command) -> None:
    first = enginehouse.json(*RUN, "--input", '{"n": 4}', "--name", "one")
    again = enginehouse.json(*RUN, "--input", '{"n": 4}', "--name", "one")
    assert again == first
    other = enginehouse(*RUN, "--input", '{"n": 5}', "--name", "one")
    assert other.returncode == 6
    assert "another input" in other.stderr


def test_a_definition_that_was_changed_is_the_one_that_runs(enginehouse: Command) -> None:
    enginehouse(*RUN, "--input", '{"n": 4}')
    file = enginehouse.folder / "flow.yaml"
    file.write_text(file.read_text().replace("GreaterThan: 9", "GreaterThan: 3"))
    assert enginehouse(*RUN, "--input", '{"n": 4}').returncode == 1


def test_a_run_that_is_interrupted_before_it_began_does_not_say_that_it_is_kept(enginehouse: Command) -> None:
    (enginehouse.folder / "early.py").write_text(
        "import os, signal\nfrom enginehouse import task\nos.kill(os.getpid(), signal.SIGINT)\n"
        "@task\ndef one() -> None: ...\n"
    )
    done = enginehouse("run", "flow.yaml", "-t", "early.py", "-n", "x")
    assert done.returncode == 130
    assert done.stderr.splitlines()[0] == "interrupted: 'x' may not have been started"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_interrupted_goes_on_under_its_name(
    enginehouse: Command, number: signal.Signals, status: int
) -> None:
    file = enginehouse.folder / "flow.yaml"
    file.write_text(file.read_text().replace("Seconds: 3600", "Seconds: 2"))
    process = enginehouse.begin(*RUN, "--input", '{"n": 4, "hold": 1}', "--name", "one")
    try:
        wait_for(process, "Large?")
        process.send_signal(number)
        _, told = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode == status
    assert 'enginehouse run flow.yaml --tasks tasks.py --input \'{"n": 4, "hold": 1}\' --name one' in told
    assert "Traceback" not in told
    assert enginehouse.json("status", "flow:one")["state"] == "running"
    again = enginehouse.json(*RUN, "--input", '{"n": 4, "hold": 1}', "--name", "one")
    assert (again["state"], again["output"]) == ("succeeded", {"n": 8})


def test_an_engine_drives_what_other_processes_start_until_it_is_asked_to_end(enginehouse: Command) -> None:
    assert enginehouse("create", "flow.yaml").returncode == 0
    engine = enginehouse.begin("engine", "--tasks", "tasks.py")
    try:
        wait_for(engine, "drives")
        second = enginehouse("engine", "--tasks", "tasks.py")
        assert second.returncode == 7
        assert str(engine.pid) in second.stderr
        done = enginehouse.json("start", "flow", "--input", '{"n": 4}', "--wait", "--timeout", "30s")
        assert (done["state"], done["output"]) == ("succeeded", {"n": 8})
        engine.send_signal(signal.SIGTERM)
        _, told = engine.communicate(timeout=LIMIT)
    finally:
        engine.kill()
    assert engine.returncode == 0
    assert "stopped" in told


def test_an_engine_that_has_to_stop_ends_its_process(enginehouse: Command) -> None:
    assert enginehouse("create", "flow.yaml").returncode == 0
    with closing(sqlite3.connect(enginehouse.folder / "enginehouse.db")) as store:
        store.execute("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END")
    engine = enginehouse.begin("engine", "--tasks", "tasks.py")
    try:
        wait_for(engine, "drives")
        assert enginehouse("start", "flow", "--input", '{"n": 4}').returncode == 0
        _, told = engine.communicate(timeout=LIMIT)
    finally:
        engine.kill()
    assert engine.returncode == 7
    assert "the engine has stopped; start it again when the cause is mended" in told


def test_under_the_mock_an_hour_of_waiting_passes_at_once(enginehouse: Command) -> None:
    found = enginehouse.json(*RUN, "--input", '{"n": 4, "hold": 1}', "--provider", "mock")
    assert (found["state"], found["output"]) == ("succeeded", {"n": 8})
    assert [state["seconds"] for state in found["states"] if state["name"] == "Hold"] == [3600.0]
    assert not (enginehouse.folder / "enginehouse.db").exists()


def test_an_execution_is_started_shown_stopped_and_redriven(enginehouse: Command) -> None:
    assert enginehouse("create", "flow.yaml").returncode == 0
    started = enginehouse("start", "flow", "--name", "one", "--input", '{"n": 4, "hold": 1}')
    assert started.stdout == "flow:one\n"
    assert enginehouse.json("list", "executions", "--state", "pending")["items"][0]["execution_id"] == "flow:one"
    assert enginehouse("delete", "flow").returncode == 6
    assert enginehouse("stop", "flow:one", "--reason", "not today").returncode == 0
    shown = enginehouse("status", "flow:one")
    assert shown.returncode == 4
    assert "not today" in shown.stdout
    assert "ExecutionAborted" in enginehouse("history", "flow:one").stdout
    events = [json.loads(line) for line in enginehouse("watch", "flow:one", "--json").stdout.splitlines()]
    assert [event["type"] for event in events][:1] == ["ExecutionStarted"]
    assert enginehouse("redrive", "flow:one").returncode == 0
    assert enginehouse("stop", "flow:one", "--reason", "still not").returncode == 0
    assert enginehouse.json("purge", "--older-than", "0s", "--dry-run")["purged"]["cancelled"] == 1
    assert enginehouse.json("purge", "--older-than", "0s")["purged"]["cancelled"] == 1
    assert enginehouse("status", "flow:one").returncode == 5
    assert enginehouse("delete", "flow").returncode == 0


def test_a_list_goes_on_where_its_page_ended(enginehouse: Command) -> None:
    enginehouse("create", "flow.yaml")
    for name in ("a", "b", "c"):
        enginehouse("start", "flow", "--name", name)
    first = enginehouse.json("list", "executions", "--limit", "2")
    rest = enginehouse.json("list", "executions", "--limit", "2", "--token", first["next_token"])
    names = [item["execution_id"] for item in (*first["items"], *rest["items"])]
    assert names == ["flow:c", "flow:b", "flow:a"]
    assert rest["next_token"] == ""


def test_the_graph_is_coloured_by_an_execution(enginehouse: Command) -> None:
    enginehouse(*RUN, "--input", '{"n": 10}', "--name", "bad")
    done = enginehouse("graph", "flow.yaml", "--execution", "flow:bad")
    assert "✗ Too large" in done.stdout
    assert "■ Double" in done.stdout
    found = enginehouse.json("graph", "flow.yaml", "--execution", "flow:bad")
    marks = {state["name"]: state["mark"] and state["mark"]["outcome"] for state in found["states"]}
    assert marks == {"Large?": "succeeded", "Hold": None, "Double": None, "Done": None, "Too large": "failed"}


def test_a_stored_workflow_is_drawn_as_it_is_now_or_as_an_execution_began_with_it(enginehouse: Command) -> None:
    enginehouse(*RUN, "--input", '{"n": 1}', "--name", "one")
    file = enginehouse.folder / "flow.yaml"
    file.write_text(file.read_text().replace("Done", "Over"))
    assert enginehouse("create", "flow.yaml", "--update").returncode == 0
    assert "Over" in enginehouse("graph", "flow").stdout
    assert "✓ Done" in enginehouse("graph", "flow", "--execution", "flow:one").stdout
    assert enginehouse("graph", "none").returncode == 5


def test_settings_come_from_the_file_then_the_environment_then_the_flags(enginehouse: Command) -> None:
    (enginehouse.folder / "enginehouse.toml").write_text(
        '[enginehouse]\ntasks = ["tasks.py"]\n[providers.local]\nstore = "file.db"\n'
    )
    run = ("run", "flow.yaml", "--quiet", "--input", '{"n": 1}')
    assert enginehouse(*run).returncode == 0
    assert enginehouse(*run, ENGINEHOUSE_PROVIDERS__LOCAL__STORE="variable.db").returncode == 0
    assert enginehouse(*run, "--store", "flag.db", ENGINEHOUSE_PROVIDERS__LOCAL__STORE="variable.db").returncode == 0
    for store in ("file.db", "variable.db", "flag.db"):
        assert len(enginehouse.json("list", "executions", "--store", store)["items"]) == 1
    assert not os.path.exists(enginehouse.folder / "enginehouse.db")


def test_a_start_that_nobody_runs_says_so_until_somebody_does(enginehouse: Command) -> None:
    assert enginehouse("create", "flow.yaml").returncode == 0
    started = enginehouse("start", "flow", "--name", "one", "--input", '{"n": 4}')
    assert started.stdout == "flow:one\n"
    assert "no process drives the store" in started.stderr
    assert "enginehouse engine" in enginehouse.json("status", "flow:one")["metadata"]["message"]
    engine = enginehouse.begin("engine", "--tasks", "tasks.py")
    try:
        wait_for(engine, "drives")
        watched = enginehouse("watch", "flow:one")
        assert (watched.returncode, watched.stderr) == (0, "")
    finally:
        engine.kill()
        engine.communicate()
    assert "message" not in enginehouse.json("status", "flow:one")["metadata"], "it is over"
