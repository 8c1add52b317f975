"""The agent reads its site's files anew (SIGHUP) while readers publish: nothing lost, nothing twice."""

import asyncio
import signal
from pathlib import Path

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
