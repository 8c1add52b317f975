"""Where the store stands, kept up to date by what it announces, and its changes, read once for all who ask."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import structlog

from cloud.errors import StoreUnavailableError
from cloud.store.reads import Change, ChangeQuery, Reader
from cloud.web.metrics import WebMetrics

ASK_EVERY_S: Final = 5.0
"""How often positions are asked for besides, lest an announcement was lost or the store was set back."""
LEAST_PAUSE_S: Final = 0.2
MOST_PAUSE_S: Final = 5.0
_REMEMBERED: Final = 64
_WORTH_REMEMBERING: Final = 2_000

_log = structlog.get_logger(__name__)


class Feed:
    """Follows one store while `run` runs.

    `live` says whether the store answers at this moment, `running` is False once following it has broken down
    for good, `stopping` says that the process ends, `clients` how many live streams are open.
    """

    def __init__(self, reader: Reader, metrics: WebMetrics) -> None:
        self.live = False
        self.running = True
        self.stopping = False
        self.clients = 0
        self._said_away = False
        self._reader = reader
        self._metrics = metrics
        self._positions: dict[int, int] = {}
        self._moved = asyncio.Event()
        self._read: OrderedDict[ChangeQuery, asyncio.Task[Sequence[Change]]] = OrderedDict()

    @property
    def positions(self) -> Mapping[int, int]:
        """By partition, its last commit as far as known here."""
        return self._positions

    async def run(self) -> None:
        """Follow the store for ever, over all its failures; they are said once, and so is their end."""
        pause = LEAST_PAUSE_S
        try:
            while True:
                try:
                    await self._follow_until_it_fails()
                except* StoreUnavailableError as errors:
                    pause = LEAST_PAUSE_S if self.live else min(2 * pause, MOST_PAUSE_S)
                    self._say_away(str(errors.exceptions[0]))
                await asyncio.sleep(pause)
        finally:
            self.running = False

    async def refresh(self) -> None:
        """Ask the store now where it stands.

        Raises:
            StoreUnavailableError: It does not answer.
        """
        before = dict(self._positions)
        found = await self._reader.positions()
        self._say_there()
        if any(found.get(partition, 0) < commit_no for partition, commit_no in before.items()):
            self._set_back(found)
        self._advance(found)

    def stop(self) -> None:
        """Tell everybody who waits that the process ends."""
        self.stopping = True
        self._wake()

    @contextlib.contextmanager
    def client(self) -> Iterator[None]:
        """Counts a live stream while it is open."""
        self.clients += 1
        self._metrics.streams.set(self.clients)
        try:
            yield
        finally:
            self.clients -= 1
            self._metrics.streams.set(self.clients)

    async def wait_beyond(self, seen: Mapping[int, int], timeout_s: float) -> None:
        """Until the store stands elsewhere than at `seen`, the process ends, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self.stopping and self._positions == seen:
                    await self._moved.wait()

    async def changes(self, query: ChangeQuery) -> Sequence[Change]:
        """As `Reader.changes`. Those who ask the same at about the same time share one answer."""
        task = self._read.get(query)
        if task is None:
            task = asyncio.create_task(self._reader.changes(query))
            self._read[query] = task
            task.add_done_callback(lambda done: self._forget(query, done))
            if len(self._read) > _REMEMBERED:
                self._read.popitem(last=False)
        return await asyncio.shield(task)

    def _forget(self, query: ChangeQuery, done: asyncio.Task[Sequence[Change]]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed or len(done.result()) > _WORTH_REMEMBERING:
            self._read.pop(query, None)

    async def _follow_until_it_fails(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._ask_now_and_then())

    async def _follow(self) -> None:
        async with contextlib.aclosing(self._reader.follow()) as announced:
            async for partition, commit_no in announced:
                self._advance({partition: commit_no})
        raise StoreUnavailableError("the store stopped announcing commits")

    async def _ask_now_and_then(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(ASK_EVERY_S)

    def _advance(self, found: Mapping[int, int]) -> None:
        newer = {p: number for p, number in found.items() if number > self._positions.get(p, -1)}
        if newer:
            # A new dictionary each time: those who wait compare with the one they have seen.
            self._positions = self._positions | newer
            for partition, commit_no in newer.items():
                self._metrics.commits.labels(str(partition)).set(commit_no)
            self._wake()

    def _set_back(self, found: Mapping[int, int]) -> None:
        _log.warning("the store was set back to an earlier state", action="store_set_back")
        self._positions = dict(found)
        self._read.clear()
        self._wake()

    def _say_there(self) -> None:
        if not self.live:
            _log.info("reading the store", action="store_there")
        self.live = True
        self._said_away = False
        self._metrics.store_up.set(1)

    def _say_away(self, why: str) -> None:
        if not self._said_away:
            _log.warning("the store can't be read", action="store_away", why=why)
        self.live = False
        self._said_away = True
        self._metrics.store_up.set(0)

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
