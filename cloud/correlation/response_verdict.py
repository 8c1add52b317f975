"""What a response rule says of one episode: a pure function of what is known (verdicts.md sections 2 and 3)."""

import bisect
from collections.abc import Sequence

import msgspec

from cloud.correlation.coverage import CoverageBook
from cloud.correlation.episodes import Judged
from cloud.correlation.pausing import FOREVER, LONGEST_MS, Limit, Pausing
from cloud.correlation.people import evidence_test
from cloud.correlation.rules import Response, RuleVersion
from cloud.correlation.sources import OPERATOR, Sources
from cloud.correlation.verdict import BlindSpan, EventId, Item, Outcome, Reason, Verdict
from cloud.correlation.voiding import Voiding
from cloud.correlation.working_days import WorkingDays, most_ms
from contract.duration import parse_duration
from contract.site import Site

Trigger = tuple[int, str, int]
"""`(at, device, seq)`."""
Found = tuple[int, str, int, int]
"""Evidence: `(at, device, seq, clock_error_ms)`."""
Late = tuple[int, str, int, int, int, str]
"""Evidence that a person only said later than it was done: as `Found`, then when that was heard, and who did it."""
Ending = tuple[int, str, int, str]
"""What can make an obligation void: `(at, device, seq, zone)`; zone is empty where it is not known."""


class VersionOf:
    """A version of a rule, ready to judge."""

    def __init__(self, dated: RuleVersion, rule: Response, site: Site) -> None:
        self.rule = rule
        self.number = dated.label
        self.sources = Sources(rule, site)
        within = parse_duration(rule.within)
        self._days = within.working_days
        self._calendar = WorkingDays(site) if self._days else None
        self.within = most_ms(self._days) if self._days else within.ms
        """The limit in ms; in working days no limit is longer."""
        self.join = parse_duration(rule.join).ms
        self.horizon = parse_duration(rule.horizon).ms
        self.ttl = parse_duration(rule.presence_ttl).ms
        self.early = parse_duration(rule.early).ms
        self.is_enough = evidence_test(rule, site)
        self.voiding = Voiding(rule.void_when, rule, site, self.sources) if rule.void_when else None
        self.pausing = Pausing(rule.pauses, site) if rule.pauses else None
        self.start, self.end = dated.start, dated.end
        self._suspended = dated.suspended

    @property
    def most_put_off(self) -> int:
        """How long pauses may put off its limit and its horizon, in ms."""
        return LONGEST_MS if self.pausing else 0

    def due(self, opened_at: int) -> int:
        """The last moment at which evidence is in time, pauses left aside."""
        if self._calendar is None:
            return opened_at + self.within
        return self._calendar.after(opened_at, self._days)

    def suspended(self, key: str, at: int) -> bool:
        """Whether a permit suspends it for a key at that moment."""
        return any(start <= at < end for start, end in self._suspended.get(key, ()))

    def in_force(self, at: int) -> bool:
        """Whether it judges what opens at that moment."""
        return self.start <= at and (self.end is None or at < self.end)


class Facts(msgspec.Struct, frozen=True, gc=False):
    """One episode and what is known of it.

    `limit`: until when evidence is in time, and `reach` until when it is looked for. `seen`: who was there already;
    `found`: the earliest evidence; `late`: what would be evidence in time, had a person not said so only behind the
    limit, and `reviewed`, whether `found` is such, which a supervisor accepted; `ended`: the first event in time that makes it void, and `telling` the devices that
    can tell of one, or of a pause.
    """

    key: str
    trigger: Trigger
    limit: Limit
    reach: int
    joined: Sequence[Trigger] = ()
    seen: Trigger | None = None
    found: Found | None = None
    ended: Ending | None = None
    telling: frozenset[str] = frozenset()
    late: Late | None = None
    reviewed: bool = False

    @property
    def opened_at(self) -> int:
        """When the obligation began."""
        return self.trigger[0]

    @property
    def due_at(self) -> int:
        """The last moment at which evidence is in time; a pause without an end lasts until what decided."""
        decided = self.decided
        return self.limit.at if decided is None else self.limit.told_at(decided[0])

    @property
    def paused(self) -> int | None:
        """Since when the clock stands."""
        return self.limit.paused if self.seen is None and self.void is None and self.found is None else None

    @property
    def decided(self) -> Ending | Found | None:
        """What decided, but for who was there already."""
        return self.void or self.found

    @property
    def void(self) -> Ending | None:
        """What made it void: the end of what opened it, before any evidence."""
        answered = self.seen is not None or (self.found and self.ended and self.found[0] <= self.ended[0])
        return None if answered else self.ended


class _Decided(msgspec.Struct, frozen=True, gc=False):
    outcome: Outcome
    reason: Reason
    blind: tuple[BlindSpan, ...] = ()


def earliest(known: Sequence[Found], opened_at: int, horizon: int, most_error: int) -> Found | None:
    """The first evidence in order with `at + clock_error_ms >= opened_at` and `at <= opened_at + horizon`.

    `most_error` is at least the greatest clock error among `known`, which is sorted.
    """
    for place in range(bisect.bisect_left(known, (opened_at - most_error,)), len(known)):
        found = known[place]
        if found[0] > opened_at + horizon:
            return None
        if found[0] + found[3] >= opened_at:
            return found
    return None


