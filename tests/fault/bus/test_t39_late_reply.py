"""T39: replies later than the timeout, on lines where a reply does not say which request it answers.

Each register holds its own address, so that any reply taken for another's shows. pymodbus's own client gives 25
wrong values in 40 reads under these conditions.
"""

import asyncio
import contextlib
import random

import pytest

from edge.clock import boot_ms
from edge.drivers.modbus_frames import Ask
from edge.drivers.modbus_line import ModbusLine
from edge.drivers.modbus_sync import probes_for
from edge.drivers.modbus_transport import parse_endpoint
from edge.errors import LineLost, NoAnswer, Refused, Suspect
from firmware_sim.adapters.faults import Fault, FaultKind
from tests.lines import registers, served

TIMEOUT_MS = 30
UNITS = (1, 2)
ADDRESSES = range(64)


class Tally:
    def __init__(self) -> None:
        self.right = 0
        self.wrong = 0
        self.unknown = 0


async def read_many(endpoint: str, asks: list[Ask], reads: int, seed: int) -> Tally:
    """Read at random until `reads` values came back or were found unknown."""
    line = ModbusLine(parse_endpoint(endpoint))
    chance = random.Random(seed)
    probes = {unit: probes_for([ask for ask in asks if ask.unit == unit]) for unit in UNITS}
    tally = Tally()
    while tally.right + tally.wrong + tally.unknown < reads:
        ask = chance.choice(asks)
        try:
            await line.open()
            answered = await line.read(ask, TIMEOUT_MS, probes[ask.unit])
        except Suspect as suspect:
            await asyncio.sleep(min(TIMEOUT_MS, suspect.until - boot_ms()) / 1000)
        except (NoAnswer, LineLost):
            tally.unknown += 1
        else:
            expected = tuple(range(ask.address, ask.address + ask.count))
            tally.right += answered.words == expected
            tally.wrong += answered.words != expected
    line.close()
    return tally


def late(*, in_order: bool, most: float) -> Fault:
    return Fault(
        kind=FaultKind.LATE,
        share=0.1,
        least_ms=TIMEOUT_MS,
        most_ms=int(TIMEOUT_MS * most),
        in_order=in_order,
    )


SAME_FORM = [Ask(unit, 3, address, 1) for unit in UNITS for address in ADDRESSES]
FOUR_FORMS = [Ask(unit, 3, address, 1 + address % 4) for unit in UNITS for address in ADDRESSES]
CASES = {
    # A device answers in the order in which it was asked, however late.
    "in order, up to ten timeouts late": (FOUR_FORMS, {"in_order": True, "most": 10}),
    # A gateway may mix up the order, but not for longer than the unit is left alone.
    "out of order, up to two timeouts late": (FOUR_FORMS, {"in_order": False, "most": 2}),
    "all replies alike, up to two timeouts late": (SAME_FORM, {"in_order": True, "most": 2}),
}


async def run(kind: str, case: str, reads: int) -> Tally:
    asks, lateness = CASES[case]
    units = {unit: registers({address: address for address in range(80)}) for unit in UNITS}
    for unit in units.values():
        unit.fault = late(**lateness)
    async with served(units, kind, seed=7) as (_, endpoint):
        return await read_many(endpoint, asks, reads, seed=11)


@pytest.mark.parametrize("kind", ["modbus-rtu-tcp", "modbus-rtu", "modbus-tcp"])
@pytest.mark.parametrize("case", CASES)
async def test_t39_no_late_reply_is_taken_for_another_value(kind: str, case: str) -> None:
    tally = await run(kind, case, reads=80)
    assert tally.wrong == 0
    assert tally.unknown > 0, "no reply was late: the test shows nothing"
    assert tally.right > tally.unknown


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("kind", ["modbus-rtu-tcp", "modbus-rtu"])
@pytest.mark.parametrize("case", CASES)
async def test_t39_no_late_reply_is_taken_for_another_value_in_ten_thousand_reads(
    kind: str, case: str
) -> None:
    tally = await run(kind, case, reads=10_000)
    assert tally.wrong == 0
    assert tally.unknown > 0


async def test_t39_answers_that_pile_up_are_not_handed_out_one_by_one() -> None:
    """A converter that stalls, then lets go of every answer at once: each would fit the next request."""
    units = {1: registers({address: address for address in range(80)})}
    units[1].fault = Fault(kind=FaultKind.LATE, least_ms=20 * TIMEOUT_MS, most_ms=20 * TIMEOUT_MS)
    asks = [Ask(1, 3, address, 1 + address % 2) for address in ADDRESSES]
    async with served(units, "modbus-rtu-tcp") as (_, endpoint):
        line = ModbusLine(parse_endpoint(endpoint))
        chance = random.Random(5)
        began, wrong, right = boot_ms(), 0, 0
        while right < 20:
            if boot_ms() - began > 10 * TIMEOUT_MS:
                units[1].fault = None
            ask = chance.choice(asks)
            with contextlib.suppress(NoAnswer, Suspect, LineLost, Refused):
                await line.open()
                answered = await line.read(ask, TIMEOUT_MS, probes_for(asks))
                expected = tuple(range(ask.address, ask.address + ask.count))
                right += answered.words == expected
                wrong += answered.words != expected
            await asyncio.sleep(0.005)
        line.close()
    assert wrong == 0
