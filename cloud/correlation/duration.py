"""The kind `duration`: a state must not last (verdicts.md section 3).

A device is in the state from an event or a good reading that says so until one that says otherwise. Blind time cuts
it, and what it hides is unknown. Behind it, a state of events goes on where nothing was told, as the edge tells every
change; a state of readings begins anew with the first reading. Each piece is judged for itself, and all of a device's
pieces anew whenever something is learned: there are few.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from typing_extensions import override

from cloud.correlation.each import part_told
from cloud.correlation.episodes import Chain, Host, Judged, Machine
from cloud.correlation.people import lets_through, same
from cloud.correlation.recurrence import selects
from cloud.correlation.rules import Duration, RuleVersion, While
from cloud.correlation.timeline import InForce, Mark, Meanings, Span, Timeline, Values
from cloud.correlation.timeline_machine import Line, TimelineMachine
from cloud.correlation.verdict import BlindSpan, EventId, Outcome, Reason, Verdict
from contract.duration import parse_duration
from contract.events import RESET_TYPES, STATE, Event, Phase, event_data, phase_of
from contract.parts import is_reset_with, renamed, system_of
from contract.site import Device, Site
from contract.state_words import state_word

ALL_PARTS: Final = "*"
"""In place of a mark's zone: it ends the state of a whole device, with all its parts."""


class Piece(msgspec.Struct, frozen=True):
    """The state without a break: from `since` until `until`, None while no end is known.

    `by`: the mark that began it; `end`: the one that ended it, None where blind time or a permit did, which lasted
    until `back`. `held_since`: when the state began whose piece it is.
    """

    since: int
    by: Mark
    held_since: int
    until: int | None = None
    end: Mark | None = None
    back: int | None = None


def told_pieces(marks: Sequence[Mark], gaps: Sequence[Span], bridge_ms: int) -> Iterator[Piece]:
    """The pieces of a state of events. `marks` and `gaps` in order; gaps shorter than `bridge_ms` break nothing."""
    broken = [gap for gap in gaps if gap[1] - gap[0] >= bridge_ms]
    for begun, end, _ in _held(marks):
        since, until = begun.at, end.at if end else None
        for gap in broken:
            if gap[1] <= since or (until is not None and gap[0] >= until):
                continue
            if gap[0] > since:
                yield Piece(since, begun, begun.at, gap[0], None, gap[1])
            since = gap[1]
        if until is None or since < until:
            yield Piece(since, begun, begun.at, until, end)


def read_pieces(marks: Sequence[Mark], gaps: Sequence[Span], bridge_ms: int) -> Iterator[Piece]:
    """The pieces of a state of readings. A gap shorter than `bridge_ms` breaks where the next reading says otherwise."""
    for stretch, gap in _stretches(marks, [gap for gap in gaps if gap[1] - gap[0] >= bridge_ms]):
        short = [one for one in gaps if one[1] - one[0] < bridge_ms]
        for begun, end, before in _held(stretch):
            cut = _last_gap(before, end, short) if end else gap
            if cut is not None and cut[0] > begun.at:
                yield Piece(begun.at, begun, begun.at, cut[0], None, cut[1])
            elif cut is None:
                yield Piece(begun.at, begun, begun.at, end.at if end else None, end)


def _stretches(marks: Sequence[Mark], gaps: Sequence[Span]) -> Iterator[tuple[list[Mark], Span | None]]:
    """The marks before, between and behind gaps, each with the gap that ends them. What is told of a gap is passed over."""
    since = None
    for gap in [*gaps, None]:
        until = gap[0] if gap else None
        yield (
            [m for m in marks if (since is None or m.at >= since) and (until is None or m.at < until)],
            gap,
        )
        since = gap[1] if gap else None


def _last_gap(before: Mark, end: Mark, gaps: Sequence[Span]) -> Span | None:
    """The gap between the end of a state and the mark before it: nobody knows when in it the state ended."""
    found = [gap for gap in gaps if before.at < gap[1] and gap[0] < end.at and gap[0] > before.at]
    return found[0] if found else None


