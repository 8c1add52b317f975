"""The one rule of every driver: what a device said is confirmed once all of it is on disk, and not before.

A message of which the disk refused something is not confirmed. What it changed in memory is undone, the device says it
again, and what was kept of it is not told a second time. A device that is asked says nothing twice: what the disk
refused of its answers is held here, and put again before the next answer.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final

import msgspec

from edge.ports import Happened, Measured, Observation, Refused, Sink

MOST_PARTLY: Final = 4_096
"""Messages of which a part was kept, that are remembered until they come again."""
MOST_HELD: Final = 1_000
"""Events of devices that are asked, held while the disk takes none; beyond it they are lost, and their time is blind."""

_encoder: Final = msgspec.msgpack.Encoder(order="deterministic")


class Message(msgspec.Struct, frozen=True):
    """A message as it was read. `key` makes it the same one again; `undo` puts back what it changed in memory."""

    key: Hashable
    seen: Sequence[Observation]
    undo: Callable[[], None]


class Pending(msgspec.Struct, frozen=True):
    """A message that was put to the sink as `told`, and the word of the disk to come."""

    message: Message
    told: Sequence[Observation]
    refused: Awaitable[Refused]


class Receipts:
    """What became of messages. `kept` is called right after observations were put: see `Services.kept`."""

    def __init__(self, kept: Callable[[], Awaitable[Refused]]) -> None:
        self._kept = kept
        self._partly: dict[int, Counter[bytes]] = {}
        self._held: Sequence[Observation] = ()

    def put(self, sink: Sink, message: Message) -> Pending:
        """Put what a message tells, but for what was kept of it when it came before."""
        told = self._untold(message)
        sink.put(told)
        return Pending(message, told, self._kept())

    def _untold(self, message: Message) -> Sequence[Observation]:
        before = self._partly.get(hash(message.key)) if self._partly else None
        if before is None:
            return message.seen
        left, told = before.copy(), []
        for one in message.seen:
            content = _content(one)
            if content and left[content]:
                left[content] -= 1
            else:
                told.append(one)
        return told

    async def is_kept(self, pending: Pending, *, again: bool = False) -> bool:
        """Wait until a message is on disk; false where it is to come again, and what it changed is undone.

        `again`: it will come again whatever became of it, since an earlier one of its device does, with which it was
        undone.
        """
        refused = await pending.refused
        key = hash(pending.message.key)
        if not again and not refused.any_of(pending.told):
            self._partly.pop(key, None)
            return True
        kept = Counter(_content(one) for one in pending.told if not refused.has(one))
        self._partly[key] = self._partly.pop(key, Counter()) + kept
        while len(self._partly) > MOST_PARTLY:
            del self._partly[next(iter(self._partly))]
        if not again:
            pending.message.undo()
        return False

    async def keep(self, sink: Sink, message: Message) -> bool:
        """Put a message and wait: see `put` and `is_kept`."""
        return await self.is_kept(self.put(sink, message))

    async def hold(self, sink: Sink, answer: Sequence[Observation]) -> bool:
        """Put an answer of a device that is asked, after what is still held; whether nothing is held now."""
        told = [*self._held, *answer]
        sink.put(told)
        if any(isinstance(one, Happened) for one in told):
            refused = await self._kept()
            lost = [one for one in told if isinstance(one, Happened) and refused.has(one)]
            self._held = lost[:MOST_HELD]
        return not self._held


def _content(seen: Observation) -> bytes:
    """What an observation says, whenever it was heard; nothing for one that no row is written for."""
    match seen:
        case Happened():
            return _encoder.encode(msgspec.structs.replace(seen, at=0, observed_at=0, error_ms=0))
        case Measured():
            return _encoder.encode(msgspec.structs.replace(seen, at=0))
        case _:
            return b""
