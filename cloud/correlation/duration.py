"""The kind `duration`: a state must not last (verdicts.md section 3).

A device is in the state from an event that says so until one that says otherwise. Blind time cuts it: what it hides is
unknown, and where nothing was told behind it the state goes on, as the edge tells every change. Each piece is judged
for itself, and all of a device's pieces anew whenever something is learned: there are few.
"""

from collections.abc import Iterator, Sequence

import msgspec
from typing_extensions import override

from cloud.correlation.episodes import Host, Judged, Machine
from cloud.correlation.people import lets_through, same
from cloud.correlation.recurrence import selects
from cloud.correlation.rules import Duration, RuleVersion
from cloud.correlation.timeline import InForce, Line, Mark, Span, Timeline, TimelineMachine
from cloud.correlation.verdict import BlindSpan, EventId, Outcome, Reason, Verdict
from contract.duration import parse_duration
from contract.events import Event, event_data
from contract.site import Site


class Piece(msgspec.Struct, frozen=True):
    """The state without a break: from `since` until `until`, None while no end is known.

    `by`: the number of the event that began it; `end`: that of the one that ended it, None where blind time did,
    which lasted until `back`. `held_since`: when the state began whose piece it is.
    """

    since: int
    by: int
    held_since: int
    until: int | None = None
    end: int | None = None
    back: int | None = None


def pieces(marks: Sequence[Mark], gaps: Sequence[Span], bridge_ms: int) -> Iterator[Piece]:
    """The pieces of a device's state. `marks` and `gaps` in order; gaps shorter than `bridge_ms` break nothing."""
    broken = [gap for gap in gaps if gap[1] - gap[0] >= bridge_ms]
    for start, by, until, end in _held(marks):
        since = start
        for gap in broken:
            if gap[1] <= since or (until is not None and gap[0] >= until):
                continue
            if gap[0] > since:
                yield Piece(since, by, start, gap[0], None, gap[1])
            since = gap[1]
        if until is None or since < until:
            yield Piece(since, by, start, until, end)


def _held(marks: Sequence[Mark]) -> Iterator[tuple[int, int, int | None, int | None]]:
    """From which event to which the state held: moment and number of both, None for an end that is not known."""
    begun: tuple[int, int] | None = None
    for at, seq, so in marks:
        if so and begun is None:
            begun = at, seq
        elif not so and begun is not None:
            if at > begun[0]:
                yield *begun, at, seq
            begun = None
    if begun is not None:
        yield *begun, None, None


