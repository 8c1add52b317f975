"""What other systems read along: Home Assistant's discovery, and Sparkplug decoded by protobuf itself."""

import json
from typing import Any

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from contract.causes import Cause, because
from edge.ports import Covered, Failed, Happened, Measured, Observation
from edge.sharing.board import Board, DeviceFace
from edge.sharing.homeassistant import HomeAssistant
from edge.sharing.message import Outgoing
from edge.sharing.sparkplug import Sparkplug

FACES = {
    "ups": DeviceFace(
        name="UPS room", profile="xy-md02", emits=("device.fault",), units={"temperature": "°C"}
    )
}
NOW = 1_764_547_200_000


def board(*seen: Observation) -> Board:
    made = Board(FACES)
    made.take(seen)
    return made


def there() -> Covered:
    return Covered(devices=("ups", "strange"), since=0, to=1)


def warm(value: float | None = 21.5, device: str = "ups") -> Measured:
    return Measured(device=device, point="temperature", at=1, value=value)


def by_topic(messages: list[Outgoing]) -> dict[str, Any]:
    return {message.topic: message.payload.decode() for message in messages}


# --- Home Assistant


def test_home_assistant_learns_of_devices_sensors_and_the_last_of_everything() -> None:
    said = by_topic(HomeAssistant("s1", "gw", board(there(), warm())).begin(NOW))
    assert said["sitewarden/s1/gw/status"] == "online"
    assert said["sitewarden/s1/ups/online"] == "online"
    assert said["sitewarden/s1/ups/temperature"] == "21.5"
    assert json.loads(said["homeassistant/sensor/s1_ups/temperature/config"]) == {
        "name": "temperature",
        "stat_t": "sitewarden/s1/ups/temperature",
        "stat_cla": "measurement",
        "unit_of_meas": "°C",
        "dev_cla": "temperature",
        "uniq_id": "s1_ups_temperature",
        "avty": [{"t": "sitewarden/s1/gw/status"}, {"t": "sitewarden/s1/ups/online"}],
        "avty_mode": "all",
        "dev": {"ids": ["s1_ups"], "name": "UPS room", "mdl": "xy-md02"},
    }
    assert json.loads(said["homeassistant/event/s1_ups/events/config"])["event_types"] == [
        "device.fault",
        "device.fault.cleared",
    ]


def test_a_sensor_is_announced_once_and_all_again_when_home_assistant_starts() -> None:
    known = board()
    form = HomeAssistant("s1", "gw", known)
    first = [m for change in known.take([warm()]) for m in form.says(change, NOW)]
    assert [message.retain for message in first] == [True, True]
    assert len([m for change in known.take([warm(22)]) for m in form.says(change, NOW)]) == 1
    assert form.hears("homeassistant/status", b"offline", NOW) == []
    assert any(
        m.topic.endswith("temperature/config") for m in form.hears("homeassistant/status", b"online", NOW)
    )


def test_what_is_not_known_is_unknown_and_what_is_out_of_reach_is_off() -> None:
    known = board(there())
    form = HomeAssistant("s1", "gw", known)
    changes = known.take([warm(None), *[Failed(devices=("ups",), at=5, why=because(Cause.SILENT))] * 4])
    said = by_topic([m for change in changes for m in form.says(change, NOW)])
    assert said["sitewarden/s1/ups/temperature"] == "None"
    assert said["sitewarden/s1/ups/online"] == "offline"


def test_events_are_told_with_what_they_carry_and_devices_of_others_are_nobodys_business() -> None:
    known = board()
    form = HomeAssistant("s1", "gw", known)
    fault = Happened(
        device="ups", type="device.fault", at=1, observed_at=1, zone="ups", data={"state": "active"}
    )
    changes = known.take([fault, warm(device="strange")])
    (said,) = [m for change in changes for m in form.says(change, NOW)]
    assert json.loads(said.payload) == {"event_type": "device.fault", "state": "active", "zone": "ups"}
    assert not said.retain
    over = msgspec.structs.replace(fault, data={"state": "cleared"})
    (said,) = [m for change in known.take([over]) for m in form.says(change, NOW)]
    assert json.loads(said.payload)["event_type"] == "device.fault.cleared"


# --- Sparkplug, read by protobuf with the field numbers of the specification


