"""The MQTT line: devices that publish by themselves, read over one connection to the site's broker.

Events come with QoS 1 into a session that the broker keeps while we are away, and are taken off it only once
they are on disk: what a reader handed to the broker outlives a restart of the agent.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog

from edge import clock
from edge.errors import BrokerLost
from edge.mqtt import Endpoint, Message, MqttConnection, Session
from edge.pauses import Pauses
from edge.ports import Observation, Refused, Sink
from edge.presence import LinePresence
from edge.together import together
from edge.topicmap import TopicMap

KEEPALIVE_S: Final = 2
_TICK_S: Final = 1.0

log = structlog.get_logger("edge.drivers.mqtt")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An MQTT line: its id, its broker, and the name by which that knows our session."""

    id: str
    endpoint: Endpoint
    client_id: str


class MqttDriver:
    """See `edge.ports.Driver`. `kept` waits until what was put to the sink is on disk."""

    def __init__(
        self,
        line: Line,
        topics: TopicMap,
        presence: LinePresence,
        *,
        kept: Callable[[], Awaitable[Refused]],
        random_source: random.Random,
    ) -> None:
        self._line = line
        self._topics = topics
        self._presence = presence
        self._kept = kept
        self._pauses = Pauses(0.5, 4.0, random_source)
        self._coming: MqttConnection | None = None
        self._connection: MqttConnection | None = None
        self._to_acknowledge: list[Message] = []
        self._arrived = asyncio.Event()
        self._session_refused = False
        self._lost_said = False
        self._sink: Sink | None = None

    async def run(self, sink: Sink) -> None:
        """See `Driver.run`."""
        self._sink = sink
        await together(self._stay_connected(), self._acknowledge(), self._look_around())

    # --- the connection

    async def _stay_connected(self) -> None:
        while True:
            try:
                await self._one_connection()
            except BrokerLost as error:
                if not self._lost_said:
                    log.warning("line down", action="line_down", line=self._line.id, why=str(error))
                self._lost_said = True
            finally:
                self._coming = self._connection = None
                self._presence.disconnected()
            await asyncio.sleep(self._pauses.next_s())

    async def _one_connection(self) -> None:
        session = Session(
            client_id=self._line.client_id, clean=self._session_refused, keepalive_s=KEEPALIVE_S
        )
        connection = await MqttConnection.connect(self._line.endpoint, session, self)
        self._coming = connection
        try:
            await connection.run()
        finally:
            connection.release()

    def on_connected(self, remembered: bool) -> None:
        """The line is up; what happened meanwhile is known where the broker kept it for us."""
        if self._coming is None:
            return
        self._connection = self._coming
        self._to_acknowledge.clear()
        most = 0 if self._session_refused else 1
        for wanted in self._topics.subscriptions:
            self._connection.subscribe([wanted.filter], min(wanted.qos, most))
        self._pauses.reset()
        self._presence.connected(clock.boot_ms(), remembered=remembered)
        if self._lost_said:
            log.info("line up", action="line_up", line=self._line.id)
        self._lost_said = False

    def on_delivered(self, mid: int) -> None:
        """Nothing is ever published on a field line."""

    def on_subscribed(self, refused: bool) -> None:
        """A broker that keeps no session for us is used without one."""
        if refused and not self._session_refused:
            log.warning("the broker keeps no session", action="session_refused", line=self._line.id)
            self._session_refused = True
            self._hang_up()
        elif refused:
            log.error("the broker denies a topic", action="topic_denied", line=self._line.id)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.hang_up()

    # --- messages

    def on_message(self, message: Message) -> None:
        """Put what a message says to the sink."""
        now = clock.boot_ms()
        for said in self._topics.read(message.topic, message.payload, now):
            self._put(self._presence.takes(said, now, retained=message.retained))
        if message.qos:
            self._to_acknowledge.append(message)
            self._arrived.set()

    def _put(self, observations: list[Observation]) -> None:
        if observations and self._sink is not None:
            self._sink.put(observations)

    async def _acknowledge(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            connection, done = self._connection, self._to_acknowledge
            self._to_acknowledge = []
            await self._kept()
            # A new connection gets the messages anew, under other numbers.
            if connection is not None and connection is self._connection:
                for message in done:
                    connection.acknowledge(message)

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._put(self._presence.look_around(clock.boot_ms()))
