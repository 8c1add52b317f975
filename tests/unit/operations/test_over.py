"""What is over is over: alarms end with their own end, and what begins anew is told and acknowledged anew."""

from typing import Any

import pytest

from cloud.operations.alarm import Alarm, AlarmState
from cloud.operations.command import (
    Acknowledge,
    AcknowledgeAlarms,
    Action,
    AddNote,
    Arrive,
    Attach,
    Close,
    Dispatch,
    DoStep,
    Handle,
    ResetAlarm,
    RetireAlarm,
    ShelveAlarm,
    Verify,
)
from cloud.operations.life import Phase
from tests.house import H, House, M, S

CONTROLLER, OTHER = "p-002", "p-003"


@pytest.fixture
def house() -> House:
    return House()


def standing(house: House) -> list[tuple[str, str]]:
    """Kind and part of each alarm whose condition is there."""
    return sorted(
        (alarm.kind, alarm.part) for alarm in house.alarms() if alarm.active and alarm.kind != "overdue"
    )


def told(house: House) -> int:
    """How many messages about alarms went to the controller."""
    return len([one for one in house.notices if one.person == CONTROLLER and one.kind == "alarm"])


def fire(house: House, part: str = "1-1", **more: Any) -> None:
    house.happen("fire-panel", "fire.alarm", zone=more.pop("zone", "b1"), data={"part": part}, **more)


def the(house: House, part: str) -> Alarm:
    (found,) = [alarm for alarm in house.alarms() if alarm.kind == "fire" and alarm.part == part]
    return found


@pytest.mark.parametrize("word", ["cleared", "Cleared", "restored", False, 0, "故障恢復", "报警解除", "０"])
@pytest.mark.parametrize(
    ("device", "kind", "alarm"),
    [
        ("fire-panel", "fire.alarm", "fire"),
        ("fire-panel", "fire.prealarm", "fire-prealarm"),
        ("fire-panel", "fire.fault", "fire-fault"),
        ("genset-1", "generator.fault", "generator-fault"),
        ("t-ups", "device.fault", "device-fault"),
        ("t-ups", "device.tamper", "tamper"),
        ("t-ups", "device.offline", "device-offline"),
        ("door-club", "door.held", "door-held"),
        ("door-club", "door.forced", "door-forced"),
        ("ats-1", "mains.lost", "mains-lost"),
        ("cp-control", "emergency.call", "emergency-call"),
    ],
)
def test_each_alarm_ends_with_its_own_end(
    house: House, device: str, kind: str, alarm: str, word: object
) -> None:
    house.happen(device, kind, data={"state": "active"})
    assert standing(house) == [(alarm, "")]
    began = told(house)
    house.wait(1 * S)
    house.happen(device, kind, data={"state": word})
    assert standing(house) == []
    assert told(house) == began


def test_the_end_of_a_fault_asks_nobody_for_anything(house: House) -> None:
    fault = {"loop": 1, "address": 11}
    house.happen("fire-panel", "fire.fault", zone="b1", data=fault | {"state": "active"})
    (incident,) = house.incidents(kind="alarm")
    house.wait(10 * S)
    (alarm,) = house.alarms()
    house.do(CONTROLLER, AcknowledgeAlarms(alarms=(alarm.id,)))
    house.wait(30 * M)
    house.happen("fire-panel", "fire.fault", zone="b1", data=fault | {"state": "cleared"})
    house.wait(2 * M)
    assert [verdict.verdict.outcome for verdict in house.verdicts("ER-4")] == ["met"]
    assert [one.state for one in house.alarms()] == [AlarmState.NORMAL]
    assert [one.id for one in house.incidents(kind="alarm")] == [incident.id]


def test_two_bits_of_one_word_are_two_alarms_each_with_its_end(house: House) -> None:
    bits = ("alarms_1.emergency_stop", "alarms_1.low_oil_pressure")
    for part in bits:
        house.happen("genset-1", "generator.fault", data={"part": part, "state": "active"})
    assert standing(house) == [("generator-fault", part) for part in bits]
    house.happen("genset-1", "generator.started")
    assert standing(house) == [("generator-fault", part) for part in bits], "a start ends no warning"
    for part in bits:
        house.wait(1 * S)
        house.happen("genset-1", "generator.fault", data={"part": part, "state": "cleared"})
    assert standing(house) == []


def test_a_device_that_is_back_still_has_its_fault(house: House) -> None:
    house.happen("t-ups", "device.fault", data={"point": "battery", "state": "active"})
    house.happen("t-ups", "device.offline")
    house.wait(1 * S)
    house.happen("t-ups", "device.online")
    assert standing(house) == [("device-fault", "battery")]


