"""Each part of a device has alarms of its own, whatever its source calls it."""

from typing import Any

import msgspec
import pytest

from cloud.operations.alarm import Alarm, AlarmState
from cloud.operations.command import AcknowledgeAlarms
from cloud.operations.record import RecordKind
from contract.part_book import BoundPart, PartBook
from contract.site import Text
from tests.house import House, M, demo

_COMPONENT = {"system": 1, "system_address": 1, "component": 40, "what": "component"}
_WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "loop and address": (
        {"loop": 1, "address": 134, "point": "l1d134"},
        {"loop": 1, "address": 133, "point": "l1d133"},
    ),
    "components": (
        {**_COMPONENT, "component_address": 134},
        {**_COMPONENT, "component_address": 133},
    ),
    "the same component behind two systems": (
        {**_COMPONENT, "component_address": 134},
        {**_COMPONENT, "component_address": 134, "system_address": 2},
    ),
    "names": ({"part": "3-12"}, {"part": "3-13"}),
    "bits of one status": (
        {"system_address": 1, "system": 1, "what": "main_power"},
        {"system_address": 1, "system": 1, "what": "bus"},
    ),
}


def alarms(house: House, kind: str) -> list[Alarm]:
    found: list[Alarm] = house.matters(RecordKind.ALARM, Alarm)
    return [one for one in found if one.kind == kind]


@pytest.mark.parametrize("way", _WAYS)
def test_two_parts_are_two_alarms_and_the_end_of_one_leaves_the_other(way: str) -> None:
    one, other = _WAYS[way]
    house = House()
    house.happen("fire-panel", "fire.alarm", data=one)
    (first,) = alarms(house, "fire")
    house.do("p-002", AcknowledgeAlarms(alarms=(first.id,)))
    house.wait(M)
    house.happen("fire-panel", "fire.alarm", data=other)
    first, second = alarms(house, "fire")
    assert (first.state, second.state) == (AlarmState.ACKNOWLEDGED, AlarmState.UNACKNOWLEDGED)
    house.wait(M)
    house.happen("fire-panel", "fire.reset", data={"part": second.part})
    first, second = alarms(house, "fire")
    assert (first.active, second.active) == (True, False)


def test_a_call_that_ends_leaves_the_one_of_another_button() -> None:
    house = House()
    for part in ("1-M1", "1-M2"):
        house.happen("fire-panel", "emergency.call", zone="b1", data={"part": part})
    house.happen("fire-panel", "emergency.call", zone="b1", data={"part": "1-M1", "state": "cleared"})
    calls = {one.part: one.active for one in alarms(house, "emergency-call")}
    assert calls == {"1-M1": False, "1-M2": True}


def test_a_reset_of_the_panel_ends_the_alarms_of_all_its_parts() -> None:
    house = House()
    for one in _WAYS["components"]:
        house.happen("fire-panel", "fire.alarm", data=one)
    house.wait(M)
    house.happen("fire-panel", "fire.reset", data={"system": 1, "system_address": 1, "what": "reset"})
    assert [alarm.active for alarm in alarms(house, "fire")] == [False, False]


@pytest.mark.parametrize(
    ("reset", "stand"),
    [
        ({"system": 1, "system_address": 1, "what": "reset"}, {"2/134", "transmitter"}),
        ({"system": 1, "system_address": 2, "what": "reset"}, {"134", "main_power", "transmitter"}),
        ({"part": "2/system"}, {"134", "main_power", "transmitter"}),
        ({"system": 1, "system_address": 3, "what": "reset"}, {"134", "2/134", "main_power", "transmitter"}),
        ({"system": 0, "system_address": 0, "what": "reset"}, set()),
        ({"operator": 2, "what": "reset"}, set()),
    ],
)
def test_a_reset_of_one_of_several_systems_ends_what_belongs_to_it(
    reset: dict[str, Any], stand: set[str]
) -> None:
    house = House()
    for one in (
        *_WAYS["the same component behind two systems"],
        {"system": 1, "system_address": 1, "what": "main_power"},
        {"what": "transmitter"},
    ):
        house.happen("fire-panel", "fire.alarm", data=one)
    house.wait(M)
    house.happen("fire-panel", "fire.reset", data=reset)
    assert {alarm.part for alarm in alarms(house, "fire") if alarm.active} == stand


def test_a_fire_that_comes_late_ends_with_the_later_reset_of_its_system_only() -> None:
    house = House()
    before = house.now
    house.wait(M)
    house.happen("fire-panel", "fire.reset", data={"part": "2/system"})
    for part in ("2/134", "134"):
        house.happen("fire-panel", "fire.alarm", at=before, data={"part": part})
    assert [alarm.part for alarm in alarms(house, "fire") if alarm.active] == ["134"]


def test_a_card_says_the_part_s_name_and_zone_in_both_languages() -> None:
    bound = BoundPart(part="3-1..3-40", zone="b3", zh="三层走廊烟感", en="Smoke detector, corridor 3F")
    given = demo()
    site = msgspec.structs.replace(given.site, parts={"fire-panel": PartBook([bound])})
    house = House(msgspec.structs.replace(given, site=site))
    house.happen("fire-panel", "fire.alarm", data={**_COMPONENT, "component_address": 3 * 65_536 + 12})
    (alarm,) = alarms(house, "fire")
    assert (alarm.part, alarm.zone) == ("3-12", "b3")
    assert alarm.part_name == Text(zh="三层走廊烟感（3-12）", en="Smoke detector, corridor 3F (3-12)")
    (incident,) = house.emergencies()
    assert incident.subject == "b3"
    texts = {notice.text for notice in house.notices if notice.about == f"incident:{incident.id}"}
    assert texts
    assert all("三层走廊烟感（3-12）" in text or "corridor 3F (3-12)" in text for text in texts)


def test_an_alarm_stored_under_three_fields_ends_with_its_part() -> None:
    house = House()
    house.happen("fire-panel", "fire.fault", data={"part": "1-134"})
    records = house.store.partitions[0].records
    ((name, record),) = [(name, one) for name, one in records.items() if one.kind is RecordKind.ALARM]
    old = msgspec.structs.replace(msgspec.json.decode(record.body, type=Alarm), id="old", part="1-134-l1d134")
    del records[name]
    records[name[0], name[1], "old"] = msgspec.structs.replace(
        record, id="old", body=msgspec.json.encode(old)
    )
    house.restart()
    house.happen("fire-panel", "fire.reset", data={"loop": 1, "address": 134, "point": "l1d134"})
    (alarm,) = alarms(house, "fire-fault")
    assert (alarm.id, alarm.active) == ("old", False)


def test_several_faults_of_one_word_are_several_alarms() -> None:
    house = House()
    house.happen("genset-1", "generator.fault", data={"part": "alarms.emergency_stop", "state": "active"})
    (stop,) = alarms(house, "generator-fault")
    house.do("p-002", AcknowledgeAlarms(alarms=(stop.id,)))
    house.wait(M)
    house.happen("genset-1", "generator.fault", data={"part": "alarms.low_oil_pressure", "state": "active"})
    first, second = alarms(house, "generator-fault")
    assert (first.state, second.state) == (AlarmState.ACKNOWLEDGED, AlarmState.UNACKNOWLEDGED)
    assert second.part_name == Text(zh="alarms · 机油压力低", en="Alarms · Low oil pressure")
