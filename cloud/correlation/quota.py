"""The kind `quota`: enough of something in a calendar period (verdicts.md section 3).

What counts is an event, or a session: a run from its start to its stop that is as long as it must be, with what must
happen in it and without what must not. It belongs to the period in which it starts.
"""

import bisect
import datetime as dt
from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec
import numpy as np
from typing_extensions import override

from cloud.correlation.coverage import NOTHING
from cloud.correlation.episodes import Host, Judged, Machine
from cloud.correlation.hidden_runs import Hidden, Terms, hidden_runs
from cloud.correlation.measured import measured_point, measures
from cloud.correlation.people import lets_through
from cloud.correlation.periods import LONGEST_MS, Span, period_of, periods
from cloud.correlation.recurrence import selects
from cloud.correlation.rules import EventFilter, Quota, RuleVersion, Session
from cloud.correlation.runs import FOREVER, Meaning, Run, runs
from cloud.correlation.timeline import READ, InForce, Mark, Meanings, Timeline, Times, Values
from cloud.correlation.timeline_machine import Line, TimelineMachine
from cloud.correlation.verdict import BlindSpan, EventId, Item, Outcome, Reason, Verdict
from cloud.correlation.windows import local_day, midnight
from contract.duration import parse_duration
from contract.events import Event, has_ended, word_heard_at
from contract.site import Device, Site


class Counted(msgspec.Struct, frozen=True, order=True):
    """Something that counts: when it was over, the event that said so, and when it began."""

    over: int
    device: str
    seq: int
    begun: int


class Said(StrEnum):
    """What is said of a session: it counts, or why it does not."""

    COUNTS = "counts"
    TOLD_LATE = "told_late"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_WITHOUT = "not_without"
    NOT_WITH = "not_with"
    OUT_OF_RANGE = "out_of_range"
    NO_READING = "no_reading"


class VersionOf(InForce):
    """A version of a rule, ready to judge. See `timeline.Dated`."""

    def __init__(self, dated: RuleVersion, rule: Quota, site: Site, host: Host) -> None:
        super().__init__(dated)
        self.rule = rule
        self.host = host
        self.zone = site.timezone
        self.warn_before = parse_duration(rule.warn_before).ms
        self._filters = tuple(_filters(rule))
        self.types = frozenset(name for wanted, _ in self._filters for name in wanted.types)
        session = rule.session
        least, most = session.length if session and session.length else ("0s", None)
        self.shortest = parse_duration(least).ms
        self.longest = parse_duration(most).ms if most else FOREVER
        self._session = session or Session(start=EventFilter(()), stop=EventFilter(()))
        point = self._session.point or measured_point(rule.count)
        self.points = frozenset([point] if point else [])
        self._reads = self._session.point is not None
        self.terms = Terms(
            self.shortest, self.longest, must=self._session.with_ is not None, read=self._reads
        )

    def says(self, event: Event, seq: int) -> Mark | None:
        """What an event means; of an event that is several things the first."""
        for wanted, meaning in self._filters:
            if event.type in wanted.types and lets_through(wanted, event):
                heard = word_heard_at(event) or 0
                return Mark(event.at, event.device, seq, meaning.value, told=heard)
        if event.type in self._session.start.types and has_ended(event):
            return Mark(event.at, event.device, seq, Meaning.STOP.value)
        return None

    @override
    def meanings(self, values: Values) -> Meanings:
        session = self._session
        if self.rule.session is None:
            return np.full(len(values), Meaning.COUNTS.value, np.int8)
        good = np.ones(len(values), bool)
        if session.max_below is not None:
            good &= values < session.max_below
        if session.min_at_least is not None:
            good &= values >= session.min_at_least
        return np.where(good, Meaning.GOOD.value, Meaning.BAD.value).astype(np.int8)

    def judges_run(self, run: Run) -> Said:
        """Whether a session that is over counts, or why not."""
        length = (run.stop[0] if run.stop else 0) - run.begun
        if length < self.shortest:
            return Said.TOO_SHORT
        if length > self.longest:
            return Said.TOO_LONG
        if run.must_not:
            return Said.NOT_WITHOUT
        if self._session.with_ is not None and not run.must:
            return Said.NOT_WITH
        if run.bad:
            return Said.OUT_OF_RANGE
        return Said.NO_READING if self._reads and not run.good else Said.COUNTS


