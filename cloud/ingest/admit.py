"""What of a message is taken, and what it means: a decision without any outside. Pure.

Rules of admission: an agent speaks for itself only; nothing is taken twice; nothing is refused for being old;
what can't be right is kept, flagged and withheld from the rules; what can't be kept goes to quarantine with
its bytes and the reason, and never takes anything else with it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from cloud.ingest.decode import (
    LATEST_STORABLE,
    MOST_CLOCK_ERROR_MS,
    MOST_NAME,
    Decoded,
    Unreadable,
    decode,
    epoch_of,
    event_problem,
    reading_problem,
)
from cloud.ingest.facts import SiteFacts
from cloud.ingest.health import Health
from cloud.ingest.held import Held
from cloud.ingest.ledger import Ledger, Range
from cloud.ingest.openings import Openings, SpoolId
from cloud.store.base import (
    WITHHELD,
    AgentHealth,
    EventGroup,
    Flag,
    LedgerKey,
    QuarantineRow,
    ReadingGroup,
)
from contract.batch import Batch, Coverage, Lane, batch_digest, identity_base
from contract.events import EMPTY, Event, Readings
from contract.topics import Address

FUTURE_MS: Final = 5_000
EARLIEST: Final = 946_684_800_000
"""2000-01-01: no device of this field kept a right clock before."""

SPOOF: Final = "spoof"
"""The kind of what is put aside because only others may tell it."""

_MOST_OFFSET: Final = 1 << 60
_WITHHELD: Final = int(WITHHELD)
_FUTURE: Final = int(Flag.FUTURE)
_SECONDS_FOR_MS: Final = int(Flag.SECONDS_FOR_MS)
_IMPOSSIBLE_TIME: Final = int(Flag.IMPOSSIBLE_TIME)


class Delivery(msgspec.Struct, frozen=True):
    """A message as the broker handed it over: who sent it (by its topic), its bytes, when it was taken."""

    address: Address
    payload: bytes
    received_at: int


class Forked(msgspec.Struct, frozen=True):
    """An opening of a spool whose rows can't be taken under their numbers; see `Fork.common`."""

    opening: str
    common: dict[Lane, int] | None


class Admitted(msgspec.Struct, kw_only=True):
    """What is to be done with one message.

    `judged` are the events of `events` that go to the rules, with their sequence numbers as on the wire.
    `ack` names the queue whose
    state the agent is to be told; `refused` is the digest of a message it should not send again, and `epoch`
    what that message says of its spool; 0 where it can't be read that far. `forked`: nothing was taken, since the
    numbers are another opening's. `lost`: numbers of which the sender says that it lost the rows; `own`: what it tells
    of itself. `not_its_own`: what the sender told that only others may tell, in words; all of it
    is in `quarantine`.
    """

    events: EventGroup | None = None
    judged: Sequence[Event] = ()
    readings: ReadingGroup | None = None
    quarantine: Sequence[QuarantineRow] = ()
    ack: LedgerKey | None = None
    refused: str | None = None
    epoch: int = 0
    forked: Forked | None = None
    not_its_own: Sequence[str] = ()
    lost: Sequence[Range] = ()
    own: Sequence[Event] = ()
    duplicates: int = 0
    flagged: int = 0


class Statement(msgspec.Struct, frozen=True):
    """The coverage of one device, as the rules are to know it."""

    site: str
    device: str
    coverage: Coverage


