"""A Modbus master that nobody here wrote reads every simulated device, and agrees with the profile."""

import asyncio
import re
import shutil

import pytest

from contract.profile.expand import device_map
from contract.profile.model import Kind
from contract.profile.points import Point
from contract.site import Binding, Device
from edge.decode.values import read_value
from edge.plan import Request, plan
from firmware_sim.adapters.modbus import Unit
from tests.bus import MODBUS_PROFILES, SIMULATED, readings, shipped, simulated, unit_of
from tests.lines import reading, served

pytestmark = pytest.mark.skipif(
    shutil.which("mbpoll") is None, reason="LEFT OUT: mbpoll is not installed (Debian package mbpoll)"
)
TABLES = {1: "0", 2: "1", 3: "4:hex", 4: "3:hex"}
VALUE = re.compile(r"^\[(\d+)\]:\s+(?:0x)?([0-9A-Fa-f]+)", re.MULTILINE)
DEVICES = {
    "notifier-modbus-gw": Device(
        id="d", profile="notifier-modbus-gw", points={"l1d001": Binding(), "l1m159": Binding()}
    ),
    "dse-7320-mkii": Device(id="d", profile="dse-7320-mkii"),
    "xy-md02": Device(id="d", profile="xy-md02"),
    "waveshare-relay-d": Device(id="d", profile="waveshare-relay-d"),
}
INPUTS = {
    "notifier-modbus-gw": {"l1d001": "fire", "l1m159": "trouble"},
    "dse-7320-mkii": {"fuel_level": 63},
    "xy-md02": {"temperature": -7.0, "humidity": 61.0},
    "waveshare-relay-d": {"di_2": True, "di_8": True, "relay_5": True},
}


async def mbpoll(endpoint: str, unit: int, request: Request) -> dict[int, int]:
    """The words that mbpoll reads, by 0-based address; empty when the device refuses."""
    target = endpoint.split("://")[1]
    if endpoint.startswith("modbus-tcp"):
        host, port = target.split(":")
        where = ["-m", "tcp", "-p", port, host]
    else:
        where = ["-m", "rtu", "-b", "115200", "-P", "none", target.split("?")[0]]
    options = ["-0", "-1", "-q", "-a", str(unit), "-t", TABLES[request.function]]
    span = ["-r", str(request.address), "-c", str(request.count)]
    process = await asyncio.create_subprocess_exec(
        "mbpoll", *options, *span, *where, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    base = 16 if request.function in {3, 4} else 10
    return {int(address): int(value, base) for address, value in VALUE.findall(out.decode())}


def values(point: Point, words: dict[int, int]) -> float | None:
    return read_value(point, [words[address] for address in range(point.address, point.end)]).number


PTA = {f"temperature_{n}": Binding() for n in range(1, 9)}


@pytest.mark.parametrize("profile", [name for name in MODBUS_PROFILES if name not in SIMULATED])
async def test_mbpoll_reads_every_other_device_as_the_driver_does(profile: str) -> None:
    device = Device(id="d", profile=profile, points=PTA if profile == "eletechsup-pta8d08" else {})
    mapped = device_map(shipped(profile), device)
    reported = {point.name for point in mapped.points if point.report}
    async with served({unit_of(device): Unit(simulated(device).update(0, {}))}, "modbus-tcp") as (
        _,
        endpoint,
    ):
        words: dict[tuple[int, int], int] = {}
        for request in plan(mapped.points, mapped.limits):
            read = await mbpoll(endpoint, unit_of(device), request)
            assert len(read) == request.count, request.key
            words |= {(request.function, address): word for address, word in read.items()}
        async with reading(endpoint, [device]) as notebook:
            await notebook.until(lambda seen: len(readings(seen)) >= len(reported))
    told = {name: one.value for name, one in readings(notebook.seen).items()}
    assert told == {
        point.name: read_value(
            point, [words[point.function, a] for a in range(point.address, point.end)]
        ).number
        for point in mapped.points
        if point.name in reported
    }


@pytest.mark.parametrize("kind", ["modbus-tcp", "modbus-rtu"])
@pytest.mark.parametrize("profile", SIMULATED)
async def test_mbpoll_reads_what_the_driver_reads(profile: str, kind: str) -> None:
    device = DEVICES[profile]
    mapped = device_map(shipped(profile), device)
    unit = Unit(simulated(device).update(0, INPUTS[profile]))
    async with served({unit_of(device): unit}, kind) as (_, endpoint):
        words = {
            (request.function, address): word
            for request in plan(mapped.points, mapped.limits)
            for address, word in (await mbpoll(endpoint, unit_of(device), request)).items()
        }
        async with reading(endpoint, [device]) as notebook:
            await notebook.until(lambda seen: len(readings(seen)) >= expected_readings(profile))
    assert words, "mbpoll read nothing"
    told = {name: one.value for name, one in readings(notebook.seen).items()}
    by_mbpoll = {
        point.name: read_value(
            point, [words[point.function, a] for a in range(point.address, point.end)]
        ).number
        for point in mapped.points
        if all((point.function, a) in words for a in range(point.address, point.end))
    }
    assert told
    assert {name: value for name, value in by_mbpoll.items() if name in told} == told
    assert_facts(profile, words, by_mbpoll)


def expected_readings(profile: str) -> int:
    return {"notifier-modbus-gw": 1, "dse-7320-mkii": 17, "xy-md02": 2, "waveshare-relay-d": 8}[profile]


def assert_facts(profile: str, words: dict[tuple[int, int], int], numbers: dict[str, float | None]) -> None:
    """What is known of the device without the project's own decoder."""
    if profile == "notifier-modbus-gw":
        assert words[3, 0] & 0x08FF == 0x0810
        assert words[3, 358] & 0x2000
        assert words[3, 1] & 0xFF == 0xFF
    elif profile == "dse-7320-mkii":
        assert words[3, 1027] == 63
        assert words[3, 1060] << 16 | words[3, 1061] == 2300
        assert numbers["mains_l1_voltage"] == 230.0
    elif profile == "xy-md02":
        assert words[4, 1] > 0x8000
        assert numbers["temperature"] is not None
        assert -8 < numbers["temperature"] < -6
    else:
        assert [words[2, n] for n in range(8)] == [0, 1, 0, 0, 0, 0, 0, 1]
        assert [words[1, n] for n in range(8)] == [0, 0, 0, 0, 1, 0, 0, 0]


def test_each_kind_that_the_profiles_use_is_among_those_checked() -> None:
    used = {point.kind for name in SIMULATED for point in device_map(shipped(name), DEVICES[name]).points}
    assert used == {Kind.BOOL, Kind.UINT16, Kind.INT16, Kind.UINT32, Kind.INT32}
