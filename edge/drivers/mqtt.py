"""The MQTT line: devices that publish by themselves, read over one connection to the site's broker.

Events come with QoS 1 into a session that the broker keeps while we are away, and are taken off it only once
they are on disk: what a reader handed to the broker outlives a restart of the agent.
"""

import asyncio
import random
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from edge import clock, receipts
from edge.errors import BrokerLost
from edge.mqtt import Endpoint, Message, MqttConnection, Session
from edge.pauses import Pauses
from edge.ports import Observation, Services, Sink
from edge.presence import LinePresence
from edge.receipts import Receipts
from edge.said import device_of
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


class _Visit(msgspec.Struct, frozen=True):
    """A connection, and the devices whose messages are given back: the next one brings them anew."""

    connection: MqttConnection
    given_back: set[str]


class _Unconfirmed(msgspec.Struct, frozen=True):
    """A message that is still on the broker, by what it came, and the notes of the devices that it is of.

    One of QoS 0 is on no broker: it waits only so that its notes are not on disk before what it told.
    """

    message: Message
    visit: "_Visit"
    notes: Mapping[str, bytes]
    pending: receipts.Pending


def _nothing() -> None:
    """There is nothing to undo."""


class MqttDriver:
    """See `edge.ports.Driver`."""

    def __init__(
        self,
        line: Line,
        topics: TopicMap,
        presence: LinePresence,
        *,
        services: Services,
        random_source: random.Random,
    ) -> None:
        self._line = line
        self._topics = topics
        self._presence = presence
        self._services = services
        self._receipts = Receipts(services.kept)
        self._noted: dict[str, bytes] = {}
        self._latest: dict[str, bytes] = {}
        self._pauses = Pauses(0.5, 4.0, random_source)
        self._coming: MqttConnection | None = None
        self._visit: _Visit | None = None
        self._unconfirmed: list[_Unconfirmed] = []
        self._is_refused = False
        self._arrived = asyncio.Event()
        self._session_refused = False
        self._lost_said = False
        self._sink: Sink | None = None

    async def run(self, sink: Sink) -> None:
        """See `Driver.run`."""
        self._sink = sink
        for device in self._topics.devices:
            self._presence.recall(device, await self._services.recall(f"states/{device}"))
        await together(self._stay_connected(), self._acknowledge(), self._look_around())

    # --- the connection

    async def _stay_connected(self) -> None:
        while True:
            try:
                await self._one_connection()
            except BrokerLost as error:
                if not (self._lost_said or self._is_refused):
                    log.warning("line down", action="line_down", line=self._line.id, why=str(error))
                    self._lost_said = True
            finally:
                self._coming = self._visit = None
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
        self._visit = _Visit(self._coming, set())
        most = 0 if self._session_refused else 1
        for wanted in self._topics.subscriptions:
            self._coming.subscribe([wanted.filter], min(wanted.qos, most))
        if not self._is_refused:
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
        if self._visit is not None:
            self._visit.connection.hang_up()

    # --- messages

    def on_message(self, message: Message) -> None:
        """Put what a message says to the sink."""
        visit = self._visit
        if visit is None or (visit.given_back and message.qos):
            return  # the connection ends, and the next one brings it anew
        now = clock.boot_ms()
        read = self._topics.read(message.topic, message.payload, now)
        devices = frozenset(device_of(said) for said in read)
        undo = self._presence.as_it_was(devices) if message.qos else _nothing
        seen = [one for said in read for one in self._presence.takes(said, now, retained=message.retained)]
        notes = {device: self._presence.note(device) for device in devices}
        if not message.qos and notes.items() <= self._latest.items():
            self._put(seen)
        elif self._sink is not None:
            self._latest |= notes
            content = receipts.Message((message.topic, message.payload), seen, undo)
            pending = self._receipts.put(self._sink, content)
            self._unconfirmed.append(_Unconfirmed(message, visit, notes, pending))
            self._arrived.set()

    def _put(self, observations: list[Observation]) -> None:
        if observations and self._sink is not None:
            self._sink.put(observations)

    async def _acknowledge(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            unconfirmed, self._unconfirmed = self._unconfirmed, []
            for one in unconfirmed:
                await self._settle(one)

    async def _settle(self, one: "_Unconfirmed") -> None:
        """Take a message off the broker once it is on disk.

        One that the disk refused stays there, with all that came after it of the same devices: the broker gives them
        anew, in order, to the next connection.
        """
        if not one.message.qos:
            if not (await one.pending.refused).any_of(one.pending.told):
                await self._remember(one.notes)
            return
        again = not one.visit.given_back.isdisjoint(one.notes)
        if await self._receipts.is_kept(one.pending, again=again):
            self._is_refused = False
            await self._remember(one.notes)
            # A new connection gets the messages anew, under other numbers.
            if one.visit is self._visit:
                one.visit.connection.acknowledge(one.message)
        elif not again:
            self._give_back(one)

    async def _remember(self, notes: Mapping[str, bytes]) -> None:
        """Note what is so of devices, now that what tells of it is on disk."""
        for device, note in notes.items():
            if self._noted.get(device) != note:
                self._noted[device] = note
                await self._services.remember(f"states/{device}", note)

    def _give_back(self, one: _Unconfirmed) -> None:
        """Undone is what all its devices said since, on whatever connection."""
        if not self._is_refused:
            log.error("the disk refused a message, the broker keeps it", action="refused", line=self._line.id)
        self._is_refused = True
        one.visit.given_back.update(one.notes)
        if self._visit is not None:
            self._visit.given_back.update(one.notes)
            self._visit.connection.close()

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            if self._visit is not None and self._visit.given_back:
                continue  # what is given back is not known
            self._put(self._presence.look_around(clock.boot_ms()))
