"""Calendar periods in a site's time zone as spans of UTC."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator
from typing import Final, Literal

from cloud.correlation.windows import midnight

Per = Literal["week", "month", "quarter", "half_year", "year"]
_MONTHS: Final = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
_DAY_MS: Final = 86_400_000
LONGEST_MS: Final = {
    "week": 8 * _DAY_MS,
    "month": 32 * _DAY_MS,
    "quarter": 93 * _DAY_MS,
    "half_year": 185 * _DAY_MS,
    "year": 367 * _DAY_MS,
}
"""No period of the kind is longer, whatever the clocks do."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Span = tuple[int, int]


def period_of(at: int, per: Per, zone: zoneinfo.ZoneInfo) -> Span:
    """The period `[start, end)` in ms in which a moment lies; weeks begin on Monday."""
    day = (_EPOCH + dt.timedelta(milliseconds=at)).astimezone(zone).date()
    if per == "week":
        first = day - dt.timedelta(days=day.weekday())
        return midnight(first, zone), midnight(first + dt.timedelta(days=7), zone)
    months = _MONTHS[per]
    number = (day.year * 12 + day.month - 1) // months * months
    return midnight(_first_of(number), zone), midnight(_first_of(number + months), zone)


def periods(since: int, until: int, per: Per, zone: zoneinfo.ZoneInfo) -> Iterator[Span]:
    """The periods from the one in which `since` lies on, those that begin before `until`."""
    span = period_of(since, per, zone)
    while span[0] < until:
        yield span
        span = period_of(span[1], per, zone)


def _first_of(number: int) -> dt.date:
    return dt.date(number // 12, number % 12 + 1, 1)
