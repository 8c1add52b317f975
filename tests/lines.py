"""Simulated devices on real Modbus lines, and the real driver reading them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import msgspec

from contract.profile.model import ModbusProfile
from contract.site import Device
from edge.drivers.modbus import modbus_driver
from edge.ports import Happened, Observation, Refused, Services
from firmware_sim.adapters.modbus import ModbusLine, Unit
from firmware_sim.device import Image
from tests.bus import shipped
from tests.waiting import PATIENCE_S

KINDS = ("modbus-tcp", "modbus-rtu-tcp", "modbus-rtu")


class Notebook:
    """A sink that keeps everything and can be waited on."""

    def __init__(self) -> None:
        self.seen: list[Observation] = []
        self._changed = asyncio.Event()

    def put(self, observations: Sequence[Observation]) -> None:
        self.seen += observations
        self._changed.set()

    async def until(self, holds: Callable[[list[Observation]], bool], timeout_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not holds(self.seen):
                self._changed.clear()
                await self._changed.wait()

    async def until_told(self, event_type: str, timeout_s: float = PATIENCE_S) -> Happened:
        def told() -> list[Happened]:
            return [one for one in self.seen if isinstance(one, Happened) and one.type == event_type]

        await self.until(lambda _: bool(told()), timeout_s)
        return told()[-1]


class Agent:
    """What an agent does for a driver: a disk that takes or refuses, and notes."""

    def __init__(self) -> None:
        self.takes = True
        self._asked = asyncio.Event()
        self._noted = asyncio.Event()
        self._notes: dict[str, bytes] = {}

    def services(self, wall: int | None) -> Services:
        return Services(
            kept=self._kept, recent=(), wall=lambda: wall, recall=self._recall, remember=self._remember
        )

    async def was_asked(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._asked.wait()

    async def has_noted(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._noted.wait()

    async def _kept(self) -> Refused:
        self._asked.set()
        return Refused() if self.takes else Refused(None)

    async def _recall(self, name: str) -> bytes | None:
        return self._notes.get(name)

    async def _remember(self, name: str, note: bytes) -> None:
        self._notes[name] = note
        if not name.endswith(":held"):
            self._noted.set()


@contextlib.asynccontextmanager
async def served(
    units: Mapping[int, Unit], kind: str, seed: int = 0
) -> AsyncIterator[tuple[ModbusLine, str]]:
    """The units on a line of that kind, and its endpoint."""
    line = ModbusLine(units, seed=seed)
    try:
        if kind == "modbus-rtu":
            yield line, line.listen_pty()
        else:
            yield line, await line.listen_tcp(framed=kind == "modbus-tcp")
    finally:
        await line.close()


@contextlib.asynccontextmanager
async def reading(
    endpoint: str, devices: Sequence[Device], *, response_ms: int = 1_000
) -> AsyncIterator[Notebook]:
    """The driver at work on a line; what it sees is in the notebook."""
    notebook = Notebook()
    driver = modbus_driver("line", endpoint, [(device, hasty(device, response_ms)) for device in devices])
    task = asyncio.create_task(driver.run(notebook))
    try:
        yield notebook
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def hasty(device: Device, response_ms: int) -> ModbusProfile:
    """The shipped profile of a device, with another response timeout."""
    profile = shipped(device.profile or "")
    limits = msgspec.structs.replace(profile.limits, response_timeout_ms=response_ms)
    return msgspec.structs.replace(profile, limits=limits)


def registers(values: Mapping[int, int]) -> Unit:
    return Unit(Image(holding_registers=values))
