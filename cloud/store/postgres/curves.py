"""Which statement answers for a curve: readings as they are, in bins, or hours that were rolled up before. Pure."""

from collections.abc import Sequence
from typing import Final

from cloud.store.reads import HOUR_MS, CurveQuery

MOST_UNROLLED: Final = 20_000
"""With more commits than these to look through for what is not rolled yet, the readings themselves are quicker."""

Lag = tuple[int, int, int]
"""A partition, the last commit that is rolled, and its last commit."""


def whole_hours(query: CurveQuery) -> tuple[int, int] | None:
    """`[first, last)`: the whole hours of a period, ms; None where its bins aren't made of such."""
    if not query.step or query.step % HOUR_MS or query.origin % HOUR_MS:
        return None
    first, last = -(-query.since // HOUR_MS) * HOUR_MS, query.until // HOUR_MS * HOUR_MS
    return (first, last) if first < last else None


def hourly(hours: tuple[int, int], lags: Sequence[Lag]) -> dict[str, object] | None:
    """What `hourly_curve` is told beside the query; None where too much is not rolled yet."""
    if sum(upto - after for _, after, upto in lags) > MOST_UNROLLED:
        return None
    return {
        "first": hours[0],
        "last": hours[1],
        "partitions": [lag[0] for lag in lags],
        "after": [lag[1] for lag in lags],
        "upto": [lag[2] for lag in lags],
    }
