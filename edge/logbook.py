"""Hand-kept logs and exports as CSV: each line is what happened, or a mistake in the words of its author. Pure."""

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
    """What a log says, oldest first as it stands there. `newest`: its last moment, ms since the epoch."""

    events: tuple[Happened, ...] = ()
    readings: tuple[tuple[int, Measured], ...] = ()
    newest: int | None = None
    mistakes: tuple[Mistake, ...] = ()


class Moment(msgspec.Struct, frozen=True):
    """When a log is read: by the boot clock, and in ms since the epoch."""

    boot: int
    wall: int


def decoded(body: bytes) -> str | None:
    """The text of a file as spreadsheets write it, in UTF-8 or GB 18030; None when it is neither."""
    for encoding in ("utf-8-sig", "gb18030"):
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
            return Log(mistakes=(Mistake(1, "", "expected a text in UTF-8 or GB 18030"),))
        return read_log(text, device, profile, zone, now)

    return read


def read_log(text: str, device: Device, profile: CsvProfile, zone: zoneinfo.ZoneInfo, now: Moment) -> Log:
    """The log that `text` is; with any mistake, only its mistakes."""
    reader = csv.DictReader(io.StringIO(text), delimiter=profile.delimiter, strict=True)
    book = _Book(device, profile, zone, now)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        book.columns(names)
        for row in reader if not book.mistakes else ():
            if any(isinstance(value, str) and value.strip() for value in row.values()):
                book.row(row, reader.line_num)
            if len(book.mistakes) >= MOST_MISTAKES:
                break
    except csv.Error as error:
        book.wrong(reader.line_num, "", f"no line of a table: {error}")
    return book.log()


class _Book:
    def __init__(self, device: Device, profile: CsvProfile, zone: zoneinfo.ZoneInfo, now: Moment) -> None:
        self._device = device
        self._profile = profile
        self._zone = zone
        self._now = now
        self._error_ms = parse_duration(profile.error).ms
        self.mistakes: list[Mistake] = []
        self._events: list[Happened] = []
        self._readings: list[tuple[int, Measured]] = []

    def wrong(self, line: int, column: str, why: str) -> None:
        self.mistakes.append(Mistake(line, column, why))

    def log(self) -> Log:
        if self.mistakes:
            return Log(mistakes=tuple(self.mistakes))
        moments = [event.device_at for event in self._events if event.device_at is not None]
        moments += [at for at, _ in self._readings]
        return Log(
            events=tuple(self._events),
            readings=tuple(self._readings),
            newest=max(moments, default=None),
        )

    def columns(self, names: list[str]) -> None:
        """Whether the columns that the profile reads are there."""
        missing = sorted(set(_columns(self._profile)) - set(names))
        for column in missing:
            self.wrong(1, column, f"expected this column; there are {', '.join(names) or 'none'}")

    def row(self, row: Mapping[str, str], line: int) -> None:
        if None in row or None in row.values():
            self.wrong(line, "", "has more or fewer cells than there are columns")
            return
        cells = {name: value.strip() for name, value in row.items()}
        for entry in self._profile.rows:
            wanted = entry.where.items()
            if all(cells[column] in words for column, words in wanted) and any(cells[c] for c in entry.at):
                self._entry(entry, cells, line)

    def _entry(self, entry: Entry, cells: Mapping[str, str], line: int) -> None:
        at = self._moment(entry, cells, line)
        if at is None:
            return
        moment, doubt = at
        for point, column in entry.readings.items():
            self._reading(point, (line, column), cells[column], moment)
        if entry.type is not None:
            self._event(entry, cells, (line, moment, doubt))

    def _event(self, entry: Entry, cells: Mapping[str, str], when: tuple[int, int, int]) -> None:
        line, moment, doubt = when
        binding = None
        if entry.badge is not None:
            binding = self._device.points.get(cells[entry.badge])
            if binding is None:
                self.wrong(line, entry.badge, f"{cells[entry.badge]!r} is no point of {self._device.id}")
                return
        person = cells[entry.person] if entry.person else ""
        data: dict[str, str | int | float | bool] = {
            name: cells[column] for name, column in entry.data.items() if cells[column]
        }
        told = "\x1f".join((entry.type or "", str(moment), person, *(cells[c] for c in _read(entry))))
        self._events.append(
            Happened(
                device=(binding.device if binding else None) or self._device.id,
                type=entry.type or "",
                at=self._now.boot,
                observed_at=self._now.boot,
                device_at=moment,
                error_ms=self._error_ms + doubt,
                zone=binding.zone if binding else None,
                person=person or None,
                data={**data, "message": hashlib.sha256(told.encode()).hexdigest()[:16], "log": line},
            )
        )

    def _reading(self, point: str, where: tuple[int, str], cell: str, moment: int) -> None:
        if not cell:
            return
        if not re.fullmatch(r"[+-]?\d{1,12}(,\d{3})*(\.\d+)?", cell):
            self.wrong(*where, f"expected a number, found {cell!r}")
            return
        value = float(cell.replace(",", ""))
        boot = self._now.boot - (self._now.wall - moment)
        self._readings.append((moment, Measured(device=self._device.id, point=point, at=boot, value=value)))

    def _moment(self, entry: Entry, cells: Mapping[str, str], line: int) -> tuple[int, int] | None:
        column, cell = " ".join(entry.at), " ".join(cells[column] for column in entry.at)
        for form in self._profile.times:
            try:
                local = dt.datetime.strptime(cell, form)  # noqa: DTZ007 - a log has no zone, the site has
            except ValueError:
                continue
            moment, doubt = local_moment(local, self._zone)
            if moment > self._now.wall + self._error_ms:
                self.wrong(line, column, f"{cell} lies in the future")
            elif moment < self._now.wall - OLD_MS:
                self.wrong(line, column, f"{cell} is more than {OLD_MS // DAY_MS} days ago")
            else:
                return moment, doubt
            return None
        example = wall_clock(self._now.wall, self._zone).strftime(self._profile.times[0])
        self.wrong(line, column, f"expected a time such as {example}, found {cell!r}")
        return None


def _columns(profile: CsvProfile) -> Iterator[str]:
    for entry in profile.rows:
        yield from entry.at
        yield from _read(entry)


def _read(entry: Entry) -> Iterator[str]:
    yield from entry.where
    yield from entry.data.values()
    yield from entry.readings.values()
    yield from (column for column in (entry.person, entry.badge) if column is not None)
