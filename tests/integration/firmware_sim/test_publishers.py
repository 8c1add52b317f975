"""Simulated patrol readers speak MQTT with a real broker: scans, presence, last will, what was held back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contract.profile.load import load_profile
from contract.profile.model import MqttProfile
from firmware_sim.adapters.mqtt import Publishers
from firmware_sim.device.publisher import Publisher
from tests.bus import PROFILES

NOW = 1_764_547_200_000
ADDRESSES = {"cp-1": "north", "cp-2": "south"}
ONLINE = [("patrol/north/status", "online", False), ("patrol/south/status", "online", False)]


@pytest.fixture
def readers(broker: Any) -> Iterator[Publishers]:
    profile = load_profile(PROFILES / "patrol-reader.yaml")
    assert isinstance(profile, MqttProfile)
    connected = Publishers(broker.login, {name: Publisher(profile, at) for name, at in ADDRESSES.items()})
    yield connected
    connected.stop()


def scans(heard: list[tuple[str, str, bool]]) -> list[dict[str, Any]]:
    return [json.loads(payload) for topic, payload, _ in heard if topic.endswith("/scan")]


def test_readers_say_that_they_are_there_and_what_they_read(readers: Publishers, listen: Any) -> None:
    listener = listen()
    readers.start()
    assert sorted(listener.until(lambda heard: len(heard) == 2)) == ONLINE
    readers.update(NOW, "cp-1", {"card": "card:8812331"})
    assert listener.until(lambda heard: len(heard) == 1) == [
        ("patrol/north/scan", '{"card":"card:8812331","t":1764547200000,"n":1}', False)
    ]


def test_presence_is_retained_for_who_comes_later(readers: Publishers, listen: Any) -> None:
    listener = listen()
    readers.start()
    listener.until(lambda heard: len(heard) == 2)
    later = listen().until(lambda heard: len(heard) == 2)
    assert sorted(later) == [(topic, payload, True) for topic, payload, _ in ONLINE]


def test_a_reader_that_loses_its_network_is_told_off_by_its_last_will(
    readers: Publishers, listen: Any
) -> None:
    listener = listen()
    readers.start()
    listener.until(lambda heard: len(heard) == 2)
    readers.update(NOW, "cp-1", {"online": False})
    assert listener.until(lambda heard: len(heard) == 1) == [("patrol/north/status", "offline", False)]


def test_what_a_reader_read_without_a_network_comes_when_it_is_back(readers: Publishers, listen: Any) -> None:
    listener = listen()
    readers.start()
    listener.until(lambda heard: len(heard) == 2)
    readers.update(NOW, "cp-1", {"online": False})
    listener.until(lambda heard: len(heard) == 1)
    readers.update(NOW + 1_000, "cp-1", {"card": "a"})
    readers.update(NOW + 2_000, "cp-2", {"card": "b"})
    readers.update(NOW + 3_000, "cp-1", {"card": "c"})
    assert scans(listener.until(lambda heard: len(heard) == 1)) == [{"card": "b", "t": NOW + 2_000, "n": 1}]
    readers.update(NOW + 4_000, "cp-1", {"online": True})
    back = listener.until(lambda heard: len(heard) == 3)
    assert scans(back) == [
        {"card": "a", "t": NOW + 1_000, "n": 1},
        {"card": "c", "t": NOW + 3_000, "n": 2},
    ]
    assert ("patrol/north/status", "online", False) in back


def test_a_reader_can_be_cut_off_and_come_back_again_and_again(readers: Publishers, listen: Any) -> None:
    listener = listen()
    readers.start()
    listener.until(lambda heard: len(heard) == 2)
    for round_ in range(3):
        card = f"card:{round_}"
        readers.update(NOW, "cp-1", {"online": False})
        readers.update(NOW, "cp-1", {"online": True, "card": card})
        # QoS 1 may repeat an earlier scan whose acknowledgement was cut off
        wanted = {
            ("patrol/north/status", "online"),
            ("patrol/north/scan", f'{{"card":"{card}","t":{NOW},"n":{round_ + 1}}}'),
        }
        assert listener.until(lambda heard, wanted=wanted: wanted <= {message[:2] for message in heard})


def test_scans_outlive_a_broker_that_was_away(readers: Publishers, broker: Any, listen: Any) -> None:
    before = listen()
    readers.start()
    before.until(lambda heard: len(heard) == 2)
    broker.child.kill()
    readers.update(NOW, "cp-1", {"card": "a"})
    broker.restart()
    readers.update(NOW + 1, "cp-1", {"card": "b"})
    after = before.until(lambda heard: len(scans(heard)) >= 2)
    assert {scan["card"] for scan in scans(after)} == {"a", "b"}


def test_readers_sign_off_when_they_are_stopped(readers: Publishers, listen: Any) -> None:
    listener = listen()
    readers.start()
    listener.until(lambda heard: len(heard) == 2)
    readers.stop()
    assert sorted(listener.until(lambda heard: len(heard) == 2)) == [
        ("patrol/north/status", "offline", False),
        ("patrol/south/status", "offline", False),
    ]


def test_readers_stop_while_the_broker_is_away(readers: Publishers, broker: Any) -> None:
    broker.child.kill()
    readers.start()
    readers.update(NOW, "cp-1", {"card": "a"})
    readers.stop()
    assert not any(link._client.is_connected() for link in readers._links.values())
