"""The MQTT line: devices that publish by themselves, read over one connection to the site's broker.

Events come with QoS 1 into a session that the broker keeps while we are away, and are taken off it only once
they are on disk: what a reader handed to the broker outlives a restart of the agent.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec
import structlog

from edge import clock
from edge.errors import BrokerLost
from edge.mqtt import Endpoint, Message, MqttConnection, Session
from edge.pauses import Pauses
from edge.ports import Covered, Data, Failed, Happened, Observation, Sink
from edge.together import together
from edge.topicmap import Nonsense, Presence, Told, TopicMap

KEEPALIVE_S: Final = 2
LAG_MS: Final = (2 * KEEPALIVE_S + 1) * 1_000
"""A line that is dead shows after twice the keepalive at the latest: covered is what lies before that."""
REDELIVERY_MS: Final = 30_000
"""How long a broker may wait before it gives again what was on its way when we left; nats-server's `ack_wait`."""
_TICK_S: Final = 1.0
_REMEMBERED: Final = 256

log = structlog.get_logger("edge.drivers.mqtt")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An MQTT line: its id, its broker, and the name by which that knows our session."""

    id: str
    endpoint: Endpoint
    client_id: str


class _Device:
    """What the line knows of one of its devices. `begun`: since when it is known to be there."""

    def __init__(self, present: bool | None, buffers: bool) -> None:
        self.present = present
        self.buffers = buffers
        self.begun: int | None = None
        self.covered_to: int | None = None
        self.nonsense = False
        self.messages: deque[str] = deque(maxlen=_REMEMBERED)


class MqttDriver:
    """See `edge.ports.Driver`. `kept` waits until what was put to the sink is on disk."""

    def __init__(
        self,
        line: Line,
        topics: TopicMap,
        *,
        kept: Callable[[], Awaitable[None]],
        random_source: random.Random,
        buffering: frozenset[str] = frozenset(),
        remembered: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._line = line
        self._topics = topics
        self._kept = kept
        self._pauses = Pauses(0.5, 4.0, random_source)
        self._devices = {
            device: _Device(None if device in topics.tells_presence else True, device in buffering)
            for device in topics.devices
        }
        for device, message in remembered:
            if device in self._devices:
                self._devices[device].messages.append(message)
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
        await together(self._stay_connected(), self._acknowledge(), self._cover(sink))

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
        now = clock.boot_ms()
        for device in self._devices.values():
            device.begun = now + (REDELIVERY_MS if remembered else 0)
            if not remembered and not device.buffers:
                device.covered_to = None
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
        """Put what a message says to the sink; what it says twice only once."""
        said = self._topics.read(message.topic, message.payload, clock.boot_ms())
        match said:
            case Told() if not message.retained:
                self._on_event(said)
            case Presence():
                self._on_presence(said)
            case Nonsense():
                self._on_nonsense(said)
            case Told() | None:
                # A retained event is of nobody knows when; a topic that is none of ours came with a wildcard.
                pass
        if message.qos:
            self._to_acknowledge.append(message)
            self._arrived.set()

    def _put(self, *observations: Happened) -> None:
        if self._sink is not None:
            self._sink.put(observations)

    def _on_event(self, told: Told) -> None:
        device = self._devices[told.event.device]
        self._makes_sense(device, told.event.device)
        if told.once is None or told.once not in device.messages:
            self._put(told.event)
        if told.once is not None:
            device.messages.append(told.once)

    def _on_presence(self, said: Presence) -> None:
        device = self._devices[said.device]
        self._makes_sense(device, said.device)
        if said.online and not device.present:
            device.begun = clock.boot_ms()
        if not said.online and not device.buffers:
            device.covered_to = None
        device.present = said.online

    def _on_nonsense(self, said: Nonsense) -> None:
        device = self._devices[said.device]
        if not device.nonsense:
            device.nonsense = True
            self._tell_fault(said.device, {"state": "active", "why": said.why})

    def _makes_sense(self, device: _Device, name: str) -> None:
        if device.nonsense:
            device.nonsense = False
            self._tell_fault(name, {"state": "cleared"})

    def _tell_fault(self, device: str, data: Data) -> None:
        now = clock.boot_ms()
        self._put(Happened(device=device, type="device.fault", at=now, observed_at=now, data=data))

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

    # --- coverage

    async def _cover(self, sink: Sink) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            if said := self.look_around(clock.boot_ms()):
                sink.put(said)

    def look_around(self, now: int) -> list[Observation]:
        """What can be said at `now` of every device of the line: is it there, and up to when is all known."""
        covered: dict[tuple[int, int], list[str]] = {}
        failed: dict[str, list[str]] = {}
        for name, device in self._devices.items():
            if why := self._absent(device, now):
                failed.setdefault(why, []).append(name)
            elif span := _next_span(device, now):
                covered.setdefault(span, []).append(name)
        said: list[Observation] = [
            Failed(devices=tuple(names), at=now, why=why) for why, names in failed.items()
        ]
        return said + [Covered(devices=tuple(names), since=s, to=t) for (s, t), names in covered.items()]

    def _absent(self, device: _Device, now: int) -> str | None:
        """Why nothing is known of a device now; None when it is there or nobody can tell yet."""
        if self._connection is None:
            return "line down"
        if device.present is False:
            return "reader offline"
        silent = device.present is None and device.begun is not None and now - device.begun > 2 * LAG_MS
        return "no word of it yet" if silent else None


def _next_span(device: _Device, now: int) -> tuple[int, int] | None:
    to = now - LAG_MS
    if not device.present or device.begun is None or to < device.begun:
        return None
    since = device.begun if device.covered_to is None else device.covered_to
    device.covered_to = to
    return since, to
