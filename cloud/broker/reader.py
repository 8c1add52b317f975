"""Reading one partition of the capturing stream in order, from a position that the caller keeps.

The consumer is ephemeral and acknowledges nothing: the position is committed with the data. Messages are pulled
through one subscription with requests kept ahead of need; the client library's own fetch does some 20,000
messages a second, this more than 100,000.
"""

import asyncio
import contextlib
import json
from typing import Final

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from cloud.errors import BrokerUnavailableError
from contract.topics import STREAM, capture_filter

_AHEAD: Final = 2_000
"""Messages asked for ahead of need."""
_REQUEST_EXPIRES_S: Final = 20
_IDLE_CONSUMER_S: Final = 300
_MAX_BYTES: Final = 32 * 1024 * 1024


class Message(msgspec.Struct, frozen=True, gc=False):
    """A captured message: `seq` is its position in the stream, `captured_at` when it got there, in ms."""

    subject: str
    payload: bytes
    seq: int
    captured_at: int


class GapInDeliveryError(BrokerUnavailableError):
    """A message of the stream did not reach us: open again from the last position."""


class StreamReader:
    """Takes messages of one partition in order. Opened by `Broker.read`."""

    def __init__(self, client: Client, partition: int, after: int) -> None:
        self._client = client
        self._filter = capture_filter(partition)
        self._after = after
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._inbox = client.new_inbox()
        self._next_subject = ""
        self._asked = 0
        self._delivered = 0
        self._reconnects = client.stats["reconnects"]

    async def open(self) -> None:
        """Make the consumer and start to listen.

        Raises:
            BrokerUnavailableError: The broker does not answer.
        """
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._after + 1,
            filter_subject=self._filter,
            inactive_threshold=_IDLE_CONSUMER_S,
            mem_storage=True,
        )
        try:
            info = await self._client.jetstream().add_consumer(STREAM, config)
            self._subscription = await self._client.subscribe(self._inbox, cb=self._queue.put)
        except (NatsError, TimeoutError, OSError) as error:
            raise BrokerUnavailableError(f"can't read the stream: {error}") from error
        self._next_subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{info.name}"

    async def take(self, most: int, wait_s: float) -> list[Message]:
        """What is there, up to `most` messages; waits up to `wait_s` for the first.

        Raises:
            BrokerUnavailableError: The connection is down, or a message was lost on the way; open again.
        """
        await self._ask()
        taken: list[Message] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not taken:
                    self._accept(await self._queue.get(), taken)
        while len(taken) < most and not self._queue.empty():
            self._accept(self._queue.get_nowait(), taken)
        return taken

    async def close(self) -> None:
        """Stop listening; the consumer goes by itself."""
        with contextlib.suppress(NatsError):
            await self._subscription.unsubscribe()

    async def _ask(self) -> None:
        if not self._client.is_connected or self._client.stats["reconnects"] != self._reconnects:
            raise BrokerUnavailableError("the connection to the broker is down, or was since this was opened")
        if self._asked > _AHEAD // 2:
            return
        request = {"batch": _AHEAD, "expires": _REQUEST_EXPIRES_S * 1_000_000_000, "max_bytes": _MAX_BYTES}
        try:
            await self._client.publish(self._next_subject, json.dumps(request).encode(), reply=self._inbox)
        except (NatsError, OSError) as error:
            raise BrokerUnavailableError(f"can't ask the stream: {error}") from error
        self._asked += _AHEAD

    def _accept(self, message: Msg, taken: list[Message]) -> None:
        if message.headers and "Status" in message.headers:
            self._request_ended(message.headers)
            return
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, ADR-15.
        parts = message.reply.split(".")
        position, count = int(parts[-4]), int(parts[-3])
        self._asked -= 1
        self._delivered += 1
        if count != self._delivered:
            raise GapInDeliveryError(f"message {self._delivered} of the consumer is missing, got {count}")
        captured_at = int(parts[-2]) // 1_000_000
        taken.append(Message(message.subject, message.data, position, captured_at))

    def _request_ended(self, headers: dict[str, str]) -> None:
        """A request ran out of time or bytes; any other status means that the consumer is gone (ADR-13)."""
        status, said = headers["Status"], headers.get("Description", "")
        if status != "408" and "MaxBytes" not in said and "Batch Completed" not in said:
            raise BrokerUnavailableError(f"the stream's consumer is gone: {status} {said}")
        self._asked -= int(headers.get("Nats-Pending-Messages", 0))