def without(piece: Piece, permits: Sequence[Span]) -> Iterator[Piece]:
    """What permits leave of a piece: the state is excused while one lasts, and counts anew behind it."""
    for start, end in permits:
        if end <= piece.since or (piece.until is not None and start >= piece.until):
            continue
        if start > piece.since:
            yield msgspec.structs.replace(piece, until=start, end=None, back=start)
        piece = msgspec.structs.replace(piece, since=end)
        if piece.until is not None and piece.until <= end:
            return
    yield piece


def _held(marks: Sequence[Mark]) -> Iterator[tuple[Mark, Mark | None, Mark]]:
    """From which mark to which the state held, None for an end that is not known; and the mark before the end."""
    begun: Mark | None = None
    before: Mark | None = None
    for mark in marks:
        if mark.meaning and begun is None:
            begun = mark
        elif not mark.meaning and begun is not None:
            if mark.at > begun.at:
                yield begun, mark, before or begun
            begun = None
        before = mark
    if begun is not None:
        yield begun, None, begun


class DurationChain(Timeline):
    """One device's state under one version of a rule. A mark's meaning: 1 the device is in the state, 0 it is not."""

    def __init__(self, version: "VersionOf", device: Device, part: str | None = None) -> None:
        key = part or device.id
        super().__init__(version.name_of(key), key, version, (device.id,))
        self._device = device.id
        self._of = version
        self._bridge = version.bridge(device)
        self._permits = version.suspended(device.id)

    def begin_as(self, whole: Timeline) -> None:
        """A part that is told of for the first time: what ended everything at its device or system ended it too."""
        self.marks = [mark for mark in whole.marks if mark.zone == ALL_PARTS]
        self.copy_floor(whole)

    def _pieces(self) -> Iterator[Piece]:
        gaps = self._of.host.book.gaps(self._device)
        cut = read_pieces if self._of.points else told_pieces
        for piece in cut(self.marks, gaps, self._bridge):
            for left in without(piece, self._permits):
                if self._of.judges(left.since):
                    yield left

    @override
    def judged(self, now: int) -> Iterator[Judged]:
        for piece in self._pieces():
            judged = self._judge(piece, now)
            if judged is not None:
                yield judged

    @override
    def needed_from(self) -> int | None:
        """The beginning of the state of which a piece is open, or which holds still: from its midst it would look new."""
        holds = [begun.at for begun, end, _ in _held(self.marks) if end is None]
        opened = [piece.held_since for piece in self._pieces() if self._may_change(piece)]
        return min([*holds, *opened], default=None)

    def _may_change(self, piece: Piece) -> bool:
        """Whether something is to be told of it still: nothing is of what blind time hid, if that was over in time."""
        if piece.since in self.told:
            return self.is_open(piece.since)
        if piece.end is not None or piece.back is None:
            return True
        return piece.back > piece.since + self._of.longer_than or self.complete <= piece.back

    @override
    def unsettled_by(self, start: int, end: int) -> int | None:
        """Of the many states that ended in time no list is kept: blind time before what is kept may hide any."""
        found = super().unsettled_by(start, end)
        if start >= self.kept_from:
            return found
        back = start - self._of.longer_than
        return back if found is None else min(found, back)

    def _judge(self, piece: Piece, now: int) -> Judged | None:
        due_at = piece.since + self._of.longer_than
        complete = self.complete
        by_gap = piece.until is not None and piece.end is None
        if piece.until is not None and piece.until <= due_at:
            if not by_gap:
                return self._ended_in_time(piece, due_at)
            if piece.back is None or piece.back <= due_at:
                return None  # what hides the rest was over in time
            return self._hidden(piece, due_at, now, complete)
        if now <= due_at or complete <= due_at:
            return self._pending(piece, due_at, now)
        return self._breached(piece, due_at, complete)

    def _ended_in_time(self, piece: Piece, due_at: int) -> Judged:
        """It is no verdict, but counted in the figures of what was kept once nothing can change it any more."""
        ended = piece.until or 0
        verdict = self._verdict(
            piece, due_at, Outcome.VOID, Reason.ENDED_IN_TIME, final=self.complete > ended
        )
        if verdict.final:
            return Judged(verdict, answered=True)
        return Judged(verdict, None, self._device, ended, answered=True, quiet=True)

    def _pending(self, piece: Piece, due_at: int, now: int) -> Judged:
        """A state that may still end in time is told to nobody; what is on the way may end it before a later known end."""
        overdue = now > due_at
        reason = Reason.WAITING_FOR_COVERAGE if overdue else Reason.WAITING
        verdict = self._verdict(piece, due_at, Outcome.PENDING, reason, overdue=overdue)
        if overdue:
            return Judged(verdict, None, self._device, due_at, answered=piece.end is not None)
        return Judged(verdict, due_at + 1, quiet=True)

    def _breached(self, piece: Piece, due_at: int, complete: int) -> Judged:
        ended = piece.until is not None and piece.end is not None
        final = piece.until is not None and complete > piece.until
        reason = Reason.ENDED_LATE if ended else Reason.LASTS
        verdict = self._verdict(piece, due_at, Outcome.BREACHED, reason, final=final)
        if final or piece.until is None:
            return Judged(verdict, answered=ended)
        return Judged(verdict, None, self._device, piece.until, ended)

    def _hidden(self, piece: Piece, due_at: int, now: int, complete: int) -> Judged | None:
        """Blind time hides the limit. Nothing is said before the limit."""
        hidden = piece.until or 0
        if now <= due_at or complete <= due_at:
            return self._pending(piece, due_at, now)
        blind = (BlindSpan(self._device, hidden, min(piece.back or 0, due_at + 1)),)
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
        judged = outcome in {Outcome.BREACHED, Outcome.VOID}
        ended = judged and piece.end is not None and piece.until is not None
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
            evidence=_evidence(piece.by, piece.end if ended else None),
            overdue=overdue,
            blind=blind,
        )


