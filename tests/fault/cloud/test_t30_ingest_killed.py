"""T30: the ingest worker is killed again and again while it works. Nothing is lost, nothing is there twice."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from cloud.broker.client import Broker, Endpoint, connect
from cloud.broker.config import CLOUD_USER, AgentLogin, BrokerSettings, render
from contract.batch import Batch, ack_decoder, encode
from contract.events import Event
from contract.topics import Address
from sitewarden.embedded.broker import start_broker
from sitewarden.embedded.ports import free_port
from sitewarden.embedded.process import Child
from tests.fault.cloud import ingest_process
from tests.partitions import partition_of
from tests.waiting import until

GW_1 = Address("demo", "gw-1")
SECRET = "a-long-secret-of-the-test"
PER_BATCH = 20
RATE_S = 0.01


@pytest.fixture(name="endpoint")
async def running_broker(tmp_path: Path) -> AsyncIterator[Endpoint]:
    settings = BrokerSettings(
        store=str(tmp_path / "js"),
        cloud_password=SECRET,
        agents=[AgentLogin(GW_1, SECRET + "-gw-1")],
        nats_port=free_port(),
        mqtt_port=free_port(),
    )
    child = start_broker(render(settings), tmp_path, (settings.nats_port, settings.mqtt_port))
    yield Endpoint(f"nats://127.0.0.1:{settings.nats_port}", CLOUD_USER, SECRET)
    child.stop()


class Sender:
    """An agent that sends batch after batch, and again whatever is not acked after a while."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.sent = 0
        self.durable = 0

    async def heard(self, _subject: str, payload: bytes) -> None:
        self.durable = max(self.durable, *ack_decoder.decode(payload).durable.values())

    async def send_next(self) -> None:
        await self._send(self.sent // PER_BATCH)
        self.sent += PER_BATCH

    async def send_again(self) -> None:
        for number in range(self.durable // PER_BATCH, self.sent // PER_BATCH):
            await self._send(number)

    async def _send(self, number: int) -> None:
        first = number * PER_BATCH + 1
        events = [
            Event(seq=seq, at=1_764_547_200_000 + seq, device=f"cp-{seq % 7}", type="checkpoint.scan")
            for seq in range(first, first + PER_BATCH)
        ]
        batch = Batch(
            agent="gw-1", epoch=7, first=first, last=first + PER_BATCH - 1, sent_at=0, events=events
        )
        await self._broker.publish(GW_1.subject("events"), encode(batch))


@pytest.mark.parametrize("kills", [6, pytest.param(500, marks=[pytest.mark.long, pytest.mark.timeout(7200)])])
async def test_t30_ingest_killed(dsn: str, endpoint: Endpoint, tmp_path: Path, kills: int) -> None:
    broker = await connect(endpoint, lambda _: None)
    await broker.ensure_stream(1 << 30, 3600)
    sender = Sender(broker)
    await broker.subscribe(GW_1.subject("ack"), sender.heard)
    facts = tmp_path / "facts.json"
    partition = await partition_of(broker, GW_1)
    facts.write_text(json.dumps({**as_facts(endpoint), "dsn": dsn, "partition": str(partition)}))
    chance = random.Random(30)
    for number in range(kills + 1):
        worker = start(facts, tmp_path / "worker.log")
        heard = sender.durable
        until_killed = asyncio.create_task(keep_sending(sender))
        await until(lambda heard=heard: sender.durable > heard)
        if number < kills:
            await asyncio.sleep(chance.uniform(0, 0.4))
            worker.kill()
        until_killed.cancel()
    await sender.send_again()
    await until(lambda: sender.durable == sender.sent)
    worker.stop()
    await broker.close()
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select seq & ((1::int8 << 40) - 1) from events order by 1").fetchall()
    assert [seq for (seq,) in found] == list(range(1, sender.sent + 1))


async def keep_sending(sender: Sender) -> None:
    while True:
        await sender.send_next()
        await asyncio.sleep(RATE_S)


def as_facts(endpoint: Endpoint) -> dict[str, str]:
    return {"url": endpoint.url, "user": endpoint.user, "password": endpoint.password}


def start(facts: Path, log: Path) -> Child:
    child = Child("ingest", [sys.executable, str(Path(ingest_process.__file__)), str(facts)], log)
    child.start()
    return child
