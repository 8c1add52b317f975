"""The reading side in PostgreSQL: a small pool of connections, and one of its own that is told of commits."""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool
from typing_extensions import override

from cloud.clock import now_ms
from cloud.correlation.episodes import PastReading
from cloud.correlation.verdict import Episode, Overdue
from cloud.operations.command import Answer
from cloud.operations.notice import Notice
from cloud.operations.record import Record, RecordKind
from cloud.store.base import (
    NOTIFY_CHANNEL,
    WITHHELD,
    AgentHealth,
    AlertRow,
    BlindRow,
    DeviceHealth,
    Incident,
    QuarantineRow,
    StoredEvent,
    VerdictRow,
)
from cloud.store.postgres.connection import connection_arguments, driver_errors
from cloud.store.postgres.curves import hourly, whole_hours
from cloud.store.postgres.lookback import spans
from cloud.store.postgres.rows import (
    Row,
    to_agent,
    to_answer,
    to_device,
    to_record,
    to_revised,
    to_stored,
)
from cloud.store.queries import load_queries
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
from contract.events import LASTING_PART_TYPES, LASTING_TYPES, LOCATION_TYPES, Quality, part_of

POOL_SIZE: Final = 6
POOL_WAIT_S: Final = 3.0
"""How long a call waits for a connection before it says that the store is not there."""

_SQL: Final = {
    name: text.encode() for file in ("reads", "curves") for name, text in load_queries(file).items()
}
_incident = msgspec.json.Decoder(Incident)
_links = msgspec.json.Decoder(tuple[tuple[str, int], ...])

# Each statement narrows by what is asked for only; a plan made once for every case would read too much.
_SESSION: Final = {"plan_cache_mode": "force_custom_plan", "default_transaction_read_only": "on"}


