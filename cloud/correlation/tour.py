"""The kind `tour`: a round is walked as planned (verdicts.md section 3).

A planned start owns the scans from `start_tolerance` before it until `complete_within` and the tolerance after it.
Each checkpoint takes the scan that serves the round best; in a strict order one after that of the checkpoint before.
"""

import bisect
import functools
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from typing_extensions import override

from cloud.correlation.coverage import NOTHING
from cloud.correlation.episodes import Host, Judged, Machine
from cloud.correlation.rounds import Plan, Step, hidden_way, serving
from cloud.correlation.rules import SCAN, RuleVersion, Tour
from cloud.correlation.runs import FOREVER
from cloud.correlation.timeline import InForce, Mark, Timeline
from cloud.correlation.timeline_machine import Line, TimelineMachine
from cloud.correlation.verdict import BlindSpan, Item, Outcome, Reason, Verdict
from cloud.correlation.walking import walking_ms
from cloud.correlation.windows import Span, WindowsOf, planned
from contract.duration import parse_duration
from contract.events import Event
from contract.site import Leg, Route, Site

_DAY_MS: Final = 86_400_000
_CHUNK_MS: Final = 16 * _DAY_MS
"""So much of a plan is worked out at once."""
_WORST_FIRST: Final = (
    Reason.MISSED,
    Reason.IMPOSSIBLE,
    Reason.OUT_OF_ORDER,
    Reason.ALONE,
    Reason.TOO_FAST,
    Reason.LATE,
    Reason.BLIND,
)
ON_TIME: Final = "on_time"
"""What is said of a checkpoint that was walked as planned; of the others, the value of a `Reason`."""
OPEN: Final = "open"
"""What is said of a checkpoint that is still to come."""


def routes_of(rule: Tour, site: Site) -> list[Route]:
    """The routes that a rule is about."""
    if rule.route is None:
        return [route for route in site.file.routes if route.starts and route.purpose == rule.purpose]
    if isinstance(rule.route, str):
        return [site.routes[rule.route]] if rule.route in site.routes else []
    legs = tuple(Leg(device=one) if isinstance(one, str) else one for one in rule.route)
    return [Route(id=rule.id, name=rule.name, checkpoints=legs)]


class VersionOf(InForce):
    """A version of a rule, ready to judge. See `timeline.Dated`."""

    def __init__(self, dated: RuleVersion, rule: Tour, site: Site, host: Host) -> None:
        super().__init__(dated)
        self.rule = rule
        self.host = host
        self.site = site
        self.types = frozenset({SCAN})
        self.tolerance = parse_duration(rule.start_tolerance).ms
        self.within = parse_duration(rule.complete_within).ms
        self.walks = {
            device.zone: walking_ms(site, device.zone) for device in site.file.devices if device.zone
        }

    def says(self, event: Event, seq: int) -> Mark | None:
        """Every scan counts; who made it matters only where somebody was in two places at once."""
        person = self.site.people.get(event.person) if event.person else None
        who = person.id if person else ""
        device = self.site.devices.get(event.device)
        zone = event.zone or (device.zone if device else None) or ""
        return Mark(event.at, event.device, seq, 1, who, zone, event.clock_error_ms)

    def zone_of(self, device: str) -> str:
        """The zone of a reader; empty where it has none."""
        found = self.site.devices.get(device)
        return (found.zone if found else None) or ""

    def walk(self, start: str, end: str) -> int:
        """How long it takes at least from a zone to another; 0 where nobody can say."""
        return self.walks.get(start, {}).get(end, 0)


