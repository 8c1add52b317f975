"""One MQTT connection on the agent's own event loop, by paho without its thread.

With paho's network thread an exception in a callback ends the thread while `is_connected()` still says True
(eclipse-paho/paho.mqtt.python issues 894, 891, 704). Here paho reads and writes inside `MqttConnection.run`, so
whatever goes wrong in a callback ends `run` with that error, for its caller to see. A connection that ended is
not mended: a new one is made.
"""

import asyncio
import concurrent.futures
import contextlib
import socket
import ssl
import struct
import threading
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Final, Protocol, Self

import msgspec
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from edge.endpoints import nothing_else
from edge.errors import BrokerLost, SettingsError

KEEPALIVE_S: Final = 10
CONNECT_TIMEOUT_S: Final = 5.0
_MISC_S: Final = 1.0
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a broker listens and who we are to it. `ca_file`: whom to trust, by default the system's list."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """The endpoint that `mqtt://[user[:password]@]host[:port]` or `mqtts://…` writes.

        Raises:
            SettingsError: The text is no such URL.
        """
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or not _has_good_port(parts):
            raise SettingsError(f"expected a broker such as mqtt://host:1883, found {parts.scheme}://…")
        nothing_else(url, parts, "login", "place")
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            user=urllib.parse.unquote(parts.username) if parts.username else None,
            password=urllib.parse.unquote(parts.password) if parts.password else None,
        )


def _has_good_port(parts: urllib.parse.SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message from the broker. `retained`: the broker kept it, nobody knows how old it is."""

    topic: str
    payload: bytes
    mid: int = 0
    qos: int = 0
    retained: bool = False


class Will(msgspec.Struct, frozen=True):
    """What the broker tells others when we go without a word, by default also those who come later."""

    topic: str
    payload: bytes
    retain: bool = True


