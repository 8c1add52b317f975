"""Rows in PostgreSQL's binary COPY format, packed here because generic adaptation costs four times as much.

The format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"): a row is the number of
fields as int16, then each field as its length in int32 (-1: null) and its bytes, all big-endian. A timestamptz
is int64 µs since 2000-01-01, a jsonb the byte 1 and its text. The order of fields is that of the `begin_…`
statements in `writes.sql`.
"""

import contextlib
import itertools
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from cloud.correlation.verdict import BlindSpan, EventId, Item, Verdict
from cloud.errors import StoreRejectedError
from cloud.store.base import EventGroup, ReadingGroup, VerdictRow
from contract.events import EMPTY

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
NULL: Final = b"\xff\xff\xff\xff"

_EPOCH_2000_US: Final = 946_684_800_000_000
_TEXT_CACHE: Final = 20_000
_PIECE: Final = 4_096
_length = struct.Struct("!i").pack
_reading = struct.Struct("!h iq iq iq iq id iq ih ih".replace(" ", "")).pack
_reading_bad = struct.Struct("!h iq iq iq iq i iq ih ih".replace(" ", "")).pack
_Texts = tuple[str, str, str | None, str | None]
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


_OBSERVED: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("commit_no_is", ">i4"),
        ("commit_no", ">i8"),
        ("seq_is", ">i4"),
        ("seq", ">i8"),
        ("at_is", ">i4"),
        ("at", ">i8"),
        ("received_at_is", ">i4"),
        ("received_at", ">i8"),
        ("observed_at_is", ">i4"),
        ("observed_at", ">i8"),
        ("clock_error_ms_is", ">i4"),
        ("clock_error_ms", ">i8"),
        ("partition_is", ">i4"),
        ("partition", ">i2"),
        ("flags_is", ">i4"),
        ("flags", ">i2"),
    ]
)
"""The fields of an event of a fixed width, each after its length."""

_UNOBSERVED: Final = np.dtype([field for field in _OBSERVED.descr if field[0] != "observed_at"])
"""The same where `observed_at` is null: then its length, -1, stands alone."""


class EventPacker:
    """Packs events: columns of fixed width with NumPy, the texts from memory, since those of a device repeat."""

    def __init__(self) -> None:
        self._texts: dict[str, dict[_Texts, bytes]] = {}

    def pack(self, groups: Sequence[EventGroup], partition: int, commit_no: int) -> Iterator[bytes]:
        """The rows of the groups, a piece at a time, so that the database works on one while the next is made.

        Raises:
            StoreRejectedError: A number does not fit its column.
        """
        constants = {"commit_no": commit_no, "partition": partition}
        for piece in _pieces(groups):
            for dtype, rows in zip((_OBSERVED, _UNOBSERVED), _by_observed(piece), strict=True):
                if rows:
                    with _numbers_fit():
                        heads = _heads(rows, dtype, constants)
                    tails = itertools.chain.from_iterable(self._tails(rows))
                    yield b"".join(itertools.chain.from_iterable(zip(heads, tails, strict=True)))

    def _tails(self, groups: Sequence[EventGroup]) -> Iterator[list[bytes]]:
        for group in groups:
            texts = self._texts.setdefault(group.site, {})
            try:
                tails = [texts[e.device, e.type, e.zone, e.person] for e in group.events]
            except KeyError:
                self._learn(group)
                tails = [texts[e.device, e.type, e.zone, e.person] for e in group.events]
            data = [e.data for e in group.events]
            if data.count(EMPTY) == len(data):
                yield tails
            else:
                # Within `texts` the data are null already.
                yield [
                    tail if said == EMPTY else tail[: -len(NULL)] + jsonb(bytes(said))
                    for tail, said in zip(tails, data, strict=True)
                ]

    def _learn(self, group: EventGroup) -> None:
        if sum(map(len, self._texts.values())) >= _TEXT_CACHE:
            for known in self._texts.values():
                known.clear()
        texts = self._texts[group.site]
        for e in group.events:
            names = (e.device, e.type, e.zone, e.person)
            if names not in texts:
                texts[names] = b"".join(map(text, (group.site, *names))) + NULL


