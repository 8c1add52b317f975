"""For each device, up to when everything is known, and the spans for which nothing is. Pure.

A blind span that the cloud never hears of turns into a false `breached`. So a span is stated in every heartbeat,
and in every batch, from its first moment until the cloud has the row that was written for it (its carrier); and
for `LINGER_MS` longer, lest the cloud had the row but had to begin anew before it acted on the statement.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from contract.batch import Coverage
from contract.causes import Cause, Why
from edge.clockmap import ClockMap
from edge.ports import Covered, Failed

LINGER_MS: Final = 60_000
FAILURES_TO_OFFLINE: Final = 3
MAX_SPANS: Final = 32


class BootTime(msgspec.Struct, frozen=True, array_like=True):
    """A moment of the boot clock of one boot."""

    boot: str
    ms: int


class Blind(msgspec.Struct, frozen=True, array_like=True):
    """A closed blind span. `start` None: as long as anybody can remember.

    `carrier` is the number of the main lane's row that tells of it, `told_at` when (boot clock) the cloud was
    seen to have that row.
    """

    start: BootTime | None
    end: BootTime
    why: str
    carrier: int | None = None
    told_at: int | None = None


class Known(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one device.

    `complete_to` None: nothing is known of its past. `failures` counts failed reads since the last good one,
    the newest of them at `failed_at`.
    """

    complete_to: BootTime | None = None
    blind: tuple[Blind, ...] = ()
    failures: int = 0
    failed_at: BootTime | None = None

    @property
    def offline(self) -> bool:
        """It has failed for a few reads in a row."""
        return self.failures >= FAILURES_TO_OFFLINE


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A device went out of reach (`online` False), or came back after `blind_ms` (None: not known).

    It came back no earlier than its newest failure, though what is known by that answer may end before: a device
    that is asked for several things is complete up to the oldest of them.
    """

    device: str
    online: bool
    at: int
    why: Why | None = None
    blind_ms: int | None = None


class CoverageTracker:
    """Keeps `Known` for each device of an agent from what its drivers say, in boot clock time.

    `past_lost` says that an earlier spool of this agent was lost: nothing is known of what it held, so devices
    are blind for all time before their first contact. Otherwise a device without a past just begins. A device
    that is `buffering` keeps its events while it is away: it is never blind, only not known yet.
    """

    def __init__(
        self,
        boot: str,
        known: Mapping[str, Known] | None = None,
        *,
        past_lost: bool = False,
        buffering: frozenset[str] = frozenset(),
    ) -> None:
        self._boot = boot
        self._buffering = buffering
        self._known = dict(known or {})
        self._past_lost = past_lost

    @property
    def known(self) -> Mapping[str, Known]:
        """By device; what is to be remembered over a restart."""
        return self._known

    def covered(self, fact: Covered) -> list[Change]:
        """Take in that all of `[since, to)` is known; which devices came back into reach."""
        to = BootTime(self._boot, fact.to)
        changes = []
        for device in fact.devices:
            before = self._known.get(device, Known())
            hole = device not in self._buffering
            blind = self._with_hole(before, BootTime(self._boot, fact.since)) if hole else before.blind
            if fact.partly:
                blind = _added(blind, Blind(BootTime(self._boot, fact.since), to, Cause.LEFT_OUT))
            furthest = before.complete_to if self._is_later(before.complete_to, to) else to
            self._known[device] = Known(complete_to=furthest, blind=blind)
            if before.offline:
                blind_ms = self._since(before.complete_to, fact.since)
                back = self._not_before(fact.to, before.failed_at)
                changes.append(Change(device=device, online=True, at=back, blind_ms=blind_ms))
        return changes

    def _not_before(self, at: int, least: BootTime | None) -> int:
        """`at`, or `least` where that is later; a moment of an earlier boot never is."""
        return max(at, least.ms) if least and least.boot == self._boot else at

    def _since(self, start: BootTime | None, end: int) -> int | None:
        return max(0, end - start.ms) if start and start.boot == self._boot else None

    def _with_hole(self, before: Known, since: BootTime) -> tuple[Blind, ...]:
        if before.complete_to is None:
            return _added(before.blind, Blind(None, since, Cause.SPOOL_LOST)) if self._past_lost else ()
        if self._is_later(since, before.complete_to):
            why = Cause.SILENT if before.complete_to.boot == self._boot else Cause.RESTART
            return _added(before.blind, Blind(before.complete_to, since, why))
        return before.blind

    def _is_later(self, one: BootTime | None, other: BootTime) -> bool:
        """Whether `one` is after `other`, where either may be of an earlier boot."""
        return one is not None and (one.boot == self._boot, one.ms) > (other.boot == self._boot, other.ms)

    def failed(self, fact: Failed) -> list[Change]:
        """Take in that devices could not be known; which of them went out of reach by that."""
        failed = BootTime(self._boot, fact.at)
        changes = []
        for device in fact.devices:
            before = self._known.get(device, Known(complete_to=None if self._past_lost else failed))
            newest = before.failed_at if self._is_later(before.failed_at, failed) else failed
            after = msgspec.structs.replace(before, failures=before.failures + 1, failed_at=newest)
            self._known[device] = after
            if after.offline and not before.offline:
                changes.append(Change(device=device, online=False, at=fact.at, why=fact.why))
        return changes

    def lost(self, device: str, at: int, why: str = Cause.SPOOL_FULL) -> None:
        """What a device did by `at` is not known: it is blind from where it was complete up to then."""
        moment, end = BootTime(self._boot, at), BootTime(self._boot, at + 1)
        before = self._known.get(device, Known(complete_to=None if self._past_lost else moment))
        start = before.complete_to
        if start is not None and self._is_later(start, end):
            start, end = moment, start
        blind = _added(before.blind, Blind(start, end, why))
        self._known[device] = msgspec.structs.replace(before, complete_to=end, blind=blind)

    def lost_rows(self, start: BootTime | None, end: BootTime) -> None:
        """Rows of this span are lost with the spool, of whatever device: all are blind for it, buffering ones too."""
        for device, before in self._known.items():
            blind = _added(before.blind, Blind(start, end, "spool_damaged"))
            self._known[device] = msgspec.structs.replace(before, blind=blind)

    def untold(self) -> list[tuple[str, Blind]]:
        """Closed spans that no row tells of yet, with their devices."""
        return [
            (device, span)
            for device, known in self._known.items()
            for span in known.blind
            if not span.carrier
        ]

    def told_by(self, device: str, span: Blind, carrier: int) -> None:
        """Row `carrier` of the main lane tells of a span."""
        known = self._known[device]
        blind = tuple(
            msgspec.structs.replace(one, carrier=carrier) if one == span else one for one in known.blind
        )
        self._known[device] = msgspec.structs.replace(known, blind=blind)

    def acknowledged(self, through: int, now: int) -> None:
        """The cloud has the main lane up to row `through`; spans told long enough ago are let go."""
        for device, known in self._known.items():
            if known.blind:
                blind = (_heard(span, through, now) for span in known.blind)
                kept = tuple(span for span in blind if span.told_at is None or span.told_at > now - LINGER_MS)
                self._known[device] = msgspec.structs.replace(known, blind=kept)

    def statement(self, clock: ClockMap) -> dict[str, Coverage]:
        """What can be said of every device, in cloud time; those that can't be placed yet are left out."""
        said = {device: self._say(device, known, clock) for device, known in self._known.items()}
        return {device: coverage for device, coverage in said.items() if coverage}

    def _say(self, device: str, known: Known, clock: ClockMap) -> Coverage | None:
        complete_to = known.complete_to
        spans = list(known.blind)
        if known.offline and known.failed_at and device not in self._buffering:
            spans.append(Blind(complete_to, known.failed_at, Cause.OFFLINE))
            complete_to = known.failed_at
        moment = clock.resolve(complete_to.boot, complete_to.ms) if complete_to else None
        if moment is None:
            return None
        blind = _placed(spans, clock)
        return Coverage(moment.earliest, blind) if blind is not None else None

    def unheard(self, clock: ClockMap) -> dict[str, Coverage]:
        """Closed spans that the cloud may not have heard of, to go with the rows that tell of them."""
        said: dict[str, Coverage] = {}
        for device, known in self._known.items():
            blind = _placed(known.blind, clock)
            if blind:
                said[device] = Coverage(min(start for start, _ in blind), blind)
        return said


