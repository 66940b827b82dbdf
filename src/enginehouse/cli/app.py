"""All commands by name, each loaded when it is called; and the one place where errors become words and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError, Parameter
from cyclopts.exceptions import MissingArgumentError, UnusedCliTokensError

from enginehouse.cli import drop_output, exits, pipe_closed
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
    # that a flag is off, and a text empty, goes without saying
    default_parameter=Parameter(show_default=lambda value: str(value) if value not in (None, False, "") else None),
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
        return pipe_closed()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # rich, which writes the help, ends the process there
            return exits.PIPE_CLOSED
        raise
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
    if isinstance(error, OSError) and error.filename is None:
        drop_output()  # it may be what the system refused to write
    if os.environ.get("ENGINEHOUSE_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    if as_json:
        write_json_error(error, message, hint, usage=isinstance(error, CycloptsError))
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
        case InvalidSpecError(diagnostics=(fault,)):
            return exits.USAGE, fault.message, fault.hint
        case EnginehouseError():
            # what was asked stands on the line above it
            sentence = str(error).removeprefix(error.operation).lstrip(": ") if error.operation else str(error)
            hint = exits.NEXT_MOVE.get(error.code, "")
            if isinstance(error, ProviderNotFoundError) and error.remedy:
                sentence, hint = sentence.partition(f": {error.remedy}")[0], error.remedy
            return exits.of_error(error), sentence, hint
        case CycloptsError():
            words = " ".join(["enginehouse", *(error.command_chain or ())])
            return exits.USAGE, _misread(error), f"{words} --help"
        case TimeoutError():
            return exits.TIMED_OUT, str(error) or "it took too long", ""
        case OSError(filename=str() | bytes() as file):
            return exits.USAGE, f"{os.fsdecode(file) or repr('')}: {(error.strerror or str(error)).lower()}", ""
        case OSError(strerror=str() as reason):
            return exits.PROVIDER, f"the system refuses: {reason.lower()}", ""
    sentence = f"this is a fault of enginehouse: {type(error).__name__}: {' '.join(str(error).split())}"
    return exits.INTERNAL, sentence, "ENGINEHOUSE_DEBUG=1 shows the trace; please report it"


def _misread(error: CycloptsError) -> str:
    """What is wrong with the words of a command line."""
    if isinstance(error, UnusedCliTokensError):
        return f"{' '.join(error.unused_tokens or ())!r} is more than the command takes"
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        return f"{error.argument.name} is missing" + (", or its value" if error.argument.name.startswith("-") else "")
    return " ".join(str(error).split())
