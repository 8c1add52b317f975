"""No test fails because its machine is busy: what must come is waited for long enough, and speeds are the bench's."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "bench" not in path.parts)
LEAST_S = 60
LIMITS = {"timeout", "timeout_s", "within_s"}
CLOCKS = {"monotonic", "monotonic_ms", "perf_counter", "now_ms", "boot_ms", "wall_ms", "time", "time_ns"}

NOTHING_COMES = {
    ("tests/fault/bus/test_t41_broken_replies.py", "until"),
    ("tests/fault/edge/test_t16_lying_broker.py", "more"),
    ("tests/integration/bus/test_transmitters.py", "timeout"),
}
"""Calls that wait for what must not come: the more patient, the slower the test, and no less true."""


def test_patience_outlasts_a_busy_machine() -> None:
    assert PATIENCE_S >= LEAST_S


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_given_up_within_a_minute(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    hasty = [
        f"{name}:{call.lineno}: {ast.unparse(call)}"
        for call in _calls(path)
        if _gives_up_early(call) and (name, _called(call)) not in NOTHING_COMES
    ]
    assert not hasty


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_waits_by_a_call_that_can_drop_a_cancellation(path: Path) -> None:
    """`asyncio.wait_for` does before Python 3.12, when its result and the cancellation meet: the test then hangs."""
    used = [call.lineno for call in _calls(path) if ast.unparse(call.func) == "asyncio.wait_for"]
    assert not used, f"{path.relative_to(ROOT)}: use asyncio.timeout in lines {used}"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_assertion_measures_real_time(path: Path) -> None:
    measured = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assert) and _compares_a_span(node.test)
    ]
    assert not measured


def _calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _gives_up_early(call: ast.Call) -> bool:
    limits = [word.value for word in call.keywords if word.arg in LIMITS]
    if ast.unparse(call.func) == "asyncio.timeout":
        limits += call.args[:1]
    numbers = [limit.value for limit in limits if isinstance(limit, ast.Constant)]
    return any(isinstance(number, int | float) and 0 < number < LEAST_S for number in numbers)


def _compares_a_span(test: ast.expr) -> bool:
    """Whether a difference with the clock's reading is held to be less than something."""
    return any(
        isinstance(side, ast.BinOp) and isinstance(side.op, ast.Sub) and _reads_a_clock(side)
        for compare in ast.walk(test)
        if isinstance(compare, ast.Compare) and any(isinstance(op, ast.Lt | ast.LtE) for op in compare.ops)
        for side in (compare.left, *compare.comparators)
    )


def _reads_a_clock(side: ast.expr) -> bool:
    return any(isinstance(node, ast.Call) and _called(node) in CLOCKS for node in ast.walk(side))
