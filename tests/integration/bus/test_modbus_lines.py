"""The driver reads simulated devices over real lines: TCP, RTU in TCP, and a serial line on a pty."""

import pytest

from contract.site import Binding, Device
from edge.drivers.modbus import modbus_driver
from edge.errors import SettingsError
from edge.ports import Covered, Failed
from firmware_sim.adapters.faults import Fault, FaultKind
from firmware_sim.adapters.modbus import Unit
from tests.bus import coverage, events, kinds, readings, shipped, simulated, unit_of
from tests.lines import KINDS, reading, served

SITE = {
    "panel": Device(id="panel", profile="notifier-modbus-gw", unit=3, points={"l1d001": Binding(zone="b1")}),
    "genset": Device(id="genset", profile="dse-7320-mkii"),
    "climate": Device(id="climate", profile="xy-md02", unit=1, poll="200ms"),
    "io": Device(
        id="io",
        profile="waveshare-relay-d",
        unit=2,
        poll="100ms",
        points={"di_1": Binding(on="gate.released", off="gate.locked", device="gate-n")},
    ),
}


def on_site(*names: str) -> tuple[list[Device], dict[str, Unit], dict[int, Unit]]:
    devices = [SITE[name] for name in names]
    units = {device.id: Unit(simulated(device).update(0, {})) for device in devices}
    return devices, units, {unit_of(device): units[device.id] for device in devices}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_device_of_a_line_is_read_and_its_changes_told(kind: str) -> None:
    devices, units, by_unit = on_site("panel", "genset", "climate", "io")
    sims = {device.id: simulated(device) for device in devices}
    async with served(by_unit, kind) as (_, endpoint), reading(endpoint, devices) as notebook:
        told_of = {"panel", "genset", "climate", "io", "gate-n"}
        await notebook.until(lambda seen: coverage(seen).keys() >= told_of)
        units["io"].image = sims["io"].update(0, {"di_1": True})
        units["panel"].image = sims["panel"].update(0, {"l1d001": True})
        units["genset"].image = sims["genset"].update(0, {"mains": False})
        units["climate"].image = sims["climate"].update(0, {"temperature": -12.5, "humidity": 80})
        assert (await notebook.until_told("fire.alarm")).zone == "b1"
        assert (await notebook.until_told("gate.released")).device == "gate-n"
        assert (await notebook.until_told("mains.lost")).device == "genset"
        await notebook.until(lambda seen: (readings(seen)["temperature"].value or 0) < -10)


async def test_t42_a_line_that_is_not_there_yet_is_read_once_it_is() -> None:
    devices, _, by_unit = on_site("climate")
    async with served(by_unit, "modbus-tcp") as (line, endpoint):
        port = int(endpoint.rsplit(":", 1)[1])
        await line.close()
        async with reading(endpoint, devices) as notebook:
            await notebook.until(lambda seen: any(isinstance(one, Failed) for one in seen))
            await line.listen_tcp(port)
            await notebook.until(lambda seen: any(isinstance(one, Covered) for one in seen))


async def test_t42_a_connection_that_is_cut_is_opened_again() -> None:
    devices, _, by_unit = on_site("climate")
    async with served(by_unit, "modbus-tcp") as (line, endpoint), reading(endpoint, devices) as notebook:
        for _ in range(3):
            count = len(notebook.seen)
            await notebook.until(lambda seen, n=count: any(isinstance(one, Covered) for one in seen[n:]))
            line.hang_up()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", list(FaultKind), ids=str)
