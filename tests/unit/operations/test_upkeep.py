"""Preventive maintenance: when it is due by calendar and by meter, that it opens once, and what is told of it."""

import datetime as dt
import itertools
import zoneinfo
from pathlib import Path
from typing import Any

import pytest

from cloud.operations import command as do
from cloud.operations.upkeep import Meter, Upkeep, dues, load_upkeep
from contract.problems import ConfigError
from contract.site import Text
from contract.site_files import load_site
from tests.orders import DAY, MONDAY, SHA, H, M, Office, checklists, estate, kinds

DAY_1 = dt.date(2026, 11, 23)
SHANGHAI, BERLIN = zoneinfo.ZoneInfo("Asia/Shanghai"), zoneinfo.ZoneInfo("Europe/Berlin")


def plan(every: str | None = "1 month", start: str | None = "2026-12-01", **more: Any) -> Upkeep:
    fields: dict[str, Any] = {"id": "u", "name": Text(en="Service"), "kind": "inspection", "zone": "plant"}
    begins = dt.date.fromisoformat(start) if start else None
    return Upkeep(**(fields | {"every": every, "start": begins} | more))


def by_meter(every: float = 250) -> Upkeep:
    return plan(None, None, meter=Meter(device="genset", point="run_hours", every=every), device="genset")


def read(office: Office, *values: float) -> None:
    """One reading a minute."""
    for value in values:
        office.now += M
        office.book.on_reading("genset", "run_hours", office.now, value, office.now)
        office.wait(0)


def opened(office: Office) -> list[str]:
    """The orders of upkeep that are open, by their due day or by id."""
    return [order.id for order in office.book.all() if order.upkeep and not order.is_over]


def local(at: int, zone: zoneinfo.ZoneInfo) -> str:
    return dt.datetime.fromtimestamp(at / 1_000, zone).strftime("%Y-%m-%d %H:%M")


# --- by calendar


