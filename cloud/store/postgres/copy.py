"""Rows in PostgreSQL's binary COPY format, packed here because generic adaptation costs four times as much.

The format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"): a row is the number of
fields as int16, then each field as its length in int32 (-1: null) and its bytes, all big-endian. A timestamptz
is int64 µs since 2000-01-01, a jsonb the byte 1 and its text. The order of fields is that of the `begin_…`
statements in `writes.sql`.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cloud.correlation.verdict import BlindSpan, EventId, Verdict
from cloud.errors import StoreRejectedError
from cloud.store.base import EventGroup, ReadingGroup, VerdictRow
from contract.events import EMPTY, Event

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
NULL: Final = b"\xff\xff\xff\xff"

_EPOCH_2000_US: Final = 946_684_800_000_000
_TEXT_CACHE: Final = 20_000
_length = struct.Struct("!i").pack
_event = struct.Struct("!h iq iq iq iq iq iq ih ih".replace(" ", "")).pack
_event_unobserved = struct.Struct("!h iq iq iq iq i iq ih ih".replace(" ", "")).pack
_reading = struct.Struct("!h iq iq iq iq id iq ih ih".replace(" ", "")).pack
_reading_bad = struct.Struct("!h iq iq iq iq i iq ih ih".replace(" ", "")).pack
_int8 = struct.Struct("!iq").pack
_int4 = struct.Struct("!ii").pack
_int2 = struct.Struct("!ih").pack
_bool = struct.Struct("!i?").pack


def _us(ms: int) -> int:
    return ms * 1_000 - _EPOCH_2000_US


def text(value: str | None) -> bytes:
    """A text field."""
    if value is None:
        return NULL
    raw = value.encode()
    return _length(len(raw)) + raw


def jsonb(value: bytes) -> bytes:
    """A jsonb field from JSON text."""
    return _length(len(value) + 1) + b"\1" + value


class EventPacker:
    """Packs events; the text fields of a device's events repeat, so their bytes are remembered."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str, str, str | None, str | None], bytes] = {}

    def pack(self, groups: Iterable[EventGroup], partition: int, commit_no: int) -> bytes:
        """The rows of the groups.

        Raises:
            StoreRejectedError: A number does not fit its column.
        """
        out: list[bytes] = []
        try:
            for group in groups:
                self._group(out, group, partition, commit_no)
        except struct.error as error:
            raise StoreRejectedError(f"a number does not fit its column: {error}") from error
        return b"".join(out)

    def _group(self, out: list[bytes], group: EventGroup, partition: int, commit_no: int) -> None:
        # The hottest loop of the store: locals, one pack and at most three appends for each row.
        add, pack, texts = out.append, _event, self._texts
        site, base, received = group.site, group.seq_base, _us(group.received_at)
        flags: Sequence[int] = group.flags or (0,) * len(group.events)
        for e, flag in zip(group.events, flags, strict=True):
            observed = e.observed_at
            if observed:
                # fmt: off
                add(pack(14, 8, commit_no, 8, base + e.seq, 8, e.at * 1_000 - _EPOCH_2000_US, 8, received,
                         8, observed * 1_000 - _EPOCH_2000_US, 8, e.clock_error_ms, 2, partition, 2, flag))
                # fmt: on
            else:
                add(_unobserved(e, base, received, commit_no, partition, flag))
            known = texts.get((site, e.device, e.type, e.zone, e.person))
            add(known if known is not None else self._learn(site, e))
            data = e.data
            add(NULL if data == EMPTY else jsonb(bytes(data)))

    def _learn(self, site: str, e: Event) -> bytes:
        if len(self._texts) >= _TEXT_CACHE:
            self._texts.clear()
        packed = text(site) + text(e.device) + text(e.type) + text(e.zone) + text(e.person)
        self._texts[site, e.device, e.type, e.zone, e.person] = packed
        return packed


def _unobserved(e: Event, base: int, received: int, commit_no: int, partition: int, flag: int) -> bytes:
    # fmt: off
    return _event_unobserved(14, 8, commit_no, 8, base + e.seq, 8, _us(e.at), 8, received, -1,
                             8, e.clock_error_ms, 2, partition, 2, flag)
    # fmt: on


def pack_readings(groups: Iterable[ReadingGroup], partition: int, commit_no: int) -> bytes:
    """The rows of the groups.

    Raises:
        StoreRejectedError: A number does not fit its column.
    """
    out: list[bytes] = []
    try:
        for group in groups:
            _reading_group(out, group, partition, commit_no)
    except struct.error as error:
        raise StoreRejectedError(f"a number does not fit its column: {error}") from error
    return b"".join(out)


def _reading_group(out: list[bytes], group: ReadingGroup, partition: int, commit_no: int) -> None:
    columns, received, site = group.readings, _us(group.received_at), text(group.site)
    count = len(columns)
    texts: dict[tuple[str, str, str], bytes] = {}
    rows = zip(
        columns.seq,
        columns.device,
        columns.point,
        columns.at,
        columns.value,
        columns.quality,
        columns.clock_error_ms or (0,) * count,
        group.flags or (0,) * count,
        strict=True,
    )
    for seq, device, point, at, value, quality, error, flag in rows:
        identity = group.seq_base + seq
        tail = (8, error, 2, partition, 2, flag)
        if value is None:
            out.append(_reading_bad(12, 8, commit_no, 8, identity, 8, _us(at), 8, received, -1, *tail))
        else:
            out.append(_reading(12, 8, commit_no, 8, identity, 8, _us(at), 8, received, 8, value, *tail))
        key = (device, point, quality)
        if key not in texts:
            texts[key] = site + text(device) + text(point) + text(quality)
        out.append(texts[key])


def pack_verdicts(rows: Iterable[VerdictRow], partition: int, commit_no: int) -> bytes:
    """The rows of verdict revisions.

    Raises:
        StoreRejectedError: A number does not fit its column.
    """
    try:
        return b"".join(_verdict(row, partition, commit_no) for row in rows)
    except struct.error as error:
        raise StoreRejectedError(f"a number does not fit its column: {error}") from error


def _verdict(row: VerdictRow, partition: int, commit_no: int) -> bytes:
    revised, verdict = row.revised, row.revised.verdict
    return b"".join(
        (
            b"\0\x17",  # 23 fields
            _int8(8, commit_no),
            _int8(8, _us(verdict.opened_at)),
            _int8(8, _us(verdict.due_at)),
            _int8(8, _us(revised.decided_at)),
            NULL if verdict.elapsed_ms is None else _int8(8, verdict.elapsed_ms),
            NULL if revised.late_ms is None else _int8(8, revised.late_ms),
            _int4(4, revised.revision),
            _int4(4, verdict.version),
            _int2(2, partition),
            _bool(1, verdict.final),
            _bool(1, verdict.overdue),
            _bool(1, revised.cleared),
            text(row.site),
            _verdict_texts(verdict),
            jsonb(msgspec.json.encode(verdict.evidence)),
            jsonb(msgspec.json.encode(verdict.joined)),
            jsonb(msgspec.json.encode(verdict.blind)),
            text(row.explain_zh),
            text(row.explain_en),
        )
    )


def _verdict_texts(verdict: Verdict) -> bytes:
    texts = (verdict.rule, verdict.key, verdict.kind, verdict.outcome, verdict.reason)
    return b"".join(text(value) for value in texts)


event_ids: Final = msgspec.json.Decoder(tuple[EventId, ...])
blind_spans: Final = msgspec.json.Decoder(tuple[BlindSpan, ...])
