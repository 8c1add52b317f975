"""T21: the connection dies in COMMIT, so that nobody knows whether it was done. Each event must be there once."""

import asyncio

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cloud.broker.memory import MemoryLine
from cloud.clock import monotonic_ms, now_ms
from cloud.ingest.session import Clocks, Surroundings
from cloud.ingest.worker import Worker
from cloud.store.postgres.writer import PostgresStore
from contract.batch import Batch, ack_decoder, encode
from contract.events import Event
from contract.topics import Address
from tests.fault.cloud.proxy import CommitEater, commit_eater
from tests.waiting import PATIENCE_S, until

GW_1 = Address("demo", "gw-1")
PER_BATCH = 5


@pytest.mark.parametrize(
    "times", [20, pytest.param(1000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_t21_connection_dies_in_commit(dsn: str, times: int) -> None:
    socket = f"{conninfo_to_dict(dsn)['host']}/.s.PGSQL.{conninfo_to_dict(dsn).get('port', 5432)}"
    with commit_eater(socket) as eater:
        asyncio.run(lose_answers(make_conninfo(dsn, host="127.0.0.1", port=eater.port), eater, times))
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select count(*), count(distinct (device, seq)) from events").fetchone()
    assert found == (times * PER_BATCH, times * PER_BATCH)


async def lose_answers(dsn: str, eater: CommitEater, times: int) -> None:
    """Has the answer to a COMMIT eaten `times` times, each time with new events in it."""
    line = MemoryLine(now_ms)
    around = Surroundings(line=line, sites={}, clocks=Clocks(now_ms, monotonic_ms), counted=lambda _: None)
    worker = Worker(0, PostgresStore(dsn), around)
    running = asyncio.create_task(worker.run())
    for number in range(times):
        async with asyncio.timeout(PATIENCE_S):
            await worker.ready.wait()
        before, eater.hungry = eater.eaten, True
        line.capture(GW_1, batch(number))
        await until(lambda before=before: eater.eaten > before)
        eater.hungry = False
        await until(lambda: not worker.ready.is_set())
    line.capture(GW_1, batch(times - 1))
    await until(lambda: acked(line) >= times * PER_BATCH)
    worker.stop()
    await running


def batch(number: int) -> bytes:
    """The batch with that number."""
    first = number * PER_BATCH + 1
    events = [
        Event(seq=seq, at=now_ms(), device="cp-1", type="checkpoint.scan")
        for seq in range(first, first + PER_BATCH)
    ]
    return encode(
        Batch(agent="gw-1", epoch=7, first=first, last=first + PER_BATCH - 1, sent_at=now_ms(), events=events)
    )


def acked(line: MemoryLine) -> int:
    """The highest number told as durable."""
    acks = [ack_decoder.decode(payload) for subject, payload in line.published if subject.endswith(".ack")]
    return max((max(ack.durable.values()) for ack in acks), default=0)
