"""Simulated devices that call the agent by themselves, and the agent's real drivers."""

import asyncio
import contextlib
import zoneinfo
from collections.abc import AsyncIterator

from contract.profile.load import load_profile
from contract.profile.model import HttpProfile
from contract.site import Device
from edge.drivers.gb26875 import Listener, TransmitterDriver
from edge.drivers.http import Doorway, HttpDriver, parse_doorway
from edge.gb26875.transmitter import Transmitter
from edge.ports import Covered, Driver
from edge.posts import Posts
from edge.topicmap import TopicMap
from firmware_sim.adapters.callers import Poster, TransmitterCall
from firmware_sim.device.publisher import Publisher
from firmware_sim.device.transmitter import FireTransmitter
from tests.bus import PROFILES
from tests.lines import Agent, Notebook

CHINA = zoneinfo.ZoneInfo("Asia/Shanghai")
NOW = 1_764_547_200_000


@contextlib.asynccontextmanager
async def running(*parts: Driver, notebook: Notebook) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(part.run(notebook)) for part in parts]
    try:
        await notebook.until(bool)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_transmitter_tells_a_fire_in_either_form_of_time_and_repeats_until_it_is_confirmed() -> None:
    notebook, agent = Notebook(), Agent()
    caller = Transmitter("panel", "auto", CHINA, silent_after_ms=60_000)
    driver = TransmitterDriver(
        "fire", Listener("127.0.0.1", 0), {"010203040506": caller}, agent.services(NOW)
    )
    async with running(driver, notebook=notebook):
        device = FireTransmitter(bytes([1, 2, 3, 4, 5, 6]), CHINA)
        call = TransmitterCall(f"gb26875://127.0.0.1:{driver.port}")
        calling = asyncio.create_task(call.run())
        call.send(device.update(NOW, {}))
        call.send(device.update(NOW + 1_000, {"fire": True}))
        first = await notebook.until_told("fire.alarm")
        call.send(device.update(NOW + 2_000, {"fire": False, "bcd": True}))
        await notebook.until(
            lambda _: len([s for s in notebook.seen if getattr(s, "type", "") == "fire.alarm"]) == 2
        )
        calling.cancel()
        await asyncio.wait([calling])
    assert first.device_at == NOW + 1_000
    last = await notebook.until_told("fire.alarm")
    assert (last.data["state"], last.device_at) == ("cleared", NOW + 2_000)


async def test_a_poster_signs_in_and_posts_until_it_is_taken() -> None:
    notebook, agent = Notebook(), Agent()
    agent.takes = False
    profile = load_profile(PROFILES / "json-post.yaml")
    assert isinstance(profile, HttpProfile)
    doorway = parse_doorway("http://reader:s%3Acret@127.0.0.1:1")
    posts = Posts(TopicMap([(Device(id="gate", address="g3"), profile)]), {"gate": 60_000})
    driver = HttpDriver("posts", Doorway("127.0.0.1", 0, doorway.secret), posts, agent.services(NOW))
    async with running(driver, notebook=notebook):
        poster = Poster(f"http://reader:s%3Acret@0.0.0.0:{driver.port}")
        posting = asyncio.create_task(poster.run())
        poster.send(Publisher(profile, "g3").update(NOW, {"card": "card:1"}))
        await agent.was_asked()
        agent.takes = True
        scan = await notebook.until_told("checkpoint.scan")
        posting.cancel()
        await asyncio.wait([posting])
    assert (scan.person, scan.device_at) == ("card:1", NOW)


async def test_a_terminal_pushes_its_records_until_it_hears_ok_and_calls_when_it_has_none() -> None:
    notebook, agent = Notebook(), Agent()
    agent.takes = False
    profile = load_profile(PROFILES / "zkteco-push.yaml")
    assert isinstance(profile, HttpProfile)
    posts = Posts(TopicMap([(Device(id="gate", address="SN1"), profile)], CHINA), {"gate": 60_000})
    driver = HttpDriver("posts", Doorway("127.0.0.1", 0), posts, agent.services(NOW))
    async with running(driver, notebook=notebook):
        terminal, poster = Publisher(profile, "SN1", zone=CHINA), Poster(f"http://127.0.0.1:{driver.port}")
        posting = asyncio.create_task(poster.run())
        poster.send(terminal.update(NOW, {"card": "18"}))
        await agent.was_asked()
        agent.takes = True
        punch = await notebook.until_told("access.granted")
        poster.send(terminal.calls())
        await notebook.until(
            lambda seen: sum(isinstance(one, Covered) for one in seen) >= len(terminal.calls())
        )
        posting.cancel()
        await asyncio.wait([posting])
    assert (punch.person, punch.device_at) == ("18", NOW)
