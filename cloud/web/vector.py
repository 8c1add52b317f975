"""A reader's place in every partition, as one line of text: the `id` of the live stream. Pure.

`0:12,3:7.500` means: of partition 0 everything up to commit 12, of partition 3 everything up to commit 7 and
500 changes of commit 8.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

MOST_PARTITIONS: Final = 256
_ENTRY: Final = re.compile(r"([0-9]{1,5}):([0-9]{1,18})(?:\.([0-9]{1,9}))?")


class Place(msgspec.Struct, frozen=True, order=True):
    """All commits up to `commit_no`, and the first `taken` changes of the next one."""

    commit_no: int = 0
    taken: int = 0


Vector = Mapping[int, Place]


def vector_of(positions: Mapping[int, int]) -> Vector:
    """The places at the end of these commits."""
    return {partition: Place(commit_no) for partition, commit_no in positions.items()}


def format_vector(vector: Vector) -> str:
    """The vector as text, by partition."""
    return ",".join(
        f"{partition}:{place.commit_no}" + (f".{place.taken}" if place.taken else "")
        for partition, place in sorted(vector.items())
    )


def parse_vector(text: str) -> Vector:
    """The vector that a text writes; an empty text is before everything.

    Raises:
        ValueError: It is not one.
    """
    if not text:
        return {}
    entries = [_ENTRY.fullmatch(entry) for entry in text.split(",")]
    found = {int(entry[1]): Place(int(entry[2]), int(entry[3] or 0)) for entry in entries if entry}
    if len(found) != len(entries) or len(found) > MOST_PARTITIONS:
        raise ValueError(f"expected partition:commit pairs such as 0:12,3:7, found {text[:60]!r}")
    return found


def is_ahead(vector: Vector, positions: Mapping[int, int]) -> bool:
    """Whether the vector knows commits that the store does not have: it speaks of another store."""
    return any(place.commit_no > positions.get(partition, 0) for partition, place in vector.items())


def is_behind(vector: Vector, positions: Mapping[int, int]) -> bool:
    """Whether the store has commits that the vector does not know."""
    return any(
        vector.get(partition, Place()).commit_no < commit_no for partition, commit_no in positions.items()
    )
