"""An agent that tells of another's devices: nothing of it counts, and the control room is told."""

import pytest

from cloud.incidents.links import IDENTITY_MS
from cloud.operations.command import Acknowledge
from cloud.store.base import Incident, IncidentKind, IncidentState
from tests.house import House

MIN = 60_000


@pytest.fixture
def house() -> House:
    return House()


def troubles(house: House) -> list[Incident]:
    return house.incidents(kind=IncidentKind.LINK, state=IncidentState.OPEN)


def test_a_forged_fire_opens_no_emergency_but_an_incident_of_the_link(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1", agent="gw-2")
    assert house.emergencies() == []
    (trouble,) = troubles(house)
    assert trouble.subject == "gw-2/devices"
    assert trouble.cause == "gw-2 told of fire-panel, which is read by gw-1"


@pytest.mark.parametrize("device", ["desk-control", "cp-control", "fire-panel"])
def test_a_forged_acknowledgement_of_a_desk_is_no_evidence(house: House, device: str) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1")
    house.happen(device, "operator.acknowledged", zone="b1", agent="gw-1")
    assert [one.subject for one in troubles(house)] == ["gw-1/devices"]
    house.wait(10 * MIN)
    assert [one.verdict.outcome for one in house.verdicts("ER-4")] == ["breached"]


def test_a_true_acknowledgement_still_is(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1")
    (fire,) = house.emergencies()
    house.do("p-002", Acknowledge(incident=fire.id))
    house.wait(10 * MIN)
    assert [one.verdict.outcome for one in house.verdicts("ER-4")] == ["met"]


def test_the_trouble_stands_over_a_restart_and_ends_once_it_was_not_seen_for_a_while(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="b1", agent="gw-2")
    house.restart()
    assert len(troubles(house)) == 1
    house.wait(IDENTITY_MS - 1)
    assert len(troubles(house)) == 1
    house.wait(2 * MIN)
    assert troubles(house) == []
