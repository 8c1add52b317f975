"""The reading side of the in-memory store: plain filters over what its partitions hold."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, TypeVar

from typing_extensions import override

from cloud.correlation.episodes import PastReading
from cloud.correlation.verdict import Outcome
from cloud.operations.command import Answer
from cloud.operations.record import Record, RecordKind
from cloud.store.base import (
    WITHHELD,
    AgentHealth,
    BlindRow,
    Commit,
    DeviceHealth,
    Incident,
    ReadingGroup,
    StoredEvent,
    VerdictRow,
    good_readings,
)
from cloud.store.memory import MemoryStore, Partition, stored_events
from cloud.store.reads import (
    MOST_ROWS,
    MOST_VALUE,
    RECORDS,
    AlertState,
    AnswerQuery,
    Change,
    ChangeKind,
    ChangeQuery,
    ChangeRow,
    CurveBin,
    CurveQuery,
    EventQuery,
    IncidentQuery,
    LatestReading,
    NoticeQuery,
    NoticeState,
    Page,
    QuarantineEntry,
    QuarantineQuery,
    Reader,
    RecordQuery,
    SiteEvent,
    VerdictQuery,
    change_order,
)
from contract.events import LASTING_PART_TYPES, LASTING_TYPES, LOCATION_TYPES, Event, part_of

T = TypeVar("T")


class MemoryReader(Reader):
    """Reads a `MemoryStore`, also one that another thread writes."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @override
    async def open(self) -> None:
        return

    @override
    async def close(self) -> None:
        return

    @override
    async def positions(self) -> Mapping[int, int]:
        with self._store.lock:
            return {number: len(held.commits) for number, held in self._store.partitions.items()}

    @override
    async def follow(self) -> AsyncGenerator[tuple[int, int], None]:
        loop = asyncio.get_running_loop()
        told: asyncio.Queue[tuple[int, int]] = asyncio.Queue()

        def tell(partition: int, commit_no: int) -> None:
            loop.call_soon_threadsafe(told.put_nowait, (partition, commit_no))

        with self._store.lock:
            self._store.listeners.add(tell)
        try:
            for position in (await self.positions()).items():
                yield position
            while True:
                yield await told.get()
        finally:
            with self._store.lock:
                self._store.listeners.discard(tell)

    @override
    async def changes(self, query: ChangeQuery) -> Sequence[Change]:
        with self._store.lock:
            held = self._store.partitions.get(query.partition, Partition())
            found = [
                change
                for kind in query.kinds
                for change in _CHANGES[kind](held, query)
                if query.site in {None, change.row.site}
            ]
        return sorted(found, key=change_order)

    @override
    async def devices(self, site: str) -> Sequence[DeviceHealth]:
        with self._store.lock:
            rows = [row for held in self._partitions() for _, row in held.devices.values()]
        return sorted((row for row in rows if row.site == site), key=lambda row: row.device)

    @override
    async def blind(self, site: str, since: int, device: str | None = None) -> Sequence[BlindRow]:
        with self._store.lock:
            rows = [row for held in self._partitions() for _, row in held.blind.values()]
        mine = (row for row in rows if row.site == site and row.end > since and device in {None, row.device})
        return sorted(mine, key=lambda row: (row.device, row.start))

    @override
    async def agents(self, site: str) -> Sequence[AgentHealth]:
        with self._store.lock:
            rows = [row for held in self._partitions() for _, row in held.agents.values()]
        return sorted((row for row in rows if row.site == site), key=lambda row: row.agent)

    @override
    async def events(self, query: EventQuery) -> Page[StoredEvent]:
        with self._store.lock:
            rows = [row for held in self._partitions() for row in stored_events(held, query.site)]
        return _page(
            (row for row in rows if _wanted_event(row, query)),
            lambda row: (row.event.at, row.event.device, row.event.seq),
            query.before,
            query.limit,
        )

    @override
    async def lasting(self, site: str, devices: Sequence[str]) -> Sequence[StoredEvent]:
        wanted = frozenset(devices)

        def key_of(event: Event) -> tuple[str, ...] | None:
            if event.device not in wanted:
                return None
            if event.type in LASTING_TYPES:
                return event.device, event.type, ""
            return (event.device, event.type, part_of(event)) if event.type in LASTING_PART_TYPES else None

        return self._newest(site, key_of)

    @override
    async def seen(self, site: str, since: int) -> Sequence[StoredEvent]:
        return self._newest(
            site,
            lambda event: (
                (event.person,)
                if event.person is not None and event.type in LOCATION_TYPES and event.at >= since
                else None
            ),
        )

    def _newest(self, site: str, key_of: Callable[[Event], tuple[str, ...] | None]) -> list[StoredEvent]:
        """The newest event of each key, by key."""
        with self._store.lock:
            rows = [row for held in self._partitions() for row in stored_events(held, site)]
        found: dict[tuple[str, ...], StoredEvent] = {}
        for row in sorted(rows, key=lambda row: (row.event.at, row.event.device, row.event.seq)):
            key = key_of(row.event)
            if key is not None:
                found[key] = row
        return [found[key] for key in sorted(found)]

    @override
    async def latest_readings(self, site: str, device: str | None = None) -> Sequence[LatestReading]:
        newest: dict[tuple[str, str], tuple[int, int, LatestReading]] = {}
        for group in self._reading_groups(site):
            for seq, reading in _readings(group):
                key, row = (reading.device, reading.point), (reading.at, seq, reading)
                if device in {None, reading.device} and (key not in newest or newest[key][:2] <= row[:2]):
                    newest[key] = row
        return [newest[key][2] for key in sorted(newest)]

    @override
    async def curve(self, query: CurveQuery) -> Sequence[CurveBin]:
        points = [(query.device, query.point)]
        past = await self.past_readings(query.site, points, query.since, query.until)
        told = [(at, value) for _, _, at, value in past if abs(value) <= MOST_VALUE]
        if not query.step:
            return [(at, value, value, value, 1) for at, value in told[: query.limit]]
        bins: dict[int, list[float]] = {}
        for at, value in told:
            start = query.origin + (at - query.origin) // query.step * query.step
            bins.setdefault(start, []).append(value)
        return [
            (start, min(values), math.fsum(values) / len(values), max(values), len(values))
            for start, values in bins.items()
        ]

    def _reading_groups(self, site: str) -> list[ReadingGroup]:
        with self._store.lock:
            commits = [commit for held in self._partitions() for commit in held.commits]
        return [group for commit in commits for group in commit.readings if group.site == site]

    @override
    async def past_readings(
        self, site: str, points: Sequence[tuple[str, str]], start: int, end: int
    ) -> Sequence[PastReading]:
        wanted = frozenset(points)
        return sorted(
            row
            for group in self._reading_groups(site)
            for row in good_readings(group, wanted)
            if start <= row[2] < end
        )

    @override
    async def verdicts(self, query: VerdictQuery) -> Page[VerdictRow]:
        newest: dict[tuple[str, str, int], VerdictRow] = {}
        for row in sorted(self._verdict_rows(query.site), key=lambda row: row.revised.revision):
            newest[_episode(row)] = row
        return _page(
            (row for row in newest.values() if _wanted_verdict(row, query)),
            lambda row: (row.revised.verdict.opened_at, row.revised.verdict.rule, row.revised.verdict.key),
            query.before,
            query.limit,
        )

    @override
    async def revisions(self, site: str, rule: str, key: str, opened_at: int) -> Sequence[VerdictRow]:
        found = [row for row in self._verdict_rows(site) if _episode(row) == (rule, key, opened_at)]
        return sorted(found, key=lambda row: row.revised.revision)

    @override
    async def incidents(self, query: IncidentQuery) -> Page[Incident]:
        with self._store.lock:
            rows = [row for held in self._partitions() for _, row in held.incidents.values()]
        wanted = (row for row in rows if row.site == query.site and query.state in {None, row.state})
        return _page(wanted, lambda row: (row.opened_at, row.id), query.before, query.limit)

    @override
    async def incident(self, site: str, incident: str) -> Incident | None:
        with self._store.lock:
            found = [held.incidents.get((site, incident)) for held in self._partitions()]
        return next((entry[1] for entry in found if entry is not None), None)

    @override
    async def records(self, query: RecordQuery) -> Page[Record]:
        with self._store.lock:
            rows = [row for held in self._partitions() for row in held.records.values()]
        wanted = (
            row
            for row in rows
            if (row.site, row.kind) == (query.site, query.kind)
            and (not query.states or row.state in query.states)
            and _within(row.opened_at, query.since, query.until)
        )
        return _page(wanted, lambda row: (row.opened_at, row.id), query.before, query.limit)

    @override
    async def record(self, site: str, kind: RecordKind, identity: str) -> Record | None:
        with self._store.lock:
            found = [held.records.get((site, kind, identity)) for held in self._partitions()]
        return next((row for row in found if row is not None), None)

    @override
    async def record_revisions(self, site: str, kind: RecordKind, since: int, until: int) -> Sequence[Record]:
        with self._store.lock:
            commits = [commit for held in self._partitions() for commit in held.commits]
        rows = [row for commit in commits for row in commit.records]
        mine = [
            row for row in rows if (row.site, row.kind) == (site, kind) and since <= row.changed_at < until
        ]
        return sorted(mine, key=lambda row: (row.changed_at, row.id, row.revision))

    @override
    async def answer(self, site: str, command: str) -> Answer | None:
        with self._store.lock:
            found = [held.answers.get((site, command)) for held in self._partitions()]
        return next((row for row in found if row is not None), None)

    @override
    async def answers(self, query: AnswerQuery) -> Page[Answer]:
        with self._store.lock:
            rows = [row for held in self._partitions() for row in held.answers.values()]
        wanted = (
            row
            for row in rows
            if row.site == query.site
            and query.person in {None, row.person}
            and query.target in {None, row.target}
        )
        return _page(wanted, lambda row: (row.received_at, row.id), query.before, query.limit)

    @override
    async def notices(self, query: NoticeQuery) -> Page[NoticeState]:
        with self._store.lock:
            rows = [
                NoticeState(
                    notice=held.notice,
                    state=held.state,
                    attempts=held.attempts,
                    settled_at=held.settled_at,
                    answer=held.answer,
                )
                for part in self._partitions()
                for held in part.notices.values()
            ]
        wanted = (
            row
            for row in rows
            if row.notice.site == query.site
            and query.about in {None, row.notice.about}
            and query.person in {None, row.notice.person}
            and query.state in {None, row.state}
        )
        return _page(wanted, lambda row: (row.notice.made_at, row.notice.id), query.before, query.limit)

    @override
    async def alerts(self, site: str) -> Sequence[AlertState]:
        with self._store.lock:
            entries = [entry for held in self._partitions() for entry in held.alerts.values()]
        mine = [AlertState(alert) for _, alert, cleared in entries if cleared is None and alert.site == site]
        mine.sort(key=lambda row: (row.alert.overdue.due_at, row.alert.overdue.episode), reverse=True)
        return mine[:MOST_ROWS]

    @override
    async def quarantine(self, query: QuarantineQuery) -> Page[QuarantineEntry]:
        with self._store.lock:
            commits = [commit for held in self._partitions() for commit in held.commits]
        commits.sort(key=lambda commit: (commit.committed_at, commit.partition, commit.commit_no))
        rows = [row for commit in commits for row in commit.quarantine]
        entries = (QuarantineEntry(number, row) for number, row in enumerate(rows, start=1))
        wanted = (entry for entry in entries if query.site in {None, entry.row.site})
        return _page(wanted, lambda entry: entry.id, query.before, query.limit)

    def _partitions(self) -> Iterable[Partition]:
        return self._store.partitions.values()

    def _verdict_rows(self, site: str) -> list[VerdictRow]:
        with self._store.lock:
            commits = [commit for held in self._partitions() for commit in held.commits]
        return [row for commit in commits for row in commit.verdicts if row.site == site]


