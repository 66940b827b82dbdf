"""The registry: known by name, imported on use, clear about what is missing."""

import sys
import threading
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from enginehouse import (
    EnginehouseError,
    InvalidSpecError,
    Provider,
    ProviderConflictError,
    ProviderError,
    ProviderNotFoundError,
    Registry,
)
from enginehouse.registry import discover
from tests.unit.idle_provider import IdleProvider

PLUGIN = """
from tests.unit.idle_provider import IdleProvider

MADE = []

class Fine(IdleProvider):
    def __init__(self, *, store: str = "default.db", size: int = 1) -> None:
        super().__init__("fine")
        self.store, self.size = store, size
        MADE.append(self)

class Needy(IdleProvider):
    def __init__(self, *, address: str) -> None:
        super().__init__("needy")

class Angry(IdleProvider):
    def __init__(self) -> None:
        raise OSError("no route")

def misnamed() -> IdleProvider:
    return IdleProvider("other")

def wrong() -> int:
    return 7

def refusing() -> IdleProvider:
    from enginehouse import InvalidSpecError
    raise InvalidSpecError("the address is no URL")

nothing = 7
"""
ENTRY_POINTS = """[enginehouse.providers]
fine = acme_engine:Fine
needy = acme_engine:Needy
angry = acme_engine:Angry
misnamed = acme_engine:misnamed
wrong = acme_engine:wrong
refusing = acme_engine:refusing
nothing = acme_engine:nothing
absent-attribute = acme_engine:Nowhere
half-installed = acme_engine.nowhere:Thing
syntax = acme_syntax:Thing
bare-import = acme_needs_sdk:Thing
named-extra = acme_needs_sdk:Thing [rocket,fuel]
own-extra = acme_needs_sdk:Thing
lazy-import = acme_engine:Fine [orbit]
Bad_Name = acme_engine:Fine
twice = acme_engine:Fine
"""


