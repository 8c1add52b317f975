"""T4: the agent's disk is full. Alarms are taken and told, nothing else is confirmed to anybody, and all comes later."""

import asyncio
import contextlib
import subprocess
import zoneinfo
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from contract.batch import Lane
from contract.events import SPOOL_FULL, event_data
from edge import clock
from firmware_sim.adapters.callers import TransmitterCall
from firmware_sim.device.transmitter import FireTransmitter
from sitewarden.embedded.ports import free_port
from tests.edge_harness import SITE_WITH_PANEL, AgentProcess, Broker, Cloud, MakeCloud, Readers


@pytest.fixture(name="disk")
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB; needs leave to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("a small disk can't be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (64 * 1024, 4 * 1024, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return filler


class Panel:
    """A transmitter whose fire comes and goes; each frame is told until it is confirmed."""

    def __init__(self, port: int) -> None:
        self._device = FireTransmitter(bytes([1, 2, 3, 4, 5, 6]), zoneinfo.ZoneInfo("Asia/Shanghai"))
        self._call = TransmitterCall(f"gb26875://127.0.0.1:{port}")

    @contextlib.asynccontextmanager
    async def calling(self) -> AsyncIterator["Panel"]:
        task = asyncio.create_task(self._call.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])

    def burn(self, times: int) -> None:
        for _ in range(times):
            for burning in (True, False):
                self._call.send(self._device.update(clock.wall_ms(), {"fire": burning}))


def fires(cloud: Cloud) -> int:
    alarms = (event_data(event) for event in cloud.events if event.type == "fire.alarm")
    return sum(data["state"] == "active" for data in alarms)


def room(cloud: Cloud) -> list[str]:
    faults = (event_data(event) for event in cloud.events if event.device == "gw-1")
    return [str(data["state"]) for data in faults if data.get("what") == SPOOL_FULL]


async def heard(readers: Readers, cloud: Cloud) -> set[str]:
    """What was scanned by the time that one is known: the first may come before anybody has subscribed."""
    while not cloud.scans():
        await asyncio.to_thread(readers.scan)
        with contextlib.suppress(TimeoutError):
            await cloud.more(timeout_s=0.5)
    return readers.made


@pytest.mark.parametrize(
    ("scans", "alarms"),
    [(60, 20), pytest.param(2_000, 1_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
)
async def test_t04_full_disk(
    broker: Broker,
    field_broker: Broker,
    make_cloud: MakeCloud,
    site_dir: Path,
    tmp_path: Path,
    disk: Path,
    scans: int,
    alarms: int,
) -> None:
    (site_dir / "site.yaml").write_text(SITE_WITH_PANEL)
    port = free_port()
    arguments = ["--site", str(site_dir), "--agent", "gw-1", "--broker", broker.mqtt_url]
    arguments += ["--spool", str(disk / "spool.db"), "--line", f"patrol={field_broker.mqtt_url}"]
    arguments += ["--line", f"fire=gb26875://127.0.0.1:{port}"]
    agent = AgentProcess(arguments, tmp_path / "agent.log")
    broker.start()
    readers = Readers(field_broker.mqtt_port)
    cloud = make_cloud(broker)
    try:
        async with cloud.listening(), Panel(port).calling() as panel:
            agent.start()
            early = await heard(readers, cloud)
            # Nothing is acknowledged for now, so that nothing may be let go of to make room.
            cloud.acking = False
            filler = fill(disk)
            panel.burn(alarms)
            for _ in range(scans):
                await asyncio.to_thread(readers.scan)
            await cloud.until(lambda: fires(cloud) >= alarms and room(cloud) == ["active"])
            filler.unlink()
            cloud.acking = True
            await cloud.until(lambda: readers.made - early <= cloud.scans().keys())
            await cloud.until(lambda: room(cloud) == ["active", "cleared"])
            assert max(cloud.scans().values()) == 1
            assert fires(cloud) == alarms
            assert {
                batch.lane for batch in cloud.batches if any(e.device == "gw-1" for e in batch.events)
            } == {Lane.LIFE}
        assert "refused" in [line["action"] for line in agent.log]
        assert agent.stop() == 0
    finally:
        agent.kill()
        readers.stop()