class Starts:
    """When the rounds of a route are planned to start."""

    def __init__(self, version: VersionOf, route: Route, data_from: int) -> None:
        starts = version.rule.starts if version.rule.starts is not None else route.starts
        self._first = max(version.start, data_from)
        self._zone = version.site.timezone
        self._texts = starts if isinstance(starts, tuple) else ()
        self._windows = WindowsOf(starts, version.site, self._first) if isinstance(starts, str) else None

    def between(self, since: int, until: int) -> list[int]:
        """The planned starts, `since <= start < until`, none before the data."""
        since = max(since, self._first)
        if since >= until:
            return []
        if self._windows is not None:
            return self._windows.starts(since - 1, until)
        chunks = range(since // _CHUNK_MS, (until - 1) // _CHUNK_MS + 1)
        return [
            start
            for number in chunks
            for start in _chunk(self._texts, self._zone, number)
            if since <= start < until
        ]


@functools.lru_cache(256)
def _chunk(texts: tuple[str, ...], zone: zoneinfo.ZoneInfo, number: int) -> tuple[int, ...]:
    """The planned starts of a piece of time; many routes have the same."""
    return tuple(planned(texts, zone, number * _CHUNK_MS, (number + 1) * _CHUNK_MS))


class Walk:
    """One round as it was walked: the scans that serve it best, and what is said of each checkpoint."""

    def __init__(self, of: VersionOf, legs: Sequence[Leg], start: int, scans: Sequence[Mark]) -> None:
        self._of, self._legs, self._start, self._scans = of, legs, start, scans
        by_device: dict[str, list[Mark]] = {}
        for mark in scans:
            by_device.setdefault(mark.device, []).append(mark)
        self._by_device = by_device
        self._plan = Plan(
            tuple(_step(leg) for leg in legs),
            (start - of.tolerance, start + of.tolerance),
            of.within,
            of.rule.order == "strict",
        )
        self._hasty = _hasty(of, scans)
        ways = [(self._words(way), way) for way in serving(self._plan, by_device)]
        words, way = min(ways, key=lambda one: _badness(*one))
        self.items = [
            Item(word, leg.device, mark.at if mark else None)
            for word, leg, mark in zip(words, legs, way, strict=True)
        ]
        self.found = [mark for mark in way if mark is not None]
        self.reason = _worst(words)

    @property
    def is_on_time(self) -> bool:
        """Whether the round was walked as planned."""
        return all(item.word == ON_TIME for item in self.items)

    def leave_open(self) -> None:
        """What was not scanned may be still."""
        self.items = [
            msgspec.structs.replace(item, word=OPEN) if item.word == Reason.MISSED else item
            for item in self.items
        ]

    def heed(self, gaps: Mapping[str, Sequence[Span]]) -> None:
        """Say of what blind time could have changed that it is not known. `gaps`: blind moments, both ends included."""
        raw = self.reason
        way = None if self._is_sure(gaps) else hidden_way(self._plan, self._by_device, gaps)
        if way is not None:
            lone = [self._is_alone(place.device) for place in way]
            self.items = [
                Item(Reason.BLIND.value, place.device)
                if place.mark is None
                else Item(Reason.BLIND.value if alone else ON_TIME, place.device, place.mark.at)
                for place, alone in zip(way, lone, strict=True)
            ]
            self.found = [place.mark for place in way if place.mark is not None]
            self.reason = Reason.BLIND
            return
        good = [item.word == ON_TIME for item in self.items]
        self.items = [
            msgspec.structs.replace(item, word=Reason.BLIND.value, at=None)
            if self._could_change(place, good, gaps)
            else item
            for place, item in enumerate(self.items)
        ]
        said = [item.word for item in self.items if item.word != Reason.BLIND]
        self.reason = _worst(said) if any(word != ON_TIME for word in said) else raw

    def _is_sure(self, gaps: Mapping[str, Sequence[Span]]) -> bool:
        """Whether somebody was seen where they can't have been, or one alone where nothing is hidden."""
        return bool(self._hasty) or any(
            self._is_alone(leg.device) and self._by_device.get(leg.device) and not gaps.get(leg.device)
            for leg in self._legs
        )

    def _could_change(self, place: int, good: Sequence[bool], gaps: Mapping[str, Sequence[Span]]) -> bool:
        """Whether a hidden scan could change what is said of a checkpoint, all else being as it is."""
        item = self.items[place]
        if item.word == ON_TIME or not gaps.get(item.device):
            return False
        if item.word == Reason.MISSED:
            return True
        steps = tuple(step for number, step in enumerate(self._plan.steps) if good[number] or number == place)
        own = {item.device: gaps[item.device]}
        plan = msgspec.structs.replace(self._plan, steps=steps)
        return item.word != Reason.IMPOSSIBLE and hidden_way(plan, self._by_device, own) is not None

    def _words(self, way: Sequence[Mark | None]) -> list[str]:
        """What is said of each checkpoint when it takes these scans."""
        begun = min((mark.at for mark in way if mark is not None), default=self._start)
        words: list[str] = []
        before: Mark | None = None
        for place, (leg, mark) in enumerate(zip(self._legs, way, strict=True)):
            if mark is None:
                out = leg.device in self._by_device
                words.append((Reason.OUT_OF_ORDER if out else Reason.MISSED).value)
                continue
            word = self._of_step(leg, mark, before) if self._plan.strict else None
            words.append(word or self._of_time(mark, place, begun))
            before = mark
        return words

    def _of_step(self, leg: Leg, mark: Mark, before: Mark | None) -> str | None:
        """What is said of how long a leg took, where that is not as it must be."""
        if self._of_people(mark) is not None or before is None:
            return None
        walked = mark.at - before.at
        if leg.min_s is not None and walked < leg.min_s * 1_000:
            return Reason.TOO_FAST.value
        return Reason.LATE.value if leg.max_s is not None and walked > leg.max_s * 1_000 else None

    def _of_people(self, mark: Mark) -> str | None:
        if mark.device in self._hasty:
            return Reason.IMPOSSIBLE.value
        return Reason.ALONE.value if self._is_alone(mark.device) else None

    def _is_alone(self, device: str) -> bool:
        people = {one.person for one in self._by_device.get(device, ()) if one.person}
        return self._of.rule.persons > 1 and len(people) < self._of.rule.persons

    def _of_time(self, mark: Mark, place: int, begun: int) -> str:
        people = self._of_people(mark)
        if people is not None:
            return people
        begins = place == 0 if self._plan.strict else mark.at == begun
        if mark.at > (self._plan.begin[1] if begins else begun + self._plan.within):
            return Reason.LATE.value
        return ON_TIME


def _step(leg: Leg) -> Step:
    most = leg.max_s * 1_000 if leg.max_s is not None else FOREVER
    return Step(leg.device, (leg.min_s or 0) * 1_000, most)


def _hasty(of: VersionOf, scans: Sequence[Mark]) -> frozenset[str]:
    """The readers at which somebody was seen sooner than they can have walked there from another."""
    found: set[str] = set()
    by_person: dict[str, list[Mark]] = {}
    for mark in scans:
        if not mark.person:
            continue
        for before in by_person.get(mark.person, ()):
            if mark.at - before.at + mark.error + before.error < of.walk(before.zone, mark.zone):
                found.add(mark.device)
        by_person.setdefault(mark.person, []).append(mark)
    return frozenset(found)


def _badness(words: Sequence[str], way: Sequence[Mark | None]) -> tuple[int, int, list[tuple[int, str, int]]]:
    """What makes one way of seeing a round worse than another: how much is wrong, how bad, how late."""
    wrong = [word for word in words if word != ON_TIME]
    places = [mark.place if mark else (FOREVER, "", 0) for mark in way]
    return len(wrong), -_WORST_FIRST.index(_worst(words)) if wrong else 0, places


def _worst(words: Sequence[str]) -> Reason:
    """The worst of what is said."""
    return next((reason for reason in _WORST_FIRST if reason.value in words), Reason.ALL_ON_TIME)


class TourChain(Timeline):
    """The rounds of one route under one version of a rule."""

    def __init__(self, version: VersionOf, route: Route, data_from: int) -> None:
        devices = tuple(dict.fromkeys(leg.device for leg in route.checkpoints))
        super().__init__(f"tour|{version.rule.id}|{version.label}|{route.id}", route.id, version, devices)
        self._of = version
        self._legs = route.checkpoints
        self._data_from = data_from
        self.starts = Starts(version, route, data_from)
        self._now = NOTHING

    @property
    def reach(self) -> int:
        """How far from its planned start on the scans of a round lie, in ms."""
        return self._of.within + 2 * self._of.tolerance

    @override
    def judged(self, now: int) -> Iterator[Judged]:
        for start in self.starts.between(max(self.base, self._data_from), now + 1):
            if self._of.judges(start):
                yield self._judge(start, now)

    def _judge(self, start: int, now: int) -> Judged:
        of = self._of
        span = start - of.tolerance, start + of.within + of.tolerance
        first = bisect.bisect_left(self.marks, span[0], key=_at)
        scans = self.marks[first : bisect.bisect_right(self.marks, span[1], lo=first, key=_at)]
        walk = Walk(of, self._legs, start, scans)
        complete = self.complete
        if walk.is_on_time:
            # Whoever is seen at two places too soon makes any round impossible, until its window is over.
            last = span[1] if self._can_be_impossible else max(mark.at for mark in walk.found)
            final = complete > last
            verdict = self._verdict(start, span, walk, Outcome.MET, Reason.ALL_ON_TIME, final=final)
            return Judged(verdict, None, None if final else self.lagging(last), last, answered=True)
        if now <= span[1] or complete <= span[1]:
            return self._pending(start, span, walk, now)
        if of.host.book.blind(self.devices, *span):
            walk.heed(self._hidden(span))
        outcome = Outcome.UNKNOWN if walk.reason is Reason.BLIND else Outcome.BREACHED
        return Judged(self._verdict(start, span, walk, outcome, walk.reason, final=True))

    @functools.cached_property
    def _can_be_impossible(self) -> bool:
        zones = {self._of.zone_of(device) for device in self.devices}
        return any(self._of.walk(one, other) for one in zones for other in zones)

    def _hidden(self, span: Span) -> dict[str, list[Span]]:
        """The blind moments of each reader in a window, both ends included."""
        gaps = self._of.host.book.gaps
        cut = {
            device: [(max(start, span[0]), min(end - 1, span[1])) for start, end in gaps(device)]
            for device in self.devices
        }
        return {device: [one for one in found if one[0] <= one[1]] for device, found in cut.items()}

    def _pending(self, start: int, span: Span, walk: "Walk", now: int) -> Judged:
        overdue = now > span[1]
        reason = Reason.WAITING_FOR_COVERAGE if overdue else Reason.WAITING
        walk.leave_open()
        verdict = self._verdict(start, span, walk, Outcome.PENDING, reason, overdue=overdue)
        if overdue:
            return Judged(verdict, None, self.lagging(span[1]), span[1])
        return Judged(verdict, span[1] + 1)

    def _verdict(
        self,
        start: int,
        span: Span,
        walk: "Walk",
        outcome: Outcome,
        reason: Reason,
        *,
        final: bool = False,
        overdue: bool = False,
    ) -> Verdict:
        items, found = walk.items, walk.found
        decided = outcome is not Outcome.PENDING and len(found) == len(self._legs)
        lost = [item.device for item in items if item.word == Reason.BLIND]
        blind: tuple[BlindSpan, ...] = ()
        if outcome is Outcome.UNKNOWN:
            blind = self._of.host.book.blind(sorted(set(lost)), *span)
        return Verdict(
            rule=self._of.rule.id,
            version=self._of.rule.version,
            kind="tour",
            key=self.key,
            opened_at=start,
            due_at=span[1],
            outcome=outcome,
            final=final,
            reason=reason,
            elapsed_ms=max(0, max(mark.at for mark in found) - start) if decided else None,
            evidence=tuple((mark.device, mark.seq) for mark in found)
            if outcome is not Outcome.PENDING
            else (),
            overdue=overdue,
            blind=blind,
            items=tuple(items),
        )

    @override
    def needed_from(self) -> int | None:
        """The scans of the oldest round that is open, and of those to come."""
        opened = [opened_at for opened_at, told in self.told.items() if not told.verdict.final]
        settled = min(self.complete, self._now)
        coming = self.starts.between(settled - self._of.within, settled + 8 * _DAY_MS)
        return min([*opened, *coming[:1]], default=settled) - self._of.tolerance

    @override
    def let_go(self, now: int) -> None:
        self._now = now
        kept = [opened_at for opened_at, told in self.told.items() if not told.verdict.final]
        over = [opened_at + 1 for opened_at, told in self.told.items() if told.verdict.final]
        super().let_go(now)
        self.base = max(self.base, min(kept) if kept else max(over, default=NOTHING))
        self.forget(self.base)

    @override
    def late_for(self, mark: Mark) -> Span | None:
        """A scan behind what was decided matters only to a round that owns it."""
        of = self._of
        owners = self.starts.between(mark.at - of.within - of.tolerance, mark.at + of.tolerance + 1)
        gone = self._floor is not None and mark.place < self._floor
        return (owners[0], mark.at + 1) if owners and (gone or owners[0] < self.base) else None

    @override
    def reopen_base(self, since: int) -> None:
        """A round whose first scans may lie before what is back is not judged anew."""
        self.base = min(self.base, since if since <= self._data_from else since + self._of.tolerance)

    @override
    def unsettled_by(self, start: int, end: int) -> int | None:
        of = self._of
        place = bisect.bisect_left(self._lapses, start - of.within - of.tolerance)
        found = self._lapses[place] if place < len(self._lapses) else None
        return found if found is not None and found < end + of.tolerance else None


def _at(mark: Mark) -> int:
    return mark.at


class TourMachine(TimelineMachine):
    """See `Machine`. Each round begins by itself."""

    def __init__(
        self,
        rule: str,
        lines: Sequence[Line],
        chains: Sequence[TourChain],
        host: Host,
        data_from: int,
    ) -> None:
        super().__init__(rule, lines, host, data_from)
        self._tours = chains
        self._longest = max((chain.reach for chain in chains), default=0)
        self._next: int | None = NOTHING

    @override
    def begin(self, now: int) -> None:
        if self._next is None or now < self._next:
            return
        for chain in self._tours:
            chain.look()
            self.host.mark(chain)
        coming = [chain.starts.between(now + 1, now + 8 * _DAY_MS)[:1] for chain in self._tours]
        # A week without a start: looked at again then.
        self._next = min((start for starts in coming for start in starts), default=now + 7 * _DAY_MS)

    @override
    def next_opening(self) -> int | None:
        return None if self._next is None or self._next == NOTHING else self._next

    @override
    def look_back(self) -> int:
        return _DAY_MS + 2 * self._longest


def tour_machine(versions: Sequence[RuleVersion], site: Site, host: Host, data_from: int) -> Machine:
    """The machine of a rule of this kind, with all its versions."""
    lines: list[Line] = []
    tours: list[TourChain] = []
    for dated in versions:
        if isinstance(dated.rule, Tour):
            version = VersionOf(dated, dated.rule, site, host)
            found = [TourChain(version, route, data_from) for route in routes_of(dated.rule, site)]
            chains: dict[str, Timeline] = {chain.key: chain for chain in found}
            lines.append((version, chains))
            tours += found
    return TourMachine(versions[0].rule.id, lines, tours, host, data_from)
