"""The one writer of a partition in PostgreSQL: every commit is one transaction, fenced by the checkpoint row."""

import contextlib
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import psycopg
from typing_extensions import override

from cloud.correlation.episodes import PastReading
from cloud.correlation.verdict import Revised
from cloud.errors import FencedError, PartitionTakenError, StoreUnavailableError
from cloud.operations.record import Record, RecordKind
from cloud.store.base import (
    NOTIFY_CHANNEL,
    WITHHELD,
    Commit,
    Incident,
    LedgerKey,
    LedgerRow,
    Opened,
    PartitionWriter,
    Position,
    RefusedNotice,
    Store,
    StoredEvent,
)
from cloud.store.outbox import NOTICES_CHANNEL
from cloud.store.postgres.connection import connect, driver_errors
from cloud.store.postgres.copy import (
    HEADER,
    TRAILER,
    EventPacker,
    pack_readings,
    pack_verdicts,
)
from cloud.store.postgres.rows import to_agent, to_device, to_record, to_revised, to_stored
from cloud.store.queries import load_queries
from contract.batch import Lane

LOCK_SPACE: Final = 0x5357_5041
"""The first key of the advisory lock of a partition; the second is its number."""

_SQL: Final = load_queries("writes")
_Connection = psycopg.Connection[tuple[Any, ...]]
_incident = msgspec.json.Decoder(Incident)