def _pieces(groups: Sequence[EventGroup]) -> Iterator[list[EventGroup]]:
    piece: list[EventGroup] = []
    size = 0
    for group in groups:
        piece.append(group)
        size += len(group.events)
        if size >= _PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _by_observed(groups: Sequence[EventGroup]) -> tuple[list[EventGroup], list[EventGroup]]:
    """The events that have `observed_at`, and those that have not; nearly always a group has one kind."""
    observed: list[EventGroup] = []
    unobserved: list[EventGroup] = []
    for group in groups:
        said = [e.observed_at for e in group.events]
        match said.count(0):
            case 0:
                observed.append(group)
            case zeros if zeros == len(said):
                unobserved.append(group)
            case _:
                observed.append(_chosen(group, said))
                unobserved.append(_chosen(group, [not at for at in said]))
    return observed, unobserved


def _chosen(group: EventGroup, chosen: Sequence[object]) -> EventGroup:
    return msgspec.structs.replace(
        group,
        events=list(itertools.compress(group.events, chosen)),
        flags=list(itertools.compress(group.flags, chosen)),
    )


def _heads(
    groups: Sequence[EventGroup], dtype: "np.dtype[np.void]", constants: Mapping[str, int]
) -> list[bytes]:
    """The fixed part of each event's row."""
    events = [e for group in groups for e in group.events]
    counts = [len(group.events) for group in groups]
    rows = np.frombuffer(bytearray(_row(dtype, constants) * len(events)), dtype)
    rows["seq"] = _column([e.seq for e in events]) + np.repeat(_column([g.seq_base for g in groups]), counts)
    rows["at"] = _us_column([e.at for e in events])
    rows["received_at"] = np.repeat(_us_column([group.received_at for group in groups]), counts)
    rows["clock_error_ms"] = _column([e.clock_error_ms for e in events])
    if "observed_at" in (rows.dtype.names or ()):
        rows["observed_at"] = _us_column([e.observed_at for e in events])
    if any(group.flags for group in groups):
        flags = [group.flags or (0,) * len(group.events) for group in groups]
        rows["flags"] = _column(list(itertools.chain.from_iterable(flags)))
    heads: list[bytes] = rows.view(f"V{dtype.itemsize}").tolist()
    return heads


def _row(dtype: "np.dtype[np.void]", constants: Mapping[str, int]) -> bytes:
    """What every row begins as: the lengths of its fields, and the fields that are the same in all."""
    row, names = np.zeros((), dtype), dtype.names or ()
    row["fields"] = 14
    for name in names:
        if name.endswith("_is"):
            value = name.removesuffix("_is")
            row[name] = dtype[value].itemsize if value in names else -1
    for name, constant in constants.items():
        row[name] = constant
    return row.tobytes()


def _column(numbers: list[int]) -> "np.ndarray[Any, np.dtype[np.int64]]":
    return np.array(numbers, np.int64)


def _us_column(ms: list[int]) -> "np.ndarray[Any, np.dtype[np.int64]]":
    return _column(ms) * 1_000 - _EPOCH_2000_US


@contextlib.contextmanager
def _numbers_fit() -> Iterator[None]:
    try:
        yield
    except (struct.error, OverflowError) as error:
        raise StoreRejectedError(f"a number does not fit its column: {error}") from error


def pack_readings(groups: Iterable[ReadingGroup], partition: int, commit_no: int) -> bytes:
    """The rows of the groups.

    Raises:
        StoreRejectedError: A number does not fit its column.
    """
    out: list[bytes] = []
    with _numbers_fit():
        for group in groups:
            _reading_group(out, group, partition, commit_no)
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
    with _numbers_fit():
        return b"".join(_verdict(row, partition, commit_no) for row in rows)


def _verdict(row: VerdictRow, partition: int, commit_no: int) -> bytes:
    revised, verdict = row.revised, row.revised.verdict
    return b"".join(
        (
            b"\0\x18",  # 24 fields
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
            jsonb(msgspec.json.encode(verdict.items)),
            text(row.explain_zh),
            text(row.explain_en),
        )
    )


def _verdict_texts(verdict: Verdict) -> bytes:
    texts = (verdict.rule, verdict.key, verdict.kind, verdict.outcome, verdict.reason)
    return b"".join(text(value) for value in texts)


event_ids: Final = msgspec.json.Decoder(tuple[EventId, ...])
items_of: Final = msgspec.json.Decoder(tuple[Item, ...])
blind_spans: Final = msgspec.json.Decoder(tuple[BlindSpan, ...])