def _page(rows: Iterable[T], key: Callable[[T], Any], before: object, limit: int) -> Page[T]:
    found = sorted((row for row in rows if before is None or key(row) < before), key=key, reverse=True)
    return Page(found[:limit], len(found) > limit)


def _episode(row: VerdictRow) -> tuple[str, str, int]:
    verdict = row.revised.verdict
    return verdict.rule, verdict.key, verdict.opened_at


def _readings(group: ReadingGroup) -> Iterator[tuple[int, LatestReading]]:
    """Each reading that no flag withholds, with its sequence number."""
    columns, flags = group.readings, group.flags or repeat(0)
    measured = zip(columns.seq, columns.at, columns.value, columns.quality, strict=True)
    for (seq, at, value, quality), device, point, flag in zip(
        measured, columns.device, columns.point, flags, strict=False
    ):
        if not flag & WITHHELD:
            yield (
                group.seq_base + seq,
                LatestReading(
                    device=device,
                    point=point,
                    at=at,
                    received_at=group.received_at,
                    value=value,
                    quality=quality,
                ),
            )


def _wanted_event(row: StoredEvent, query: EventQuery) -> bool:
    event = row.event
    in_zone = (
        query.zone is None
        or event.zone == query.zone
        or (event.zone is None and event.device in query.zone_devices)
    )
    return (
        in_zone
        and (not query.types or event.type in query.types)
        and (not query.devices or event.device in query.devices)
        and _within(event.at, query.since, query.until)
    )


