"""The episodes of one key of a response rule: triggers and evidence in order, judged anew from what they touch."""

import bisect
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import msgspec

from cloud.correlation.coverage import NOTHING, CoverageBook, covered_up_to
from cloud.correlation.episodes import MARKS_MS, Judged, Span, Told
from cloud.correlation.response_verdict import Facts, Found, Trigger, VersionOf, earliest, judge
from cloud.correlation.sources import OPERATOR
from cloud.correlation.verdict import Outcome, Reason, Verdict

_FEW: Final = 32
"""Evidence of which less is kept is not worth letting go."""


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An episode that was decided and let go: who opened it, and the bound from which evidence can't change it.

    `met` is true where a blind source changes nothing.
    """

    opener: Trigger
    until: Trigger
    met: bool

    @property
    def opened_at(self) -> int:
        """When it opened."""
        return self.opener[0]


class Kept(msgspec.Struct, array_like=True):
    """All of a chain that must survive a restart."""

    triggers: list[Trigger]
    evidence: dict[int, list[Found]]
    most_error: int
    told: dict[int, Told]
    marks: list[Mark]
    floor: int
    forgotten: int


class Rule(Protocol):
    """What a chain asks of its rule."""

    @property
    def rule(self) -> str:
        """Its id."""
        ...

    @property
    def book(self) -> CoverageBook:
        """What is known of each device."""
        ...

    @property
    def versions(self) -> Mapping[int, VersionOf]:
        """Its versions by number."""
        ...

    @property
    def horizon(self) -> int:
        """How long after its opening evidence can change an episode, at the most over all versions."""
        ...

    def version_at(self, at: int) -> VersionOf | None:
        """The version in force at a moment."""
        ...

    def already_there(self, version: VersionOf, key: str, at: int) -> Trigger | None:
        """The event by which somebody who qualifies is already there at a moment."""
        ...


class ResponseChain:
    """See `Chain`. What is decided for good is let go, down to a mark that it was there."""

    def __init__(self, rule: Rule, key: str) -> None:
        self.name = f"rsp|{rule.rule}|{key}"
        self.key = key
        self._rule = rule
        self._kept = Kept([], {}, 0, {}, [], NOTHING, NOTHING)
        self._openings: list[int] = []
        self._dirty: set[int] = set()
        self._trim_at = _FEW
        self._settled_by = NOTHING  # evidence after it changes nothing that was let go

    @property
    def told(self) -> dict[int, Told]:
        """See `Chain.told`."""
        return self._kept.told

    @property
    def marks(self) -> list[Mark]:
        """The episodes that were let go, by when they opened."""
        return self._kept.marks

    @property
    def oldest(self) -> int | None:
        """When the first episode opened that is kept."""
        return self._openings[0] if self._openings else None

    @property
    def newest(self) -> int:
        """When the last episode opened, whether it is kept or was let go."""
        known = [*self._openings[-1:], *(mark.opened_at for mark in self.marks[-1:])]
        return max(known, default=NOTHING)

    # --- triggers

    def joins_decided(self, trigger: Trigger) -> bool:
        """Whether a trigger is part of an episode that was let go: it changes nothing."""
        place = bisect.bisect_right(self.marks, trigger, key=_opener) - 1
        return place >= 0 and trigger[0] <= self._reach(self.marks[place].opened_at)

    def misses(self, trigger: Trigger) -> bool:
        """Whether a trigger comes too late for what is kept: it would open or move what was let go."""
        kept = self._kept
        return trigger[0] < kept.floor or bool(kept.marks and trigger < kept.marks[-1].opener)

    def _reach(self, opened_at: int) -> int:
        version = self._rule.version_at(opened_at)
        return opened_at + (version.join if version else 0)

    def put_trigger(self, trigger: Trigger) -> bool:
        """Take in a trigger that is not too late; false when it is known."""
        triggers = self._kept.triggers
        if not triggers or trigger > triggers[-1]:
            triggers.append(trigger)
        else:
            place = bisect.bisect_left(triggers, trigger)
            if triggers[place] == trigger:
                return False
            triggers.insert(place, trigger)
        self._rechain(trigger[0])
        return True

    def _rechain(self, at: int) -> None:
        """Find the openings anew from the episode that `at` may join."""
        triggers, openings = self._kept.triggers, self._openings
        place = bisect.bisect_right(openings, at)
        if place:
            if openings[place - 1] == at:  # it may have become the opener
                self._dirty.add(at)
            reach = self._reach(openings[place - 1])
        else:
            reach = self._reach(self.marks[-1].opened_at) if self.marks else NOTHING
        old, new = openings[place:], list[int]()
        known = set(old)
        while (first := bisect.bisect_left(triggers, (reach + 1,))) < len(triggers):
            opened_at = triggers[first][0]
            if opened_at > at and opened_at in known:
                new += old[bisect.bisect_left(old, opened_at) :]
                break
            new.append(opened_at)
            reach = self._reach(opened_at)
        openings[place:] = new
        self._dirty |= known.symmetric_difference(new)

    # --- evidence

    def put_evidence(self, version: VersionOf, found: Found) -> bool:
        """Take in evidence for a version; whether an episode wants to be looked at again."""
        kept = self._kept
        known = kept.evidence.get(version.number)
        if known is None:
            kept.evidence[version.number] = [found]
        elif not known or found > known[-1]:
            known.append(found)
        else:
            place = bisect.bisect_left(known, found)
            if known[place] == found:
                return False
            known.insert(place, found)
        kept.most_error = max(kept.most_error, found[3])
        return bool(self._openings) and self.touch_between(found[0] - version.horizon, found[0] + found[3])

    def changed_by(self, found: Found) -> int | None:
        """The first opening that was let go and that evidence may change; it is a guess where marks are gone."""
        first = found[0] - self._rule.horizon
        if first < self._kept.forgotten:
            return first
        if found[0] > self._settled_by:
            return None
        for place in range(bisect.bisect_left(self.marks, first, key=_opened_at), len(self.marks)):
            mark = self.marks[place]
            if mark.opened_at > found[0] + found[3]:
                return None
            if found[:3] < mark.until:
                return mark.opened_at
        return None

    def mark_between(self, first: int, last: int) -> int | None:
        """The first episode in `[first, last]` that was let go; it is a guess where marks are gone."""
        if first < self._kept.forgotten:
            return first
        place = bisect.bisect_left(self.marks, first, key=_opened_at)
        found = self.marks[place].opened_at if place < len(self.marks) else None
        return found if found is not None and found <= last else None

    # --- judging

    def judge(self, now: int) -> Iterable[Judged]:
        """See `Chain.judge`."""
        dirty, self._dirty = sorted(self._dirty), set()
        return [self._judge(opened_at, now) for opened_at in dirty if self._is_open(opened_at)]

    def all_verdicts(self, now: int) -> Iterable[Verdict]:
        """Every episode kept, as of now."""
        return [self._judge(opened_at, now).verdict for opened_at in self._openings]

    def _is_open(self, opened_at: int) -> bool:
        place = bisect.bisect_left(self._openings, opened_at)
        return place < len(self._openings) and self._openings[place] == opened_at

    def _judge(self, opened_at: int, now: int) -> Judged:
        version = self._version(opened_at)
        first, end = self._span(opened_at)
        triggers = self._kept.triggers
        seen = self._rule.already_there(version, self.key, opened_at)
        found = None if seen else self._earliest(version, opened_at)
        facts = Facts(self.key, triggers[first], triggers[first + 1 : end], seen, found)
        return judge(version, facts, self._rule.book, now)

    def _version(self, opened_at: int) -> VersionOf:
        version = self._rule.version_at(opened_at)
        if version is None:  # only triggers of a version in force are taken in
            raise LookupError(f"no version of {self._rule.rule} at {opened_at}")
        return version

    def _span(self, opened_at: int) -> tuple[int, int]:
        """Where among the triggers an episode begins and ends."""
        triggers = self._kept.triggers
        reach = self._reach(opened_at)
        return bisect.bisect_left(triggers, (opened_at,)), bisect.bisect_left(triggers, (reach + 1,))

    def _earliest(self, version: VersionOf, opened_at: int) -> Found | None:
        known = self._kept.evidence.get(version.number, [])
        return earliest(known, opened_at, version.horizon, self._kept.most_error)

    def vanished(self) -> list[int]:
        """See `Chain.vanished`."""
        if len(self.told) <= len(self._openings):
            return []
        gone = self.told.keys() - set(self._openings)
        return sorted(moment for moment in gone if self.told[moment].verdict.outcome is not Outcome.VOID)

    def links(self) -> tuple[tuple[str, int], ...]:
        """See `Chain.links`."""
        devices = {
            device
            for version in self._rule.versions.values()
            for device in version.sources.answering(self.key)
        }
        return covered_up_to(self._rule.book.complete, devices - {OPERATOR})

    def touch(self, opened_at: int) -> None:
        """See `Chain.touch`."""
        self._dirty.add(opened_at)

    def touch_between(self, first: int, last: int) -> bool:
        """Look again at the episodes that opened in `[first, last]`; whether there is any."""
        openings = self._openings
        place = bisect.bisect_left(openings, first)
        touched = openings[place : bisect.bisect_right(openings, last, place)]
        self._dirty.update(touched)
        return bool(touched)

    def touch_blind(self, start: int, end: int) -> bool:
        """See `Chain.touch_blind`."""
        most = max(version.within for version in self._rule.versions.values())
        return self.touch_between(start - most, end - 1)

    def unsettled_by(self, start: int, end: int) -> int | None:
        """See `Chain.unsettled_by`."""
        first = start - max(version.within for version in self._rule.versions.values())
        if first < self._kept.forgotten:
            return first
        for place in range(bisect.bisect_left(self.marks, first, key=_opened_at), len(self.marks)):
            mark = self.marks[place]
            if mark.opened_at >= end:
                return None
            if not mark.met:
                return mark.opened_at
        return None

    # --- letting go and taking back

    def let_go(self, now: int) -> None:
        """See `Chain.let_go`: from the oldest on, as far as all is final."""
        del now
        openings, kept = self._openings, self._kept
        count = 0
        for opened_at in openings:
            told = kept.told.get(opened_at)
            if told is None or not told.verdict.final or opened_at in self._dirty:
                break
            self._remember(self._mark(opened_at))
            del kept.told[opened_at]
            count += 1
        if count:
            del kept.triggers[: self._span(openings[count - 1])[1]]
            del openings[:count]

    def _remember(self, mark: Mark) -> None:
        self.marks.append(mark)
        self._settled_by = max(self._settled_by, mark.until[0])

    def _mark(self, opened_at: int) -> Mark:
        version = self._version(opened_at)
        opener = self._kept.triggers[self._span(opened_at)[0]]
        verdict = self.told[opened_at].verdict
        met = verdict.outcome is Outcome.MET
        if verdict.reason is Reason.ALREADY_THERE:
            return Mark(opener, (NOTHING, "", 0), met)
        found = self._earliest(version, opened_at)
        return Mark(opener, found[:3] if found else (opened_at + version.horizon + 1, "", 0), met)

    def wants_trimming(self, number: int) -> bool:
        """Whether so much evidence is kept that looking for what can go is worth it."""
        return len(self._kept.evidence.get(number, ())) > self._trim_at

    def trim(self, latest: int, keep_ms: int) -> None:
        """Let go of evidence that no trigger still to come can use, and of marks that nobody will ask for."""
        kept, book = self._kept, self._rule.book
        versions = self._rule.versions.values()
        triggering = {device for version in versions for device in version.sources.triggering(self.key)}
        known = min(book.least(triggering), latest) if triggering else latest
        floor = max(latest - keep_ms, known)
        if self._openings:
            floor = min(floor, self._openings[0])
        kept.floor = max(kept.floor, floor)
        for evidence in kept.evidence.values():
            del evidence[: bisect.bisect_left(evidence, (kept.floor - kept.most_error,))]
        most = max(map(len, kept.evidence.values()), default=0)
        self._trim_at = max(_FEW, 2 * most)
        self._forget_marks(latest - MARKS_MS)

    def _forget_marks(self, oldest: int) -> None:
        kept = self._kept
        gone = max(0, bisect.bisect_left(kept.marks, oldest, key=_opened_at) - 1)
        if gone:
            kept.forgotten = kept.marks[gone].opened_at
            del kept.marks[:gone]
        void = [moment for moment in kept.told if moment < oldest and not self._is_open(moment)]
        for moment in void:
            del kept.told[moment]

    def gap(self, missing: Span) -> Span:
        """What must be looked up to keep all again from the start of a span on, the span included."""
        joins = max(version.join for version in self._rule.versions.values())
        ends = [self._kept.floor, missing[1], *(self._reach(mark.opened_at) + 1 for mark in self.marks[-1:])]
        return missing[0] - joins - self._kept.most_error, max(ends)

    def reopen(self, since: int, told: Mapping[int, Told]) -> None:
        """Make room for what was let go from `since` on; `told` is what was told of it and of what is before."""
        kept = self._kept
        del kept.marks[bisect.bisect_left(kept.marks, since, key=_opened_at) :]
        gone = told.keys() - kept.told.keys()
        before = [moment for moment in gone if moment < since and _stands(told[moment])]
        if before and (not kept.marks or kept.marks[-1].opened_at < max(before)):
            opened_at = max(before)
            version = self._rule.version_at(opened_at)
            until = opened_at + (version.horizon if version else 0) + 1
            self._remember(Mark((opened_at, "", -1), (until, "", 0), met=False))
        kept.floor = min(kept.floor, since)
        for opened_at, last in told.items():
            if opened_at >= since:
                kept.told.setdefault(opened_at, last)

    def reopened(self) -> None:
        """All that was let go is back: find the openings and look at all of them."""
        self._openings = []
        self._rechain(NOTHING)
        self._dirty.update(self._openings)

    def encode(self) -> bytes | None:
        """See `Chain.encode`."""
        kept = self._kept
        worth = (
            kept.triggers or kept.told or kept.marks or any(kept.evidence.values()) or kept.floor != NOTHING
        )
        return msgspec.msgpack.encode(kept) if worth else None

    def decode(self, cell: bytes) -> None:
        """Take back what `encode` gave."""
        kept = self._kept = msgspec.msgpack.decode(cell, type=Kept)
        known = self._rule.versions
        kept.triggers = [trigger for trigger in kept.triggers if self._rule.version_at(trigger[0])]
        kept.evidence = {number: found for number, found in kept.evidence.items() if number in known}
        self._settled_by = max((mark.until[0] for mark in kept.marks), default=NOTHING)
        self._openings = []
        self._rechain(NOTHING)
        self._dirty.update(self._openings)


def _opened_at(mark: Mark) -> int:
    return mark.opened_at


def _opener(mark: Mark) -> Trigger:
    return mark.opener


def _stands(told: Told) -> bool:
    return told.verdict.outcome is not Outcome.VOID