class Admission:
    """Admits the messages of one partition; `facts` and `health` answer for a site by its id."""

    def __init__(
        self,
        ledger: Ledger,
        facts: Callable[[str], SiteFacts],
        health: Callable[[str], Health],
        openings: Openings,
    ) -> None:
        self._ledger = ledger
        self._openings = openings
        self._facts = facts
        self._health = health
        self._held = Held(ledger.high)

    def admit(self, delivery: Delivery) -> Admitted:
        """Take a message."""
        try:
            decoded = decode(delivery.payload)
        except Unreadable as error:
            return set_aside(delivery, str(error))
        batch = decoded.batch
        if batch.agent != delivery.address.agent:
            reason = f"says it is of {batch.agent!r} but was sent by {delivery.address.agent!r}"
            row = _aside(delivery, SPOOF, reason, delivery.payload)
            return Admitted(quarantine=[row], not_its_own=[reason])
        key = LedgerKey(delivery.address.site, batch.agent, batch.epoch, batch.lane)
        forked = self._forked(key, batch)
        if forked is not None and not _is_common(batch, forked):
            return Admitted(ack=key, forked=forked)
        fresh = self._ledger.take(key, batch.first, batch.last, delivery.received_at)
        whole = bool(fresh) and fresh[0] == (batch.first, batch.last)
        admitted = Admitted(ack=key, forked=forked)
        if batch.lost:
            admitted.lost = [cut for gap in batch.lost for cut in _cut(gap, fresh)]
        self._take_events(admitted, decoded, delivery, None if whole else fresh)
        self._take_readings(admitted, batch, delivery, None if whole else fresh)
        if whole or fresh:
            admitted.quarantine = [
                *admitted.quarantine,
                *(_aside(delivery, part.kind, part.reason, part.body) for part in decoded.rejects),
            ]
        # What another opening says of its coverage speaks of rows that it gave the same numbers.
        if forked is None:
            self._take_statements(admitted, key, batch, delivery)
        return admitted

    def _forked(self, key: LedgerKey, batch: Batch) -> Forked | None:
        spool = SpoolId(key.site, key.agent, key.epoch)
        if not batch.opening or batch.opening == self._openings.holder(spool):
            return None
        taken = {lane: self._ledger.newest(msgspec.structs.replace(key, lane=lane)) for lane in Lane}
        fork = self._openings.admit(spool, batch.opening, batch.lineage, taken)
        return None if fork is None else Forked(batch.opening, fork.common)

    # --- events

    def _take_events(
        self, admitted: Admitted, decoded: Decoded, delivery: Delivery, fresh: Sequence[Range] | None
    ) -> None:
        batch = decoded.batch
        events: Sequence[Event] = batch.events
        if fresh is not None:
            events = [event for event in events if _is_in(event.seq, fresh)]
            admitted.duplicates += len(batch.events) - len(events)
        if not events:
            return
        facts, health = self._facts(delivery.address.site), self._health(delivery.address.site)
        latest = delivery.received_at + FUTURE_MS
        familiar = facts.familiar(batch.agent)
        odd = range(len(events)) if decoded.suspect else _odd_ones(events, familiar, latest)
        rejected = self._look_closely(admitted, events, odd, delivery) if odd else ()
        if rejected:
            events = [event for index, event in enumerate(events) if index not in rejected]
        flags: list[int] | tuple[()] = ()
        if odd or facts.has_strangers:
            flags = _flags(events, facts, batch.agent, delivery.received_at)
        if any(flags):
            admitted.flagged += len(flags) - flags.count(0)
            admitted.judged = [
                event for event, flag in zip(events, flags, strict=True) if not flag & _WITHHELD
            ]
        else:
            admitted.judged, flags = events, ()
        if health.saw_events(events, flags, batch.agent, delivery.received_at):
            admitted.own = [event for event in admitted.judged if event.device == batch.agent]
        if events:
            admitted.events = EventGroup(
                site=delivery.address.site,
                agent=batch.agent,
                seq_base=identity_base(batch.epoch, batch.lane),
                received_at=delivery.received_at,
                events=events,
                flags=flags,
            )

    def _look_closely(
        self, admitted: Admitted, events: Sequence[Event], odd: Iterable[int], delivery: Delivery
    ) -> Collection[int]:
        """The positions of those of the `odd` ones that can't be kept: they go to quarantine."""
        rejected: set[int] = set()
        foreign: dict[str, list[Event]] = {}
        facts, agent = self._facts(delivery.address.site), delivery.address.agent
        familiar = facts.familiar(agent)
        for index in odd:
            event = events[index]
            if (problem := event_problem(event)) is not None:
                rejected.add(index)
                body = msgspec.json.encode(event)
                admitted.quarantine = [*admitted.quarantine, _aside(delivery, "event", problem, body)]
            elif (event.device, event.type) in familiar:
                continue
            elif why := facts.speakers.problem_of_type(agent, event.device, event.type):
                rejected.add(index)
                foreign.setdefault(why, []).append(event)
        _set_foreign_aside(admitted, delivery, foreign)
        return rejected

    # --- readings

    def _take_readings(
        self, admitted: Admitted, batch: Batch, delivery: Delivery, fresh: Sequence[Range] | None
    ) -> None:
        if not len(batch.readings):
            return
        site, columns = delivery.address.site, batch.readings
        errors = columns.clock_error_ms or [0] * len(columns)
        kept: list[int] = []
        flags: list[int] = []
        foreign: dict[str, list[dict[str, object]]] = {}
        speakers = self._facts(site).speakers
        for index, (seq, device, point, at) in enumerate(
            zip(columns.seq, columns.device, columns.point, columns.at, strict=True)
        ):
            if fresh is not None and not _is_in(seq, fresh):
                admitted.duplicates += 1
                continue
            if (problem := reading_problem(device, point, at, errors[index])) is not None:
                body = msgspec.json.encode({"seq": seq, "device": device, "point": point, "at": at})
                admitted.quarantine = [*admitted.quarantine, _aside(delivery, "reading", problem, body)]
                continue
            if why := speakers.problem(batch.agent, device):
                foreign.setdefault(why, []).append(_row(columns, index))
                continue
            flag = self._facts(site).device_flag(device) | _stamp_flag(at, delivery.received_at)
            kept.append(index)
            flags.append(flag)
            self._health(site).saw(
                device, None if flag & _WITHHELD else at, flag, batch.agent, delivery.received_at
            )
        _set_foreign_aside(admitted, delivery, foreign)
        admitted.flagged += sum(flag != 0 for flag in flags)
        if kept:
            admitted.readings = ReadingGroup(
                site=site,
                agent=batch.agent,
                seq_base=identity_base(batch.epoch, batch.lane),
                received_at=delivery.received_at,
                readings=columns if len(kept) == len(columns) else _chosen(columns, kept),
                flags=flags if any(flags) else (),
            )

    # --- coverage

    def _take_statements(self, admitted: Admitted, key: LedgerKey, batch: Batch, delivery: Delivery) -> None:
        heard_to = max([event.observed_at or event.at for event in batch.events], default=None)
        sources: Mapping[str, Coverage] = batch.sources
        if sources:
            sources, problems = _believable(sources, delivery.received_at)
            for device, problem in problems:
                row = _aside(delivery, "coverage", problem, device.encode())
                admitted.quarantine = [*admitted.quarantine, row]
            sources = self._own(admitted, delivery, sources)
        said_to = batch.sent_at if heard_to is None else heard_to
        self._held.add(key, batch, sources, min(said_to, delivery.received_at))
        self._health(key.site).heard(_agent_health(batch, delivery, heard_to))

    def _own(
        self, admitted: Admitted, delivery: Delivery, sources: Mapping[str, Coverage]
    ) -> Mapping[str, Coverage]:
        """The statements that the sender may make; the others are put aside."""
        speakers = self._facts(delivery.address.site).speakers
        foreign: dict[str, list[dict[str, Coverage]]] = {}
        for device, coverage in sources.items():
            if why := speakers.problem(delivery.address.agent, device):
                foreign.setdefault(why, []).append({device: coverage})
        if not foreign:
            return sources
        _set_foreign_aside(admitted, delivery, foreign)
        others = {device for told in foreign.values() for one in told for device in one}
        return {device: coverage for device, coverage in sources.items() if device not in others}

    def statements(self) -> list[Statement]:
        """The coverage that holds by now and was not told before: for the rules, after the admitted events.

        A device nobody ever made a statement of is covered as far as its agent was heard.
        """
        found: list[Statement] = []
        for (site, agent), said in self._held.release().items():
            health, facts = self._health(site), self._facts(site)
            for device, coverage in said.sources.items():
                health.covered(device, agent, coverage, known=not facts.device_flag(device))
                found.append(Statement(site, device, coverage))
            found += [
                Statement(site, device, Coverage(said.heard_to))
                for device in sorted(facts.covered_by_default(agent))
                if said.heard_to > 0 and not health.has_statement(device)
            ]
        return found


