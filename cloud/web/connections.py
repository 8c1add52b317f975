"""Connections that ask nothing take nobody's place: limits on how long a request may need, and on silent callers."""

import asyncio
import resource
from typing import Any, Final

import h11
import structlog
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S: Final = 10.0
"""So long may a caller need until the head of its request is there."""
MOST_SILENT: Final = 256
"""Callers at a time that have asked nothing yet."""
MOST_SILENT_OF_ADDRESS: Final = 64
"""Of one address, which may be a proxy's."""
RESERVE: Final = 256
"""Descriptors that are left to the database, the broker and files."""
_SAY_EVERY_S: Final = 60.0

_log = structlog.get_logger(__name__)


def raise_descriptor_limit() -> int:
    """Allow this process as many descriptors as it may have; how many connections that leaves for callers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return max(RESERVE, min(soft, 1 << 20) - RESERVE)


class Lobby:
    """The callers that have asked nothing yet, oldest first. One too many ends the one that has been silent longest.

    `most`: so many may be connected at all.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._silent: dict[H11Protocol, str] = {}
        self._said_at = -_SAY_EVERY_S

    def enters(self, caller: H11Protocol, address: str, connected: int, now: float) -> H11Protocol | None:
        """Take in one more; the one that must go for it."""
        self._silent[caller] = address
        same = [one for one, other in self._silent.items() if other == address]
        if len(same) > MOST_SILENT_OF_ADDRESS:
            victim = same[0]
        elif len(self._silent) > MOST_SILENT or connected > self._most:
            victim = next(iter(self._silent))
        else:
            return None
        if now - self._said_at >= _SAY_EVERY_S:
            self._said_at = now
            _log.warning("silent callers are turned away", action="turned_away", address=address)
        self.leaves(victim)
        return victim

    def leaves(self, caller: H11Protocol) -> None:
        """One of them has asked, or is gone."""
        self._silent.pop(caller, None)


def guarded(lobby: Lobby) -> type[H11Protocol]:
    """The protocol of a server's connections, with a lobby that they share."""

    class Guarded(H11Protocol):
        """One connection."""

        _limit: asyncio.TimerHandle | None = None

        @override
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            address = self.client[0] if self.client else ""
            victim = lobby.enters(self, address, len(self.connections), self.loop.time())
            if victim is not None:
                victim.transport.abort()
            self._limit = self.loop.call_later(HEAD_S, self._too_slow)

        @override
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._asked()
            elif self._limit is None and not self.transport.is_closing():
                self._limit = self.loop.call_later(HEAD_S, self._too_slow)

        @override
        def connection_lost(self, exc: Exception | None) -> None:
            self._asked()
            super().connection_lost(exc)

        def _asked(self) -> None:
            if self._limit is not None:
                self._limit.cancel()
                self._limit = None
            lobby.leaves(self)

        def _too_slow(self) -> None:
            self._limit = None
            self.transport.abort()

    return Guarded


def say_once(loop: asyncio.AbstractEventLoop) -> None:
    """Have a loop say once a minute that it has no descriptors left, not for every caller in line."""
    said_at = -_SAY_EVERY_S

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal said_at
        if "out of system resource" not in str(context.get("message", "")):
            loop.default_exception_handler(context)
        elif loop.time() - said_at >= _SAY_EVERY_S:
            said_at = loop.time()
            _log.error(
                "no descriptors are left: callers wait",
                action="no_descriptors",
                why=str(context.get("exception")),
            )

    loop.set_exception_handler(handle)
