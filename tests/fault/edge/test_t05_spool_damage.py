"""T5 (part): a bit of the spool flips. No crash loop, the file kept aside, what it held said to be blind."""

import random
from pathlib import Path

from contract.batch import Lane
from edge.rows import EventRow, new_row
from edge.spool.limits import Limits
from edge.spool.sqlite import open_spool
from tests.edge_harness import Broker, MakeAgent, MakeCloud, Readers

MARK = b"card:flip-me-0123456789"


def spool_with_a_flipped_bit(path: Path) -> int:
    """Its epoch."""
    spool, _ = open_spool(path, boot="an earlier boot", limits=Limits(), random_source=random.Random(5))
    rows = [
        EventRow(device="cp-1", type="checkpoint.scan", at=n, observed_at=n, person=MARK.decode())
        for n in range(9)
    ]
    spool.append([new_row(row) for row in rows])
    spool.close()
    content = path.read_bytes()
    path.write_bytes(content.replace(MARK, MARK.replace(b"flip", b"flap"), 1))
    return spool.epoch


async def test_t05_spool_damage(
    broker: Broker, field_broker: Broker, make_agent: MakeAgent, make_cloud: MakeCloud, tmp_path: Path
) -> None:
    lost = spool_with_a_flipped_bit(tmp_path / "spool.db")
    broker.start()
    readers = Readers(field_broker.mqtt_port)
    agent = make_agent(uplink=broker.mqtt_url, line=field_broker.mqtt_url)
    async with make_cloud(broker).listening() as cloud:
        agent.start()
        # Rows of an earlier boot can be placed as soon as the time of this one is known: then the damage shows.
        await cloud.until(lambda: bool(cloud.batches) and cloud.batches[-1].epoch != lost)
        await cloud.until(lambda: "cp-1" in cloud.batches[-1].sources)
        [(start, _)] = cloud.batches[-1].sources["cp-1"].blind
        assert start == 0
        assert cloud.durable(lost, Lane.MAIN) == 0
    assert (tmp_path / "spool.db.damaged-1").exists()
    assert [line["action"] for line in agent.log].count("spool_damaged") == 1
    assert agent.stop() == 0
    readers.stop()
