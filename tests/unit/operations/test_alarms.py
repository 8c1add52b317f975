"""The life of an alarm by IEC 62682 at the demo estate: hidden, set aside, latched, counted."""

import pytest

from cloud.correlation.rules import EventFilter
from cloud.operations.alarm import Alarm, AlarmState
from cloud.operations.alarm_book import FLOOD_MS, LONGEST_SHELF_MS, AlarmBook, alarm_id
from cloud.operations.alarm_kinds import AlarmKind, AlarmKinds
from cloud.operations.command import (
    AcknowledgeAlarms,
    ResetAlarm,
    RestoreAlarm,
    RetireAlarm,
    ShelveAlarm,
    UnshelveAlarm,
)
from contract.events import Event
from contract.site import Site, SiteFile, Text
from tests.house import MONDAY, H, House, M, S

DOOR = "door-club"
KNOCK = AlarmKind(id="knock", name=Text(), on=EventFilter("device.tamper"))


@pytest.fixture
def house() -> House:
    return House()


def held(house: House, device: str = DOOR) -> None:
    house.happen(device, "door.held", agent="gw-2")


def shut(house: House, device: str = DOOR) -> None:
    house.happen(device, "door.closed", agent="gw-2")


def the(house: House, kind: str) -> Alarm:
    (found,) = [alarm for alarm in house.alarms() if alarm.kind == kind]
    return found


def test_an_alarm_goes_through_the_states_of_the_standard(house: House) -> None:
    held(house)
    alarm = the(house, "door-held")
    assert alarm.state is AlarmState.UNACKNOWLEDGED
    house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
    assert the(house, "door-held").state is AlarmState.ACKNOWLEDGED
    house.wait(1 * S)
    shut(house)
    assert the(house, "door-held").state is AlarmState.NORMAL


def test_an_alarm_that_goes_before_anybody_saw_it_stays_on_the_list(house: House) -> None:
    held(house)
    house.wait(1 * S)
    shut(house)
    alarm = the(house, "door-held")
    assert alarm.state is AlarmState.RETURNED
    house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
    assert the(house, "door-held").state is AlarmState.NORMAL


def test_an_alarm_that_comes_again_asks_again(house: House) -> None:
    held(house)
    alarm = the(house, "door-held")
    house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
    house.wait(1 * S)
    shut(house)
    house.wait(1 * S)
    held(house)
    again = the(house, "door-held")
    assert (again.id, again.state) == (alarm.id, AlarmState.UNACKNOWLEDGED)


def test_the_identity_of_an_alarm_is_its_content_wherever_it_is_seen() -> None:
    one, other = House(), House(now=MONDAY + H)
    held(one)
    held(other)
    assert the(one, "door-held").id == the(other, "door-held").id == alarm_id("demo", "door-held", DOOR, "")


def test_what_is_shelved_comes_back_unacknowledged_when_its_time_is_over(house: House) -> None:
    held(house)
    alarm = the(house, "door-held")
    house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
    until = house.now + H
    assert not house.do("p-002", ShelveAlarm(alarm=alarm.id, until=until, reason="moving furniture")).problem
    shelved = the(house, "door-held")
    assert (shelved.state, shelved.shelved.reason if shelved.shelved else "") == (
        "shelved",
        "moving furniture",
    )
    house.pass_to(until - 1)
    assert the(house, "door-held").state is AlarmState.SHELVED
    house.pass_to(until)
    assert the(house, "door-held").state is AlarmState.UNACKNOWLEDGED


def test_what_is_shelved_and_gone_needs_nobody(house: House) -> None:
    held(house)
    alarm = the(house, "door-held")
    house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
    house.do("p-002", ShelveAlarm(alarm=alarm.id, until=house.now + H, reason="x"))
    house.wait(1 * S)
    shut(house)
    house.do("p-002", UnshelveAlarm(alarm=alarm.id))
    assert the(house, "door-held").state is AlarmState.NORMAL


@pytest.mark.parametrize(
    ("ahead", "reason", "problem"),
    [
        (H, " ", "unusable"),
        (0, "x", "unusable"),
        (LONGEST_SHELF_MS + 1, "x", "unusable"),
        (LONGEST_SHELF_MS, "x", ""),
    ],
)
def test_a_shelf_needs_a_reason_and_an_end_within_a_shift(
    house: House, ahead: int, reason: str, problem: str
) -> None:
    held(house)
    shelve = ShelveAlarm(alarm=the(house, "door-held").id, until=house.now + ahead, reason=reason)
    assert house.do("p-002", shelve).problem == problem


