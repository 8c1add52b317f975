"""The in-memory line: a stream that lives as long as the process. For tests and for trying things out."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
from typing_extensions import override

from cloud.broker.reader import Message
from cloud.errors import BrokerUnavailableError
from cloud.ingest.line import Captured, Line, Source
from cloud.operations.command import DESK, Command
from cloud.operations.screen import SCREENS, Pulse
from cloud.web.post import Post
from contract.topics import CAPTURE_PREFIX, Address


class MemoryLine(Line):
    """Every message goes to every partition's reader: tests own the one they read. `down` makes all calls fail."""

    def __init__(self, now: Callable[[], int], name: str = "first") -> None:
        self.down = False
        self.published: list[tuple[str, bytes]] = []
        self._now = now
        self._name = name
        self._messages: list[Message] = []
        self._grown = asyncio.Event()

    def capture(self, address: Address, payload: bytes) -> int:
        """An agent published a batch; its position in the stream."""
        subject = f"{CAPTURE_PREFIX}.0.{address.site}.{address.agent}"
        self._messages.append(Message(subject, payload, len(self._messages) + 1, self._now()))
        self._grown.set()
        return len(self._messages)

    def nudge(self) -> None:
        """Whoever waits for messages stops waiting: to be called after moving the clock by hand."""
        self._grown.set()

    def recreate(self, name: str) -> None:
        """The stream is lost, and another one begins."""
        self._name = name
        self._messages.clear()

    @override
    async def incarnation(self) -> str:
        self.check()
        return self._name

    @override
    async def read(self, partition: int, after: int) -> Source:
        self.check()
        return _MemorySource(self, after)

    @override
    async def publish(self, subject: str, payload: bytes) -> None:
        self.check()
        self.published.append((subject, payload))

    def check(self) -> None:
        """Raises `BrokerUnavailableError` while the line is down."""
        if self.down:
            raise BrokerUnavailableError("the line is down")

    async def after(self, position: int, most: int, wait_s: float) -> Sequence[Message]:
        """Messages after a position, as `Source.take` gives them."""
        self.check()
        if len(self._messages) <= position:
            self._grown.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._grown.wait()
            except TimeoutError:
                return []
        self.check()
        return self._messages[position : position + most]


class MemoryPost(Post):
    """Commands and pulses into a `MemoryLine`."""

    def __init__(self, line: MemoryLine) -> None:
        self._line = line

    @override
    async def send(self, site: str, command: Command) -> None:
        self._line.check()
        self._line.capture(Address(site, DESK), msgspec.json.encode(command))

    @override
    async def tell(self, site: str, pulse: Pulse) -> None:
        self._line.check()
        self._line.capture(Address(site, SCREENS), msgspec.json.encode(pulse))


class _MemorySource(Source):
    def __init__(self, line: MemoryLine, after: int) -> None:
        self._line = line
        self._after = after

    @override
    async def take(self, most: int, wait_s: float) -> Sequence[Captured]:
        taken = await self._line.after(self._after, most, wait_s)
        self._after += len(taken)
        return taken

    @override
    async def close(self) -> None:
        """Nothing is held."""