def test_an_end_of_one_part_is_none_of_another_and_a_reset_ends_all(house: House) -> None:
    for part in ("1-1", "1-2", ""):
        house.happen("fire-panel", "fire.fault", zone="b1", data={"part": part} if part else None)
    house.wait(1 * S)
    house.happen("fire-panel", "fire.fault", zone="b1", data={"state": "cleared"})
    assert standing(house) == [("fire-fault", "1-1"), ("fire-fault", "1-2")]
    house.wait(1 * S)
    house.happen("fire-panel", "fire.reset", zone="b1")
    assert standing(house) == []
    house.wait(1 * S)
    house.happen("fire-panel", "fire.fault", zone="b1", data={"part": "1-2", "state": "active"})
    assert standing(house) == [("fire-fault", "1-2")], "what stands again after it begins anew"


@pytest.mark.parametrize("data", [{"state": "cleared"}, {"loop": "2"}, {"loop": 2}, {"loop": [2]}])
def test_what_is_no_reset_of_a_part_leaves_it_standing(house: House, data: dict[str, Any]) -> None:
    house.happen("fire-panel", "fire.fault", zone="b1", data={"loop": "1", "address": "1"})
    house.wait(1 * S)
    house.happen("fire-panel", "fire.reset", zone="b1", data=data)
    assert standing(house) == [("fire-fault", "1-1")]


def test_the_end_of_one_numbered_part_is_none_of_its_neighbour(house: House) -> None:
    for part in (132, 133):
        house.happen("fire-panel", "fire.fault", zone="b1", data={"part": part})
    house.wait(1 * S)
    house.happen("fire-panel", "fire.fault", zone="b1", data={"part": 132.0, "state": "off"})
    assert standing(house) == [("fire-fault", "133")]


def test_a_word_that_could_be_either_calls_a_person_and_owes_nothing(house: House) -> None:
    house.happen("fire-panel", "fire.fault", zone="b1", data={"state": "pending"})
    assert standing(house) == [("fire-fault", "")]
    house.wait(2 * M)
    assert house.verdicts("ER-4") == []
    house.do(CONTROLLER, AcknowledgeAlarms(alarms=(house.alarms()[0].id,)))
    house.happen("fire-panel", "fire.fault", zone="b1", data={"state": "pending"})
    assert house.alarms()[0].state is AlarmState.ACKNOWLEDGED, "nor is it a repetition"


def test_a_late_older_beginning_reopens_nothing(house: House) -> None:
    begun = house.now
    house.happen("door-club", "door.held", agent="gw-2")
    house.wait(5 * S)
    house.happen("door-club", "door.closed", agent="gw-2")
    house.happen("door-club", "door.held", begun + 2 * S, agent="gw-2")
    assert standing(house) == []


# --- repetition


