"""What stands in the rows of the spool: events and readings, placed in boot time until they are sent. Pure."""

from typing import Final

import msgspec

from contract.batch import Lane
from contract.events import LIFE_SAFETY_TYPES, Quality
from edge.spool.base import NewRow


class EventRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag_field="kind", tag="e"):
    """An event. `at` and `observed_at` are boot clock ms, `data` is JSON.

    `at` is told from `observed_at`: for an old stamp of a device's own clock it may lie before the boot.
    """

    device: str
    type: str
    at: int
    observed_at: int
    error_ms: int = 0
    zone: str | None = None
    person: str | None = None
    data: bytes = b"{}"


class ReadingRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag_field="kind", tag="r"):
    """A reading; `at` is boot clock ms."""

    device: str
    point: str
    at: int
    value: float | None
    quality: Quality


_encoder: Final = msgspec.msgpack.Encoder()
row_decoder: Final = msgspec.msgpack.Decoder(EventRow | ReadingRow)


def new_row(row: EventRow | ReadingRow, lane: Lane | None = None) -> NewRow:
    """The row as the spool keeps it, in the lane where it belongs unless another is named."""
    life = isinstance(row, EventRow) and row.type in LIFE_SAFETY_TYPES
    return NewRow(lane or (Lane.LIFE if life else Lane.MAIN), _encoder.encode(row))