def _filters(rule: Quota) -> Iterator[tuple[EventFilter, Meaning]]:
    if rule.count is not None:
        yield rule.count, Meaning.COUNTS
    session: Session | None = rule.session
    if session is not None:
        yield session.start, Meaning.START
        yield session.stop, Meaning.STOP
        if session.with_ is not None:
            yield session.with_, Meaning.MUST
        if session.without is not None:
            yield session.without, Meaning.MUST_NOT


class QuotaChain(Timeline):
    """The periods of one device, or of all devices of the site together, under one version of a rule."""

    def __init__(
        self, version: VersionOf, key: str, data_from: int, devices: Sequence[str] | None = None
    ) -> None:
        super().__init__(f"quo|{version.rule.id}|{version.label}|{key}", key, version, devices)
        self._of = version
        self._data_from = data_from
        self._now = data_from
        self._today: Span = (0, 0)

    def _found(self) -> tuple[list[Counted], list[Item], list[Run]]:
        """What counts, by when it was over; all there was, with what is said of it; and the runs that do not count."""
        if self._of.rule.session is None:
            late = [mark for mark in self.marks if self._is_late(mark)]
            counted = [Counted(m.at, m.device, m.seq, m.at) for m in self.marks if m not in late]
            return counted, [self._item(mark, late=mark in late) for mark in self.marks], []
        counted, items, others = [], [], []
        for run in runs(self.marks):
            said = self._of.judges_run(run)
            if run.stop is not None:
                items.append(Item(said, self.key, run.begun, run.stop[0]))
            if run.stop is not None and said is Said.COUNTS:
                counted.append(Counted(run.stop[0], self.key, run.stop[1], run.begun))
            else:
                others.append(run)
        return sorted(counted), items, others

    @override
    def put(self, mark: Mark) -> bool:
        """Of readings that are measurements the first of each day counts."""
        if mark.seq >= 0 or self._of.rule.session is not None:
            return super().put(mark)
        start, end = self._day(mark.at)
        first = bisect.bisect_left(self.marks, start, key=lambda one: one.at)
        last = bisect.bisect_left(self.marks, end, first, key=lambda one: one.at)
        known = [one for one in self.marks[first:last] if one.seq < 0 and one.device == mark.device]
        if known and known[0] <= mark:
            return False
        for one in known:
            self.marks.remove(one)
        return super().put(mark)

    @override
    def put_column(self, device: str, at: Times, meanings: Meanings) -> bool:
        if self._of.rule.session is not None:
            return super().put_column(device, at, meanings)
        moments, found = np.sort(at), False
        place = 0
        while place < len(moments):
            moment = int(moments[place])
            found |= self.put(Mark(moment, device, Meaning.COUNTS.value - READ, Meaning.COUNTS.value))
            place = int(np.searchsorted(moments, self._day(moment)[1]))
        return found

    def _day(self, at: int) -> Span:
        """The day at the site in which a moment lies."""
        start, end = self._today
        if not start <= at < end:
            day = local_day(at, self._of.zone)
            start, end = midnight(day, self._of.zone), midnight(day + dt.timedelta(days=1), self._of.zone)
            self._today = start, end
        return start, end

    @override
    def skip_repeated(self) -> None:
        if self._of.rule.session is not None:
            super().skip_repeated()

    def _is_late(self, mark: Mark) -> bool:
        """Whether a person only said it, and only when its period was over: that makes no shortfall good."""
        return mark.told > 0 and mark.told >= period_of(mark.at, self._of.rule.per, self._of.zone)[1]

    def _item(self, mark: Mark, *, late: bool) -> Item:
        if late:
            return Item(Said.TOLD_LATE, mark.device, mark.at, mark.told)
        return Item(Said.COUNTS, mark.device, mark.at)

    @override
    def judged(self, now: int) -> Iterator[Judged]:
        counted, items, others = self._found()
        first = max(self.base, self._data_from)
        for span in periods(first, now, self._of.rule.per, self._of.zone):
            if span[0] < self.base or not self._of.judges(span[0]):
                continue
            own = [one for one in counted if span[0] <= one.begun < span[1]]
            seen = tuple(item for item in items if span[0] <= (item.at or 0) < span[1])
            judged = self._judge(span, own, self._decided_at(span, others), now)
            if judged is not None:
                verdict = msgspec.structs.replace(judged.verdict, items=seen)
                yield msgspec.structs.replace(judged, verdict=verdict)

    def _decided_at(self, span: Span, others: list[Run]) -> int:
        """When a shortfall is sure: a session under way at the period's end may still come to count."""
        limits = [
            min(run.begun + self._of.longest, run.limit) for run in others if span[0] <= run.begun < span[1]
        ]
        return min(max([span[1], *(limit + 1 for limit in limits)]), FOREVER)

    def _judge(self, span: Span, items: list[Counted], decided_at: int, now: int) -> Judged | None:
        wanted = self._of.rule.at_least
        if len(items) >= wanted:
            return self._met(span, items[:wanted])
        if span[0] < self._data_from:
            return None
        if now < decided_at or self.complete < decided_at:
            return self._pending(span, items, decided_at, now)
        hidden = self._hidden(span, items)
        sure_at = max(decided_at, hidden.until + 1)
        if not hidden.possible and (now < sure_at or self.complete < sure_at):
            return self._pending(span, items, sure_at, now)
        blind = self._blind(span, decided_at) if hidden.possible else ()
        outcome = Outcome.UNKNOWN if hidden.possible else Outcome.BREACHED
        reason = Reason.BLIND if hidden.possible else Reason.TOO_FEW
        return Judged(self._verdict(span, items, outcome, reason, final=True, blind=blind))

    def _met(self, span: Span, items: list[Counted]) -> Judged:
        over = items[-1].over
        final = self.complete > over
        verdict = self._verdict(span, items, Outcome.MET, Reason.ENOUGH, final=final, elapsed=over - span[0])
        return Judged(verdict, None, None if final else self.lagging(over), over, answered=True)

    def _pending(self, span: Span, items: list[Counted], decided_at: int, now: int) -> Judged:
        warn_at = span[1] - self._of.warn_before
        overdue = now >= decided_at
        reason = Reason.WAITING_FOR_COVERAGE if overdue else Reason.WAITING
        verdict = self._verdict(span, items, Outcome.PENDING, reason, overdue=overdue)
        warn = now >= warn_at and self._of.warn_before > 0
        if overdue:
            return Judged(verdict, None, self.lagging(decided_at - 1), decided_at - 1, warn=warn)
        coming = [moment for moment in (warn_at, span[1], decided_at) if now < moment < FOREVER]
        return Judged(verdict, min(coming, default=None), warn=warn)

    def _hidden(self, span: Span, items: list[Counted]) -> Hidden:
        """Whether blind time could hide what counts."""
        gaps = [gap for device in self.devices for gap in self._of.host.book.gaps(device)]
        if not gaps:
            return Hidden(possible=False)
        if self._of.rule.session is None:
            return Hidden(any(start < span[1] and end > span[0] for start, end in gaps))
        counted = frozenset((item.begun, item.over) for item in items)
        marks = self.marks[bisect.bisect_left(self.marks, (span[0],), key=lambda mark: (mark.at,)) :]
        return hidden_runs(marks, gaps, span, self._of.terms, counted)

    def _blind(self, span: Span, decided_at: int) -> tuple[BlindSpan, ...]:
        """The blind spans in which a session of the period could have begun or ended."""
        lasts = self._of.rule.session is not None
        until = max(decided_at, span[1] + self._of.terms.wait + 1) if lasts else decided_at
        return tuple(
            BlindSpan(device, max(start, span[0]), min(end, until))
            for device in self.devices
            for start, end in self._of.host.book.gaps(device)
            if start < until and end > span[0]
        )

    def _verdict(  # noqa: PLR0913 - each is a field of it
        self,
        span: Span,
        items: list[Counted],
        outcome: Outcome,
        reason: Reason,
        *,
        final: bool = False,
        overdue: bool = False,
        elapsed: int | None = None,
        blind: tuple[BlindSpan, ...] = (),
    ) -> Verdict:
        evidence: tuple[EventId, ...] = tuple((item.device, item.seq) for item in items if item.seq >= 0)
        return Verdict(
            rule=self._of.rule.id,
            version=self._of.rule.version,
            kind="quota",
            key=self.key,
            opened_at=span[0],
            due_at=span[1],
            outcome=outcome,
            final=final,
            reason=reason,
            elapsed_ms=elapsed,
            evidence=evidence,
            overdue=overdue,
            blind=blind,
        )

    @override
    def needed_from(self) -> int | None:
        """The beginning of the oldest period that is open, or not over, or whose last session is not over."""
        opened = [opened_at for opened_at, told in self.told.items() if not told.verdict.final]
        settled = max(min(self._now, self.complete), self._data_from)
        begun = min(self._under_way_since(settled), settled)
        return min([*opened, period_of(begun, self._of.rule.per, self._of.zone)[0]])

    def _under_way_since(self, settled: int) -> int:
        """When the session began that is not over, however many periods ago; `settled` if there is none."""
        if self._of.rule.session is None:
            return settled
        for mark in reversed(self.marks):
            if mark.at >= settled:  # a stop may still come before it
                continue
            if mark.meaning == Meaning.STOP:
                return settled
            if mark.meaning == Meaning.START:
                return mark.at
        return settled

    @override
    def let_go(self, now: int) -> None:
        self._now = now
        needed = self.needed_from()
        super().let_go(now)
        self.base = max(self.base, needed if needed is not None else NOTHING)
        self.forget(self.base)

    @override
    def unsettled_by(self, start: int, end: int) -> int | None:
        """Every period that is over was judged, however long ago: no list of those that were is asked.

        A stop that is hidden belongs to the run that began before it.
        """
        back = start - self._of.terms.wait
        if back >= self.kept_from or end <= self._data_from:
            return super().unsettled_by(start, end)
        return period_of(max(back, self._data_from), self._of.rule.per, self._of.zone)[0]

    @override
    def anchor(self, before: Sequence[Mark]) -> tuple[int, int] | None:
        """A session is known by its start, and belongs to the period in which that lies."""
        if self._of.rule.session is None:
            return super().anchor(before)
        for mark in reversed(before):
            if mark.meaning == Meaning.STOP:
                return mark.at, mark.at
            if mark.meaning == Meaning.START:
                return period_of(mark.at, self._of.rule.per, self._of.zone)[0], mark.at
        return None

    @override
    def reopen_base(self, since: int) -> None:
        span = period_of(max(since, self._data_from), self._of.rule.per, self._of.zone)
        whole = since <= max(span[0], self._data_from)
        self.base = min(self.base, NOTHING if since <= self._data_from else span[0] if whole else span[1])


