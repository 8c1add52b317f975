"""How deep and how large JSON may be."""

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contract.limits import MOST_DEPTH, MOST_NUMBER, TOO_DEEP, cut, is_deep, number_problem

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=6)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def depth(value: Any) -> int:
    """The plain definition."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(inner=JSON, levels=st.integers(0, 40), brackets=st.text(alphabet='[]{}"\\', max_size=80))
def test_levels_are_counted_as_they_are_whatever_texts_hold(inner: Any, levels: int, brackets: str) -> None:
    value: Any = [inner, brackets]
    for _ in range(levels):
        value = [value, brackets]
    assert is_deep(json.dumps(value).encode()) is (depth(value) > MOST_DEPTH)


@given(inner=JSON, levels=st.integers(0, 60))
def test_what_is_cut_is_never_deep_and_what_is_not_deep_is_not_cut(inner: Any, levels: int) -> None:
    value = inner
    for _ in range(levels):
        value = {"in": value}
    shown = cut(value)
    assert depth(shown) <= MOST_DEPTH
    assert (shown == value) or TOO_DEEP in json.dumps(shown, ensure_ascii=False)
    assert shown == value or depth(value) > MOST_DEPTH


def test_numbers_that_a_browser_reads_otherwise_are_named_with_their_place() -> None:
    assert number_problem({"a": [1, 2.5, True, None, "1e400"], "b": -MOST_NUMBER}) is None
    for number in (MOST_NUMBER + 1, 2**63, -(2**70), 1e300, math.inf, math.nan):
        problem = number_problem({"action": {"rows": [0, number]}})
        assert problem is not None
        assert problem.startswith("action.rows[1]: ")
