"""The outbox: what is to be told to people, taken by whoever sends it, with a word about each attempt.

The worker's commits fill it. Several may send from it at once. A notice that was taken and not settled is free
again when its lease is over, so that each is sent once or, when its sender died or could not say so, twice.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from cloud.operations.notice import Notice


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A notice to be sent now. `attempt` counts from 1; nobody else takes it before `until`, ms."""

    notice: Notice
    attempt: int
    until: int


class Room(msgspec.Struct, frozen=True):
    """How many notices a channel can take now: `slots` of any kind, of which `unhurried` that are not critical."""

    slots: int
    unhurried: int


NOTICES_CHANNEL: Final = "sitewarden_notices"
"""A commit with new notices notifies this PostgreSQL channel too: who sends them need not look at every commit."""
EVERYWHERE: Final[Mapping[str, Room]] = MappingProxyType({})
"""No channel is limited."""


class Outbox(Protocol):
    """Where a notifier gets its work. Its calls block; `wait` is used by one thread, the rest by another."""

    def claim(
        self, now: int, most: int, lease_ms: int, rooms: Mapping[str, Room] = EVERYWHERE
    ) -> list[Claim]:
        """Take due notices that nobody holds: the most urgent first, then the oldest; not more than fit in.

        A channel that `rooms` does not name takes any number.

        Raises:
            StoreUnavailableError: The database can't be reached; whether anything was taken is unknown.
        """
        ...

    def settle(self, claim: Claim, now: int, *, ok: bool, answer: str, again_at: int | None = None) -> None:
        """What became of an attempt: sent, or to be sent again at `again_at`, or given up.

        The attempt is always kept. The notice stays as it is when it was stopped meanwhile, or when another holds
        it by now and this attempt has failed. Saying the same twice changes nothing.

        Raises:
            StoreUnavailableError: The database can't be reached; whether it was kept is unknown.
        """
        ...

    def next_at(self, now: int) -> int | None:
        """When a notice that is not free to take at `now` will be; None when there is none.

        Raises:
            StoreUnavailableError: The database can't be reached.
        """
        ...

    def wait(self, timeout_s: float) -> bool:
        """Returns True soon after a commit put something in (or may have), False after `timeout_s`.

        Raises:
            StoreUnavailableError: The database can't be reached.
        """
        ...

    def close(self) -> None:
        """Nothing is asked of it any more. Never raises."""
        ...
