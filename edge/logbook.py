"""Hand-kept logs and exports as CSV: each line is what happened, or a mistake in the words of its author. Pure."""

import codecs
import csv
import datetime as dt
import hashlib
import io
import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping

import msgspec
from typing_extensions import override

from contract.duration import parse_duration
from contract.profile.model import CsvProfile, Entry
from contract.site import Device
from edge.deviceclock import DAY_MS, OLD_MS
from edge.localtime import local_moment, wall_clock
from edge.ports import Happened, Measured

MOST_MISTAKES = 100
MOST_TITLES = 20
"""Lines above the names of the columns."""
LONGEST_LINE = dt.timedelta(hours=12)
"""What a line that goes over midnight may tell of; beyond it somebody wrote the times the wrong way round."""


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong in a line; line 1 is the one with the names of the columns. `column` may be nothing."""

    line: int
    column: str
    why: str

    @override
    def __str__(self) -> str:
        """For people."""
        where = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.why}"


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """What a log says, oldest first as it stands there, but for lines with a mistake.

    `oldest`, `newest`: its first and last moment, ms since the epoch. `unread`: nothing of the file could be taken.
    `unknown`: the devices that a line with a mistake tells of, None for any.
    """

    events: tuple[Happened, ...] = ()
    readings: tuple[tuple[int, Measured], ...] = ()
    oldest: int | None = None
    newest: int | None = None
    mistakes: tuple[Mistake, ...] = ()
    unread: bool = False
    unknown: frozenset[str | None] = frozenset()


class Moment(msgspec.Struct, frozen=True):
    """When a log is read: by the boot clock, and in ms since the epoch."""

    boot: int
    wall: int


def decoded(body: bytes) -> str | None:
    """The text of a file as spreadsheets write it, in UTF-8, UTF-16 or GB 18030; None when it is none of them."""
    wide = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "gb18030"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def file_reader(
    device: Device, profile: CsvProfile, zone: zoneinfo.ZoneInfo
) -> Callable[[bytes, Moment], Log]:
    """What reads the files of a device."""

    def read(body: bytes, now: Moment) -> Log:
        text = decoded(body)
        if text is None:
            mistake = Mistake(1, "", "expected a text in UTF-8 or GB 18030")
            return Log(mistakes=(mistake,), unread=True, unknown=frozenset({None}))
        return read_log(text, device, profile, zone, now)

    return read


def read_log(text: str, device: Device, profile: CsvProfile, zone: zoneinfo.ZoneInfo, now: Moment) -> Log:
    """The log that `text` is: its good lines, and the mistakes in the others."""
    book = _Book(device, profile, zone, now)
    table = _table(text, profile)
    names: list[str] | None = None
    try:
        for line, cells in table:
            if names is None:
                names = cells
                book.columns(line, names)
            elif any(cells) and not book.unread:
                book.row(names, cells, line)
            if len(book.mistakes) >= MOST_MISTAKES:
                break
    except csv.Error as error:
        book.wrong(1, "", f"no table: {error}")
    if names is None:
        book.columns(1, [])
    return book.log()


def _table(text: str, profile: CsvProfile) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table from the one that names its columns on, numbered as in the file.

    Programs put titles above it, and write another delimiter than they are said to.
    """
    wanted = set(_columns(profile))
    for delimiter in dict.fromkeys((profile.delimiter, ",", "\t", ";")):
        lines = _cells(text, delimiter)
        head = next((n for n, (_, cells) in enumerate(lines[:MOST_TITLES]) if wanted <= set(cells)), None)
        if head is not None:
            yield from lines[head:]
            return
    yield from (row for row in _cells(text, profile.delimiter) if any(row[1]))


