"""All commands by name, each loaded when it is called; and the one place where errors become words and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError
from cyclopts.exceptions import UnusedCliTokensError

from enginehouse.cli import exits
from enginehouse.cli.diagnostics import SOURCE
from enginehouse.cli.files import named
from enginehouse.errors import EnginehouseError, InvalidSpecError, ProviderNotFoundError

HELP = """Run workflows written in the Amazon States Language, on any engine.

A first workflow, with its task functions, from a file:

    enginehouse run hello.yaml --tasks tasks.py --input '{"who": "world"}'
"""
COMMANDS = {
    "run": "run:run",
    "validate": "validate:validate",
    "graph": "graph:graph",
    "create": "workflows:create",
    "delete": "workflows:delete",
    "list": "listing:app",
    "start": "executions:start",
    "status": "executions:status",
    "history": "history:history",
    "watch": "history:watch",
    "stop": "executions:stop",
    "redrive": "executions:redrive",
    "task": "tokens:app",
    "engine": "engine:engine",
    "worker": "worker:worker",
    "step-functions-api": "step_functions_api:step_functions_api",
    "purge": "purge:purge",
    "export": "export:export",
    "providers": "providers:providers",
    "conformance": "conformance:app",
    "completion": "completion:completion",
}

app = App(
    name="enginehouse",
    help=HELP,
    version_flags=["--version", "-V"],
    help_format="markdown",
    help_on_error=False,
    print_error=False,
    exit_on_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)
for order, (name, place) in enumerate(COMMANDS.items()):
    app.command(f"enginehouse.cli.{place}", name=name, sort_key=order)


def call(words: Sequence[str]) -> int:
    """Run a command; whatever goes wrong becomes one line on standard error and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        if not words or words[0] in ("--help", "-h"):
            _load_all()
        status = app(named(words) or ["--help"])
        sys.stdout.flush()
    except BrokenPipeError:
        return _pipe_closed()
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except Exception as error:
        return _failed(error, as_json="--json" in words)
    return status if isinstance(status, int) else exits.OK


def _load_all() -> None:
    """Commands not yet loaded have no sentence to show in the list of commands."""
    for name in COMMANDS:
        app[name]


def _failed(error: Exception, *, as_json: bool) -> int:
    from enginehouse.cli.output import complain, write_json_error

    status, message, hint = _explained(error)
    if os.environ.get("ENGINEHOUSE_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    if as_json:
        write_json_error(error, message, hint)
    elif isinstance(error, InvalidSpecError) and error.diagnostics:
        from enginehouse.cli.diagnostics import show_all

        if len(error.diagnostics) > 1:
            complain(message)
        file, text = getattr(error, SOURCE, ("", ""))
        show_all(error.diagnostics, file=file, text=text)
    else:
        complain(message, hint=hint)
    return status


def _explained(error: Exception) -> tuple[int, str, str]:
    """Exit status, sentence and next move for an error."""
    match error:
        case InvalidSpecError() if len(error.diagnostics) > 1:
            subject = getattr(error, SOURCE, ("", ""))[0]
            sentence = error.message or f"{subject} is not valid".strip()
            return exits.USAGE, f"{sentence}: {len(error.diagnostics)} faults", ""
        case EnginehouseError():
            # what was asked stands on the line above it
            sentence = str(error).removeprefix(error.operation).lstrip(": ") if error.operation else str(error)
            hint = exits.NEXT_MOVE.get(error.code, "")
            if isinstance(error, ProviderNotFoundError) and error.remedy:
                sentence, hint = sentence.partition(f": {error.remedy}")[0], error.remedy
            return exits.of_error(error), sentence, hint
        case CycloptsError():
            words = " ".join(["enginehouse", *(error.command_chain or ())])
            if isinstance(error, UnusedCliTokensError):
                sentence = f"{' '.join(error.unused_tokens or ())!r} is more than the command takes"
                return exits.USAGE, sentence, f"{words} --help"
            return exits.USAGE, " ".join(str(error).split()), f"{words} --help"
        case TimeoutError():
            return exits.TIMED_OUT, str(error) or "it took too long", ""
        case FileNotFoundError() | PermissionError() | IsADirectoryError() | NotADirectoryError() | FileExistsError():
            return exits.USAGE, f"{error.filename or ''}: {(error.strerror or str(error)).lower()}", ""
    sentence = f"this is a fault of enginehouse: {type(error).__name__}: {' '.join(str(error).split())}"
    return exits.INTERNAL, sentence, "ENGINEHOUSE_DEBUG=1 shows the trace; please report it"


def _pipe_closed() -> int:
    """The reader is gone. Python would complain once more when it flushes at exit, so it is given another stream."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
    return exits.PIPE_CLOSED