class DurationChain(Timeline):
    """One device's state under one version of a rule. A mark's meaning: 1 the device is in the state, 0 it is not."""

    def __init__(self, version: "VersionOf", device: str) -> None:
        super().__init__(f"dur|{version.rule.id}|{version.rule.version}|{device}", device, version)
        self._of = version

    def _pieces(self) -> list[Piece]:
        gaps = self._of.host.book.gaps(self.key)
        found = pieces(self.marks, gaps, self._of.bridge)
        return [piece for piece in found if self._of.judges(piece.since)]

    @override
    def judged(self, now: int) -> Iterator[Judged]:
        for piece in self._pieces():
            judged = self._judge(piece, now)
            if judged is not None:
                yield judged

    @override
    def needed_from(self) -> int | None:
        """The beginning of the state of which a piece is open, or which holds still: from its midst it would look new."""
        holds = [start for start, _, until, _ in _held(self.marks) if until is None]
        opened = [piece.held_since for piece in self._pieces() if self.is_open(piece.since)]
        return min([*holds, *opened], default=None)

    def _judge(self, piece: Piece, now: int) -> Judged | None:
        due_at = piece.since + self._of.longer_than
        complete = self.complete
        by_gap = piece.until is not None and piece.end is None
        if piece.until is not None and piece.until <= due_at:
            if not by_gap or piece.back is None or piece.back <= due_at:
                return None  # it ended in time, or what hides the rest was over in time
            return self._hidden(piece, due_at, now, complete)
        if piece.until is None and (now <= due_at or complete <= due_at):
            return self._pending(piece, due_at, now)
        return self._breached(piece, due_at, complete)

    def _pending(self, piece: Piece, due_at: int, now: int) -> Judged:
        overdue = now > due_at
        reason = Reason.WAITING_FOR_COVERAGE if overdue else Reason.WAITING
        verdict = self._verdict(piece, due_at, Outcome.PENDING, reason, overdue=overdue)
        if overdue:
            return Judged(verdict, None, self.key, due_at)
        return Judged(verdict, due_at + 1)

    def _breached(self, piece: Piece, due_at: int, complete: int) -> Judged:
        ended = piece.until is not None and piece.end is not None
        final = piece.until is not None and complete > piece.until
        reason = Reason.ENDED_LATE if ended else Reason.LASTS
        verdict = self._verdict(piece, due_at, Outcome.BREACHED, reason, final=final)
        if final or piece.until is None:
            return Judged(verdict, answered=ended)
        return Judged(verdict, None, self.key, piece.until, ended)

    def _hidden(self, piece: Piece, due_at: int, now: int, complete: int) -> Judged | None:
        """Blind time hides the limit. Nothing is said before the limit."""
        hidden = piece.until or 0
        if now <= due_at or complete <= due_at:
            return self._pending(piece, due_at, now)
        blind = (BlindSpan(self.key, hidden, min(piece.back or 0, due_at + 1)),)
        verdict = self._verdict(piece, due_at, Outcome.UNKNOWN, Reason.BLIND, final=True, blind=blind)
        return Judged(verdict)

    def _verdict(
        self,
        piece: Piece,
        due_at: int,
        outcome: Outcome,
        reason: Reason,
        *,
        final: bool = False,
        overdue: bool = False,
        blind: tuple[BlindSpan, ...] = (),
    ) -> Verdict:
        ended = outcome is Outcome.BREACHED and piece.end is not None and piece.until is not None
        evidence: tuple[EventId, ...] = ((self.key, piece.by),)
        return Verdict(
            rule=self._of.rule.id,
            version=self._of.rule.version,
            kind="duration",
            key=self.key,
            opened_at=piece.since,
            due_at=due_at,
            outcome=outcome,
            final=final,
            reason=reason,
            elapsed_ms=piece.until - piece.since if ended and piece.until is not None else None,
            evidence=(*evidence, (self.key, piece.end)) if ended and piece.end is not None else evidence,
            overdue=overdue,
            blind=blind,
        )


class VersionOf(InForce):
    """A version of a rule, ready to judge. See `Dated`."""

    def __init__(self, dated: RuleVersion, rule: Duration, host: Host) -> None:
        super().__init__(dated)
        self.rule = rule
        self.host = host
        self.longer_than = parse_duration(rule.longer_than).ms
        self.bridge = parse_duration(rule.bridge).ms
        self.types = rule.while_.types | rule.while_.ends

    def says(self, event: Event) -> int | None:
        """Whether an event says that the device is in the state; None when it says nothing of it."""
        condition = self.rule.while_
        if event.type in condition.types:
            return int(lets_through(condition, event) and not self._is_unless(event))
        return 0 if event.type in condition.ends else None

    def _is_unless(self, event: Event) -> bool:
        unless = self.rule.while_.unless
        if not unless:
            return False
        try:
            data = event_data(event)
        except msgspec.DecodeError:
            return False
        return any(name in data and same(data[name], value) for name, value in unless.items())


def duration_machine(versions: Sequence[RuleVersion], site: Site, host: Host, data_from: int) -> Machine:
    """The machine of a rule of this kind, with all its versions."""
    lines: list[Line] = []
    for dated in versions:
        if isinstance(dated.rule, Duration):
            version, select = VersionOf(dated, dated.rule, host), dated.rule.select
            chains: dict[str, Timeline] = {
                device.id: DurationChain(version, device.id)
                for device in site.file.devices
                if selects(select, device) and site.emits(device) & dated.rule.while_.types
            }
            lines.append((version, chains))
    return TimelineMachine(versions[0].rule.id, lines, host, data_from)
