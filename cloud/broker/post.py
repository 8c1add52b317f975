"""Commands, and what screens answer, on their way to the worker: published into the stream that carries everything else."""

import asyncio
import uuid

import msgspec
from typing_extensions import override

from cloud.broker.client import Broker, Endpoint, connect
from cloud.operations.command import DESK, Command
from cloud.operations.screen import SCREENS, Pulse
from cloud.web.post import Post
from contract.topics import Address


class BrokerPost(Post):
    """Connects when it is first needed, and again whenever that failed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._broker: Broker | None = None
        self._lock = asyncio.Lock()

    @override
    async def send(self, site: str, command: Command) -> None:
        await self._put(Address(site, DESK), msgspec.json.encode(command), command.id)

    @override
    async def tell(self, site: str, pulse: Pulse) -> None:
        await self._put(Address(site, SCREENS), msgspec.json.encode(pulse), str(uuid.uuid4()))

    async def _put(self, sender: Address, payload: bytes, identity: str) -> None:
        async with self._lock:
            if self._broker is None:
                self._broker = await connect(self._endpoint, lambda _: None)
        await self._broker.put(sender.subject("events"), payload, identity)

    async def close(self) -> None:
        """Disconnect."""
        if self._broker is not None:
            await self._broker.close()
