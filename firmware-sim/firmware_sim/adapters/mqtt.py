"""Simulated devices on a real MQTT broker: one connection per device, each with its own last will.

What they say goes out with QoS 1, what they say of being there is retained. A device that loses its network drops the
connection without a word, so that its broker tells the last will.
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
from firmware_sim.device.publisher import Message, Publisher

KEEPALIVE_S: Final = 10

log = structlog.get_logger("firmware_sim.adapters.mqtt")


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """The broker that the devices publish to."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls: bool = False


class Publishers:
    """The MQTT devices of a site, by device id."""

    def __init__(self, broker: Broker, devices: Mapping[str, Publisher]) -> None:
        self._devices = dict(devices)
        self._links = {name: _Link(broker, name, device) for name, device in devices.items()}

    def __contains__(self, device: str) -> bool:
        return device in self._devices

    def start(self) -> None:
        """Connect all of them, and again whenever the broker was away; returns at once."""
        for link in self._links.values():
            link.start()

    def update(self, now: int, device: str, inputs: Inputs) -> None:
        """Something happens to a device at `now` (ms since the epoch); see `Publisher`."""
        publisher, link = self._devices[device], self._links[device]
        was_online = publisher.online
        messages = publisher.update(now, inputs)
        if was_online and not publisher.online:
            link.lose_network()
        elif publisher.online and not was_online:
            link.regain_network()
        for message in messages:
            link.send(message)

    def stop(self) -> None:
        """Sign all of them off."""
        for link in self._links.values():
            link.sign_off()
        for link in self._links.values():
            link.join()


class _Link:
    """One device's connection. paho's own thread keeps it up and holds unacknowledged messages (QoS 1).

    The thread runs from `start` to `join`: a callback that raised would end it, so they do next to nothing.
    """

    def __init__(self, broker: Broker, name: str, device: Publisher) -> None:
        self._broker = broker
        self._name = name
        self._here = device.presence(online=True)
        self._bridge = device.bridge(online=True)
        self._gone = device.presence(online=False)
        self._has_network = True
        self._refusal = ""
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"sim-{name}")
        self._client.username_pw_set(broker.user, broker.password)
        if self._gone is not None:
            self._client.will_set(self._gone.topic, self._gone.payload, qos=1, retain=True)
        self._client.reconnect_delay_set(1, 2)
        self._client.on_pre_connect = self._on_pre_connect
        self._client.on_connect = self._on_connect
        if broker.tls:
            self._client.tls_set()

    def start(self) -> None:
        self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_S)
        self._client.loop_start()

    def send(self, message: Message | None) -> None:
        if message is not None:
            self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)

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
            self.send(self._gone)
        self._client.disconnect()

    def join(self) -> None:
        """Wait for paho's thread, which has been told to end."""
        self._client.loop_stop()

    def _on_pre_connect(self, _client: paho.Client, _data: object) -> None:
        if not self._has_network:
            raise OSError(errno.ENETUNREACH, "the simulated device has no network")  # paho tries again later

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
            self.send(self._bridge)
            self.send(self._here)
        elif str(reason) != self._refusal:
            self._refusal = str(reason)
            log.warning(
                "the broker refuses a device", action="device_refused", device=self._name, why=self._refusal
            )
