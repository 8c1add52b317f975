"""The kind `tour`: a round is walked as planned (verdicts.md section 3).

A planned start owns the scans from `start_tolerance` before it until `complete_within` and the tolerance after it.
Each checkpoint takes the first of its scans there, in a strict order the first after that of the checkpoint before.
"""

import bisect
import functools
import zoneinfo
from collections.abc import Iterator, Sequence
from typing import Final

from typing_extensions import override

from cloud.correlation.coverage import NOTHING
from cloud.correlation.episodes import Host, Judged, Machine
from cloud.correlation.rules import SCAN, RuleVersion, Tour
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
    Reason.EARLY,
    Reason.BLIND,
)
ON_TIME: Final = "on_time"
"""What is said of a checkpoint that was walked as planned; of the others, the value of a `Reason`."""


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
        who = person.id if person else event.person or ""
        device = self.site.devices.get(event.device)
        zone = event.zone or (device.zone if device else None) or ""
        return Mark(event.at, event.device, seq, 1, who, zone, event.clock_error_ms)

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
        items, found = self._walked(start, span, scans)
        complete = self.complete
        if all(item.word == ON_TIME for item in items):
            last = max(mark.at for mark in found)
            final = complete > last
            verdict = self._verdict(start, span, items, found, Outcome.MET, Reason.ALL_ON_TIME, final=final)
            return Judged(verdict, None, None if final else self.lagging(last), last, answered=True)
        if now <= span[1] or complete <= span[1]:
            return self._pending(start, span, items, found, now)
        words = {Reason(item.word) for item in items if item.word != ON_TIME}
        worst = next(reason for reason in _WORST_FIRST if reason in words)
        outcome = Outcome.UNKNOWN if worst is Reason.BLIND else Outcome.BREACHED
        return Judged(self._verdict(start, span, items, found, outcome, worst, final=True))

    def _pending(
        self, start: int, span: Span, items: Sequence[Item], found: Sequence[Mark], now: int
    ) -> Judged:
        overdue = now > span[1]
        reason = Reason.WAITING_FOR_COVERAGE if overdue else Reason.WAITING
        verdict = self._verdict(start, span, items, found, Outcome.PENDING, reason, overdue=overdue)
        if overdue:
            return Judged(verdict, None, self.lagging(span[1]), span[1])
        return Judged(verdict, span[1] + 1)

    def _walked(self, start: int, span: Span, scans: Sequence[Mark]) -> tuple[list[Item], list[Mark]]:
        """What is said of each checkpoint, and the scans that say it, in the order of the route."""
        found = self._found(scans)
        known = [mark for mark in found if mark is not None]
        begun = min((mark.at for mark in known), default=start)
        items: list[Item] = []
        earliest = span[0]
        before: Mark | None = None
        for place, (leg, mark) in enumerate(zip(self._legs, found, strict=True)):
            earliest += (leg.min_s or 0) * 1_000
            if mark is None:
                items.append(Item(self._lacking(leg, span, scans), leg.device))
                continue
            word = self._word(leg, mark, before, start if place == 0 else None, begun, earliest, scans)
            items.append(Item(word, leg.device, mark.at))
            before = mark
        return items, known

    def _found(self, scans: Sequence[Mark]) -> list[Mark | None]:
        strict = self._of.rule.order == "strict"
        after: tuple[int, str, int] = (NOTHING, "", 0)
        found: list[Mark | None] = []
        for leg in self._legs:
            mark = next((one for one in scans if one.device == leg.device and one.place > after), None)
            found.append(mark)
            if mark is not None and strict:
                after = mark.place
        return found

    def _lacking(self, leg: Leg, span: Span, scans: Sequence[Mark]) -> str:
        if any(mark.device == leg.device for mark in scans):
            return Reason.OUT_OF_ORDER.value
        blind = self._of.host.book.blind((leg.device,), *span)
        return (Reason.BLIND if blind else Reason.MISSED).value

    def _word(
        self,
        leg: Leg,
        mark: Mark,
        before: Mark | None,
        start: int | None,
        begun: int,
        earliest: int,
        scans: Sequence[Mark],
    ) -> str:
        of = self._of
        if (
            of.rule.persons > 1
            and len({one.person for one in scans if one.device == leg.device and one.person})
            < of.rule.persons
        ):
            return Reason.ALONE.value
        if before is not None:
            least = of.walk(before.zone, mark.zone) if before.person and before.person == mark.person else 0
            walked = mark.at - before.at
            if abs(walked) + mark.error + before.error < least:
                return Reason.IMPOSSIBLE.value
            if of.rule.order == "strict" and leg.min_s is not None and walked < leg.min_s * 1_000:
                return Reason.TOO_FAST.value
            if of.rule.order == "strict" and leg.max_s is not None and walked > leg.max_s * 1_000:
                return Reason.LATE.value
        latest = begun + of.within if start is None or of.rule.order == "any" else start + of.tolerance
        if mark.at > latest:
            return Reason.LATE.value
        return Reason.EARLY.value if mark.at < earliest and of.rule.order == "strict" else ON_TIME

    def _verdict(  # noqa: PLR0913 - each is a field of it
        self,
        start: int,
        span: Span,
        items: Sequence[Item],
        found: Sequence[Mark],
        outcome: Outcome,
        reason: Reason,
        *,
        final: bool = False,
        overdue: bool = False,
    ) -> Verdict:
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