def _wanted_verdict(row: VerdictRow, query: VerdictQuery) -> bool:
    verdict = row.revised.verdict
    asked_for = verdict.outcome in query.outcomes if query.outcomes else verdict.outcome is not Outcome.VOID
    return (
        asked_for
        and (not query.rules or verdict.rule in query.rules)
        and query.key in {None, verdict.key}
        and _within(verdict.opened_at, query.since, query.until)
    )


def _within(moment: int, since: int | None, until: int | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)


def _commits(held: Partition, query: ChangeQuery) -> Sequence[Commit]:
    return held.commits[query.after : query.upto]


def _events(held: Partition, query: ChangeQuery) -> Iterator[Change]:
    only = Partition()
    for commit in _commits(held, query):
        only.commits = [commit]
        for site in {group.site for group in commit.events}:
            for stored in stored_events(only, site):
                yield Change(commit.commit_no, ChangeKind.EVENT, SiteEvent(site, stored))


def _verdicts(held: Partition, query: ChangeQuery) -> Iterator[Change]:
    for commit in _commits(held, query):
        for row in commit.verdicts:
            yield Change(commit.commit_no, ChangeKind.VERDICT, row)


def _incidents(held: Partition, query: ChangeQuery) -> Iterator[Change]:
    for commit in _commits(held, query):
        for row in commit.incidents:
            yield Change(commit.commit_no, ChangeKind.INCIDENT, row)