def _is_common(batch: Batch, forked: Forked) -> bool:
    """Whether a batch holds only rows that both openings have, which either may send."""
    return forked.common is not None and batch.first <= batch.last <= forked.common.get(batch.lane, 0)


def _odd_ones(events: Sequence[Event], familiar: Mapping[tuple[str, str], int], latest: int) -> Sequence[int]:
    """The positions of events that need a closer look. The hottest loop of admission: keep it bare."""
    return [
        index
        for index, event in enumerate(events)
        if (event.device, event.type) not in familiar
        or not EARLIEST <= event.at <= latest
        or event.data is not EMPTY
        or event.zone is not None
        or not 0 <= event.clock_error_ms <= MOST_CLOCK_ERROR_MS
        or not 0 <= event.observed_at <= LATEST_STORABLE
    ]


def _flags(events: Sequence[Event], facts: SiteFacts, agent: str, received_at: int) -> list[int]:
    familiar = facts.familiar(agent)
    found: list[int] = []
    for event in events:
        flag = familiar.get((event.device, event.type))
        if flag is None:
            flag = facts.meet(agent, event.device, event.type)
        found.append(flag | _stamp_flag(event.at, received_at))
    return found


def _stamp_flag(at: int, received_at: int) -> int:
    if at > received_at + FUTURE_MS:
        return _FUTURE
    if at >= EARLIEST:
        return 0
    if EARLIEST <= at * 1_000 <= received_at + FUTURE_MS:
        return _SECONDS_FOR_MS
    return _IMPOSSIBLE_TIME


