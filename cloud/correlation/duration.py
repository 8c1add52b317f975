"""The kind `duration`: a state must not last (verdicts.md section 3).

A device is in the state from an event that says so until one that says otherwise. Blind time cuts it: what it hides is
unknown, and where nothing was told behind it the state goes on, as the edge tells every change. Each piece is judged
for itself, and all of a device's pieces anew whenever something is learned: there are few.
"""

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from cloud.correlation.coverage import NOTHING, covered_up_to
from cloud.correlation.episodes import MARKS_MS, Chain, Host, Judged, Told
from cloud.correlation.people import lets_through, same
from cloud.correlation.recurrence import selects
from cloud.correlation.rules import Duration, RuleVersion
from cloud.correlation.verdict import BlindSpan, EventId, Outcome, Reason, Recall, Verdict
from contract.duration import parse_duration
from contract.events import Event, event_data
from contract.site import Site

_LOOK_BACK_MS: Final = 86_400_000
_FURTHER: Final = 4
"""How many times further back is looked each time that the state before a late event is not found."""

Mark = tuple[int, int, bool]
"""`(at, seq, so)`: from then on the device is in the state, or is not."""
Span = tuple[int, int]


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


class DurationChain:
    """One device's state under one version of a rule."""

    def __init__(self, version: "VersionOf", device: str) -> None:
        self.name = f"dur|{version.rule.id}|{version.rule.version}|{device}"
        self.key = device
        self._version = version
        self._told: dict[int, Told] = {}
        self._marks: list[Mark] = []
        self._floor: tuple[int, int] | None = None
        self._lapses: list[int] = []
        self._dirty = False
        self._yielded: dict[int, Judged] = {}

    @property
    def told(self) -> dict[int, Told]:
        """See `Chain.told`."""
        return self._told

    @property
    def kept_from(self) -> int:
        """From when on all is kept."""
        return self._floor[0] if self._floor else NOTHING

    def misses(self, at: int, seq: int) -> bool:
        """Whether an event comes too late for what is kept."""
        return self._floor is not None and (at, seq) < self._floor

    def put(self, mark: Mark) -> bool:
        """Take in what an event says; false when it is known."""
        place = bisect.bisect_left(self._marks, mark[:2], key=lambda one: one[:2])
        if place < len(self._marks) and self._marks[place][:2] == mark[:2]:
            return False
        self._marks.insert(place, mark)
        self._dirty = True
        return True

    def _pieces(self) -> list[Piece]:
        gaps = self._version.host.book.gaps(self.key)
        found = pieces(self._marks, gaps, self._version.bridge)
        return [piece for piece in found if self._version.judges(piece.since)]

    def judge(self, now: int) -> Iterable[Judged]:
        """See `Chain.judge`: all that changed since it was told."""
        if not self._dirty:
            return
        self._dirty = False
        current = {judged.verdict.opened_at: judged for judged in self._judged(now)}
        before, self._yielded = self._yielded, current
        for opened_at, judged in sorted(current.items()):
            if before.get(opened_at) != judged:
                yield judged

    def _judged(self, now: int) -> Iterator[Judged]:
        for piece in self._pieces():
            judged = self._judge(piece, now)
            if judged is not None:
                yield judged

    def _judge(self, piece: Piece, now: int) -> Judged | None:
        due_at = piece.since + self._version.longer_than
        complete = self._version.host.book.complete.get(self.key, NOTHING)
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
            rule=self._version.rule.id,
            version=self._version.rule.version,
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

    def all_verdicts(self, now: int) -> Iterator[Verdict]:
        """Every verdict on what is kept."""
        return (judged.verdict for judged in self._judged(now))

    def touch(self, opened_at: int) -> None:
        """See `Chain.touch`."""
        if opened_at in self._yielded:
            # Time went by: the same verdict is to be told its next moment again.
            del self._yielded[opened_at]
        self._dirty = True

    def touch_blind(self, start: int, end: int) -> bool:  # noqa: ARG002 - all of it is judged anew
        """See `Chain.touch_blind`."""
        self._dirty |= bool(self._marks)
        return bool(self._marks)

    def unsettled_by(self, start: int, end: int) -> int | None:
        """See `Chain.unsettled_by`: blind time may cut anything that was let go of the state around it."""
        place = bisect.bisect_left(self._lapses, start - MARKS_MS)
        before = [lapse for lapse in self._lapses[place:] if lapse < end]
        if self._floor is not None and before and start < self._floor[0]:
            return before[0]
        return None

    def let_go(self, now: int) -> None:  # noqa: ARG002 - what is open shows by itself
        """See `Chain.let_go`: all before the state that is still open, or else before the last event."""
        if not self._marks:
            return
        current = {piece.since: piece for piece in self._pieces()}
        open_since = [
            piece.held_since
            for opened_at, piece in current.items()
            if (told := self._told.get(opened_at)) is None or not told.verdict.final
        ]
        keep_from = min([*open_since, self._marks[-1][0]])
        count = bisect.bisect_left(self._marks, keep_from, key=lambda one: one[0])
        if not count:
            return
        del self._marks[:count]
        self._floor = self._marks[0][:2]
        for opened_at in [moment for moment in self._told if moment < keep_from]:
            told = self._told.pop(opened_at)
            self._yielded.pop(opened_at, None)
            if told.verdict.outcome is not Outcome.VOID:
                bisect.insort(self._lapses, opened_at)
        del self._lapses[: bisect.bisect_left(self._lapses, self._floor[0] - MARKS_MS)]

    def reopen(self, since: int, told: Mapping[int, Told]) -> None:
        """Take back what was told from `since` on."""
        for opened_at, last in told.items():
            if opened_at >= since and self._version.judges(opened_at):
                self._told.setdefault(opened_at, last)
        del self._lapses[bisect.bisect_left(self._lapses, since) :]

    def reopened(self) -> None:
        """What was let go is back."""
        if self._floor and self._marks:
            self._floor = self._marks[0][:2]
        self._yielded.clear()
        self._dirty = True

    def vanished(self) -> list[int]:
        """See `Chain.vanished`: states that turned out to have ended in time, or to have begun at another."""
        return [
            opened_at
            for opened_at, told in self._told.items()
            if opened_at not in self._yielded and told.verdict.outcome is not Outcome.VOID
        ]

    def links(self) -> tuple[tuple[str, int], ...]:
        """See `Chain.links`."""
        return covered_up_to(self._version.host.book.complete, (self.key,))

    def dirty_cells(self) -> dict[str, bytes | None]:
        """See `Chain.dirty_cells`."""
        kept = (self._marks, self._told, self._floor, self._lapses)
        return {self.name: msgspec.msgpack.encode(kept) if self._marks else None}

    def decode(self, cell: bytes) -> None:
        """Take back what `dirty_cells` gave."""
        shape = tuple[list[Mark], dict[int, Told], tuple[int, int] | None, list[int]]
        self._marks, self._told, self._floor, self._lapses = msgspec.msgpack.decode(cell, type=shape)
        self._dirty = True