def _evidence(*marks: Mark | None) -> tuple[EventId, ...]:
    """The events among the marks. Readings have no number: the moments of the verdict name them."""
    return tuple((mark.device, mark.seq) for mark in marks if mark is not None and mark.seq >= 0)


class VersionOf(InForce):
    """A version of a rule, ready to judge. See `timeline.Dated`."""

    def __init__(self, dated: RuleVersion, rule: Duration, host: Host) -> None:
        super().__init__(dated)
        self.rule = rule
        self.host = host
        self.longer_than = parse_duration(rule.longer_than).ms
        self.types = rule.while_.types | rule.while_.ends
        self.points = rule.while_.points
        self.each = rule.while_.each

    def name_of(self, key: str) -> str:
        """The name of the timeline of a device or a part of it."""
        return f"dur|{self.rule.id}|{self.label}|{key}"

    def part_of(self, event: Event) -> str:
        """The part of a device that an event tells of: `panel:2-17`; the device itself where it names none."""
        part = part_told(self.each, event)
        return f"{event.device}:{part}" if part else event.device

    def bridge(self, device: Device) -> int:
        """How long a blind span of a device must be to break a state, in ms."""
        if self.rule.bridge is not None:
            return parse_duration(self.rule.bridge).ms
        return 2 * parse_duration(device.poll).ms if device.poll else 0

    def says(self, event: Event, seq: int) -> Mark | None:
        """Whether an event says that the device is in the state; None when it says nothing of it."""
        condition, phase = self.rule.while_, phase_of(event)
        if phase is Phase.UNCLEAR:
            return None
        if event.type in condition.types:
            so = lets_through(condition, event) and not self._is_unless(event)
            return Mark(event.at, event.device, seq, int(so))
        ends = event.type in condition.ends and phase is not Phase.ENDS
        return Mark(event.at, event.device, seq, 0, zone=ALL_PARTS) if ends else None

    @override
    def meanings(self, values: Values) -> Meanings:
        return beyond(self.rule.while_, values)

    def _is_unless(self, event: Event) -> bool:
        unless = self.rule.while_.unless
        if not unless:
            return False
        try:
            data = event_data(event)
        except msgspec.DecodeError:
            return False
        return any(
            name in data and (same(data[name], value) or (name == STATE and _same_state(data[name], value)))
            for name, value in unless.items()
        )


