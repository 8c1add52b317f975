"""Weekly windows in a site's time zone as spans of UTC.

A local time that does not exist (a clock put forward) is the next valid instant; one that occurs twice (a clock
put back) is its first occurrence. Windows that overlap are one. Windows that only touch are one for what is due in
them, and two for what begins with each.
"""

import bisect
import datetime as dt
import functools
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from contract.site import Site, Window

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MS: Final = 86_400_000
_WEEK_MS: Final = 7 * _DAY_MS
_FOUR_YEARS_MS: Final = 4 * 366 * _DAY_MS
_FAR_DAYS: Final = 400
"""A part of every year comes back within so many days."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

FOREVER: Final = 1 << 62

Span = tuple[int, int]


def spans(
    windows: Sequence[Window], zone: zoneinfo.ZoneInfo, since: int, until: int, *, joined: bool = False
) -> list[Span]:
    """The spans `[start, end)` in ms that begin before `until` and end after `since`, sorted.

    `joined`: those that touch are one.
    """
    first = (_moment(since).astimezone(zone) - dt.timedelta(days=2)).date()
    days = (until - since) // _DAY_MS + 5
    found = sorted(_of_days(windows, zone, first, days))
    merged: list[Span] = []
    for start, end in found:
        if merged and start < merged[-1][1] + joined:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return [(start, end) for start, end in merged if start < until and end > since]


def never_close(windows: Sequence[Window], *, joined: bool = False) -> bool:
    """Whether they overlap without end, week after week: then there is no window to speak of. `joined`: or touch."""
    zone = zoneinfo.ZoneInfo("UTC")
    weekly = [window for window in windows if window.days[:1].isalpha()]
    found = spans(weekly, zone, 0, 2 * _WEEK_MS, joined=joined)
    return any(end - start > _WEEK_MS for start, end in found)


class WindowsOf:
    """When something is due at all, from `first` on. `during` None is one window without end.

    `joined`: windows that touch are one, and those that do so week after week one without end.
    """

    def __init__(
        self,
        during: tuple[Window, ...] | str | None,
        site: Site,
        first: int,
        holes: Sequence[Span] = (),
        *,
        joined: bool = False,
    ) -> None:
        self._first = first
        self._holes = holes
        self._joined = joined
        weekly = site.schedules[during].windows if isinstance(during, str) else during
        self._weekly = None if joined and weekly and never_close(weekly, joined=True) else weekly
        self._zone = site.timezone
        self._known: list[Span] = []
        self._reach = self._first
        if self._weekly is None:
            self._known, self._reach = self._cut([(self._first, FOREVER)]), FOREVER

    def holding(self, moment: int) -> Span | None:
        """The window in which a moment lies."""
        if self._weekly is None and not self._holes:
            return self._known[0] if moment >= self._first else None
        self._extend(moment)
        place = bisect.bisect_left(self._known, (moment + 1,)) - 1
        if place < 0:
            return None
        window = self._known[place]
        return window if moment < window[1] else None

    def starts(self, after: int, until: int) -> list[int]:
        """When windows begin, `after < start < until`."""
        self._extend(until)
        first = bisect.bisect_left(self._known, (after + 1,))
        return [start for start, _ in self._known[first : bisect.bisect_left(self._known, (until,))]]

    def next_start(self, after: int) -> int | None:
        """When the next window begins at or after a moment; None where none does any more."""
        weeks = (14,) if self._is_weekly else (14, _FAR_DAYS)
        for days in weeks:
            found = self.starts(after - 1, max(after, self._first) + days * _DAY_MS)
            if found:
                return found[0]
        return self._later(after)

    @property
    def _is_weekly(self) -> bool:
        return all(window.days[:1].isalpha() for window in self._weekly or ())

    def _later(self, after: int) -> int | None:
        """The first of the dates that lie further ahead than anybody looks."""
        dated = [day for window in self._weekly or () for day in _first_dates(window.days)]
        ahead = [midnight(day, self._zone) for day in dated if midnight(day, self._zone) > after]
        if not ahead:
            return None
        found = self.starts(after - 1, min(ahead) + 2 * _DAY_MS)
        return found[0] if found else None

    def _cut(self, whole: Sequence[Span]) -> list[Span]:
        """What the holes leave of windows."""
        left = list(whole)
        for hole in self._holes:
            pieces = [
                piece
                for start, end in left
                for piece in ((start, min(end, hole[0])), (max(start, hole[1]), end))
            ]
            left = sorted({(start, end) for start, end in pieces if start < end})
        return left

    def between(self, since: int, until: int) -> list[Span]:
        """The windows that end after `since` and begin before `until`."""
        self._extend(until)
        return [span for span in self._known if span[1] > since and span[0] < until]

    def _extend(self, moment: int) -> None:
        if self._weekly is None or moment < self._reach:
            return
        # All of it anew: windows that meet over the seam would be two.
        reach, ahead = moment + _WEEK_MS, 2 * _WEEK_MS
        begun = self._begun(reach, ahead)
        while (
            begun and begun[-1][1] > reach + ahead
        ):  # the last is not whole: days of dates may touch for months
            ahead *= 4
            begun = self._begun(reach, ahead)
            if ahead > _FOUR_YEARS_MS:
                begun[-1] = begun[-1][0], FOREVER
                break
        self._known = self._cut(begun)
        self._reach = reach

    def _begun(self, reach: int, ahead: int) -> list[Span]:
        """The windows that begin before `reach`, as far as they lie in what comes `ahead` of it."""
        found = spans(self._weekly or (), self._zone, self._first, reach + ahead, joined=self._joined)
        return [(max(start, self._first), end) for start, end in found if start < reach]


def planned(starts: Sequence[str], zone: zoneinfo.ZoneInfo, since: int, until: int) -> list[int]:
    """The moments, `since <= moment < until`, that texts such as `08:00` and `mon-fri 08:00` name, sorted."""
    first = _moment(since).astimezone(zone).date() - dt.timedelta(days=1)
    days = [first + dt.timedelta(days=offset) for offset in range((until - since) // _DAY_MS + 4)]
    found: set[int] = set()
    for text in starts:
        named, _, clock = text.rpartition(" ")
        wanted, minutes = _on(named or "daily"), _minutes(clock)
        found |= {_instant(day, minutes, zone) for day in days if wanted(day)}
    return sorted(moment for moment in found if since <= moment < until)


def is_start(text: str) -> bool:
    """Whether a text names when a round starts."""
    try:
        msgspec.convert({"days": text.rpartition(" ")[0] or "daily", "from": text.rpartition(" ")[2]}, Window)
    except msgspec.ValidationError:
        return False
    return True


def midnight(day: dt.date, zone: zoneinfo.ZoneInfo) -> int:
    """When a day begins in the zone, in ms."""
    return _instant(day, 0, zone)


def local_day(at: int, zone: zoneinfo.ZoneInfo) -> dt.date:
    """The day of a moment in the zone."""
    return _moment(at).astimezone(zone).date()


def moment_on(day: dt.date, at: int, zone: zoneinfo.ZoneInfo) -> int:
    """The local time of a moment on another day, in ms; one that a clock put forward skips is the next that is."""
    local = _moment(at).astimezone(zone)
    rest = local.second * 1_000 + local.microsecond // 1_000
    return _instant(day, local.hour * 60 + local.minute, zone) + rest


def _of_days(windows: Sequence[Window], zone: zoneinfo.ZoneInfo, first: dt.date, days: int) -> Iterator[Span]:
    for window in windows:
        wanted = _on(window.days)
        opens, closes = _minutes(window.from_), _minutes(window.to)
        if closes <= opens:
            closes += 1440
        for offset in range(days):
            day = first + dt.timedelta(days=offset)
            if wanted(day):
                start, end = _instant(day, opens, zone), _instant(day, closes, zone)
                if start < end:
                    yield start, end


@functools.cache
def _on(text: str) -> Callable[[dt.date], bool]:
    """What tells whether a day is meant by `days`."""
    if text[:1].isalpha():
        weekdays = _weekdays(text)
        return lambda day: day.weekday() in weekdays
    parts = [part.partition("..") for part in text.split(",")]
    spans_of = [(first, last or first) for first, _, last in parts]
    if len(spans_of[0][0]) == len("2026-06-07"):
        return lambda day: any(first <= day.isoformat() <= last for first, last in spans_of)
    return lambda day: any(_in_year(f"{day:%m-%d}", first, last) for first, last in spans_of)


def _in_year(day: str, first: str, last: str) -> bool:
    return first <= day <= last if first <= last else day >= first or day <= last


def _first_dates(text: str) -> Iterator[dt.date]:
    """The dates with which spans of dates begin."""
    for part in text.split(","):
        try:
            yield dt.date.fromisoformat(part.partition("..")[0])
        except ValueError:
            continue


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
