"""Words in which people are shown values: a profile's, or the site's. Pure."""

from collections.abc import Iterator, Mapping
from typing import Annotated, TypeVar

from msgspec import Meta

Shown = Annotated[
    str, Meta(pattern=r"^(0x[0-9A-Fa-f]+|-?[0-9]+)$", description="a value such as 1, -1 or 0x10")
]
"""A value of a reading that has words for display, as a file writes it."""

_Words = TypeVar("_Words")


def number_of(shown: str) -> float:
    """The number that a `Shown` writes."""
    return float(int(shown, 16 if shown.startswith("0x") else 10))


def display_mistakes(display: Mapping[Shown, object]) -> Iterator[tuple[Shown, str]]:
    """Values that stand there twice, such as 1 and 0x1, each with what is wrong."""
    known: set[float] = set()
    for shown in display:
        if number_of(shown) in known:
            yield shown, "is there twice"
        known.add(number_of(shown))


def words_for(display: Mapping[Shown, _Words]) -> dict[float, _Words]:
    """Words for display by the values that readings have."""
    return {number_of(shown): words for shown, words in display.items()}
