"""Who is told what at the demo estate: quiet hours, digests, nobody there, drills, withdrawals."""

from typing import Any

import msgspec
import pytest

from cloud.ingest.desk import SiteSetup
from cloud.operations.alarm import Priority
from cloud.operations.check_book import DEFER_MS, Check, PresencePlan, moments
from cloud.operations.command import (
    Acknowledge,
    AcknowledgeAlarms,
    Alive,
    AnswerPresence,
    AskPresence,
    Dispatch,
    EndDrill,
    GoOffDuty,
    PlanDrill,
    Verify,
)
from cloud.operations.drill_book import Drill
from cloud.operations.notice import Notice
from cloud.operations.record import RecordKind
from cloud.operations.telling import Telling
from cloud.operations.telling_book import Escalation
from cloud.store.base import RefusedNotice
from tests.house import MONDAY, H, House, M, S, demo

NIGHT = MONDAY + 13 * H
"""Eleven in the evening: quiet hours."""


@pytest.fixture
def house() -> House:
    return House()


def with_telling(**changed: Any) -> House:
    setup = demo()
    telling = msgspec.convert(msgspec.to_builtins(setup.operations.telling) | changed, Telling)
    operations = msgspec.structs.replace(setup.operations, telling=telling)
    return House(SiteSetup(setup.site, setup.rules, setup.engine, setup.explain, operations))


def test_quiet_hours_hold_back_what_can_wait_and_never_fire() -> None:
    house = House(now=NIGHT)
    house.happen("door-club", "door.held", agent="gw-2")
    house.happen("fire-panel", "fire.alarm", zone="b1")
    fire = [notice for notice in house.notices if notice.priority is Priority.CRITICAL]
    door = [notice for notice in house.notices if notice.priority is Priority.MEDIUM]
    assert {notice.not_before for notice in fire} == {NIGHT}
    assert {notice.not_before for notice in door} == {NIGHT + 8 * H}, "seven in the morning"


def test_too_many_messages_become_one_but_for_critical_ones() -> None:
    house = with_telling(digests={"most": 2, "within": "10m"})
    doors = [device.id for device in house.site.file.devices if device.id.startswith("cp-")][:6]
    for door in doors:
        house.happen(door, "device.tamper")
    alone = [notice for notice in house.notices if notice.person == "p-002"]
    assert [notice.kind for notice in alone] == ["alarm", "alarm"]
    house.happen("fire-panel", "fire.alarm", zone="b1")
    assert house.notices[-1].priority is Priority.CRITICAL
    house.wait(11 * M)
    (digest,) = [n for n in house.notices if n.person == "p-002" and n.kind == "digest"][:1]
    assert digest.text.count("\n") >= 3


def test_a_step_that_finds_nobody_goes_on_at_once_and_is_an_alarm_itself(house: House) -> None:
    for person in ("p-002", "p-003"):
        house.do(person, GoOffDuty(post="control"))
    house.happen("fire-panel", "fire.alarm", zone="b1")
    fire = [n for n in house.notices if n.about.startswith("incident:")]
    assert fire
    assert {notice.step for notice in fire} == {1}, "the guards are told in the same moment"
    assert {alarm.source for alarm in house.alarms() if alarm.kind == "nobody"} >= {"critical/1"}


def test_a_late_scan_withdraws_the_message_through_the_channel_that_carried_it(house: House) -> None:
    scan = {"person": "card:8812331", "agent": "gw-1"}
    start = house.now
    house.pass_to(start + H)
    for device in house.site.file.devices:
        if "checkpoint" in device.tags and device.id != "cp-plaza":
            house.happen(device.id, "checkpoint.scan", **scan)
    house.pass_to(start + 2 * H + M)
    told = [n for n in house.notices if "中心广场" in n.title and n.kind == "alarm"]
    assert told
    house.happen("cp-plaza", "checkpoint.scan", at=start + 2 * H - M, **scan)
    house.wait(M)
    withdrawn = [n for n in house.notices if n.kind == "withdrawal"]
    assert {(n.person, n.channel) for n in withdrawn} == {(n.person, n.channel) for n in told}
    assert all("撤回" in notice.title for notice in withdrawn)


def test_a_drill_reaches_nobody_outside_and_is_scored_and_counted(house: House) -> None:
    plan = PlanDrill(
        name="autumn", start=house.now + M, end=house.now + 31 * M, zones=("b1",), emergencies=("fire",)
    )
    assert not house.do("p-001", plan).problem
    house.wait(2 * M)
    house.happen("fire-panel", "fire.alarm", zone="b1", data={"loop": 1})
    (incident,) = house.emergencies()
    assert incident.life.drill
    house.wait(3 * M)
    house.do("p-007", Verify(incident=incident.id, result="test"))
    fire = [n for n in house.notices if n.about == f"incident:{incident.id}" and n.kind == "alarm"]
    assert {n.person for n in fire} == {"p-002", "p-003"}, "the desk knows, nobody else is called"
    assert all(n.title.startswith("【演习】") for n in fire)
    house.wait(31 * M)
    (drill,) = house.matters(RecordKind.DRILL, Drill)
    assert (drill.state, drill.ended_at) == ("ended", plan.end)
    (score,) = drill.scores
    assert (score.incident, score.verified_ms, score.breached) == (incident.id, 3 * M, score.breached)
    assert score.breached > 0
    assert [revised.verdict.outcome for revised in house.verdicts("ER-7")] == ["met"]


