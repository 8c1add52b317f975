"""Replay: recorded lines in, verdicts out, by the same engine that judges live. Pure.

The verdicts are those as of `until` (verdicts.md section 5), byte for byte the same for any order of the lines.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
import numpy as np

from cloud.condition.derivation import OVER_PEERS, RISE, derived
from cloud.correlation.engine import Engine
from cloud.correlation.lines import Received, Recording, read_lines
from cloud.correlation.rules import RuleBook, asked_types
from cloud.correlation.verdict import Effect, Outcome, Reason, Revised, Verdict
from contract.batch import Coverage
from contract.events import KNOWN_TYPES, LOCATION_TYPES, Quality, Readings
from contract.problems import Problem
from contract.site import Site

Rows = dict[tuple[str, str], list[tuple[int, float, int]]]


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found.

    `verdicts` are the lines to write, without line ends. The data were judged from `since` as of `until`, in ms;
    both are 0 when there were none. Events of devices or types that nobody knows are counted by name.
    """

    verdicts: list[bytes]
    bad: list[Problem]
    since: int
    until: int
    events: int
    readings: int
    repeated: int
    unknown_devices: dict[str, int]
    unknown_types: dict[str, int]


def replay(  # noqa: PLR0913 - each is an option of the command
    site: Site,
    rules: RuleBook,
    lines: Iterable[bytes],
    *,
    since: int | None = None,
    until: int | None = None,
    history: bool = False,
    skip_bad: bool = False,
    file: str = "-",
) -> ReplayResult:
    """Judge recorded lines.

    `since` is the start of the data: what opened before is not told, though events before it are seen (somebody
    who came a minute earlier is there). By default it is the earliest `at`, and `until` the latest `at` or
    `complete_to` plus 1 ms. With `history` there is a line for each revision, in the order in which things were
    received; `decided_at` says when. Nobody recorded when coverage was stated: there a device is taken to be
    known up to the moment of each decision, until its `complete_to`.

    Raises:
        ConfigError: A line is bad and `skip_bad` is false; it names `file`, the line and what is wrong.
    """
    recording = read_lines(lines, site.id, file=file, skip_bad=skip_bad)
    since = recording.first if since is None else since
    until = _end(recording) if until is None else until
    told: list[bytes] = []
    if since is not None and until is not None:
        run = _Run(site, rules, recording, since, until)
        told = list(run.revisions() if history else run.verdicts())
    devices, types = _unknown(recording, site)
    return ReplayResult(
        verdicts=told,
        bad=recording.bad,
        since=since or 0,
        until=until or 0,
        events=len(recording.events),
        readings=recording.reading_lines,
        repeated=recording.repeated,
        unknown_devices=devices,
        unknown_types=types,
    )


def judged(
    site: Site,
    rules: RuleBook,
    recording: Recording,
    since: int | None = None,
    until: int | None = None,
    *,
    kept: bool = False,
) -> tuple[list[Verdict], int, int]:
    """The verdicts of a recording as of `until`, and the span that was judged, as `replay` takes it.

    `kept`: with the states that ended in time, which are no verdicts but count in figures.
    """
    since = recording.first if since is None else since
    until = _end(recording) if until is None else until
    if since is None or until is None:
        return [], 0, 0
    return list(_Run(site, rules, recording, since, until).judged(kept=kept)), since, until


