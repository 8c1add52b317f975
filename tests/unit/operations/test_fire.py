"""A fire at the demo estate, from the detector to the review, with everybody who must hear of it."""

import pytest

from cloud.operations.alarm import AlarmState
from cloud.operations.command import (
    Acknowledge,
    AcknowledgeAlarms,
    Close,
    Dispatch,
    DoStep,
    Handle,
    ResetAlarm,
    Review,
    Verify,
)
from cloud.operations.life import Phase
from cloud.store.base import IncidentState
from tests.house import House, M, S


@pytest.fixture
def house() -> House:
    return House()


def fire(house: House, zone: str = "b1", point: int = 1) -> None:
    house.happen("fire-panel", "fire.alarm", zone=zone, data={"loop": 1, "address": point})


def test_forty_detectors_of_one_block_are_one_incident_and_one_message(house: House) -> None:
    for point in range(40):
        fire(house, zone="b1" if point % 2 else "b1-f2", point=point)
        house.wait(1 * S)
    (incident,) = house.emergencies()
    assert len(incident.life.alarms) == 40
    assert incident.life.zones == ("b1-f2", "b1")
    assert [alarm.first_out for alarm in house.alarms()].count(True) == 1
    assert len({notice.about for notice in house.notices}) == 1


def test_forty_detectors_within_one_message_are_one_incident_too(house: House) -> None:
    house.happen_at_once(
        [("fire-panel", "fire.alarm", "b1", {"loop": 1, "address": point}) for point in range(40)]
    )
    assert len(house.emergencies()) == 1
    assert len({notice.about for notice in house.notices}) == 1


def test_the_chain_goes_up_until_somebody_acknowledges_and_stops_at_once(house: House) -> None:
    fire(house)
    assert {person for person, _ in house.told()} == {"p-002", "p-003"}
    house.wait(31 * S)
    guards = house.told()[2:]
    assert guards
    (incident,) = house.emergencies()
    assert not house.do("p-002", Acknowledge(incident=incident.id)).problem
    told = [notice for notice in house.notices if notice.kind == "alarm"]
    house.wait(9 * M)
    assert [notice for notice in house.notices if notice.kind == "alarm"] == told
    assert house.stopped == [(f"incident:{incident.id}", house.stopped[0][1])]


