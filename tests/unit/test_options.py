"""A provider's options: what a constructor's signature says of them is what a configuration may say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from enginehouse import Diagnostic, InvalidSpecError, Manager, Registry
from enginehouse.config import load_settings
from enginehouse.options import Origin, arguments_of, placed


class Engine:
    def __init__(
        self,
        store: Annotated[str, Meta(min_length=1)] | Path = "x",
        *,
        mode: Literal["FULL", "OFF"] | bool = "FULL",
        size: Annotated[int, Meta(ge=1)] | None = None,
        pause: Annotated[float, Meta(gt=0)] = 1.0,
        secret: str = "",
        hosts: Iterable[str] = (),
        table: Mapping[str, int] | None = None,
        start: datetime | None = None,
        call: Callable[[], None] | None = None,
        other: object = None,
    ) -> None: ...


def said(**options: object) -> list[str]:
    with pytest.raises(InvalidSpecError) as caught:
        arguments_of("toy", Engine, options, {})
    return [fault.message.removeprefix("the option ") for fault in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("store", 5, "is a path, not a whole number."),
        ("store", "", "is a path, not a text."),
        ("mode", "full", "is 'FULL', 'OFF' or true or false, not 'full'."),
        ("mode", 1, "is 'FULL', 'OFF' or true or false, not 1."),
        ("size", "many", "is a whole number of 1 or more, not 'many'."),
        ("size", 0, "is a whole number of 1 or more, not 0."),
        ("size", 1.5, "is a whole number of 1 or more, not 1.5."),
        ("size", True, "is a whole number of 1 or more, not true."),
        ("pause", 0, "is a number above 0, not 0."),
        ("pause", float("nan"), "is a number above 0, not nan."),
        ("pause", [1], "is a number above 0, not [1]."),
        ("hosts", "example.org", "is a list of texts, not 'example.org'."),
        ("hosts", [1], "is a list of texts, not [1]."),
        ("table", 3, "is a table, not 3."),
        ("start", "today", "is a moment, not 'today'."),
        ("call", "now", "is a function, not 'now'."),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_what_would(option: str, value: object, sentence: str) -> None:
    assert said(**{option: value}) == [f"{option!r} of provider 'toy' {sentence}"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("store", "a.db"),
        ("store", Path("a.db")),
        ("mode", "OFF"),
        ("mode", False),
        ("size", 3),
        ("size", None),
        ("pause", 2),
        ("hosts", ["a", "b"]),
        ("hosts", frozenset({"a"})),
        ("table", {"a": 1}),
        ("start", datetime(2025, 1, 1, tzinfo=UTC)),
        ("call", print),
        ("other", [1, {"a": "b"}]),
    ],
)
def test_a_value_that_fits_is_handed_on(option: str, value: object) -> None:
    assert arguments_of("toy", Engine, {option: value}, {}) == {option: value}


def test_a_value_that_may_be_a_secret_is_not_shown() -> None:
    assert said(secret=12345, size="s3cret") == [
        "'size' of provider 'toy' is a whole number of 1 or more, not 's3cret'.",
        "'secret' of provider 'toy' is a text, not a whole number.",
    ]


def test_a_variable_that_looks_like_a_number_is_text_where_text_is_asked_for(tmp_path: Path) -> None:
    environment = {"ENGINEHOUSE_PROVIDERS__TOY__SECRET": "007", "ENGINEHOUSE_PROVIDERS__TOY__SIZE": "7"}
    environment["ENGINEHOUSE_PROVIDERS__TOY__STORE"] = "1e3"
    settings = load_settings(folder=tmp_path, environment=environment)
    given = arguments_of("toy", Engine, settings.providers["toy"], {}, settings.origins["toy"])
    assert given == {"secret": "007", "size": 7, "store": "1e3"}


def test_a_fault_stands_where_the_option_was_said(tmp_path: Path) -> None:
    file = tmp_path / "enginehouse.toml"
    file.write_text('[providers.local]\ngrace = "long"\naws = {pool = 3}\n')
    settings = load_settings(folder=tmp_path, environment={"ENGINEHOUSE_PROVIDERS__LOCAL__SYNCHRONOUS": "SOME"})
    registry = Registry(settings.providers, origins=settings.origins)
    with pytest.raises(InvalidSpecError) as caught:
        registry.get("local")
    assert [(fault.path, fault.source, fault.line) for fault in caught.value.diagnostics] == [
        ("/providers/local/synchronous", "ENGINEHOUSE_PROVIDERS__LOCAL__SYNCHRONOUS", None),
        ("/providers/local/grace", str(file), 2),
    ]
    registry = Registry({"local": {"aws": {"pool": 3}}}, origins=settings.origins)
    with pytest.raises(InvalidSpecError) as caught:  # it is the provider itself that refuses this one
        registry.get("local")
    assert [(fault.path, fault.source, fault.line) for fault in caught.value.diagnostics] == [
        ("/providers/local/aws/pool", str(file), 3)
    ]


def test_options_for_a_name_that_is_nearly_a_provider_s_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "enginehouse.toml"
    file.write_text('[providers.locl]\nstore = "x.db"\n[providers.acme]\nsize = 3\n')
    settings = load_settings(folder=tmp_path, environment={})
    with pytest.raises(InvalidSpecError) as caught:
        Manager.from_settings(settings)
    (fault,) = caught.value.diagnostics
    assert (fault.path, fault.source, fault.line) == ("/providers/locl", str(file), 2)
    assert fault.hint == "Did you mean 'local'?"


def test_what_the_caller_says_has_no_place_in_the_file_that_it_overrules(tmp_path: Path) -> None:
    (tmp_path / "enginehouse.toml").write_text("[providers.local]\ngrace = 3\n")
    overrides = {"providers": {"local": {"grace": "long"}}}
    settings = load_settings(folder=tmp_path, environment={}, overrides=overrides)
    assert settings.origins == {"local": {}}


def test_an_annotation_that_cannot_be_read_judges_nothing() -> None:
    def factory(size: Nowhere = 1) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert arguments_of("toy", factory, {"size": "many"}, {}) == {"size": "many"}


def test_a_third_party_s_own_class_may_be_made_of_a_table() -> None:
    class Limits: ...

    def factory(limits: Limits | None = None, **rest: Any) -> None: ...

    factory.__annotations__["limits"] = Limits | None
    assert arguments_of("toy", factory, {"limits": {"size": 1}, "more": 2}, {}) == {"limits": {"size": 1}, "more": 2}
    with pytest.raises(InvalidSpecError):
        arguments_of("toy", factory, {"limits": 5}, {})


@pytest.mark.parametrize("path", ["", "size", "/size", "/size/more", "/providers/toy/size"])
def test_a_fault_is_placed_by_its_path_where_that_names_an_option(path: str) -> None:
    fault = placed(Diagnostic("error", "c", "m", path), "toy", {"size": Origin("file", 3)})
    assert (fault.source, fault.line) == (("file", 3) if "/size" in path else ("", None))


def test_origins_are_no_part_of_what_is_handed_on() -> None:
    assert arguments_of("toy", Engine, {"size": 2}, {}, {"size": Origin("file", 3)}) == {"size": 2}
