"""MQTT devices by their profiles: the payloads that their own documentation shows, and what can go wrong."""

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.causes import Cause, because
from contract.events import Quality
from contract.profile.load import load_profile
from contract.profile.model import MqttProfile
from contract.site import Binding, Device
from edge.decode.body import number
from edge.ports import Covered, Measured, Observation
from edge.presence import LinePresence
from edge.said import Nonsense, Values
from edge.topicmap import TopicMap
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
        self.presence = LinePresence(
            ["dev"],
            signs=self.topics.signs,
        )
        self.presence.connected(0, remembered=False)
        self._now = 0

    def hears(self, topic: str, payload: object, *, retained: bool = False) -> list[Observation]:
        """What a message tells; each comes a second after the one before."""
        self._now += 1_000
        raw = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
        return [
            seen
            for said in self.topics.read(topic, raw, self._now)
            for seen in self.presence.takes(said, self._now, retained=retained)
        ]


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
        ("03 67 10", "the message ends within it"),
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


# --- each value by itself


def covered(line: Listener) -> bool:
    """Whether the device is known some time after its last message."""
    seen = line.presence.look_around(1_000_000)
    return any(isinstance(one, Covered) and "dev" in one.devices for one in seen)


def test_a_bad_battery_beside_a_good_contact_blinds_nobody() -> None:
    door = Listener("zigbee2mqtt-contact", "door-bat")
    door.hears("zigbee2mqtt/bridge/state", "online")
    door.hears("zigbee2mqtt/door-bat/availability", "online")
    seen = door.hears("zigbee2mqtt/door-bat", {"contact": False, "battery": 200})
    assert kinds(seen) == ["door.opened", "device.fault"]
    assert events(seen)[1].data == {
        "state": "active",
        "point": "battery_level",
        **because(Cause.OUT_OF_RANGE).data,
    }
    assert covered(door)
    assert kinds(door.hears("zigbee2mqtt/door-bat", {"contact": True, "battery": 201})) == ["door.closed"]
    over = door.hears("zigbee2mqtt/door-bat", {"battery": 100})
    assert [event.data for event in events(over)] == [{"state": "cleared", "point": "battery_level"}]


@pytest.mark.parametrize("bad", [200, "full", [1], {"a": 1}, 1e300, -1])
@pytest.mark.parametrize("field", ["battery", "voltage", "temperature", "linkquality"])
def test_no_number_of_a_contact_makes_its_door_unknown(field: str, bad: object) -> None:
    door = Listener("zigbee2mqtt-contact", "d")
    door.hears("zigbee2mqtt/bridge/state", {"state": "online"})
    door.hears("zigbee2mqtt/d/availability", {"state": "online"})
    assert "door.opened" in kinds(door.hears("zigbee2mqtt/d", {field: bad, "contact": False}))
    assert covered(door)


def test_a_door_whose_own_state_is_nonsense_is_not_known_until_it_makes_sense() -> None:
    door = Listener("zigbee2mqtt-contact", "d")
    door.hears("zigbee2mqtt/bridge/state", "online")
    door.hears("zigbee2mqtt/d/availability", "online")
    door.hears("zigbee2mqtt/d", {"contact": "ajar", "battery": 100})
    assert not covered(door)
    door.hears("zigbee2mqtt/d", {"contact": True})
    assert covered(door)


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize(("bridge", "own", "known"), [("online", "online", True), ("offline", "online", False), ("online", "offline", False)])  # fmt: skip
def test_a_device_behind_a_bridge_is_there_when_both_are(
    bare: bool, bridge: str, own: str, known: bool
) -> None:
    door = Listener("zigbee2mqtt-contact", "d")
    for topic, word in (("zigbee2mqtt/bridge/state", bridge), ("zigbee2mqtt/d/availability", own)):
        door.hears(topic, word if bare else {"state": word})
    door.hears("zigbee2mqtt/d", {"contact": True})
    assert covered(door) is known


def test_a_bridge_that_goes_takes_all_behind_it_along() -> None:
    door = Listener("zigbee2mqtt-contact", "d")
    door.hears("zigbee2mqtt/bridge/state", "online")
    door.hears("zigbee2mqtt/d/availability", "online")
    door.hears("zigbee2mqtt/d", {"contact": True})
    assert covered(door)
    door.hears("zigbee2mqtt/bridge/state", {"state": "offline"})
    assert not covered(door)


