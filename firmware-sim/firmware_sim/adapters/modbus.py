"""Simulated devices on real Modbus lines: Modbus TCP, RTU over TCP, and RTU on a pseudo terminal."""

import abc
import asyncio
import contextlib
import os
import random
import socket
import struct
import tty
from collections.abc import Callable, Mapping

from typing_extensions import override

from firmware_sim.adapters.faults import Fault, Manner, as_told, reply_of
from firmware_sim.adapters.modbus_frames import Asked, Framing, RtuFraming, TcpFraming
from firmware_sim.device import Image

LOOPBACK = "127.0.0.1"
RESET_AFTER_S = 0.02
_CHUNK = 4096
_TURNS_TO_JOIN = 3


class Unit:
    """A device on a line: the image that it shows now, and what is wrong with it. Both may be set at any time."""

    def __init__(self, image: Image, fault: Fault | None = None) -> None:
        self.image = image
        self.fault = fault
        self.restarting = False
        self.busy_until = 0.0
        self.asked = 0
        self.refused_writes = 0


class ModbusLine:
    """The units of one line, by unit id, served wherever `listen_*` was called. Other units do not answer.

    `manner` may be set at any time; `connections` counts those that were opened.
    """

    def __init__(self, units: Mapping[int, Unit], *, seed: int = 0, manner: Manner | None = None) -> None:
        self.units = dict(units)
        self.manner = manner or Manner()
        self.connections = 0
        self._chance = random.Random(seed)
        self._servers: list[asyncio.Server] = []
        self._sessions: set[_Session] = set()
        self._all_left = asyncio.Event()
        self._ptys: list[_PtySession] = []

    async def listen_tcp(self, port: int = 0, *, framed: bool = True, host: str = LOOPBACK) -> str:
        """Serve Modbus TCP, or with `framed` False RTU over TCP; the endpoint's URL. Port 0 takes a free one."""
        framing: Callable[[], Framing] = TcpFraming if framed else RtuFraming
        server = await asyncio.get_running_loop().create_server(
            lambda: _TcpSession(self, framing()), host, port
        )
        self._servers.append(server)
        scheme = "modbus-tcp" if framed else "modbus-rtu-tcp"
        return f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}"

    def listen_pty(self) -> str:
        """Serve RTU on a new pseudo terminal; the endpoint's URL."""
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        session = _PtySession(self, RtuFraming(), ours, theirs)
        self._ptys.append(session)
        asyncio.get_running_loop().add_reader(ours, session.read)
        return f"modbus-rtu://{os.ttyname(theirs)}?baudrate=115200"

    def hang_up(self) -> None:
        """Cut every connection that is open; new ones are taken."""
        for session in list(self._sessions):
            session.hang_up()

    async def close(self) -> None:
        """Stop serving. Every connection has ended when this returns, also one that was just being taken."""
        await self._stop_taking()
        for server in self._servers:
            server.close()
        self.hang_up()
        for server in self._servers:
            await server.wait_closed()
        if self._sessions:
            self._all_left.clear()
            await self._all_left.wait()
        for session in self._ptys:
            session.close()
        self._servers.clear()
        self._ptys.clear()

    async def _stop_taking(self) -> None:
        # A connection is taken in a task of its own, which fails and leaves it open if the server is closed before
        # the task begins (CPython issue 109564); it joins two turns of the loop later.
        loop = asyncio.get_running_loop()
        for listener in [one for server in self._servers for one in server.sockets]:
            loop.remove_reader(listener.fileno())
        for _ in range(_TURNS_TO_JOIN):
            await asyncio.sleep(0)

    def joined(self, session: "_Session") -> None:
        """A connection was opened."""
        self.connections += 1
        self._sessions.add(session)

    def left(self, session: "_Session") -> None:
        """A connection was closed."""
        self._sessions.discard(session)
        if not self._sessions:
            self._all_left.set()

    def answer(self, asked: Asked, session: "_Session") -> None:
        """Let the unit that is meant send its reply, now or in a while."""
        unit = self.units.get(asked.unit)
        if unit is None:
            return
        unit.asked += 1
        unit.refused_writes += asked.function > 4
        reply = reply_of(as_told(asked, self.manner), unit.image, unit.fault, session.framing, self._chance)
        if reply is None:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + reply.delay_ms / 1000
        if reply.in_order:
            at = unit.busy_until = max(at, unit.busy_until)
        if at <= loop.time():
            session.send(reply.data)
        else:
            loop.call_at(at, session.send, reply.data)


class _Session(abc.ABC):
    """One master, connected."""

    def __init__(self, line: ModbusLine, framing: Framing) -> None:
        self._line = line
        self.framing = framing

    def heard(self, data: bytes) -> None:
        for asked in self.framing.feed(data):
            self._line.answer(asked, self)

    @abc.abstractmethod
    def send(self, data: bytes) -> None:
        """Send bytes to the master, if it is still there."""

    @abc.abstractmethod
    def hang_up(self) -> None:
        """Cut the connection, where there is one."""


class _TcpSession(_Session, asyncio.Protocol):
    def __init__(self, line: ModbusLine, framing: Framing) -> None:
        super().__init__(line, framing)
        self._transport: asyncio.Transport | None = None
        self._replies = 0
        self._idle: asyncio.TimerHandle | None = None
        self._is_forgotten = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._line.joined(self)
        self._wait_idle()

    @override
    def data_received(self, data: bytes) -> None:
        if not self._is_forgotten:
            self._wait_idle()
            self.heard(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._stop_waiting()
        self._line.left(self)

    @override
    def send(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(data)
        self._replies += 1
        self._wait_idle()
        if self._replies == self._line.manner.close_after:
            # A RST overtakes what the other side has not taken in yet.
            delay_s = RESET_AFTER_S if self._line.manner.reset else 0
            asyncio.get_running_loop().call_later(delay_s, self._end)

    @override
    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _wait_idle(self) -> None:
        self._stop_waiting()
        manner = self._line.manner
        for idle_ms, act in ((manner.close_idle_ms, self._end), (manner.forget_idle_ms, self._forget)):
            if idle_ms is not None:
                self._idle = asyncio.get_running_loop().call_later(idle_ms / 1000, act)

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()

    def _forget(self) -> None:
        self._is_forgotten = True

    def _end(self) -> None:
        if self._transport is None:
            return
        if self._line.manner.reset:
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._transport.abort()
        else:
            self._transport.close()


class _PtySession(_Session):
    """`theirs` stays open on our side too, or else reading would fail whenever no master has it open."""

    def __init__(self, line: ModbusLine, framing: Framing, ours: int, theirs: int) -> None:
        super().__init__(line, framing)
        self._ours = ours
        self._theirs = theirs
        self._is_open = True

    def close(self) -> None:
        self._is_open = False
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        os.close(self._theirs)

    def read(self) -> None:
        """Bytes are there."""
        with contextlib.suppress(BlockingIOError):
            self.heard(os.read(self._ours, _CHUNK))

    @override
    def send(self, data: bytes) -> None:
        if self._is_open:
            with contextlib.suppress(BlockingIOError):  # nobody reads, and it is full
                os.write(self._ours, data)

    @override
    def hang_up(self) -> None:
        """A serial line has no connection to cut."""
