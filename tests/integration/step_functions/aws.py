"""AWS's command line, started once for many commands: each line of input is a command's words, each line of output what came."""

from __future__ import annotations

import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver


def main() -> None:
    driver = create_clidriver()
    for line in sys.stdin:
        said, complained = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            status = driver.main(json.loads(line))
        print(json.dumps([status, said.getvalue(), complained.getvalue()]), flush=True)


if __name__ == "__main__":
    main()
