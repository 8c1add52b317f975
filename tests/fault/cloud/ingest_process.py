"""A worker of one partition as a process of its own, to be killed: `python -m` this file with its facts as JSON."""

import asyncio
import json
import sys
from pathlib import Path

from cloud.broker.client import Endpoint, connect
from cloud.broker.line import BrokerLine
from cloud.clock import monotonic_ms, now_ms
from cloud.ingest.session import Clocks, Surroundings
from cloud.ingest.worker import Worker
from cloud.store.postgres.writer import PostgresStore


async def work(facts: dict[str, str]) -> None:
    """Until killed."""
    broker = await connect(Endpoint(facts["url"], facts["user"], facts["password"]), lambda _: None)
    line = BrokerLine(broker, keep_bytes=1 << 30, keep_s=3600)
    around = Surroundings(line=line, sites={}, clocks=Clocks(now_ms, monotonic_ms), counted=lambda _: None)
    worker = Worker(int(facts["partition"]), PostgresStore(facts["dsn"]), around)
    await worker.run()


if __name__ == "__main__":
    asyncio.run(work(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
