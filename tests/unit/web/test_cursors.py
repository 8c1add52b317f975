"""Cursors come back as they went out, and nothing else is taken for one."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.web.cursors import EVENT, INCIDENT, QUARANTINE, VERDICT, read_cursor, write_cursor

moments = st.integers(-(1 << 53), 1 << 53)
names = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=200)


@given(st.tuples(moments, names, st.integers(0, (1 << 63) - 1)))
def test_a_key_comes_back_from_its_cursor(key: tuple[int, str, int]) -> None:
    assert read_cursor(write_cursor(key), EVENT) == key


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    for decoder in (EVENT, VERDICT, INCIDENT, QUARANTINE):
        with contextlib.suppress(ValueError):
            assert read_cursor(text, decoder) is not None


@pytest.mark.parametrize(
    "key", [(1, "a"), ("a", 1, 2), (1, "a", 1 << 63), (1, "a\0", 1), (1 << 60, "a", 1), 7]
)
def test_a_key_of_another_list_or_out_of_range_is_refused(key: object) -> None:
    with pytest.raises(ValueError, match="expected the `next`"):
        read_cursor(write_cursor(key), EVENT)
