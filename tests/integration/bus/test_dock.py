"""A simulated patrol wand in a dock, over a real pseudo terminal."""

import asyncio
import contextlib
import datetime as dt
import zoneinfo
from collections.abc import AsyncIterator

import pytest

from contract.site import Binding
from edge.drivers import jwm
from edge.drivers.jwm import WandDriver, parse_dock
from edge.errors import SettingsError
from edge.jwm.wand import Rounds, Wand
from edge.ports import Covered, Failed
from firmware_sim.adapters.serial_port import SerialPort
from firmware_sim.device.wand import Wand as SimWand
from tests.lines import Agent, Notebook


def clock(*parts: int) -> dt.datetime:
    """What a wand's wall clock shows."""
    return dt.datetime(*parts, tzinfo=None)  # type: ignore[misc,arg-type]  # noqa: DTZ001


CHINA = zoneinfo.ZoneInfo("Asia/Shanghai")
NIGHT = clock(2026, 11, 23, 2, 10, 0)
WALL = round(dt.datetime(2026, 11, 23, 6, tzinfo=CHINA).timestamp() * 1_000)
BADGE = bytes.fromhex("f40939")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks more often than in the field."""
    monkeypatch.setattr(jwm, "LOOK_S", 0.1)
    monkeypatch.setattr(jwm, "DOCKED_LOOK_S", 0.1)
    monkeypatch.setattr(jwm, "ANSWER_S", 0.2)


@contextlib.asynccontextmanager
async def docked(path: str, agent: Agent) -> AsyncIterator[Notebook]:
    wand = Wand("wand-1", {"f40939": Binding(device="cp-roof")}, {}, CHINA)
    rounds = Rounds({"wand-1": frozenset({"cp-roof"})})
    notebook = Notebook()
    driver = WandDriver("dock", path, wand, rounds, agent.services(WALL))
    running = asyncio.create_task(driver.run(notebook))
    try:
        yield notebook
    finally:
        running.cancel()
        await asyncio.wait([running])


@contextlib.asynccontextmanager
async def port(device: SimWand) -> AsyncIterator[SerialPort]:
    found = SerialPort(device.hears)
    try:
        yield found
    finally:
        found.close()


def known(notebook: Notebook) -> set[str]:
    return {name for seen in notebook.seen if isinstance(seen, Covered) for name in seen.devices}


async def test_a_wand_is_read_kept_and_only_then_wiped_and_its_clock_set() -> None:
    device, agent = SimWand(), Agent()
    device.touch(BADGE, NIGHT)
    async with port(device) as dock, docked(dock.path, agent) as notebook:
        scan = await notebook.until_told("checkpoint.scan")
        await notebook.until(lambda _: known(notebook) == {"wand-1", "cp-roof"})
        await agent.has_noted()
    assert scan.device == "cp-roof"
    assert device.records == []
    assert device.set_to == clock(2026, 11, 23, 6)


async def test_what_the_disk_refuses_stays_in_the_wand_and_is_told_again() -> None:
    device, agent = SimWand(), Agent()
    agent.takes = False
    device.touch(BADGE, NIGHT)
    async with port(device) as dock, docked(dock.path, agent) as notebook:
        await agent.was_asked()
        assert len(device.records) == 1
        assert not known(notebook)
        agent.takes = True
        await notebook.until(lambda _: bool(known(notebook)))
        await agent.has_noted()
    assert device.wipes >= 1


async def test_a_wand_that_is_away_is_no_fault_and_a_dock_that_is_gone_is() -> None:
    device, agent = SimWand(), Agent()
    async with port(device) as dock:
        dock.plugged = False
        async with docked(dock.path, agent) as notebook:
            await asyncio.sleep(0.6)
            assert notebook.seen == []
            dock.plugged = True
            await notebook.until(lambda _: bool(known(notebook)))
    async with docked("/dev/pts/none", agent) as notebook:
        await notebook.until(lambda seen: any(isinstance(one, Failed) for one in seen))


def test_a_dock_is_a_serial_port() -> None:
    assert parse_dock("jwm:///dev/ttyUSB0") == "/dev/ttyUSB0"
    with pytest.raises(SettingsError, match="ttyUSB0"):
        parse_dock("jwm://somewhere")


async def test_a_wand_waits_until_the_time_is_known() -> None:
    device, agent = SimWand(), Agent()
    device.touch(BADGE, NIGHT)
    wand = Wand("wand-1", {}, {}, CHINA)
    notebook = Notebook()
    async with port(device) as dock:
        driver = WandDriver("dock", dock.path, wand, Rounds({}), agent.services(None))
        running = asyncio.create_task(driver.run(notebook))
        await asyncio.sleep(0.6)
        running.cancel()
        await asyncio.wait([running])
    assert (len(device.records), device.set_to, notebook.seen) == (1, None, [])