def test_an_acknowledgement_that_nothing_follows_lets_the_chain_go_on(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    house.do("p-002", Acknowledge(incident=incident.id))
    told = len(house.notices)
    house.wait(11 * M)
    assert len(house.notices) > told


def test_from_the_alarm_to_the_review(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    identity = incident.id
    house.wait(10 * S)
    assert house.do("p-002", Acknowledge(incident=identity)).revision
    assert not house.do("p-002", Dispatch(incident=identity, people=("p-007",))).problem
    house.wait(50 * S)
    house.happen("cp-b1-03", "checkpoint.scan", person="card:8812331")
    house.wait(1 * M)
    assert not house.do("p-007", Verify(incident=identity, result="true", note="smoke")).problem
    assert not house.do("p-002", DoStep(incident=identity, step="verify")).problem
    refused = house.do("p-002", Close(incident=identity))
    assert refused.problem == "conflict"
    assert "still stands" in refused.en
    house.happen("fire-panel", "fire.reset", zone="b1", data={"loop": 1, "address": 1})
    alarm = next(alarm for alarm in house.alarms() if alarm.kind == "fire")
    assert not house.do("p-002", ResetAlarm(alarm=alarm.id)).problem
    assert not house.do("p-002", Handle(incident=identity)).problem
    assert not house.do("p-002", Close(incident=identity, note="small fire, put out")).problem
    assert not house.do("p-001", Review(incident=identity, note="well done")).problem
    (done,) = house.incidents(id=identity)
    assert done.state is IncidentState.CLOSED
    steps = {step.phase: (step.at - incident.opened_at, step.person, step.how) for step in done.life.steps}
    assert steps[Phase.ACKNOWLEDGED] == (10 * S, "p-002", "declared")
    assert steps[Phase.ARRIVED] == (60 * S, "p-007", "evidence")
    assert steps[Phase.REVIEWED][1] == "p-001"
    assert [revised.verdict.outcome for revised in house.verdicts("ER-4")] == ["met"]
    assert [revised.verdict.outcome for revised in house.verdicts("ER-3")] == ["met"]
    assert [revised.verdict.outcome for revised in house.verdicts("ER-2")] == ["met"]


def test_steps_of_the_plan_that_were_left_out_are_told_to_the_supervisor(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    house.do("p-002", Verify(incident=incident.id, result="true"))
    house.do("p-002", DoStep(incident=incident.id, step="call", skipped="put out at once"))
    told = [notice for notice in house.notices if notice.person == "p-001" and notice.kind == "concern"]
    assert len(told) == 1
    assert "119" in told[0].title
    assert "put out at once" in told[0].title
    house.do("p-002", Close(incident=incident.id, override="panel is reset later"))
    told = [notice for notice in house.notices if notice.person == "p-001" and notice.kind == "concern"]
    assert len(told) == 2
    assert "疏散" in told[1].title


def test_acknowledging_every_alarm_of_a_fire_acknowledges_the_fire(house: House) -> None:
    fire(house, point=1)
    fire(house, point=2)
    first, second = house.alarms()
    house.do("p-002", AcknowledgeAlarms(alarms=(first.id,)))
    assert house.emergencies()[0].life.step(Phase.ACKNOWLEDGED) is None
    house.do("p-002", AcknowledgeAlarms(alarms=(second.id,)))
    assert house.emergencies()[0].life.step(Phase.ACKNOWLEDGED) is not None
    assert {alarm.state for alarm in house.alarms()} == {AlarmState.ACKNOWLEDGED}


def test_two_acknowledgements_at_once_are_one_and_a_conflict_that_names_the_first(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    assert not house.do("p-002", Acknowledge(incident=incident.id)).problem
    second = house.do("p-003", Acknowledge(incident=incident.id))
    assert (second.problem, "p-002" in second.en) == ("conflict", True)


def test_the_same_command_sent_twice_happens_once(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    first = house.do("p-002", Acknowledge(incident=incident.id), name="once")
    house.restart()
    assert house.do("p-002", Acknowledge(incident=incident.id), name="once") == first


def test_an_action_upon_what_has_changed_since_is_refused(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    house.do("p-002", Acknowledge(incident=incident.id))
    stale = house.do("p-002", Verify(incident=incident.id, result="false"), expects=incident.revision)
    assert stale.problem == "stale"


def test_a_closed_incident_can_be_reviewed_after_a_restart(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    house.do("p-002", Verify(incident=incident.id, result="test"))
    assert not house.do("p-002", Close(incident=incident.id, override="test of the panel")).problem
    house.restart()
    assert house.do("p-002", Review(incident=incident.id, note="x")).problem == "not_allowed"
    assert not house.do("p-001", Review(incident=incident.id, note="fine")).problem


def test_a_closed_fire_that_somebody_asked_for_again_keeps_nobody_busy(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    house.do("p-002", Verify(incident=incident.id, result="true"))
    house.do("p-002", Close(incident=incident.id, override="the brigade has it"))
    assert house.do("p-002", Review(incident=incident.id, note="x")).problem == "not_allowed"
    assert not house.busy()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_fire_that_comes_after_the_first_was_closed_is_another_one(
    house: House, *, restarted: bool
) -> None:
    fire(house, point=1)
    (first,) = house.emergencies()
    house.do("p-002", Verify(incident=first.id, result="true"))
    house.do("p-002", Close(incident=first.id, override="the brigade has it"))
    if restarted:
        house.restart()
    house.wait(2 * M)
    told = len(house.notices)
    house.happen_at_once(
        [("fire-panel", "fire.alarm", "b1", {"loop": 1, "address": point}) for point in range(2, 9)]
    )
    (second,) = house.emergencies()
    assert second.id != first.id
    assert second.life.alarm_count == 7
    assert len(house.notices) > told, "and somebody is told of it"
    (closed,) = house.incidents(id=first.id)
    assert closed.state is IncidentState.CLOSED
    assert closed.life.result == "true"


def test_nobody_who_left_and_no_stranger_acts(house: House) -> None:
    fire(house)
    (incident,) = house.emergencies()
    assert house.do("nobody", Acknowledge(incident=incident.id)).problem == "not_allowed"
    assert house.do("p-002", Acknowledge(incident="0" * 16)).problem == "unknown"


def test_an_escalation_goes_on_over_a_restart_each_step_once(house: House) -> None:
    fire(house)
    house.restart()
    house.wait(29 * S)
    house.restart()
    house.wait(5 * S)
    house.restart()
    house.wait(2 * M)
    ids = [notice.id for notice in house.notices]
    assert len(ids) == len(set(ids))
    assert [notice.step for notice in house.notices if notice.person == "p-001"] == [2]
