"""The notifier: takes due notices from the outbox, sends each through its channel, and settles it.

Each channel has threads of its own, so that one that is slow or silent never holds another back. Notices are
taken only as far as their channels have room: none waits in here with its lease running out.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

import structlog

from cloud.clock import now_ms
from cloud.errors import NoContactError, TransientError
from cloud.notify.channels import Channel
from cloud.notify.decide import Pace, again_at
from cloud.notify.sender import Answer, Sender
from cloud.notify.senders import make_sender
from cloud.operations.notice import Notice
from cloud.store.outbox import Claim, Outbox, Room

SENDS: Final = 8
"""So many sends at a time, shared among the channels; each has at least one."""
LEASE_MS: Final = 10_000
_OF_LEASE: Final = 0.8
"""A send takes at most this part of the lease; the rest is for settling it."""
_IDLE_S: Final = 2.0
"""Looked at again after this at the latest, whatever was heard or not."""
_LISTEN_S: Final = 0.1
"""How long the end of the notifier may have to wait for its ear."""
_STORE_PAUSE_S: Final = 1.0

Contacts = Mapping[tuple[str, str], Mapping[str, str]]
"""People's contacts by `(site, person)`."""
T = TypeVar("T")

log: Final = structlog.get_logger("cloud")


class Line:
    """A channel at work: its sender, its threads, and what it has taken."""

    def __init__(self, channel: Channel, sender: Sender, slots: int) -> None:
        self.sender = sender
        self.pace = Pace(channel.per_minute)
        self.slots = slots
        self.busy = 0
        self.failing = False
        self.threads = ThreadPoolExecutor(slots, thread_name_prefix=f"send-{channel.id}")

    def room(self, now: int) -> Room:
        """What it can take now."""
        free = self.slots - self.busy
        return Room(free, self.pace.left(now, free))


