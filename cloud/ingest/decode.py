"""A message's bytes as a batch; where they are not one, as much of it as can be read. Pure.

First the whole batch is decoded strictly. Only when that fails is it taken apart: every event and every
reading by itself, the good ones kept, the rest handed back with its bytes and the reason.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import zstandard

from contract.batch import MAX_EPOCH as MOST_EPOCH
from contract.batch import MAX_SEQ, MOST_LOST, ZSTD_MAGIC, Batch, Coverage, Lane, Opening, batch_decoder
from contract.events import EMPTY, Event, Quality, Reading, Readings, event_data
from contract.limits import MOST_DATA, MOST_DEPTH, is_deep

MOST_UNPACKED_BYTES: Final = 4 * 1024 * 1024
"""A compressed payload that unpacks to more than this is refused."""

MOST_NAME: Final = 200
"""The longest device, type, zone, person or point name."""

EARLIEST_STORABLE: Final = -62_135_596_800_000
LATEST_STORABLE: Final = 253_402_300_799_999
"""The years 1 and 9999, beyond which neither Python nor people know dates."""

MOST_CLOCK_ERROR_MS: Final = 1 << 50


class Unreadable(Exception):  # noqa: N818 - an outcome of decoding, which the caller turns into a refusal
    """The payload can't be read as a batch at all; the message says why."""


class Reject(msgspec.Struct, frozen=True):
    """A part that can't be taken: what it was meant to be, why, and its bytes."""

    kind: str
    reason: str
    body: bytes


class Decoded(msgspec.Struct, frozen=True):
    """A batch, and the parts of it that can't be taken. `suspect`: some text in it holds a NUL."""

    batch: Batch
    rejects: tuple[Reject, ...] = ()
    suspect: bool = False


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A batch whose parts were not looked into."""

    agent: str
    epoch: int
    first: int
    last: int
    sent_at: int
    v: int = 1
    lane: Lane = Lane.MAIN
    clock_offset_ms: int = 0
    through: dict[Lane, int] = {}
    sources: msgspec.Raw = EMPTY
    events: list[msgspec.Raw] = []
    readings: msgspec.Raw = EMPTY
    opening: str = ""
    lineage: list[Opening] = []
    lost: list[tuple[int, int]] = []


class _OnlyEpoch(msgspec.Struct, frozen=True):
    """The one thing that is needed to answer a batch that can't be read."""

    epoch: int = 0


_only_epoch = msgspec.json.Decoder(_OnlyEpoch)
_envelope = msgspec.json.Decoder(_Envelope)
_event = msgspec.json.Decoder(Event)
_readings = msgspec.json.Decoder(Readings)
_reading_columns = msgspec.json.Decoder(dict[str, list[Any]])
_sources = msgspec.json.Decoder(dict[str, Coverage])
_sources_apart = msgspec.json.Decoder(dict[str, msgspec.Raw])
_coverage = msgspec.json.Decoder(Coverage)

_NO_READINGS: Final = Readings()

# Raised by msgspec for what is no JSON, not of the type, too deeply nested, or no UTF-8.
_UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def decode(payload: bytes) -> Decoded:
    """The batch that `payload` holds.

    Raises:
        Unreadable: It holds none.
    """
    plain = _unpacked(payload)
    try:
        decoded = Decoded(batch_decoder.decode(plain), suspect=b"\\u0000" in plain)
    except _UNREADABLE:
        decoded = _apart(plain)
    else:
        if columns_problem(decoded.batch.readings) is not None:
            decoded = _apart(plain)
    if decoded.batch.v != 1:
        raise Unreadable(f"version {decoded.batch.v} of batches is not known here")
    _check_numbers(decoded)
    return decoded


def epoch_of(payload: bytes) -> int:
    """The epoch that an unreadable payload names, or 0, which is no spool's, where it can't be told."""
    try:
        found = _only_epoch.decode(_unpacked(payload)).epoch
    except (Unreadable, *_UNREADABLE):
        found = 0
    return found if 0 <= found <= MOST_EPOCH else 0


