"""The send window: how many bytes may be on their way to the broker, by how quickly it takes them. Pure.

An alarm waits behind whatever is already in the buffers of a slow line, and a batch that needs longer than the
connection may be silent never gets through. Both are bounded by time here, not by a number of batches: what is on its
way divided by how long it took is the rate of the line (Little's law), and the window is what the line carries in
`QUEUED_MS`, over its bare delay. The bare delay is the shortest that was seen, as in TCP Vegas (Brakmo and Peterson,
1995), so that a line of long delay is filled too.
"""

from typing import Final

import msgspec

from contract.batch import MAX_BATCH_BYTES, Lane
from edge.spool.base import BatchName

MIN_BYTES: Final = 256
"""A batch always holds one row, however big."""
FIRST_BYTES: Final = 16 * 1024
MOST_BYTES: Final = 4 * MAX_BATCH_BYTES
QUEUED_MS: Final = 2_000
"""So long a new alarm waits for what is on its way before it."""

_BATCHES: Final = 4
"""A window is filled by so many batches: the line is busy while the next one is made."""


class _Flying(msgspec.Struct, frozen=True):
    """A batch that the broker has not taken yet. `ahead`: bytes on their way when it was sent, its own with them."""

    name: BatchName
    size: int
    at: int
    ahead: int


class SendWindow:
    """What is on its way to the broker, and how much may be; times in ms of the boot clock."""

    def __init__(self) -> None:
        self._bytes = FIRST_BYTES
        self._delay: int | None = None
        self._flying: list[_Flying] = []
        self._taken_at = 0

    @property
    def batch_bytes(self) -> int:
        """How big the next batch may be."""
        return min(max(self._bytes // _BATCHES, MIN_BYTES), MAX_BATCH_BYTES)

    def has_room(self, lane: Lane) -> bool:
        """Whether another batch of a lane may go: life safety waits for nothing but itself."""
        ahead = sum(one.size for one in self._flying if lane is Lane.MAIN or one.name.lane is Lane.LIFE)
        return ahead == 0 or ahead + self.batch_bytes <= self._bytes

    def alarm_waits_since(self) -> int | None:
        """Since when the line has taken nothing of the backlog that is before an alarm; None without such an alarm."""
        lanes = [one.name.lane for one in self._flying]
        if Lane.MAIN not in lanes or Lane.LIFE not in lanes[lanes.index(Lane.MAIN) :]:
            return None
        return max(self._flying[0].at, self._taken_at)

    def sent(self, name: BatchName, size: int, now: int) -> None:
        """A batch of `size` bytes is on its way."""
        ahead = size + sum(one.size for one in self._flying)
        self._flying.append(_Flying(name, size, now, ahead))

    def taken(self, name: BatchName, now: int) -> None:
        """The broker has a batch: a measure of the line."""
        place = next((place for place, one in enumerate(self._flying) if one.name == name), None)
        if place is None:
            return
        one = self._flying.pop(place)
        self._taken_at = now
        took = max(now - one.at, 1)
        self._delay = took if self._delay is None else min(self._delay, took)
        queued = took - self._delay
        carried = one.ahead * QUEUED_MS // max(queued, 1)
        if queued <= QUEUED_MS:
            # A line that had little to carry says nothing of how much it could.
            self._set(max(self._bytes, min(2 * self._bytes, carried)))
        else:
            self._set(max(self._bytes // 2, min(self._bytes, carried)))

    def failed(self, now: int) -> None:
        """The connection ended; what it had not taken goes again, in smaller pieces."""
        if self._flying:
            first = self._flying[0]
            waited = max(now - max(first.at, self._taken_at), 1)
            self._set(min(self._bytes // 2, first.size * QUEUED_MS // waited))
        self._flying.clear()
        self._delay = None

    def unanswered(self) -> None:
        """Nobody acknowledges what the broker took: whatever is in the way, smaller pieces pass more easily."""
        self._set(self._bytes // 2)

    def _set(self, size: int) -> None:
        self._bytes = min(max(size, MIN_BYTES), MOST_BYTES)