@pytest.mark.parametrize(
    ("every", "start", "days"),
    [
        ("1 month", "2027-01-31", ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
        ("3 months", "2026-11-30", ["2026-11-30", "2027-02-28", "2027-05-30", "2027-08-30"]),
        ("2w", "2026-11-25", ["2026-11-25", "2026-12-09", "2026-12-23", "2027-01-06"]),
        ("90d", "2026-12-01", ["2026-12-01", "2027-03-01", "2027-05-30", "2027-08-28"]),
        ("1 year", "2024-02-29", ["2027-02-28", "2028-02-29", "2029-02-28", "2030-02-28"]),
    ],
)
def test_due_days_follow_the_calendar_from_the_first_day(every: str, start: str, days: list[str]) -> None:
    found = itertools.islice(dues(plan(every, start), SHANGHAI, MONDAY), 4)
    assert [str(due.day) for due in found] == days


@pytest.mark.parametrize("every", ["1d", "2w", "1 month", "3 months", "1 year", "17 days"])
def test_a_plan_that_began_long_ago_is_reckoned_as_if_day_by_day(every: str) -> None:
    old = plan(every, "1999-01-31")
    soon = itertools.takewhile(lambda due: due.opens_at < MONDAY + 1_500 * DAY, dues(old, SHANGHAI, 0))
    whole = [due for due in soon if due.due_at > MONDAY]
    assert list(itertools.islice(dues(old, SHANGHAI, MONDAY), 3)) == whole[:3]


def test_days_begin_and_end_at_local_midnight_over_a_change_of_clocks() -> None:
    spring = dt.datetime(2027, 3, 20, tzinfo=BERLIN).timestamp() * 1_000
    found = list(itertools.islice(dues(plan("1w", "2027-03-28", lead="7d"), BERLIN, int(spring)), 2))
    assert [(local(due.opens_at, BERLIN), local(due.due_at, BERLIN)) for due in found] == [
        ("2027-03-21 00:00", "2027-03-29 00:00"),
        ("2027-03-28 00:00", "2027-04-05 00:00"),
    ]
    assert found[0].due_at - found[0].opens_at == 8 * DAY - H


def test_an_order_opens_ahead_of_its_day_and_is_due_at_its_end() -> None:
    office = Office(plan(lead="7d"))
    office.wait(14 * H - 1)
    assert opened(office) == []
    office.wait(1)
    (name,) = opened(office)
    order = office.order(name)
    assert (order.title, order.zone, order.upkeep) == ("Service", "plant", "u")
    assert local(order.opened_at, SHANGHAI) == "2026-11-24 00:00"
    assert local(order.due_at or 0, SHANGHAI) == "2026-12-02 00:00"
    office.wait(9 * DAY)
    assert office.keys(name) == ["done_within:0:near", "done_within:0:over"]


def test_one_that_is_missed_does_not_pile_up() -> None:
    office = Office(plan())
    office.wait(200 * DAY)
    assert len(opened(office)) == 1


def test_what_was_done_late_stands_for_what_became_due_meanwhile() -> None:
    office = Office(plan())
    office.wait(45 * DAY)
    (name,) = opened(office)
    office.do("wu", do.AcceptOrder(order=name))
    office.do("wu", do.FinishOrder(order=name))
    office.do("wu", do.CloseOrder(order=name))
    office.wait(DAY)
    assert opened(office) == []
    office.wait(20 * DAY)
    (name,) = opened(office)
    assert local(office.order(name).due_at or 0, SHANGHAI) == "2027-02-02 00:00"


def test_after_a_long_stop_the_last_that_is_due_opens_alone() -> None:
    office = Office(plan())
    office.wait(0)
    office.now += 100 * DAY
    office.restart()
    office.wait(0)
    (name,) = opened(office)
    assert local(office.order(name).due_at or 0, SHANGHAI) == "2027-03-02 00:00"


@pytest.mark.parametrize("ending", ["open", "closed", "cancelled"])
def test_the_same_due_day_never_opens_twice_also_after_a_restart(ending: str) -> None:
    office = Office(plan())
    office.wait(2 * DAY)
    (name,) = opened(office)
    if ending == "closed":
        office.do("wu", do.AcceptOrder(order=name))
        office.do("wu", do.FinishOrder(order=name))
        office.do("wu", do.CloseOrder(order=name))
    if ending == "cancelled":
        office.do("boss", do.CancelOrder(order=name, reason="not this month"))
    for _ in range(3):
        office.restart()
        office.wait(DAY)
    assert opened(office) == ([name] if ending == "open" else [])
    assert len([key for key in office.stored if key[0] == "order"]) == 1


def test_two_workers_give_the_same_order_the_same_name() -> None:
    one, two = Office(plan()), Office(plan())
    one.wait(3 * DAY)
    two.wait(2 * DAY)
    assert opened(one) == opened(two)


def test_bad_work_keeps_the_plan_busy() -> None:
    office = Office(plan())
    office.wait(2 * DAY)
    (name,) = opened(office)
    office.do("wu", do.AcceptOrder(order=name))
    office.do("wu", do.FinishOrder(order=name))
    office.do("boss", do.VerifyOrder(order=name, good=False, note="half of it"))
    office.wait(100 * DAY)
    assert opened(office) == [name]


def test_an_inspection_is_told_to_the_rules_once_it_is_done_and_filled() -> None:
    office = Office(plan(inspection="fire_safety", checklist="sheet", devices={"joint": "joint-1"}))
    office.wait(2 * DAY)
    (name,) = opened(office)
    office.do("wu", do.AcceptOrder(order=name))
    for item, value in (("joint", 40.0), ("leaks", False), ("smoke", "clear")):
        office.do("wu", do.FillItem(order=name, item=item, value=value))
    office.do("wu", do.FinishOrder(order=name))
    assert not office.told("inspection.done")
    office.do("wu", do.FillItem(order=name, item="signature", value=SHA))
    assert office.told("inspection.done") == [{"kind": "fire_safety", "request": name}]
    assert [deed.device for deed in office.deeds if deed.type == "measurement.recorded"] == ["joint-1"]
    office.do("wu", do.FillItem(order=name, item="words", value="well"))
    office.restart()
    office.do("wu", do.CloseOrder(order=name))
    assert len(office.told("inspection.done")) == 1


def test_nobody_asked_for_upkeep_so_nothing_is_owed_to_anybody() -> None:
    office = Office(plan())
    office.wait(2 * DAY)
    (name,) = opened(office)
    office.do("wu", do.AcceptOrder(order=name))
    assert not office.deeds


# --- by meter


def test_a_meter_opens_an_order_each_time_it_has_grown_so_far() -> None:
    office = Office(by_meter())
    read(office, 1_000, 1_100, 1_249)
    assert opened(office) == []
    read(office, 1_250)
    (name,) = opened(office)
    read(office, 1_600, 1_900)
    assert opened(office) == [name]
    office.do("wu", do.AcceptOrder(order=name))
    office.do("wu", do.FinishOrder(order=name))
    office.do("wu", do.CloseOrder(order=name))
    read(office, 2_149)
    assert opened(office) == []
    read(office, 2_150)
    assert opened(office) != [name]
    assert len(opened(office)) == 1


def test_a_meter_is_remembered_over_a_restart_and_not_noted_for_every_reading() -> None:
    office = Office(by_meter())
    read(office, *(1_000 + step / 10 for step in range(1_000)))
    course = office.book.upkeep.get("u")
    assert course is not None
    assert course.revision < 60
    office.restart()
    read(office, 1_249.9)
    assert opened(office) == []
    read(office, 1_250)
    assert len(opened(office)) == 1


def test_a_new_meter_that_starts_from_0_counts_on() -> None:
    office = Office(by_meter())
    read(office, 1_000, 1_200, 0, 1, 2, 3)
    assert [one.role for one in office.concerns if "replaced" in one.key] == ["supervisor"]
    read(office, 49)
    assert opened(office) == []
    read(office, 50)
    assert len(opened(office)) == 1


def test_a_slip_of_a_meter_is_no_new_meter() -> None:
    office = Office(by_meter())
    read(office, 1_000, 1_200, 0, 1_201, 1_249)
    assert opened(office) == []
    assert not [one for one in office.concerns if "replaced" in one.key]
    read(office, 1_250)
    assert len(opened(office)) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_does_not_count(value: float) -> None:
    office = Office(by_meter())
    read(office, 1_000, value, 1_010)
    assert opened(office) == []


# --- files

UPKEEP = """upkeep:
  - {id: a, name: {en: A}, kind: inspektion, every: 1 month, start: 2026-01-01}
  - {id: a, name: {en: A}, kind: inspection, every: 1 month}
  - {id: b, name: {en: B}, kind: inspection}
  - {id: c, name: {en: C}, kind: inspection, every: often, start: 2026-01-01}
  - {id: d, name: {en: D}, kind: inspection, meter: {device: x, point: h, every: 250}, zone: moon}
  - {id: e, name: {en: E}, kind: inspection, every: 2w, start: 2026-01-01, checklist: sheet,
     devices: {joynt: cp, joint: x}}
"""


def test_mistakes_in_upkeep_are_named_with_their_lines(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "site.yaml").write_text("site: s\nzones: [{id: hall}]\ndevices: [{id: cp}]\n", "utf-8")
    (folder / "upkeep.yaml").write_text(UPKEEP, "utf-8")
    often = "expected how often, such as 90d, 2w, 1 month or 1 year, found 'often'"
    with pytest.raises(ConfigError) as caught:
        load_upkeep(load_site(folder), kinds(), checklists())
    assert [(problem.line, problem.field, problem.message) for problem in caught.value.problems] == [
        (2, "upkeep[0].kind", "no kind 'inspektion'; did you mean 'inspection'?"),
        (3, "upkeep[1]", "expected `start` with `every`, and only there"),
        (3, "upkeep[1].id", "'a' is already the id of another plan"),
        (4, "upkeep[2]", "expected either `every` or `meter`"),
        (5, "upkeep[3].every", often),
        (6, "upkeep[4].meter.device", "no device 'x'"),
        (6, "upkeep[4].zone", "no zone 'moon'"),
        (8, "upkeep[5].devices.joint", "no device 'x'"),
        (8, "upkeep[5].devices.joynt", "no item that is measured 'joynt'; did you mean 'joint'?"),
    ]


def test_the_estate_of_these_tests_counts_days_in_its_own_zone() -> None:
    office = Office(plan("1w", "2027-03-28"), site=estate("Europe/Berlin"), now=MONDAY)
    office.wait(130 * DAY)
    (name,) = opened(office)
    assert local(office.order(name).opened_at, BERLIN) == "2027-03-21 00:00"