def payload_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="sp.proto", package="sp", syntax="proto2")
    metric = file.message_type.add(name="Metric")
    kinds = descriptor_pb2.FieldDescriptorProto
    fields = {
        "name": (1, kinds.TYPE_STRING), "timestamp": (3, kinds.TYPE_UINT64), "datatype": (4, kinds.TYPE_UINT32),
        "is_null": (7, kinds.TYPE_BOOL), "long_value": (11, kinds.TYPE_UINT64), "double_value": (13, kinds.TYPE_DOUBLE),
        "boolean_value": (14, kinds.TYPE_BOOL), "string_value": (15, kinds.TYPE_STRING),
    }  # fmt: skip
    for name, (number, kind) in fields.items():
        metric.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    body = file.message_type.add(name="Payload")
    body.field.add(name="timestamp", number=1, type=kinds.TYPE_UINT64, label=kinds.LABEL_OPTIONAL)
    body.field.add(
        name="metrics", number=2, type=kinds.TYPE_MESSAGE, label=kinds.LABEL_REPEATED, type_name=".sp.Metric"
    )
    body.field.add(name="seq", number=3, type=kinds.TYPE_UINT64, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sp.Payload"))


PAYLOAD = payload_class()


def read(message: Outgoing) -> Any:
    return PAYLOAD.FromString(message.payload)


def test_births_list_everything_and_are_numbered_in_one_row() -> None:
    form = Sparkplug("g", "gw", board(there(), warm()))
    will = form.connecting()
    node, device = form.begin(NOW)
    assert [node.topic, device.topic] == ["spBv1.0/g/NBIRTH/gw", "spBv1.0/g/DBIRTH/gw/ups"]
    assert (read(node).seq, read(device).seq, read(node).timestamp) == (0, 1, NOW)
    assert [metric.name for metric in read(node).metrics] == ["bdSeq", "Node Control/Rebirth"]
    assert [m.double_value for m in read(device).metrics if m.name == "temperature"] == [21.5]
    assert (will.topic, will.retain, will.qos) == ("spBv1.0/g/NDEATH/gw", False, 1)
    assert not read(will).HasField("seq")
    assert read(will).metrics[0].long_value == read(node).metrics[0].long_value == 0


def test_each_connection_has_a_number_of_its_own() -> None:
    form = Sparkplug("g", "gw", board())
    assert [read(form.connecting()).metrics[0].long_value for _ in range(257)] == [*range(256), 0]


def test_changes_of_a_device_that_was_born_are_data_and_a_new_metric_is_another_birth() -> None:
    known = board(there())
    form = Sparkplug("g", "gw", known)
    form.connecting()
    form.begin(NOW)
    said = [m for change in known.take([warm(1.0)]) for m in form.says(change, NOW)]
    said += [m for change in known.take([warm(None)]) for m in form.says(change, NOW)]
    said += [
        m
        for change in known.take([Failed(devices=("ups",), at=1, why=because(Cause.SILENT))] * 3)
        for m in form.says(change, NOW)
    ]
    said += [m for change in known.take([warm(2.0)]) for m in form.says(change, NOW)]
    said += [m for change in known.take([there()]) for m in form.says(change, NOW)]
    assert [m.topic.split("/")[2] for m in said] == ["DBIRTH", "DDATA", "DDEATH", "DBIRTH"]
    assert [read(m).seq for m in said] == [2, 3, 4, 5]
    assert read(said[1]).metrics[0].is_null
    assert read(said[3]).metrics[0].double_value == 2.0


def test_a_host_may_ask_for_everything_anew_and_nothing_else_is_done_for_it() -> None:
    form = Sparkplug("g", "gw", board(there()))
    form.connecting()
    assert len(form.hears("spBv1.0/g/NCMD/gw", b"\x12\x16\x0a\x14Node Control/Rebirth", NOW)) == 2
    assert form.hears("spBv1.0/g/NCMD/gw", b"\x12\x16\x0a\x14Node Control/Reboot!", NOW) == []


def test_the_number_of_a_message_goes_round_after_255() -> None:
    known = board(there(), warm())
    form = Sparkplug("g", "gw", known)
    form.connecting()
    form.begin(NOW)
    seqs = [read(m).seq for n in range(300) for c in known.take([warm(float(n))]) for m in form.says(c, NOW)]
    assert seqs[:3] == [2, 3, 4]
    assert 255 in seqs
    assert seqs[seqs.index(255) + 1] == 0
