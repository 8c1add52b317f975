"""The cloud's connection to the broker.

It is made once and mends itself; what is asked of it while it is down fails with `BrokerUnavailableError`.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import RetentionPolicy, StorageType, StreamConfig, SubjectTransform
from nats.js.errors import NotFoundError

from cloud.broker.reader import StreamReader
from cloud.errors import BrokerUnavailableError
from contract.topics import CAPTURE_PREFIX, PARTITIONS, STREAM

_CAPTURED = "sitewarden.v1.*.*.events"
_CONNECT_TIMEOUT_S = 5
_PUT_TIMEOUT_S = 3


class Endpoint(msgspec.Struct, frozen=True):
    """Where the broker is: `nats://host:port`, with a user and a password."""

    url: str
    user: str
    password: str


class Broker:
    """A connection to the broker and the capturing stream in it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stream = client.jetstream()

    async def ensure_stream(self, keep_bytes: int, keep_s: float) -> str:
        """The capturing stream is there, with these limits.

        Every batch that any agent publishes is kept in it under `sitewarden-up.{partition}.{site}.{agent}`, the
        partition being chosen by site; what is older than `keep_s` or more than `keep_bytes` is dropped.

        Returns:
            What names this incarnation of the stream: when it was made.

        Raises:
            BrokerUnavailableError: The broker does not answer.
        """
        config = stream_config(keep_bytes, keep_s)
        try:
            try:
                info = await self._stream.update_stream(config)
            except NotFoundError:
                info = await self._stream.add_stream(config)
        except (NatsError, TimeoutError, OSError) as error:
            raise BrokerUnavailableError(f"the broker does not answer: {error}") from error
        return str(info.created)

    async def read(self, partition: int, after: int) -> StreamReader:
        """A reader of one partition, from the message after stream position `after` on."""
        reader = StreamReader(self._client, partition, after)
        await reader.open()
        return reader

    async def publish(self, subject: str, payload: bytes) -> None:
        """Hand a message to the broker. It is not known whether anybody gets it.

        Raises:
            BrokerUnavailableError: The connection is down.
        """
        try:
            await self._client.publish(subject, payload)
        except (NatsError, OSError) as error:
            raise BrokerUnavailableError(f"can't publish: {error}") from error

    async def put(self, subject: str, payload: bytes, identity: str) -> None:
        """Put a message into the stream: it is durable once this returns, and stands there once for each `identity`.

        Raises:
            BrokerUnavailableError: It is not known whether it was taken.
        """
        try:
            await self._stream.publish(
                subject, payload, timeout=_PUT_TIMEOUT_S, headers={"Nats-Msg-Id": identity}
            )
        except (NatsError, TimeoutError, OSError) as error:
            raise BrokerUnavailableError(f"can't put into the stream: {error}") from error

    async def subscribe(
        self, subject: str, handle: Callable[[str, bytes], Awaitable[None]], queue: str = ""
    ) -> None:
        """Call `handle(subject, payload)` for each message; with `queue`, one of all that name it gets each."""

        async def on_message(message: Msg) -> None:
            await handle(message.subject, message.data)

        await self._client.subscribe(subject, queue=queue, cb=on_message)

    async def close(self) -> None:
        """Send what is waiting and disconnect."""
        await self._client.close()


def stream_config(keep_bytes: int, keep_s: float) -> StreamConfig:
    """The capturing stream: limits retention of its own, and no consumer state."""
    return StreamConfig(
        name=STREAM,
        subjects=[_CAPTURED],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        max_age=keep_s,
        max_bytes=keep_bytes,
        subject_transform=SubjectTransform(
            src=_CAPTURED,
            dest=f"{CAPTURE_PREFIX}.{{{{partition({PARTITIONS},1)}}}}.{{{{wildcard(1)}}}}.{{{{wildcard(2)}}}}",
        ),
    )


async def connect(endpoint: Endpoint, on_change: Callable[[str], None]) -> Broker:
    """A connection that reconnects by itself, for ever.

    `on_change` is told in words when the connection is lost and when it is back, once each.

    Raises:
        BrokerUnavailableError: Nobody answers there, or the login is refused.
    """

    async def lost() -> None:
        on_change("broker lost")

    async def back() -> None:
        on_change("broker back")

    async def ignored(_error: Exception) -> None:
        """Each failing attempt to reconnect comes here: it was told once as lost."""

    try:
        # With endless reconnecting the first attempt would be endless too.
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            client = await nats.connect(
                endpoint.url,
                user=endpoint.user,
                password=endpoint.password,
                connect_timeout=_CONNECT_TIMEOUT_S,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.5,
                disconnected_cb=lost,
                reconnected_cb=back,
                error_cb=ignored,
            )
    except (NatsError, TimeoutError, OSError) as error:
        raise BrokerUnavailableError(f"can't connect to the broker at {endpoint.url}: {error}") from error
    return Broker(client)