def judge(version: VersionOf, facts: Facts, book: CoverageBook, now: int) -> Judged:
    """The verdict as of `now`, and what could change it."""
    opened_at, due_at = facts.opened_at, facts.due_at
    decided = _decide(version, facts, book, now)
    pending = decided.outcome is Outcome.PENDING
    declared = decided.reason is Reason.LATE_DECLARED
    answer = None if pending else _late_answer(facts) if declared else _answer(facts)
    if pending:
        waits: _Waits | None = _pending_waits(version, facts, book, now)
    else:
        waits = _final_waits(version, facts, book, now)
    verdict = Verdict(
        rule=version.rule.id,
        version=version.rule.version,
        kind="response",
        key=facts.key,
        opened_at=opened_at,
        due_at=due_at,
        outcome=decided.outcome,
        final=waits is None,
        reason=decided.reason,
        elapsed_ms=None if answer is None else max(0, answer[0] - opened_at),
        evidence=(_identity(facts.trigger), *((_identity(answer),) if answer else ())),
        overdue=pending and now > due_at and decided.reason is not Reason.PAUSED,
        joined=tuple(map(_identity, facts.joined)),
        blind=decided.blind,
        items=_told_late(facts, decided.reason),
    )
    wake, lagging, beyond = waits or (None, None, 0)
    return Judged(verdict, wake, lagging, beyond, _answer(facts) is not None or facts.late is not None)


def _answer(facts: Facts) -> Trigger | None:
    """The event that decides."""
    deciding = facts.void or facts.found
    return facts.seen or (deciding[:3] if deciding else None)


def _late_answer(facts: Facts) -> Trigger | None:
    """What was only said counts from when it was heard."""
    return (facts.late[4], *facts.late[1:3]) if facts.late else None


def _told_late(facts: Facts, reason: Reason) -> tuple[Item, ...]:
    """Both times of what was only said: when it was done, by that word, and when it was heard."""
    if facts.late is None or reason not in {Reason.LATE_DECLARED, Reason.REVIEWED}:
        return ()
    return (Item("told_late", facts.late[1], facts.late[0], facts.late[4]),)


def _identity(event: Trigger) -> EventId:
    return event[1], event[2]


def _decide(version: VersionOf, facts: Facts, book: CoverageBook, now: int) -> _Decided:
    due_at, found = facts.due_at, facts.found
    if facts.seen is not None:
        return _Decided(Outcome.MET, Reason.ALREADY_THERE)
    if facts.void is not None:
        return _Decided(Outcome.VOID, Reason.NO_LONGER_DUE)
    if found is not None and found[0] - found[3] <= due_at:
        in_time = Reason.IN_TIME if found[0] <= due_at else Reason.WITHIN_CLOCK_ERROR
        return _Decided(Outcome.MET, Reason.REVIEWED if facts.reviewed else in_time)
    stands = facts.paused is not None and facts.paused <= now
    if stands or now <= due_at:
        return _Decided(Outcome.PENDING, Reason.PAUSED if stands else Reason.WAITING)
    sources = version.sources.answering(facts.key)
    if book.lagging((sources | facts.telling) - {OPERATOR}, due_at) is not None:
        return _Decided(Outcome.PENDING, Reason.WAITING_FOR_COVERAGE)
    if not sources:
        return _Decided(Outcome.UNKNOWN, Reason.NO_SOURCE)
    blind = book.blind(sources | facts.telling, facts.opened_at - version.early, due_at)
    if blind:
        return _Decided(Outcome.UNKNOWN, Reason.BLIND, blind)
    late = Reason.LATE if found else Reason.NO_EVIDENCE
    return _Decided(Outcome.BREACHED, Reason.LATE_DECLARED if facts.late else late)


_Waits = tuple[int | None, str | None, int]
"""When time alone counts, or which device lags behind which moment."""


def _pending_waits(version: VersionOf, facts: Facts, book: CoverageBook, now: int) -> _Waits:
    due_at = facts.due_at
    if facts.paused is not None:  # only an event lets the clock run again
        return facts.paused if now < facts.paused else None, None, 0
    if now <= due_at:
        return due_at + 1, None, 0
    asked = version.sources.answering(facts.key) | facts.telling
    return None, book.lagging(asked - {OPERATOR}, due_at), due_at


def _final_waits(version: VersionOf, facts: Facts, book: CoverageBook, now: int) -> _Waits | None:
    """None: final, since nothing that may still arrive could change it."""
    opened_at, found = facts.opened_at, facts.void or facts.found
    needs = [(version.sources.triggering(facts.key), opened_at)]
    # Whoever was there already is not undone by an answer that comes.
    if facts.seen is None:
        decided_by = found[0] if found else facts.reach
        needs.append((version.sources.answering(facts.key), decided_by))
        # An end at the moment of the evidence changes nothing, nor one after the limit.
        ended_by = min(decided_by if facts.void else decided_by - 1, facts.due_at)
        if ended_by >= opened_at:
            needs.append((facts.telling, ended_by))
    if version.ttl:
        needs.append((version.sources.locating, opened_at))
    for devices, needed in needs:
        if needed >= FOREVER:  # only an event can end that
            return None, None, 0
        if OPERATOR in devices and now <= needed:
            return needed + 1, None, 0
        lagging = book.lagging(devices - {OPERATOR}, needed)
        if lagging is not None:
            return None, lagging, needed
    return None
