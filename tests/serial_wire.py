"""A serial line at 9600 baud with eight devices, at the far end of a pseudo-terminal, with the timing of a real wire.

10 bits for a byte both ways, 3.5 characters of silence before and after, and nothing for the devices' thinking.
"""

import asyncio
import contextlib
import itertools
import os
import threading
import time
import tty
from collections import defaultdict
from collections.abc import AsyncIterator

from pymodbus.framer.rtu import FramerRTU

from contract.profile.load import read_profile
from contract.profile.model import ModbusProfile
from contract.site import Device
from contract.yamlfile import parse_yaml
from edge.drivers.modbus import modbus_driver
from tests.lines import Notebook

BAUD = 9_600
BYTE_S = 10 / BAUD
SILENCE_S = 3.5 * 11 / BAUD
UNITS = range(1, 9)
PROFILE = """
profile: eight
protocol: modbus
polls: {{normal: {every}}}
limits: {{max_registers: 10, response_timeout_ms: {timeout}}}
points: [{{name: "value_{{n}}", function: 3, address: 0, repeat: [{{as: n, count: 10}}], deadband: 1}}]
"""


def gaps(times: list[float]) -> list[float]:
    """The times between one question and the next."""
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def period(times: list[float]) -> float:
    """The mean time between two questions, in s."""
    return (times[-1] - times[0]) / (len(times) - 1)


def asked(every: str, seconds: float, *, silent: set[int]) -> dict[int, list[float]]:
    """By unit, when the driver asked it, in s; of silent ones there is no answer."""

    async def reading() -> dict[int, list[float]]:
        async with driven(every, silent) as wire:
            await asyncio.sleep(1 if not silent else 10)  # until what is silent is known to be
            wire.asked.clear()
            await asyncio.sleep(seconds)
            return dict(wire.asked)

    return asyncio.run(reading())


@contextlib.asynccontextmanager
async def driven(every: str, silent: set[int]) -> AsyncIterator["Wire"]:
    """The wire, with the driver asking its devices at that pace."""
    wire = Wire(silent)
    profile = read_profile(parse_yaml(PROFILE.format(every=every, timeout=200), "eight.yaml"))
    if not isinstance(profile, ModbusProfile):
        raise TypeError("a Modbus profile was written")
    devices = [(Device(id=f"d-{unit}", profile="eight", unit=unit), profile) for unit in UNITS]
    driver = modbus_driver("line", f"modbus-rtu://{wire.path}?baudrate={BAUD}", devices)
    running = asyncio.create_task(driver.run(Notebook()))
    try:
        yield wire
    finally:
        running.cancel()
        await asyncio.wait([running])
        wire.close()


class Wire:
    """The devices at the far end of a serial line, in a thread of their own."""

    def __init__(self, silent: set[int]) -> None:
        self._silent = silent
        self._far, near = os.openpty()
        tty.setraw(near)
        self.path = os.ttyname(near)
        self._near = near
        self.asked: defaultdict[int, list[float]] = defaultdict(list)
        self.turns: list[int] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        held = b""
        while True:
            try:
                held += os.read(self._far, 256)
            except OSError:
                return
            while len(held) >= 8:
                request, held = held[:8], held[8:]
                self._answer(request)

    def _answer(self, request: bytes) -> None:
        came = time.perf_counter()
        unit, count = request[0], int.from_bytes(request[4:6])
        self.asked[unit].append(came)
        self.turns.append(unit)
        if unit in self._silent:
            return
        body = bytes([unit, request[1], 2 * count]) + (236).to_bytes(2) * count
        reply = body + FramerRTU.compute_CRC(body).to_bytes(2)
        # The request was handed over at once; on a wire it would arrive only now.
        due = came + (len(request) + len(reply)) * BYTE_S + SILENCE_S
        time.sleep(max(0.0, due - time.perf_counter()))
        os.write(self._far, reply)

    def close(self) -> None:
        """Ends the line."""
        os.close(self._near)
        # Its read fails now; before that, the number of its file must not become another line's.
        self._thread.join()
        os.close(self._far)