class PostgresStore(Store):
    """A database whose schema is up to date (`cloud.store.postgres.migrate`)."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    @override
    def open(self, partition: int) -> "PostgresWriter":
        connection = connect(self._dsn)
        try:
            with driver_errors():
                return PostgresWriter(connection, partition, _take(connection, partition))
        except BaseException:
            connection.close()
            raise


def _take(connection: _Connection, partition: int) -> Opened:
    where = {"partition": partition}
    if not _value(connection, "lock_partition", {**where, "space": LOCK_SPACE}):
        raise PartitionTakenError(f"another worker holds partition {partition}")
    if _value(connection, "is_read_only", where):
        raise StoreUnavailableError("the database is read-only: a standby, or told to refuse writes")
    with connection.transaction():
        taken = connection.execute(_SQL["take_partition"].encode(), where).fetchone()
        if taken is None:
            raise StoreUnavailableError("the checkpoint row can't be written")
        generation, commit_no, stream, stream_seq = taken
        return Opened(
            generation=generation,
            commit_no=commit_no,
            position=Position(stream=stream, seq=stream_seq),
            ledger=[_ledger_row(row) for row in _rows(connection, "read_ledger", where)],
            cells={(site, cell): body for site, cell, body in _rows(connection, "read_cells", where)},
            devices=[to_device(row) for row in _rows(connection, "read_devices", where)],
            agents=[to_agent(row) for row in _rows(connection, "read_agents", where)],
            incidents=[_incident.decode(body) for (body,) in _rows(connection, "read_open_incidents", where)],
            records=[to_record(row) for row in _rows(connection, "read_live_records", where)],
        )


class PostgresWriter(PartitionWriter):
    """Made by `PostgresStore.open`. The partition's lock lives as long as its connection."""

    def __init__(self, connection: _Connection, partition: int, opened: Opened) -> None:
        self._connection = connection
        self._partition = partition
        self._opened = opened
        self._events = EventPacker()

    @property
    @override
    def opened(self) -> Opened:
        return self._opened

    @override
    def commit(self, commit: Commit) -> None:
        number, partition = commit.commit_no, commit.partition
        with driver_errors(), self._connection.transaction(), self._connection.cursor() as cursor:
            self._advance(cursor, commit)
            _copy(cursor, "begin_events", self._events.pack(commit.events, partition, number))
            _copy(cursor, "begin_readings", [pack_readings(commit.readings, partition, number)])
            _copy(cursor, "begin_verdicts", [pack_verdicts(commit.verdicts, partition, number)])
            _put_states(cursor, commit)
            _put_people_matters(cursor, commit)
            _put_notices(cursor, commit)

    def _advance(self, cursor: psycopg.Cursor[tuple[Any, ...]], commit: Commit) -> None:
        cursor.execute(
            _SQL["advance"].encode(),
            {
                "partition": self._partition,
                "generation": self._opened.generation,
                "commit_no": commit.commit_no,
                "committed_at": commit.committed_at,
                "stream": commit.position.stream,
                "stream_seq": commit.position.seq,
                "channel": NOTIFY_CHANNEL,
            },
        )
        if cursor.rowcount != 1:
            raise FencedError(f"partition {self._partition} has moved on without this worker")

    @override
    def history(self, site: str, types: Sequence[str], start: int, end: int) -> list[StoredEvent]:
        where = {"site": site, "types": list(types), "start": start, "end": end, "withheld": int(WITHHELD)}
        with driver_errors():
            found = [to_stored(row) for row in _rows(self._connection, "history", where)]
        return sorted(found, key=lambda stored: (stored.event.at, stored.event.device, stored.event.seq))

    @override
    def past_readings(
        self, site: str, points: Sequence[tuple[str, str]], start: int, end: int
    ) -> list[PastReading]:
        names = {"devices": [device for device, _ in points], "points": [point for _, point in points]}
        where = {"site": site, **names, "start": start, "end": end, "withheld": int(WITHHELD)}
        with driver_errors():
            found = _rows(self._connection, "past_readings", where)
            return sorted((device, point, at, value) for device, point, at, value in found)

    @override
    def last_revisions(self, site: str, rule: str, key: str, start: int, end: int) -> list[Revised]:
        where = {"site": site, "rule": rule, "key": key, "start": start, "end": end}
        with driver_errors():
            return [to_revised(row) for row in _rows(self._connection, "last_revisions", where)]

    @override
    def record(self, site: str, kind: RecordKind, identity: str) -> Record | None:
        where = {"site": site, "kind": str(kind), "id": identity}
        with driver_errors():
            return next((to_record(row) for row in _rows(self._connection, "read_record", where)), None)

    @override
    def incident(self, site: str, identity: str) -> Incident | None:
        with driver_errors():
            rows = _rows(self._connection, "read_incident", {"site": site, "id": identity})
            return next((_incident.decode(body) for (body,) in rows), None)

    @override
    def refused(self, since: int) -> list[RefusedNotice]:
        with driver_errors():
            rows = _rows(self._connection, "refused_notices", {"partition": self._partition, "since": since})
            return [
                RefusedNotice(
                    site=site,
                    notice=notice,
                    about=about,
                    channel=channel,
                    person=person,
                    answer=answer,
                    settled_at=settled_at,
                )
                for site, notice, about, channel, person, answer, settled_at in rows
            ]

    @override
    def answered(self, site: str, commands: Sequence[str]) -> frozenset[str]:
        with driver_errors():
            rows = _rows(self._connection, "answered", {"site": site, "ids": list(commands)})
            return frozenset(name for (name,) in rows)

    @override
    def close(self) -> None:
        # The server would free the partition a moment after the connection ends; the next owner need not wait.
        with contextlib.suppress(psycopg.Error):
            self._connection.execute("select pg_advisory_unlock_all()")
        self._connection.close()


def _copy(cursor: psycopg.Cursor[tuple[Any, ...]], statement: str, pieces: Iterable[bytes]) -> None:
    """Send rows; without any, nothing is sent."""
    remaining = iter(pieces)
    first = next(remaining, b"")
    if first:
        with cursor.copy(_SQL[statement].encode()) as copy:
            copy.write(HEADER)
            for piece in itertools.chain((first,), remaining):
                copy.write(piece)
            copy.write(TRAILER)