def _same_state(one: object, other: object) -> bool:
    word = state_word(one)
    return word is not None and word == state_word(other)


def beyond(condition: While, values: Values) -> Meanings:
    """1 where a value is beyond the limit, 0 where it is beyond the clear level, -1 between the two and for NaN."""
    if condition.magnitude:
        values = np.abs(values)
    if condition.above is not None:
        clear = condition.clear_below
        so, cleared = values > condition.above, values <= condition.above if clear is None else values < clear
    else:
        limit, clear = condition.below or 0.0, condition.clear_above
        so, cleared = values < limit, values >= limit if clear is None else values > clear
    said: Meanings = so.view(np.int8) - (~(so | cleared)).view(np.int8)
    return said


def tells(site: Site, device: Device, condition: While) -> bool:
    """Whether a device can tell of a state. Who has which point, the edge knows: a reading comes or it does not."""
    return bool(condition.points) or bool(site.emits(device) & condition.types)


class DurationMachine(TimelineMachine):
    """See `Machine`. The parts of a device, where a rule tells them apart, are known once they are told of."""

    def __init__(
        self,
        rule: str,
        lines: Sequence[Line],
        devices: Sequence[Mapping[str, Device]],
        host: Host,
        data_from: int,
    ) -> None:
        super().__init__(rule, lines, host, data_from)
        self._devices = devices
        self._parts: dict[tuple[int, str], list[Timeline]] = {}

    @override
    def timelines(self, number: int, event: Event) -> Sequence[Timeline]:
        """What ends a state of a whole device, such as the reset of a panel, matters to each of its parts."""
        version, chains = self.lines[number]
        if (
            not isinstance(version, VersionOf)
            or not version.each
            or event.device not in self._devices[number]
        ):
            return super().timelines(number, event)
        part = version.part_of(event)
        chain = chains.get(part) or self._add(number, part)
        is_whole = part == event.device or event.type in RESET_TYPES
        if not is_whole or event.type not in version.rule.while_.ends:
            return (chain,)
        reset = part.partition(":")[2]
        others = self._parts.get((number, event.device), ())
        ended = (one for one in others if is_reset_with(one.key.partition(":")[2], reset))
        return (chain, *(one for one in ended if one is not chain))

    def _add(self, number: int, part: str) -> Timeline:
        version, chains = self.lines[number]
        device, _, name = part.partition(":")
        chain = DurationChain(version, self._devices[number][device], part)  # type: ignore[arg-type]
        chains[part] = chain
        if part != device:
            self._parts.setdefault((number, device), []).append(chain)
            # What ended all of the device, the chain of the system knows too.
            system = system_of(name)
            whole = chains.get(f"{device}:{system}") if name != system else None
            if (whole := whole or chains.get(device)) is not None:
                chain.begin_as(whole)
        self.host.depends(self, chain, chain.devices)
        return chain

    @override
    def restore(self, name: str, cell: bytes) -> Chain | None:
        head, _, key = name.rpartition("|")
        device, _, part = key.partition(":")
        # Stored before parts had one name: `panel:1-134-l1d134`.
        key = f"{device}:{renamed(part)}" if part else key
        name = f"{head}|{key}"
        for number, (version, chains) in enumerate(self.lines):
            known = key not in chains and device in self._devices[number]
            if known and isinstance(version, VersionOf) and name == version.name_of(key):
                self._add(number, key)
        return super().restore(name, cell)


def duration_machine(versions: Sequence[RuleVersion], site: Site, host: Host, data_from: int) -> Machine:
    """The machine of a rule of this kind, with all its versions."""
    lines: list[Line] = []
    devices: list[Mapping[str, Device]] = []
    for dated in versions:
        if isinstance(dated.rule, Duration):
            version, select = VersionOf(dated, dated.rule, host), dated.rule.select
            found = {
                device.id: device
                for device in site.file.devices
                if selects(select, device) and tells(site, device, dated.rule.while_)
            }
            own = {} if version.each else found
            lines.append((version, {name: DurationChain(version, device) for name, device in own.items()}))
            devices.append(found)
    return DurationMachine(versions[0].rule.id, lines, devices, host, data_from)
