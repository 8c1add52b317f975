"""A real broker with one user for the field line, and a listener on it."""

import itertools
import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from cloud.broker.config import BrokerSettings, FieldLogin, render
from firmware_sim.adapters.mqtt import Broker
from sitewarden.embedded.broker import start_broker
from sitewarden.embedded.ports import free_port
from sitewarden.embedded.process import Child
from tests.waiting import PATIENCE_S

USER, PASSWORD = "field", "a-long-secret-of-the-field"
PATROL = ("patrol/+/scan", "patrol/+/status")


class FieldBroker(msgspec.Struct):
    """A running broker, as the readers see it."""

    settings: BrokerSettings
    folder: Path
    login: Broker
    child: Child

    def restart(self) -> None:
        """Killed and started again on the same port."""
        self.child.kill()
        self.child = _start(self.settings, self.folder)


_NUMBERS = itertools.count()

Heard = tuple[str, str, bool]
"""Topic, payload, and whether it was retained."""


class Listener:
    """A client that hears everything of the patrol line."""

    def __init__(self, broker: Broker) -> None:
        self._heard: queue.Queue[Heard] = queue.Queue()
        self._ready: queue.Queue[None] = queue.Queue()
        name = f"listener-{next(_NUMBERS)}"
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        self._client.username_pw_set(broker.user, broker.password)
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in PATROL])
        self._client.on_subscribe = lambda *_: self._ready.put(None)
        self._client.on_message = lambda _client, _data, m: self._heard.put(
            (m.topic, m.payload.decode(), m.retain)
        )
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._ready.get(timeout=PATIENCE_S)

    def until(self, wanted: Callable[[list[Heard]], bool], timeout_s: float = PATIENCE_S) -> list[Heard]:
        """What it hears until that is what was wanted; raises `queue.Empty` when nothing comes for so long."""
        heard: list[Heard] = []
        while not wanted(heard):
            heard.append(self._heard.get(timeout=timeout_s))
        return heard

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[FieldBroker]:
    settings = BrokerSettings(
        store=str(tmp_path / "js"),
        cloud_password="a-long-secret-of-the-cloud",
        agents=(),
        field=[FieldLogin(USER, PASSWORD, PATROL)],
        nats_port=free_port(),
        mqtt_port=free_port(),
    )
    login = Broker(host="127.0.0.1", port=settings.mqtt_port, user=USER, password=PASSWORD)
    running = FieldBroker(settings, tmp_path, login, _start(settings, tmp_path))
    yield running
    running.child.stop()


def _start(settings: BrokerSettings, folder: Path) -> Child:
    return start_broker(render(settings), folder, (settings.nats_port, settings.mqtt_port))


@pytest.fixture
def listen(broker: FieldBroker) -> Iterator[Callable[[], Listener]]:
    """Opens listeners, and closes them in the end."""
    opened: list[Listener] = []

    def open_one() -> Listener:
        opened.append(Listener(broker.login))
        return opened[-1]

    yield open_one
    for listener in opened:
        listener.close()