class PostgresReader(Reader):
    """A database whose schema is up to date (`cloud.store.postgres.migrate`)."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._arguments = connection_arguments(**_SESSION) | {"target_session_attrs": "any"}
        self._pool = AsyncConnectionPool(
            dsn,
            kwargs=self._arguments,
            min_size=1,
            max_size=POOL_SIZE,
            timeout=POOL_WAIT_S,
            # Then the next call tries at once, instead of waiting out pauses that grow.
            reconnect_timeout=1.0,
            check=AsyncConnectionPool.check_connection,
            name="reads",
            open=False,
        )

    @override
    async def open(self) -> None:
        # Who calls hears from each call that the database is away; the pool would add a line for each try.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        await self._pool.open(wait=False)

    @override
    async def close(self) -> None:
        await self._pool.close()

    @override
    async def positions(self) -> Mapping[int, int]:
        return dict(await self._rows("positions", {}))

    @override
    async def follow(self) -> AsyncGenerator[tuple[int, int], None]:
        with driver_errors():
            connecting = psycopg.AsyncConnection[Row].connect(self._dsn, **self._arguments)
            async with await connecting as connection:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(NOTIFY_CHANNEL)))
                for partition, commit_no in await (await connection.execute(_SQL["positions"])).fetchall():
                    yield partition, commit_no
                async for told in connection.notifies():
                    partition, _, commit_no = told.payload.partition(":")
                    yield int(partition), int(commit_no)

    @override
    async def changes(self, query: ChangeQuery) -> Sequence[Change]:
        where = {
            "partition": query.partition,
            "after": query.after,
            "upto": query.upto,
            "site": query.site,
        }
        with driver_errors():
            async with self._pool.connection() as connection, connection.pipeline():
                asked = [
                    (kind, await connection.execute(_SQL[f"{kind}_changes"], where))
                    for kind in query.kinds - RECORDS.keys()
                ]
                kinds = [str(kind) for kind in query.kinds & RECORDS.keys()]
                matters = (
                    await connection.execute(_SQL["record_changes"], where | {"kinds": kinds})
                    if kinds
                    else None
                )
                found = [
                    Change(row[0], kind, _CHANGES[kind](row[1:]))
                    for kind, cursor in asked
                    for row in await cursor.fetchall()
                ]
                for row in await matters.fetchall() if matters else ():
                    record = to_record(row[1:])
                    found.append(Change(row[0], ChangeKind(record.kind.value), record))
        return sorted(found, key=change_order)

    @override
    async def devices(self, site: str) -> Sequence[DeviceHealth]:
        return [to_device(row) for row in await self._rows("devices", {"site": site})]

    @override
    async def blind(self, site: str, since: int, device: str | None = None) -> Sequence[BlindRow]:
        where = {"site": site, "since": since, "device": device}
        return [_blind(row) for row in await self._rows("blind", where)]

    @override
    async def agents(self, site: str) -> Sequence[AgentHealth]:
        return [to_agent(row) for row in await self._rows("agents", {"site": site})]

    @override
    async def events(self, query: EventQuery) -> Page[StoredEvent]:
        at, device, seq = query.before or (None, None, None)
        where = {
            "site": query.site,
            "types": list(query.types) or None,
            "devices": list(query.devices) or None,
            "zone": query.zone,
            "zone_devices": list(query.zone_devices),
            "before_at": at,
            "before_device": device,
            "before_seq": seq,
        }
        rows: list[Row] = []
        ends = (query.until, None if at is None else at + 1)
        until = min((end for end in ends if end is not None), default=None)
        for start, end in spans(query.since, until, now_ms()):
            limit = query.limit + 1 - len(rows)
            rows += await self._rows("events", where | {"since": start, "until": end, "limit": limit})
            if len(rows) > query.limit:
                break
        return _page([to_stored(row) for row in rows], query.limit)

    @override
    async def lasting(self, site: str, devices: Sequence[str]) -> Sequence[StoredEvent]:
        where = {"site": site, "devices": list(devices)}
        rows = await self._rows("lasting", where | {"types": sorted(LASTING_TYPES)})
        rows += await self._rows("lasting_parts", where | {"types": sorted(LASTING_PART_TYPES)})
        found = [to_stored(row) for row in rows]
        return sorted(found, key=lambda row: (row.event.device, row.event.type, part_of(row.event)))

    @override
    async def seen(self, site: str, since: int) -> Sequence[StoredEvent]:
        where = {"site": site, "since": since, "types": sorted(LOCATION_TYPES)}
        return [to_stored(row) for row in await self._rows("seen", where)]

    @override
    async def latest_readings(self, site: str, device: str | None = None) -> Sequence[LatestReading]:
        where = {"site": site, "device": device, "withheld": int(WITHHELD)}
        rows = await self._rows("latest_readings", where)
        return [
            LatestReading(
                device=device, point=point, at=at, received_at=received, value=value, quality=Quality(quality)
            )
            for device, point, at, received, value, quality in rows
        ]

    @override
    async def curve(self, query: CurveQuery) -> Sequence[CurveBin]:
        where = msgspec.structs.asdict(query) | {"withheld": int(WITHHELD), "most": MOST_VALUE}
        hours = whole_hours(query)
        if hours is not None:
            # By the second statement the hours may hold more than the first one says: then an hour is read from its
            # readings that need not have been. Never from both.
            more = hourly(hours, await self._rows("unrolled", {"site": query.site}))
            if more is not None:
                return await self._rows("hourly_curve", where | more)
        return await self._rows("binned_curve" if query.step else "raw_curve", where)

    @override
    async def past_readings(
        self, site: str, points: Sequence[tuple[str, str]], start: int, end: int
    ) -> Sequence[PastReading]:
        names = {"devices": [device for device, _ in points], "points": [point for _, point in points]}
        where = {"site": site, **names, "start": start, "end": end, "withheld": int(WITHHELD)}
        rows = await self._rows("past_readings", where)
        return sorted((device, point, at, value) for device, point, at, value in rows)

    @override
    async def verdicts(self, query: VerdictQuery) -> Page[VerdictRow]:
        at, rule, key = query.before or (None, None, None)
        where = {
            "site": query.site,
            "rules": list(query.rules) or None,
            "outcomes": [str(outcome) for outcome in query.outcomes] or None,
            "key": query.key,
            "since": query.since,
            "until": query.until,
            "before_at": at,
            "before_rule": rule,
            "before_key": key,
        }
        rows = await self._rows("verdicts", where | {"limit": query.limit + 1})
        return _page([_verdict(row) for row in rows], query.limit)

    @override
    async def revisions(self, site: str, rule: str, key: str, opened_at: int) -> Sequence[VerdictRow]:
        where = {"site": site, "rule": rule, "key": key, "opened_at": opened_at}
        return [_verdict(row) for row in await self._rows("revisions", where)]

    @override
    async def incidents(self, query: IncidentQuery) -> Page[Incident]:
        at, name = query.before or (None, None)
        where = {
            "site": query.site,
            "state": str(query.state) if query.state else None,
            "before_at": at,
            "before_id": name,
        }
        rows = await self._rows("incidents", where | {"limit": query.limit + 1})
        return _page([_incident.decode(body) for (body,) in rows], query.limit)

    @override
    async def incident(self, site: str, incident: str) -> Incident | None:
        rows = await self._rows("incident", {"site": site, "id": incident})
        return next((_incident.decode(body) for (body,) in rows), None)

    @override
    async def records(self, query: RecordQuery) -> Page[Record]:
        at, name = query.before or (None, None)
        where = {
            "site": query.site,
            "kind": str(query.kind),
            "states": list(query.states) or None,
            "since": query.since,
            "until": query.until,
            "before_at": at,
            "before_id": name,
        }
        rows = await self._rows("records", where | {"limit": query.limit + 1})
        return _page([to_record(row) for row in rows], query.limit)

    @override
    async def record(self, site: str, kind: RecordKind, identity: str) -> Record | None:
        rows = await self._rows("record", {"site": site, "kind": str(kind), "id": identity})
        return next((to_record(row) for row in rows), None)

    @override
    async def record_revisions(self, site: str, kind: RecordKind, since: int, until: int) -> Sequence[Record]:
        where = {"site": site, "kind": str(kind), "since": since, "until": until}
        return [to_record(row) for row in await self._rows("record_revisions", where)]

    @override
    async def answer(self, site: str, command: str) -> Answer | None:
        rows = await self._rows("answer", {"site": site, "id": command})
        return next((to_answer(row) for row in rows), None)

    @override
    async def answers(self, query: AnswerQuery) -> Page[Answer]:
        at, name = query.before or (None, None)
        where = {
            "site": query.site,
            "person": query.person,
            "target": query.target,
            "before_at": at,
            "before_id": name,
        }
        rows = await self._rows("answers", where | {"limit": query.limit + 1})
        return _page([to_answer(row) for row in rows], query.limit)

    @override
    async def notices(self, query: NoticeQuery) -> Page[NoticeState]:
        at, name = query.before or (None, None)
        where = {
            "site": query.site,
            "about": query.about,
            "person": query.person,
            "state": query.state,
            "before_at": at,
            "before_id": name,
        }
        rows = await self._rows("notices", where | {"limit": query.limit + 1})
        return _page([_notice(row) for row in rows], query.limit)

    @override
    async def alerts(self, site: str) -> Sequence[AlertState]:
        return [_alert(row) for row in await self._rows("alerts", {"site": site, "limit": MOST_ROWS})]

    @override
    async def quarantine(self, query: QuarantineQuery) -> Page[QuarantineEntry]:
        where = {"site": query.site, "before": query.before, "limit": query.limit + 1}
        return _page([_quarantined(row) for row in await self._rows("quarantine", where)], query.limit)

    async def _rows(self, statement: str, where: Mapping[str, object]) -> list[Row]:
        with driver_errors():
            async with self._pool.connection() as connection:
                return await (await connection.execute(_SQL[statement], where)).fetchall()


def _page(rows: list[Any], limit: int) -> Page[Any]:
    return Page(rows[:limit], len(rows) > limit)


def _blind(row: Row) -> BlindRow:
    site, device, start, end = row
    return BlindRow(site=site, device=device, start=start, end=end)


def _verdict(row: Row) -> VerdictRow:
    *revised, site, explain_zh, explain_en = row
    return VerdictRow(
        site=site, revised=to_revised(tuple(revised)), explain_zh=explain_zh, explain_en=explain_en
    )


def _alert(row: Row) -> AlertState:
    site, rule, key, opened_at, due_at, raised_at, cleared_at, links = row
    overdue = Overdue(episode=Episode(rule, key, opened_at), due_at=due_at, links=_links.decode(links))
    return AlertState(AlertRow(site=site, overdue=overdue, raised_at=raised_at), cleared_at)


def _notice(row: Row) -> NoticeState:
    *fields, state, attempts, settled_at, answer = row
    names = ("site", "id", "about", "person", "channel", "kind", "priority", "title", "text", "made_at")
    values = dict(zip((*names, "not_before", "chain", "step"), fields, strict=True))
    return NoticeState(
        notice=msgspec.convert(values, Notice),
        state=state,
        attempts=attempts,
        settled_at=settled_at,
        answer=answer,
    )


def _quarantined(row: Row) -> QuarantineEntry:
    number, site, agent, kind, reason, body, digest, received_at = row
    return QuarantineEntry(
        number,
        QuarantineRow(
            site=site,
            agent=agent,
            kind=kind,
            reason=reason,
            body=body,
            digest=digest,
            received_at=received_at,
        ),
    )


_CHANGES: Final[Mapping[ChangeKind, Callable[[Row], ChangeRow]]] = {
    ChangeKind.EVENT: lambda row: SiteEvent(row[0], to_stored(row[1:])),
    ChangeKind.VERDICT: _verdict,
    ChangeKind.ALERT: _alert,
    ChangeKind.INCIDENT: lambda row: _incident.decode(row[0]),
    ChangeKind.DEVICE: to_device,
    ChangeKind.BLIND: _blind,
    ChangeKind.AGENT: to_agent,
}
