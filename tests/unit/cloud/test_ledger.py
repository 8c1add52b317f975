"""Numbers are taken once, whatever the order, the cuts and the repetitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import LedgerMismatchError
from cloud.ingest.ledger import Gap, Ledger, Track
from cloud.store.base import LedgerKey
from contract.batch import Lane

KEY = LedgerKey("demo", "gw-1", 7, Lane.MAIN)
ranges = st.tuples(st.integers(1, 60), st.integers(-1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def numbers(spans: object) -> list[int]:
    return [n for first, last in spans for n in range(first, last + 1)]  # type: ignore[attr-defined]


@given(st.lists(ranges, max_size=30))
def test_each_number_is_fresh_exactly_once(taken: list[tuple[int, int]]) -> None:
    track, seen = Track(), set[int]()
    for first, last in taken:
        fresh = numbers(track.take(first, last, 0))
        assert fresh == [n for n in range(first, last + 1) if n not in seen]
        seen.update(fresh)
        assert set(range(1, track.high + 1)) | set(numbers(track.islands)) == seen
        assert track.high + 1 not in seen


@given(st.lists(ranges, max_size=20))
def test_islands_are_sorted_apart_and_beyond_the_mark(taken: list[tuple[int, int]]) -> None:
    track = Track()
    for first, last in taken:
        track.take(first, last, 0)
        edges = [track.high, *(edge for island in track.islands for edge in island)]
        assert edges == sorted(edges)
        assert all(
            after[0] > before[1] + 1 for before, after in zip(track.islands, track.islands[1:], strict=False)
        )


@given(st.lists(ranges, max_size=20))
def test_a_ledger_found_again_goes_on_the_same(taken: list[tuple[int, int]]) -> None:
    whole, ledger = Ledger(), Ledger()
    for first, last in taken:
        fresh = whole.take(KEY, first, last, 0)
        assert list(ledger.take(KEY, first, last, 0)) == list(fresh)
        rows = ledger.changed_rows()
        assert bool(rows) == bool(fresh)
        ledger = Ledger([*rows]) if rows else ledger


@pytest.mark.parametrize(("first", "last"), [(0, 3), (-4, -1), (5, 3)])
def test_what_is_no_range_is_refused(first: int, last: int) -> None:
    with pytest.raises(LedgerMismatchError):
        Track().take(first, last, 0)


def test_a_gap_is_told_with_the_time_it_was_noticed_until_it_is_filled() -> None:
    ledger = Ledger()
    ledger.take(KEY, 1, 5, now=100)
    assert ledger.gaps() == []
    ledger.take(KEY, 8, 9, now=200)
    ledger.take(KEY, 20, 20, now=300)
    assert ledger.gaps() == [Gap(KEY, 6, 7, 200)]
    ledger.take(KEY, 6, 7, now=400)
    assert ledger.gaps() == [Gap(KEY, 10, 19, 400)]
    ledger.take(KEY, 10, 19, now=500)
    assert ledger.gaps() == []


def test_an_empty_range_takes_nothing_and_makes_no_gap() -> None:
    ledger = Ledger()
    assert list(ledger.take(KEY, 50, 49, now=1)) == []
    assert ledger.gaps() == []
    assert ledger.high(KEY) == 0