class Listener(Protocol):
    """Who is told what comes in; called on the event loop. What it raises ends the connection."""

    def on_connected(self, remembered: bool) -> None:
        """The broker let us in; `remembered`: it had kept our session."""

    def on_message(self, message: Message) -> None:
        """A message came in."""

    def on_delivered(self, mid: int) -> None:
        """The broker has taken what `publish` numbered so."""

    def on_subscribed(self, refused: bool) -> None:
        """The broker answered a subscription; `refused` when it did not grant all of it."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """How to present ourselves.

    `clean` False: the broker keeps QoS 1 messages for us while we are away, and a message is taken off it only
    when we `acknowledge` it. A dead connection shows after twice the keepalive.
    """

    client_id: str
    clean: bool = True
    keepalive_s: int = KEEPALIVE_S
    will: Will | None = None


class MqttConnection:
    """A connection that stands; made by `connect`, used while `run` runs, let go of by `close`."""

    def __init__(self, client: paho.Client, listener: Listener) -> None:
        self._client = client
        self._listener = listener
        self._wake = asyncio.Event()
        self._end = "the connection was closed"
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe

    @classmethod
    async def connect(cls, endpoint: Endpoint, session: Session, listener: Listener) -> Self:
        """A connection on its way up: `run` it, and the listener is told when it stands.

        Raises:
            BrokerLost: Nobody listens there.
        """
        client = _new_client(endpoint, session)
        connection = cls(client, listener)
        try:
            await _in_thread(lambda: client.connect(endpoint.host, endpoint.port, session.keepalive_s))
        except OSError as error:
            raise BrokerLost(f"can't reach {endpoint.host}:{endpoint.port}: {error}") from error
        return connection

    async def run(self) -> None:
        """Read and write until the connection ends.

        Raises:
            BrokerLost: It ended; the message says why.
            Exception: Whatever the listener raised.
        """
        sock = self._client.socket()
        if sock is None:
            raise BrokerLost(self._end)
        _linger(sock, on=False)
        loop, number = asyncio.get_running_loop(), sock.fileno()
        loop.add_reader(number, self._wake.set)
        writing = False
        try:
            while True:
                if writing != self._client.want_write():
                    writing = not writing
                    _ = loop.add_writer(number, self._wake.set) if writing else loop.remove_writer(number)
                await self._woken()
                self._step()
        finally:
            loop.remove_reader(number)
            loop.remove_writer(number)

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(_MISC_S):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def _step(self) -> None:
        for work in (self._read, self._client.loop_write, self._client.loop_misc):
            result = work()
            if result != paho.MQTT_ERR_SUCCESS:
                raise BrokerLost(f"{self._end} ({paho.error_string(result)})")

    def _read(self) -> MQTTErrorCode:
        result = self._client.loop_read()
        # What TLS has already decrypted does not make the socket readable.
        while result == paho.MQTT_ERR_SUCCESS and _pending(self._client.socket()):
            result = self._client.loop_read()
        return result

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> int:
        """Send a message; the number under which `on_delivered` tells of it."""
        info = self._client.publish(topic, payload, qos, retain)
        self._wake.set()
        return info.mid

    def subscribe(self, topics: Sequence[str], qos: int) -> None:
        """Ask for topics; `on_subscribed` tells the answer."""
        self._client.subscribe([(topic, qos) for topic in topics])
        self._wake.set()

    def acknowledge(self, message: Message) -> None:
        """Take a message off the broker; only for sessions that are not clean."""
        self._client.ack(message.mid, message.qos)
        self._wake.set()

    def close(self) -> None:
        """Take leave in order: the broker doesn't publish our will."""
        _linger(self._client.socket(), on=True)
        self._client.disconnect()
        self._wake.set()

    def hang_up(self) -> None:
        """End the connection without a word: `run` notices at once."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            self._wake.set()

    def release(self) -> None:
        """Let go of the socket, once `run` has ended; paho keeps it open where a callback failed."""
        if (sock := self._client.socket()) is not None:
            sock.close()

    # --- what paho calls, within `run`

    def _on_connect(self, _client: object, _data: object, flags: object, reason: object, *_: object) -> None:
        if getattr(reason, "is_failure", False):
            self._end = f"the broker refused us: {reason}"
        else:
            self._listener.on_connected(bool(getattr(flags, "session_present", False)))

    def _on_disconnect(
        self, _client: object, _data: object, _flags: object, reason: object, *_: object
    ) -> None:
        self._end = f"the connection ended: {reason}"

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self._listener.on_message(
            Message(
                topic=message.topic,
                payload=bytes(message.payload),
                mid=message.mid,
                qos=message.qos,
                retained=message.retain,
            )
        )

    def _on_publish(self, _client: object, _data: object, mid: int, *_: object) -> None:
        self._listener.on_delivered(mid)

    def _on_subscribe(
        self, _client: object, _data: object, _mid: int, reasons: Sequence[object], *_: object
    ) -> None:
        self._listener.on_subscribed(any(getattr(reason, "is_failure", False) for reason in reasons))


def _new_client(endpoint: Endpoint, session: Session) -> paho.Client:
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=session.client_id,
        clean_session=session.clean,
        reconnect_on_failure=False,
        manual_ack=not session.clean,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(100)
    if endpoint.user is not None:
        client.username_pw_set(endpoint.user, endpoint.password)
    if endpoint.tls:
        client.tls_set_context(ssl.create_default_context(cafile=endpoint.ca_file))
    if session.will is not None:
        client.will_set(session.will.topic, session.will.payload, qos=1, retain=session.will.retain)
    return client


def _linger(sock: object, *, on: bool) -> None:
    """Whether the kernel goes on sending what is in the buffers of a socket that was closed.

    What is sent over a slow line for a connection that was given up is in the way of the next one.
    """
    if not isinstance(sock, socket.socket):
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", not on, 0))


def _pending(sock: object) -> bool:
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


async def _in_thread(call: Callable[[], object]) -> None:
    """Run a call that may block for long in a thread that nobody waits for at the end of the process."""
    done: concurrent.futures.Future[None] = concurrent.futures.Future()

    def work() -> None:
        # From here on it can't be cancelled: whoever stopped waiting is not told.
        if not done.set_running_or_notify_cancel():
            return
        try:
            call()
        except (OSError, ValueError) as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=work, name="mqtt-connect", daemon=True).start()
    await asyncio.wrap_future(done)
