"""One Modbus line: one request in flight, each answer taken only for the question it belongs to."""

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec

from contract.causes import Cause, Why, because
from edge.clock import boot_ms
from edge.drivers.modbus_frames import Ask, Reply
from edge.drivers.modbus_habit import Habit
from edge.drivers.modbus_match import Matcher
from edge.drivers.modbus_sync import Probe, Sync, Wait
from edge.drivers.modbus_transport import Channel, Endpoint, open_channel
from edge.errors import LineClosed, LineLost, NoAnswer, Refused, Suspect

SETTLE_FACTOR = 2
"""A unit that missed an answer is left alone for so many times its response time."""
DEAF_AFTER = 3
"""Questions in a row without a single byte before the connection itself is taken to be dead."""
CLOSE_S = 0.1
"""How long to wait for a close that is expected."""
SECOND_ANSWER_MS = 100
"""How long to listen at least for a second answer to a question that was asked twice."""
FORGOTTEN_MS = 10_000
"""A connection on which nothing was said for so long may be dead without anybody knowing."""

_NO_ANSWER = because(Cause.NO_ANSWER)
_NOT_NOW = frozenset({5, 6, 10, 11})
"""Exceptions that say nothing of the request: the device is busy, or a gateway can't reach it (Modbus Application
Protocol V1.1b3, chapter 7)."""


class Answered(msgspec.Struct, frozen=True):
    """The registers or bits of an answer, and the boot clock when it was asked for and when it came."""

    words: tuple[int, ...]
    asked_at: int
    answered_at: int


