"""One spell of owning a partition: from opening it to the first thing that goes wrong, or the end.

The path, in one place: take messages → admit and judge (`Partition`) → commit → ack. While a commit is on its
way in a thread, the next group is being filled, so groups grow by themselves as the load does. Whatever fails,
nothing is repaired: all memory is dropped, and the next session begins from what the database says.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.correlation.episodes import Past, PastReading
from cloud.correlation.verdict import Revised
from cloud.errors import StoreRejectedError, StoreUnavailableError
from cloud.ingest.admit import Delivery
from cloud.ingest.desk import SiteSetup
from cloud.ingest.line import Captured, Line, Source
from cloud.ingest.partition import Group, Partition, Question, Wish
from cloud.operations.record import Record, RecordKind
from cloud.store.base import Incident, PartitionWriter, Position
from contract.batch import encode
from contract.events import Event
from contract.topics import captured_address

MOST_GROUP: Final = 32_000
"""Events and readings in one commit, about."""

_MOST_MESSAGES: Final = 256
_SLICE: Final = 4_096
"""Events taken before others in this process get their turn."""
_SPACING_MS: Final = 20
"""Between two commits, so that a flood of small messages shares them. On an idle line nobody waits for it."""
_FILLING_S: Final = 0.005
_MOST_ON_WAY: Final = 2
"""One that the database works on, and one that is ready when it has done so."""
_COMMITTING_S: Final = 0.02
_FIRST_S: Final = 0.25
_IDLE_MS: Final = 1_000
_REFUSALS_MS: Final = 2_000
"""An escalation whose messages reached nobody goes on within this."""
_CATCH_UP_MS: Final = 3_000
"""How long the rules may live in the stream's time after the start, however long the backlog is."""


