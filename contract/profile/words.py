"""The small words of a profile file: how codes, spans of time, names and events are written."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

Code = Annotated[str, Meta(pattern=r"^(0x[0-9A-Fa-f]+|[0-9]+)$", description="a code such as 16 or 0x10")]
Span = Annotated[
    str, Meta(pattern=r"^[0-9]+(ms|s|m|h|d)$", description="a duration such as 500ms, 30s or 5m")
]
Period = Annotated[
    str,
    Meta(
        pattern=r"^0*[1-9][0-9]*(ms|s|m|h|d)$",
        description="a duration above nothing such as 500ms, 30s or 5m",
    ),
]
Word = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_]*$", description="a word of a-z, 0-9 and _")]
PointName = Annotated[
    str, Meta(pattern=r"^[a-z0-9_{}:]+$", description="a name such as di_1, or a pattern such as di_{input}")
]
EventType = Annotated[
    str, Meta(pattern=r"^[a-z_]+\.[a-z_]+$", description="an event type such as fire.alarm")
]
Fact = str | int | float | bool

MOST_POINTS: Final = 100_000
"""Points, or fields of messages, that a profile may make of a device: a panel of ten full loops has some thousands."""


def code(text: str) -> int:
    """The number that a `Code` writes."""
    return int(text, 0)


class WordOrder(StrEnum):
    """Which register of a value of several comes first."""

    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"


class ByteOrder(StrEnum):
    """Which byte of a number comes first."""

    BIG = "big"
    LITTLE = "little"


class Repeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"name": "as"}):
    """A point that is there many times: `count` of them, `stride` addresses apart (default: its own width).

    `as` names the counter, which starts at `first`; it stands in the point's name, as `{loop}` or
    `{point:03}`, and in the data of its events.
    """

    name: Word
    count: Annotated[int, Meta(ge=1, le=10_000)]
    stride: Annotated[int, Meta(ge=1)] | None = None
    first: int = 1
