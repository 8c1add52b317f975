"""The obligations of one device under a rule that asks for something every so often. See `recurrence`."""

import bisect
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud.correlation.coverage import NOTHING, covered_up_to
from cloud.correlation.episodes import MARKS_MS, Host, Judged, Told
from cloud.correlation.measured import measured_point
from cloud.correlation.rules import Recurrence, RuleVersion
from cloud.correlation.stretches import READING, Stretches
from cloud.correlation.verdict import BlindSpan, EventId, Outcome, Reason, Verdict
from cloud.correlation.windows import Span, WindowsOf
from contract.duration import parse_duration

Anchor = tuple[int, str, int]
"""`(at, device, seq)`; a window's start has no device and the number -1."""


class _Kept(msgspec.Struct, array_like=True):
    anchors: list[Anchor]
    told: dict[int, Told]
    floor: Anchor | None
    lapses: list[int]
    read: dict[int, tuple[int, int]] = {}
    over: set[int] = set()


class RecurrenceChain:
    """One device's obligations under one version of a rule."""

    def __init__(self, version: "VersionOf", device: str, windows: "WindowsOf") -> None:
        self.name = f"rec|{version.rule.id}|{version.label}|{device}"
        self.key = device
        self._told: dict[int, Told] = {}
        self._floor: Anchor | None = None
        self._lapses: list[int] = []
        self._version = version
        self._windows = windows
        self._anchors: list[Anchor] = []
        self._dirty: set[int] = set()
        self._stretches = Stretches(version.every)

    @property
    def told(self) -> dict[int, Told]:
        """See `Chain.told`."""
        return self._told

    @property
    def kept_from(self) -> int:
        """When the first anchor is that is kept where some were let go; all after it is kept too."""
        return self._floor[0] if self._floor else NOTHING

    def misses(self, anchor: Anchor) -> bool:
        """Whether an anchor comes too late for what is kept."""
        return self._floor is not None and anchor < self._floor

    def open_window(self, start: int) -> bool:
        """A window begins: its start is an anchor. False when it is known or let go."""
        anchor = (start, "", -1)
        return not self.misses(anchor) and self._put(anchor)

    def put(self, at: int, seq: int) -> bool:
        """Take in a qualifying event; false when it is known or lies in no window."""
        return self.window(at) is not None and self._put((at, self.key, seq))

    def put_reading(self, at: int) -> bool:
        """Take in a reading that is a measurement; false where it changes nothing now."""
        if self.window(at) is None:
            return False
        gone, fresh = self._stretches.put(at)
        for one in gone:
            self._take_out((one, self.key, READING))
        for one in fresh:
            self._put((one, self.key, READING))
        return bool(gone or fresh)

    def misses_reading(self, at: int) -> bool:
        """Whether a reading comes too late for what is kept, or undoes what answered something that was let go."""
        if self._floor is None:
            return False
        undone = self._stretches.undone_by(at)
        return self.misses((at, self.key, READING)) or any(one <= self._floor[0] for one in undone)

    def take_reading_back(self, at: int) -> None:
        """Take in a reading that was let go: what counts of its stretch is wanted again."""
        if self.window(at) is not None:
            self.put_reading(at)
            for one in self._stretches.counting(at):
                self._put((one, self.key, READING))

    def pass_to(self, now: int) -> bool:
        """Time, or what is known of the device, goes on; whether readings count that did not."""
        complete = self._version.host.book.complete.get(self.key, NOTHING)
        fresh = self._stretches.pass_to(now, complete)
        for one in fresh:
            self._put((one, self.key, READING))
        return bool(fresh)

    @property
    def every(self) -> int:
        """How often it is due, in ms."""
        return self._version.every

    def within(self, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which moments lie in a window."""
        return np.array([self.window(moment) is not None for moment in at.tolist()], bool)

    def next_at(self) -> int | None:
        """When `pass_to` may change something."""
        return self._stretches.next_at()

    def _take_out(self, anchor: Anchor) -> None:
        place = bisect.bisect_left(self._anchors, anchor)
        if place < len(self._anchors) and self._anchors[place] == anchor:
            del self._anchors[place]
            self._dirty.update(one[0] for one in self._anchors[max(0, place - 1) : place])

    def window(self, at: int) -> Span | None:
        """The window in which a moment lies."""
        return self._windows.holding(at)

    def reopen(self, since: int, told: Mapping[int, Told]) -> None:
        """Take back what was told of anchors from `since` on, and the starts of windows there."""
        for start in self._windows.starts(since - 1, self.kept_from):
            self._put((start, "", -1))
        for opened_at, last in told.items():
            if opened_at >= since and self._version.judges(opened_at):
                self._told.setdefault(opened_at, last)
        del self._lapses[bisect.bisect_left(self._lapses, since) :]

    def reopened(self) -> None:
        """All that was let go is back: look at all of it."""
        if self._floor:
            self._floor = self._anchors[0]
        self._dirty.update(anchor[0] for anchor in self._anchors)

    def _put(self, anchor: Anchor) -> bool:
        place = len(self._anchors)
        if place and anchor <= self._anchors[-1]:
            place = bisect.bisect_left(self._anchors, anchor)
            if self._anchors[place] == anchor:
                return False
        self._anchors.insert(place, anchor)
        self._dirty.add(anchor[0])
        if place:
            self._dirty.add(self._anchors[place - 1][0])
        return True

    def judge(self, now: int) -> Iterable[Judged]:
        """See `Chain.judge`. Of anchors at the same moment the last speaks."""
        dirty, self._dirty = sorted(self._dirty), set()
        for opened_at in dirty:
            place = bisect.bisect_left(self._anchors, (opened_at + 1,)) - 1
            if place >= 0 and self._anchors[place][0] == opened_at:
                judged = self._judge(place, now)
                if judged is not None:
                    yield judged

    def _judge(self, place: int, now: int) -> Judged | None:
        anchor, version = self._anchors[place], self._version
        opened_at, due_at = anchor[0], anchor[0] + version.every
        window = self._windows.holding(opened_at)
        if window is None or due_at >= window[1] or not version.judges(opened_at):
            return None
        found = self._anchors[place + 1] if place + 1 < len(self._anchors) else None
        if found is not None and (found[0] >= window[1] or not found[1]):
            found = None
        return self._verdict(anchor, due_at, found, window[1], now)

    def _verdict(self, anchor: Anchor, due_at: int, found: Anchor | None, end: int, now: int) -> Judged:
        book = self._version.host.book
        complete = book.complete.get(self.key, NOTHING)
        blind: tuple[BlindSpan, ...] = ()
        if found is not None and found[0] <= due_at:
            outcome, reason = Outcome.MET, Reason.IN_TIME
        elif now > due_at and complete > due_at:
            blind = book.blind((self.key,), anchor[0], due_at)
            outcome = Outcome.UNKNOWN if blind else Outcome.BREACHED
            late = Reason.LATE if found else Reason.NO_EVIDENCE
            reason = Reason.BLIND if blind else late
        else:
            outcome = Outcome.PENDING
            reason = Reason.WAITING_FOR_COVERAGE if now > due_at else Reason.WAITING
        decided = outcome is not Outcome.PENDING
        needed = found[0] if found else end - 1
        answer = found if decided else None
        verdict = Verdict(
            rule=self._version.rule.id,
            version=self._version.rule.version,
            kind="recurrence",
            key=self.key,
            opened_at=anchor[0],
            due_at=due_at,
            outcome=outcome,
            final=decided and complete > needed,
            reason=reason,
            elapsed_ms=answer[0] - anchor[0] if answer else None,
            evidence=_identities(anchor, answer),
            overdue=not decided and now > due_at,
            blind=blind,
        )
        answered = found is not None
        if verdict.final:
            return Judged(verdict, answered=answered)
        if decided:
            return Judged(verdict, None, self.key, needed, answered)
        if now <= due_at:
            return Judged(verdict, due_at + 1, answered=answered)
        return Judged(verdict, None, self.key, due_at, answered)

    def all_verdicts(self, now: int) -> Iterable[Verdict]:
        """Every obligation kept, as of now. Of anchors at the same moment the last speaks."""
        last = len(self._anchors) - 1
        for place, anchor in enumerate(self._anchors):
            if place < last and self._anchors[place + 1][0] == anchor[0]:
                continue
            judged = self._judge(place, now)
            if judged is not None:
                yield judged.verdict

    def touch(self, opened_at: int) -> None:
        """See `Chain.touch`."""
        self._dirty.add(opened_at)

    def touch_blind(self, start: int, end: int) -> bool:
        """See `Chain.touch_blind`."""
        every = self._version.every
        touched = {anchor[0] for anchor in self._anchors if anchor[0] < end and anchor[0] + every >= start}
        self._dirty |= touched
        return bool(touched)

    def unsettled_by(self, start: int, end: int) -> int | None:
        """See `Chain.unsettled_by`."""
        place = bisect.bisect_left(self._lapses, start - self._version.every)
        found = self._lapses[place] if place < len(self._lapses) else None
        return found if found is not None and found < end else None

    def let_go(self, now: int) -> None:
        """See `Chain.let_go`: from the oldest on, but for the last anchor, which the next event answers.

        An anchor ahead of the clock does not count as the next: a window may begin before it.
        """
        count = 0
        begun = bisect.bisect_left(self._anchors, (now,)) - 1
        while count < begun and not self._is_open(count):
            opened_at = self._anchors[count][0]
            if self._anchors[count + 1][0] != opened_at:
                told = self._told.pop(opened_at, None)
                if told is not None and told.verdict.outcome is not Outcome.MET:
                    self._lapses.append(opened_at)
            count += 1
        if count:
            del self._anchors[:count]
            self._floor = self._anchors[0]
            self._stretches.forget_before(self._floor[0])
            del self._lapses[: bisect.bisect_left(self._lapses, self._floor[0] - MARKS_MS)]

    def _is_open(self, place: int) -> bool:
        opened_at = self._anchors[place][0]
        told = self._told.get(opened_at)
        return opened_at in self._dirty or (told is not None and not told.verdict.final)

    def vanished(self) -> list[int]:
        """See `Chain.vanished`: only one that began with a reading vanishes, where another came before or behind it."""
        if not self._stretches.known:
            return []
        begun = {anchor[0] for anchor in self._anchors}
        return [
            opened_at
            for opened_at, told in self._told.items()
            if opened_at not in begun and told.verdict.outcome is not Outcome.VOID
        ]

    def links(self) -> tuple[tuple[str, int], ...]:
        """See `Chain.links`."""
        return covered_up_to(self._version.host.book.complete, (self.key,))

    def dirty_cells(self) -> dict[str, bytes | None]:
        """See `Chain.dirty_cells`."""
        read, over = self._stretches.known, self._stretches.over
        kept = _Kept(self._anchors, self._told, self._floor, self._lapses, read, over)
        return {self.name: msgspec.msgpack.encode(kept) if self._anchors else None}

    def decode(self, cell: bytes) -> None:
        """Take back what `dirty_cells` gave."""
        kept = msgspec.msgpack.decode(cell, type=_Kept)
        self._anchors, self._told, self._floor, self._lapses = (
            kept.anchors,
            kept.told,
            kept.floor,
            kept.lapses,
        )
        self._stretches.known, self._stretches.over = kept.read, kept.over
        self._dirty = {anchor[0] for anchor in self._anchors}


class VersionOf:
    """A version of a rule, ready to judge."""

    def __init__(self, dated: RuleVersion, rule: Recurrence, host: Host) -> None:
        self.rule = rule
        self.host = host
        self.every = parse_duration(rule.every).ms
        self.point = measured_point(rule.expect) if rule.by is None else None
        self.label = dated.label
        self._start, self._end = dated.start, dated.end

    @property
    def start(self) -> int:
        """From when it is in force."""
        return self._start

    def judges(self, opened_at: int) -> bool:
        """Whether it was in force at that moment."""
        return self._start <= opened_at and (self._end is None or opened_at < self._end)


def _identities(anchor: Anchor, found: Anchor | None) -> tuple[EventId, ...]:
    first = ((anchor[1], anchor[2]),) if anchor[2] >= 0 else ()
    return first + (((found[1], found[2]),) if found and found[2] >= 0 else ())
