"""The rules table of docs/contract.md, from the conformance kit's rules and tests.

``python -m tests.integration.contract_table`` writes it anew.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

from enginehouse import conformance
from enginehouse.conformance.marks import TESTS
from enginehouse.conformance.rules import RULES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contract.md"
BEGIN, END = "<!-- the rules: written by tests/integration/contract_table.py -->\n", "<!-- end of the rules -->"

LOCAL = "src/enginehouse/providers/local"
MOCK = "src/enginehouse/providers/mock"
PROVIDERS = (f"{LOCAL}/provider.py", f"{MOCK}/provider.py")
# by the beginning of a rule's id, the longest that fits; where each provider keeps it, or the front
IMPLEMENTED: dict[str, tuple[str, ...]] = {
    "name": ("src/enginehouse/registry.py", *PROVIDERS),
    "methods": ("src/enginehouse/abc.py", *PROVIDERS),
    "lifecycle": (f"{LOCAL}/session.py", f"{MOCK}/provider.py"),
    "create": PROVIDERS,
    "start": PROVIDERS,
    "start.input": ("src/enginehouse/models.py", "src/enginehouse/mapping.py", f"{MOCK}/_mapping.py"),
    "start.invalid": ("src/enginehouse/mapping.py", f"{MOCK}/_mapping.py"),
    "start.runs-on": (f"{LOCAL}/engine.py", f"{MOCK}/host.py"),
    "status": (f"{LOCAL}/queries.py", f"{MOCK}/_mapping.py"),
    "terminal": (f"{LOCAL}/engine.py", f"{MOCK}/host.py"),
    "history": (f"{LOCAL}/turns.py", f"{MOCK}/execution.py"),
    "stop": PROVIDERS,
    "stop.tells-tasks": (f"{LOCAL}/work.py", f"{MOCK}/host.py"),
    "stop.grace": (f"{LOCAL}/work.py", f"{MOCK}/host.py"),
    "delete": PROVIDERS,
    "validate": PROVIDERS,
    "validate.all-faults": ("src/enginehouse/asl/validation/machine.py", "src/enginehouse/asl/document.py"),
    "concurrent": (f"{LOCAL}/writer.py", f"{MOCK}/provider.py"),
    "cancel": (f"{LOCAL}/writer.py", f"{MOCK}/provider.py"),
    "deadline": ("src/enginehouse/manager.py", f"{LOCAL}/writer.py", f"{MOCK}/provider.py"),
    "hanging": (f"{LOCAL}/writer.py", f"{MOCK}/faults.py"),
    "errors": ("src/enginehouse/errors.py", *PROVIDERS),
    "values": ("src/enginehouse/models.py", "src/enginehouse/mapping.py", f"{LOCAL}/mapping.py", f"{MOCK}/_mapping.py"),
    "logging": ("src/enginehouse/manager.py", *PROVIDERS),
    "durable": (f"{LOCAL}/store.py",),
    "list": (f"{LOCAL}/listing.py", f"{LOCAL}/queries.py", f"{MOCK}/provider.py"),
    "watch": PROVIDERS,
    "tokens": PROVIDERS,
    "update": PROVIDERS,
    "redrive": PROVIDERS,
    "audit": PROVIDERS,
    "audit.kept": ("src/enginehouse/audit.py", *PROVIDERS),
    "registry": ("src/enginehouse/registry.py",),
    "manager": ("src/enginehouse/manager.py",),
    "sync": ("src/enginehouse/sync.py",),
    "package": ("src/enginehouse/__init__.py", "src/enginehouse/models.py", "src/enginehouse/errors.py"),
}


def table() -> str:
    """The table, a row for each rule in the order of the contract."""
    for module in pkgutil.iter_modules(conformance.__path__):
        if module.name.startswith("test_"):
            importlib.import_module(f"{conformance.__name__}.{module.name}")
    rows = ["| rule | | what it says | implemented in | held by |", "| --- | --- | --- | --- | --- |"]
    for id, rule in RULES.items():
        test, _ = TESTS[id]
        file = Path("src", *test.__module__.split(".")).with_suffix(".py")
        places = ", ".join(_link(place) for place in implemented(id))
        rows.append(
            f"| `{id}` | {rule.level} | {_sentence(id, test.__name__)} | {places} | {_link(str(file), test.__name__)} |"
        )
    return "\n".join(rows) + "\n"


def implemented(id: str) -> tuple[str, ...]:
    """The files that keep a rule."""
    return IMPLEMENTED[max((start for start in IMPLEMENTED if id.startswith(start)), key=len)]


def _sentence(id: str, name: str) -> str:
    """What the test's name says, and which method it is about where one test holds the rule for all."""
    words = name.removeprefix("test_").replace("_", " ")
    method = re.fullmatch(r"(?:cancel|deadline|hanging)\.(\w+)(?:\.(?:cancel|deadline))?", id)
    return f"{words[0].upper()}{words[1:]}{f' ({method[1]})' if method else ''}"


def _link(place: str, shown: str = "") -> str:
    return f"[{shown or place.removeprefix('src/enginehouse/')}](../{place})"


def main() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