class VersionOf:
    """A version of a rule, ready to judge."""

    def __init__(self, dated: RuleVersion, rule: Duration, host: Host) -> None:
        self.rule = rule
        self.host = host
        self.longer_than = parse_duration(rule.longer_than).ms
        self.bridge = parse_duration(rule.bridge).ms
        self._start, self._end = dated.start, dated.end

    def judges(self, opened_at: int) -> bool:
        """Whether it was in force at that moment."""
        return self._start <= opened_at and (self._end is None or opened_at < self._end)

    def says(self, event: Event) -> bool | None:
        """Whether an event says that the device is in the state; None when it says nothing of it."""
        condition = self.rule.while_
        if event.type in condition.types:
            return lets_through(condition, event) and not self._is_unless(event)
        return False if event.type in condition.ends else None

    def _is_unless(self, event: Event) -> bool:
        unless = self.rule.while_.unless
        if not unless:
            return False
        try:
            data = event_data(event)
        except msgspec.DecodeError:
            return False
        return any(name in data and same(data[name], value) for name, value in unless.items())


class DurationMachine:
    """See `Machine`. All devices and versions of one rule."""

    def __init__(self, versions: Iterable[RuleVersion], site: Site, host: Host, data_from: int) -> None:
        self._host = host
        self._data_from = data_from
        self._lines: list[tuple[VersionOf, dict[str, DurationChain]]] = []
        self.rule = ""
        for dated in versions:
            if isinstance(dated.rule, Duration):
                self._add(dated, dated.rule, site)

    def _add(self, dated: RuleVersion, rule: Duration, site: Site) -> None:
        self.rule = rule.id
        version = VersionOf(dated, rule, self._host)
        chains = {
            device.id: DurationChain(version, device.id)
            for device in site.file.devices
            if selects(rule.select, device) and site.emits(device) & rule.while_.types
        }
        for chain in chains.values():
            self._host.depends(self, chain, (chain.key,))
        self._lines.append((version, chains))

    def routes(self) -> Mapping[str, list[Callable[[Event, int], None]]]:
        """See `Machine.routes`."""
        found: dict[str, list[Callable[[Event, int], None]]] = {}
        for version, chains in self._lines:
            for name in version.rule.while_.types | version.rule.while_.ends:
                found.setdefault(name, []).append(self._taker(version, chains))
        return found

    def _taker(self, version: VersionOf, chains: dict[str, DurationChain]) -> Callable[[Event, int], None]:
        host = self._host

        def take(event: Event, seq: int) -> None:
            chain = chains.get(event.device)
            so = version.says(event) if chain is not None else None
            if chain is None or so is None:
                return
            if host.keep_ms is not None and chain.misses(event.at, seq):
                host.recall(self, chain.key, (event.at, event.at + 1))
            elif chain.put((event.at, seq, so)):
                host.mark(chain)

        return take

    def begin(self, now: int) -> None:
        """See `Machine.begin`: time alone begins no state."""

    def next_opening(self) -> int | None:
        """See `Machine.next_opening`."""
        return None

    def ask(self, key: str, missing: Span) -> Recall:
        """See `Machine.ask`."""
        types: set[str] = set()
        ends = [missing[1]]
        for version, chains in self._lines:
            types |= version.rule.while_.types | version.rule.while_.ends
            if key in chains:
                ends.append(chains[key].kept_from + 1)
        start = max(missing[0] - _LOOK_BACK_MS, self._data_from)
        return Recall(rule=self.rule, key=key, types=tuple(sorted(types)), start=start, end=max(ends))

    def take_back(
        self, recall: Recall, missing: Span, events: Sequence[Event], told: Mapping[int, Told]
    ) -> Span | None:
        """See `Machine.take_back`. More is needed where the state before the span was not found."""
        if self.ask(recall.key, missing).end > recall.end:  # more was let go since
            return missing
        before = any(event.at < missing[0] and event.device == recall.key for event in events)
        for version, chains in self._lines:
            chain = chains.get(recall.key)
            if chain is None:
                continue
            chain.reopen(recall.start, told)
            for event in events:
                so = version.says(event) if event.device == chain.key else None
                if so is not None:
                    chain.put((event.at, event.seq, so))
            chain.reopened()
            self._host.mark(chain)
        if before or recall.start <= self._data_from:
            return None
        return max(self._data_from, missing[0] - _FURTHER * (missing[0] - recall.start)), missing[1]

    def restore(self, name: str, cell: bytes) -> Chain | None:
        """See `Machine.restore`."""
        for _, chains in self._lines:
            for chain in chains.values():
                if chain.name == name:
                    chain.decode(cell)
                    return chain
        return None

    def verdicts(self, now: int) -> Iterable[Verdict]:
        """See `Machine.verdicts`."""
        for _, chains in self._lines:
            for chain in chains.values():
                yield from chain.all_verdicts(now)
