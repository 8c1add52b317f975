"""T45: whatever is called back from the wire fails once. Reading and sending go on within 5 s."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.drivers.mqtt import MqttDriver
from edge.mqtt import Endpoint
from edge.settings import Settings
from edge.uplink.uplink import Uplink
from tests.edge_harness import Broker, MakeCloud, Readers, running_agent
from tests.waiting import PATIENCE_S


class BrokenOnce:
    """A callback that fails the first time it is called."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real = real
        self.failed = asyncio.Event()

    def bound(self) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if not self.failed.is_set():
                self.failed.set()
                raise RuntimeError("a mistake that nobody thought of")
            return self._real(*args)

        return call


async def keep_scanning(readers: Readers) -> None:
    while True:
        await asyncio.to_thread(readers.scan)
        await asyncio.sleep(0.05)


CALLBACKS = [
    (owner, name)
    for owner in (Uplink, MqttDriver)
    for name in ("on_connected", "on_subscribed", "on_message", "on_delivered")
    # Nothing is ever published on a field line.
    if (owner, name) != (MqttDriver, "on_delivered")
]


@pytest.mark.parametrize(("owner", "name"), CALLBACKS)
async def test_t45_exception_in_every_callback(
    owner: type,
    name: str,
    broker: Broker,
    field_broker: Broker,
    make_cloud: MakeCloud,
    tmp_path: Path,
    site_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = BrokenOnce(getattr(owner, name))
    monkeypatch.setattr(owner, name, broken.bound())
    settings = Settings(
        site_dir=site_dir,
        agent="gw-1",
        broker=Endpoint.parse(broker.mqtt_url),
        spool=tmp_path / "spool.db",
        lines={"patrol": field_broker.mqtt_url},
    )
    broker.start()
    readers = Readers(field_broker.mqtt_port)
    async with make_cloud(broker).listening() as cloud, running_agent(settings):
        scanning = asyncio.create_task(keep_scanning(readers))
        async with asyncio.timeout(PATIENCE_S):
            await broken.failed.wait()
        before = readers.made
        await cloud.until(lambda: bool(cloud.scans().keys() - before))
        assert max(cloud.scans().values()) == 1
        scanning.cancel()
        await asyncio.wait([scanning])
    readers.stop()
