"""Reasons are told by code, with all that fills the gaps of their words: looked for in the agent's own source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.causes import ENGLISH, Cause, Why, because

EDGE = Path(__file__).parents[2] / "edge"


def _told() -> Iterator[tuple[str, Cause, set[str]]]:
    """Where a reason is given: the place, its code, and what it is told with."""
    for path in sorted(EDGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.func, ast.Name):
                continue
            first = node.args[0]
            named = isinstance(first, ast.Attribute) and isinstance(first.value, ast.Name)
            if node.func.id in {"because", "Unusable"} and named and first.value.id == "Cause":
                about = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
                yield f"{path.name}:{node.lineno}", Cause[first.attr], about


TOLD = list(_told())


@pytest.mark.parametrize(("place", "cause", "about"), TOLD, ids=[place for place, _, _ in TOLD])
def test_a_reason_is_told_with_all_that_its_words_have_gaps_for(
    place: str, cause: Cause, about: set[str]
) -> None:
    assert set(re.findall(r"{(\w+)}", ENGLISH[cause])) <= about, place


@pytest.mark.parametrize("cause", Cause)
def test_every_reason_has_its_english_and_is_told_somewhere(cause: Cause) -> None:
    source = "".join(path.read_text("utf-8") for path in EDGE.rglob("*.py"))
    assert ENGLISH[cause]
    assert f"Cause.{cause.name}" in source


def test_several_reasons_are_one_text_and_words_of_a_profile_stand_for_themselves() -> None:
    assert str(Why("exception_2, out_of_range, sensor_wet")) == "exception 2, out of range, sensor wet"
    assert str(Why("missing")) == "? is missing"


def test_an_event_tells_the_code_what_fills_its_gaps_and_the_english() -> None:
    assert because(Cause.MISSING, at="card").data == {
        "cause": "missing",
        "at": "card",
        "why": "card is missing",
    }
