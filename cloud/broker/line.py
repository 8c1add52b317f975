"""The real broker as the worker's `Line`."""

from typing_extensions import override

from cloud.broker.client import Broker
from cloud.ingest.line import Line, Source


class BrokerLine(Line):
    """A connection with the limits of the capturing stream, which is made when it is not there."""

    def __init__(self, broker: Broker, keep_bytes: int, keep_s: float) -> None:
        self._broker = broker
        self._keep_bytes = keep_bytes
        self._keep_s = keep_s

    @override
    async def incarnation(self) -> str:
        return await self._broker.ensure_stream(self._keep_bytes, self._keep_s)

    @override
    async def read(self, partition: int, after: int) -> Source:
        return await self._broker.read(partition, after)

    @override
    async def publish(self, subject: str, payload: bytes) -> None:
        await self._broker.publish(subject, payload)