def test_the_same_detector_after_an_acknowledgement_is_a_new_alarm(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    house.wait(5 * S)
    assert not house.do(CONTROLLER, Acknowledge(incident=incident.id)).problem
    before, stopped = told(house), len(house.stopped)
    house.wait(30 * S)
    fire(house)
    assert told(house) == before + 1, "people are told again"
    assert the(house, "1-1").state is AlarmState.UNACKNOWLEDGED
    house.wait(31 * S)
    assert {p for p, _ in house.told()} > {CONTROLLER, OTHER}, "and it escalates"
    assert not house.do(CONTROLLER, Acknowledge(incident=incident.id)).problem
    assert the(house, "1-1").state is AlarmState.ACKNOWLEDGED
    assert len(house.stopped) == stopped + 1
    assert house.do(OTHER, Acknowledge(incident=incident.id)).problem == "conflict"
    (after,) = house.emergencies()
    assert len([one for one in after.life.notes if one.person == CONTROLLER]) == 1
    assert after.life.step(Phase.ACKNOWLEDGED) == incident_step(house, 5 * S)


def incident_step(house: House, after: int) -> Any:
    """The step that the first acknowledgement left."""
    (incident,) = house.emergencies()
    step = incident.life.step(Phase.ACKNOWLEDGED)
    assert step is not None
    assert step.at == incident.opened_at + after
    return step


def test_another_floor_after_the_acknowledgement_is_told_and_can_be_acknowledged(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    house.wait(5 * S)
    house.do(CONTROLLER, AcknowledgeAlarms(alarms=(the(house, "1-1").id,)))
    before = told(house)
    house.wait(2 * M)
    fire(house, "1-9", zone="b1-f3")
    assert told(house) == before + 1
    house.wait(1 * S)
    assert not house.do(CONTROLLER, AcknowledgeAlarms(alarms=(the(house, "1-9").id,))).problem
    count = len(house.told(lambda one: one.kind == "alarm"))
    house.wait(5 * M)
    assert len(house.told(lambda one: one.kind == "alarm")) == count, "and then nobody is told any more"
    assert [one.id for one in house.emergencies()] == [incident.id]


def test_a_repetition_before_the_acknowledgement_tells_nobody_again(house: House) -> None:
    fire(house)
    for _ in range(20):
        house.wait(1 * S)
        fire(house)
    assert told(house) == 1


def test_what_the_edge_tells_again_after_a_restart_is_no_new_alarm(house: House) -> None:
    fire(house)
    house.wait(1 * S)
    house.do(CONTROLLER, Acknowledge(incident=house.emergencies()[0].id))
    before = told(house)
    house.wait(1 * M)
    house.happen("fire-panel", "fire.alarm", zone="b1", data={"part": "1-1", "initial": True})
    assert told(house) == before
    assert the(house, "1-1").state is AlarmState.ACKNOWLEDGED


def test_an_alarm_that_repeats_is_new_over_a_restart_of_the_worker(house: House) -> None:
    fire(house)
    house.wait(1 * S)
    house.do(CONTROLLER, Acknowledge(incident=house.emergencies()[0].id))
    house.restart()
    before = told(house)
    house.wait(30 * S)
    fire(house)
    assert told(house) == before + 1


# --- acts touch only what began before them


def test_a_late_note_acknowledges_nothing(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    house.wait(1 * S)
    house.do(CONTROLLER, Acknowledge(incident=incident.id))
    house.wait(1 * M)
    wrote = house.now
    house.wait(12 * S)
    fire(house, "1-2")
    house.wait(1 * S)
    assert not house.do(
        CONTROLLER, AddNote(matter="incident", id=incident.id, text="all calm"), at=wrote
    ).problem
    assert not house.do(CONTROLLER, AddNote(matter="incident", id=incident.id, text="still")).problem
    assert the(house, "1-2").state is AlarmState.UNACKNOWLEDGED


ACTS: list[tuple[str, Any]] = [
    ("acknowledge", lambda incident: Acknowledge(incident=incident)),
    ("dispatch", lambda incident: Dispatch(incident=incident, people=("p-007",))),
    ("arrive", lambda incident: Arrive(incident=incident)),
    ("verify", lambda incident: Verify(incident=incident, result="false")),
    ("handle", lambda incident: Handle(incident=incident)),
    ("note", lambda incident: AddNote(matter="incident", id=incident, text="x")),
    (
        "attach",
        lambda incident: Attach(
            matter="incident", id=incident, sha256="0" * 64, name="a.jpg", type="image/jpeg", size=9
        ),
    ),
    ("step", lambda incident: DoStep(incident=incident, step="call")),
    ("close", lambda incident: Close(incident=incident, override="x")),
]


@pytest.mark.parametrize("name", [name for name, _ in ACTS])
def test_no_act_acknowledges_what_began_after_it(house: House, name: str) -> None:
    act: Action = dict(ACTS)[name](_burning(house))
    done = house.now
    house.wait(3 * S)
    fire(house, "1-2")
    house.wait(1 * S)
    count = len(house.told())
    house.do(CONTROLLER, act, at=done)
    assert the(house, "1-2").acked_at is None
    assert the(house, "1-1").acked_at in {None, done}
    for alarm in house.alarms():
        assert alarm.acked_at is None or alarm.acked_at >= alarm.opened_at
    house.wait(6 * M)
    if name != "close":
        assert len(house.told()) > count, "people are told until somebody has seen the new one"


def _burning(house: House) -> str:
    fire(house)
    house.wait(5 * S)
    return house.emergencies()[0].id


@pytest.mark.parametrize("name", [name for name, _ in ACTS if name not in {"note", "attach"}])
def test_no_act_is_about_an_incident_that_began_after_it(house: House, name: str) -> None:
    done = house.now
    house.wait(1)
    act: Action = dict(ACTS)[name](_burning(house))
    assert house.do(CONTROLLER, act, at=done).problem in {"conflict", "unknown"}
    assert house.emergencies()[0].life.phase is Phase.DETECTED


@pytest.mark.parametrize(
    "act",
    [
        lambda house, alarm: ShelveAlarm(alarm=alarm, until=house.now + H, reason="known"),
        lambda _, alarm: RetireAlarm(alarm=alarm, reason="known"),
        lambda _, alarm: ResetAlarm(alarm=alarm),
        lambda _, alarm: AcknowledgeAlarms(alarms=(alarm,)),
    ],
)
def test_no_act_is_about_an_alarm_that_began_after_it(house: House, act: Any) -> None:
    done = house.now
    house.wait(1)
    house.happen("door-club", "door.held", agent="gw-2")
    alarm = house.alarms()[-1]
    answer = house.do(CONTROLLER, act(house, alarm.id), at=done)
    assert answer.problem == "conflict"
    assert "after" in answer.en
    assert house.alarms()[-1].state is AlarmState.UNACKNOWLEDGED


def test_of_a_batch_only_what_began_before_is_acknowledged(house: House) -> None:
    fire(house)
    house.wait(1 * S)
    done = house.now
    house.wait(1 * S)
    fire(house, "1-2")
    both = (the(house, "1-1").id, the(house, "1-2").id)
    assert not house.do(CONTROLLER, AcknowledgeAlarms(alarms=both), at=done).problem
    assert the(house, "1-1").acked_at == done
    assert the(house, "1-2").acked_at is None


def test_a_device_whose_clock_is_ahead_can_be_acknowledged_at_once(house: House) -> None:
    fire(house, at=house.now + 4 * S)
    assert not house.do(CONTROLLER, Acknowledge(incident=house.emergencies()[0].id)).problem
    alarm = the(house, "1-1")
    assert alarm.acked_at == alarm.opened_at
