"""The command line ``enginehouse``. Nothing else of the package imports it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit status (``enginehouse.cli.exits``). Never raises for what a user did."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    if words in (["--version"], ["-V"]):  # asked for by scripts at every start; needs no parser
        import enginehouse

        try:
            print(f"enginehouse {enginehouse.__version__}", flush=True)  # noqa: T201
        except BrokenPipeError:
            return pipe_closed()
        return 0
    try:
        from enginehouse.cli.app import call
    except KeyboardInterrupt:  # what is imported takes a moment, in which Ctrl-C is as good as later
        return 130

    return call(words)


def pipe_closed() -> int:
    """The exit status where the reader is gone."""
    drop_output()
    return 141


def drop_output() -> None:
    """Standard output cannot be written. Python would complain once more when it flushes at exit, so it is given another stream."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


def _open_streams() -> None:
    """Who starts a command with a stream closed (``>&-``) wants nothing of it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 -- for as long as the process