def _placed(spans: list[Blind] | tuple[Blind, ...], clock: ClockMap) -> list[tuple[int, int]] | None:
    """Spans in cloud time, widened by what the clock may be off; None when one can't be placed yet."""
    placed = []
    for span in spans:
        start = clock.resolve(span.start.boot, span.start.ms) if span.start else None
        end = clock.resolve(span.end.boot, span.end.ms)
        if end is None or (span.start is not None and start is None):
            return None
        placed.append((start.earliest if start else 0, end.at + end.error_ms))
    return placed


def _added(spans: tuple[Blind, ...], span: Blind) -> tuple[Blind, ...]:
    """The spans and one more; it prolongs the last one where that ends at its start and is not told of yet."""
    if spans and spans[-1].end == span.start and spans[-1].carrier is None:
        return (*spans[:-1], msgspec.structs.replace(spans[-1], end=span.end))
    if len(spans) < MAX_SPANS:
        return (*spans, span)
    # Too many to name: rather blind for a little that was seen than the other way round.
    merged = Blind(spans[-1].start, span.end, span.why)
    return (*spans[:-1], merged)


def _heard(span: Blind, through: int, now: int) -> Blind:
    if span.told_at is None and span.carrier is not None and span.carrier <= through:
        return msgspec.structs.replace(span, told_at=now)
    return span


_decoder: Final = msgspec.msgpack.Decoder(dict[str, Known])


def packed(tracker: CoverageTracker) -> Mapping[str, bytes]:
    """What is known, as a note for the spool."""
    return {"coverage": msgspec.msgpack.encode(tracker.known)}


def unpacked(note: bytes | None) -> dict[str, Known]:
    """What a note holds; nothing for none."""
    return _decoder.decode(note) if note else {}