def _unpacked(payload: bytes) -> bytes:
    if not payload.startswith(ZSTD_MAGIC):
        return payload
    try:
        with zstandard.ZstdDecompressor().stream_reader(payload) as reader:
            plain = reader.read(MOST_UNPACKED_BYTES + 1)
    except zstandard.ZstdError as error:
        raise Unreadable(f"no zstd frame: {error}") from error
    if len(plain) > MOST_UNPACKED_BYTES:
        raise Unreadable(f"unpacks to more than {MOST_UNPACKED_BYTES} bytes")
    return plain


def _apart(plain: bytes) -> Decoded:
    try:
        envelope = _envelope.decode(plain)
    except _UNREADABLE as error:
        raise Unreadable(str(error) or type(error).__name__) from error
    rejects: list[Reject] = []
    batch = Batch(
        agent=envelope.agent,
        epoch=envelope.epoch,
        first=envelope.first,
        last=envelope.last,
        sent_at=envelope.sent_at,
        v=envelope.v,
        lane=envelope.lane,
        clock_offset_ms=envelope.clock_offset_ms,
        through=envelope.through,
        sources=_good_sources(envelope.sources, rejects),
        events=list(_good_events(envelope.events, rejects)),
        readings=_good_readings(envelope.readings, rejects),
        opening=envelope.opening,
        lineage=envelope.lineage,
        lost=envelope.lost,
    )
    return Decoded(batch, tuple(rejects), suspect=b"\\u0000" in plain)


def _good_events(raws: Iterable[msgspec.Raw], rejects: list[Reject]) -> Iterator[Event]:
    for raw in raws:
        try:
            yield _event.decode(raw)
        except _UNREADABLE as error:
            rejects.append(Reject("event", str(error), bytes(raw)))


def _good_sources(raw: msgspec.Raw, rejects: list[Reject]) -> dict[str, Coverage]:
    try:
        return _sources.decode(raw)
    except _UNREADABLE as error:
        whole = str(error)
    try:
        each = _sources_apart.decode(raw)
    except _UNREADABLE:
        rejects.append(Reject("coverage", whole, bytes(raw)))
        return {}
    good: dict[str, Coverage] = {}
    for device, statement in each.items():
        try:
            good[device] = _coverage.decode(statement)
        except _UNREADABLE as error:
            rejects.append(Reject("coverage", f"{device}: {error}", bytes(statement)))
    return good


def _good_readings(raw: msgspec.Raw, rejects: list[Reject]) -> Readings:
    try:
        readings = _readings.decode(raw)
        if columns_problem(readings) is None:
            return readings
        rows = _rows({name: list(column) for name, column in msgspec.structs.asdict(readings).items()})
    except _UNREADABLE as error:
        try:
            rows = _rows(_reading_columns.decode(raw))
        except _UNREADABLE:
            raise Unreadable(f"readings: {error}") from error
    good: list[Reading] = []
    for row in rows:
        try:
            reading = msgspec.convert(row, Reading)
        except msgspec.ValidationError as error:
            rejects.append(Reject("reading", str(error), msgspec.json.encode(row)))
            continue
        if (reason := _value_problem(reading.value, reading.quality)) is not None:
            rejects.append(Reject("reading", reason, msgspec.json.encode(row)))
        else:
            good.append(reading)
    return _as_columns(good)


