"""The driver reads a Modbus server that nobody here wrote (pyModbusTCP), for every shipped Modbus profile."""

import contextlib
from collections.abc import Iterator

import pytest
from pyModbusTCP.server import DataBank, ModbusServer

from contract.profile.expand import device_map
from contract.site import Binding, Device
from edge.ports import Failed
from firmware_sim.device import Image
from sitewarden.embedded.ports import free_port
from tests.bus import MODBUS_PROFILES, readings, shipped, simulated
from tests.lines import reading


@contextlib.contextmanager
def server(image: Image) -> Iterator[str]:
    """The registers of an image, served; what is not in it reads 0. This server does not look at unit ids."""
    bank = DataBank()
    for address, on in image.coils.items():
        bank.set_coils(address, [on])
    for address, on in image.discrete_inputs.items():
        bank.set_discrete_inputs(address, [on])
    for address, word in image.holding_registers.items():
        bank.set_holding_registers(address, [word])
    for address, word in image.input_registers.items():
        bank.set_input_registers(address, [word])
    port = free_port()
    serving = ModbusServer("127.0.0.1", port, no_block=True, data_bank=bank)
    serving.start()
    try:
        yield f"modbus-tcp://127.0.0.1:{port}"
    finally:
        serving.stop()


@pytest.mark.parametrize("profile", MODBUS_PROFILES)
async def test_every_profile_is_read_from_a_server_of_others(profile: str) -> None:
    points = {"l1d001": Binding()} if profile == "notifier-modbus-gw" else {}
    device = Device(id="d", profile=profile, points=points)
    image = simulated(device).update(0, {})
    reported = {
        point.name
        for point in device_map(shipped(profile), device).points
        if point.report and not point.optional
    }
    with server(image) as endpoint:
        async with reading(endpoint, [device]) as notebook:
            await notebook.until(lambda seen: reported <= set(readings(seen)))
    assert not [seen for seen in notebook.seen if isinstance(seen, Failed) and "timeout" in str(seen.why)]
