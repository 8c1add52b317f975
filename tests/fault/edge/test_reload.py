"""The agent reads its site's files anew (SIGHUP) while readers publish: nothing lost, nothing twice."""

import asyncio
import signal
import zoneinfo
from pathlib import Path

import pytest

from contract.clock import now_ms
from firmware_sim.adapters.callers import TransmitterCall
from firmware_sim.device.transmitter import FireTransmitter
from sitewarden.embedded.ports import free_port
from tests.edge_harness import SITE, AgentProcess, Broker, MakeAgent, MakeCloud, Readers
from tests.fault.edge.scanning import keep_scanning


def reload(agent: AgentProcess) -> None:
    assert agent.process is not None
    agent.process.send_signal(signal.SIGHUP)


async def test_files_are_read_anew_and_those_with_mistakes_are_not(
    broker: Broker, field_broker: Broker, make_agent: MakeAgent, make_cloud: MakeCloud, site_dir: Path
) -> None:
    broker.start()
    agent = make_agent(uplink=broker.mqtt_url, line=field_broker.mqtt_url)
    async with make_cloud(broker).listening() as cloud:
        agent.start()
        readers = Readers(field_broker.mqtt_port)
        scanning = asyncio.create_task(keep_scanning(readers, 100))
        await cloud.until(lambda: bool(cloud.scans()))
        before = readers.before(next(iter(cloud.scans())))
        (site_dir / "site.yaml").write_text(SITE.replace("cp-2, zone: lobby", "cp-2, zone: lobbby"))
        reload(agent)
        await asyncio.to_thread(agent.until_logged, "not_reloaded")
        await cloud.more()
        (site_dir / "site.yaml").write_text(SITE.replace("id: cp-2", "id: cp-two"))
        for _ in range(3):
            reload(agent)
            await asyncio.sleep(0.5)
        await cloud.until(lambda: any(event.device == "cp-two" for event in cloud.events))
        scanning.cancel()
        await asyncio.wait([scanning])
        await cloud.until(lambda: readers.made - before <= cloud.scans().keys())
        readers.stop()
        assert max(cloud.scans().values()) == 1
        assert agent.stop() == 0
    (told,) = [line["why"] for line in agent.log if line["action"] == "not_reloaded"]
    assert "zone 'lobbby'" in told


PARTS = "part,zone,name_zh,name_en\n3/3-12,stairs,,\n"
BAD = {"an unknown zone": "3/3-13,stair,,\n", "twice the same part": "3/3-12,lobby,,\n"}


def panel_site(port: int) -> str:
    """The site with a fire transmitter whose parts a list binds to zones."""
    fire = f'{{id: fire, endpoint: "gb26875://127.0.0.1:{port}"}}'
    panel = (
        "  - {id: panel, zone: lobby, profile: gb26875-transmitter, line: fire, address: '010203040506', "
        "parts: {file: panel-parts.csv}}\nagents:"
    )
    site = SITE.replace("[{id: lobby}]", "[{id: lobby}, {id: stairs}]").replace("agents:", panel)
    return site.replace(
        'lines: [{id: patrol, endpoint: "mqtt://127.0.0.1:1"}]',
        f'lines: [{{id: patrol, endpoint: "mqtt://127.0.0.1:1"}}, {fire}]',
    )


@pytest.mark.parametrize("mistake", BAD)
async def test_a_list_of_parts_that_turns_bad_leaves_the_one_in_force_and_the_line_is_told(
    broker: Broker,
    field_broker: Broker,
    make_agent: MakeAgent,
    make_cloud: MakeCloud,
    site_dir: Path,
    mistake: str,
) -> None:
    port = free_port()
    (site_dir / "site.yaml").write_text(panel_site(port))
    (site_dir / "panel-parts.csv").write_text(PARTS)
    broker.start()
    agent = make_agent(uplink=broker.mqtt_url, line=field_broker.mqtt_url)
    async with make_cloud(broker).listening() as cloud:
        agent.start()
        await asyncio.to_thread(agent.until_logged, "started")
        (site_dir / "panel-parts.csv").write_text(PARTS + BAD[mistake])
        reload(agent)
        await asyncio.to_thread(agent.until_logged, "not_reloaded")
        call = TransmitterCall(f"gb26875://127.0.0.1:{port}")
        calling = asyncio.create_task(call.run())
        device = FireTransmitter(bytes([1, 2, 3, 4, 5, 6]), zoneinfo.ZoneInfo("Asia/Shanghai"))
        call.send(device.update(now_ms(), {"3-12.fire": True}))
        await cloud.until(lambda: any(event.type == "fire.alarm" for event in cloud.events))
        calling.cancel()
        await asyncio.wait([calling])
        assert agent.stop() == 0
    (fire,) = (event for event in cloud.events if event.type == "fire.alarm")
    assert fire.zone == "stairs", "by the list in force"
    (told,) = [line["why"] for line in agent.log if line["action"] == "not_reloaded"]
    assert "panel-parts.csv:3" in told
