"""Patrol readers on a real MQTT broker: one connection per reader, each with its own last will.

Scans go to `patrol/{address}/scan` with QoS 1, and `patrol/{address}/status` is retained: `online`, `offline`. A
reader that loses its network drops the connection without a word, so that its broker tells the last will.
"""

import contextlib
import errno
import socket
from collections.abc import Mapping
from typing import Final

import msgspec
import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from firmware_sim.device import Inputs
from firmware_sim.device.patrol_reader import PatrolReader

KEEPALIVE_S: Final = 10
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"

log = structlog.get_logger("firmware_sim.adapters.mqtt")


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """The broker that the readers publish to."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls: bool = False


class PatrolReaders:
    """The readers of a site, by device id, each with the address that it has in its topics.

    `first`: the number of each reader's first scan; it must be higher than any number given in an earlier run.
    """

    def __init__(self, broker: Broker, addresses: Mapping[str, str], first: int = 1) -> None:
        self._readers = {device: PatrolReader(first) for device in addresses}
        self._links = {device: _Link(broker, address) for device, address in addresses.items()}

    def start(self) -> None:
        """Connect all of them, and again whenever the broker was away; returns at once."""
        for link in self._links.values():
            link.start()

    def update(self, now: int, device: str, inputs: Inputs) -> None:
        """Something happens to a reader at `now` (ms since the epoch); see `PatrolReader`."""
        reader, link = self._readers[device], self._links[device]
        was_online = reader.online
        messages = reader.update(now, inputs)
        if was_online and not reader.online:
            link.lose_network()
        elif reader.online and not was_online:
            link.regain_network()
        for message in messages:
            link.scan(message)

    def stop(self) -> None:
        """Sign all of them off."""
        for link in self._links.values():
            link.sign_off()
        for link in self._links.values():
            link.join()


class _Link:
    """One reader's connection. paho's own thread keeps it up and holds unacknowledged scans (QoS 1).

    The thread runs from `start` to `join`: a callback that raised would end it, so they do next to nothing.
    """

    def __init__(self, broker: Broker, address: str) -> None:
        self._broker = broker
        self._topic = f"patrol/{address}"
        self._has_network = True
        self._refusal = ""
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"patrol-{address}")
        self._client.username_pw_set(broker.user, broker.password)
        self._client.will_set(f"{self._topic}/status", OFFLINE, qos=1, retain=True)
        self._client.reconnect_delay_set(1, 2)
        self._client.on_pre_connect = self._on_pre_connect
        self._client.on_connect = self._on_connect
        if broker.tls:
            self._client.tls_set()

    def start(self) -> None:
        self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_S)
        self._client.loop_start()

    def scan(self, message: bytes) -> None:
        self._client.publish(f"{self._topic}/scan", message, qos=1)

    def lose_network(self) -> None:
        """The broker hears nothing of it but the end of the connection."""
        self._has_network = False
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def regain_network(self) -> None:
        self._has_network = True

    def sign_off(self) -> None:
        if self._has_network:
            self._client.publish(f"{self._topic}/status", OFFLINE, qos=1, retain=True)
        self._client.disconnect()

    def join(self) -> None:
        """Wait for paho's thread, which has been told to end."""
        self._client.loop_stop()

    def _on_pre_connect(self, _client: paho.Client, _data: object) -> None:
        if not self._has_network:
            raise OSError(errno.ENETUNREACH, "the simulated reader has no network")  # paho tries again later

    def _on_connect(
        self,
        _client: paho.Client,
        _data: object,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: object,
    ) -> None:
        if not reason.is_failure:
            self._refusal = ""
            self._client.publish(f"{self._topic}/status", ONLINE, qos=1, retain=True)
        elif str(reason) != self._refusal:
            self._refusal = str(reason)
            log.warning(
                "the broker refuses a reader", action="reader_refused", topic=self._topic, why=self._refusal
            )
