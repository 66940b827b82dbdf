"""Settings: a file, then the environment, then what the caller says; the later wins.

    [enginehouse]
    provider = "local"            # ENGINEHOUSE_PROVIDER
    tasks = ["tasks.py"]          # ENGINEHOUSE_TASKS=tasks.py,shop.tasks:registry
    actor = "deployer"            # ENGINEHOUSE_ACTOR
    deadline = 30                 # ENGINEHOUSE_DEADLINE, seconds for each operation

    [providers.local]
    store = "enginehouse.db"      # ENGINEHOUSE_PROVIDERS__LOCAL__STORE

In a variable's name a provider's hyphens are underscores. A provider's option in the environment is read as a TOML
value where it is one (a number, a boolean, a list, a quoted string), else as text. Paths in a file (``tasks``, and
options called ``store`` or ending in ``_path``, ``_file``, ``_dir``) are relative to that file; a leading ``~`` is the
home folder.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.options import Origin

FILE = "enginehouse.toml"
PREFIX = "ENGINEHOUSE_"
FILE_VARIABLE = "ENGINEHOUSE_CONFIG"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_IS_PATH = re.compile(r"store|items|.*_(path|file|dir)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the configuration says. ``providers`` has the options of each provider by its name; they may be secret, and
    are left out of ``repr``. ``deadline``: seconds for each operation of a ``Manager``; ``None``: its own defaults.
    ``path``: the file that was read. ``origins``: where each option of ``providers`` was said."""

    provider: str = "local"
    tasks: tuple[str, ...] = ()
    actor: str = ""
    deadline: float | None = None
    providers: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    path: Path | None = None
    origins: Mapping[str, Mapping[str, Origin]] = field(default_factory=dict, repr=False, compare=False)


def load_settings(
    path: str | Path | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
) -> Settings:
    """The settings from the file, the environment and ``overrides`` (fields of ``Settings``; ``None`` says nothing).

    The file is ``path``, else the one that ``ENGINEHOUSE_CONFIG`` names, else the first ``enginehouse.toml`` from
    ``folder`` (the working directory) upward, else none. Raises ``InvalidSpecError`` with all faults at once.
    """
    environment = os.environ if environment is None else environment
    given = path or environment.get(FILE_VARIABLE)
    file = Path(given).absolute() if given else _find(Path.cwd() if folder is None else Path(folder))
    faults: list[Diagnostic] = []
    values: dict[str, object] = {}
    providers: dict[str, dict[str, object]] = {}
    origins: dict[str, dict[str, Origin]] = {}
    if file is not None:
        _read_file(file, values, providers, origins, faults)
    _read_environment(environment, values, providers, origins, faults)
    _read_overrides(overrides or {}, values, providers, origins, faults)
    if faults:
        raise InvalidSpecError("the configuration is wrong", operation="configure", diagnostics=faults)
    return Settings(**values, providers=providers, path=file, origins=origins)  # type: ignore[arg-type]


def _find(folder: Path) -> Path | None:
    folder = folder.absolute()
    return next((file for place in (folder, *folder.parents) if (file := place / FILE).is_file()), None)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("text that is not empty")
    return value


