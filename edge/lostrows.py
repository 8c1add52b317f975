"""The time of rows that are lost with a damaged spool, from the rows around them."""

from collections.abc import Iterator
from typing import Final

import msgspec

from contract.batch import Lane
from edge.coverage import BootTime
from edge.rows import EventRow, row_decoder
from edge.spool.base import Damage, Row, Spool

MARGIN_MS: Final = 60_000
"""Rows come in a little out of order: what one tells may be older than the one before it."""

Span = tuple[BootTime | None, BootTime]


def lost_spans(spool: Spool, damage: Damage, now: BootTime) -> Iterator[Span]:
    """For each range of lost rows the time that they were of; from None on where nobody knows since when."""
    for lane in Lane:
        for first, last in damage.lost.get(lane, ()):
            start = _moment(spool, lane, first - 1, -MARGIN_MS)
            yield start, _moment(spool, lane, last + 1, MARGIN_MS) or now


def _moment(spool: Spool, lane: Lane, number: int, margin: int) -> BootTime | None:
    batch = spool.next_batch(lane, number - 1, 1, 1) if number > 0 else None
    if batch is None or batch.rows[0].seq != number:
        return None
    seen = _seen_at(batch.rows[0])
    return BootTime(batch.rows[0].boot, seen + margin) if seen is not None else None


def _seen_at(row: Row) -> int | None:
    try:
        content = row_decoder.decode(row.body)
    except msgspec.MsgspecError:
        return None
    return content.observed_at if isinstance(content, EventRow) else content.at
