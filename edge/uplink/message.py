"""Rows of the spool made into batches of the contract. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from contract.batch import MAX_BATCH_BYTES, Batch, Coverage, Lane, Opening, batch_digest, encode
from contract.events import Event, Readings
from edge.clockmap import MAX_ERROR_MS, ClockMap, Moment
from edge.rows import EventRow, ReadingRow, row_decoder
from edge.spool.base import BatchName, Row, SpoolBatch


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch says besides its rows; see `Batch`."""

    agent: str
    sent_at: int
    clock_offset_ms: int
    through: Mapping[Lane, int]
    sources: Mapping[str, Coverage] = {}
    opening: str = ""
    lineage: Sequence[Opening] = ()


class Parcel(msgspec.Struct, frozen=True):
    """A batch ready to be published."""

    name: BatchName
    payload: bytes

    @property
    def digest(self) -> str:
        """How the cloud names it if it can't read it."""
        return batch_digest(self.payload)


def pack(
    batch: SpoolBatch, envelope: Envelope, clock: ClockMap, refused: Sequence[BatchName] = ()
) -> Parcel | None:
    """As many of the rows as fit one message, in order; None while the first can't be placed in time yet.

    Rows of `refused` batches, and those that can't be read, are replaced by a note that says so: their numbers
    must not be missing. So are lost ones that were refused, by a cloud that knows of no `Batch.lost`. The coverage of the envelope holds once the rows of this batch are there.
    """
    rows = batch.rows
    refused = [name for name in refused if name.lane is batch.name.lane]
    while rows:
        placed = _place(rows, envelope, clock, refused)
        if not placed:
            return None
        name = msgspec.structs.replace(batch.name, last=placed[-1][0])
        lost = [gap for gap in batch.lost if gap[1] <= name.last]
        named = [gap for gap in lost if not any(_covers(one, gap[0]) for one in refused)]
        notes = [number for gap in lost if gap not in named for number in range(gap[0], gap[1] + 1)]
        placed = sorted([*placed, *_notes(notes, envelope)], key=lambda entry: entry[0])
        said = _blind_only(envelope, name) if lost else _known(envelope, name)
        payload = encode(_batch(name, placed, said, named))
        if len(payload) <= MAX_BATCH_BYTES or len(placed) == 1:
            return Parcel(name, payload)
        rows = rows[: len(rows) // 2]
    return None


def _known(envelope: Envelope, name: BatchName) -> Envelope:
    return msgspec.structs.replace(envelope, through={**envelope.through, name.lane: name.last})


def _blind_only(envelope: Envelope, name: BatchName) -> Envelope:
    """With lost numbers an earlier statement may come to hold: what is blind must hold no later, and claims no more."""
    sources = {device: Coverage(0, one.blind) for device, one in envelope.sources.items()}
    return msgspec.structs.replace(envelope, sources=sources, through={name.lane: name.last})


def _covers(name: BatchName, number: int) -> bool:
    return name.first <= number <= name.last


def _notes(numbers: Sequence[int], envelope: Envelope) -> list["Placed"]:
    note = _note(envelope.agent, 0, {"what": "lost"})
    return [(number, note, Moment(envelope.sent_at, MAX_ERROR_MS)) for number in numbers]


def heartbeat(epoch: int, last: int, envelope: Envelope) -> bytes:
    """A batch of the main lane without rows: coverage only."""
    return encode(_batch(BatchName(epoch, Lane.MAIN, last + 1, last), [], envelope))


Placed = tuple[int, EventRow | ReadingRow, Moment]


def _place(
    rows: Sequence[Row], envelope: Envelope, clock: ClockMap, refused: Sequence[BatchName]
) -> list[Placed]:
    """The rows from the first on that can be placed in time, with their numbers."""
    placed: list[Placed] = []
    for row in rows:
        try:
            content = row_decoder.decode(row.body)
        except msgspec.MsgspecError:
            # Written by another version of this program.
            note = _note(envelope.agent, 0, {"what": "unreadable"})
            placed.append((row.seq, note, Moment(envelope.sent_at, MAX_ERROR_MS)))
            continue
        seen = content.observed_at if isinstance(content, EventRow) else content.at
        moment = clock.resolve(row.boot, seen)
        if moment is None:
            break
        if any(_covers(name, row.seq) for name in refused):
            content = _refusal(content, envelope.agent, seen)
        placed.append((row.seq, content, moment))
    return placed


def _refusal(content: EventRow | ReadingRow, agent: str, seen: int) -> EventRow:
    kind = content.type if isinstance(content, EventRow) else content.point
    return _note(agent, seen, {"what": "refused", "device": content.device, "kind": kind})


def _note(agent: str, seen: int, data: dict[str, str]) -> EventRow:
    return EventRow(
        device=agent, type="device.fault", at=seen, observed_at=seen, data=msgspec.json.encode(data)
    )


def _batch(
    name: BatchName, placed: Sequence[Placed], envelope: Envelope, lost: Sequence[tuple[int, int]] = ()
) -> Batch:
    return Batch(
        agent=envelope.agent,
        epoch=name.epoch,
        lane=name.lane,
        first=name.first,
        last=name.last,
        sent_at=envelope.sent_at,
        clock_offset_ms=envelope.clock_offset_ms,
        through=dict(envelope.through),
        sources=dict(envelope.sources),
        events=[_event(seq, row, moment) for seq, row, moment in placed if isinstance(row, EventRow)],
        readings=_readings([entry for entry in placed if isinstance(entry[1], ReadingRow)]),
        opening=envelope.opening,
        lineage=list(envelope.lineage),
        lost=list(lost),
    )


def _event(seq: int, row: EventRow, seen: Moment) -> Event:
    return Event(
        seq=seq,
        at=seen.at - (row.observed_at - row.at),
        device=row.device,
        type=row.type,
        observed_at=seen.at,
        clock_error_ms=min(seen.error_ms + row.error_ms, MAX_ERROR_MS),
        zone=row.zone,
        person=row.person,
        data=msgspec.Raw(row.data),
    )


def _readings(placed: Sequence[Placed]) -> Readings:
    columns = Readings([], [], [], [], [], [], [])
    for seq, row, moment in placed:
        if isinstance(row, ReadingRow):
            columns.seq.append(seq)
            columns.device.append(row.device)
            columns.point.append(row.point)
            columns.at.append(moment.at)
            columns.value.append(row.value)
            columns.quality.append(row.quality)
            columns.clock_error_ms.append(moment.error_ms)
    return columns
