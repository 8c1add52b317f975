"""The capturing stream of the real broker, read in order from a position that the reader keeps."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cloud.broker.client import Broker, connect
from cloud.broker.reader import StreamReader
from cloud.errors import BrokerUnavailableError
from contract.topics import Address
from tests.partitions import partition_of
from tests.waiting import PATIENCE_S

GW_1 = Address("demo", "gw-1")


@pytest.fixture(name="cloud")
async def connected_cloud(broker: Any) -> AsyncIterator[Broker]:
    cloud = await connect(broker.endpoint, lambda _: None)
    await cloud.ensure_stream(keep_bytes=10**8, keep_s=3600)
    yield cloud
    await cloud.close()


async def publish(cloud: Broker, *payloads: bytes, address: Address = GW_1) -> None:
    """Publish as an agent would."""
    for payload in payloads:
        await cloud.publish(address.subject("events"), payload)


async def until_it_says_so(reader: StreamReader) -> None:
    """Takes until the reader refuses."""
    for _ in range(int(PATIENCE_S / 0.05)):
        await reader.take(10, 0.1)


async def test_all_agents_of_a_site_are_in_one_partition(cloud: Broker) -> None:
    assert await partition_of(cloud, GW_1) == await partition_of(cloud, Address("demo", "gw-2"))


async def test_messages_come_in_order_from_the_position_on(cloud: Broker) -> None:
    partition = await partition_of(cloud, GW_1)
    await publish(cloud, *(b"%d" % number for number in range(3000)))
    reader = await cloud.read(partition, 0)
    taken: list[bytes] = []
    while len(taken) < 3001:
        taken += [message.payload for message in await reader.take(700, PATIENCE_S)]
    assert taken[1:] == [b"%d" % number for number in range(3000)]
    later = await cloud.read(partition, after=2998)
    assert [message.seq for message in await later.take(10, PATIENCE_S)][:1] == [2999]


async def test_a_reader_waits_for_what_comes_next(cloud: Broker) -> None:
    partition = await partition_of(cloud, GW_1)
    reader = await cloud.read(partition, after=1)
    assert await reader.take(10, 0.05) == []
    waiting = asyncio.create_task(reader.take(10, PATIENCE_S))
    await publish(cloud, b"now")
    assert [message.payload for message in await waiting] == [b"now"]


async def test_after_a_restart_of_the_broker_the_reader_says_that_it_must_be_opened_again(
    cloud: Broker, broker: Any
) -> None:
    partition = await partition_of(cloud, GW_1)
    reader = await cloud.read(partition, after=1)
    broker.restart()
    with pytest.raises(BrokerUnavailableError):
        await until_it_says_so(reader)
    for _ in range(int(PATIENCE_S / 0.05)):
        try:
            again = await cloud.read(partition, after=1)
            break
        except BrokerUnavailableError:
            await asyncio.sleep(0.05)
    await publish(cloud, b"after")
    assert [message.payload for message in await again.take(10, PATIENCE_S)] == [b"after"]


async def test_a_stream_keeps_its_identity_until_it_is_made_anew(cloud: Broker) -> None:
    first = await cloud.ensure_stream(keep_bytes=10**8, keep_s=3600)
    assert await cloud.ensure_stream(keep_bytes=10**7, keep_s=3600) == first


async def test_nobody_there_is_told_in_words(broker: Any) -> None:
    broker.child.stop()
    with pytest.raises(BrokerUnavailableError, match="can't connect to the broker at nats://127"):
        await connect(broker.endpoint, lambda _: None)
