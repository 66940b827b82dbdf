"""What the page for newcomers tells its reader to type works as it stands."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.integration.documents import ROOT, follow

PORT = 8083


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.skipif(not is_free(PORT), reason=f"the page uses port {PORT}, and something else does here")
def test_the_page_can_be_followed(tmp_path: Path) -> None:
    done = follow(ROOT / "docs" / "step-functions-api.md", tmp_path, timeout=180)
    assert done.returncode == 0, done.stdout
    assert '"ExecutionSucceeded"' in done.stdout