class ModbusLine:
    """A line to be asked, one question at a time. It is opened when it is needed.

    A TCP connection that the far side closed between questions is opened again without a word. `units`: those that
    are asked on it, where that is known beforehand.
    """

    def __init__(self, endpoint: Endpoint, units: frozenset[int] = frozenset()) -> None:
        self._endpoint = endpoint
        self._codec = endpoint.codec()
        self._sync = Sync()
        self._matcher = Matcher(self._sync, numbered=self._codec.matches_requests, units=units)
        self._habit = Habit()
        self._channel: Channel | None = None
        self._tid = 0
        self._deaf = 0
        self._answers = 0
        self._used_at = 0
        self._why = _NO_ANSWER

    async def open(self) -> None:
        """Open the line unless it is.

        Raises:
            LineLost: It can't be opened now.
        """
        if self._channel is not None and await self._is_over(self._channel):
            self.close()
        if self._channel is None:
            self._channel = await open_channel(self._endpoint)
            self._codec.reset()
            self._deaf = self._answers = 0
            self._used_at = boot_ms()

    async def _is_over(self, channel: Channel) -> bool:
        """Whether a connection is, or is about to be, closed by the far side."""
        if channel.lost_at is None and not self._habit.is_known:
            return False
        if self._habit.is_closing(self._answers) and not await channel.ended(CLOSE_S):
            self._habit.stayed_open()
        if channel.lost_at is not None:
            self._take_strays()
            self._habit.closed(self._answers, max(0, channel.lost_at - self._used_at))
            return True
        return not self._endpoint.device and self._habit.is_stale(boot_ms() - self._used_at)

    def close(self) -> None:
        """Close the line; `open` opens it again. Which answers are missing is kept: a converter may hold them."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    async def read(self, ask: Ask, timeout_ms: int, probes: Sequence[Ask]) -> Answered:
        """Ask and wait for the answer. `probes` are other reads that the unit answers, to test it by.

        A question whose connection ended is asked once more over a new one: a read may be repeated.

        Raises:
            LineLost: The line is gone; it has been closed.
            NoAnswer: None came in time, or one of another form; the message says what came.
            Refused: The device answered with an exception.
            Suspect: The unit is left alone for now.
        """
        try:
            await self._settle(ask.unit, timeout_ms, probes or (ask,))
            return await self._asked_again(ask, timeout_ms)
        except LineLost:
            self.close()
            raise

    async def _asked_again(self, ask: Ask, timeout_ms: int) -> Answered:
        idle_ms, answers, before = boot_ms() - self._used_at, self._answers, self._tid
        try:
            return await self._answered(ask, timeout_ms)
        except LineClosed:
            self._habit.closed(answers, idle_ms)
        except NoAnswer:
            if self._endpoint.device or not self._deaf or idle_ms < FORGOTTEN_MS:
                raise
            # A router or firewall forgets a silent connection, and tells neither side.
            if not self._matcher.tells_late_ones(ask.unit):
                self.close()
                raise
        was_sent = self._tid != before
        self.close()
        await self.open()
        answered = await self._answered(ask, timeout_ms)
        if was_sent and not self._matcher.tells_late_ones(ask.unit):
            # A converter that had passed the first question on has two answers: the other comes as soon again.
            took_ms = answered.answered_at - answered.asked_at
            await self._overheard(min(timeout_ms, max(SECOND_ANSWER_MS, 4 * took_ms)))
        return answered

    async def _settle(self, unit: int, timeout_ms: int, probes: Sequence[Ask]) -> None:
        self._take_strays()
        if self._matcher.tells_late_ones(unit):
            return
        settle_ms = SETTLE_FACTOR * timeout_ms
        step = self._sync.next_step(unit, probes, settle_ms, boot_ms())
        if isinstance(step, Wait):
            raise Suspect(step.until)
        if isinstance(step, Probe):
            await self._probe(step, timeout_ms, settle_ms)

    async def _probe(self, probe: Probe, timeout_ms: int, settle_ms: int) -> None:
        if not probe.proof:
            self._sync.settled(probe.ask.unit)
        with contextlib.suppress(Refused):  # a refusal is an answer, too
            await self._answered(probe.ask, timeout_ms)
        if probe.proof:
            self._sync.settled(probe.ask.unit)
        elif probe.ask.unit in await self._overheard(settle_ms):
            self._sync.missed(probe.ask.signature, boot_ms())
            raise NoAnswer(because(Cause.LATE_ANSWERS))

    async def _overheard(self, for_ms: int) -> set[int]:
        """Listen without asking; the units that were heard."""
        heard: set[int] = set()
        channel = self._opened()
        try:
            async with asyncio.timeout(for_ms / 1000):
                while True:
                    heard |= {reply.signature.unit for reply in self._replies(await channel.receive())}
        except (TimeoutError, LineClosed):
            return heard

    async def _answered(self, ask: Ask, timeout_ms: int) -> Answered:
        channel = self._opened()
        if self._endpoint.gap_s:
            await asyncio.sleep(self._endpoint.gap_s)
        self._take_strays()
        tid = self._tid % 0xFFFF + 1
        asked_at = boot_ms()
        channel.send(self._codec.encode(ask, tid))
        self._tid, self._used_at, self._why = tid, asked_at, _NO_ANSWER
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                reply = await self._awaited(ask, channel)
        except TimeoutError:
            self._went_unanswered(ask)
            raise NoAnswer(self._why) from None
        self._answers += 1
        self._used_at = boot_ms()
        if reply.exception in _NOT_NOW:
            raise NoAnswer(Why(f"{Cause.EXCEPTION}_{reply.exception}"))
        if reply.exception:
            raise Refused(reply.exception, asked_at, boot_ms())
        try:
            return Answered(reply.values(ask), asked_at, boot_ms())
        except ValueError as error:
            raise NoAnswer(because(Cause.UNREADABLE, detail=str(error))) from error

    async def _awaited(self, ask: Ask, channel: Channel) -> Reply:
        """The answer to the question in flight; other answers are sorted out on the way.

        Further answers in the same bytes are strays: there is but one question.
        """
        while True:
            found: Reply | None = None
            for reply in self._replies(await channel.receive()):
                if found is None and self._answers_it(reply, ask):
                    found = self._matcher.as_asked(reply, ask)
                else:
                    self._sync.stray(self._matcher.signature(reply))
            if found is not None:
                return found

    def _answers_it(self, reply: Reply, ask: Ask) -> bool:
        match = self._matcher.judge(reply, ask, self._tid)
        if not match.mine:
            self._why = match.why or _NO_ANSWER
        return match.mine

    def _went_unanswered(self, ask: Ask) -> None:
        self._sync.missed(ask.signature, boot_ms())
        self._deaf += 1
        if self._deaf >= DEAF_AFTER and not self._endpoint.device:
            self.close()

    def _take_strays(self) -> None:
        """Answers that came while nothing was asked."""
        for reply in self._replies(self._opened().take()):
            self._sync.stray(self._matcher.signature(reply))

    def _replies(self, data: bytes) -> list[Reply]:
        if data:
            self._deaf = 0
        try:
            return self._codec.feed(data)
        except ValueError as error:
            raise LineLost(str(error)) from error

    def _opened(self) -> Channel:
        if self._channel is None:
            raise LineLost("not open")
        return self._channel
