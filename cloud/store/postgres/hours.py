"""Brings the hours that curves of years are drawn from up to date with the readings, outside the ingest."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg

from cloud.clock import monotonic_ms
from cloud.errors import StoreUnavailableError
from cloud.store.base import WITHHELD
from cloud.store.postgres.connection import connect, driver_errors
from cloud.store.queries import load_queries
from cloud.store.reads import MOST_VALUE

_SQL: Final = {name: text.encode() for name, text in load_queries("hours").items()}
# Nothing here needs a table as a whole; a planner that has no figures yet must not think so.
_SESSION: Final = {"statement_timeout": "15s", "enable_seqscan": "off"}
_FIRST_BATCH: Final = 1_000
_MOST_BATCH: Final = 50_000
_SHORT_MS: Final = 500
_LONG_MS: Final = 2_000

_Connection = psycopg.Connection[tuple[Any, ...]]


class HourRoller:
    """Rolls the readings of partitions. Several may work on one database, also on the same partitions.

    Its calls block; one thread uses it at a time. A connection that broke is opened again by the next call.
    """

    def __init__(
        self, dsn: str, batch: int = _FIRST_BATCH, monotonic: Callable[[], int] = monotonic_ms
    ) -> None:
        self._dsn = dsn
        self._batch = batch
        self._monotonic = monotonic
        self._open: _Connection | None = None

    def step(self, partitions: Sequence[int]) -> bool:
        """Take some commits of each partition that is behind; whether any is behind still.

        Raises:
            StoreUnavailableError: The database can't be reached or takes too long; what was not done is as it was.
        """
        try:
            with driver_errors():
                return self._step(self._connection(), list(partitions))
        except StoreUnavailableError:
            # It may have been too much at a time.
            self._batch = max(1, self._batch // 4)
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go. Never raises."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connection(self) -> _Connection:
        if self._open is None:
            self._open = connect(self._dsn, **_SESSION)
        return self._open

    def _step(self, connection: _Connection, partitions: list[int]) -> bool:
        where = {"partitions": partitions}
        connection.execute(_SQL["begin_rolling"], where)
        behind = connection.execute(_SQL["behind"], where).fetchall()
        more = False
        for (partition,) in behind:
            more |= self._roll(connection, partition)
        return more

    def _roll(self, connection: _Connection, partition: int) -> bool:
        """One batch of a partition in one transaction with how far it is rolled; whether there is more."""
        with connection.transaction():
            found = connection.execute(_SQL["lock_rolled"], {"partition": partition}).fetchone()
            if found is None:
                return False
            after, last = found
            upto = min(last, after + self._batch)
            where = {"partition": partition, "after": after, "upto": upto}
            began = self._monotonic()
            connection.execute(_SQL["roll"], where | {"most": MOST_VALUE, "withheld": int(WITHHELD)})
            connection.execute(_SQL["set_rolled"], where)
        self._suit(self._monotonic() - began)
        return bool(upto < last)

    def _suit(self, took_ms: int) -> None:
        """Commits differ in size a thousandfold: a batch is to take about a second."""
        if took_ms < _SHORT_MS:
            self._batch = min(_MOST_BATCH, self._batch * 2)
        elif took_ms > _LONG_MS:
            self._batch = max(1, self._batch // 2)