async def test_t41_a_device_that_misbehaves_tells_no_wrong_value_and_is_read_again_when_it_stops(
    kind: str, fault: FaultKind
) -> None:
    """What is wrong is unknown, never normal and never a value."""
    device = Device(id="io", profile="waveshare-relay-d", unit=2, poll="50ms")
    unit = Unit(simulated(device).update(0, {"di_1": True}), Fault(kind=fault, least_ms=130, most_ms=180))
    other = Device(id="climate", profile="xy-md02", unit=1, poll="100ms")
    by_unit = {2: unit, 1: Unit(simulated(other).update(0, {}))}
    async with (
        served(by_unit, kind) as (_, endpoint),
        reading(endpoint, [device, other], response_ms=100) as notebook,
    ):
        await notebook.until(lambda seen: any(isinstance(one, Failed) for one in seen))
        await notebook.until(lambda seen: "climate" in coverage(seen))
        assert "io" not in coverage(notebook.seen)
        assert "input.on" not in kinds(notebook.seen)
        unit.fault = None
        told = await notebook.until_told("input.on")
        assert told.data["initial"] is True
        assert [event.data["input"] for event in events(notebook.seen) if event.type == "input.on"] == [1]


async def test_a_device_that_its_gateway_can_not_reach_is_silent_and_not_without_registers() -> None:
    """Exception 11: a gateway says so at once where a serial line would leave us waiting."""
    device = SITE["panel"]
    unit = Unit(simulated(device).update(0, {}), Fault(kind=FaultKind.EXCEPTION, code=11))
    async with served({3: unit}, "modbus-tcp") as (_, endpoint), reading(endpoint, [device]) as notebook:
        await notebook.until(lambda seen: any(isinstance(one, Failed) for one in seen))
        unit.fault = None
        await notebook.until(lambda seen: "panel" in coverage(seen))
    assert kinds(notebook.seen) == []


async def test_s24_the_agent_never_sends_anything_but_reads() -> None:
    devices, units, by_unit = on_site("panel", "genset", "climate", "io")
    async with served(by_unit, "modbus-tcp") as (_, endpoint), reading(endpoint, devices) as notebook:
        await notebook.until(lambda seen: len(coverage(seen)) == 5)
    assert all(unit.asked > 0 for unit in units.values())
    assert all(unit.refused_writes == 0 for unit in units.values())


async def test_a_cancelled_driver_lets_its_line_go() -> None:
    devices, _, by_unit = on_site("climate")
    async with served(by_unit, "modbus-rtu") as (_, endpoint):
        for _ in range(2):  # a serial line can be opened by one at a time
            async with reading(endpoint, devices) as notebook:
                await notebook.until(lambda seen: "climate" in coverage(seen))


@pytest.mark.parametrize(
    "endpoint",
    [
        "modbus-tcp://",
        "modbus-tcp://h:99999",
        "modbus-rtu://",
        "modbus-rtu:///dev/x?speed=9600",
        "modbus-rtu:///dev/x?baudrate=fast",
    ],
)
def test_an_endpoint_of_another_form_is_refused_with_what_was_expected(endpoint: str) -> None:
    with pytest.raises(SettingsError, match=r"[Ee]xpected"):
        modbus_driver("line", endpoint, [])


def test_a_binding_that_can_not_be_done_is_refused() -> None:
    device = Device(id="io", profile="waveshare-relay-d", points={"di_9": Binding(zone="a")})
    with pytest.raises(SettingsError, match=r"io: points\.di_9: no point of waveshare-relay-d"):
        modbus_driver("line", "modbus-tcp://127.0.0.1:502", [(device, shipped("waveshare-relay-d"))])


async def test_t40_a_silent_device_does_not_hold_up_the_others() -> None:
    """On an RTU line where one timeout is as long as ten reads."""
    devices, units, by_unit = on_site("io", "climate")
    units["climate"].fault = Fault(kind=FaultKind.SILENCE)
    async with (
        served(by_unit, "modbus-rtu-tcp") as (_, endpoint),
        reading(endpoint, devices, response_ms=300) as notebook,
    ):
        await notebook.until(lambda seen: "io" in coverage(seen))
        # The silent one is asked again and again; between two of its time-outs the other one has its turn.
        failed = lambda seen: sum(isinstance(one, Failed) for one in seen)  # noqa: E731
        asked = lambda seen: sum(isinstance(one, Covered) and "io" in one.devices for one in seen)  # noqa: E731
        await notebook.until(lambda seen: failed(seen) >= 1 and asked(seen) >= 12)
