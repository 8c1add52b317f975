"""What the edge reads, published to other systems' brokers. It gets a copy; nothing of the agent waits for it."""

import asyncio
import random
import urllib.parse
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from edge import clock
from edge.errors import BrokerLost, SettingsError
from edge.mqtt import Endpoint, Message, MqttConnection, Session, Will
from edge.pauses import Pauses
from edge.ports import Observation
from edge.sharing.board import Board, Change, DeviceFace, Told
from edge.sharing.homeassistant import HomeAssistant
from edge.sharing.message import Form, Outgoing
from edge.sharing.sparkplug import Sparkplug
from edge.together import together

MOST_WAITING: Final = 10_000
"""Changes held for a broker that is slow; the oldest go first, since a newer value stands for them."""

log = structlog.get_logger("edge.drivers.sharing")

Wall = Callable[[], int]


def sharing(url: str, site: str, agent: str, faces: Mapping[str, DeviceFace], wall: Wall) -> "SharingDriver":
    """What a URL asks for: `homeassistant+mqtt://host:1883[/prefix]` or `sparkplug+mqtt://host:1883[/group]`.

    Raises:
        SettingsError: The URL has another form.
    """
    kind, _, rest = url.partition("+")
    path = urllib.parse.urlsplit(rest).path.strip("/")
    board = Board(faces)
    form: Form
    if kind == "homeassistant" and rest:
        form = HomeAssistant(site, agent, board, path or "homeassistant")
    elif kind == "sparkplug" and rest:
        form = Sparkplug(path or site, agent, board)
    else:
        raise SettingsError(
            f"expected homeassistant+mqtt://host:1883 or sparkplug+mqtt://host:1883/group, found {url!r}"
        )
    return SharingDriver(kind, Endpoint.parse(rest), f"sitewarden-{kind}-{site}-{agent}", board, form, wall)


class SharingDriver:
    """One system that reads along. See `edge.mqtt.Listener` for its callbacks."""

    def __init__(
        self, name: str, endpoint: Endpoint, client_id: str, board: Board, form: Form, wall: Wall
    ) -> None:
        self.name = name
        self._endpoint = endpoint
        self._client_id = client_id
        self._board = board
        self._form = form
        self._wall = wall
        self._waiting: deque[Change] = deque(maxlen=MOST_WAITING)
        self._more = asyncio.Event()
        self._pauses = Pauses(1.0, 30.0, random.SystemRandom())
        self._coming: MqttConnection | None = None
        self._connection: MqttConnection | None = None
        self._lost_said = False

    def put(self, seen: Sequence[Observation]) -> None:
        """See `edge.ports.Sink`."""
        if changes := self._board.take(seen):
            self._waiting.extend(changes)
            self._more.set()

    async def run(self) -> None:
        """Publish until cancelled, then take leave."""
        await together(self._stay_connected(), self._say())

    async def _stay_connected(self) -> None:
        while True:
            try:
                await self._one_connection()
            except BrokerLost as error:
                if not self._lost_said:
                    log.warning("out of reach", action="share_lost", share=self.name, why=str(error))
                self._lost_said = True
            finally:
                self._coming = self._connection = None
            await asyncio.sleep(self._pauses.next_s())

    async def _one_connection(self) -> None:
        last = self._form.connecting()
        will = Will(last.topic, last.payload, retain=last.retain)
        session = Session(client_id=self._client_id, will=will)
        connection = await MqttConnection.connect(self._endpoint, session, self)
        self._coming = connection
        try:
            await connection.run()
        except asyncio.CancelledError:
            self._send(self._form.leave(self._wall()))
            connection.close()
            raise
        finally:
            connection.release()

    async def _say(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting and self._connection is not None:
                self._send(self._form.says(self._waiting.popleft(), self._wall()))
                await asyncio.sleep(0)

    def _send(self, messages: list[Outgoing]) -> None:
        if self._connection is None:
            return
        for message in messages:
            self._connection.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)

    def on_connected(self, remembered: bool) -> None:  # noqa: ARG002 - clean sessions are never remembered
        """Everything is told anew, with what waited of readings; events are told behind it."""
        if self._coming is None:
            return
        self._connection = self._coming
        self._connection.subscribe(self._form.wanted, 0)
        events = [change for change in self._waiting if isinstance(change, Told)]
        self._waiting.clear()
        self._waiting.extend(events)
        self._more.set()
        self._send(self._form.begin(self._wall()))
        self._pauses.reset()
        self._lost_said = False
        log.info("shared", action="shared", share=self.name, at=clock.boot_ms())

    def on_message(self, message: Message) -> None:
        """The other system says something."""
        self._send(self._form.hears(message.topic, message.payload, self._wall()))

    def on_delivered(self, mid: int) -> None:
        """What others have taken, they have taken."""

    def on_subscribed(self, refused: bool) -> None:
        """Without the other system's word it is told less often anew."""
        if refused:
            log.warning("the broker denies a topic", action="topic_denied", share=self.name)
