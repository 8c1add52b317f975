"""T5: a row of the spool is flipped. No crash loop, the file kept aside, the good rows sent, the lost one told by number."""

import random
from pathlib import Path

from contract.batch import Lane
from edge import clock
from edge.rows import EventRow, new_row
from edge.spool.limits import Limits
from edge.spool.sqlite import open_spool
from tests.edge_harness import Broker, MakeAgent, MakeCloud, Readers

MARK = "card:flip-me"
ROWS = 9
FLIPPED = 4


def spool_with_a_flipped_row(path: Path) -> int:
    """Its epoch."""
    spool, _ = open_spool(path, boot=clock.boot_id(), limits=Limits(), random_source=random.Random(5))
    now = clock.boot_ms()
    rows = [
        EventRow(
            device="cp-1",
            type="checkpoint.scan",
            at=now - 60_000 + n,
            observed_at=now - 60_000 + n,
            person=MARK if n == FLIPPED else f"card:{n}",
        )
        for n in range(1, ROWS + 1)
    ]
    spool.append([new_row(row) for row in rows])
    spool.close()
    content = path.read_bytes()
    path.write_bytes(content.replace(MARK.encode(), b"card:flap-me", 1))
    return spool.epoch


async def test_t05_spool_damage(
    broker: Broker, field_broker: Broker, make_agent: MakeAgent, make_cloud: MakeCloud, tmp_path: Path
) -> None:
    epoch = spool_with_a_flipped_row(tmp_path / "spool.db")
    broker.start()
    readers = Readers(field_broker.mqtt_port)
    agent = make_agent(uplink=broker.mqtt_url, line=field_broker.mqtt_url)
    async with make_cloud(broker).listening() as cloud:
        agent.start()
        await cloud.until(lambda: cloud.durable(epoch, Lane.MAIN) >= ROWS)
        assert set(cloud.scans()) == {f"card:{n}" for n in range(1, ROWS + 1) if n != FLIPPED}
        assert {tuple(gap) for batch in cloud.batches for gap in batch.lost} == {(FLIPPED, FLIPPED)}
        # What the devices did then is not known, and that holds no later than the lost number is taken.
        await cloud.until(lambda: "cp-1" in cloud.batches[-1].sources)
        assert cloud.batches[-1].sources["cp-1"].blind
    assert (tmp_path / "spool.db.damaged-1").exists()
    actions = [line["action"] for line in agent.log]
    assert (actions.count("spool_damaged"), actions.count("spool_salvaged")) == (1, 1)
    [salvaged] = [line for line in agent.log if line["action"] == "spool_salvaged"]
    assert salvaged["lost"]["main"] == [f"{FLIPPED}-{FLIPPED}"]
    assert agent.stop() == 0
    readers.stop()
