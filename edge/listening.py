"""Listening to a device by hand: what it publishes or posts, with what the agent would tell of it. Nothing is kept or taken.

A broker gives a session of its own, so that the agent misses nothing. A device that posts is told to post again later
whatever tells something: what an engineer looked at is not lost.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from typing_extensions import override

from edge import clock
from edge.drivers.http import Doorway, HttpDriver
from edge.errors import LineLost
from edge.mqtt import Endpoint, Message, MqttConnection, Session
from edge.overheard import Overheard, overhear
from edge.ports import Failed, Happened, Measured, Observation, Refused, Services
from edge.posts import Post, Posts
from edge.presence import LinePresence
from edge.said import Call
from edge.topicmap import TopicMap

ALL_TOPICS: Final = "#"
_POST: Final = Call()


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A message or a call, and what the agent would tell of it. `retained`: the broker kept it, nobody knows since when.

    `method`: of a call over HTTP.
    """

    message: Overheard
    told: tuple[Observation, ...] = ()
    retained: bool = False
    method: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it is one of the device: a rule takes it, or would if it could be read."""
        return any(rule.is_ours for rule in self.message.rules)


Hear = Callable[[Heard], None]


class MqttListener:
    """Hears a device over a broker; see `edge.mqtt.Listener`. `is_up`: the broker let us in; `is_denied`: not to a topic."""

    def __init__(self, topics: TopicMap, cards: frozenset[str], hear: Hear) -> None:
        self._topics = topics
        self._hear = hear
        self._presence = LinePresence(topics.devices, signs=topics.signs, told_of=topics.told_of, cards=cards)
        self._connection: MqttConnection | None = None
        self.is_up = False
        self.is_denied = False

    async def run(self, endpoint: Endpoint) -> None:
        """Listen until cancelled.

        Raises:
            BrokerLost: The broker can't be reached, or does not let us in.
        """
        session = Session(client_id=f"sitewarden-probe-{clock.wall_ms()}")
        connection = await MqttConnection.connect(endpoint, session, self)
        self._connection = connection
        try:
            await connection.run()
        finally:
            connection.release()

    def listen_to_all(self) -> None:
        """Hear whatever the broker has, to see what there is."""
        if self._connection is not None and self.is_up:
            self._connection.subscribe([ALL_TOPICS], 0)

    def reach(self) -> str:
        """Why the agent would not know the device now; nothing where it would."""
        return _absence(self._presence.look_around(clock.boot_ms()))

    def on_connected(self, remembered: bool) -> None:
        """See `Listener.on_connected`."""
        self.is_up = True
        self._presence.connected(clock.boot_ms(), remembered=remembered)
        for wanted in self._topics.subscriptions:
            if self._connection is not None:
                self._connection.subscribe([wanted.filter], 0)

    def on_delivered(self, mid: int) -> None:
        """Nothing is ever published."""

    def on_subscribed(self, refused: bool) -> None:
        """See `Listener.on_subscribed`."""
        self.is_denied = self.is_denied or refused

    def on_message(self, message: Message) -> None:
        """See `Listener.on_message`."""
        now = clock.boot_ms()
        told = [
            seen
            for said in self._topics.read(message.topic, message.payload, now)
            for seen in self._presence.takes(said, now, retained=message.retained)
        ]
        heard = overhear(self._topics, message.topic, message.payload, now)
        self._hear(Heard(message=heard, told=tuple(told), retained=message.retained))


class PostListener:
    """Hears a device that posts, in the place of the agent."""

    def __init__(
        self, topics: TopicMap, silent_after: Mapping[str, int], cards: frozenset[str], hear: Hear
    ) -> None:
        self._posts = _ShownPosts(topics, silent_after, cards, hear)
        self._evidence: list[Observation] = []

    async def run(self, where: Doorway) -> None:
        """Listen until cancelled.

        Raises:
            LineLost: Somebody else listens there.
        """
        try:
            (
                await asyncio.start_server(lambda _reader, writer: writer.close(), where.host, where.port)
            ).close()
        except OSError as error:
            raise LineLost(str(error)) from error
        services = Services(
            kept=self._kept, recent=(), wall=clock.wall_ms, recall=_no_note, remember=_no_memory
        )
        await HttpDriver("probe", where, self._posts, services).run(self)

    def reach(self) -> str:
        """See `MqttListener.reach`."""
        return _absence(self._posts.look_around(clock.boot_ms()))

    def put(self, observations: Sequence[Observation]) -> None:
        """See `Sink.put`."""
        self._evidence = [seen for seen in observations if isinstance(seen, Happened | Measured)]

    async def _kept(self) -> Refused:
        """What tells something is not kept: its device is to post it again, to the agent. The rest is a greeting."""
        return Refused(self._evidence)


class _ShownPosts(Posts):
    """The posts of a line, each shown as it comes, also those that are for nobody."""

    def __init__(
        self, topics: TopicMap, silent_after: Mapping[str, int], cards: frozenset[str], hear: Hear
    ) -> None:
        super().__init__(topics, silent_after, (), cards)
        self._rules = topics
        self._hear = hear

    @override
    def expects(self, path: str, call: Call) -> bool:
        expected = super().expects(path, call)
        if not expected:
            self._show(path, b"", call, ())
        return expected

    @override
    def hears(self, path: str, body: bytes, now: int, call: Call = _POST) -> Post | None:
        post = super().hears(path, body, now, call)
        self._show(path, body, call, post.seen if post is not None else ())
        return post

    def _show(self, path: str, body: bytes, call: Call, told: Sequence[Observation]) -> None:
        query = "&".join(f"{name}={value}" for name, value in call.query.items())
        heard = overhear(self._rules, path, body, clock.boot_ms(), call)
        where = f"/{path}?{query}" if query else f"/{path}"
        shown = msgspec.structs.replace(heard, topic=where)
        self._hear(Heard(message=shown, told=tuple(told), method=call.method))


def _absence(seen: Sequence[Observation]) -> str:
    return next((str(one.why) for one in seen if isinstance(one, Failed)), "")


async def _no_note(_name: str) -> bytes | None:
    return None


async def _no_memory(_name: str, _note: bytes) -> None:
    pass