# --- numbers in every form


def test_a_new_item_behind_those_that_are_known_is_left_out() -> None:
    door = Listener("milesight-ws301", EUI)
    assert kinds(door.hears(UPLINK, uplink("01 75 64 03 00 01 99 77 01 02", "a"))) == ["door.opened"]
    assert covered(door)
    assert kinds(door.hears(UPLINK, uplink("FF 0B FF FF 01 01 03 00 00 04 00 00", "b"))) == ["door.closed"]


def test_the_published_bytes_of_a_people_counter_hold_two_numbers_in_one_item() -> None:
    counter = Listener("milesight-vs350", EUI)
    seen = readings(counter.hears(UPLINK, uplink("04CC12001600 05CC13001400", "a")))
    assert {name: one.value for name, one in seen.items()} == {
        "people_in": 18,
        "people_out": 22,
        "period_in": 19,
        "period_out": 20,
    }
    both = readings(counter.hears(UPLINK, uplink("8367360101 017564 03670C01", "b")))
    assert (both["temperature"].value, both["battery_level"].value) == (26.8, 100)


def test_the_published_message_of_a_three_phase_meter_is_read_phase_by_phase() -> None:
    meter = Listener("tasmota-energy-3p", "meter")
    published = {"Time": "2025-02-16T21:28:28", "ENERGY": {"TotalStartTime": "2024-08-14T20:17:44", "Total": 0, "Yesterday": 0, "Today": 0, "Power": [1, 0, 0], "ApparentPower": [5, 0, 0], "ReactivePower": [5, 0, 0], "Factor": [0.16, 0, 0], "Frequency": [50, 50, 50], "Voltage": [230, 230, 231], "Current": [0.022, 0, 0]}}  # fmt: skip
    seen = readings(meter.hears("tele/meter/SENSOR", published))
    found = [seen[name].value for name in ("voltage_l1", "voltage_l3", "active_power_l1", "current_l1")]
    assert (found, seen["frequency"].value, seen["power_factor_l1"].value) == (
        [230, 231, 0.001, 0.022],
        50,
        0.16,
    )
    assert readings(meter.hears("tele/meter/SENSOR", {"ENERGY": {"Voltage": [229]}})).keys() == {"voltage_l1"}


@pytest.mark.parametrize(("said", "value"), [("21.5", 21.5), (" -3 ", -3), ('"7.25"', 7.25), ("1e1", 10)])
def test_a_sensor_that_says_a_bare_number_is_read(said: str, value: float) -> None:
    sensor = Listener("shelly-ht-gen1", "shellyht-F3B8A2")
    seen = readings(sensor.hears("shellies/shellyht-F3B8A2/sensor/temperature", said))
    assert seen["temperature"].value == value


@pytest.mark.parametrize("said", ["", "nan", "inf", "21,5", "unavailable", "0x15", "999"])
def test_what_is_no_number_is_a_bad_reading_with_its_reason(said: str) -> None:
    sensor = Listener("shelly-ht-gen1", "s")
    seen = sensor.hears("shellies/s/sensor/temperature", said)
    assert readings(seen)["temperature"].quality is Quality.BAD
    assert events(seen)[0].data["point"] == "temperature"


PANEL: dict[str, Any] = {
    "protocol": "mqtt",
    "profile": "panel",
    "emits": ["fire.alarm", "fire.reset"],
    "states": {"smoke": [{"name": "fire", "mask": "1", "in": [1], "on": "fire.alarm", "off": "fire.alarm"}]},
}


def panel(topic: dict[str, Any], *addresses: str) -> TopicMap:
    profile = msgspec.convert({**PANEL, "topics": [topic]}, MqttProfile)
    return TopicMap([(Device(id=f"d{one}", address=one), profile) for one in addresses])


def numbers(topics: TopicMap, topic: str, payload: object) -> dict[tuple[str, str], float | None]:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return {
        (said.device, point.name): value.number
        for said in topics.read(topic, raw, 1)
        if isinstance(said, Values)
        for point, value in said.values
    }


