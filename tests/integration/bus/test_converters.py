"""Converters with habits: a connection closed between questions, a forgotten one, replies without their number."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from contract.site import Binding, Device
from edge.drivers.modbus_frames import Ask
from edge.drivers.modbus_line import ModbusLine
from edge.drivers.modbus_transport import parse_endpoint
from edge.errors import NoAnswer, Suspect
from edge.ports import Covered, Failed, Observation
from firmware_sim.adapters.faults import Fault, FaultKind, Manner
from firmware_sim.adapters.modbus import ModbusLine as Served
from firmware_sim.adapters.modbus import Unit
from tests.bus import coverage, simulated
from tests.lines import reading, registers, served

OVER_TCP = ("modbus-tcp", "modbus-rtu-tcp")
HABITS = {
    "closes after each reply": Manner(close_after=1),
    "resets after each reply": Manner(close_after=1, reset=True),
    "closes after three replies": Manner(close_after=3),
    "closes when idle": Manner(close_idle_ms=250),
    "resets when idle": Manner(close_idle_ms=250, reset=True),
    "closes just when it is asked again": Manner(close_idle_ms=390),
}


def modules(count: int, poll: str) -> tuple[list[Device], dict[int, Unit]]:
    devices = [
        Device(
            id=f"io{number}",
            profile="waveshare-relay-d",
            unit=number,
            poll=poll,
            points={"di_1": Binding(on="gate.released", off="gate.locked")},
        )
        for number in range(1, count + 1)
    ]
    return devices, {d.unit or 0: Unit(simulated(d).update(0, {})) for d in devices}


def failures(seen: Sequence[Observation]) -> list[Failed]:
    return [one for one in seen if isinstance(one, Failed)]


def holes(seen: Sequence[Observation], device: str) -> list[tuple[int, int]]:
    """Where one span of a device does not follow on the one before."""
    spans = [one for one in seen if isinstance(one, Covered) and device in one.devices]
    return [(a.to, b.since) for a, b in itertools.pairwise(spans) if b.since > a.to]


@pytest.mark.parametrize("kind", OVER_TCP)
@pytest.mark.parametrize("habit", HABITS)
async def test_a_connection_closed_between_questions_is_opened_again_without_a_word(
    kind: str, habit: str
) -> None:
    devices, by_unit = modules(3, "400ms")
    async with served(by_unit, kind) as (line, endpoint):
        line.manner = HABITS[habit]
        async with reading(endpoint, devices) as notebook:
            await notebook.until(lambda seen: len(coverage(seen)) == 3)
            before = {unit: one.asked for unit, one in by_unit.items()}
            await notebook.until(lambda _: all(one.asked >= before[n] + 10 for n, one in by_unit.items()))
        assert line.connections > 1
        assert failures(notebook.seen) == []
        assert [holes(notebook.seen, device.id) for device in devices] == [[], [], []]


async def test_a_router_that_forgets_a_silent_connection_costs_one_question() -> None:
    devices, by_unit = modules(1, "11s")
    async with served(by_unit, "modbus-tcp") as (line, endpoint):
        line.manner = Manner(forget_idle_ms=9_000)
        async with reading(endpoint, devices) as notebook:
            await notebook.until(lambda seen: coverage(seen).get("io1", (0, 0))[0] < _newest(seen))
        assert failures(notebook.seen) == []
        assert holes(notebook.seen, "io1") == []


@pytest.mark.parametrize("as_unit", [None, 255])
async def test_replies_without_their_number_are_read_as_on_rtu(as_unit: int | None) -> None:
    devices, by_unit = modules(2, "100ms")
    async with served(by_unit, "modbus-tcp") as (line, endpoint):
        line.manner = Manner(no_tid=True, as_unit=as_unit)
        async with reading(endpoint, devices) as notebook:
            await notebook.until(lambda seen: len(coverage(seen)) == 2)
            by_unit[2].image = simulated(devices[1]).update(0, {"di_1": True})
            assert (await notebook.until_told("gate.released")).device == "io2"
        assert failures(notebook.seen) == []


async def test_the_only_device_of_a_line_may_answer_as_another_unit() -> None:
    devices, by_unit = modules(1, "100ms")
    async with served(by_unit, "modbus-tcp") as (line, endpoint):
        line.manner = Manner(no_tid=True, as_unit=9)
        async with reading(endpoint, devices) as notebook:
            await notebook.until(lambda seen: "io1" in coverage(seen))
        assert failures(notebook.seen) == []


async def test_where_several_units_are_asked_another_ones_number_is_told_and_not_taken() -> None:
    devices, by_unit = modules(2, "100ms")
    async with served(by_unit, "modbus-tcp") as (line, endpoint):
        line.manner = Manner(as_unit=9)
        async with reading(endpoint, devices, response_ms=100) as notebook:
            await notebook.until(lambda seen: len(failures(seen)) > 2)
        assert coverage(notebook.seen) == {}
        assert str(failures(notebook.seen)[0].why) == "no answer: unit 9 answered instead of unit 1"


@pytest.mark.parametrize("no_tid", [False, True])
async def test_a_late_reply_is_never_taken_for_another_question(no_tid: bool) -> None:
    """Registers hold their own address: what comes for the wrong question shows."""
    unit = registers({address: address for address in range(400)})
    async with served({1: unit}, "modbus-tcp") as (line, endpoint):
        line.manner = Manner(no_tid=no_tid)
        asked = ModbusLine(parse_endpoint(endpoint), frozenset({1}))
        answers = await _ask_around(asked, unit)
        asked.close()
    assert len(answers) >= 20
    assert [value for address, value in answers if value != address] == []


def _newest(seen: Sequence[Observation]) -> int:
    return max((one.to for one in seen if isinstance(one, Covered)), default=0)


async def _ask_around(line: ModbusLine, unit: Unit) -> list[tuple[int, int]]:
    probes = (Ask(1, 3, 0, 1), Ask(1, 3, 0, 2))
    answers: list[tuple[int, int]] = []
    for number in range(200):
        # Three of four come in time, the others while the next question is under way.
        late = number % 4 == 3
        unit.fault = Fault(kind=FaultKind.LATE, least_ms=60, most_ms=70) if late else None
        try:
            await line.open()
            answered = await line.read(Ask(1, 3, number, 1), 50, probes)
        except (NoAnswer, Suspect):
            await asyncio.sleep(0.02)
            continue
        answers.append((number, answered.words[0]))
    return answers


async def test_six_modules_behind_a_converter_that_closes_after_each_reply_keep_their_pace() -> None:
    """The pace is that of a kept connection (192 questions in 30 s at 1 s), both read at once on one machine."""
    devices, by_unit = modules(6, "1s")
    _, closed_by_unit = modules(6, "1s")
    kept, closed = Served(by_unit), Served(closed_by_unit, manner=Manner(close_after=1))
    async with (
        reading(await kept.listen_tcp(), devices) as kept_notebook,
        reading(await closed.listen_tcp(), devices) as closed_notebook,
    ):
        await kept_notebook.until(lambda _: all(unit.asked >= 10 for unit in by_unit.values()))
        counts = [sum(unit.asked for unit in units.values()) for units in (by_unit, closed_by_unit)]
    await kept.close()
    await closed.close()
    assert failures(kept_notebook.seen) + failures(closed_notebook.seen) == []
    assert counts[1] >= 0.8 * counts[0]
