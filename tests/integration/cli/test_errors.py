"""What goes wrong is one readable line with the next move, on standard error, and an exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.command import ENVIRONMENT, LIMIT, Command, lay_out


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command line in a folder with a store, for those that are refused and so leave it as it is."""
    folder = tmp_path_factory.mktemp("stored")
    lay_out(folder)
    enginehouse = Command(folder)
    assert enginehouse("create", "flow.yaml", "--id", "other").returncode == 0
    return enginehouse


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nonsense"], 2, "Unknown command"),
        (["validat", "flow.yaml"], 2, 'Did you mean "validate"?'),
        (["run"], 2, "FILE is missing"),
        (["stop", "x"], 2, "--reason is missing, or its value"),
        (["run", ""], 2, "'': no such file"),
        (["graph", "flow.yaml", "--format", "gif"], 2, "--format"),
        (["run", "none.yaml"], 2, "none.yaml: no such file"),
        (["run", "flow.yaml", "more"], 2, "'more' is more than the command takes"),
        (["run", "flow.yaml", "--store", "none/x.db"], 9, "cannot be opened (unable to open database file); does its"),
        (["run", "flow.yaml", "--tasks", "none.py"], 2, "there is no file"),
        (["run", "flow.yaml", "--input", "{"], 2, "--input:1:2: error: the input is not JSON"),
        (["run", "flow.yaml", "--timeout", "soon"], 2, "90s, 15m"),
        (["run", "flow.yaml", "--timeout", "0"], 2, "--timeout: error: the duration is 0 s"),
        (["run", "flow.yaml", "--id", ""], 2, "--id: error: the id is empty"),
        (["run", "flow.yaml", "--name", "a b"], 2, "--name: error: the id 'a b' has ' '"),
        (["create", "flow.yaml", "--type", "FAST"], 2, "--type"),
        (["list", "workflows", "--token", "zz"], 2, "pass next_token of the page before, or none\n"),
        (["list", "workflows", "--store", "."], 9, "is a directory"),
        (["task", "success", "none", "--output", "{"], 2, "--output:1:2: error: the output is not JSON"),
        (["create", "flow.yaml", "--tag", "x"], 2, "KEY=VALUE"),
        (["status", "flow:none"], 5, "enginehouse list executions"),
        (["start", "none"], 5, "enginehouse create FILE"),
        (["status", "x", "--provider", "loca"], 5, "Did you mean 'local'?"),
        (["list", "executions", "--limit", "0"], 2, "--limit"),
        (["task", "success", "none"], 5, "no task waits for this token"),
        (["list", "workflows", "--config", "none.toml"], 2, "none.toml: error: the file cannot be read"),
        (["conformance", "asl", "--cases", "tasks.py"], 2, "error: "),
        (["conformance", "asl", "--provider", "loca"], 5, "Did you mean 'local'?"),
        (["step-functions-api", "--port", "99999"], 2, "Must be <= 65535"),
        (["worker", "--provider", "temporal", "--concurrency", "0"], 2, "Must be >= 1"),
        (["purge", "--older-than", "1d", "--state", "running"], 2, "only executions that ended"),
    ],
)
def test_a_mistake_is_told_in_a_line_or_two(stored: Command, words: list[str], status: int, said: str) -> None:
    done = stored(*words)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) <= 3
    assert "Traceback" not in done.stderr


def test_a_command_that_only_asks_makes_no_store(enginehouse: Command) -> None:
    asking = ["list executions", "list workflows", "status a:b", "history a:b", "watch a:b", "start a", "redrive a:b"]
    asking += ["stop a:b --reason x", "delete a", "graph a", "purge --older-than 1d", "task success t"]
    before = sorted(enginehouse.folder.iterdir())
    for words in asking:
        done = enginehouse(*words.split(), "--store", "none.db")
        assert (done.returncode, done.stdout) == (5, ""), words
        assert "there is no store none.db" in done.stderr
    assert sorted(enginehouse.folder.iterdir()) == before


def test_a_command_that_only_asks_needs_no_task_functions(enginehouse: Command) -> None:
    (enginehouse.folder / "enginehouse.toml").write_text('[enginehouse]\ntasks = ["tasks.py"]\n')
    assert enginehouse("run", "flow.yaml", "--input", '{"n": 4}', "--name", "one").returncode == 0
    (enginehouse.folder / "tasks.py").write_text("import nothing_of_this_name\n")
    for words in ("list executions", "status flow:one", "history flow:one", "graph flow", "create flow.yaml --update"):
        done = enginehouse(*words.split())
        assert (done.returncode, done.stderr.count("error")) == (0, 0), done.stderr


