"""The Modbus driver: reads every device of one line for ever. It can only read; writing does not exist here."""

import asyncio
import random
from collections.abc import Sequence
from typing import Protocol

import structlog

from contract.causes import Cause, because
from contract.profile.expand import binding_mistakes, device_map
from contract.profile.model import ModbusProfile
from contract.site import Device
from edge.clock import boot_ms
from edge.decode.device import Memory, Refusal, is_lacking, on_answer, on_failure, on_refusal
from edge.decode.kept import States, after_restart, packed, standing, unpacked
from edge.decode.request import Answer
from edge.decode.sheet import Sheet, sheet
from edge.drivers.modbus_frames import Ask
from edge.drivers.modbus_line import Answered, ModbusLine
from edge.drivers.modbus_sync import probes_for
from edge.drivers.modbus_transport import parse_endpoint
from edge.errors import LineLost, NoAnswer, Refused, SettingsError, Suspect
from edge.pauses import Pauses
from edge.plan import Request
from edge.poll import Turn, Turns
from edge.ports import Observation, Services, Sink
from edge.receipts import Receipts

FIRST_RECONNECT_S = 0.5
LONGEST_RECONNECT_S = 6.0

log = structlog.get_logger("edge.drivers.modbus")


def modbus_driver(
    line: str, endpoint: str, devices: Sequence[tuple[Device, ModbusProfile]]
) -> "ModbusDriver":
    """The driver of a line with its devices; `endpoint` as in `contract.site.Line`.

    Raises:
        SettingsError: The endpoint, or what the site says of a device's points, can't be done.
    """
    mistakes = [
        f"{device.id}: {'.'.join(map(str, path))}: {message}"
        for device, profile in devices
        for path, message in binding_mistakes(profile, device)
    ]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    sheets = [sheet(device_map(profile, device)) for device, profile in devices]
    units = frozenset(one.map.unit for one in sheets)
    return ModbusDriver(line, ModbusLine(parse_endpoint(endpoint), units), sheets)


class AskedLine(Protocol):
    """A line whose devices are asked, one question at a time; see `ModbusLine`."""

    async def open(self) -> None:
        """Open the line unless it is."""

    def close(self) -> None:
        """Close the line; `open` opens it again."""

    async def read(self, question: Ask, timeout_ms: int, probes: Sequence[Ask], /) -> Answered:
        """Ask and wait for the answer."""


class ModbusDriver:
    """See `edge.ports.Driver`. It reads meters that speak otherwise, too, where their line is an `AskedLine`."""

    def __init__(self, name: str, line: AskedLine, sheets: Sequence[Sheet]) -> None:
        self._name = name
        self._line = line
        self._devices = {sheet.map.device: _Device(sheet) for sheet in sheets}
        self._pauses = Pauses(FIRST_RECONNECT_S, LONGEST_RECONNECT_S, random.SystemRandom())
        self._is_lost = False
        self._services: Services | None = None
        self._receipts: Receipts | None = None

    def with_notes(self, services: Services) -> "ModbusDriver":
        """The driver, keeping the states of its devices over a restart."""
        self._services = services
        self._receipts = Receipts(services.kept)
        return self

    async def run(self, sink: Sink) -> None:
        """See `Driver.run`."""
        await self._recall()
        turns = Turns({name: device.paces() for name, device in self._devices.items()}, boot_ms())
        try:
            while True:
                turn = turns.next(boot_ms())
                if isinstance(turn, int):
                    await asyncio.sleep((turn - boot_ms()) / 1000)
                else:
                    await self._take(turn, turns, sink)
        finally:
            self._line.close()

    async def _take(self, turn: Turn, turns: Turns, sink: Sink) -> None:
        device = self._devices[turn.device]
        try:
            await self._line.open()
        except LineLost as error:
            await self._lost(str(error), sink)
            return
        try:
            await self._keep(device, await self._asked(device, turn, turns), sink)
        except Suspect as suspect:
            turns.held(turn, suspect.until, boot_ms())
        except NoAnswer as error:
            turns.failed(turn, boot_ms())
            sink.put([on_failure(device.sheet, error.why, boot_ms())])
        except LineLost as error:
            turns.failed(turn, boot_ms())  # lest the one that upsets the line is asked first again
            await self._lost(str(error), sink)

    async def _recall(self) -> None:
        if self._services is None:
            return
        for name, device in self._devices.items():
            device.kept = unpacked(await self._services.recall(f"states/{name}"))
            device.memory = after_restart(device.kept)

    async def _keep(self, device: "_Device", seen: Sequence[Observation], sink: Sink) -> None:
        """Put what an answer tells; note which states are so, once the events that tell of them are on disk."""
        if self._services is None or self._receipts is None:
            sink.put(seen)
            return
        is_kept = await self._receipts.hold(sink, seen)
        states = standing(device.sheet, device.memory)
        if not is_kept or states == device.kept:
            return
        device.kept = states
        await self._services.remember(f"states/{device.sheet.map.device}", packed(states))

    async def _asked(self, device: "_Device", turn: Turn, turns: Turns) -> Sequence[Observation]:
        """What one answer, or one refusal, tells."""
        limits = device.sheet.map.limits
        try:
            answered = await self._line.read(
                device.ask(turn.request), limits.response_timeout_ms, device.probes
            )
        except Refused as refused:
            refusal = Refusal(
                request=turn.request,
                asked_at=refused.asked_at,
                answered_at=refused.answered_at,
                code=refused.code,
            )
            lacking = is_lacking(device.memory, refusal)
            device.memory, seen = on_refusal(device.sheet, device.memory, refusal)
            turns.answered(turn, boot_ms(), limits.pause_ms, lacking=lacking)
        else:
            answer = Answer(
                request=turn.request,
                asked_at=answered.asked_at,
                answered_at=answered.answered_at,
                words=answered.words,
            )
            device.memory, seen = on_answer(device.sheet, device.memory, answer)
            turns.answered(turn, boot_ms(), limits.pause_ms)
        self._found()
        return seen

    async def _lost(self, detail: str, sink: Sink) -> None:
        if not self._is_lost:
            log.warning("line down", action="line_down", line=self._name, why=detail)
        self._is_lost = True
        now = boot_ms()
        lost = because(Cause.LINE_DOWN, detail=detail)
        sink.put([on_failure(device.sheet, lost, now) for device in self._devices.values()])
        await asyncio.sleep(self._pauses.next_s())

    def _found(self) -> None:
        if self._is_lost:
            log.info("line up", action="line_up", line=self._name)
        self._is_lost = False
        self._pauses.reset()


class _Device:
    """A device of the line with what is remembered of it."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.memory = Memory()
        self.kept: States = {}
        self.probes = probes_for([self.ask(request) for request in sheet.requests])

    def ask(self, request: Request) -> Ask:
        return Ask(self.sheet.map.unit, request.function, request.address, request.count)

    def paces(self) -> list[tuple[Request, int]]:
        return [(request, self.sheet.map.polls[request.poll]) for request in self.sheet.requests]
