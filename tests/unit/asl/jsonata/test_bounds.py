"""No expression hangs, exhausts memory or overflows a stack: each of these ends in a fault."""

from __future__ import annotations

import threading
import tracemalloc

import pytest

from enginehouse.asl.faults import StateFault
from enginehouse.asl.jsonata import check_expression
from enginehouse.asl.jsonata.native import NativeError, native
from tests.unit.asl.jsonata.speaking import fault, nothing, value

ENDLESS = "D1012: Expression evaluation timeout: Check for infinite loop"
TOO_DEEP = "D1011: Stack overflow error"

RUNAWAYS = [
    ("($f := function($x){ $f($x) }; $f(1))", ENDLESS),
    ("($f := function($x){ 1 + $f($x) }; $f(1))", TOO_DEEP),
    ("($f := function($x){ $map([1], function($y){ $f($x) }) }; $f(1))", TOO_DEEP),
    ("($f := function($x){ $sort([1, 2], function($a, $b){ $f(1) }) }; $f(1))", TOO_DEEP),
    ("($f := function($x){ $x ~> $f }; $f(1))", TOO_DEEP),
    ("($f := function($x){ $x.($f($)) }; $f(1))", TOO_DEEP),
    ("[1..1000000000]", "D2014"),
    ("[1..1000000]", ENDLESS),
    ("$map([1..1000], function($i){ [1..100000] })", ENDLESS),
    ("$range(1, 1000000000, 1)", ENDLESS),
    ("$reduce([1..60], function($a, $b){ $a & $a }, 'x')", ENDLESS),
    ("$reduce([1..60], function($a, $b){ $append($a, $a) }, [1])", ENDLESS),
    ("$reduce([1..60], function($a, $b){ {'a': $a, 'b': $a} }, 1)", ENDLESS),
    ("$string($reduce([1..60], function($a, $b){ [[$a, $a]] }, 1))", ENDLESS),
    ("-$reduce([1..60], function($a, $b){ {'a': $a, 'b': $a} }, 1)", "D1002"),
    (
        "($g := function(){ $reduce([1..60], function($a, $b){ {'a': $a, 'b': $a} }, 1) }; $g() = $g())",
        ENDLESS,
    ),
    ("$reduce([1..2000], function($a, $b){ {'a': $a} }, 1)", TOO_DEEP),
    ("($x := $reduce([1..50000], function($a, $b){ [[$a]] }, 1); $boolean($x))", TOO_DEEP),
    ("$pad('x', 1000000000)", ENDLESS),
    ("$replace($pad('', 100000, 'a'), 'a', $pad('', 100000, 'b'))", ENDLESS),
    ("$join($map([1..100000], function($x){ $pad('x', 100) }))", ENDLESS),
    ("$fromMillis(1, '[Y,99999999-99999999]')", ENDLESS),
    ("$contains($pad('', 60, 'a') & 'b', /(?=(a+)+$)b/)", ENDLESS),
    ("$contains('a', /(a{1000}){1000}/)", ENDLESS),
    ("$parse($pad('', 100000, '['))", "D3137"),
]


@pytest.mark.parametrize(("text", "words"), RUNAWAYS)
def test_a_runaway_expression_ends_in_a_fault(text: str, words: str) -> None:
    assert f"threw an error during evaluation. {words}" in (fault(text).cause or "")


@pytest.mark.parametrize("text", [text for text, _ in RUNAWAYS[:6]])
def test_it_ends_the_same_on_a_small_stack(text: str) -> None:
    causes: list[str | None] = []
    size = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=lambda: causes.append(fault(text).cause))
        thread.start()
    finally:
        threading.stack_size(size)
    thread.join()
    assert causes == [fault(text).cause]


def test_a_refusal_of_the_compiled_engine_holds_none_of_its_expressions() -> None:
    """They belong to the thread that made them; a collection on another one could only complain of them, and leak them."""
    with pytest.raises(NativeError) as caught:
        native("$formatNumber($a, $b)", {"a": 1, "b": "#;#;#"})
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)


def test_how_deep_an_expression_may_go_does_not_depend_on_who_asks() -> None:
    """A replay may run further down the host's stack than the first run did; it must end as that one did."""

    def deepest() -> int:
        low, high = 1, 5_000
        while low < high:
            middle = (low + high + 1) // 2
            try:
                value(f"($f := function($n){{ $n = 0 ? 0 : 1 + $f($n - 1) }}; $f({middle}))")
                low = middle
            except StateFault:
                high = middle - 1
        return low

    def further_down(frames: int) -> int:
        return deepest() if frames == 0 else further_down(frames - 1)

    assert deepest() == further_down(2_500) > 200


def test_a_catastrophic_pattern_runs_in_linear_time() -> None:
    assert nothing("$match($pad('', 5000, 'a') & '!', /^(a+)+$/)")


def test_memory_is_bounded() -> None:
    tracemalloc.start()
    try:
        fault("$reduce([1..60], function($a, $b){ $a & $a }, $pad('', 100000, 'x'))")
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "[" * 500 + "]" * 500,
        "-" * 5_000 + "1",
        "+".join(["1"] * 5_000),
        "1?" * 2_000 + "1",
        "$x:=" * 2_000 + "1",
        "a" + ".b" * 20_000,
        "f" + "(1)" * 5_000,
        "'" + "x" * 100_000 + "'",
        "a" + "[0]" * 5_000,
    ],
)
def test_a_source_that_is_too_long_or_too_deep_is_refused_or_harmless(text: str) -> None:
    """Some fold to little: a minus before a number is a number, filters in a row are a list. Those are fine."""
    assert check_expression(text) is not None or value(f"$exists({text})") in (True, False)


def test_real_work_fits() -> None:
    items = [{"id": n, "group": f"g{n % 7}", "price": n / 4} for n in range(3000)]
    assert value("$sum($states.input.price)", items) == sum(item["price"] for item in items)
    assert len(value("$states.input{group: $sum(price)}", items)) == 7
    assert value("$sort($states.input, function($a, $b){ $a.id < $b.id })[0].id", items) == 2999
    assert value("$count($distinct($states.input.{'g': group}))", items) == 7
    assert value("($f := function($n){ $n = 0 ? 0 : 1 + $f($n - 1) }; $f(200))") == 200


@pytest.mark.parametrize(
    "text", ["$states.input + 1", "-$states.input", "$string($states.input)", "$sqrt($states.input)"]
)
def test_an_integer_beyond_every_double_ends_in_a_fault(text: str) -> None:
    assert "D1001: Number out of range" in (fault(text, 10**400).cause or "")
