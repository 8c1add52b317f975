"""Spans in which the newest rows are looked for."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.store.postgres.lookback import spans

NOW = 1_790_000_000_000
MINUTE = 60_000
times = st.none() | st.integers(0, 2 * NOW)


def test_the_first_span_is_the_last_minute_with_what_lies_ahead_of_it() -> None:
    assert next(spans(None, None, NOW)) == (NOW - MINUTE, None)


def test_what_was_asked_for_in_the_past_is_looked_for_there() -> None:
    assert next(spans(None, 5 * MINUTE, NOW)) == (4 * MINUTE, 5 * MINUTE)


@pytest.mark.parametrize("since", [NOW, NOW - MINUTE, NOW - 1])
def test_a_short_question_is_asked_once(since: int) -> None:
    assert list(spans(since, NOW, NOW)) == [(since, NOW)]


@given(since=times, until=times)
def test_the_spans_together_are_the_whole_once_and_few(since: int | None, until: int | None) -> None:
    found = list(spans(since, until, NOW))
    assert found[0][1] == until
    assert found[-1][0] == since
    assert all(newer[0] == older[1] for newer, older in itertools.pairwise(found))
    assert len(found) <= 8
