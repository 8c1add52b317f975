"""The worker of one partition: sessions one after the other, with growing pauses while something is missing."""

import asyncio
import contextlib
from typing import Final

import structlog

from cloud.errors import PartitionTakenError, StoreRejectedError, TransientError
from cloud.ingest.pauses import Pauses
from cloud.ingest.session import Caution, Session, Surroundings
from cloud.store.base import Store

_log: Final = structlog.get_logger("cloud.ingest")


class Worker:
    """Owns one partition whenever it can. `run` ends after `stop`."""

    def __init__(self, partition: int, store: Store, around: Surroundings) -> None:
        self._partition = partition
        self._store = store
        self._around = around
        self._stopping = asyncio.Event()
        self._pauses = Pauses()
        self._caution = Caution()
        self._log = _log.bind(partition=partition)
        self.ready = asyncio.Event()
        """Set while the partition is owned and its stream is read."""

    def stop(self) -> None:
        """Finish the group at hand and end."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped. A missing database or broker is waited for; what else goes wrong is raised."""
        while not self._stopping.is_set():
            try:
                await self._own()
            except StoreRejectedError as error:
                self._log.warning("the store refuses a message", action="careful", why=str(error))
            except TransientError as error:
                await self._wait(error)
            finally:
                self.ready.clear()

    async def _own(self) -> None:
        writer = await asyncio.to_thread(self._store.open, self._partition)
        try:
            session = Session(self._partition, writer, self._around, self._caution, self._stopping)
            await session.run(self._is_ready)
        finally:
            await asyncio.to_thread(writer.close)

    def _is_ready(self) -> None:
        self.ready.set()
        if self._pauses.succeeded():
            self._log.info("works again", action="recovered")

    async def _wait(self, error: TransientError) -> None:
        pause_s, first = self._pauses.failed()
        if first:
            say = self._log.info if isinstance(error, PartitionTakenError) else self._log.warning
            say("waits", action="waiting", why=str(error))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
