"""The connections of those who call the agent: each a task of its own, and one that fails takes no other with it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

BIND_AGAIN_S: Final = 5.0
MOST_CALLS: Final = 64
"""Connections at a time: a site has fewer callers, and each may hold what it says."""
MOST_STRANGERS: Final = 16
"""Of one address, connections that have not said yet who they are."""

log = structlog.get_logger("edge.drivers.calls")

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Calls:
    """What is being said on one line."""

    def __init__(self, line: str, serve: Serve) -> None:
        self._line = line
        self._serve = serve
        self._calls: dict[asyncio.Task[None], str] = {}
        """Those that go on, the one that said something last at the end; by each its address."""
        self._strangers: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Listen, as soon as that can be."""
        said = False
        while True:
            try:
                return await asyncio.start_server(self._called, host, port)
            except OSError as error:
                if not said:
                    log.warning("line down", action="line_down", line=self._line, why=str(error))
                said = True
                await asyncio.sleep(BIND_AGAIN_S)

    def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str((writer.get_extra_info("peername") or ("",))[0])
        self._make_room(address)
        call = asyncio.ensure_future(self._serve(reader, writer))
        self._calls[call] = address
        self._strangers.add(call)
        call.add_done_callback(self._ended)

    def _make_room(self, address: str) -> None:
        """End a call where there are too many: of those that only hold a place, else the one that was quiet longest."""
        same = [call for call in self._calls if call in self._strangers and self._calls[call] == address]
        victim = same[0] if len(same) >= MOST_STRANGERS else None
        if victim is None and len(self._calls) >= MOST_CALLS:
            victim = next((call for call in self._calls if call in self._strangers), next(iter(self._calls)))
        if victim is not None:
            self._forget(victim)
            victim.cancel()

    def known(self) -> None:
        """The call that says this is of somebody who may call, and has just said something."""
        call = asyncio.current_task()
        if call is not None and call in self._calls:
            self._strangers.discard(call)
            self._calls[call] = self._calls.pop(call)

    def _forget(self, call: "asyncio.Task[None]") -> None:
        self._calls.pop(call, None)
        self._strangers.discard(call)

    def _ended(self, call: "asyncio.Task[None]") -> None:
        self._forget(call)
        error = None if call.cancelled() else call.exception()
        if isinstance(error, OSError | EOFError):
            log.info("a caller hung up", action="caller_lost", line=self._line, why=str(error))
        elif error is not None:
            log.error("a call failed", action="call_failed", line=self._line, exc_info=error)

    async def close(self) -> None:
        """End what is being said."""
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls)
