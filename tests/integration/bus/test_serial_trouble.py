"""A serial port that is not there, is taken, or refuses a setting: its devices are away for that reason, no more."""

import asyncio
import functools
import os
from pathlib import Path

import pytest

from contract.site import Device
from edge.agent import supervise
from edge.drivers.modbus import modbus_driver
from edge.ports import Covered, Failed
from firmware_sim.adapters.modbus import Unit
from tests.bus import simulated
from tests.lines import Notebook, hasty, reading, served

CLIMATE = Device(id="climate", profile="xy-md02", unit=1, poll="200ms")


def unit() -> Unit:
    return Unit(simulated(CLIMATE).update(0, {}))


def first_failure(notebook: Notebook) -> Failed | None:
    return next((one for one in notebook.seen if isinstance(one, Failed)), None)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("parity=E", "refuses 9600 8E1: Invalid argument"),
        ("bytesize=7", "refuses 9600 7N1: Invalid argument"),
    ],
)
async def test_a_setting_that_the_port_refuses_is_why_its_devices_are_away(settings: str, why: str) -> None:
    """A pseudo terminal takes eight bits without parity only, as many a USB adapter takes only some settings."""
    async with served({1: unit()}, "modbus-rtu") as (_, endpoint):
        port = endpoint.partition("?")[0]
        async with reading(f"{port}?{settings}", [CLIMATE]) as notebook:
            await notebook.until(
                lambda seen: any(isinstance(one, Failed) and why in str(one.why) for one in seen)
            )
        failed = [one for one in notebook.seen if isinstance(one, Failed)]
    assert {type(one) for one in notebook.seen} == {Failed}
    assert all(one.devices == ("climate",) for one in failed)
    assert str(failed[-1].why).startswith("line down: /dev/pts/")


async def test_a_line_that_fails_lets_the_others_of_its_agent_go_on(tmp_path: Path) -> None:
    other = Device(id="other", profile="xy-md02", unit=1, poll="200ms")
    bad, good = Notebook(), Notebook()
    async with (
        served({1: unit()}, "modbus-rtu") as (_, taken),
        served({1: unit()}, "modbus-tcp") as (_, line),
    ):
        refused = modbus_driver("a", taken.partition("?")[0] + "?parity=O", [(CLIMATE, hasty(CLIMATE, 300))])
        read = modbus_driver("b", line, [(other, hasty(other, 300))])
        tasks = [
            asyncio.create_task(supervise("a", functools.partial(refused.run, bad))),
            asyncio.create_task(supervise("b", functools.partial(read.run, good))),
        ]
        await bad.until(lambda seen: len(seen) >= 3)
        await good.until(lambda seen: any(isinstance(one, Covered) for one in seen))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert {type(one) for one in bad.seen} == {Failed}


async def test_a_port_that_vanishes_is_read_again_once_it_is_back(tmp_path: Path) -> None:
    """As when an adapter is pulled out: its name is a link that goes and comes."""
    name = tmp_path / "ttyUSB0"
    async with served({1: unit()}, "modbus-rtu") as (_, endpoint):
        port = endpoint.partition("?")[0].removeprefix("modbus-rtu://")
        async with reading(f"modbus-rtu://{name}", [CLIMATE]) as notebook:
            await notebook.until(lambda _: first_failure(notebook) is not None)
            failed = first_failure(notebook)
            assert failed is not None
            assert str(failed.why) == f"line down: {name}: there is no such port; is its adapter plugged in?"
            name.symlink_to(port)
            await notebook.until(lambda seen: any(isinstance(one, Covered) for one in seen))


async def test_a_port_without_permission_says_so(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may open every port")
    port = tmp_path / "ttyUSB0"
    port.touch(mode=0)
    async with reading(f"modbus-rtu://{port}", [CLIMATE]) as notebook:
        await notebook.until(lambda _: first_failure(notebook) is not None)
    failed = first_failure(notebook)
    assert failed is not None
    assert "must be in the group dialout" in str(failed.why)


async def test_what_is_no_serial_port_is_told(tmp_path: Path) -> None:
    port = tmp_path / "notes.txt"
    port.touch()
    async with reading(f"modbus-rtu://{port}", [CLIMATE]) as notebook:
        await notebook.until(lambda _: first_failure(notebook) is not None)
    failed = first_failure(notebook)
    assert failed is not None
    assert "Could not configure port" in str(failed.why)
