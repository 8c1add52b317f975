"""The outbox in PostgreSQL: one connection to take and settle with, and one that is told of new notices."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from psycopg import sql
from typing_extensions import override

from cloud.operations.alarm import Priority
from cloud.operations.notice import Notice
from cloud.store.outbox import EVERYWHERE, NOTICES_CHANNEL, Claim, Outbox, Room
from cloud.store.postgres.connection import connect, driver_errors
from cloud.store.queries import load_queries

_SQL: Final = {name: text.encode() for name, text in load_queries("outbox").items()}
_Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresOutbox(Outbox):
    """A database whose schema is up to date. A connection that broke is opened again by the next call."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._working: _Connection | None = None
        self._listening: _Connection | None = None

    @override
    def claim(
        self, now: int, most: int, lease_ms: int, rooms: Mapping[str, Room] = EVERYWHERE
    ) -> list[Claim]:
        where = {
            "now": now,
            "until": now + lease_ms,
            "most": most,
            "critical": int(Priority.CRITICAL),
            "channels": list(rooms),
            "slots": [room.slots for room in rooms.values()],
            "unhurried": [room.unhurried for room in rooms.values()],
        }
        with self._connection() as connection:
            rows = connection.execute(_SQL["claim"], where).fetchall()
        return [_claim(row, now + lease_ms) for row in rows]

    @override
    def settle(self, claim: Claim, now: int, *, ok: bool, answer: str, again_at: int | None = None) -> None:
        what = {
            "site": claim.notice.site,
            "id": claim.notice.id,
            "attempt": claim.attempt,
            "now": now,
            "ok": ok,
            "answer": _storable(answer),
            "again_at": None if ok else again_at,
            "state": "sent" if ok else "failed" if again_at is None else "waiting",
        }
        with self._connection() as connection:
            connection.execute(_SQL["settle"], what)

    @override
    def next_at(self, now: int) -> int | None:
        with self._connection() as connection:
            row = connection.execute(_SQL["next_at"], {"now": now}).fetchone()
        return row[0] if row else None

    @override
    def wait(self, timeout_s: float) -> bool:
        if self._listening is None:
            self._listening = self._listen()
            # What came while nobody listened is found by looking.
            return True
        try:
            with driver_errors():
                return bool(list(self._listening.notifies(timeout=timeout_s, stop_after=1)))
        except BaseException:
            self._listening.close()
            self._listening = None
            raise

    @override
    def close(self) -> None:
        for connection in (self._working, self._listening):
            if connection is not None:
                connection.close()
        self._working = self._listening = None

    def _listen(self) -> _Connection:
        connection = connect(self._dsn)
        with driver_errors():
            connection.execute(sql.SQL("listen {}").format(sql.Identifier(NOTICES_CHANNEL)))
        return connection

    @contextlib.contextmanager
    def _connection(self) -> Iterator[_Connection]:
        """The working connection; it is let go when a call on it fails."""
        if self._working is None:
            self._working = connect(self._dsn)
        try:
            with driver_errors():
                yield self._working
        except BaseException:
            self._working.close()
            self._working = None
            raise


def _storable(text: str) -> str:
    """A channel may answer anything; PostgreSQL keeps neither zeros nor half characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _claim(row: tuple[Any, ...], until: int) -> Claim:
    site, name, about, person, channel, kind, priority, title, text, made_at, not_before, chain, step, nth = (
        row
    )
    notice = Notice(
        site=site,
        id=name,
        about=about,
        person=person,
        channel=channel,
        kind=kind,
        priority=Priority(priority),
        title=title,
        text=text,
        made_at=made_at,
        not_before=not_before,
        chain=chain,
        step=step,
    )
    return Claim(notice=notice, attempt=nth, until=until)
