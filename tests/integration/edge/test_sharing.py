"""Other systems read along over a real broker, and are told when the agent goes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.drivers.sharing import SharingDriver, sharing
from edge.errors import SettingsError
from edge.ports import Covered, Measured
from edge.sharing.board import DeviceFace
from sitewarden.embedded.ports import free_port
from tests.edge_harness import Broker
from tests.waiting import PATIENCE_S

FACES = {"ups": DeviceFace(name="UPS room", profile="xy-md02")}


class Listener:
    """Hears everything."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._loop = asyncio.get_running_loop()
        self._more = asyncio.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="other-system")
        self._client.on_connect = lambda client, *_: client.subscribe("#")
        self._client.on_subscribe = lambda *_: self._loop.call_soon_threadsafe(self._more.set)
        self._client.on_message = lambda _client, _data, m: self._loop.call_soon_threadsafe(
            self._take, m.topic, m.payload
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _take(self, topic: str, payload: bytes) -> None:
        self.heard.append((topic, payload))
        self._more.set()

    async def until(self, topic: str, payload: bytes | None = None) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not any(t == topic and payload in {None, p} for t, p in self.heard):
                self._more.clear()
                await self._more.wait()

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._more.wait()

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.asynccontextmanager
async def shared(folder: Path, kind: str) -> AsyncIterator[tuple[SharingDriver, Listener, Broker]]:
    broker = Broker(folder, free_port())
    broker.start()
    listener = Listener(broker.mqtt_port)
    await listener.ready()
    driver = sharing(f"{kind}+{broker.mqtt_url}", "s1", "gw", FACES, lambda: 1_764_547_200_000)
    running = asyncio.create_task(driver.run())
    try:
        yield driver, listener, broker
    finally:
        running.cancel()
        await asyncio.wait([running])
        listener.close()
        broker.stop()


def see(driver: SharingDriver, value: float) -> None:
    seen = [Measured(device="ups", point="temperature", at=1, value=value)]
    driver.put([*seen, Covered(devices=("ups",), since=0, to=1)])


async def test_home_assistant_reads_along_and_hears_of_the_end(tmp_path: Path) -> None:
    async with shared(tmp_path, "homeassistant") as (driver, listener, _):
        see(driver, 21.5)
        await listener.until("sitewarden/s1/ups/temperature", b"21.5")
        listener.heard.clear()
        listener.publish("homeassistant/status", b"online")
        await listener.until("homeassistant/sensor/s1_ups/temperature/config")
    assert listener.heard


async def test_sparkplug_reads_along_is_born_anew_when_asked_and_dies_in_order(tmp_path: Path) -> None:
    async with shared(tmp_path, "sparkplug") as (driver, listener, _):
        see(driver, 21.5)
        await listener.until("spBv1.0/s1/NBIRTH/gw")
        await listener.until("spBv1.0/s1/DBIRTH/gw/ups")
        listener.heard.clear()
        listener.publish("spBv1.0/s1/NCMD/gw", b"Node Control/Rebirth")
        await listener.until("spBv1.0/s1/NBIRTH/gw")


async def test_a_broker_that_comes_back_is_told_everything_again(tmp_path: Path) -> None:
    async with shared(tmp_path, "homeassistant") as (driver, listener, broker):
        see(driver, 1.0)
        await listener.until("sitewarden/s1/ups/temperature", b"1")
        broker.stop()
        see(driver, 2.0)
        listener.heard.clear()
        broker.start()
        await listener.until("sitewarden/s1/ups/temperature", b"2")


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1:1", "homeassistant+http://127.0.0.1", "sparkplug"])
def test_another_form_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        sharing(url, "s1", "gw", FACES, lambda: 0)
