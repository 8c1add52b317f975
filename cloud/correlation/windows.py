"""Weekly windows in a site's time zone as spans of UTC.

A local time that does not exist (a clock put forward) is the next valid instant; one that occurs twice (a clock
put back) is its first occurrence. Windows that overlap are one; windows that only touch stay two.
"""

import datetime as dt
import zoneinfo
from collections.abc import Iterator, Sequence
from typing import Final

from contract.site import Window

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MS: Final = 86_400_000
_WEEK_MS: Final = 7 * _DAY_MS
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Span = tuple[int, int]


def spans(windows: Sequence[Window], zone: zoneinfo.ZoneInfo, since: int, until: int) -> list[Span]:
    """The spans `[start, end)` in ms that begin before `until` and end after `since`, sorted."""
    first = (_moment(since).astimezone(zone) - dt.timedelta(days=2)).date()
    days = (until - since) // _DAY_MS + 5
    found = sorted(_of_days(windows, zone, first, days))
    merged: list[Span] = []
    for start, end in found:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return [(start, end) for start, end in merged if start < until and end > since]


def never_close(windows: Sequence[Window]) -> bool:
    """Whether they overlap without end, week after week: then there is no window to speak of."""
    zone = zoneinfo.ZoneInfo("UTC")
    return any(end - start > _WEEK_MS for start, end in spans(windows, zone, 0, 2 * _WEEK_MS))


def midnight(day: dt.date, zone: zoneinfo.ZoneInfo) -> int:
    """When a day begins in the zone, in ms."""
    return _instant(day, 0, zone)


def _of_days(windows: Sequence[Window], zone: zoneinfo.ZoneInfo, first: dt.date, days: int) -> Iterator[Span]:
    for window in windows:
        wanted = _weekdays(window.days)
        opens, closes = _minutes(window.from_), _minutes(window.to)
        if closes <= opens:
            closes += 1440
        for offset in range(days):
            day = first + dt.timedelta(days=offset)
            if day.weekday() in wanted:
                start, end = _instant(day, opens, zone), _instant(day, closes, zone)
                if start < end:
                    yield start, end


def _weekdays(text: str) -> set[int]:
    """`mon-fri,sun` as weekday numbers; `fri-mon` goes over the weekend."""
    if text == "daily":
        return set(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        found |= {number % 7 for number in range(start, end + (1 if end >= start else 8))}
    return found


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _instant(day: dt.date, minutes: int, zone: zoneinfo.ZoneInfo) -> int:
    extra, minutes = divmod(minutes, 1440)
    local = dt.datetime.combine(
        day + dt.timedelta(days=extra), dt.time(minutes // 60, minutes % 60), tzinfo=zone
    )
    instant = local.astimezone(dt.UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        instant = _end_of_gap(local.replace(fold=1).astimezone(dt.UTC), instant, zone)
    return (instant - _EPOCH) // dt.timedelta(milliseconds=1)


def _end_of_gap(before: dt.datetime, after: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """The instant between the two at which the zone's offset changes, to the second."""
    old = before.astimezone(zone).utcoffset()
    while after - before > dt.timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _moment(at: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(milliseconds=at)