def test_a_real_fire_during_a_drill_is_loud_and_stands_in_its_record(house: House) -> None:
    plan = PlanDrill(name="x", start=house.now, end=house.now + H, zones=("b1",), emergencies=("fire",))
    house.do("p-001", plan)
    house.wait(1 * S)
    house.happen("fire-panel", "fire.alarm", zone="b2", data={"loop": 1})
    (incident,) = house.emergencies()
    assert not incident.life.drill
    house.wait(2 * M)
    told = [n for n in house.notices if n.about == f"incident:{incident.id}" and n.kind == "alarm"]
    assert "p-001" in {n.person for n in told}
    assert all("真实报警" in n.title for n in told)
    assert house.matters(RecordKind.DRILL, Drill)[0].overlaps == (incident.id,)


@pytest.mark.parametrize(
    ("person", "start", "end", "problem"),
    [
        ("p-007", 0, H, "not_allowed"),
        ("p-001", H, H, "unusable"),
        ("p-001", 0, 9 * H, "unusable"),
        ("p-001", -2 * H, -H, "unusable"),
    ],
)
def test_a_drill_that_makes_no_sense_is_refused(
    house: House, person: str, start: int, end: int, problem: str
) -> None:
    plan = PlanDrill(name="x", start=house.now + start, end=house.now + end, zones=("b1",), emergencies=())
    assert house.do(person, plan).problem == problem


def test_a_drill_without_a_scope_is_refused_for_it_would_cover_everything(house: House) -> None:
    answer = house.do(
        "p-001", PlanDrill(name="x", start=house.now, end=house.now + H, zones=(), emergencies=())
    )
    assert answer.problem == "unusable"
    assert "name the zones or the emergencies" in answer.en


def test_a_drill_can_be_called_off_and_does_not_count(house: House) -> None:
    plan = PlanDrill(name="x", start=house.now + H, end=house.now + 2 * H, zones=("b1",), emergencies=())
    drill = house.do("p-001", plan).target
    assert not house.do("p-001", EndDrill(drill=drill, note="rain")).problem
    house.wait(3 * H)
    assert house.verdicts("ER-7")[-1:] == [] or house.verdicts("ER-7")[-1].verdict.outcome != "met"


PLAN = PresencePlan(id="control-night", post="control", during="night-shift", times=2)


def test_a_post_is_asked_at_moments_that_only_the_seed_knows() -> None:
    start, end = MONDAY + 10 * H, MONDAY + 22 * H
    one, other = moments("seed", PLAN, start, end), moments("other", PLAN, start, end)
    assert one == moments("seed", PLAN, start, end) != other
    assert start <= one[0] < start + 6 * H <= one[1] < end


def asked(house: House) -> list[Check]:
    return list(house.matters(RecordKind.CHECK, Check))


def test_a_presence_check_is_asked_answered_and_judged() -> None:
    house = House(now=MONDAY + 9 * H)
    first, second = moments("seed of the tests", PLAN, MONDAY + 10 * H, MONDAY + 22 * H)
    house.pass_to(first, hearing=False)
    (check,) = asked(house)
    assert (check.state, check.asked_at) == ("asked", first)
    house.wait(20 * S, hearing=False)
    assert not house.do("p-003", AnswerPresence(check=check.id)).problem
    assert [check.state for check in asked(house)] == ["answered"]
    house.pass_to(second + 2 * M, hearing=False)
    assert [check.state for check in asked(house)] == ["answered", "missed"]
    outcomes = [revised.verdict.outcome for revised in house.verdicts("PT-7")]
    assert outcomes == ["met", "breached"]


def test_a_fire_puts_a_presence_check_off_and_work_on_it_answers_it() -> None:
    house = House(now=MONDAY + 9 * H)
    first, _ = moments("seed of the tests", PLAN, MONDAY + 10 * H, MONDAY + 22 * H)
    house.pass_to(first - M, hearing=False)
    house.happen("fire-panel", "fire.alarm", zone="b1")
    house.pass_to(first + M, hearing=False)
    assert [check.state for check in asked(house)] == ["deferred"]
    (incident,) = house.emergencies()
    house.do("p-003", Verify(incident=incident.id, result="false"))
    house.pass_to(first + DEFER_MS + S, hearing=False)
    (check,) = asked(house)
    assert (check.state, check.answered_by) == ("at_work", "p-003")


