"""The episodes of one key of a response rule: triggers and evidence in order, judged anew from what they touch."""

import bisect
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from cloud.correlation.coverage import NOTHING, covered_up_to
from cloud.correlation.episodes import MARKS_MS, Judged, Span, Told
from cloud.correlation.marks import ALWAYS, Mark, Marks, bound
from cloud.correlation.pausing import FOREVER, Limit, PauseMark, put_off
from cloud.correlation.response_kept import Kept, Rule
from cloud.correlation.response_verdict import Ending, Facts, Found, Late, Trigger, VersionOf, earliest, judge
from cloud.correlation.sources import OPERATOR
from cloud.correlation.verdict import Outcome, Reason, Verdict

CHAIN: Final = "rsp"
MARKS: Final = "mrk"
_FEW: Final = 32
"""Evidence of which less is kept is not worth letting go."""


class ResponseChain:
    """See `Chain`. What is decided for good is let go, down to a mark that it was there."""

    def __init__(self, rule: Rule, key: str) -> None:
        self.name = f"{CHAIN}|{rule.rule}|{key}"
        self.key = key
        self.marks = Marks()
        self._rule = rule
        self._kept = Kept([], {}, 0, {}, NOTHING)
        self._openings: list[int] = []
        self._dirty: set[int] = set()
        self._trim_at = _FEW

    @property
    def told(self) -> dict[int, Told]:
        """See `Chain.told`."""
        return self._kept.told

    @property
    def oldest(self) -> int | None:
        """When the first episode opened that is kept."""
        return self._openings[0] if self._openings else None

    @property
    def newest(self) -> int:
        """When the last episode opened, whether it is kept or was let go."""
        last = self.marks.last
        return max([NOTHING, *self._openings[-1:], *([last.opened_at] if last else [])])

    # --- triggers

    def joins_decided(self, trigger: Trigger) -> bool:
        """Whether a trigger is part of an episode that was let go: it changes nothing."""
        mark = self.marks.before(trigger)
        return mark is not None and trigger[0] <= self._reach_of(mark)

    def misses(self, trigger: Trigger) -> bool:
        """Whether a trigger comes too late for what is kept: it would open or move what was let go."""
        last = self.marks.last
        return trigger[0] < self._kept.floor or (last is not None and trigger < last.opener)

    def _reach(self, opener: Trigger) -> int:
        """The last moment at which a trigger joins an episode: until its end, where a new beginning is another."""
        version = self._rule.version_at(opener[0])
        joins = opener[0] + (version.join if version else 0)
        if version is None or version.voiding is None or not version.voiding.wanted.ends_join:
            return joins
        ended = self._ended(version, opener, joins)
        return ended[0] if ended else joins

    def _reach_of(self, mark: Mark) -> int:
        return self._reach(mark.opener) if mark.reach is None else mark.reach

    def _opener(self, opened_at: int) -> Trigger:
        triggers = self._kept.triggers
        return triggers[bisect.bisect_left(triggers, (opened_at,))]

    def put_trigger(self, trigger: Trigger, zone: str | None = None) -> bool:
        """Take in a trigger that is not too late, with its zone where that matters; false when it is known."""
        triggers = self._kept.triggers
        if zone is not None:
            self._kept.zones[trigger] = zone
        if not triggers or trigger > triggers[-1]:
            triggers.append(trigger)
        else:
            place = bisect.bisect_left(triggers, trigger)
            if triggers[place] == trigger:
                return False
            triggers.insert(place, trigger)
        self._rechain(trigger[0])
        return True

    def put_zone(self, trigger: Trigger, zone: str) -> None:
        """Where the opener of the last episode let go was, while that is worked out anew."""
        if self.marks.last is not None and self.marks.last.opener == trigger:
            self._kept.zones[trigger] = zone

    def _rechain(self, at: int) -> None:
        """Find the openings anew from the episode that `at` may join."""
        triggers, openings = self._kept.triggers, self._openings
        place = bisect.bisect_right(openings, at)
        if place:
            if openings[place - 1] == at:  # it may have become the opener
                self._dirty.add(at)
            reach = self._reach(self._opener(openings[place - 1]))
        else:
            last = self.marks.last
            reach = self._reach_of(last) if last else NOTHING
        old, new = openings[place:], list[int]()
        known = set(old)
        while (first := bisect.bisect_left(triggers, (reach + 1,))) < len(triggers):
            opened_at = triggers[first][0]
            if opened_at > at and opened_at in known:
                new += old[bisect.bisect_left(old, opened_at) :]
                break
            new.append(opened_at)
            reach = self._reach(triggers[first])
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
        return bool(self._openings) and self.touch_between(
            found[0] - version.horizon - version.most_put_off, found[0] + found[3] + version.early
        )

    def put_late(self, version: VersionOf, late: Late) -> bool:
        """Take in what a person said only later; whether an episode wants to be looked at again."""
        known = self._kept.late.setdefault(version.number, [])
        place = bisect.bisect_left(known, late)
        if place < len(known) and known[place] == late:
            return False
        known.insert(place, late)
        first = late[0] - version.horizon - version.most_put_off
        return self.touch_between(first, late[0] + late[3] + version.early)

    def put_review(self, opened_at: int, person: str) -> bool:
        """A supervisor accepts what was said late of an episode; whether that is new."""
        known = self._kept.reviews.setdefault(opened_at, [])
        if person in known:
            return False
        known.append(person)
        self._dirty.add(opened_at)
        return True

    def keeps(self, opened_at: int) -> bool:
        """Whether an episode is kept, not let go."""
        return self._is_open(opened_at)

    def changed_by(self, found: Found) -> int | None:
        """When the first episode opened that was let go and that evidence may change."""
        return self.marks.changed_by(found[:3], found[3] + self._rule.early, self._rule.horizon)

    # --- what makes void

    def put_ending(self, version: VersionOf, ending: Ending) -> bool:
        """Take in what may make an episode void; whether an episode wants to be looked at again."""
        known = self._kept.endings.setdefault(version.number, [])
        place = bisect.bisect_left(known, ending)
        if place < len(known) and known[place] == ending:
            return False
        known.insert(place, ending)
        if version.voiding and version.voiding.wanted.ends_join:
            self._rechain(ending[0])
        self.touch_between(ending[0] - version.within - version.most_put_off, ending[0])
        return bool(self._dirty)

    def ended_by(self, ending: Ending) -> int | None:
        """When the first episode opened that was let go and that an ending may change."""
        changed = self.marks.changed_by(ending[:3], 0, self._rule.horizon)
        mark = self.marks.before((ending[0] + 1, "", 0))
        if mark is not None and ending[0] < self._reach_of(mark):
            return min(mark.opened_at, mark.opened_at if changed is None else changed)
        return changed

    # --- what stops the clock

    def put_pause(self, version: VersionOf, mark: PauseMark) -> bool:
        """Take in what stops the clock or lets it run again; whether an episode wants to be looked at again."""
        known = self._kept.pauses.setdefault(version.number, [])
        place = bisect.bisect_left(known, mark)
        if place < len(known) and known[place] == mark:
            return False
        known.insert(place, mark)
        return self.touch_between(NOTHING, FOREVER)

    def paused_by(self, mark: PauseMark) -> int | None:
        """When the first episode opened that was let go and that a pause may change."""
        return self.marks.changed_by(mark[:3], 0, self._rule.horizon)

    def _ended(self, version: VersionOf, opener: Trigger, last: int) -> Ending | None:
        """The first event that makes void what a trigger opened, up to and including a moment."""
        known = self._kept.endings.get(version.number)
        if not known or version.voiding is None:
            return None
        trigger = (opener[1], self._kept.zones.get(opener, ""))
        for place in range(bisect.bisect_left(known, (opener[0],)), len(known)):
            ending = known[place]
            if ending[0] > last:
                return None
            if version.voiding.relates(trigger, ending[1], ending[3]):
                return ending
        return None

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
        joined = triggers[first + 1 : end]
        limit, reach = self._limit(version, opened_at), self._looked_for(version, opened_at)
        telling = version.pausing.telling if version.pausing else frozenset[str]()
        opener, ended = triggers[first], None
        if version.voiding is not None:
            ended = self._ended(version, opener, limit.at if limit.paused is None else FOREVER)
            telling |= version.voiding.telling(opener[1], self._kept.zones.get(opener, ""))
        facts = Facts(self.key, opener, limit, reach, joined, seen, found, ended, telling)
        if seen is None and self._kept.late.get(version.number):
            facts = self._with_late(version, facts)
        decided = facts.decided
        if decided is not None and version.pausing is not None:  # what is paused later changes nothing
            facts = msgspec.structs.replace(facts, limit=self._limit(version, opened_at, decided[0]))
        return judge(version, facts, self._rule.book, now)

    def _with_late(self, version: VersionOf, facts: Facts) -> Facts:
        """With what was only said: in time where it was heard in time, or where a supervisor accepted it."""
        opened_at = facts.opened_at
        due_at = facts.limit.at if facts.limit.paused is None else FOREVER
        for late in self._kept.late[version.number]:
            if late[0] > facts.reach:
                break
            if late[0] + late[3] < opened_at - version.early or late[0] - late[3] > due_at:
                continue
            accepted = any(name != late[5] for name in self._kept.reviews.get(opened_at, ()))
            earlier = facts.found is None or late[:4] < facts.found
            if late[4] <= due_at:
                return msgspec.structs.replace(facts, found=late[:4]) if earlier else facts
            if accepted and earlier:
                return msgspec.structs.replace(facts, found=late[:4], late=late, reviewed=True)
            if facts.late is None:
                facts = msgspec.structs.replace(facts, late=late)
        return facts

    def _limit(self, version: VersionOf, opened_at: int, until: int = FOREVER) -> Limit:
        """Until when evidence is in time, by the pauses that are told of before a moment."""
        return put_off(version.due(opened_at), self._pauses(version, opened_at, until))

    def _pauses(self, version: VersionOf, opened_at: int, until: int = FOREVER) -> list[PauseMark]:
        """What is told of pauses since an episode opened: what was paused before is another matter."""
        marks = self._kept.pauses.get(version.number, [])
        return marks[bisect.bisect_left(marks, (opened_at,)) : bisect.bisect_left(marks, (until,))]

    def _looked_for(self, version: VersionOf, opened_at: int) -> int:
        """Until when evidence is looked for."""
        reach = put_off(opened_at + version.horizon, self._pauses(version, opened_at))
        return reach.at if reach.paused is None else FOREVER

    def _version(self, opened_at: int) -> VersionOf:
        version = self._rule.version_at(opened_at)
        if version is None:  # only triggers of a version in force are taken in
            raise LookupError(f"no version of {self._rule.rule} at {opened_at}")
        return version

    def _span(self, opened_at: int) -> tuple[int, int]:
        """Where among the triggers an episode begins and ends."""
        triggers = self._kept.triggers
        first = bisect.bisect_left(triggers, (opened_at,))
        return first, bisect.bisect_left(triggers, (self._reach(triggers[first]) + 1,), first)

    def _earliest(self, version: VersionOf, opened_at: int) -> Found | None:
        known = self._kept.evidence.get(version.number, [])
        since = opened_at - version.early
        return earliest(known, since, self._looked_for(version, opened_at) - since, self._kept.most_error)

    def vanished(self) -> list[int]:
        """See `Chain.vanished`."""
        if len(self.told) <= len(self._openings):
            return []
        gone = self.told.keys() - set(self._openings)
        return sorted(moment for moment in gone if _stands(self.told[moment]))

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
        most = max(version.within + version.most_put_off for version in self._rule.versions.values())
        return self.touch_between(start - most, end - 1 + self._rule.early)

    def unsettled_by(self, start: int, end: int) -> int | None:
        """See `Chain.unsettled_by`."""
        most = max(version.within + version.most_put_off for version in self._rule.versions.values())
        return self.marks.first_unmet(start - most, end - 1 + self._rule.early)

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
            self.marks.add(self._mark(opened_at))
            del kept.told[opened_at]
            count += 1
        if count:
            gone = self._span(openings[count - 1])[1]
            for trigger in kept.triggers[:gone] if kept.zones else ():
                kept.zones.pop(trigger, None)
            del kept.triggers[:gone]
            del openings[:count]

    def _mark(self, opened_at: int) -> Mark:
        version = self._version(opened_at)
        opener = self._opener(opened_at)
        verdict = self.told[opened_at].verdict
        if verdict.reason is Reason.ALREADY_THERE:
            until = ALWAYS
        elif verdict.outcome is Outcome.VOID:  # evidence at the moment of the end comes before it
            until = (opened_at + (verdict.elapsed_ms or 0) + 1, "", 0)
        else:
            found = self._earliest(version, opened_at)
            reach = self._looked_for(version, opened_at) - opened_at
            until = bound(found[:3] if found else None, opened_at, reach)
        return Mark(opener, until, verdict.outcome in {Outcome.MET, Outcome.VOID}, self._reach(opener))

    def wants_trimming(self, number: int) -> bool:
        """Whether so much evidence is kept that looking for what can go is worth it."""
        kept = self._kept
        most = max(len(kept.evidence.get(number, ())), len(kept.endings.get(number, ())))
        return most > self._trim_at

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
            del evidence[: bisect.bisect_left(evidence, (kept.floor - kept.most_error - self._rule.early,))]
        for endings in kept.endings.values():
            del endings[: bisect.bisect_left(endings, (kept.floor,))]
        for said in kept.late.values():
            del said[: bisect.bisect_left(said, (kept.floor - MARKS_MS,))]
        for marks in kept.pauses.values():
            del marks[: bisect.bisect_left(marks, (kept.floor,))]
        kept_of = [*map(len, kept.evidence.values()), *map(len, kept.endings.values())]
        most = max(kept_of, default=0)
        self._trim_at = max(_FEW, 2 * most)
        self.marks.forget(latest)
        joined = [moment for moment, told in kept.told.items() if not _stands(told)]
        for moment in joined:
            if moment < latest - MARKS_MS and not self._is_open(moment):
                del kept.told[moment]

    def gap(self, missing: Span) -> Span:
        """What must be looked up to keep all again from the start of a span on, the span included."""
        joins = max(version.join for version in self._rule.versions.values())
        last = self.marks.last
        ends = [self._kept.floor, missing[1], last.opened_at + joins + 1 if last else NOTHING]
        return missing[0] - joins - self._kept.most_error - self._rule.early, max(ends)

    def reopen(self, since: int, told: Mapping[int, Told]) -> None:
        """Make room for what was let go from `since` on; `told` is what was told of it and of what is before."""
        kept = self._kept
        self.marks.take_back(since)
        gone = told.keys() - kept.told.keys()
        before = max((moment for moment in gone if moment < since and _stands(told[moment])), default=NOTHING)
        last = self.marks.last
        if before > (last.opened_at if last else NOTHING):
            version = self._rule.version_at(before)
            until = bound(None, before, version.horizon + version.most_put_off if version else 0)
            self.marks.add(Mark((before, *told[before].verdict.evidence[0]), until, met=False))
        kept.floor = min(kept.floor, since)
        for opened_at, said in told.items():
            if opened_at >= since:
                kept.told.setdefault(opened_at, said)

    def reopened(self) -> None:
        """All that was let go is back: find the openings and look at all of them."""
        last = self.marks.last
        if last is not None and last.reach is None:
            self.marks.reaches(self._reach(last.opener))
            self._kept.zones.pop(last.opener, None)
        self._openings = []
        self._rechain(NOTHING)
        self._dirty.update(self._openings)

    def dirty_cells(self) -> dict[str, bytes | None]:
        """See `Chain.dirty_cells`."""
        kept = self._kept
        by_version = (kept.evidence, kept.endings, kept.pauses, kept.late)
        known = any(any(found.values()) for found in by_version) or bool(kept.reviews)
        worth = kept.triggers or kept.told or known or kept.floor != NOTHING
        cells: dict[str, bytes | None] = {self.name: msgspec.msgpack.encode(kept) if worth else None}
        marks = self.marks.dirty_cell()
        if marks is not None:
            cells[f"{MARKS}|{self._rule.rule}|{self.key}"] = marks
        return cells

    def decode(self, cell: bytes) -> None:
        """Take back what `dirty_cells` gave under the chain's name, after its marks."""
        kept = self._kept = msgspec.msgpack.decode(cell, type=Kept)
        known = self._rule.versions
        kept.triggers = [trigger for trigger in kept.triggers if self._rule.version_at(trigger[0])]
        kept.evidence = {number: found for number, found in kept.evidence.items() if number in known}
        kept.endings = {number: found for number, found in kept.endings.items() if number in known}
        kept.pauses = {number: found for number, found in kept.pauses.items() if number in known}
        kept.late = {number: found for number, found in kept.late.items() if number in known}
        self._openings = []
        self._rechain(NOTHING)
        self._dirty.update(self._openings)


def _stands(told: Told) -> bool:
    """Whether it was told as an episode of its own: one that is no longer due is, one that joined another is not."""
    return told.verdict.reason is not Reason.JOINED_ANOTHER
