"""From the bytes of a fire transmitter to what people read of the part, in both languages."""

import zoneinfo
from collections.abc import Mapping

import msgspec

from cloud.operations.alarm import Alarm
from cloud.operations.record import RecordKind
from contract.part_book import PartBook
from contract.part_list import parse_part_list
from contract.site import Device, Text
from edge.gb26875.frame import FrameReader
from edge.gb26875.transmitter import Transmitter
from edge.parts import PartNames
from edge.ports import Happened
from firmware_sim.device.transmitter import FireTransmitter
from tests.house import House, S, demo

SHANGHAI = zoneinfo.ZoneInfo("Asia/Shanghai")
LIST = """\
part,zone,name_zh,name_en
3-12,b3,三层走廊烟感,Smoke detector corridor 3F
3-20..3-40,b2,,
"""
EMITS = ("fire.alarm", "fire.fault", "fire.reset")


class Line:
    """A transmitter in the control room of the demo estate, its list of parts, and the agent that hears it."""

    def __init__(self) -> None:
        given = demo()
        panel = Device(id="transmitter", zone="control", line="fire", emits=EMITS)
        listed = parse_part_list(LIST.encode(), "parts.csv")
        assert not listed.problems
        self.site = msgspec.structs.replace(
            given.site,
            file=msgspec.structs.replace(given.site.file, devices=(*given.site.file.devices, panel)),
            parts={"transmitter": PartBook(listed.bound)},
        )
        self.house = House(msgspec.structs.replace(given, site=self.site))
        self._played = FireTransmitter(bytes(6), SHANGHAI)
        self._heard = Transmitter("transmitter", "auto", SHANGHAI, 300_000)
        self._names = PartNames(self.site)
        self._frames = FrameReader()

    def say(self, inputs: Mapping[str, bool]) -> None:
        """The transmitter's bytes, through their decoder and the naming of parts, to the cloud."""
        for sent in self._played.update(self.house.now, inputs):
            for frame in self._frames.feed(sent):
                for seen in self._heard.hears(frame, self.house.now, self.house.now):
                    if isinstance(seen, Happened):
                        told = self._names.named(seen)
                        self.house.happen(told.device, told.type, zone=told.zone, data=dict(told.data))

    def alarms(self) -> list[Alarm]:
        found: list[Alarm] = self.house.matters(RecordKind.ALARM, Alarm)
        return [one for one in found if one.source == "transmitter"]


def test_a_fire_of_a_component_is_on_the_card_by_its_name_and_zone() -> None:
    line = Line()
    line.say({"3-12.fire": True})
    (alarm,) = line.alarms()
    assert (alarm.part, alarm.zone) == ("3/3-12", "b3")
    assert alarm.part_name == Text(zh="三层走廊烟感（3/3-12）", en="Smoke detector corridor 3F (3/3-12)")
    (incident,) = line.house.emergencies()
    assert incident.subject == "b3"
    told = [notice for notice in line.house.notices if notice.about == f"incident:{incident.id}"]
    assert told
    assert all("三层走廊烟感" in notice.text or "corridor 3F" in notice.text for notice in told)


def test_two_components_in_fire_are_two_alarms_in_their_own_zones() -> None:
    line = Line()
    line.say({"3-12.fire": True})
    line.house.wait(30 * S)
    line.say({"3-21.fire": True})
    assert [(alarm.part, alarm.zone, alarm.active) for alarm in line.alarms()] == [
        ("3/3-12", "b3", True),
        ("3/3-21", "b2", True),
    ]
    line.house.wait(30 * S)
    line.say({"3-12.fire": False})
    assert {alarm.part: alarm.active for alarm in line.alarms()} == {"3/3-12": False, "3/3-21": True}


def test_a_component_in_no_list_is_told_of_the_transmitter_s_zone_and_marked() -> None:
    line = Line()
    line.say({"9-1.fire": True})
    (alarm,) = line.alarms()
    assert (alarm.part, alarm.zone) == ("3/9-1", "control")
