"""One Modbus line: one request in flight, each answer taken only for the question it belongs to."""

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec

from edge.clock import boot_ms
from edge.drivers.modbus_frames import Ask, Reply
from edge.drivers.modbus_sync import Probe, Sync, Wait
from edge.drivers.modbus_transport import Channel, Endpoint, open_channel
from edge.errors import LineLost, NoAnswer, Refused, Suspect

SETTLE_FACTOR = 2
"""A unit that missed an answer is left alone for so many times its response time."""
DEAF_AFTER = 3
"""Questions in a row without a single byte before the connection itself is taken to be dead."""

_NOT_NOW = frozenset({5, 6, 10, 11})
"""Exceptions that say nothing of the request: the device is busy, or a gateway can't reach it (Modbus Application
Protocol V1.1b3, chapter 7)."""


class Answered(msgspec.Struct, frozen=True):
    """The registers or bits of an answer, and the boot clock when it was asked for and when it came."""

    words: tuple[int, ...]
    asked_at: int
    answered_at: int


class ModbusLine:
    """A line to be asked, one question at a time. It is opened when it is needed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._codec = endpoint.codec()
        self._sync = Sync()
        self._channel: Channel | None = None
        self._tid = 0
        self._deaf = 0

    async def open(self) -> None:
        """Open the line unless it is.

        Raises:
            LineLost: It can't be opened now.
        """
        if self._channel is None:
            self._channel = await open_channel(self._endpoint)
            self._codec.reset()
            self._deaf = 0

    def close(self) -> None:
        """Close the line; `open` opens it again. Which answers are missing is kept: a converter may hold them."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    async def read(self, ask: Ask, timeout_ms: int, probes: Sequence[Ask]) -> Answered:
        """Ask and wait for the answer. `probes` are other reads that the unit answers, to test it by.

        Raises:
            LineLost: The line is gone; it has been closed.
            NoAnswer: None came in time, or one of another form.
            Refused: The device answered with an exception.
            Suspect: The unit is left alone for now.
        """
        try:
            await self._settle(ask.unit, timeout_ms, probes)
            return await self._answered(ask, timeout_ms)
        except LineLost:
            self.close()
            raise

    async def _settle(self, unit: int, timeout_ms: int, probes: Sequence[Ask]) -> None:
        self._take_strays()
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
            raise NoAnswer("answers come late and out of step")

    async def _overheard(self, for_ms: int) -> set[int]:
        """Listen without asking; the units that were heard."""
        heard: set[int] = set()
        channel = self._opened()
        try:
            async with asyncio.timeout(for_ms / 1000):
                while True:
                    heard |= {reply.signature.unit for reply in self._replies(await channel.receive())}
        except TimeoutError:
            return heard

    async def _answered(self, ask: Ask, timeout_ms: int) -> Answered:
        channel = self._opened()
        if self._endpoint.gap_s:
            await asyncio.sleep(self._endpoint.gap_s)
        self._take_strays()
        self._tid = self._tid % 0xFFFF + 1
        asked_at = boot_ms()
        channel.send(self._codec.encode(ask, self._tid))
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                reply = await self._awaited(ask, channel)
        except TimeoutError:
            self._went_unanswered(ask)
            raise NoAnswer("no answer") from None
        if reply.exception in _NOT_NOW:
            raise NoAnswer(f"exception {reply.exception}")
        if reply.exception:
            raise Refused(reply.exception, asked_at, boot_ms())
        try:
            return Answered(reply.values(ask), asked_at, boot_ms())
        except ValueError as error:
            raise NoAnswer(str(error)) from error

    async def _awaited(self, ask: Ask, channel: Channel) -> Reply:
        """The answer to the question in flight; other answers are sorted out on the way.

        Further answers in the same bytes are strays: there is but one question.
        """
        while True:
            found: Reply | None = None
            for reply in self._replies(await channel.receive()):
                if found is None and self._answers(reply, ask):
                    found = reply
                else:
                    self._sync.stray(reply.signature)
            if found is not None:
                return found

    def _answers(self, reply: Reply, ask: Ask) -> bool:
        if reply.signature.unit != ask.unit:
            return False
        if self._codec.matches_requests:
            return reply.tid == self._tid
        if reply.signature.function != ask.function or self._sync.may_be_late(reply.signature):
            return False
        return reply.exception != 0 or reply.signature == ask.signature

    def _went_unanswered(self, ask: Ask) -> None:
        if not self._codec.matches_requests:
            self._sync.missed(ask.signature, boot_ms())
        self._deaf += 1
        if self._deaf >= DEAF_AFTER and not self._endpoint.device:
            self.close()

    def _take_strays(self) -> None:
        """Answers that came while nothing was asked."""
        for reply in self._replies(self._opened().take()):
            self._sync.stray(reply.signature)

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