class QuotaMachine(TimelineMachine):
    """See `Machine`. Each period begins by itself."""

    def __init__(
        self, rule: str, lines: Sequence[Line], versions: Sequence[VersionOf], host: Host, data_from: int
    ) -> None:
        super().__init__(rule, lines, host, data_from)
        self._data_from = data_from
        self._versions = versions
        self._next: int | None = NOTHING

    @override
    def begin(self, now: int) -> None:
        if self._next is None or now <= self._next:
            return
        for _, chains in self.lines:
            for chain in chains.values():
                chain.look()
                self.host.mark(chain)
        # A period that begins at this very moment is not told of before the next.
        spans = [period_of(now, one.rule.per, one.zone) for one in self._versions]
        self._next = min((span[0] if span[0] == now else span[1] for span in spans), default=None)

    @override
    def next_opening(self) -> int | None:
        return None if self._next is None or self._next == NOTHING else self._next + 1

    @override
    def first_opening(self) -> int:
        starts = [period_of(self._data_from, one.rule.per, one.zone)[0] for one in self._versions]
        return min(starts, default=self._data_from)

    @override
    def look_back(self) -> int:
        return max((LONGEST_MS[one.rule.per] for one in self._versions), default=0)


def quota_machine(versions: Sequence[RuleVersion], site: Site, host: Host, data_from: int) -> Machine:
    """The machine of a rule of this kind, with all its versions."""
    lines: list[Line] = []
    ready: list[VersionOf] = []
    for dated in versions:
        if isinstance(dated.rule, Quota):
            version, rule = VersionOf(dated, dated.rule, site, host), dated.rule
            chains = {chain.key: chain for chain in _chains(version, rule, site, data_from)}
            lines.append((version, chains))
            ready.append(version)
    return QuotaMachine(versions[0].rule.id, lines, ready, host, data_from)


def tells(rule: Quota, device: Device, site: Site) -> bool:
    """Whether a device can tell of what counts, by events or by readings that are measurements."""
    told = rule.is_told_by(site.emits(device))
    return told or measures(site, device, measured_point(rule.count), rule.select)


def _chains(version: VersionOf, rule: Quota, site: Site, data_from: int) -> Iterator[Timeline]:
    devices = [
        device.id
        for device in site.file.devices
        if selects(rule.select, device) and tells(rule, device, site)
    ]
    if rule.match == "site":
        yield QuotaChain(version, site.id, data_from, devices)
        return
    for device in devices:
        yield QuotaChain(version, device, data_from)
