"""MQTT messages of the field, and what can be wrong with them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.profile.model import MqttProfile
from contract.site import Device
from edge.said import Nonsense, Presence, Said, Told
from edge.topicmap import LONGEST_PAYLOAD, Subscription, TopicMap

READER = msgspec.convert(
    {
        "protocol": "mqtt",
        "profile": "patrol-reader",
        "emits": ["checkpoint.scan"],
        "topics": [
            {
                "topic": "patrol/{address}/scan",
                "type": "checkpoint.scan",
                "person": "card",
                "at": "t",
                "dedup": "n",
                "data": {"battery": "health.battery"},
            },
            {"topic": "patrol/{address}/status", "availability": {}},
        ],
    },
    MqttProfile,
)
PLAIN = msgspec.convert(
    {
        "protocol": "mqtt",
        "profile": "button",
        "emits": ["emergency.call"],
        "topics": [
            {"topic": "help-{address}/pressed", "type": "emergency.call", "at": "when", "at_unit": "s"},
            {
                "topic": "help-{address}/lwt",
                "availability": {"path": "state", "online": "up", "offline": "down"},
            },
        ],
    },
    MqttProfile,
)
TOPICS = TopicMap(
    [
        (Device(id="cp-1", address="r1"), READER),
        (Device(id="cp-2"), READER),
        (Device(id="help-1", address="7"), PLAIN),
    ]
)


def read(topic: str, payload: bytes, now: int) -> Said | None:
    said = TOPICS.read(topic, payload, now)
    assert len(said) <= 1
    return said[0] if said else None


SCAN = b'{"card":"card:88","t":1764547200000,"n":17,"health":{"battery":3.1}}'


def test_devices_of_one_kind_share_a_subscription_and_presence_costs_the_broker_nothing() -> None:
    assert TOPICS.subscriptions == [
        Subscription("help-7/lwt", 0),
        Subscription("help-7/pressed", 1),
        Subscription("patrol/+/scan", 1),
        Subscription("patrol/+/status", 0),
    ]


def test_a_scan_is_an_event_of_the_reader() -> None:
    told = read("patrol/r1/scan", SCAN, 5_000)
    assert isinstance(told, Told)
    event = told.event
    assert (event.device, event.type, event.person) == ("cp-1", "checkpoint.scan", "card:88")
    assert (event.at, event.observed_at, event.device_at) == (5_000, 5_000, 1_764_547_200_000)
    assert event.data == {"battery": 3.1, "message": "17"}


def test_the_same_number_with_another_stamp_is_another_message() -> None:
    same, other = SCAN, SCAN.replace(b"1764547200000", b"1764547260000")
    keys = [read("patrol/r1/scan", body, 0) for body in (SCAN, same, other)]
    assert all(isinstance(told, Told) for told in keys)
    assert keys[0] == keys[1]
    assert [told.once for told in keys if isinstance(told, Told)][1:] == [
        "17/1764547200000/card:88",
        "17/1764547260000/card:88",
    ]


def test_a_device_without_an_address_goes_by_its_id() -> None:
    told = read("patrol/cp-2/scan", SCAN, 0)
    assert isinstance(told, Told)
    assert told.event.device == "cp-2"


def test_stamps_in_seconds_are_understood() -> None:
    told = read("help-7/pressed", b'{"when":1764547200.5}', 0)
    assert isinstance(told, Told)
    assert (told.event.device_at, told.once) == (1_764_547_200_500, None)


def test_presence_is_a_word_or_a_field() -> None:
    assert read("patrol/r1/status", b"online\n", 0) == Presence("cp-1", online=True)
    assert read("patrol/r1/status", b"offline", 0) == Presence("cp-1", online=False)
    assert read("help-7/lwt", b'{"state":"down"}', 0) == Presence("help-1", online=False)


def test_what_came_with_a_wildcard_is_none_of_ours() -> None:
    assert read("patrol/r99/scan", SCAN, 0) is None


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "no JSON object"),
        (b"[1]", "n is missing"),
        (b'{"card":"c","n":1,"health":{"battery":1}}', "t is missing"),
        (b'{"card":"c","t":"noon","n":1,"health":{"battery":1}}', "t: expected a time"),
        (b'{"card":"c","t":true,"n":1,"health":{"battery":1}}', "t: expected a time"),
        (b'{"card":"c","t":1e300,"n":1,"health":{"battery":1}}', "t: expected a time"),
        (b'{"card":["c"],"t":1,"n":1,"health":{"battery":1}}', "card: expected a short text"),
        (b'{"card":"","t":1,"n":1,"health":{"battery":1}}', "card: expected a short text"),
        (b"[" * 10_000, "no JSON object"),
        (b'"' + b"x" * LONGEST_PAYLOAD + b'"', "bytes are too many"),
    ],
)
def test_nonsense_is_named(payload: bytes, why: str) -> None:
    found = read("patrol/r1/scan", payload, 0)
    assert isinstance(found, Nonsense)
    assert found.device == "cp-1"
    assert why in str(found.why)


@pytest.mark.parametrize(
    ("health", "why"), [(b"3", "health.battery is missing"), (b'{"battery":[1]}', "expected")]
)
def test_a_scan_of_a_reader_with_a_bad_battery_is_a_scan(health: bytes, why: str) -> None:
    found = read("patrol/r1/scan", b'{"card":"c","t":1,"n":1,"health":%s}' % health, 0)
    assert isinstance(found, Told)
    assert found.event.person == "c"
    assert why in str(found.bad["battery"])


def test_an_unknown_word_is_no_presence() -> None:
    assert isinstance(read("patrol/r1/status", b"maybe", 0), Nonsense)


@given(
    payload=st.binary(max_size=200),
    topic=st.sampled_from(["patrol/r1/scan", "patrol/r1/status", "help-7/lwt"]),
)
def test_whatever_comes_in_is_read_without_failing(payload: bytes, topic: str) -> None:
    assert isinstance(read(topic, payload, 0), Told | Presence | Nonsense)


@given(
    body=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.floats(allow_nan=False)
        | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["battery", "x"]), inner),
        max_leaves=4,
    ),
    field=st.sampled_from(["card", "t", "n", "health"]),
)
def test_any_value_in_any_field_is_read_without_failing(body: object, field: str) -> None:
    message = msgspec.json.decode(SCAN) | {field: body}
    assert isinstance(read("patrol/r1/scan", msgspec.json.encode(message), 0), Told | Nonsense)
