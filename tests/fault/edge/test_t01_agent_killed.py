"""T1: the agent is killed (-9) at random moments while readers publish: nothing lost, nothing twice."""

import asyncio
import json
import random
from collections import Counter

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from contract.clock import now_ms
from tests.edge_harness import Broker, Cloud, MakeAgent, MakeCloud


class Readers:
    """Patrol readers that publish numbered scans with QoS 1, and count as made what their broker took."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="readers")
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._count = 0
        for reader in ("r1", "r2"):
            self._client.publish(f"patrol/{reader}/status", "online", 1, retain=True).wait_for_publish(5)

    def scan(self) -> None:
        self._count += 1
        body = {"card": f"card:{self._count}", "t": now_ms(), "n": self._count}
        reader = "r1" if self._count % 2 else "r2"
        self._client.publish(f"patrol/{reader}/scan", json.dumps(body), 1).wait_for_publish(5)

    @property
    def made(self) -> set[str]:
        return {f"card:{number}" for number in range(1, self._count + 1)}

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def scans(cloud: Cloud) -> Counter[str]:
    return Counter(str(event.person) for event in cloud.events if event.type == "checkpoint.scan")


async def keep_scanning(readers: Readers, per_second: int) -> None:
    while True:
        await asyncio.to_thread(readers.scan)
        await asyncio.sleep(1 / per_second)


async def run(
    kills: int, broker: Broker, field_broker: Broker, make_agent: MakeAgent, make_cloud: MakeCloud
) -> None:
    chance = random.Random(1)
    broker.start()
    agent = make_agent(uplink=broker.mqtt_url, line=field_broker.mqtt_url)
    async with make_cloud(broker).listening() as cloud:
        agent.start()
        # The first contact makes the broker keep a session for the agent; from then on nothing may be lost.
        readers = Readers(field_broker.mqtt_port)
        await cloud.until(lambda: any(batch.sources for batch in cloud.batches))
        scanning = asyncio.create_task(keep_scanning(readers, 200))
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0, 2))
            agent.kill()
            agent.start()
            # Publishing again within 3 s, and as long again for a busy machine to start the process.
            await cloud.more(timeout_s=6)
        scanning.cancel()
        await asyncio.wait([scanning])
        await cloud.until(lambda: readers.made <= scans(cloud).keys(), timeout_s=30)
        readers.stop()
        assert set(scans(cloud)) == readers.made
        assert max(scans(cloud).values()) == 1
        assert agent.stop() == 0


@pytest.mark.timeout(120)
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