def test_with_json_an_error_is_one_document_on_standard_error(enginehouse: Command) -> None:
    assert enginehouse("create", "flow.yaml").returncode == 0
    done = enginehouse("status", "flow:none", "--json")
    assert done.returncode == 5
    assert done.stdout == ""
    assert json.loads(done.stderr)["error"]["code"] == "ExecutionNotFound"


def test_all_faults_of_a_definition_are_shown_in_its_file(enginehouse: Command) -> None:
    file = enginehouse.folder / "flow.yaml"
    file.write_text(file.read_text().replace("Next: Done", "Nxt: Done"))
    for words in (["run", "flow.yaml"], ["create", "flow.yaml"]):
        done = enginehouse(*words)
        assert done.returncode == 2
        assert "flow.yaml is not valid" in done.stderr
        assert "flow.yaml:10:" in done.stderr
        assert "Did you mean `Next`?" in done.stderr
        assert "│" in done.stderr
    assert enginehouse("list", "workflows", "--json").stdout.count("workflow_id") == 0


def test_a_definition_that_ends_too_early_is_shown_where_it_ends(enginehouse: Command) -> None:
    (enginehouse.folder / "cut.yaml").write_text("StartAt: A\nStates:\n  A: {Type: Pass\n")
    done = enginehouse("validate", "cut.yaml")
    assert done.stdout.splitlines()[1:3] == ["     3 │   A: {Type: Pass", "       │                 ^"]


def test_validate_checks_many_files_and_standard_input(enginehouse: Command) -> None:
    (enginehouse.folder / "bad.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass"}}}')
    done = enginehouse("validate", "none.yaml", "flow.yaml", "bad.json")
    assert done.returncode == 2
    assert "none.yaml: error: The file cannot be read: no such file or directory." in done.stdout
    assert "✓ flow.yaml: valid" in done.stdout
    assert "✗ bad.json: 1 fault\n" in done.stdout
    assert "bad.json:1:" in done.stdout
    found = json.loads(enginehouse("validate", "bad.json", "flow.yaml", "--json").stdout)
    assert [(item["file"], item["valid"]) for item in found] == [("bad.json", False), ("flow.yaml", True)]
    assert enginehouse("validate", "-", stdin="StartAt: A\nStates: {A: {Type: Succeed}}\n").returncode == 0
    assert json.loads(enginehouse("graph", "-", "--json", stdin="StartAt: A\nStates: {A: {Type: Succeed}}\n").stdout)
    syntax = enginehouse("validate", "-", stdin='{"StartAt": }')
    assert (syntax.returncode, "standard input:1:13: error" in syntax.stdout) == (2, True)


def test_what_nobody_thought_of_is_one_line_and_a_trace_when_asked_for(enginehouse: Command) -> None:
    (enginehouse.folder / "sitecustomize.py").write_text(
        "import enginehouse.cli.validate as place\ndef broken(*_):\n    raise RuntimeError('boom')\nplace._check = broken\n"
    )
    path = f"{enginehouse.folder}:{ENVIRONMENT['PYTHONPATH']}"
    done = enginehouse("validate", "flow.yaml", PYTHONPATH=path)
    assert done.returncode == 70
    assert done.stderr.splitlines()[0] == "error: this is a fault of enginehouse: RuntimeError: boom"
    assert "ENGINEHOUSE_DEBUG=1" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in enginehouse("validate", "flow.yaml", PYTHONPATH=path, ENGINEHOUSE_DEBUG="1").stderr


def test_a_reader_that_goes_away_is_no_error(enginehouse: Command) -> None:
    states = {f"S{index}": {"Type": "Pass", "Next": f"S{index + 1}"} for index in range(3000)}
    text = json.dumps({"StartAt": "S0", "States": states | {"S3000": {"Type": "Succeed"}}})
    (enginehouse.folder / "long.json").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "enginehouse.cli", "graph", "long.json", "--format", "mermaid"],
        cwd=enginehouse.folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        process.wait(LIMIT)
    assert (process.returncode, told) == (141, b"")


