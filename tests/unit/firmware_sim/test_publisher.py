"""A simulated device that publishes tells each thing once it can, by its own clock and count, as its profile says."""

import json
import urllib.parse
from typing import Any

import pytest

from contract.profile.expand import field_places
from contract.profile.load import load_profile
from contract.profile.model import HttpProfile, MqttProfile
from contract.site import Device
from edge.said import Call, Presence, Said, Told, Values
from edge.topicmap import TopicMap
from firmware_sim.device.publisher import KEPT_MOST, Message, Publisher
from tests.bus import PROFILES

NOW = 1_764_547_200_000
ONE, OTHER = "card:8812331", "card:8812332"
PUBLISHING = {
    path.stem: profile
    for path in sorted(PROFILES.glob("*.yaml"))
    if isinstance(profile := load_profile(path), MqttProfile | HttpProfile)
}


def reader(first: int = 1) -> Publisher:
    return Publisher(PUBLISHING["patrol-reader"], "north", first)


def read_by(topics: TopicMap, message: Message) -> tuple[Said, ...]:
    """What the agent reads of a message, by broker or by call."""
    path, mark, words = message.topic.partition("?")
    call = Call(message.method, dict(urllib.parse.parse_qsl(words))) if mark else None
    return topics.read(path, message.payload, 5, call)


def scans(messages: list[Message]) -> list[dict[str, Any]]:
    return [json.loads(message.payload) for message in messages]


def test_a_card_is_told_at_once_in_the_agreed_form() -> None:
    assert reader(17).update(NOW, {"card": ONE}) == [
        Message("patrol/north/scan", b'{"card":"card:8812331","t":1764547200000,"n":17}')
    ]


def test_a_card_is_told_once_and_counted() -> None:
    device = reader()
    device.update(NOW, {"card": ONE})
    assert device.update(NOW + 1, {}) == []
    assert scans(device.update(NOW + 2, {"card": ONE})) == [{"card": ONE, "t": NOW + 2, "n": 2}]


def test_what_was_read_without_a_network_is_told_later_with_the_time_of_the_scan() -> None:
    device = reader()
    assert device.update(NOW, {"online": False}) == []
    assert device.update(NOW + 10, {"card": ONE}) == []
    assert device.update(NOW + 20, {"card": OTHER}) == []
    assert scans(device.update(NOW + 30, {"online": True})) == [
        {"card": ONE, "t": NOW + 10, "n": 1},
        {"card": OTHER, "t": NOW + 20, "n": 2},
    ]


def test_a_reader_that_keeps_nothing_loses_what_it_read_without_a_network() -> None:
    device = reader()
    device.update(NOW, {"online": False, "keeps": False, "card": ONE})
    (told,) = scans(device.update(NOW + 1, {"online": True, "card": OTHER}))
    assert (told["card"], told["n"]) == (OTHER, 2)


def test_a_full_reader_forgets_its_oldest_scans() -> None:
    device = reader()
    device.update(NOW, {"online": False})
    for second in range(KEPT_MOST + 2):
        device.update(NOW + second, {"card": ONE})
    told = scans(device.update(NOW, {"online": True}))
    assert (len(told), told[0]["n"], told[-1]["n"]) == (KEPT_MOST, 3, KEPT_MOST + 2)


def test_a_clock_that_is_off_shows_in_the_stamp_only() -> None:
    device = reader()
    device.update(NOW, {"off_by_ms": -90_000})
    assert scans(device.update(NOW, {"card": ONE})) == [{"card": ONE, "t": NOW - 90_000, "n": 1}]


def test_copies_are_the_same_message_again() -> None:
    one, two, three = reader().update(NOW, {"copies": 3, "card": ONE})
    assert one == two == three


def test_an_input_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(KeyError, match="crad"):
        reader().update(NOW, {"crad": ONE})


@pytest.mark.parametrize("name", PUBLISHING)
def test_whatever_a_device_says_is_read_as_what_happened_to_it(name: str) -> None:
    profile = PUBLISHING[name]
    topics = TopicMap([(Device(id="d", address="a1"), profile)])
    device = Publisher(profile, "a1")
    said = 0
    for topic in profile.topics:
        if topic.type is not None:
            for message in device.update(NOW, {topic.type: ONE}):
                (read,) = read_by(topics, message)
                assert isinstance(read, Told)
                assert read.event.type == topic.type
                said += 1
        for place in field_places(profile, topic, Device(id="d"), "3" if topic.part else None):
            field, name = place.field, place.point.name
            value = float(max(field.codes.values())) if field.codes else min(field.max or 40.0, 40.0)
            if field.name == "history":
                continue
            (message,) = device.update(NOW, {name: value})
            (values,) = read_by(topics, message)
            assert isinstance(values, Values)
            assert {point.name: got.number for point, got in values.values}[name] == value
            said += 1
        if topic.availability is not None:
            bridge = "{address}" not in topic.topic and topic.address_at is None
            here = device.bridge(online=False) if bridge else device.presence(online=False)
            assert here is not None
            assert read_by(topics, here) == (Presence("d", online=False, bridge=bridge),)
    assert said
