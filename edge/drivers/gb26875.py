"""Where fire transmitters call: a TCP server that confirms a frame once what it said is on disk."""

import asyncio
import urllib.parse
from collections.abc import Mapping

import msgspec
import structlog

from contract.causes import Cause, because
from edge import clock
from edge.drivers.calls import Calls
from edge.endpoints import nothing_else
from edge.errors import SettingsError
from edge.gb26875.frame import SEND_DATA, Frame, FrameReader, confirmation, encode
from edge.gb26875.transmitter import Transmitter
from edge.ports import Failed, Services, Sink
from edge.receipts import Message, Receipts

LOOK_S = 5.0
_PIECE = 4_096

log = structlog.get_logger("edge.drivers.gb26875")


class Listener(msgspec.Struct, frozen=True):
    """The address to listen on."""

    host: str
    port: int


def parse_listener(url: str) -> Listener:
    """The listener that `gb26875://host:port` names.

    Raises:
        SettingsError: The URL has another form.
    """
    parts = urllib.parse.urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "gb26875" or not parts.hostname or port is None:
        raise SettingsError(f"expected a listener such as gb26875://0.0.0.0:5200, found {url!r}")
    nothing_else(url, parts, "place")
    return Listener(parts.hostname, port)


def _note(device: str) -> str:
    return f"states/{device}"


class TransmitterDriver:
    """See `edge.ports.Driver`. `callers`: by address in hexadecimal."""

    def __init__(
        self,
        line: str,
        where: Listener,
        callers: Mapping[str, Transmitter],
        services: Services,
    ) -> None:
        self._line = line
        self._where = where
        self._callers = callers
        self._devices = {caller.device: caller for caller in callers.values()}
        self._services = services
        self._receipts = Receipts(services.kept)
        self._turns: dict[str, asyncio.Lock] = {address: asyncio.Lock() for address in callers}
        self._strangers: set[str] = set()
        self.port = 0
        """Where it listens, once it does."""

    async def run(self, sink: Sink) -> None:
        """See `Driver.run`."""
        for name, caller in self._devices.items():
            caller.recall(await self._services.recall(_note(name)), clock.wall_ms())
        calls = Calls(self._line, lambda reader, writer: self._serve(reader, writer, sink, calls))
        server = await calls.listen(self._where.host, self._where.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            await self._look_around(sink)
        finally:
            server.close()
            await calls.close()

    async def _look_around(self, sink: Sink) -> None:
        while True:
            now = clock.boot_ms()
            silent = tuple(name for name, caller in self._devices.items() if caller.is_silent(now))
            if silent:
                sink.put([Failed(devices=silent, at=now, why=because(Cause.NOT_HEARD))])
            await asyncio.sleep(LOOK_S)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sink: Sink, calls: Calls
    ) -> None:
        frames = FrameReader()
        heard: set[Transmitter] = set()
        try:
            while data := await reader.read(_PIECE):
                for frame in frames.feed(data):
                    await self._take(frame, writer, sink, heard)
                if heard:
                    calls.known()
        finally:
            for caller in heard:
                caller.away()
            writer.transport.abort()

    async def _take(
        self, frame: Frame, writer: asyncio.StreamWriter, sink: Sink, heard: set[Transmitter]
    ) -> None:
        address = frame.source.hex()
        caller = self._callers.get(address)
        if caller is None:
            if address not in self._strangers:
                log.warning("unknown transmitter", action="stranger", line=self._line, address=address)
            self._strangers.add(address)
            return
        heard.add(caller)
        async with self._turns[address]:
            kept = await self._keep(caller, frame, sink)
        # Confirmed, it is never sent again; refused by the disk, it is to be.
        if kept and frame.command == SEND_DATA:
            writer.write(encode(confirmation(frame)))
            await writer.drain()

    async def _keep(self, caller: Transmitter, frame: Frame, sink: Sink) -> bool:
        before, wall = caller.known, clock.wall_ms()
        seen = caller.hears(frame, clock.boot_ms(), wall)
        note = caller.note(wall)

        def undo() -> None:
            caller.known = before

        kept = await self._receipts.keep(sink, Message((frame.source, frame.data), seen, undo))
        if kept and note is not None:
            await self._services.remember(_note(caller.device), note)
        return kept
