"""What the documents tell a newcomer to type works as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.documents import ROOT, blocks, checkout, follow

IN_A_CLONE = [
    "README.md",
    *(f"examples/{name}/README.md" for name in ("tenant_provisioning", "order_saga", "nightly_import")),
]
IN_AN_EMPTY_FOLDER = [
    "docs/tutorial.md",
    "docs/writing-a-provider.md",
    "docs/tasks.md",
    "docs/language.md",
    "docs/configuration.md",
    "docs/aws-services.md",
    "docs/export.md",
    "docs/contract.md",
]


@pytest.mark.parametrize("name", IN_A_CLONE)
def test_a_page_about_the_clone_can_be_followed(name: str, tmp_path: Path) -> None:
    done = follow(ROOT / name, checkout(tmp_path), timeout=180)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", IN_AN_EMPTY_FOLDER)
def test_a_page_about_a_project_of_ones_own_can_be_followed(name: str, tmp_path: Path) -> None:
    done = follow(ROOT / name, tmp_path, timeout=180)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [*IN_A_CLONE, *IN_AN_EMPTY_FOLDER])
def test_every_page_has_something_to_follow(name: str) -> None:
    assert any(block.language == "sh" for block in blocks(ROOT / name))