def _records(kind: ChangeKind) -> Callable[[Partition, ChangeQuery], Iterator[Change]]:
    def found(held: Partition, query: ChangeQuery) -> Iterator[Change]:
        for commit in _commits(held, query):
            for row in commit.records:
                if row.kind is RECORDS[kind]:
                    yield Change(commit.commit_no, kind, row)

    return found


def _alerts(held: Partition, query: ChangeQuery) -> Iterator[Change]:
    rows = (
        (commit_no, AlertState(alert, cleared.cleared_at if cleared else None))
        for commit_no, alert, cleared in held.alerts.values()
    )
    return _states(ChangeKind.ALERT, rows, query)


def _states(kind: ChangeKind, rows: Iterable[tuple[int, ChangeRow]], query: ChangeQuery) -> Iterator[Change]:
    for commit_no, row in rows:
        if query.after < commit_no <= query.upto:
            yield Change(commit_no, kind, row)


_CHANGES: Final[Mapping[ChangeKind, Callable[[Partition, ChangeQuery], Iterator[Change]]]] = {
    ChangeKind.EVENT: _events,
    ChangeKind.VERDICT: _verdicts,
    ChangeKind.ALERT: _alerts,
    ChangeKind.INCIDENT: _incidents,
    **{kind: _records(kind) for kind in RECORDS},
    ChangeKind.DEVICE: lambda held, query: _states(ChangeKind.DEVICE, held.devices.values(), query),
    ChangeKind.BLIND: lambda held, query: _states(ChangeKind.BLIND, held.blind.values(), query),
    ChangeKind.AGENT: lambda held, query: _states(ChangeKind.AGENT, held.agents.values(), query),
}
