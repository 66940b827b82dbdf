"""How functions are marked as tasks, and how marked functions are found."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os.path
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, TypeVar, overload

from enginehouse.errors import InvalidSpecError

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__enginehouse_task__"


@dataclass(frozen=True, slots=True)
class Handler:
    """A task function, ready to be called as ``call(input, context)`` whichever of the two it asks for."""

    name: str
    function: Callable[..., Any]
    call: Callable[[Any, Any], Any]
    is_async: bool

    @classmethod
    def of(cls, name: str, function: Callable[..., Any]) -> Handler:
        """Raises ``TypeError`` where the function cannot be called as a task."""
        count = _parameters(name, function)
        calls: tuple[Callable[[Any, Any], Any], ...] = (
            lambda given, context: function(),
            lambda given, context: function(given),
            function,
        )
        return cls(name, function, calls[count], _is_async(function))


Tasks: TypeAlias = str | Path | Mapping[str, "Handler | Callable[..., Any]"] | Iterable[str | Path | Callable[..., Any]]


@overload
def task(name: F) -> F: ...
@overload
def task(name: str = "") -> Callable[[F], F]: ...
def task(name: Any = "") -> Any:
    """Mark a function as the task that ``"Resource": "task:NAME"`` runs; without a name, under the function's own.

    The function is async or plain and takes ``(input, context)``, ``(input)`` or nothing. It is returned as it is;
    ``load_tasks`` finds it. Raises ``TypeError`` for a function of another shape.
    """
    if callable(name):
        return _mark(name, getattr(name, "__name__", ""))
    if not isinstance(name, str):
        raise TypeError(f"@task takes a name, as in @task('provision'), not {name!r}")
    return lambda function: _mark(function, name or getattr(function, "__name__", ""))


def _mark(function: F, name: str) -> F:
    if not name or name != name.strip():
        raise TypeError(f"a task needs a name without blanks around it, not {name!r}")
    _parameters(name, function)
    setattr(function, _MARK, name)
    return function


def _mark_of(value: object) -> str | None:
    mark = getattr(value, _MARK, None)
    return mark if isinstance(mark, str) and callable(value) and not inspect.isclass(value) else None


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _parameters(name: str, function: Callable[..., Any]) -> int:
    """How many of (input, context) the function takes by position."""
    if not callable(function) or inspect.isclass(function):
        raise TypeError(f"task {name!r} must be a function, not {function!r}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"task {name!r} is a generator; a task returns its result")
    parameters = list(inspect.signature(function).parameters.values())
    by_position = [item for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    needed = [item for item in by_position if item.default is item.empty]
    keywords = [item.name for item in parameters if item.kind is item.KEYWORD_ONLY and item.default is item.empty]
    variadic = any(item.kind is item.VAR_POSITIONAL for item in parameters)
    if len(needed) > 2 or keywords:
        raise TypeError(
            f"task {name!r} takes {inspect.signature(function)}; a task takes (input, context), (input) or (). "
            f"Nothing fills {', '.join(keywords or [item.name for item in needed[2:]])!r}: give it a default."
        )
    return 2 if variadic else min(len(by_position), 2)


def handlers_of(tasks: Tasks | None) -> dict[str, Handler]:
    """Handlers by name.

    ``tasks``: a source as ``load_tasks`` takes it, a mapping name -> function, or any number of sources and functions,
    which name themselves by their mark, else by their own name. Raises ``InvalidSpecError`` where two functions have one
    name or a source cannot be loaded, ``TypeError`` for a function that cannot be called as a task.
    """
    if tasks is None:
        return {}
    if isinstance(tasks, str | Path):
        return dict(load_tasks(tasks))
    if isinstance(tasks, Mapping):
        return {name: item if isinstance(item, Handler) else Handler.of(name, item) for name, item in tasks.items()}
    given = list(tasks)
    found = dict(load_tasks(*(item for item in given if isinstance(item, str | Path))))
    for item in given:
        if not isinstance(item, str | Path):
            _add(found, _mark_of(item) or str(getattr(item, "__name__", "")), item)
    return found


def load_tasks(*sources: str | Path) -> Mapping[str, Handler]:
    """The task functions of modules, by task name.

    A source is a file (``tasks.py``), a module (``package.module``), or one attribute of either (``module:attr``,
    ``tasks.py:attr``): a function, or a mapping or list of functions. Raises ``InvalidSpecError`` for what cannot be
    loaded, naming the line at fault, and where two functions have one name.
    """
    found: dict[str, Handler] = {}
    for source in dict.fromkeys(str(item) for item in sources):
        for name, function in _collect(source):
            _add(found, name, function, source)
    return found


def _add(found: dict[str, Handler], name: str, function: Callable[..., Any], source: str = "") -> None:
    earlier = found.get(name)
    if earlier is not None and earlier.function is not function:
        raise InvalidSpecError(
            f"two functions are called task {name!r}: {_where(earlier.function)} and {_where(function)}; rename one"
        )
    try:
        found[name] = Handler.of(name, function)
    except TypeError as error:
        raise InvalidSpecError(f"tasks of {source!r}: {error}" if source else str(error)) from None


def _where(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}" if code else repr(function)


def _collect(source: str) -> list[tuple[str, Callable[..., Any]]]:
    place, _, attribute = source.partition(":")
    module = _module(place, source)
    if not attribute:
        marked = [(mark, item) for item in vars(module).values() if (mark := _mark_of(item)) is not None]
        if not marked:
            raise InvalidSpecError(f"tasks {source!r}: no function there is marked with @enginehouse.task")
        return marked
    if not hasattr(module, attribute):
        raise InvalidSpecError(f"tasks {source!r}: {place} has no {attribute!r}")
    value = getattr(module, attribute)
    if isinstance(value, Mapping):
        return list(value.items())
    functions = value if isinstance(value, list | tuple) else [value]
    wrong = [item for item in functions if not callable(item)]
    if wrong:
        raise InvalidSpecError(f"tasks {source!r}: {wrong[0]!r} is not a function")
    return [(_mark_of(item) or str(getattr(item, "__name__", attribute)), item) for item in functions]


def _module(place: str, source: str) -> ModuleType:
    is_file = place.endswith(".py") or os.path.sep in place
    path = Path(place).expanduser().resolve() if is_file else None
    if path is not None and not path.is_file():
        raise InvalidSpecError(f"tasks {source!r}: there is no file {path}")
    try:
        return importlib.import_module(place) if path is None else _run_file(path)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and path is None and place.startswith(error.name):
            hint = f" A file is given with its ending: {place}.py." if Path(f"{place}.py").is_file() else ""
            raise InvalidSpecError(f"tasks {source!r}: there is no module {error.name!r}.{hint}") from None
        raise InvalidSpecError(f"tasks {source!r} cannot be imported: {_fault(error, path)}") from None


def _run_file(path: Path) -> ModuleType:
    """The file as a module of its own, with its folder importable as for a script."""
    name = (
        path.stem if path.stem.isidentifier() and path.stem not in sys.modules else f"enginehouse_tasks_{hash(path):x}"
    )
    specification = importlib.util.spec_from_file_location(name.replace("-", "_"), path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} is not a Python file")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(specification)
    earlier = sys.modules.get(specification.name)
    sys.modules[specification.name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        if earlier is None:
            del sys.modules[specification.name]
        else:
            sys.modules[specification.name] = earlier
        raise
    return module


def _fault(error: BaseException, path: Path | None) -> str:
    """The error with the line it comes from: of the file asked for, else the innermost that is not the import system."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    own = [frame for frame in frames if path is not None and frame.filename == str(path)] or frames
    line = f"{own[-1].filename}, line {own[-1].lineno}: " if own else ""
    return f"{line}{type(error).__name__}: {error}"