def _rows(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Rows from columns; raises `Unreadable` when the columns do not fit each other."""
    lengths = {len(column) for name, column in columns.items() if name != "clock_error_ms" or column}
    if len(lengths) > 1:
        raise Unreadable("readings: the columns are of different lengths")
    filled = {name: column for name, column in columns.items() if column}
    return [dict(zip(filled, row, strict=True)) for row in zip(*filled.values(), strict=True)]


def _as_columns(rows: list[Reading]) -> Readings:
    return Readings(
        seq=[row.seq for row in rows],
        device=[row.device for row in rows],
        point=[row.point for row in rows],
        at=[row.at for row in rows],
        value=[row.value for row in rows],
        quality=[row.quality for row in rows],
        clock_error_ms=[row.clock_error_ms for row in rows],
    )


def columns_problem(readings: Readings) -> str | None:
    """What is wrong with the columns of readings, or None."""
    if readings == _NO_READINGS:
        return None
    lengths = {len(column) for column in msgspec.structs.astuple(readings)[:6]}
    if len(lengths) > 1 or len(readings.clock_error_ms) not in {0, len(readings)}:
        return "the columns are of different lengths"
    for value, quality in zip(readings.value, readings.quality, strict=True):
        if (problem := _value_problem(value, quality)) is not None:
            return problem
    return None


def _value_problem(value: float | None, quality: Quality) -> str | None:
    if (value is None) != (quality is Quality.BAD):
        return "a value is null exactly when its quality is bad"
    return None


def _check_numbers(decoded: Decoded) -> None:
    """A batch holds each number of its range once, or names it as lost; what was rejected may be any of them."""
    batch = decoded.batch
    if not (0 <= batch.epoch <= MOST_EPOCH and 1 <= batch.first <= batch.last + 1 <= MAX_SEQ + 1):
        raise Unreadable(f"epoch {batch.epoch}, {batch.first}..{batch.last}: no range of sequence numbers")
    count = batch.last - batch.first + 1 - _count_lost(batch)
    lost = sum(reject.kind != "coverage" for reject in decoded.rejects)
    numbers = [event.seq for event in batch.events]
    if len(batch.readings):
        numbers += batch.readings.seq
        numbers.sort()
    if len(numbers) + lost != count:
        raise Unreadable(f"{len(numbers) + lost} events and readings in {batch.first}..{batch.last}")
    if lost == 0 and not batch.lost and numbers == list(range(batch.first, batch.last + 1)):
        return
    if len(set(numbers)) != len(numbers) or any(not batch.first <= n <= batch.last for n in numbers):
        raise Unreadable(f"a sequence number stands twice or outside {batch.first}..{batch.last}")
    if any(first <= number <= last for first, last in batch.lost for number in numbers):
        raise Unreadable("a sequence number is lost and stands there all the same")


def _count_lost(batch: Batch) -> int:
    if len(batch.lost) > MOST_LOST:
        raise Unreadable(f"{len(batch.lost)} ranges of lost numbers; {MOST_LOST} are allowed")
    before = batch.first - 1
    for first, last in batch.lost:
        if not before < first <= last <= batch.last:
            raise Unreadable(f"lost {first}..{last}: no range of {batch.first}..{batch.last} in its order")
        before = last
    return sum(last - first + 1 for first, last in batch.lost)


def event_problem(event: Event) -> str | None:
    """What makes an event that decodes impossible to store or to use, or None."""
    if not (
        _is_name(event.device)
        and _is_name(event.type)
        and (event.zone is None or _is_name(event.zone))
        and (event.person is None or _is_name(event.person))
    ):
        return f"a name is longer than {MOST_NAME} characters or holds a NUL"
    if not (EARLIEST_STORABLE <= event.at <= LATEST_STORABLE and 0 <= event.observed_at <= LATEST_STORABLE):
        return "a time lies outside the years 1 to 9999"
    if not 0 <= event.clock_error_ms <= MOST_CLOCK_ERROR_MS:
        return "clock_error_ms is negative or beyond all reason"
    if event.data is not EMPTY and bytes(event.data) != b"{}":
        if b"\\u0000" in bytes(event.data):
            return "data holds a NUL"
        if len(bytes(event.data)) > MOST_DATA:
            return f"data has more than {MOST_DATA} bytes"
        if is_deep(bytes(event.data)):
            return f"data has more than {MOST_DEPTH} levels"
        try:
            event_data(event)
        except _UNREADABLE as error:
            return f"data: {error}"
    return None


def reading_problem(device: str, point: str, at: int, clock_error_ms: int) -> str | None:
    """What makes a reading that decodes impossible to store, or None."""
    if not (_is_name(device) and _is_name(point)):
        return f"a name is longer than {MOST_NAME} characters or holds a NUL"
    if not EARLIEST_STORABLE <= at <= LATEST_STORABLE:
        return "a time lies outside the years 1 to 9999"
    if not 0 <= clock_error_ms <= MOST_CLOCK_ERROR_MS:
        return "clock_error_ms is negative or beyond all reason"
    return None


def _is_name(text: str) -> bool:
    return len(text) <= MOST_NAME and "\0" not in text