def test_a_nested_list_of_parts_is_read_part_by_part() -> None:
    topics = panel(
        {
            "topic": "p/{address}",
            "list_at": "loops.0.detectors",
            "part": "id",
            "fields": [{"name": "smoke_{part}", "path": "smoke", "states": "smoke"}],
        },
        "1",
    )
    body = {"loops": [{"detectors": [{"id": "3-12", "smoke": 1}, {"id": 7, "smoke": "0"}, {"smoke": 1}]}]}
    assert numbers(topics, "p/1", body) == {("d1", "smoke_3_12"): 1, ("d1", "smoke_7"): 0}
    (bad,) = [said for said in topics.read("p/1", json.dumps(body).encode(), 1) if isinstance(said, Nonsense)]
    assert bad.why == because(Cause.MISSING, at="id")
    (first, _) = [
        said for said in topics.read("p/1", json.dumps(body).encode(), 1) if isinstance(said, Values)
    ]
    assert first.values[0][0].told.data == {"part": "3-12", "point": "smoke_3_12"}


def test_a_list_at_the_top_may_be_of_several_devices() -> None:
    topics = panel({"topic": "gw/all", "list_at": "", "address_at": "dev", "fields": [{"name": "t", "path": "v"}]}, "a", "b")  # fmt: skip
    body = [{"dev": "a", "v": 1}, {"dev": "b", "v": "2.5"}, {"dev": "c", "v": 3}]
    assert numbers(topics, "gw/all", body) == {("da", "t"): 1, ("db", "t"): 2.5}


@pytest.mark.parametrize(
    ("field", "said", "value"),
    [
        ({"path": "0.v"}, [{"v": 4}], 4),
        ({"path": "x", "mask": "0xFFFF0000"}, {"x": 0x0012_0034}, 0x12),
        ({"path": "x", "mask": "0xF0", "signed": True}, {"x": 0xF7}, -1),
        ({"path": "x", "text": "comma"}, {"x": "1.234,5"}, 1234.5),
        ({"path": "x", "text": "hex"}, {"x": "0x1F"}, 31),
        ({"path": "x", "pattern": r"([-\d.]+) *°C"}, {"x": "now 21.5 °C"}, 21.5),
        ({"path": "1-0:1.7.0"}, {"1-0:1.7.0": "230.1"}, 230.1),
        ({"path": "a.b.2"}, {"a": {"b": [1, 2, "3"]}}, 3),
    ],
)
def test_a_number_is_found_however_it_is_written(field: dict[str, Any], said: object, value: float) -> None:
    topics = panel({"topic": "s/{address}", "fields": [{"name": "v", **field}]}, "1")
    assert numbers(topics, "s/1", said) == {("d1", "v"): value}


def test_numbers_at_fixed_places_in_bytes_are_read_by_themselves() -> None:
    fields = [
        {"name": "a", "bytes": {"at": 0, "size": 2}},
        {"name": "b", "bytes": {"at": 2, "size": 3, "order": "little", "signed": True}},
        {"name": "c", "bytes": {"at": 5, "size": 6}},
    ]
    raw = bytes.fromhex("0102 FEFFFF 010203040506")
    topics = panel({"topic": "b/{address}", "bytes_at": "", "bytes_as": "raw", "fields": fields}, "1")
    known = {("d1", "a"): 0x102, ("d1", "b"): -2, ("d1", "c"): 0x010203040506}
    assert numbers(topics, "b/1", raw) == known
    assert numbers(topics, "b/1", raw[:6]).keys() == {("d1", "a"), ("d1", "b")}
    for written, value in (("hex", raw.hex()), ("base64", base64.b64encode(raw).decode())):
        topics = panel({"topic": "b/{address}", "bytes_at": "d", "bytes_as": written, "fields": fields}, "1")
        assert numbers(topics, "b/1", {"d": value}) == known


@pytest.mark.parametrize(("value", "expected"), [(True, 1), (False, 0)])
def test_true_and_false_are_numbers_where_a_reading_is_wanted(value: bool, expected: int) -> None:
    """A row of readings that held `true` could not be read again, and was lost."""
    found = number(value, "temperature")
    assert found == expected
    assert not isinstance(found, bool)