def install(folder: Path, distribution: str, points: str, extras: tuple[str, ...] = ()) -> None:
    info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {distribution}",
        "Version: 1.0",
        *(f"Provides-Extra: {e}" for e in extras),
        "Requires-Dist: orbit-sdk>=1; extra == 'orbit'",
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "entry_points.txt").write_text(points)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    install(tmp_path, "acme-engine", ENTRY_POINTS, ("own-extra",))
    (tmp_path / "acme_engine").mkdir()
    (tmp_path / "acme_engine" / "__init__.py").write_text(PLUGIN)
    (tmp_path / "acme_syntax.py").write_text("def (:\n")
    (tmp_path / "acme_needs_sdk.py").write_text("import rocket_sdk.client\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    discover.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    discover.cache_clear()
    discover()  # as an import leaves it: the next test may ask on its event loop, where no file may be read
    for name in [name for name in sys.modules if name.startswith(("acme_", "rocket_sdk"))]:
        del sys.modules[name]


def test_a_registered_provider_is_known_and_given_back() -> None:
    registry, provider = Registry(), IdleProvider("mine")
    registry.register(provider)
    assert registry.has("mine")
    assert "mine" in registry.list()
    assert registry.get("mine") is provider
    assert not registry.made("mine")


def test_two_registries_do_not_share() -> None:
    Registry().register(IdleProvider("mine"))
    assert not Registry().has("mine")


def test_a_taken_name_is_refused_and_its_holder_named() -> None:
    registry, first = Registry(), IdleProvider("mine")
    registry.register(first)
    with pytest.raises(ProviderConflictError, match="'mine' is taken by a registered IdleProvider") as caught:
        registry.register(IdleProvider("mine"))
    assert caught.value.provider == "mine"
    with pytest.raises(ProviderConflictError):
        registry.register(first)
    assert registry.get("mine") is first


def test_the_name_of_an_entry_point_is_taken_too(plugins: Path) -> None:
    with pytest.raises(ProviderConflictError, match=r"'fine' is taken by .* of distribution 'acme-engine'"):
        Registry().register(IdleProvider("fine"))
    assert "acme_engine" not in sys.modules


@pytest.mark.parametrize("name", ["a", "1", "some-engine", "a1-b2-c3", "mock"[:3]])
def test_a_good_name_is_taken(name: str) -> None:
    registry = Registry()
    registry.register(IdleProvider(name))
    assert registry.has(name)


@pytest.mark.parametrize(
    "name", ["", "A", "stepFunctions", "a_b", "-a", "a-", "a--b", "a b", "a\n", "é", "a.b", "a/b", "٣", None, 7]
)
def test_a_bad_name_is_refused(name: object) -> None:
    registry = Registry()
    with pytest.raises(InvalidSpecError, match="no provider name"):
        registry.register(IdleProvider(name))  # type: ignore[arg-type]
    assert name not in registry.list()


def test_what_is_no_provider_is_refused() -> None:
    with pytest.raises(TypeError, match="is no Provider"):
        Registry().register("local")  # type: ignore[arg-type]


def test_an_unknown_name_lists_the_known_ones() -> None:
    registry = Registry()
    registry.register(IdleProvider("mine"))
    with pytest.raises(ProviderNotFoundError, match=r"no provider 'mien'; known: .*mine.*Did you mean 'mine'\?"):
        registry.get("mien")
    assert not registry.has("mien")


def test_our_own_providers_are_entry_points_like_any_other() -> None:
    assert {"local", "mock"} <= set(Registry().list())


def test_entry_points_are_known_without_being_imported(plugins: Path) -> None:
    registry = Registry()
    assert registry.has("fine")
    assert registry.has("syntax")
    assert {"fine", "syntax", "half-installed"} <= set(registry.list())
    assert registry.list() == sorted(registry.list())
    assert not [name for name in sys.modules if name.startswith("acme_")]


def test_an_entry_point_is_made_on_first_use_and_once(plugins: Path) -> None:
    registry = Registry()
    provider = registry.get("fine")
    assert isinstance(provider, Provider)
    assert provider.store == "default.db"  # type: ignore[attr-defined]
    assert registry.get("fine") is provider
    assert registry.made("fine")


def test_an_entry_point_is_made_with_its_options(plugins: Path) -> None:
    provider = Registry({"fine": {"store": "mine.db"}}).get("fine")
    assert provider.store == "mine.db"  # type: ignore[attr-defined]
    assert provider.size == 1  # type: ignore[attr-defined]


def test_defaults_go_to_the_providers_that_take_them_and_options_win(plugins: Path) -> None:
    defaults = {"store": "default-for-all.db", "unheard": 1}
    assert Registry(defaults=defaults).get("fine").store == "default-for-all.db"  # type: ignore[attr-defined]
    own = Registry({"fine": {"store": "own.db"}}, defaults=defaults).get("fine")
    assert own.store == "own.db"  # type: ignore[attr-defined]


def test_two_threads_that_ask_first_get_one_object(plugins: Path) -> None:
    registry, gate, got = Registry(), threading.Barrier(8), []

    def ask() -> None:
        gate.wait()
        got.append(registry.get("fine"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1
    assert len(sys.modules["acme_engine"].MADE) == 1


def test_of_threads_that_register_one_name_one_succeeds() -> None:
    registry, gate, refused = Registry(), threading.Barrier(8), []

    def register() -> None:
        gate.wait()
        try:
            registry.register(IdleProvider("mine"))
        except ProviderConflictError as error:
            refused.append(error)

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7


def test_unknown_and_missing_options_are_told_at_once_and_without_their_values(plugins: Path) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        Registry({"needy": {"adress": "s3cret", "zzz": "s3cret"}}).get("needy")
    faults = caught.value.diagnostics
    assert [(fault.code, fault.path) for fault in faults] == [
        ("UnknownOption", "/providers/needy/adress"),
        ("UnknownOption", "/providers/needy/zzz"),
        ("MissingOption", "/providers/needy/address"),
    ]
    assert faults[0].hint == "Did you mean 'address'?"
    assert faults[1].hint == "It has: address."
    assert "s3cret" not in str(caught.value) + "".join(map(str, faults))


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("angry", ProviderError, "provider 'angry' could not be made: OSError: no route"),
        ("misnamed", ProviderError, "calls itself 'other'"),
        ("wrong", ProviderError, "gives 7, which is no Provider"),
        ("nothing", ProviderError, "names 7, which makes no Provider"),
        ("absent-attribute", ProviderError, "does not load: AttributeError"),
        ("half-installed", ProviderError, "it has no module 'acme_engine.nowhere'; reinstall it"),
        ("syntax", ProviderError, "does not load: SyntaxError"),
        (
            "bare-import",
            ProviderNotFoundError,
            "needs 'rocket_sdk', which is not installed: 'acme-engine' does not say",
        ),
        ("named-extra", ProviderNotFoundError, "needs 'rocket_sdk'.*: pip install 'acme-engine\\[.*rocket.*\\]'"),
        ("lazy-import", ProviderNotFoundError, "needs 'orbit-sdk'.*: pip install 'acme-engine\\[orbit\\]'"),
        ("own-extra", ProviderNotFoundError, "needs 'rocket_sdk'.*: pip install 'acme-engine\\[own-extra\\]'"),
        ("refusing", InvalidSpecError, "the address is no URL"),
    ],
)
def test_a_broken_entry_point_says_so_when_it_is_asked_for(
    plugins: Path, name: str, kind: type[EnginehouseError], words: str
) -> None:
    registry = Registry()
    assert registry.has(name)
    assert isinstance(registry.get("fine"), Provider)
    with pytest.raises(kind, match=words) as caught:
        registry.get(name)
    assert "\n" not in str(caught.value)
    assert not registry.made(name)


def test_a_provider_that_failed_is_tried_again(plugins: Path) -> None:
    registry = Registry()
    with pytest.raises(ProviderNotFoundError):
        registry.get("own-extra")
    (plugins / "rocket_sdk").mkdir()
    (plugins / "rocket_sdk" / "__init__.py").write_text("")
    (plugins / "rocket_sdk" / "client.py").write_text("")
    (plugins / "acme_needs_sdk.py").write_text(
        "import rocket_sdk.client\nfrom tests.unit.idle_provider import IdleProvider\n"
        "def Thing():\n    return IdleProvider('own-extra')\n"
    )
    import importlib

    importlib.invalidate_caches()
    assert registry.get("own-extra").name == "own-extra"


def test_an_entry_point_with_a_bad_name_is_not_known(plugins: Path) -> None:
    assert "Bad_Name" in [point.name for point in entry_points(group="enginehouse.providers")]
    registry = Registry()
    assert "Bad_Name" not in registry.list()
    with pytest.raises(ProviderNotFoundError):
        registry.get("Bad_Name")


def test_a_name_that_two_distributions_claim_is_a_conflict_that_names_both(plugins: Path) -> None:
    install(plugins, "rival-engine", "[enginehouse.providers]\ntwice = rival_engine:Fine\n")
    registry = Registry()
    assert registry.list().count("twice") == 1
    with pytest.raises(
        ProviderConflictError,
        match=r"claimed by .*'acme-engine'.* and .*'rival-engine'|claimed by .*'rival-engine'.* and .*'acme-engine'",
    ):
        registry.get("twice")