def _provider(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("a provider's name, such as 'local' or 'step-functions'")
    return value


def _tasks(value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence) or not all(isinstance(item, str) and item for item in items):
        raise ValueError("a list of files or 'module:attribute' names")
    return tuple(items)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise ValueError("a number of seconds above 0")
    return float(value)


_FIELDS: Mapping[str, Callable[[object], object]] = {
    "provider": _provider,
    "tasks": _tasks,
    "actor": _text,
    "deadline": _seconds,
}


def _read_file(
    file: Path,
    values: dict[str, object],
    providers: dict[str, dict[str, object]],
    origins: dict[str, dict[str, Origin]],
    faults: list[Diagnostic],
) -> None:
    try:
        text = file.read_text("utf-8")
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        faults.append(
            Diagnostic(
                severity="error",
                code="ConfigSyntax",
                message=f"the file is not TOML: {str(error).partition(' (at')[0]}.",
                line=int(found[1]) if found else None,
                column=int(found[2]) if found else None,
                source=str(file),
            )
        )
        return
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        faults.append(_fault("ConfigUnreadable", f"the file cannot be read: {reason}.", source=str(file)))
        return

    def fault(code: str, message: str, *keys: str, hint: str = "") -> None:
        path = "".join(f"/{key}" for key in keys)
        faults.append(_fault(code, f"{message}.", path, hint, _line(text, keys), str(file)))

    for table, content in document.items():
        if table not in ("enginehouse", "providers"):
            near = _near(table, ["enginehouse", "providers"], "[{}]")
            fault("ConfigUnknown", f"unknown table or key {table!r}", table, hint=near)
        elif not isinstance(content, dict):
            fault("ConfigType", f"{table!r} is a table, written [{table}]", table)
        elif table == "enginehouse":
            for key, value in content.items():
                if key not in _FIELDS:
                    fault("ConfigUnknown", f"unknown key {key!r}", table, key, hint=_near(key, _FIELDS))
                    continue
                try:
                    values[key] = _FIELDS[key](value)
                except ValueError as error:
                    fault("ConfigType", f"{key!r} is {error}, not {value!r:.80}", table, key)
        else:
            for name, options in content.items():
                if not _NAME.fullmatch(name) or not isinstance(options, dict):
                    fault("ConfigType", f"[providers.NAME] holds a provider's options; {name!r} does not", table, name)
                    continue
                providers[name] = {key: _beside(file, key, value) for key, value in options.items()}
                origins[name] = {key: Origin(str(file), _line(text, ("providers", name, key))) for key in options}
    if "tasks" in values:
        values["tasks"] = _beside(file, "tasks", values["tasks"])


def _beside(file: Path, key: str, value: object) -> object:
    """A path relative to the file that has it, ``~`` being the home folder. A URL, a module, SQLite's ``:memory:`` are no paths."""
    if key == "tasks" and isinstance(value, list | tuple):
        return tuple(_beside(file, key, item) for item in value)
    if key == "tasks" and isinstance(value, str) and value.partition(":")[0].endswith(".py"):
        return str(file.parent / os.path.expanduser(value))
    if isinstance(value, str) and value and _IS_PATH.fullmatch(key) and "://" not in value and value[0] != ":":
        return str(file.parent / os.path.expanduser(value))
    return value


def _read_environment(
    environment: Mapping[str, str],
    values: dict[str, object],
    providers: dict[str, dict[str, object]],
    origins: dict[str, dict[str, Origin]],
    faults: list[Diagnostic],
) -> None:
    known = {PREFIX + key.upper(): key for key in _FIELDS}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable == FILE_VARIABLE or not text:
            continue
        table, *rest = variable.removeprefix(PREFIX).split("__")
        if variable in known:
            key = known[variable]
            value: object = text
            if key == "tasks":
                value = [item.strip() for item in text.split(",") if item.strip()]
            elif key == "deadline":
                value = _toml(text)
            try:
                values[key] = _FIELDS[key](value)
            except ValueError as error:
                faults.append(_fault("ConfigType", f"{variable} is {error}, not {text!r:.80}."))
        elif table == "PROVIDERS" and len(rest) == 2 and all(rest):
            name, option = rest[0].lower().replace("_", "-"), rest[1].lower()
            if _NAME.fullmatch(name):
                providers.setdefault(name, {})[option] = _toml(text)
                origins.setdefault(name, {})[option] = Origin(variable, text=text)
            else:
                faults.append(_fault("ConfigUnknown", f"{variable} names no provider: {name!r}."))
        elif table.startswith("PROVIDERS"):
            hint = f"Write {PREFIX}PROVIDERS__LOCAL__STORE for the option 'store' of 'local'."
            faults.append(_fault("ConfigUnknown", f"{variable} names no provider's option.", hint=hint))
        elif near := difflib.get_close_matches(variable, [*known, FILE_VARIABLE], 1, 0.9):
            # others may use the prefix for their own ends; only what looks like a slip is refused
            faults.append(_fault("ConfigUnknown", f"unknown variable {variable}.", hint=f"Did you mean {near[0]}?"))


def _toml(text: str) -> object:
    """``text`` as a TOML value where it is one, else as it stands."""
    try:
        document = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    value: object = document["value"]
    return value if len(document) == 1 and isinstance(value, bool | int | float | str | list | dict) else text


def _read_overrides(
    overrides: Mapping[str, object],
    values: dict[str, object],
    providers: dict[str, dict[str, object]],
    origins: dict[str, dict[str, Origin]],
    faults: list[Diagnostic],
) -> None:
    for key, value in overrides.items():
        if value is None:
            continue
        if key == "providers" and isinstance(value, Mapping):
            for name, options in value.items():
                given = {option: item for option, item in options.items() if item is not None}
                providers.setdefault(name, {}).update(given)
                for option in given:
                    origins.get(name, {}).pop(option, None)
        elif key in _FIELDS:
            try:
                values[key] = _FIELDS[key](value)
            except ValueError as error:
                faults.append(_fault("ConfigType", f"{key!r} is {error}, not {value!r}.", f"/{key}"))
        else:
            faults.append(_fault("ConfigUnknown", f"unknown setting {key!r}.", f"/{key}", _near(key, _FIELDS)))


def _fault(
    code: str, message: str, path: str = "", hint: str = "", line: int | None = None, source: str = ""
) -> Diagnostic:
    return Diagnostic(severity="error", code=code, message=message, path=path, hint=hint, line=line, source=source)


def _near(word: str, known: Mapping[str, object] | Sequence[str], shape: str = "{!r}") -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    if near:
        return f"Did you mean {shape.format(near[0])}?"
    return f"Known are {', '.join(shape.format(item) for item in known)}."


def _line(text: str, keys: Sequence[str]) -> int | None:
    """The line that sets ``keys``, where it is written plainly: a table's header and ``key =`` below it."""
    *table, last = keys
    header: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith("["):
            header = [part.strip().strip("\"'") for part in line.partition("#")[0].strip().strip("[]").split(".")]
            if header == list(keys):
                return number
        elif header == table and re.match(rf"[\"']?{re.escape(last)}[\"']?\s*[=.]", line):
            return number
    return None
