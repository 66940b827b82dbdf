from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.step_functions.server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a file: they give their machines names of their own."""
    with serving(tmp_path_factory.mktemp("step-functions-api")) as server:
        yield server


@pytest.fixture
def sfn(server: Server) -> Any:
    """A boto3 client of the server."""
    return server.client()
