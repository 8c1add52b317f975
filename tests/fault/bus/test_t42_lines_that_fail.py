"""T42: a line that refuses, is silent, cuts answers off or is away for long is read again within 10 s of its return."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from contract.site import Device
from edge.drivers.modbus import FIRST_RECONNECT_S, LONGEST_RECONNECT_S
from edge.pauses import Pauses
from edge.ports import Covered, Failed
from firmware_sim.adapters.modbus import ModbusLine, Unit
from sitewarden.embedded.ports import free_port
from tests.bus import simulated
from tests.lines import Notebook, reading

DEVICE = Device(id="t-ups", profile="xy-md02")


class Gate:
    """Stands before the line, and lets through, refuses, swallows, or cuts off in the midst of an answer."""

    def __init__(self, port: int, behind: int) -> None:
        self._port = port
        self._behind = behind
        self._open: list[asyncio.StreamWriter] = []
        self.manner = "through"
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._called, "127.0.0.1", self._port)

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        there, back = await asyncio.open_connection("127.0.0.1", self._behind)
        self._open.append(back)
        with contextlib.suppress(OSError):
            while asked := await reader.read(300):
                if self.manner == "silent":
                    continue
                back.write(asked)
                answer = await there.read(300)
                if self.manner == "cut":
                    writer.write(answer[: len(answer) // 2])
                    await writer.drain()
                    rst = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, rst)
                    writer.transport.abort()
                    return
                writer.write(answer)


@contextlib.asynccontextmanager
async def behind_a_gate() -> AsyncIterator[tuple[Gate, str]]:
    line = ModbusLine({1: Unit(simulated(DEVICE).update(0, {}))})
    behind = int((await line.listen_tcp()).rpartition(":")[2])
    port = free_port()
    gate = Gate(port, behind)
    await gate.listen()
    try:
        yield gate, f"modbus-tcp://127.0.0.1:{port}"
    finally:
        await gate.shut()
        await line.close()


def covered(notebook: Notebook) -> int:
    return sum(isinstance(seen, Covered) for seen in notebook.seen)


@pytest.mark.parametrize("manner", ["refuse", "silent", "cut"])
async def test_t42_a_line_that_failed_is_read_again(manner: str) -> None:
    async with behind_a_gate() as (gate, endpoint), reading(endpoint, [DEVICE], response_ms=300) as notebook:
        await notebook.until(lambda _: covered(notebook) > 0)
        if manner == "refuse":
            await gate.shut()
        gate.manner = manner
        await notebook.until(lambda seen: sum(isinstance(one, Failed) for one in seen) >= 2)
        gate.manner = "through"
        if manner == "refuse":
            await gate.listen()
        before = covered(notebook)
        await notebook.until(lambda _: covered(notebook) > before)


def test_t42_after_a_day_away_a_line_is_tried_as_often_as_after_a_minute() -> None:
    pauses = Pauses(FIRST_RECONNECT_S, LONGEST_RECONNECT_S, random.Random(1))
    assert max(pauses.next_s() for _ in range(24 * 3_600 // 4)) <= 10