def test_a_post_can_be_asked_by_hand_but_not_twice_at_once(house: House) -> None:
    assert not house.do("p-001", AskPresence(post="control")).problem
    assert house.do("p-001", AskPresence(post="control")).problem == "conflict"
    assert house.do("p-001", AskPresence(post="moon")).problem == "unknown"


def test_a_message_that_nobody_got_is_an_alarm_until_somebody_has_seen_it(house: House) -> None:
    refused = RefusedNotice(
        site="demo", channel="mail", person="p-002", answer="550 no such mailbox", settled_at=house.now
    )
    house.refuse(refused)
    house.refuse(refused)
    (alarm,) = [alarm for alarm in house.alarms() if alarm.kind == "channel"]
    assert (alarm.source, alarm.part, alarm.cause) == ("mail", "p-002", "550 no such mailbox")
    assert [notice.title for notice in house.notices if notice.person == "p-003"] == ["消息未送达 · mail"]
    house.do("p-003", AcknowledgeAlarms(alarms=(alarm.id,)))
    assert next(a.state for a in house.alarms() if a.kind == "channel") == "normal"


def lose(house: House, *notices: Notice) -> None:
    """The channel gives messages up at once."""
    for notice in notices:
        house.refuse(
            RefusedNotice(
                site="demo",
                notice=notice.id,
                about=notice.about,
                channel=notice.channel,
                person=notice.person,
                answer="no address",
                settled_at=house.now,
            )
        )


def of_the_fire(house: House) -> list[Notice]:
    return [one for one in house.notices if one.kind == "alarm" and one.title.startswith("火警")]


def escalation(house: House) -> Escalation:
    (found,) = [
        one
        for one in house.matters(RecordKind.ESCALATION, Escalation)
        if one.about.startswith("incident:") and one.priority is Priority.CRITICAL
    ]
    return found


def test_a_step_whose_messages_are_all_given_up_goes_on_at_once(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1")
    first = of_the_fire(house)
    house.wait(100)
    lose(house, first[0])
    assert of_the_fire(house) == first, "one of two may still come"
    assert [one.person for one in escalation(house).told] == [first[1].person]
    lose(house, first[1])
    guards = of_the_fire(house)[len(first) :]
    assert guards
    assert {one.made_at for one in guards} == {house.now}
    assert {one.person for one in escalation(house).told} == {one.person for one in guards}
    assert "nobody" in {alarm.kind for alarm in house.alarms()}


def test_a_chain_that_reaches_nobody_at_all_keeps_the_pace_of_its_repetition(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1")
    lost = 0
    for _ in range(8):
        waiting = of_the_fire(house)[lost:]
        lost += len(waiting)
        lose(house, *waiting)
    assert escalation(house).told == ()
    assert escalation(house).step == 3
    count = len(of_the_fire(house))
    house.wait(4 * M)
    assert len(of_the_fire(house)) == count
    house.wait(2 * M)
    assert len(of_the_fire(house)) > count


def test_a_message_given_up_twice_over_changes_nothing_of_the_next_step(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1")
    first = of_the_fire(house)
    lose(house, *first)
    after = escalation(house)
    lose(house, *first)
    assert escalation(house) == after


def test_a_message_given_up_after_the_acknowledgement_begins_nothing(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1")
    house.wait(1 * S)
    house.do("p-002", Acknowledge(incident=house.emergencies()[0].id))
    first = of_the_fire(house)
    lose(house, *first)
    house.wait(5 * M)
    assert of_the_fire(house) == first
    assert escalation(house).told == ()


def test_an_acknowledgement_with_people_sent_and_then_nothing_tells_nobody_again(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1")
    (incident,) = house.emergencies()
    house.wait(1 * S)
    house.do("p-002", Acknowledge(incident=incident.id))
    house.do("p-002", Dispatch(incident=incident.id, people=("p-007",)))
    told = len(of_the_fire(house))
    house.wait(11 * M)
    assert len(of_the_fire(house)) == told


def test_the_alarm_that_nobody_is_there_ends_once_somebody_acknowledges(house: House) -> None:
    for person in ("p-002", "p-003"):
        house.do(person, GoOffDuty(post="control"))
    house.happen("fire-panel", "fire.alarm", zone="b1")
    house.wait(1 * S)
    assert [alarm.active for alarm in house.alarms() if alarm.kind == "nobody"] == [True]
    house.do("p-001", Acknowledge(incident=house.emergencies()[0].id))
    assert [alarm.active for alarm in house.alarms() if alarm.kind == "nobody"] == [False]


def test_an_alarm_that_nothing_tells_the_end_of_is_over_once_it_is_seen(house: House) -> None:
    house.happen("cp-plaza", "device.tamper")
    (alarm,) = house.alarms()
    house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
    assert house.alarms()[0].state == "normal"


def test_a_lone_guard_says_that_all_is_well_by_a_device_that_tells_so(house: House) -> None:
    assert house.do("p-007", Alive(device="cp-plaza")).problem == "unknown"
