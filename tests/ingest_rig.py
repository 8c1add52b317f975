"""A worker over the in-memory store and line, for tests: its clock stands unless the test moves it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from cloud.broker.memory import MemoryLine
from cloud.errors import StoreRejectedError, StoreUnavailableError
from cloud.ingest.desk import SiteSetup
from cloud.ingest.partition import Group
from cloud.ingest.session import Clocks, Surroundings
from cloud.ingest.worker import Worker
from cloud.store.base import Commit
from cloud.store.memory import MemoryStore, MemoryWriter, Partition, stored_events
from contract.batch import Ack, Batch, ack_decoder, encode
from contract.events import Event
from contract.topics import Address
from tests.waiting import PATIENCE_S

NOON = 1_764_547_200_000
GW_1 = Address("demo", "gw-1")


class StubbornStore(MemoryStore):
    """A store that refuses some contents, or is not there for a while, as a database may."""

    def __init__(self) -> None:
        super().__init__()
        self.poison = ""
        self.lose_next_answer = False
        self.answers_lost = 0
        self.away = False
        self.turned_away = 0

    @override
    def open(self, partition: int) -> MemoryWriter:
        if self.away:
            self.turned_away += 1
            raise StoreUnavailableError("not there")
        return super().open(partition)

    @override
    def put(self, writer: MemoryWriter, commit: Commit) -> None:
        if self.away:
            raise StoreUnavailableError("not there")
        if self.poison and any(
            event.device == self.poison for group in commit.events for event in group.events
        ):
            raise StoreRejectedError("can't be stored")
        super().put(writer, commit)
        if self.lose_next_answer:
            self.lose_next_answer = False
            self.answers_lost += 1
            raise StoreUnavailableError("the connection died in COMMIT")


class Bench:
    """A worker with its surroundings, and what came of it."""

    def __init__(self, sites: Mapping[str, SiteSetup] | None = None) -> None:
        self.now = NOON
        self._sites = sites or {}
        self.store = StubbornStore()
        self.line = MemoryLine(lambda: self.now)
        self.groups: list[Group] = []
        self._tasks: list[tuple[Worker, asyncio.Task[None]]] = []

    def start(self) -> None:
        clocks = Clocks(lambda: self.now, lambda: self.now)
        around = Surroundings(line=self.line, sites=self._sites, clocks=clocks, counted=self._counted)
        worker = Worker(0, self.store, around)
        self._tasks.append((worker, asyncio.create_task(worker.run())))

    def _counted(self, group: Group) -> None:
        self.groups.append(group)

    async def stop(self) -> None:
        for worker, task in self._tasks:
            worker.stop()
            await task
        self._tasks.clear()

    async def until_taken(self, position: int) -> None:
        """Waits until everything up to a position of the stream is durable and acked; the clock runs meanwhile."""
        async with asyncio.timeout(PATIENCE_S):
            while self.position < position or self._unanswered:
                self.now += 25
                await asyncio.sleep(0.005)

    @property
    def _unanswered(self) -> bool:
        """Whether a commit is done whose acks were not sent yet."""
        return len(self.groups) + self.store.answers_lost < len(self.held.commits)

    @property
    def held(self) -> Partition:
        """What is stored."""
        return self.store.partitions[0]

    @property
    def position(self) -> int:
        held = self.store.partitions.get(0)
        return held.position.seq if held else 0

    def send(self, *events: Event, sender: Address = GW_1, **more: Any) -> int:
        batch: dict[str, Any] = {
            "agent": sender.agent,
            "epoch": 7,
            "first": events[0].seq if events else 1,
            "last": events[-1].seq if events else 0,
            "sent_at": NOON,
            "events": list(events),
        }
        return self.line.capture(sender, encode(Batch(**(batch | more))))

    def stored(self) -> list[tuple[str, int]]:
        """Identities, in the order of commits."""
        return [(row.event.device, row.event.seq) for row in stored_events(self.store.partitions[0], "demo")]

    def acks(self, address: Address = GW_1) -> list[Ack]:
        return [
            ack_decoder.decode(payload)
            for subject, payload in self.line.published
            if subject == address.subject("ack")
        ]

    def quarantine(self) -> list[tuple[str, str]]:
        return [(row.kind, row.reason) for row in self.store.partitions[0].quarantine]
