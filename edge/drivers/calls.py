"""The connections of those who call the agent: each a task of its own, and one that fails takes no other with it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

BIND_AGAIN_S: Final = 5.0
MOST_CALLS: Final = 64
"""Connections at a time: a site has fewer callers, and each may hold what it says."""

log = structlog.get_logger("edge.drivers.calls")

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Calls:
    """What is being said on one line."""

    def __init__(self, line: str, serve: Serve) -> None:
        self._line = line
        self._serve = serve
        self._calls: set[asyncio.Task[None]] = set()

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
        if len(self._calls) >= MOST_CALLS:
            writer.close()
            return
        call = asyncio.ensure_future(self._serve(reader, writer))
        self._calls.add(call)
        call.add_done_callback(self._ended)

    def _ended(self, call: "asyncio.Task[None]") -> None:
        self._calls.discard(call)
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
