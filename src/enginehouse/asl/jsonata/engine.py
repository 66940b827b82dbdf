"""The engine's one door: text in, a bounded evaluation out. Imported on the first expression, not before.

Parser: `jsonata-python`, the Python port of the reference implementation. Evaluator: this package. Regular expressions,
number and date pictures: `jsonatapy`.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Final

_LIMIT: Final = sys.getrecursionlimit()

from jsonata.jexception import JException  # type: ignore[import-untyped]  # noqa: E402
from jsonata.parser import Parser  # type: ignore[import-untyped]  # noqa: E402

# The parser's package sets the process's recursion limit to 10,000. Evaluations need that much (their calls nest on the
# heap, not on the thread's stack), but a host that asked for more shall keep it.
sys.setrecursionlimit(max(_LIMIT, 10_000))

from enginehouse.asl.jsonata import higher as _higher  # noqa: E402
from enginehouse.asl.jsonata import stepfunctions as _stepfunctions  # noqa: E402
from enginehouse.asl.jsonata import texts as _texts  # noqa: E402
from enginehouse.asl.jsonata.calls import Node  # noqa: E402
from enginehouse.asl.jsonata.evaluator import Compiler  # noqa: E402
from enginehouse.asl.jsonata.functions import LIBRARY  # noqa: E402
from enginehouse.asl.jsonata.messages import MESSAGES, JsonataError  # noqa: E402
from enginehouse.asl.jsonata.paths import plain_names  # noqa: E402
from enginehouse.asl.jsonata.regex import literal  # noqa: E402
from enginehouse.asl.jsonata.values import STEPS, UNDEFINED, Frame, Run, plain  # noqa: E402
from enginehouse.asl.scope import Scope  # noqa: E402

__all__ = ["LIBRARY", "UNDEFINED", "JsonataError", "Program", "parse", "syntax_tree"]
_PARTS = (_higher, _stepfunctions, _texts)
_DEEPEST_SOURCE: Final = 150
_LONGEST_SOURCE: Final = 64 * 1024
# The parser goes over a path's steps once for each of them.
_MOST_STEPS: Final = 4_000
_OTHER_FIELD: Final = re.compile(r"\$states\.(?:input|result|errorOutput)\b")


def syntax_tree(text: str) -> Any:
    """The parser's tree of an expression. Raises ``JsonataError`` for what is not JSONata, or too long or deep to parse."""
    if len(text) > _LONGEST_SOURCE or text.count(".") > _MOST_STEPS or _nesting(text) > _DEEPEST_SOURCE:
        raise JsonataError("D1011", "The expression is too long, or nested too deeply")
    try:
        ast = Parser().parse(text, literal)
    except JException as error:
        code = str(error.error)
        inserts = {"token": error.current, "value": error.current}
        if code == "S0202":
            inserts = {"value": error.current, "token": error.expected}
        raise JsonataError(code, None if code in MESSAGES else str(error), **inserts) from None
    except RecursionError:
        raise JsonataError("D1011", "The expression is nested too deeply") from None
    except JsonataError:
        raise
    except Exception as error:
        raise JsonataError("S0201", f"Syntax error: {error}") from None
    if ast.errors:
        raise JsonataError("S0500", "Attempted to evaluate an expression containing syntax error(s)")
    return ast


def _nesting(text: str) -> int:
    """How deep the source's brackets nest, texts and comments not counted apart: an upper bound is enough."""
    deepest = depth = 0
    for letter in text:
        if letter in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in ")]}" and depth:
            depth -= 1
    return deepest


class Program:
    """A compiled expression: immutable, and the same from any thread."""

    __slots__ = ("_context", "_direct", "_frames", "_node", "_states")

    def __init__(self, node: Node, frames: int, *, states: bool, context: bool, direct: bool) -> None:
        self._node = node
        self._frames = frames
        self._states = states
        self._context = context
        self._direct = direct

    def evaluate(self, scope: Scope) -> Any:
        """A plain JSON value, or ``UNDEFINED``. Raises ``JsonataError``; ``TypeError`` where the result is no JSON."""
        run = Run(scope)
        run.frames = self._frames
        frame = Frame(run, Frame(run, Frame(run, None, _BUILTINS), scope.variables))
        if self._states:
            frame.vars["states"] = {**scope.states, "context": scope.context()} if self._context else scope.states
        try:
            value = self._node(UNDEFINED, frame)
            if value is UNDEFINED or (self._direct and type(value) in _JSON):
                return value  # a part of the scope as it stands, which nobody changes
            return plain(run, value)
        except RecursionError:
            raise JsonataError("D1011") from None
        except OverflowError:  # an integer of the input that no double can hold
            raise JsonataError("D1001", value="Infinity") from None
        finally:
            scope.chance.steps += STEPS - run.steps


_BUILTINS: Final[dict[str, Any]] = dict(LIBRARY)
_JSON: Final = frozenset({dict, list, str, int, float, bool, type(None)})


def parse(text: str) -> Program:
    """The expression, compiled. Raises ``JsonataError`` with a code S.... for what is not JSONata."""
    ast = syntax_tree(text)
    compiler = Compiler()
    node = compiler.node(ast)
    return Program(
        node,
        3 * compiler.deepest,
        states="$states" in text,
        context=_sees_context(text),
        direct=ast.type == "path" and plain_names(ast) is not None,
    )


def _sees_context(text: str) -> bool:
    """Whether ``$states.context`` may be meant; building it costs. Not so where each ``$states`` goes on to another field."""
    return "%" in text or "@" in text or text.count("$states") != len(_OTHER_FIELD.findall(text))