def test_a_terminal_of_forty_columns_and_ascii_is_enough(enginehouse: Command) -> None:
    narrow = {"COLUMNS": "40", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = enginehouse("graph", "flow.yaml", **narrow)
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert max(map(len, done.stdout.splitlines())) <= 40
    run = enginehouse("run", "flow.yaml", "--tasks", "tasks.py", "--input", '{"n": 1}', **narrow)
    assert run.returncode == 0
    assert run.stderr.isascii()
    assert enginehouse("run", "--help", **narrow).returncode == 0


def test_pictures_are_written_by_format_and_by_suffix(enginehouse: Command) -> None:
    for suffix, start in ((".svg", "<svg "), (".mmd", "flowchart TD"), (".dot", "digraph")):
        file = Path(f"out{suffix}")
        assert enginehouse("graph", "flow.yaml", "--output", str(file)).returncode == 0
        assert (enginehouse.folder / file).read_text("utf-8").startswith(start)
    assert enginehouse("graph", "flow.yaml", "--format", "svg").stdout.startswith("<svg ")


def test_help_teaches_every_command_with_an_example(enginehouse: Command) -> None:
    listed = enginehouse("--help")
    assert listed.returncode == 0
    from enginehouse.cli.app import COMMANDS

    for name in COMMANDS:
        assert f" {name} " in listed.stdout
    for words in (["run"], ["engine"], ["list", "executions"], ["task", "success"], ["completion"]):
        shown = enginehouse(*words, "--help")
        assert shown.returncode == 0
        assert f"enginehouse {' '.join(words)}" in shown.stdout
        assert "For example" in shown.stdout


def test_the_version_is_told_without_loading_a_command(enginehouse: Command) -> None:
    done = enginehouse("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "enginehouse")
    script = "import sys; sys.argv[1:] = ['--version']; from enginehouse.cli import main; main(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT, check=True
    )
    assert not {"cyclopts", "rich", "enginehouse.asl", "asyncio"} & set(loaded.stdout.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(enginehouse: Command, shell: str) -> None:
    script = enginehouse("completion", shell).stdout
    for name in ("run", "validate", "history"):
        assert name in script


def test_providers_are_listed_with_what_they_can(enginehouse: Command) -> None:
    found = {item["name"]: item for item in enginehouse.json("providers")}
    assert found["local"]["default"]
    assert "redrive" in found["local"]["can"]


def test_a_graph_of_what_is_no_workflow_is_refused(enginehouse: Command) -> None:
    (enginehouse.folder / "other.json").write_text('{"a": 1}')
    done = enginehouse("graph", "other.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "These fields are required: StartAt, States" in done.stderr


def test_an_input_file_that_is_not_json_is_shown_at_its_fault(enginehouse: Command) -> None:
    (enginehouse.folder / "in.json").write_text('{\n "n": 1,\n}\n')
    done = enginehouse("run", "flow.yaml", "--input", "@in.json")
    assert done.returncode == 2
    assert done.stderr.startswith("in.json:3:1: error: the input is not JSON")
    assert "3 │ }" in done.stderr


def test_a_fault_of_the_configuration_is_shown_in_its_file(enginehouse: Command) -> None:
    (enginehouse.folder / "enginehouse.toml").write_text('[providers.local]\nsynchronous = "SOME"\n')
    done = enginehouse("run", "flow.yaml")
    assert done.returncode == 2
    place, line, path = done.stderr.splitlines()
    assert place.partition(": error: ")[0].endswith("enginehouse.toml:2")
    assert "is 'FULL', 'NORMAL' or 'OFF', not 'SOME'" in place
    assert line.endswith('2 │ synchronous = "SOME"')
    assert path == "  at /providers/local/synchronous"


def test_with_json_a_slip_of_the_command_line_has_a_code_of_ours(enginehouse: Command) -> None:
    error = json.loads(enginehouse("stop", "x", "--json").stderr)["error"]
    assert error == {"code": "Usage", "message": "--reason is missing, or its value", "next": "enginehouse stop --help"}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["list", "workflows", "--help"]])
def test_help_ends_quietly_when_its_reader_is_gone(enginehouse: Command, words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "enginehouse.cli", *words]
    done = subprocess.run(
        command, env=ENVIRONMENT, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=LIMIT, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_stream_that_is_closed_is_no_fault(enginehouse: Command) -> None:
    command = f"{sys.executable} -m enginehouse.cli"
    for line, status in ((f"{command} providers >&-", 0), (f"{command} run 2>&-", 2), (f"{command} validate <&-", 2)):
        done = subprocess.run(
            ["sh", "-c", line], cwd=enginehouse.folder, env=ENVIRONMENT, capture_output=True, timeout=LIMIT, check=False
        )
        assert (done.returncode, done.stderr) == (status, b""), line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_no_fault_of_ours(enginehouse: Command) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "enginehouse.cli", "providers"]
        done = subprocess.run(
            command,
            cwd=enginehouse.folder,
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            check=False,
        )
    assert (done.returncode, done.stderr) == (9, b"error: the system refuses: no space left on device\n")


def test_help_is_silent_on_flags_that_are_off(enginehouse: Command) -> None:
    text = enginehouse("run", "--help").stdout
    assert "[default: {}]" in text
    assert "False" not in text
    assert 'default: "' not in text