def test_fire_can_neither_be_shelved_nor_taken_out_of_service(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1")
    alarm = the(house, "fire")
    assert (
        house.do("p-002", ShelveAlarm(alarm=alarm.id, until=house.now + H, reason="x")).problem
        == "not_allowed"
    )
    assert house.do("p-002", RetireAlarm(alarm=alarm.id, reason="x")).problem == "not_allowed"


def test_an_alarm_out_of_service_is_silent_until_it_is_put_back(house: House) -> None:
    held(house)
    alarm = the(house, "door-held")
    house.do("p-002", RetireAlarm(alarm=alarm.id, reason="hinge is being mended"))
    house.wait(1 * S)
    shut(house)
    house.wait(1 * S)
    held(house)
    assert the(house, "door-held").state is AlarmState.OUT_OF_SERVICE
    house.do("p-002", RestoreAlarm(alarm=alarm.id))
    assert the(house, "door-held").state is AlarmState.UNACKNOWLEDGED


def test_a_fire_latches_until_it_is_acknowledged_and_reset(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1")
    alarm = the(house, "fire")
    assert "on site" in house.do("p-002", ResetAlarm(alarm=alarm.id)).en
    house.wait(1 * S)
    house.happen("fire-panel", "fire.reset", zone="b1")
    assert the(house, "fire").state is AlarmState.UNACKNOWLEDGED
    assert "acknowledge" in house.do("p-002", ResetAlarm(alarm=alarm.id)).en
    house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
    assert the(house, "fire").state is AlarmState.ACKNOWLEDGED
    house.do("p-002", ResetAlarm(alarm=alarm.id))
    assert the(house, "fire").state is AlarmState.NORMAL


def test_a_silent_agent_hides_what_it_reads_and_is_one_alarm(house: House) -> None:
    for number in (1, 2, 3):
        house.happen(f"cp-b{number}-03", "device.offline", data={})
        house.wait(1 * S)
    house.wait(40 * S, hearing=False)
    links = [alarm for alarm in house.alarms() if alarm.kind == "link"]
    assert {alarm.source for alarm in links} == {"gw-1", "gw-2"}
    assert {a.state for a in house.alarms() if a.kind == "device-offline"} == {AlarmState.SUPPRESSED}
    house.hear()
    house.wait(2 * S)
    assert {a.state for a in house.alarms() if a.kind == "device-offline"} == {AlarmState.UNACKNOWLEDGED}


def test_a_worse_alarm_hides_the_lesser_one_of_the_same_door(house: House) -> None:
    held(house)
    house.happen(DOOR, "door.forced", agent="gw-2")
    assert the(house, "door-held").state is AlarmState.SUPPRESSED
    house.wait(1 * S)
    shut(house)
    assert the(house, "door-held").state is AlarmState.RETURNED


def test_a_module_that_is_offline_hides_the_doors_behind_it(house: House) -> None:
    house.happen("door-b1", "device.offline")
    house.wait(1 * S)
    house.happen("io-north", "device.offline")
    states = {alarm.source: alarm.state for alarm in house.alarms()}
    assert states == {"door-b1": AlarmState.SUPPRESSED, "io-north": AlarmState.UNACKNOWLEDGED}
    house.happen("io-north", "device.online")
    states = {alarm.source: alarm.state for alarm in house.alarms()}
    assert states == {"door-b1": AlarmState.UNACKNOWLEDGED, "io-north": AlarmState.RETURNED}


def test_alarms_survive_a_restart_with_all_that_was_done(house: House) -> None:
    held(house)
    alarm = the(house, "door-held")
    house.do("p-002", ShelveAlarm(alarm=alarm.id, until=house.now + H, reason="x"))
    house.restart()
    house.wait(1 * H + 1 * S)
    assert the(house, "door-held").state is AlarmState.UNACKNOWLEDGED


def test_an_overdue_round_is_an_alarm_that_the_late_scan_takes_back(house: House) -> None:
    house.happen("cp-plaza", "checkpoint.scan", person="card:8812331")
    house.wait(2 * H + M)
    overdue = [a for a in house.alarms() if a.kind == "overdue" and a.source == "PT-1/cp-plaza"]
    assert [alarm.state for alarm in overdue] == [AlarmState.UNACKNOWLEDGED]
    house.happen("cp-plaza", "checkpoint.scan", person="card:8812331")
    house.wait(1 * M)
    after = [a for a in house.alarms() if a.kind == "overdue" and a.source == "PT-1/cp-plaza"]
    assert after[0].state is AlarmState.RETURNED


@pytest.mark.parametrize(("later", "groups"), [(10 * M, 1), (10 * M + 1, 2)])
def test_an_alarm_exactly_the_join_time_after_the_last_of_its_group_belongs_to_it(
    house: House, later: int, groups: int
) -> None:
    house.happen("fire-panel", "fire.prealarm", zone="b1", data={"part": "1-1"})
    house.happen("fire-panel", "fire.reset", zone="b1")
    house.wait(later)
    house.happen("fire-panel", "fire.prealarm", zone="b1", data={"part": "1-2"})
    assert len({alarm.group for alarm in house.alarms() if alarm.kind == "fire-prealarm"}) == groups


def test_a_flood_begins_at_ten_and_is_over_under_five() -> None:
    book = AlarmBook(Site(SiteFile(site="s", devices=())), AlarmKinds([KNOCK]))

    def knock(count: int, at: int) -> None:
        for number in range(count):
            event = Event(seq=at + number, at=at, device=f"d{at}-{number}", type="device.tamper")
            book.on_event(event, event.seq, at)
        book.settle(at)

    knock(9, 0)
    assert not book.flooding
    knock(1, 1)
    assert book.flooding
    knock(5, FLOOD_MS - 1)
    book.settle(FLOOD_MS + 1)
    assert book.flooding, "five in ten minutes are no calm"
    book.settle(2 * FLOOD_MS - 1)
    assert not book.flooding
    knock(7, 3 * FLOOD_MS)
    assert not book.flooding, "between the two it stays as it was"
