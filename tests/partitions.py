"""Where the stream of the real broker keeps an agent's messages."""

import asyncio

from cloud.broker.client import Broker
from contract.topics import PARTITIONS, Address, captured_address
from tests.waiting import PATIENCE_S


async def partition_of(broker: Broker, address: Address) -> int:
    """The one partition in which a message of that agent turns up; the message is published for it.

    Raises:
        TimeoutError: It is captured nowhere.
    """
    await broker.publish(address.subject("events"), b"where")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for partition in range(PARTITIONS):
                reader = await broker.read(partition, 0)
                taken = await reader.take(10, 0.2)
                await reader.close()
                if any(captured_address(message.subject) == address for message in taken):
                    return partition
