"""One odd field, message or register blinds those that it belongs to, and nobody else."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.profile.load import load_profile
from contract.profile.model import HttpProfile, MqttProfile
from contract.site import Binding, Device
from edge.ports import Covered, Happened, Observation
from edge.posts import Posts
from edge.presence import LAG_MS, LinePresence
from edge.topicmap import TopicMap
from tests.bus import PROFILES, Hand, blind, events, on_site, shipped

MAC = "00d0c9f8a1b2"
DOORS = {f"di_{number}": f"gate-{number}" for number in range(1, 5)}
MODULE = Device(
    id="module",
    address=MAC,
    points={name: Binding(device=gate, on="door.opened", off="door.closed") for name, gate in DOORS.items()},
)
TOPIC = f"Advantech/{MAC}/data"
ODD = st.one_of(
    st.integers(2, 9),
    st.floats(),
    st.text(max_size=8).filter(
        lambda text: text.strip().lower() not in {"true", "false", "0", "1", "on", "off"}
    ),
    st.lists(st.booleans(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.booleans(), max_size=2),
)
GARBLED = st.binary(max_size=12).map(lambda raw: b"!" + raw)
VALUES = st.dictionaries(st.sampled_from(sorted(DOORS)), st.booleans() | ODD, max_size=4)


class OverMqtt:
    """The module publishes; what is covered of its doors comes a little later."""

    def __init__(self) -> None:
        profile = load_profile(PROFILES / "advantech-adam6050-mqtt.yaml")
        assert isinstance(profile, MqttProfile)
        self.topics = TopicMap([(MODULE, profile)])
        self.note: bytes | None = None
        self.restart()

    def restart(self) -> None:
        """The agent begins again, with its note."""
        self.line = LinePresence(self.topics.devices, signs=self.topics.signs, told_of=self.topics.told_of)
        self.line.recall("module", self.note)
        self.line.connected(0, remembered=False)

    def hears(self, payload: bytes, now: int) -> list[Observation]:
        seen = [
            one
            for said in self.topics.read(TOPIC, payload, now)
            for one in self.line.takes(said, now, retained=False)
        ]
        self.note = self.line.note("module")
        return [*seen, *self.line.look_around(now + LAG_MS)]


class OverHttp:
    """A program posts for the same module."""

    def __init__(self) -> None:
        profile = load_profile(PROFILES / "advantech-adam6050-mqtt.yaml")
        assert isinstance(profile, MqttProfile)
        made = HttpProfile(
            profile="posting",
            name=profile.name,
            topics=profile.topics,
            states=profile.states,
            silent_after="25h",
        )
        self.topics = TopicMap([(MODULE, made)])
        self.note: bytes | None = None
        self.restart()

    def restart(self) -> None:
        """See `OverMqtt.restart`."""
        self.posts = Posts(self.topics, {"module": 90_000_000})
        self.posts.recall_states("module", self.note)

    def hears(self, payload: bytes, now: int) -> list[Observation]:
        post = self.posts.hears(TOPIC, payload, now)
        assert post is not None
        self.note = post.states.get("module", self.note)
        return list(post.seen)


WAYS: Mapping[str, Callable[[], OverMqtt | OverHttp]] = {"mqtt": OverMqtt, "http": OverHttp}


def written(values: Mapping[str, Any]) -> bytes:
    return json.dumps({"s": 1, "q": 192, **{name.replace("_", ""): v for name, v in values.items()}}).encode()


def known(seen: Iterable[Observation]) -> set[str]:
    return {name for one in seen if isinstance(one, Covered) for name in one.devices}


def is_usable(value: object) -> bool:
    return isinstance(value, bool)


@pytest.mark.parametrize("way", WAYS)
@given(messages=st.lists(VALUES | GARBLED, max_size=12))
def test_a_door_is_known_unless_what_was_last_said_of_it_can_not_be_used(
    way: str, messages: list[dict[str, Any] | bytes]
) -> None:
    module, lost, is_open = WAYS[way](), set[str](), dict[str, bool]()
    module.hears(written(dict.fromkeys(DOORS, False)), 1_000)
    for number, said in enumerate(messages, 1):
        seen = module.hears(said if isinstance(said, bytes) else written(said), 1_000 + number * 10_000)
        if isinstance(said, bytes):
            lost = {"module", *DOORS.values()}
        else:
            lost.discard("module")
            for name, value in said.items():
                (lost.discard if is_usable(value) else lost.add)(DOORS[name])
                if is_usable(value):
                    is_open[DOORS[name]] = value
        assert known(seen) == {"module", *DOORS.values()} - lost
        assert blind(seen) == lost
        for one in seen:
            if isinstance(one, Happened) and one.type.startswith("door."):
                assert is_open[one.device] is (one.type == "door.opened")


def test_a_garbled_message_leaves_a_door_of_another_topic_known() -> None:
    """A lock tells of the door by one topic and of its log by another."""
    profile = load_profile(PROFILES / "advantech-adam6050-mqtt.yaml")
    assert isinstance(profile, MqttProfile)
    (topic, *others) = profile.topics
    inputs = {field.name: field for field in topic.fields}
    two = [
        msgspec.structs.replace(topic, topic=f"{number}/{{address}}", fields=(inputs[f"di_{number}"],))
        for number in (1, 2)
    ]
    topics = TopicMap([(MODULE, msgspec.structs.replace(profile, topics=(*two, *others)))])
    line = LinePresence(topics.devices, signs=topics.signs, told_of=topics.told_of)
    line.connected(0, remembered=False)

    def hears(number: int, payload: bytes, now: int) -> list[Observation]:
        for said in topics.read(f"{number}/{MAC}", payload, now):
            line.takes(said, now, retained=False)
        return line.look_around(now + LAG_MS)

    for number in (1, 2):
        hears(number, written({f"di_{number}": True}), 1_000)
    assert blind(hears(1, b"{", 11_000)) == {"module", "gate-1"}
    assert blind(hears(2, written({"di_2": True}), 21_000)) == {"module", "gate-1"}
    assert blind(hears(1, written({"di_1": True}), 31_000)) == set()


def test_a_door_that_moved_while_its_field_said_nothing_is_told_as_not_witnessed() -> None:
    module = OverMqtt()
    module.hears(written({"di_1": False, "di_2": False}), 1_000)
    module.hears(written({"di_1": "?", "di_2": False}), 11_000)
    seen = module.hears(written({"di_1": True, "di_2": True}), 21_000)
    opened, other = (one for one in events(seen) if one.type == "door.opened")
    assert (opened.device, opened.data["unseen_ms"]) == ("gate-1", 20_000)
    assert (other.device, "unseen_ms" in other.data) == ("gate-2", False)


@pytest.mark.parametrize(
    "odd",
    [
        b"NaN",
        b"nan",
        b"-inf",
        b"Infinity",
        b"1e999",
        b'"\xff\xfe"',
        b'"a\tb"',
        b'"\\ud800"',
        b"9" * 400,
        b'"nan"',
    ],
)
def test_a_value_that_json_does_not_have_spoils_no_other(odd: bytes) -> None:
    module = OverMqtt()
    module.hears(written({"di_1": False, "di_2": False}), 1_000)
    seen = module.hears(b'{"q":192,"di1":' + odd + b',"di2":true,"name":"nan or inf"}', 11_000)
    assert [one.device for one in events(seen) if one.type == "door.opened"] == ["gate-2"]
    assert blind(seen) == {"gate-1"}


PROBES = {f"temperature_{number}": f"joint-{number}" for number in range(1, 9)}


@given(st.lists(st.lists(st.integers(0, 0xFFFF), min_size=8, max_size=8), min_size=1, max_size=8))
def test_a_register_that_can_not_be_used_blinds_only_whom_it_is_of(reads: list[list[int]]) -> None:
    device = on_site(
        "eletechsup-pta8d08", unit=1, **{name: {"device": joint} for name, joint in PROBES.items()}
    )
    hand = Hand(shipped("eletechsup-pta8d08"), device)
    request = hand.request("temperature_1")
    for number, words in enumerate(reads):
        seen = hand.answers(request, words, 1_000 + number * 5_000)
        usable = {
            name for name, word in zip(PROBES.values(), words, strict=True) if word <= 2_500 or word >= 65_036
        }
        assert known(seen) & set(PROBES.values()) == usable
        assert blind(seen) == set(PROBES.values()) - usable


@pytest.mark.parametrize("way", WAYS)
@given(messages=st.lists(VALUES | GARBLED | st.none(), max_size=16))
def test_over_restarts_what_was_told_stands_as_at_the_device_and_nothing_begins_or_ends_twice(
    way: str, messages: list[dict[str, Any] | bytes | None]
) -> None:
    """None: a restart of the agent. Doors that are open, and faults of fields, as a reader of the events has them."""
    module, is_open, bad, told, garbled = WAYS[way](), dict[str, bool](), set[str](), set[str](), False
    for number, said in enumerate(messages, 1):
        if said is None:
            module.restart()
            continue
        if isinstance(said, bytes):
            garbled = True
        else:
            garbled = False
            is_open |= {DOORS[name]: value for name, value in said.items() if is_usable(value)}
            bad = bad - said.keys() | {name for name, value in said.items() if not is_usable(value)}
        for one in events(module.hears(said if isinstance(said, bytes) else written(said), number * 10_000)):
            name = f"{one.data.get('point', 'message')}" if one.type == "device.fault" else one.device
            ends = one.type == "door.closed" or one.data.get("state") == "cleared"
            assert (name in told) is ends, "it begins where it was not so, and ends where it was"
            (told.discard if ends else told.add)(name)
        assert told == {gate for gate, so in is_open.items() if so} | bad | (
            {"message"} if garbled else set()
        )