class Notifier:
    """Sends what an outbox holds through these channels. Several notifiers may share an outbox."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Sequence[Channel],
        contacts: Contacts,
        clock: Callable[[], int] = now_ms,
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._outbox, self._contacts = outbox, contacts
        self._clock, self._lease_ms = clock, lease_ms
        self._timeout_s = lease_ms * _OF_LEASE / 1_000
        slots = max(1, SENDS // max(1, len(channels)))
        self._lines = {
            channel.id: Line(channel, make_sender(channel, self._timeout_s, clock), slots)
            for channel in channels
        }
        self._store = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._wake = asyncio.Event()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._store_away = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; what is being sent then is still settled."""
        helpers = [asyncio.create_task(self._end(stop)), asyncio.create_task(self._listen())]
        try:
            while not stop.is_set():
                self._wake.clear()
                if not await self._take():
                    await self._sleep()
        finally:
            self._stopping = True
            helpers[0].cancel()
            await asyncio.gather(*self._deliveries, *helpers, return_exceptions=True)
            for threads in (self._store, *(line.threads for line in self._lines.values())):
                threads.shutdown(wait=False)

    async def _end(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping = True
        self._wake.set()

    async def _listen(self) -> None:
        while not self._stopping:
            try:
                if await asyncio.to_thread(self._outbox.wait, _LISTEN_S):
                    self._wake.set()
            except TransientError:
                await asyncio.sleep(_STORE_PAUSE_S)

    async def _take(self) -> bool:
        """Begin to send what is due and has room; whether there was any."""
        now = self._clock()
        rooms = {name: line.room(now) for name, line in self._lines.items()}
        try:
            claims = await self._ask(
                functools.partial(self._outbox.claim, now, _most(rooms), self._lease_ms, rooms)
            )
        except TransientError as error:
            self._tell_store(error)
            return False
        self._tell_store(None)
        for claim in claims:
            delivery = asyncio.create_task(self._deliver(claim))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._deliveries.discard)
            if line := self._lines.get(claim.notice.channel):
                line.busy += 1
                line.pace.took(now)
        return bool(claims)

    async def _sleep(self) -> None:
        """Until something may be due, or it is told that it is."""
        pause_s = _STORE_PAUSE_S if self._store_away else _IDLE_S
        with contextlib.suppress(TransientError):
            now = self._clock()
            due = await self._ask(functools.partial(self._outbox.next_at, now))
            if due is not None:
                pause_s = min(pause_s, (due - now) / 1_000)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()

    async def _deliver(self, claim: Claim) -> None:
        line = self._lines.get(claim.notice.channel)
        if line is None:
            answer = Answer(ok=False, text=f"there is no channel {claim.notice.channel}", again=False)
        else:
            answer = await self._send(line, claim.notice)
            _tell_channel(line, claim.notice.channel, answer)
        await self._settle(claim, answer)

    async def _send(self, line: Line, notice: Notice) -> Answer:
        """What the channel answers within the time it has; its thread stays taken until it really ends."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer] = loop.create_future()

        def ended(future: Future[Answer]) -> None:
            # A thread that outlives a stopped loop has nobody to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._free, line, answered, future)

        contacts = self._contacts.get((notice.site, notice.person), {})
        line.threads.submit(_guarded, line.sender, notice, contacts).add_done_callback(ended)
        await asyncio.wait({answered}, timeout=self._timeout_s)
        if answered.done():
            return answered.result()
        return Answer(ok=False, text=f"no answer within {self._timeout_s:g} s")

    def _free(self, line: Line, answered: asyncio.Future[Answer], future: Future[Answer]) -> None:
        line.busy -= 1
        answered.set_result(future.result())
        self._wake.set()

    async def _settle(self, claim: Claim, answer: Answer) -> None:
        """Keep what became of it, tried until the store takes it: else it would be sent once more."""
        now = self._clock()
        again = again_at(claim.notice, claim.attempt, now) if answer.again and not answer.ok else None
        if not answer.ok and again is None:
            log.warning(
                "a notice is given up",
                action="channel_refused",
                channel=claim.notice.channel,
                notice=claim.notice.id,
                person=claim.notice.person,
                why=answer.text,
            )
        settle = functools.partial(
            self._outbox.settle, claim, now, ok=answer.ok, answer=answer.text, again_at=again
        )
        while True:
            try:
                return await self._ask(settle)
            except TransientError as error:
                self._tell_store(error)
                if self._stopping:
                    return None
                await asyncio.sleep(_STORE_PAUSE_S)

    async def _ask(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._store, call)

    def _tell_store(self, error: TransientError | None) -> None:
        if error is not None and not self._store_away:
            log.warning("the notifier waits", action="waiting", why=str(error))
        if error is None and self._store_away:
            log.info("the notifier works again", action="recovered")
        self._store_away = error is not None


def _most(rooms: Mapping[str, Room]) -> int:
    """As many as all channels can take, and some of channels that there are not."""
    return SENDS + sum(room.slots for room in rooms.values())


def _tell_channel(line: Line, name: str, answer: Answer) -> None:
    """Says once that a channel fails, and once that it works again."""
    if not answer.ok and answer.again and not line.failing:
        line.failing = True
        log.warning("a channel fails", action="channel_failing", channel=name, why=answer.text)
    if answer.ok and line.failing:
        line.failing = False
        log.info("a channel works again", action="channel_recovered", channel=name)


def _guarded(sender: Sender, notice: Notice, contacts: Mapping[str, str]) -> Answer:
    """Supervises one send: a mistake in somebody's plugin must not end the others, nor this notice."""
    try:
        return sender.send(notice, contacts)
    except NoContactError as error:
        return Answer(ok=False, text=str(error), again=False)
    except Exception as error:
        log.exception("a sender failed", action="send_failed", channel=notice.channel, notice=notice.id)
        return Answer(ok=False, text=f"{type(error).__name__} in the sender")
