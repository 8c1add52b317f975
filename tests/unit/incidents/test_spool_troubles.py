"""What an agent says of its own spool: the control room is told of a full disk and of lost rows, by number."""

import pytest

from cloud.incidents.links import FULL, IDENTITY_MS
from cloud.store.base import IncidentKind, IncidentState
from contract.batch import Lane
from tests.house import House


@pytest.fixture
def house() -> House:
    return House()


def troubles(house: House) -> list[tuple[str, str]]:
    return [
        (one.subject, one.cause) for one in house.incidents(kind=IncidentKind.LINK, state=IncidentState.OPEN)
    ]


def test_a_full_disk_is_an_incident_until_it_is_over(house: House) -> None:
    house.happen("gw-1", "device.fault", agent="gw-1", data={"what": "spool_full", "state": "active"})
    assert troubles(house) == [("gw-1/disk", FULL)]
    house.happen("gw-1", "device.fault", agent="gw-1", data={"what": "spool_full", "state": "cleared"})
    assert troubles(house) == []


def test_a_full_disk_that_is_told_of_no_more_is_over_after_a_while(house: House) -> None:
    house.happen("gw-1", "device.fault", agent="gw-1", data={"what": "spool_full", "state": "active"})
    house.restart()
    assert len(troubles(house)) == 1
    house.wait(IDENTITY_MS + 60_000)
    assert troubles(house) == []


def test_lost_rows_are_an_incident_that_names_their_numbers(house: House) -> None:
    house.lose_rows("gw-1", 3)
    (trouble,) = troubles(house)
    subject, cause = trouble
    assert subject == f"gw-1/{Lane.MAIN}/lost"
    assert cause.startswith("numbers ")
    assert cause.endswith(" are lost: its spool was damaged")
