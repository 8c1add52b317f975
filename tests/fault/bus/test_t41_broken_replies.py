"""T41: replies that are corrupt, from another unit, refused, cut or plain garbage. No wrong value, no state from nothing."""

import asyncio
import contextlib

import pytest

from contract.site import Binding, Device
from edge.drivers.modbus_frames import Ask
from edge.drivers.modbus_line import ModbusLine
from edge.drivers.modbus_sync import probes_for
from edge.drivers.modbus_transport import parse_endpoint
from edge.errors import LineLost, NoAnswer, Refused, Suspect
from edge.ports import Measured
from firmware_sim.adapters.faults import Fault, FaultKind
from firmware_sim.adapters.modbus import Unit
from tests.bus import kinds, simulated, unit_of
from tests.lines import reading, registers, served

TIMEOUT_MS = 30
READS = 60
ASKS = [Ask(1, 3, address, 1 + address % 4) for address in range(70)]
BROKEN = [FaultKind.BAD_CRC, FaultKind.WRONG_UNIT, FaultKind.EXCEPTION, FaultKind.GARBAGE, FaultKind.SILENCE]


@pytest.mark.parametrize("kind", ["modbus-rtu", "modbus-rtu-tcp", "modbus-tcp"])
@pytest.mark.parametrize("fault", BROKEN)
async def test_t41_no_broken_reply_is_taken_for_a_value(kind: str, fault: FaultKind) -> None:
    if (fault, kind) == (FaultKind.BAD_CRC, "modbus-tcp"):
        pytest.skip("Modbus TCP has no CRC: TCP's own checksum guards it")
    unit = registers({address: address for address in range(80)})
    unit.fault = Fault(kind=fault, share=0.2)
    right, broken, probes = 0, 0, probes_for(ASKS)
    async with served({1: unit}, kind, seed=3) as (_, endpoint):
        line = ModbusLine(parse_endpoint(endpoint))
        while right + broken < READS:
            ask = ASKS[(right + broken) % len(ASKS)]
            try:
                await line.open()
                answered = await line.read(ask, TIMEOUT_MS, probes)
            except Suspect:
                await asyncio.sleep(TIMEOUT_MS / 1_000)
            except (NoAnswer, LineLost, Refused):
                broken += 1
            else:
                assert answered.words == tuple(range(ask.address, ask.address + ask.count))
                right += 1
        line.close()
    assert broken > 0, "no reply was broken: the test shows nothing"
    assert right > broken


@pytest.mark.parametrize("fault", BROKEN)
async def test_t41_a_fire_is_told_once_and_never_called_over(fault: FaultKind) -> None:
    device = Device(id="panel", profile="notifier-modbus-gw", points={"l1d001": Binding()}, poll="20ms")
    unit = Unit(simulated(device).update(0, {"l1d001": "fire"}))
    unit.fault = Fault(kind=fault, share=0.1)
    async with (
        served({unit_of(device): unit}, "modbus-rtu-tcp", seed=5) as (_, endpoint),
        reading(endpoint, [device], response_ms=50) as notebook,
    ):
        await notebook.until_told("fire.alarm")
        with contextlib.suppress(TimeoutError):
            await notebook.until(lambda _: False, timeout_s=2)
    told = [one for one in kinds(notebook.seen) if one.startswith("fire.")]
    assert told == ["fire.alarm"]
    assert not any(isinstance(one, Measured) and one.value is None for one in notebook.seen)