class _Run:
    """One pass of the engine over a recording."""

    def __init__(self, site: Site, rules: RuleBook, recording: Recording, since: int, until: int) -> None:
        self._since = since
        self._until = until
        self._engine = Engine(site, rules, data_from=since, keep_ms=None)
        self._blind = {device: sorted(spans) for device, spans in recording.blind.items()}
        # Events from `until` on are not seen, so no statement can be believed beyond it.
        self._complete = {
            device: min(recording.complete.get(device, until), until) for device in site.devices
        }
        types = judged_types(rules)
        seen = [
            received
            for received in recording.events.values()
            if received.event.at < until and received.event.type in types
        ]
        self._received = sorted(seen, key=_in_order)
        asked = frozenset(self._engine.asked_points)
        self._readings = {
            point: sorted(row for row in rows if row[0] < until)
            for point, rows in sorted(_with_derived(site, recording.readings, asked).items())
            if point in asked
        }

    def verdicts(self) -> Iterator[bytes]:
        """A line for each episode as of `until`."""
        return (_encode(_fields(verdict)) for verdict in self.judged())

    def judged(self, *, kept: bool = False) -> Iterator[Verdict]:
        """Each episode as of `until`; `kept`: see `judged`."""
        self._cover(self._until)
        self._engine.on_events([received.event for received in self._received])
        for (device, point), rows in self._readings.items():
            at = np.array([row[0] for row in rows], np.int64)
            self._engine.on_column(device, point, at, np.array([row[1] for row in rows], np.float64))
        for verdict in self._engine.verdicts(self._until):
            ended = verdict.outcome is not Outcome.VOID or verdict.reason is Reason.NO_LONGER_DUE
            ended |= kept and verdict.final and verdict.is_kept
            if self._is_told(verdict) and ended:
                yield verdict

    def revisions(self) -> Iterator[bytes]:
        """A line for each revision: when something was received, and when a deadline passed meanwhile."""
        events = {
            moment: list(group)
            for moment, group in groupby(sorted(self._received, key=_receipt), key=_receipt)
        }
        readings: dict[int, list[tuple[str, str, int, float]]] = {}
        for (device, point), rows in self._readings.items():
            for at, value, received_at in rows:
                readings.setdefault(received_at, []).append((device, point, at, value))
        for received_at in sorted(events.keys() | readings.keys()):
            now = min(received_at, self._until)
            yield from self._deadlines(now)
            self._engine.on_events([received.event for received in events.get(received_at, ())])
            self._engine.on_readings(_columns(readings.get(received_at, ())))
            yield from self._settled(now, received_at)
        yield from self._deadlines(self._until)
        yield from self._settled(self._until, self._until)

    def _deadlines(self, until: int) -> Iterator[bytes]:
        while (due := self._engine.next_deadline()) is not None and due < until:
            yield from self._settled(due, due)

    def _settled(self, now: int, decided_at: int) -> Iterator[bytes]:
        self._cover(now)
        for revised in _revisions(self._engine.settle(now)):
            kept = revised.verdict.is_kept and revised.revision == 1
            if self._is_told(revised.verdict) and not kept:
                yield _encode(_history_fields(revised, decided_at))

    def _is_told(self, verdict: Verdict) -> bool:
        """What opened before the data is not told, but for a calendar period that reaches into them."""
        opened = verdict.due_at - 1 if verdict.kind == "quota" else verdict.opened_at
        return opened >= self._since

    def _cover(self, now: int) -> None:
        for device, complete_to in self._complete.items():
            blind = self._blind.pop(device, [])
            self._engine.on_coverage(device, Coverage(min(complete_to, now), blind))


def judged_types(rules: RuleBook) -> frozenset[str]:
    """The event types that a rule can ask about; the others change nothing."""
    found = set(LOCATION_TYPES)
    for version in rules.versions:
        found |= asked_types(version.rule)
    return frozenset(found)


def _in_order(received: Received) -> tuple[int, str, int]:
    event = received.event
    return event.at, event.device, event.seq


def _with_derived(site: Site, readings: Rows, asked: frozenset[tuple[str, str]]) -> Rows:
    """With what readings say of each other, where rules ask for it and the recording does not hold it."""
    if not any(point in {OVER_PEERS, RISE} for _, point in asked - readings.keys()):
        return readings
    columns = {
        name: (np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float64))
        for name, rows in readings.items()
    }
    found = {
        name: [(int(at), float(value), int(at)) for at, value in zip(*column, strict=True)]
        for name, column in derived(site, columns).items()
    }
    return found | readings


def _receipt(received: Received) -> int:
    return received.received_at


def _columns(rows: Sequence[tuple[str, str, int, float]]) -> Readings:
    return Readings(
        seq=[0] * len(rows),
        device=[row[0] for row in rows],
        point=[row[1] for row in rows],
        at=[row[2] for row in rows],
        value=[row[3] for row in rows],
        quality=[Quality.GOOD] * len(rows),
    )


def _end(recording: Recording) -> int | None:
    ends = [*recording.complete.values(), *([] if recording.last is None else [recording.last])]
    return max(ends) + 1 if ends else None


def _revisions(effects: Sequence[Effect]) -> list[Revised]:
    found = [effect for effect in effects if isinstance(effect, Revised)]
    return sorted(found, key=lambda revised: (revised.verdict.episode, revised.revision))


def _unknown(recording: Recording, site: Site) -> tuple[dict[str, int], dict[str, int]]:
    """How often each device and each type stands there that the site does not know, by name."""
    emitted = {name for device in site.file.devices for name in site.emits(device)}
    known = KNOWN_TYPES | emitted
    events = [received.event for received in recording.events.values()]
    devices = Counter(event.device for event in events if event.device not in site.devices)
    types = Counter(event.type for event in events if event.type not in known)
    return dict(sorted(devices.items())), dict(sorted(types.items()))


def _fields(verdict: Verdict) -> dict[str, Any]:
    return msgspec.structs.asdict(verdict)


def _history_fields(revised: Revised, decided_at: int) -> dict[str, Any]:
    late = None if revised.late_ms is None else decided_at - revised.verdict.due_at
    return _fields(revised.verdict) | {
        "revision": revised.revision,
        "decided_at": decided_at,
        "late_ms": late,
        "cleared": revised.cleared,
    }


def _encode(fields: dict[str, Any]) -> bytes:
    return msgspec.json.encode(fields, order="sorted")