def _cut(gap: Range, ranges: Sequence[Range]) -> Iterator[Range]:
    """What of a range lies within others."""
    for first, last in ranges:
        if gap[0] <= last and first <= gap[1]:
            yield max(gap[0], first), min(gap[1], last)


def _is_in(seq: int, ranges: Sequence[Range]) -> bool:
    return any(first <= seq <= last for first, last in ranges)


def _row(columns: Readings, index: int) -> dict[str, object]:
    """One reading as it was told."""
    told = ((name, getattr(columns, name)) for name in columns.__struct_fields__)
    return {name: column[index] for name, column in told if column}


def _chosen(columns: Readings, kept: Sequence[int]) -> Readings:
    return Readings(
        seq=[columns.seq[index] for index in kept],
        device=[columns.device[index] for index in kept],
        point=[columns.point[index] for index in kept],
        at=[columns.at[index] for index in kept],
        value=[columns.value[index] for index in kept],
        quality=[columns.quality[index] for index in kept],
        clock_error_ms=[columns.clock_error_ms[index] for index in kept] if columns.clock_error_ms else [],
    )


def _believable(
    sources: Mapping[str, Coverage], received_at: int
) -> tuple[dict[str, Coverage], list[tuple[str, str]]]:
    """The statements that may be true, and those that can't be, with the reason."""
    good: dict[str, Coverage] = {}
    bad: list[tuple[str, str]] = []
    for device, coverage in sources.items():
        if not 0 <= coverage.complete_to <= received_at + FUTURE_MS:
            bad.append((device, f"complete_to {coverage.complete_to} lies in the future, or before all time"))
        elif any(not 0 <= start <= end <= LATEST_STORABLE for start, end in coverage.blind):
            bad.append((device, "a blind span is none"))
        elif "\0" in device or len(device) > MOST_NAME:
            bad.append((device, "no name of a device"))
        else:
            good[device] = coverage
    return good, bad


def _agent_health(batch: Batch, delivery: Delivery, heard_to: int | None) -> AgentHealth:
    return AgentHealth(
        site=delivery.address.site,
        agent=batch.agent,
        last_seen=delivery.received_at,
        epoch=batch.epoch,
        clock_offset_ms=max(-_MOST_OFFSET, min(batch.clock_offset_ms, _MOST_OFFSET)),
        last_observed_at=heard_to if heard_to is not None and 0 < heard_to <= LATEST_STORABLE else None,
    )


def set_aside(delivery: Delivery, reason: str) -> Admitted:
    """Nothing of the message is taken: it goes to quarantine whole, and its sender is told not to send it again."""
    return Admitted(
        quarantine=[_aside(delivery, "batch", reason, delivery.payload)],
        refused=batch_digest(delivery.payload),
        epoch=epoch_of(delivery.payload),
    )


def _set_foreign_aside(
    admitted: Admitted, delivery: Delivery, foreign: Mapping[str, Sequence[object]]
) -> None:
    """What others may tell only goes to quarantine whole, one row of it a reason, and is a trouble of the sender."""
    rows = [_aside(delivery, SPOOF, why, msgspec.json.encode(told)) for why, told in foreign.items()]
    admitted.quarantine = [*admitted.quarantine, *rows]
    admitted.not_its_own = [*admitted.not_its_own, *foreign]


def _aside(delivery: Delivery, kind: str, reason: str, body: bytes) -> QuarantineRow:
    return QuarantineRow(
        site=delivery.address.site,
        agent=delivery.address.agent,
        kind=kind,
        reason=reason.replace("\0", "?")[:500],
        body=body,
        digest=batch_digest(delivery.payload),
        received_at=delivery.received_at,
    )
