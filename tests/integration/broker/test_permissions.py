"""The real broker lets an agent reach its own channels only (S18 at a size for every run)."""

import random
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from contract.topics import Address
from tests.waiting import PATIENCE_S

OWN = Address("demo", "gw-1")
OTHER = Address("demo", "gw-2")


@pytest.fixture(name="sign_in")
def signing_in(broker: Any, secrets: Callable[[str], str]) -> Callable[[str], "Client"]:
    def connect(who: str) -> Client:
        user = who if who == "cloud" else f"demo.{who}"
        return Client(broker.settings.mqtt_port, user, secrets(who)).ready()

    return connect


class Client:
    """A connected MQTT client that notes what it gets."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.got: list[str] = []
        self.refused = threading.Event()
        self._connected = threading.Event()
        self._subscribed = threading.Event()
        self.paho = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"test-{random.getrandbits(32)}")
        self.paho.username_pw_set(user, password)
        self.paho.on_connect = lambda *given: (self.refused if given[3].is_failure else self._connected).set()
        self.paho.on_subscribe = lambda *_: self._subscribed.set()
        self.paho.on_message = lambda _client, _data, message: self.got.append(message.topic)
        self.paho.connect("127.0.0.1", port)
        self.paho.loop_start()

    def ready(self) -> "Client":
        """Itself, once it is connected."""
        assert self._connected.wait(PATIENCE_S)
        return self

    def subscribe(self, topic: str) -> None:
        """Subscribe, and wait for the broker's answer, whatever it is."""
        self._subscribed.clear()
        self.paho.subscribe(topic, qos=0)
        assert self._subscribed.wait(PATIENCE_S)

    def publish(self, topic: str) -> None:
        """Publish at QoS 1 and wait for the acknowledgement, which a denied message gets too."""
        self.paho.publish(topic, b"x", qos=1).wait_for_publish(PATIENCE_S)

    def close(self) -> None:
        """Disconnect and end its thread."""
        self.paho.disconnect()
        self.paho.loop_stop()


def test_s18_an_agent_hears_only_its_own_answers(sign_in: Callable[[str], Client]) -> None:
    mine, theirs = sign_in("gw-1"), sign_in("gw-2")
    cloud = sign_in("cloud")
    cloud.subscribe("sitewarden/#")
    allowed = {OWN.topic("ack"), OWN.topic("time-reply"), OWN.topic("config")}
    chance = random.Random(18)
    parts = [
        "sitewarden",
        "v1",
        "demo",
        "gw-1",
        "gw-2",
        "events",
        "ack",
        "state",
        "+",
        "#",
        "$SYS",
        "$JS",
        "$MQTT",
    ]
    tried = {"/".join(chance.choices(parts, k=chance.randint(1, 5))).replace("#/", "+/") for _ in range(60)}
    for topic in [*sorted(tried - allowed), "#", "+/+", OTHER.topic("ack"), "$MQTT/#", "$SYS/#", "$JS/#"]:
        mine.subscribe(topic)
    for channel in ("events", "state", "time"):
        theirs.publish(OTHER.topic(channel))
    cloud.publish(OWN.topic("ack"))
    cloud.publish(OTHER.topic("ack"))
    mine.subscribe(OWN.topic("ack"))
    assert {OTHER.topic(channel) for channel in ("events", "state", "time")} <= set(cloud.got)
    assert mine.got == []
    cloud.publish(OWN.topic("ack"))
    mine.subscribe(OWN.topic("config"))
    assert mine.got == [OWN.topic("ack")]
    for client in (mine, theirs, cloud):
        client.close()


def test_s18_an_agent_can_not_speak_for_another(sign_in: Callable[[str], Client]) -> None:
    mine, theirs = sign_in("gw-1"), sign_in("gw-2")
    theirs.subscribe(OTHER.topic("ack"))
    mine.publish(OTHER.topic("ack"))
    mine.publish(OTHER.topic("events"))
    assert theirs.got == []
    mine.close()
    theirs.close()


def test_a_wrong_password_does_not_connect(broker: Any) -> None:
    stranger = Client(broker.settings.mqtt_port, "demo.gw-1", "some-other-secret")
    assert stranger.refused.wait(PATIENCE_S)
    stranger.close()
