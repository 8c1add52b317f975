"""T16: a broker says PUBACK to everything and throws it away. The spool keeps all; people are told; L=0."""

import asyncio
import contextlib
from pathlib import Path

import msgspec

from contract.batch import AgentState, batch_decoder
from contract.events import event_data
from edge.mqtt import Endpoint
from edge.settings import Settings
from edge.uplink.machine import Pace
from tests.edge_harness import Broker, Cloud, LyingBroker, MakeCloud, Readers, running_agent

HURRIED = Pace(
    heartbeat_ms=100,
    time_ms=500,
    state_ms=200,
    resend_ms=200,
    resend_most_ms=1_000,
    reconnect_ms=1_200,
    fault_ms=2_000,
)
"""The same pace in a fiftieth of the time: anew after 60 s is after 1.2 s, the local fault at 100 s at 2 s."""


def events_in(broker: LyingBroker) -> set[str]:
    batches = [batch_decoder.decode(body) for topic, body in broker.swallowed if topic.endswith("/events")]
    return {str(event.person) for batch in batches for event in batch.events if event.person}


def last_state(broker: LyingBroker) -> AgentState:
    states = [body for topic, body in broker.swallowed if topic.endswith("/state")]
    return msgspec.json.decode(states[-1], type=AgentState)


def local_faults(cloud: Cloud) -> list[dict[str, object]]:
    found = [event_data(event) for event in cloud.events if event.device == "gw-1"]
    return [data for data in found if data.get("what") == "uplink"]


async def scans_until_heard(readers: Readers, cloud: Cloud) -> set[str]:
    """What was scanned by the time that one is known: the first may come before anybody has subscribed."""
    while not cloud.scans():
        await asyncio.to_thread(readers.scan)
        with contextlib.suppress(TimeoutError):
            await cloud.more(timeout_s=0.5)
    return readers.made


async def test_t16_lying_broker(
    broker: Broker, field_broker: Broker, make_cloud: MakeCloud, tmp_path: Path, site_dir: Path
) -> None:
    settings = Settings(
        site_dir=site_dir,
        agent="gw-1",
        broker=Endpoint.parse(broker.mqtt_url),
        spool=tmp_path / "spool.db",
        lines={"patrol": field_broker.mqtt_url},
        pace=HURRIED,
    )
    readers = Readers(field_broker.mqtt_port)
    cloud = make_cloud(broker)
    broker.start()
    async with running_agent(settings):
        async with cloud.listening():
            early = await scans_until_heard(readers, cloud)
        broker.stop()

        async with LyingBroker(broker.mqtt_port).listening() as liar:
            for _ in range(50):
                await asyncio.to_thread(readers.scan)
            # It took every scan, said so, and the agent came back again and again all the same.
            await liar.until(lambda: readers.made - early <= events_in(liar) and liar.connections >= 3)
            assert last_state(liar).spooled >= 50

        broker.start()
        async with cloud.listening():
            await cloud.until(lambda: readers.made - early <= cloud.scans().keys())
            await cloud.until(lambda: any(fault["state"] == "cleared" for fault in local_faults(cloud)))
            raised = [fault for fault in local_faults(cloud) if fault["state"] == "active"]
            assert len(raised) == 1
            assert max(cloud.scans().values()) == 1
            assert int(str(raised[0]["silent_ms"])) >= HURRIED.fault_ms
    readers.stop()
