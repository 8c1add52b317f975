"""Who is on duty at the demo estate: rotating teams, midnight, clocks put forward, swaps, and people who leave."""

import datetime as dt

import msgspec
import pytest

from cloud.ingest.desk import SiteSetup
from cloud.operations.command import GoOffDuty, GoOnDuty, HandOver, SwapShift
from cloud.operations.duty_book import Duty
from cloud.operations.record import RecordKind
from cloud.operations.roster import Roster, Rosters, Rotation
from contract.site import Person, Schedule, Site, SiteFile, Window
from tests.house import DAY, MONDAY, H, House, M, demo


@pytest.fixture
def house() -> House:
    return House()


def running(house: House) -> dict[str, Duty]:
    return {duty.roster: duty for duty in house.matters(RecordKind.DUTY, Duty) if duty.state == "running"}


def test_teams_take_turns_by_the_day() -> None:
    rosters = demo().operations.rosters
    assert rosters is not None
    nights = [s for s in rosters.shifts(MONDAY, MONDAY + 3 * DAY) if s.roster == "control-night"]
    assert [shift.people for shift in nights] == [("p-002",), ("p-003",), ("p-002",)]
    assert [(shift.end - shift.start) // H for shift in nights] == [12, 12, 12]


def test_a_night_shift_belongs_to_the_day_on_which_it_begins(house: House) -> None:
    house.pass_to(MONDAY + 15 * H, hearing=False)
    assert running(house)["control-night"].staff == ("p-002",)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 11), ("2026-10-24", 13)], ids=["clocks forward", "clocks back"]
)
def test_a_shift_over_a_change_of_the_clock_is_one_hour_shorter_or_longer(day: str, hours: int) -> None:
    site = Site(
        SiteFile(
            site="south",
            timezone="Europe/Berlin",
            people=(Person(id="a", roles=("guard",)), Person(id="b", roles=("guard",))),
            schedules=(Schedule(id="night", windows=(Window(from_="20:00", to="08:00"),)),),
        )
    )
    rotation = Rotation(from_=dt.date(2026, 1, 1), days=1)
    rosters = Rosters(
        site, [Roster(id="n", role="guard", schedule="night", teams=(("a",), ("b",)), rotation=rotation)]
    )
    start = int(dt.datetime.fromisoformat(f"{day}T12:00+00:00").timestamp() * 1_000)
    (shift,) = rosters.shifts(start, start + 8 * H)
    (after,) = rosters.shifts(start + DAY, start + DAY + 8 * H)
    assert (shift.end - shift.start) // H == hours
    assert shift.people != after.people, "the turn goes by days of the calendar"


def test_a_scan_at_the_post_begins_a_shift_and_a_word_ends_it(house: House) -> None:
    house.happen("cp-control", "checkpoint.scan", person="card:8812302")
    (came,) = running(house)["control-day"].present
    assert (came.person, came.since, came.how) == ("p-002", MONDAY, "evidence")
    house.wait(H)
    assert not house.do("p-002", GoOffDuty(post="control")).problem
    (gone,) = running(house)["control-day"].present
    assert gone.until == MONDAY + H


def test_who_signed_off_is_not_told_and_who_comes_back_is(house: House) -> None:
    house.do("p-002", GoOnDuty(post="control"))
    house.do("p-002", GoOffDuty(post="control"))
    house.happen("fire-panel", "fire.alarm", zone="b1")
    assert {person for person, _ in house.told()} == {"p-003"}


def test_a_swap_puts_somebody_else_on_duty(house: House) -> None:
    start = MONDAY + 10 * H
    swap = SwapShift(shift="control-night", start=start, absent="p-002", to="p-003")
    assert not house.do("p-001", swap).problem
    house.pass_to(start + M, hearing=False)
    assert running(house)["control-night"].staff == ("p-003",)
    house.restart()
    house.happen("fire-panel", "fire.alarm", zone="b1")
    assert {person for person, _ in house.told(lambda n: n.priority == 1)} == {"p-003"}


@pytest.mark.parametrize(
    ("swap", "problem"),
    [
        (SwapShift(shift="night", start=MONDAY + 10 * H, absent="p-003", to="p-002"), "unknown"),
        (SwapShift(shift="control-night", start=MONDAY, absent="p-002", to="p-003"), "unknown"),
        (SwapShift(shift="control-night", start=MONDAY + 10 * H, absent="p-002", to="p-007"), "not_allowed"),
        (SwapShift(shift="control-night", start=MONDAY + 10 * H, absent="p-003", to="p-002"), "conflict"),
    ],
)
def test_a_swap_that_cant_be_is_refused(house: House, swap: SwapShift, problem: str) -> None:
    assert house.do("p-001", swap).problem == problem


def test_a_handover_is_written_into_the_shift_and_told_to_the_rule(house: House) -> None:
    house.do("p-002", GoOffDuty(post="control"))
    house.wait(5 * M)
    given = house.do("p-002", HandOver(post="control", to="p-003", text="loop 2 is isolated until noon"))
    assert not given.problem
    assert running(house)["control-day"].handovers[0].text == "loop 2 is isolated until noon"
    house.wait(6 * M)
    assert [revised.verdict.outcome for revised in house.verdicts("PT-5H")] == ["met"]


def test_a_person_who_left_is_neither_told_nor_let_act() -> None:
    setup = demo()
    people = tuple(
        msgspec.structs.replace(person, until=dt.date(2026, 11, 22)) if person.id == "p-002" else person
        for person in setup.site.file.people
    )
    site = Site(
        msgspec.structs.replace(setup.site.file, people=people), setup.site.profiles, setup.site.own_sections
    )
    rosters = Rosters(
        site, tuple(setup.operations.rosters.by_id.values()) if setup.operations.rosters else ()
    )
    changed = msgspec.structs.replace(setup.operations, rosters=rosters)
    house = House(SiteSetup(site, setup.rules, setup.engine, setup.explain, changed))
    house.happen("fire-panel", "fire.alarm", zone="b1")
    assert {person for person, _ in house.told()} == {"p-003"}
    assert house.do("p-002", GoOnDuty(post="control")).problem == "not_allowed"
