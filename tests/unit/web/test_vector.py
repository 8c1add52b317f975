"""A reader's place, as text and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.web.vector import Place, format_vector, is_ahead, is_behind, parse_vector, vector_of

places = st.builds(Place, st.integers(0, 10**18 - 1), st.integers(0, 10**9 - 1))


@given(st.dictionaries(st.integers(0, 32_767), places, max_size=20))
def test_a_vector_comes_back_from_its_text(vector: dict[int, Place]) -> None:
    assert parse_vector(format_vector(vector)) == vector


def test_the_text_is_sorted_and_short() -> None:
    assert format_vector({3: Place(7, 500), 0: Place(12)}) == "0:12,3:7.500"


@pytest.mark.parametrize(
    "text",
    ["x", "1", "1:", ":1", "1:2,", "1:2,1:3", "-1:2", "1:-2", "1:2.x", "1 :2", "1:" + "9" * 19, "１:2"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected partition:commit"):
        parse_vector(text)


def test_too_many_partitions_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_vector(",".join(f"{number}:1" for number in range(300)))


def test_ahead_and_behind() -> None:
    here = vector_of({0: 12, 3: 7})
    assert not is_ahead(here, {0: 12, 3: 7})
    assert not is_behind(here, {0: 12, 3: 7})
    assert is_behind(here, {0: 12, 3: 8})
    assert is_behind(here, {0: 12, 3: 7, 5: 1})
    assert is_ahead(here, {0: 11, 3: 8})
    assert is_ahead(here, {0: 12})
