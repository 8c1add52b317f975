"""A shift ends by itself for whoever never signs off, and is judged like any other (rule PT-5H)."""

import pytest

from cloud.operations import command as do
from contract.events import Event
from tests.house import H, House, M

END = 10 * H
"""After the house's beginning at 10:00: the day shift of the control room is over at 20:00."""


def gone(house: House) -> list[Event]:
    groups = [group for commit in house.store.partitions[0].commits for group in commit.events]
    return [one for group in groups for one in group.events if one.type == "staff.off_duty"]


@pytest.fixture
def house() -> House:
    return House()


def test_who_never_signs_off_goes_with_the_end_of_the_shift_unless_the_next_one_is_theirs(
    house: House,
) -> None:
    begun = house.now
    house.pass_to(begun + END - M)
    assert gone(house) == []
    house.pass_to(begun + END + 2 * M)
    (event,) = gone(house)
    assert (event.at, event.zone, event.person in {"p-002", "p-003"}) == (begun + END, "control", True)
    house.restart()
    house.pass_to(begun + END + 2 * H)
    assert len(gone(house)) == 1, "it is told once"
    outcomes = [one.verdict.outcome for one in house.verdicts("PT-5H")]
    assert outcomes[-1] == "breached", "nobody wrote a handover"


def test_who_signed_off_is_not_sent_home_again_and_a_handover_before_it_counts(house: House) -> None:
    begun = house.now
    house.pass_to(begun + END - 2 * M)
    for name in ("p-002", "p-003"):
        house.do(name, do.HandOver(post="control", to="p-001", text="all quiet"))
    house.pass_to(begun + END - M)
    for name in ("p-002", "p-003"):
        house.do(name, do.GoOffDuty(post="control"))
    house.pass_to(begun + END + 2 * H)
    assert len(gone(house)) == 2
    assert {one.verdict.outcome for one in house.verdicts("PT-5H") if one.verdict.final} <= {"met"}
