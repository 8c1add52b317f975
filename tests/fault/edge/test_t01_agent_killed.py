"""T1: the agent is killed (-9) at random moments while readers publish: nothing lost, nothing twice."""

import asyncio
import random

import pytest

from tests.edge_harness import Broker, MakeAgent, MakeCloud, Readers
from tests.fault.edge.scanning import keep_scanning


async def run(
    kills: int, broker: Broker, field_broker: Broker, make_agent: MakeAgent, make_cloud: MakeCloud
) -> None:
    chance = random.Random(1)
    broker.start()
    agent = make_agent(uplink=broker.mqtt_url, line=field_broker.mqtt_url)
    async with make_cloud(broker).listening() as cloud:
        agent.start()
        readers = Readers(field_broker.mqtt_port)
        scanning = asyncio.create_task(keep_scanning(readers, 200))
        # From the agent's first contact on its broker keeps a session for it: what it saw then begins the count.
        await cloud.until(lambda: bool(cloud.scans()))
        before = readers.before(next(iter(cloud.scans())))
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0, 2))
            agent.kill()
            agent.start()
            # Publishing again within 3 s, and as long again for a busy machine to start the process.
            await cloud.more()
        scanning.cancel()
        await asyncio.wait([scanning])
        await cloud.until(lambda: readers.made - before <= cloud.scans().keys())
        readers.stop()
        assert set(cloud.scans()) == readers.made - before
        assert max(cloud.scans().values()) == 1
        assert agent.stop() == 0


async def test_t01_agent_killed(
    broker: Broker, field_broker: Broker, make_agent: MakeAgent, make_cloud: MakeCloud
) -> None:
    await run(6, broker, field_broker, make_agent, make_cloud)


@pytest.mark.long
@pytest.mark.timeout(3_600)
async def test_t01_agent_killed_500_times(
    broker: Broker, field_broker: Broker, make_agent: MakeAgent, make_cloud: MakeCloud
) -> None:
    await run(500, broker, field_broker, make_agent, make_cloud)
