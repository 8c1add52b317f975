"""What kinds share that judge a key by the whole of its recent past: few marks, all looked at anew each time.

A timeline keeps marks, one for each event or reading that matters, back to the oldest that something undecided
needs. The key is a device, or what several devices tell of: a round, a post.
"""

import bisect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud.correlation.coverage import NOTHING, covered_up_to
from cloud.correlation.episodes import (
    MARKS_MS,
    Host,
    Judged,
    Told,
)
from cloud.correlation.rules import RuleVersion
from cloud.correlation.verdict import Outcome
from contract.events import Event

_ROOM: Final = 32
"""So many marks may gather before it is looked at which are needed."""

READ: Final = 8
"""What is taken from a reading's meaning to make its `seq`, so that it is less than any event's."""

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Meanings = NDArray[np.int8]
Place = tuple[int, str, int]
"""`(at, device, seq)`: where a mark stands among the others, and which it is."""
Span = tuple[int, int]


class Mark(msgspec.Struct, frozen=True, order=True, array_like=True, omit_defaults=True, gc=False):
    """What an event or a reading says to a rule; what the meaning is, the kind knows.

    `told`: when what a person only said was heard, where that was later than it was done; else 0. The `seq` of a reading is its meaning less `READ`: no event's, and the order of equals is a matter of content.
    """

    at: int
    device: str
    seq: int
    meaning: int = 0
    person: str = ""
    zone: str = ""
    error: int = 0
    told: int = 0

    @property
    def place(self) -> Place:
        """Where it stands, and which it is."""
        return self.at, self.device, self.seq


class Dated(Protocol):
    """A version of a rule, ready to judge."""

    host: Host

    @property
    def types(self) -> frozenset[str]:
        """The event types that it asks about."""
        ...

    def judges(self, opened_at: int) -> bool:
        """Whether it was in force at that moment."""
        ...

    @property
    def points(self) -> frozenset[str]:
        """The points whose readings it asks about."""
        ...

    def says(self, event: Event, seq: int) -> Mark | None:
        """What an event of those types means; None for nothing."""
        ...

    def meaning(self, value: float) -> int:
        """What a good reading of those points means; -1 for nothing."""
        ...

    def meanings(self, values: Values) -> Meanings:
        """The same of many."""
        ...


class InForce:
    """The span of a version, and when it is suspended. It asks about no readings, unless the kind says so."""

    points: frozenset[str] = frozenset()

    def __init__(self, dated: RuleVersion) -> None:
        self.start, self.end, self.label = dated.start, dated.end, dated.label
        self._suspended = dated.suspended

    def meaning(self, value: float) -> int:
        """See `Dated.meaning`."""
        return int(self.meanings(np.array([value]))[0])

    def meanings(self, values: Values) -> Meanings:
        """See `Dated.meanings`."""
        return np.full(len(values), -1, np.int8)

    def suspended(self, device: str) -> tuple[Span, ...]:
        """The spans in which a permit suspends the rule for a device, in order."""
        return self._suspended.get(device, ())

    def judges(self, opened_at: int) -> bool:
        """Whether it was in force at that moment."""
        return self.start <= opened_at and (self.end is None or opened_at < self.end)