def _put_states(cursor: psycopg.Cursor[tuple[Any, ...]], commit: Commit) -> None:
    """What the machine must know again after a restart, and the health people see."""
    _put(cursor, "put_ledger", commit, [_ledger_columns(row) for row in commit.ledger])
    cells = commit.cells.items()
    kept = [{"site": site, "cell": cell, "body": body} for (site, cell), body in cells if body is not None]
    gone = [{"site": site, "cell": cell} for (site, cell), body in cells if body is None]
    _put(cursor, "put_cells", commit, kept)
    _put(cursor, "drop_cells", commit, gone)
    _put(cursor, "put_devices", commit, _columns(commit.devices))
    _put(cursor, "put_blind", commit, _columns(commit.blind))
    _put(cursor, "put_agents", commit, _columns(commit.agents))


def _put_people_matters(cursor: psycopg.Cursor[tuple[Any, ...]], commit: Commit) -> None:
    """What somebody has to look at, and what they did: alerts, incidents, other matters, answers, quarantine."""
    _put(
        cursor,
        "put_alerts",
        commit,
        [
            {
                "site": row.site,
                **msgspec.structs.asdict(row.overdue.episode),
                "due_at": row.overdue.due_at,
                "raised_at": row.raised_at,
                "links": msgspec.json.encode(row.overdue.links).decode(),
            }
            for row in commit.alerts
        ],
    )
    _put(cursor, "clear_alerts", commit, _columns(commit.cleared))
    incidents = [
        {**msgspec.structs.asdict(incident), "body": msgspec.json.encode(incident).decode()}
        for incident in commit.incidents
    ]
    _put(cursor, "put_incidents", commit, incidents)
    _put(cursor, "put_incident_changes", commit, incidents)
    records = [{**msgspec.structs.asdict(row), "body": row.body.decode()} for row in commit.records]
    _put(cursor, "put_records", commit, records)
    _put(cursor, "put_record_changes", commit, records)
    answers = [{**msgspec.structs.asdict(row), "body": row.body.decode()} for row in commit.answers]
    _put(cursor, "put_answers", commit, answers)
    _put(cursor, "put_quarantine", commit, _columns(commit.quarantine))


def _put_notices(cursor: psycopg.Cursor[tuple[Any, ...]], commit: Commit) -> None:
    """The outbox: what is to be told, and then what is not to be told any more."""
    notices = [{**row, "priority": int(row["priority"])} for row in _columns(commit.notices)]
    _put(cursor, "put_notices", commit, notices, told=NOTICES_CHANNEL)
    _put(cursor, "stop_notices", commit, _columns(commit.stopped))


def _columns(rows: Sequence[msgspec.Struct]) -> list[dict[str, Any]]:
    return [msgspec.structs.asdict(row) for row in rows]


def _put(
    cursor: psycopg.Cursor[tuple[Any, ...]],
    statement: str,
    commit: Commit,
    rows: Sequence[dict[str, Any]],
    **more: str,
) -> None:
    """Run a statement over many rows at once: each of their fields becomes one array, `more` stays as it is."""
    if rows:
        arrays: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
        arrays |= {"partition": commit.partition, "commit_no": commit.commit_no, **more}
        cursor.execute(_SQL[statement].encode(), arrays)


def _value(connection: _Connection, statement: str, where: dict[str, Any]) -> object:
    row = connection.execute(_SQL[statement].encode(), where).fetchone()
    return row[0] if row else None


def _rows(connection: _Connection, statement: str, where: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
    return connection.execute(_SQL[statement].encode(), where).fetchall()


def _ledger_columns(row: LedgerRow) -> dict[str, Any]:
    flat = ",".join(f"{first},{last}" for first, last in row.islands)
    return {**msgspec.structs.asdict(row.key), "high": row.high, "islands": f"{{{flat}}}"}


def _ledger_row(row: tuple[Any, ...]) -> LedgerRow:
    site, agent, epoch, lane, high, flat = row
    islands = tuple(zip(flat[0::2], flat[1::2], strict=True))
    return LedgerRow(key=LedgerKey(site, agent, epoch, Lane(lane)), high=high, islands=islands)
