"""MQTT devices by their profiles: the payloads that their own documentation shows, and what can go wrong."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.events import Quality
from contract.profile.load import load_profile
from contract.profile.model import MqttProfile
from contract.site import Binding, Device
from edge.ports import Measured, Observation
from edge.presence import LinePresence
from edge.topicmap import Nonsense, Presence, Told, TopicMap, Values
from tests.bus import PROFILES, events, kinds, readings

EUI = "24e124535b310001"
UPLINK = f"application/52f14cd4/device/{EUI}/event/up"
SHELLY = "shelly1minig3-54320464a1d0"


class Listener:
    """One device on an MQTT line, told its messages one after the other."""

    def __init__(self, profile: str, address: str, **points: dict[str, Any]) -> None:
        loaded = load_profile(PROFILES / f"{profile}.yaml")
        assert isinstance(loaded, MqttProfile)
        bindings = {name: Binding(**binding) for name, binding in points.items()}
        self.topics = TopicMap([(Device(id="dev", address=address, points=bindings), loaded)])
        self.presence = LinePresence(["dev"], with_presence=self.topics.tells_presence)
        self.presence.connected(0, remembered=False)
        self._now = 0

    def hears(self, topic: str, payload: object, *, retained: bool = False) -> list[Observation]:
        """What a message tells; each comes a second after the one before."""
        self._now += 1_000
        raw = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
        match self.topics.read(topic, raw, self._now):
            case Values() as said:
                return self.presence.values(said, self._now, retained=retained)
            case Told() as said:
                return [] if retained else self.presence.told(said)
            case Presence() as said:
                return self.presence.presence(said, self._now)
            case Nonsense() as said:
                return self.presence.nonsense(said, self._now)
        return []


def uplink(hex_bytes: str, number: str = "a") -> dict[str, Any]:
    return {
        "deduplicationId": number,
        "time": "2026-11-22T03:00:00.123456789+00:00",
        "deviceInfo": {"devEui": EUI},
        "fPort": 85,
        "data": base64.b64encode(bytes.fromhex(hex_bytes)).decode(),
    }


# --- Shelly


def test_a_shelly_input_is_told_in_the_sites_words_at_each_change() -> None:
    door = Listener("shelly-gen2", "shellyplus1-aabbcc", input_0={"on": "door.opened", "off": "door.closed"})
    topic = "shellyplus1-aabbcc/events/rpc"

    def status(state: bool) -> dict[str, Any]:
        return {"src": "shellyplus1-aabbcc", "method": "NotifyStatus", "params": {"input:0": {"id": 0, "state": state}}}  # fmt: skip

    assert [kinds(door.hears(topic, status(state))) for state in (False, True, True, False)] == [
        [],
        ["door.opened"],
        [],
        ["door.closed"],
    ]


def test_what_a_partial_update_of_a_shelly_does_not_tell_is_as_it_was() -> None:
    relay = Listener("shelly-gen2", SHELLY)
    topic = f"{SHELLY}/events/rpc"
    relay.hears(topic, {"method": "NotifyStatus", "params": {"input:0": {"id": 0, "state": True}}})
    published = {"src": SHELLY, "dst": f"{SHELLY}/events", "method": "NotifyStatus", "params": {"ts": 1736603810.49, "switch:0": {"id": 0, "output": False, "source": "HTTP_in"}}}  # fmt: skip
    seen = relay.hears(topic, published)
    assert (kinds(seen), readings(seen)["output_0"].value) == ([], 0)
    assert kinds(relay.hears(topic, {"method": "NotifyStatus", "params": {"input:0": {"state": False}}})) == [
        "input.off"
    ]


def test_other_messages_on_the_topic_of_a_shelly_are_none_of_ours() -> None:
    relay = Listener("shelly-gen2", SHELLY)
    assert relay.hears(f"{SHELLY}/events/rpc", {"method": "NotifyEvent", "params": {"events": []}}) == []


def test_a_change_while_the_shelly_was_away_is_dated_when_heard_and_says_so() -> None:
    relay = Listener("shelly-gen2", SHELLY)
    topic = f"{SHELLY}/events/rpc"
    relay.hears(topic, {"method": "NotifyStatus", "params": {"input:0": {"state": False}}})
    relay.hears(f"{SHELLY}/online", "false")
    (event,) = events(
        relay.hears(topic, {"method": "NotifyFullStatus", "params": {"input:0": {"state": True}}})
    )
    assert event.at == event.observed_at
    assert event.data["unseen_ms"] == 2_000


# --- Zigbee2MQTT, Tasmota


def test_a_zigbee_contact_that_is_true_is_closed() -> None:
    door = Listener("zigbee2mqtt-contact", "hall-door")
    first = {"battery": 100, "contact": False, "linkquality": 76, "temperature": 21, "voltage": 3015}
    seen = door.hears("zigbee2mqtt/hall-door", first)
    assert kinds(seen) == ["door.opened"]
    assert events(seen)[0].data["initial"] is True
    assert readings(seen)["battery_voltage"].value == 3.015
    assert kinds(door.hears("zigbee2mqtt/hall-door", {"contact": True})) == ["door.closed"]


def test_the_published_message_of_a_lock_reads_as_locked() -> None:
    lock = Listener("zigbee2mqtt-lock", "gate")
    published = {"action_source": 0, "action_source_name": "keypad", "action_user": 7, "auto_relock_time": 180, "battery": 98, "battery_low": False, "linkquality": 84, "lock_state": "locked", "state": "LOCK"}  # fmt: skip
    assert kinds(lock.hears("zigbee2mqtt/gate", published)) == []
    (event,) = events(lock.hears("zigbee2mqtt/gate", {"lock_state": "not_fully_locked"}))
    assert (event.type, event.data["lock"]) == ("gate.released", "not_fully_locked")


def test_a_word_that_nobody_knows_is_unknown_and_never_locked() -> None:
    lock = Listener("zigbee2mqtt-lock", "gate")
    lock.hears("zigbee2mqtt/gate", {"lock_state": "unlocked"})
    seen = lock.hears("zigbee2mqtt/gate", {"lock_state": "jammed"})
    assert kinds(seen) == ["device.fault"]
    assert "found 'jammed'" in str(events(seen)[0].data["why"])


def test_a_tasmota_switch_says_on_and_off_as_bare_words() -> None:
    switch = Listener("tasmota-switch", "pump")
    assert [kinds(switch.hears("stat/pump/POWER", word)) for word in ("OFF", "ON", "ON", "OFF")] == [
        [],
        ["input.on"],
        [],
        ["input.off"],
    ]
    assert kinds(switch.hears("stat/pump/POWER", "MAYBE")) == ["device.fault"]


def test_the_published_card_of_a_tasmota_reader_is_a_scan_and_its_telemetry_is_not() -> None:
    reader = Listener("tasmota-pn532", "tasmota")
    published = {"Time": "2019-01-10T18:23:24", "PN532": {"UID": "94D8FC5F", "DATA": ""}}
    (scan,) = events(reader.hears("tele/tasmota/SENSOR", published))
    assert (scan.type, scan.person) == ("checkpoint.scan", "94D8FC5F")
    assert reader.hears("tele/tasmota/SENSOR", {"Time": "2019-01-10T18:28:24"}) == []


def test_a_retained_scan_is_of_nobody_knows_when() -> None:
    reader = Listener("tasmota-pn532", "tasmota")
    assert reader.hears("tele/tasmota/SENSOR", {"PN532": {"UID": "94D8FC5F"}}, retained=True) == []


# --- Milesight behind ChirpStack


def test_a_press_is_a_scan_however_often_and_each_uplink_counts_once() -> None:
    button = Listener("milesight-ws101", EUI)
    first = button.hears(UPLINK, uplink("01 75 64 FF 2E 01", "a"))
    assert kinds(first) == ["checkpoint.scan"]
    assert events(first)[0].device_at == 1_795_316_400_123
    assert readings(first)["battery_level"].value == 100
    assert button.hears(UPLINK, uplink("01 75 64 FF 2E 01", "a")) == []
    assert kinds(button.hears(UPLINK, uplink("FF 2E 01", "b"))) == ["checkpoint.scan"]


def test_a_door_contact_tells_open_and_tamper() -> None:
    door = Listener("milesight-ws301", EUI)
    assert kinds(door.hears(UPLINK, uplink("03 00 00 04 00 00", "a"))) == []
    assert kinds(door.hears(UPLINK, uplink("03 00 01 04 00 00", "b"))) == ["door.opened"]
    assert kinds(door.hears(UPLINK, uplink("03 00 01 04 00 01", "c"))) == ["device.tamper"]


@pytest.mark.parametrize(
    ("data", "temperature", "humidity"), [("03 67 10 01 04 68 65", 27.2, 50.5), ("03 67 9C FF 04 68 00", -10.0, 0.0)]
)  # fmt: skip
def test_temperature_is_signed_and_humidity_in_halves(data: str, temperature: float, humidity: float) -> None:
    seen = readings(Listener("milesight-em300-th", EUI).hears(UPLINK, uplink(data)))
    assert (seen["temperature"].value, seen["humidity"].value) == (temperature, humidity)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("03 67 10", "temperature: the message ends within it"),
        ("77 01 00", "unknown channel and type 77 01 at byte 0"),
        ("03", "unknown channel and type 03 at byte 0"),
    ],
)
def test_bytes_that_no_field_describes_are_named(data: str, why: str) -> None:
    (fault,) = events(Listener("milesight-em300-th", EUI).hears(UPLINK, uplink(data)))
    assert fault.data["why"] == why


def test_a_number_beyond_all_reason_is_a_bad_reading_and_no_value() -> None:
    seen = Listener("milesight-em300-th", EUI).hears(UPLINK, uplink("03 67 FF 7F"))
    bad = readings(seen)["temperature"]
    assert (bad.value, bad.quality) == (None, Quality.BAD)
    assert kinds(seen) == ["device.fault"]


# --- ADAM, and whatever else comes in


def test_an_adam_tells_its_inputs_only_in_good_quality() -> None:
    module = Listener("advantech-adam6050-mqtt", "00D0C9EFDBBD")
    topic = "Advantech/00D0C9EFDBBD/data"
    assert module.hears(topic, {"s": 1, "q": 0, "di1": True}) == []
    assert module.hears(topic, {"s": 1, "q": 192, "di1": False}) == []
    assert kinds(module.hears(topic, {"s": 2, "q": 192, "di1": True})) == ["input.on"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(value=anything)
def test_any_value_of_a_contact_is_told_as_it_is_or_not_at_all(value: object) -> None:
    door = Listener("zigbee2mqtt-contact", "hall-door")
    seen = door.hears("zigbee2mqtt/hall-door", {"contact": value, "battery": value})
    said = value is False or value == "false"
    assert kinds(seen).count("door.opened") == said
    assert all(one.value is None or 0 <= one.value <= 100 for one in seen if isinstance(one, Measured))


@given(data=st.binary(max_size=40))
def test_any_bytes_of_a_sensor_are_read_without_failing(data: bytes) -> None:
    seen = Listener("milesight-em300-th", EUI).hears(UPLINK, uplink(data.hex()))
    assert all(one.value is None or -40 <= one.value <= 100 for one in seen if isinstance(one, Measured))