class Timeline(ABC):
    """See `Chain`: one key's marks under one version of a rule. `devices`: those that tell of it."""

    def __init__(self, name: str, key: str, version: Dated, devices: Sequence[str] | None = None) -> None:
        self.name = name
        self.key = key
        self.devices: tuple[str, ...] = (key,) if devices is None else tuple(devices)
        self.marks: list[Mark] = []
        self.base = NOTHING
        """From when on episodes are judged here; kinds of which each is whole by itself move it."""
        self._version = version
        self._told: dict[int, Told] = {}
        self._floor: Place | None = None
        self._lapses: list[int] = []
        self._dirty = False
        self._room = _ROOM
        self._skipped_to = NOTHING
        self._yielded: dict[int, Judged] = {}

    @abstractmethod
    def judged(self, now: int) -> Iterator[Judged]:
        """Every episode of what is kept, as of now."""

    @abstractmethod
    def needed_from(self) -> int | None:
        """The moment from which marks are needed for what is undecided; None when only the last is."""

    @property
    def told(self) -> dict[int, Told]:
        """See `Chain.told`."""
        return self._told

    @property
    def complete(self) -> int:
        """How far all its devices are known."""
        return self._version.host.book.least(self.devices)

    def lagging(self, needed: int) -> str | None:
        """A device that is not known beyond a moment."""
        return self._version.host.book.lagging(self.devices, needed)

    @property
    def kept_from(self) -> int:
        """From when on all is kept."""
        return max(self._floor[0] if self._floor else NOTHING, self.base)

    def is_open(self, opened_at: int) -> bool:
        """Whether what was told of an episode is not the last word."""
        told = self._told.get(opened_at)
        return told is None or not told.verdict.final

    def put(self, mark: Mark) -> bool:
        """Take in what an event says; false when it is known."""
        marks = self.marks
        self._dirty = True
        if not marks or marks[-1] < mark:
            marks.append(mark)
            return True
        place = bisect.bisect_left(marks, mark)
        if place < len(marks) and marks[place] == mark:
            return False
        marks.insert(place, mark)
        return True

    def late_for(self, mark: Mark) -> Span | None:
        """The span that is needed again if this mark comes too late for what is kept."""
        if mark.at <= self._skipped_to:
            return mark.at, self._skipped_to + 1
        if mark.at < self.base or (self._floor is not None and mark.place < self._floor):
            return mark.at, mark.at + 1
        return None

    def put_column(self, device: str, at: Times, meanings: Meanings) -> bool:
        """Take in all readings there are of a device, once events and blind spans are known; false when none matters.

        Of those that say what the one before says only the first is kept, also behind an event or a blind span; of
        those in a blind span all.
        """
        said = meanings >= 0
        if not said.all():
            at, meanings = at[said], meanings[said]
        if not np.all(at[1:] > at[:-1]):
            order = np.lexsort((meanings, at))
            at, meanings = at[order], meanings[order]
        gaps = self._version.host.book.gaps(device)
        breaks = np.array(
            sorted([*(end for _, end in gaps), *(mark.at for mark in self.marks if mark.seq >= 0)]), np.int64
        )
        keep = np.ones(len(at), bool)
        keep[1:] = meanings[1:] != meanings[:-1]
        if len(breaks):
            between = np.searchsorted(breaks, at, "left") + np.searchsorted(breaks, at, "right")
            keep[1:] |= between[1:] != between[:-1]
        for start, end in gaps:
            keep |= (at >= start) & (at < end)
        rows = zip(at[keep].tolist(), meanings[keep].tolist(), strict=True)
        fresh = [Mark(moment, device, meaning - READ, meaning) for moment, meaning in rows]
        self.marks = sorted([*self.marks, *fresh])
        self._dirty |= bool(fresh)
        return bool(fresh)

    def look(self) -> None:
        """All of it is to be judged."""
        self._dirty = True

    def judge(self, now: int) -> Iterable[Judged]:
        """See `Chain.judge`: all that changed since it was told."""
        if not self._dirty:
            return
        self._dirty = False
        current = {judged.verdict.opened_at: judged for judged in self.judged(now)}
        before, self._yielded = self._yielded, current
        for opened_at, judged in sorted(current.items()):
            if before.get(opened_at) != judged:
                yield judged
        if len(self.marks) > self._room and self._version.host.keep_ms is not None:
            self.let_go(now)
            self._room = max(_ROOM, 2 * len(self.marks))

    def touch(self, opened_at: int) -> None:
        """See `Chain.touch`. The same verdict is to be told its next moment again."""
        self._yielded.pop(opened_at, None)
        self._dirty = True

    def touch_blind(self, start: int, end: int) -> bool:  # noqa: ARG002 - all of it is judged anew
        """See `Chain.touch_blind`."""
        known = bool(self.marks or self._told)
        self._dirty |= known
        return known

    def unsettled_by(self, start: int, end: int) -> int | None:
        """See `Chain.unsettled_by`: blind time may change anything that was let go around it."""
        if start <= self._skipped_to:
            return start
        if start >= self.kept_from:
            return None
        place = bisect.bisect_left(self._lapses, start - MARKS_MS)
        found = self._lapses[place] if place < len(self._lapses) else None
        return found if found is not None and found < end else None

    def let_go(self, now: int) -> None:  # noqa: ARG002 - what is open shows by itself
        """See `Chain.let_go`: all that nothing undecided needs, but for the last mark."""
        if not self.marks:
            return
        if self._version.points:
            self.skip_repeated()
        needed = self.needed_from()
        last = self.marks[-1].at
        keep_from = last if needed is None else min(needed, last)
        count = bisect.bisect_left(self.marks, keep_from, key=_at)
        if not count:
            return
        self.marks = [*self.still_needed(self.marks[:count]), *self.marks[count:]]
        self._floor = self.marks[bisect.bisect_left(self.marks, keep_from, key=_at)].place
        self.forget(keep_from)

    def skip_repeated(self) -> None:
        """Readings that say what the one before them said need not be kept, but for the first behind a blind span."""
        book, kept, before = self._version.host.book, self.marks[:1], self.marks[0]
        following = [*self.marks[2:], None]
        for mark, after in zip(self.marks[1:], following, strict=False):
            known = book.complete.get(mark.device, NOTHING) > mark.at
            same = known and mark.seq < 0 and before.seq < 0 and before.meaning == mark.meaning
            # A reading in the moment of an event belongs to what begins with that.
            same = same and (after is None or after.at > mark.at or after.seq < 0)
            if same and not book.blind((mark.device,), before.at, mark.at):
                self._skipped_to = max(self._skipped_to, mark.at)
            else:
                kept.append(mark)
            before = mark
        self.marks = kept

    def still_needed(self, gone: Sequence[Mark]) -> Sequence[Mark]:  # noqa: ARG002 - a kind may need some
        """Those of the marks to be let go that must stay all the same, because nothing told of their key since."""
        return ()

    def copy_floor(self, other: "Timeline") -> None:
        """No more is known here of the past than there."""
        self._floor, self.base = other._floor, other.base  # noqa: SLF001 - one of its kind

    def forget(self, before: int) -> None:
        """Let go of what was decided of episodes that opened before a moment, but for that they were."""
        gone = [moment for moment in self._told if moment < before and not self.is_open(moment)]
        for opened_at in gone:
            told = self._told.pop(opened_at)
            self._yielded.pop(opened_at, None)
            if told.verdict.outcome is not Outcome.VOID:
                bisect.insort(self._lapses, opened_at)
        del self._lapses[: bisect.bisect_left(self._lapses, before - MARKS_MS)]

    def anchor(self, before: Sequence[Mark]) -> tuple[int, int] | None:
        """From when on all is needed by what the marks before a late one began, and the mark that says so.

        None: nothing among them tells how things stood.
        """
        return (before[-1].at, before[-1].at) if before else None

    def reopen(self, since: int, told: Mapping[int, Told]) -> None:
        """Take back what was told from `since` on."""
        for opened_at, last in told.items():
            if opened_at >= since and self._version.judges(opened_at):
                self._told.setdefault(opened_at, last)
        del self._lapses[bisect.bisect_left(self._lapses, since) :]
        self.reopen_base(since)
        if self._floor is not None:
            self._floor = min(self._floor, (since, "", -READ))

    def reopen_base(self, since: int) -> None:
        """All marks from `since` on are back."""
        self.base = min(self.base, since)

    def reopened(self) -> None:
        """What was let go is back."""
        self._yielded.clear()
        self._dirty = True

    def vanished(self) -> list[int]:
        """See `Chain.vanished`: what was told and is none, after all."""
        return [
            opened_at
            for opened_at, told in self._told.items()
            if opened_at not in self._yielded
            and (told.verdict.outcome is not Outcome.VOID or told.verdict.is_kept)
        ]

    def links(self) -> tuple[tuple[str, int], ...]:
        """See `Chain.links`."""
        return covered_up_to(self._version.host.book.complete, self.devices)

    def dirty_cells(self) -> dict[str, bytes | None]:
        """See `Chain.dirty_cells`."""
        kept = (self.marks, self._told, self._floor, self._lapses, self.base, self._skipped_to)
        known = self.marks or self._told or self._lapses or self.base > NOTHING
        return {self.name: msgspec.msgpack.encode(kept) if known else None}

    def decode(self, cell: bytes) -> None:
        """Take back what `dirty_cells` gave."""
        shape = tuple[list[Mark], dict[int, Told], Place | None, list[int], int, int]
        found = msgspec.msgpack.decode(cell, type=shape)
        self.marks, self._told, self._floor, self._lapses, self.base, self._skipped_to = found
        self._dirty = True


def _at(mark: Mark) -> int:
    return mark.at