def _cells(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    return [(reader.line_num, [cell.strip() for cell in row]) for row in reader]


class _Row:
    """What one line tells, as far as it has been read. `first`: the date and the moment of its first entry."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.first: tuple[str, dt.datetime] | None = None
        self.device: str | None = None
        self.is_wrong = False
        self.events: list[Happened] = []
        self.readings: list[tuple[int, Measured]] = []


class _Book:
    def __init__(self, device: Device, profile: CsvProfile, zone: zoneinfo.ZoneInfo, now: Moment) -> None:
        self._device = device
        self._profile = profile
        self._zone = zone
        self._now = now
        self._error_ms = parse_duration(profile.error).ms
        self.mistakes: list[Mistake] = []
        self.unread = False
        self._unknown: set[str | None] = set()
        self._events: list[Happened] = []
        self._readings: list[tuple[int, Measured]] = []

    def wrong(self, line: int, column: str, why: str) -> None:
        self.mistakes.append(Mistake(line, column, why))

    def log(self) -> Log:
        moments = [event.device_at for event in self._events if event.device_at is not None]
        moments += [at for at, _ in self._readings]
        return Log(
            events=tuple(self._events),
            readings=tuple(self._readings),
            oldest=min(moments, default=None),
            newest=max(moments, default=None),
            mistakes=tuple(self.mistakes),
            unread=self.unread or bool(self.mistakes and not moments),
            unknown=frozenset(self._unknown),
        )

    def columns(self, line: int, names: list[str]) -> None:
        """Whether the columns that the profile reads are there."""
        missing = sorted(set(_columns(self._profile)) - set(names))
        there = ", ".join(name for name in names if name) or "none"
        for column in missing:
            self.wrong(line, column, f"expected this column; there are {there}")
        if missing:
            self.unread = True
            self._unknown.add(None)

    def row(self, names: list[str], cells: list[str], line: int) -> None:
        """Take a line in whole, or leave it out and say why; a reading that is no number is left out by itself."""
        row = _Row(line)
        if len(cells) < len(names) or any(cells[len(names) :]):
            self.wrong(line, "", "has more or fewer cells than there are columns")
            row.is_wrong = True
        else:
            self._entries(row, dict(zip(names, cells, strict=False)))
        if row.is_wrong:
            self._unknown.add(row.device)
            return
        self._events += row.events
        self._readings += row.readings

    def _entries(self, row: _Row, cells: Mapping[str, str]) -> None:
        for entry in self._profile.rows:
            wanted = entry.where.items()
            if all(cells[column] in words for column, words in wanted) and any(cells[c] for c in entry.at):
                self._entry(entry, cells, row)

    def _entry(self, entry: Entry, cells: Mapping[str, str], row: _Row) -> None:
        bound = self._device.points.get(cells[entry.badge]) if entry.badge is not None else None
        if bound is not None:
            row.device = bound.device
        at = self._moment(entry, cells, row)
        if at is None:
            row.is_wrong = True
            return
        moment, doubt = at
        for point, column in entry.readings.items():
            self._reading(point, (row, column), cells[column], moment)
        if entry.type is not None:
            self._event(entry, cells, row, (moment, doubt))

    def _event(self, entry: Entry, cells: Mapping[str, str], row: _Row, when: tuple[int, int]) -> None:
        moment, doubt = when
        binding = None
        if entry.badge is not None:
            binding = self._device.points.get(cells[entry.badge])
            if binding is None:
                self.wrong(row.line, entry.badge, f"{cells[entry.badge]!r} is no point of {self._device.id}")
                row.is_wrong = True
                return
        person = cells[entry.person] if entry.person else ""
        data: dict[str, str | int | float | bool] = {
            name: cells[column] for name, column in entry.data.items() if cells[column]
        }
        told = "\x1f".join((entry.type or "", str(moment), person, *(cells[c] for c in _read(entry))))
        row.events.append(
            Happened(
                device=(binding.device if binding else None) or self._device.id,
                type=entry.type or "",
                at=self._now.boot,
                observed_at=self._now.boot,
                device_at=moment,
                error_ms=self._error_ms + doubt,
                zone=binding.zone if binding else None,
                person=person or None,
                data={**data, "message": hashlib.sha256(told.encode()).hexdigest()[:16], "log": row.line},
            )
        )

    def _reading(self, point: str, where: tuple[_Row, str], cell: str, moment: int) -> None:
        row, column = where
        if not cell:
            return
        if not re.fullmatch(r"[+-]?\d{1,12}(,\d{3})*(\.\d+)?", cell):
            self.wrong(row.line, column, f"expected a number, found {cell!r}")
            return
        value = float(cell.replace(",", ""))
        boot = self._now.boot - (self._now.wall - moment)
        row.readings.append((moment, Measured(device=self._device.id, point=point, at=boot, value=value)))

    def _moment(self, entry: Entry, cells: Mapping[str, str], row: _Row) -> tuple[int, int] | None:
        column, cell = " ".join(entry.at), " ".join(cells[column] for column in entry.at)
        local = self._local(cell)
        if local is None:
            example = wall_clock(self._now.wall, self._zone).strftime(self._profile.times[0])
            self.wrong(row.line, column, f"expected a time such as {example}, found {cell!r}")
            return None
        after = self._after_midnight(entry, cells, local, row)
        if after is None:
            self.wrong(row.line, column, f"{cell} lies before the line begins")
            return None
        moment, doubt = local_moment(after, self._zone)
        if moment > self._now.wall + self._error_ms:
            self.wrong(row.line, column, f"{cell} lies in the future")
        elif moment < self._now.wall - OLD_MS:
            self.wrong(row.line, column, f"{cell} is more than {OLD_MS // DAY_MS} days ago")
        else:
            return moment, doubt
        return None

    def _local(self, cell: str) -> dt.datetime | None:
        for form in self._profile.times:
            try:
                return dt.datetime.strptime(cell, form)  # noqa: DTZ007 - a log has no zone, the site has
            except ValueError:
                continue
        return None

    def _after_midnight(
        self, entry: Entry, cells: Mapping[str, str], local: dt.datetime, row: _Row
    ) -> dt.datetime | None:
        """The moment of an entry, on the next day where a line has one date and goes over midnight; None for neither."""
        date = cells[entry.at[0]] if len(entry.at) > 1 else ""
        if row.first is None:
            row.first = (date, local)
            return local
        shared, first = row.first
        if not date or date != shared or local >= first:
            return local
        local += dt.timedelta(days=1)
        return local if local - first <= LONGEST_LINE else None


def _columns(profile: CsvProfile) -> Iterator[str]:
    for entry in profile.rows:
        yield from entry.at
        yield from _read(entry)


def _read(entry: Entry) -> Iterator[str]:
    yield from entry.where
    yield from entry.data.values()
    yield from entry.readings.values()
    yield from (column for column in (entry.person, entry.badge) if column is not None)
