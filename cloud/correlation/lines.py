"""The lines that `sitewarden replay` reads: events, readings and coverage, one JSON object each.

The forms are those of verdicts.md section 5. Fields that a line may carry beside them (`observed_at`, say) are
passed over, so that an export of a newer version can still be replayed.
"""

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from contract.events import EMPTY, Event, Quality
from contract.problems import ConfigError, Problem

LATEST_MS: Final = 4_102_444_800_000
"""2100-01-01: what lies beyond was written in another unit than milliseconds."""

Moment = Annotated[int, Meta(ge=0, le=LATEST_MS)]
Name = Annotated[str, Meta(min_length=1)]
Whole = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
_FORMS: Final = "expected an event (type), a reading (point) or coverage (complete_to, blind)"
_BOM: Final = b"\xef\xbb\xbf"


class _Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Any of the forms; which one it is shows by the fields it has."""

    site: Name
    device: Name
    seq: Whole | UnsetType = UNSET
    at: Moment | UnsetType = UNSET
    type: Name | UnsetType = UNSET
    zone: Name | None = None
    person: Name | None = None
    data: msgspec.Raw = EMPTY
    received_at: Moment | None = None
    clock_error_ms: Whole = 0
    point: Name | UnsetType = UNSET
    value: float | UnsetType | None = UNSET
    quality: Quality = Quality.GOOD
    complete_to: Moment | UnsetType = UNSET
    blind: tuple[Moment, Moment] | UnsetType = UNSET


class Received(msgspec.Struct, frozen=True, gc=False):
    """An event and when the cloud took it."""

    event: Event
    received_at: int


class Recording(msgspec.Struct):
    """What a file of lines says of one site, whatever order they stand in.

    An event that stands there more than once counts once, as it was received first; `repeated` counts the
    others. `readings`: by device and point, `(at, value, received_at)` of the good ones. `first` and `last` are the earliest and the latest `at` of events and readings.
    """

    events: dict[tuple[str, int], Received] = {}
    complete: dict[str, int] = {}
    blind: dict[str, set[tuple[int, int]]] = {}
    readings: dict[tuple[str, str], list[tuple[int, float, int]]] = {}
    reading_lines: int = 0
    repeated: int = 0
    first: int | None = None
    last: int | None = None
    bad: list[Problem] = []


def read_lines(lines: Iterable[bytes], site: str, *, file: str, skip_bad: bool) -> Recording:
    """Everything the lines say of `site`. Empty lines are passed over; `file` is their name in messages.

    Raises:
        ConfigError: A line is bad and `skip_bad` is false; it names the first one.
    """
    recording = Recording()
    for number, raw in enumerate(lines, 1):
        text = raw.removeprefix(_BOM) if number == 1 else raw
        if not text.strip():
            continue
        try:
            _take(recording, _decode(text, site))
        except _BadLineError as error:
            problem = Problem(file, number, error.field, error.reason)
            if not skip_bad:
                raise ConfigError([problem]) from error
            recording.bad.append(problem)
    return recording


class _BadLineError(Exception):
    """A line has none of the forms; `field` is empty where it is the whole line."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(reason)


_line_decoder: Final = msgspec.json.Decoder(_Line)
_object_decoder: Final = msgspec.json.Decoder(dict[str, object])


def _decode(text: bytes, site: str) -> _Line:
    try:
        line = _line_decoder.decode(text)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).replace("`", "").partition(" - at $")
        raise _BadLineError(where.lstrip("."), reason[0].lower() + reason[1:]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _BadLineError("", f"is no JSON: {error}") from error
    except RecursionError as error:
        raise _BadLineError("", "is nested too deeply") from error
    if line.site != site:
        raise _BadLineError("site", f"expected {site!r}, found {line.site!r}")
    return line


def _take(recording: Recording, line: _Line) -> None:
    if line.type is not UNSET:
        _take_event(recording, line, line.type)
    elif line.point is not UNSET:
        _take_reading(recording, line)
    elif line.complete_to is not UNSET or line.blind is not UNSET:
        _take_coverage(recording, line)
    else:
        raise _BadLineError("", _FORMS)


def _take_event(recording: Recording, line: _Line, kind: str) -> None:
    at = _at(line)
    if line.seq is UNSET:
        raise _BadLineError("seq", "is missing")
    _check_data(line.data)
    event = Event(
        seq=line.seq,
        at=at,
        device=line.device,
        type=kind,
        clock_error_ms=line.clock_error_ms,
        zone=line.zone,
        person=line.person,
        data=line.data,
    )
    received = Received(event, at if line.received_at is None else line.received_at)
    known = recording.events.get((line.device, line.seq))
    if known is not None:
        recording.repeated += 1
    if known is None or _rank(received) < _rank(known):
        recording.events[line.device, line.seq] = received
    _span(recording, at)


def _rank(received: Received) -> tuple[int, bytes]:
    """The one received first is the event; at the same moment the content decides, never the place in the file."""
    return received.received_at, msgspec.json.encode(received.event)


def _check_data(data: msgspec.Raw) -> None:
    try:
        _object_decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _BadLineError("data", "expected an object") from error
    except RecursionError as error:
        raise _BadLineError("data", "is nested too deeply") from error


def _take_reading(recording: Recording, line: _Line) -> None:
    at = _at(line)
    if line.value is UNSET:
        raise _BadLineError("value", "is missing")
    if (line.value is None) is not (line.quality is Quality.BAD):
        raise _BadLineError("value", "expected null where the quality is bad, and only there")
    recording.reading_lines += 1
    if line.value is not None and line.quality is Quality.GOOD:
        received = at if line.received_at is None else line.received_at
        known = recording.readings.setdefault((line.device, str(line.point)), [])
        known.append((at, line.value, received))
    _span(recording, at)


def _take_coverage(recording: Recording, line: _Line) -> None:
    if line.blind is not UNSET:
        start, end = line.blind
        if start > end:
            raise _BadLineError("blind", "expected a start that is not after the end")
        recording.blind.setdefault(line.device, set()).add((start, end))
    if line.complete_to is not UNSET:
        known = recording.complete.get(line.device, 0)
        recording.complete[line.device] = max(known, line.complete_to)


def _at(line: _Line) -> int:
    if line.at is UNSET:
        raise _BadLineError("at", "is missing")
    return line.at


def _span(recording: Recording, at: int) -> None:
    recording.first = at if recording.first is None else min(recording.first, at)
    recording.last = at if recording.last is None else max(recording.last, at)
