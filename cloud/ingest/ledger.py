"""Which sequence numbers of a queue were taken: the one thing that makes sending twice harmless. Pure.

A queue (`LedgerKey`) is numbered without gaps from 1. Taken are all of `1..high` and some islands beyond;
what lies between is a gap. Ranges are inclusive on both ends.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import msgspec

from cloud.errors import LedgerMismatchError
from cloud.store.base import LedgerKey, LedgerRow

Range = tuple[int, int]


class Gap(msgspec.Struct, frozen=True):
    """Numbers `first..last` of a queue are missing though later ones came, since `since` at the latest."""

    key: LedgerKey
    first: int
    last: int
    since: int


class Track:
    """One queue. `since` is when the lowest gap was noticed."""

    __slots__ = ("high", "islands", "since")

    def __init__(self, high: int = 0, islands: Iterable[Range] = ()) -> None:
        self.high = high
        self.islands: list[Range] = list(islands)
        self.since: int | None = None

    def take(self, first: int, last: int, now: int) -> Sequence[Range]:
        """Marks `first..last` as taken; returns the parts of it that were not taken before, in order.

        An empty range (`last == first - 1`) takes nothing.

        Raises:
            LedgerMismatchError: The range is none, or new and known do not add up to it.
        """
        if first < 1 or last < first - 1:
            raise LedgerMismatchError(f"{first}..{last} is no range of sequence numbers")
        if first == self.high + 1 and not self.islands:  # nearly always
            self.high = last
            return ((first, last),) if last >= first else ()
        if last <= self.high or last < first:
            return ()
        fresh = self._missing_within(max(first, self.high + 1), last)
        known = last - first + 1 - sum(end - start + 1 for start, end in fresh)
        self._merge(first, last)
        if known < 0 or self._count_missing(first, last):
            raise LedgerMismatchError(f"new and known do not add up to {first}..{last}")
        self._notice_gap(now)
        return fresh

    def _missing_within(self, first: int, last: int) -> list[Range]:
        missing: list[Range] = []
        for start, end in self.islands:
            if end < first:
                continue
            if start > last:
                break
            if start > first:
                missing.append((first, start - 1))
            first = end + 1
        if first <= last:
            missing.append((first, last))
        return missing

    def _merge(self, first: int, last: int) -> None:
        """Make `first..last` part of an island, joined with those it touches, and with `1..high`."""
        low = bisect_left(self.islands, first - 1, key=lambda island: island[1])
        high = low
        while high < len(self.islands) and self.islands[high][0] <= last + 1:
            first, last = min(first, self.islands[high][0]), max(last, self.islands[high][1])
            high += 1
        self.islands[low:high] = [(first, last)]
        if self.islands[0][0] <= self.high + 1:
            self.high = max(self.high, self.islands.pop(0)[1])
            self.since = None

    def _count_missing(self, first: int, last: int) -> int:
        first = max(first, self.high + 1)
        return (
            sum(end - start + 1 for start, end in self._missing_within(first, last)) if first <= last else 0
        )

    def _notice_gap(self, now: int) -> None:
        if not self.islands:
            self.since = None
        elif self.since is None:
            self.since = now


class Ledger:
    """The queues of a partition."""

    def __init__(self, rows: Iterable[LedgerRow] = (), now: int = 0) -> None:
        self._tracks = {row.key: Track(row.high, row.islands) for row in rows}
        self._dirty: set[LedgerKey] = set()
        for track in self._tracks.values():
            if track.islands:
                track.since = now

    def take(self, key: LedgerKey, first: int, last: int, now: int) -> Sequence[Range]:
        """See `Track.take`."""
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = Track()
        fresh = track.take(first, last, now)
        if fresh:
            self._dirty.add(key)
        return fresh

    def high(self, key: LedgerKey) -> int:
        """The number up to which all is taken; 0 when nothing is."""
        track = self._tracks.get(key)
        return track.high if track else 0

    def newest(self, key: LedgerKey) -> int:
        """The highest number that was taken, whether or not all before it were; 0 when nothing is."""
        track = self._tracks.get(key)
        if track is None:
            return 0
        return track.islands[-1][1] if track.islands else track.high

    def gaps(self) -> list[Gap]:
        """The lowest gap of each queue that has one."""
        return [
            Gap(key, track.high + 1, track.islands[0][0] - 1, track.since)
            for key, track in self._tracks.items()
            if track.islands and track.since is not None
        ]

    def changed_rows(self) -> list[LedgerRow]:
        """The queues that changed since this was asked last."""
        changed, self._dirty = self._dirty, set()
        return [
            LedgerRow(key=key, high=self._tracks[key].high, islands=tuple(self._tracks[key].islands))
            for key in changed
        ]