class Clocks(msgspec.Struct, frozen=True):
    """Both in ms: `now` by the calendar, which may step, and `monotonic` for lengths of time."""

    now: Callable[[], int]
    monotonic: Callable[[], int]


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What every session of a worker works with. `counted` is told of each group that is durable."""

    line: Line
    sites: Mapping[str, SiteSetup]
    clocks: Clocks
    counted: Callable[[Group], None]


class Caution(msgspec.Struct):
    """What earlier sessions learnt about messages whose content the store refuses.

    Up to position `until` each message has a commit of its own; those in `poison`, refused even alone, go to
    quarantine with the reason. Positions are those of one incarnation of the stream.
    """

    stream: str = ""
    until: int = 0
    poison: dict[int, str] = {}

    def begin(self, stream: str) -> None:
        """Forget what was learnt of another incarnation of the stream."""
        if stream != self.stream:
            self.stream, self.until, self.poison = stream, 0, {}

    def learn(self, group: Group, reason: str) -> None:
        """The store refused a group.

        Raises:
            StoreUnavailableError: There is no message in it to blame.
        """
        position = group.commit.position.seq
        match group.counts.get("messages", 0):
            case 0:
                raise StoreUnavailableError(f"the store refuses what no message caused: {reason}")
            case 1:
                self.poison[position] = reason
            case _:
                self.until = max(self.until, position)


class _OnWay(msgspec.Struct, frozen=True):
    """A commit in its thread."""

    task: asyncio.Task[None]
    group: Group


class Session:
    """Runs until `stopping` is set, or raises what went wrong."""

    def __init__(
        self,
        number: int,
        writer: PartitionWriter,
        around: Surroundings,
        caution: Caution,
        stopping: asyncio.Event,
    ) -> None:
        self._number = number
        self._writer = writer
        self._around = around
        self._caution = caution
        self._stopping = stopping
        self._on_way: deque[_OnWay] = deque()
        self._closed_at = 0
        self._next_check = 0
        self._refusals_at = around.clocks.now()
        self._catching_up = True
        self._stream_time: int | None = None

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Own the partition; `on_ready` is called once everything needed is there.

        Raises:
            TransientError: Begin a new session.
            StoreRejectedError: Begin a new session; `caution` says what to do differently.
        """
        stream = await self._around.line.incarnation()
        self._caution.begin(stream)
        stored = self._writer.opened.position
        position = stored if stored.stream == stream else Position(stream=stream, seq=0)
        now = self._opened_at = self._around.clocks.now()
        self._began = self._around.clocks.monotonic()
        self._partition = Partition(self._number, self._writer.opened, position, self._around.sites, now)
        source = await self._around.line.read(self._number, position.seq)
        on_ready()
        try:
            while not self._stopping.is_set():
                await self._step(source)
            await self._close_group()
            await self._commits_ended()
        finally:
            await source.close()
            # Their thread can't be stopped, and nobody may use the connection before it is done.
            await asyncio.gather(*(commit.task for commit in self._on_way), return_exceptions=True)

    async def _step(self, source: Source) -> None:
        careful = self._partition.position.seq < self._caution.until
        if careful:
            await self._commits_ended()
        messages = await source.take(1 if careful else _MOST_MESSAGES, self._patience_s())
        self._note_backlog(messages)
        await self._take(messages)
        while self._on_way and self._on_way[0].task.done():
            await self._oldest_ended()
        full = self._partition.size >= MOST_GROUP
        if full and len(self._on_way) == _MOST_ON_WAY:
            await self._oldest_ended()
        if full or (not self._on_way and (careful or self._is_due())):
            await self._close_group()

    def _patience_s(self) -> float:
        """How long to wait for messages before something else is to be done."""
        if self._partition.moved:
            return _FILLING_S
        if self._catching_up:
            return _FIRST_S
        if self._on_way:
            return _COMMITTING_S
        until_check = self._next_check - self._around.clocks.monotonic()
        deadline = self._partition.next_deadline()
        until_due = _IDLE_MS if deadline is None else deadline - self._around.clocks.now()
        return max(0, min(_IDLE_MS, until_check, until_due)) / 1_000

    async def _take(self, messages: Sequence[Captured]) -> None:
        sliced = self._partition.size
        for message in messages:
            now = self._around.clocks.now()
            delivery = Delivery(captured_address(message.subject), message.payload, now)
            reason = self._caution.poison.get(message.seq)
            if reason is None:
                self._partition.take(delivery, message.seq, now)
            else:
                self._partition.refuse(delivery, message.seq, now, reason)
            if self._partition.size - sliced >= _SLICE:
                sliced = self._partition.size
                await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _note_backlog(self, messages: Sequence[Captured]) -> None:
        """Until the backlog is read the rules live in the stream's time: evidence may be waiting in it."""
        if not self._catching_up:
            return
        behind = bool(messages) and messages[-1].captured_at < self._opened_at
        late = self._around.clocks.monotonic() - self._began >= _CATCH_UP_MS
        self._catching_up = behind and not late
        self._stream_time = messages[-1].captured_at if self._catching_up else None

    def _is_due(self) -> bool:
        monotonic = self._around.clocks.monotonic()
        if self._partition.moved:
            return monotonic - self._closed_at >= _SPACING_MS
        deadline = self._partition.next_deadline()
        return monotonic >= self._next_check or (
            deadline is not None and self._around.clocks.now() >= deadline
        )

    # --- groups

    async def _close_group(self) -> None:
        now, monotonic = self._around.clocks.now(), self._around.clocks.monotonic()
        rule_time = now if self._stream_time is None else self._stream_time
        await self._act(rule_time)
        while questions := self._partition.settle(rule_time):
            await self._commits_ended()
            for question in questions:
                await self._answer(question)
        if monotonic >= self._next_check:
            self._partition.check_links(now)
            self._next_check = monotonic + _IDLE_MS
            await self._look_at_refusals(now)
        group = self._partition.finish(now)
        if group is not None:
            self._closed_at = monotonic
            before = self._on_way[-1].task if self._on_way else None
            self._on_way.append(_OnWay(asyncio.create_task(self._write(group, before)), group))

    async def _look_at_refusals(self, now: int) -> None:
        """Messages that the notifier gave up are told to those who can mend it."""
        if now < self._refusals_at:
            return
        since, self._refusals_at = self._refusals_at - _REFUSALS_MS, now + _REFUSALS_MS
        await self._commits_ended()
        for refused in await asyncio.to_thread(self._writer.refused, since):
            self._partition.desk(refused.site).refused(refused, now)

    async def _act(self, now: int) -> None:
        """Take what people asked for, with the matters that it is about."""
        wishes = self._partition.wishes()
        if wishes:
            await self._commits_ended()
            answered, found = await asyncio.to_thread(self._look_up_matters, wishes)
            self._partition.act(answered, found, now)

    def _look_up_matters(
        self, wishes: Sequence[tuple[Wish, tuple[str, str] | None]]
    ) -> tuple[dict[str, frozenset[str]], list[Record | Incident]]:
        """Which commands have their answer, by site, and the matters that are stored."""
        ids: dict[str, list[str]] = {}
        for wish, _ in wishes:
            ids.setdefault(wish.site, []).append(wish.command.id)
        answered = {site: self._writer.answered(site, names) for site, names in ids.items()}
        found: list[Record | Incident] = []
        for site, kind, identity in sorted({(wish.site, *wanted) for wish, wanted in wishes if wanted}):
            matter = (
                self._writer.incident(site, identity)
                if kind == "incident"
                else self._writer.record(site, RecordKind(kind), identity)
            )
            found += [matter] if matter is not None else []
        return answered, found

    async def _answer(self, question: Question) -> None:
        events, readings, last = await asyncio.to_thread(self._look_up, question)
        known = {(event.device, event.seq) for event in events}
        new = self._partition.pending_history(question)
        events += [event for event in new if (event.device, event.seq) not in known]
        readings += self._partition.pending_readings(question)
        self._partition.desk(question.site).remember(question.recall, Past(events, readings), last)

    def _look_up(self, question: Question) -> tuple[list[Event], list[PastReading], list[Revised]]:
        recall, site = question.recall, question.site
        stored = self._writer.history(site, recall.types, recall.start, recall.end)
        last = self._writer.last_revisions(site, recall.rule, recall.key, recall.start, recall.end)
        read = (
            self._writer.past_readings(site, recall.points, recall.start, recall.end) if recall.points else []
        )
        return [row.event for row in stored], read, last

    async def _write(self, group: Group, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
            if before.exception() is not None:
                return  # What this group builds upon was not stored: the session ends with that failure.
        await asyncio.to_thread(self._writer.commit, group.commit)
        for told in group.acks:
            await self._around.line.publish(told.address.subject("ack"), encode(told.ack))
        self._around.counted(group)

    async def _commits_ended(self) -> None:
        while self._on_way:
            await self._oldest_ended()

    async def _oldest_ended(self) -> None:
        """Wait for the oldest commit on its way; what went wrong in it goes wrong here."""
        ended = self._on_way[0]
        try:
            await ended.task
        except StoreRejectedError as error:
            self._caution.learn(ended.group, str(error))
            raise
        self._on_way.popleft()
