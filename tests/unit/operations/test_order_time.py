"""When an order is near its limit or over it, who is told, once; what a pause puts off."""

import datetime as dt

import pytest

from cloud.errors import RefusedError
from cloud.operations import command as do
from tests.orders import DAY, MONDAY, H, M, Office

FRIDAY = MONDAY + 4 * DAY


def test_four_fifths_of_a_limit_are_told_and_then_its_end_each_once() -> None:
    office = Office()
    name = office.accepted(zone="hall")
    office.wait(12 * M - 1)
    assert office.keys(name) == []
    office.wait(1)
    assert office.keys(name) == ["arrive_within:0:near"]
    office.wait(3 * M)
    assert office.keys(name) == ["arrive_within:0:near", "arrive_within:0:over"]
    office.wait(6 * H)
    assert len(office.keys(name)) == 2


def test_the_one_who_has_it_and_the_supervisor_are_told_and_the_end_is_urgent() -> None:
    office = Office()
    office.accepted()
    office.wait(15 * M)
    near, over = (one for one in office.concerns if "arrive" in one.key)
    assert (near.people, near.role, near.urgent) == (("wu",), "supervisor", False)
    assert (over.people, over.role, over.urgent) == (("wu",), "supervisor", True)
    assert (
        over.text.en == "order 'a lamp is out' did not be reached on site in time"
        or "on site" in over.text.en
    )
    assert over.text.zh == "工单“a lamp is out”未按时到场"


def test_while_nobody_has_it_all_who_may_take_it_are_told() -> None:
    office = Office()
    office.open()
    office.wait(5 * M)
    assert [one.people for one in office.concerns if "accept" in one.key] == [("wu", "he")] * 2


def test_what_was_missed_while_nobody_looked_is_told_as_missed_only() -> None:
    office = Office()
    name = office.accepted()
    office.now += 1 * H
    office.book.settle(office.now)
    office.save()
    assert office.keys(name) == ["arrive_within:0:over"]


def test_what_was_told_is_not_told_again_after_a_restart() -> None:
    office = Office()
    name = office.accepted()
    office.wait(13 * M)
    office.restart()
    office.wait(5 * M)
    assert office.keys(name) == ["arrive_within:0:near", "arrive_within:0:over"]


@pytest.mark.parametrize(
    ("urgency", "opened", "due"),
    [
        ("urgent", MONDAY, MONDAY + 2 * H),
        ("normal", MONDAY, MONDAY + 2 * DAY),
        ("normal", FRIDAY, FRIDAY + 4 * DAY),
        ("invalid", FRIDAY, FRIDAY + 3 * DAY),
    ],
    ids=["urgent", "two working days", "two working days over a weekend", "one working day over a weekend"],
)
def test_a_complaint_is_answered_by_its_urgency_in_working_days(urgency: str, opened: int, due: int) -> None:
    office = Office(now=opened)
    name = office.open("complaint", urgency=urgency)
    office.wait(due - opened - 1)
    assert office.keys(name) == ["answer_within:0:near"]
    office.wait(1)
    assert office.keys(name) == ["answer_within:0:near", "answer_within:0:over"]


def test_a_home_repair_is_called_back_on_the_next_working_day() -> None:
    office = Office(now=FRIDAY)
    name = office.finished("home_repair")
    office.do("boss", do.VerifyOrder(order=name, good=True))
    office.do("boss", do.CloseOrder(order=name))
    office.wait(3 * DAY)
    assert office.keys(name) == ["call_back_within:0:near", "call_back_within:0:over"]


def test_a_pause_stops_every_clock_and_stays_on_record() -> None:
    office = Office()
    name = office.accepted()
    office.wait(5 * M)
    office.do("wu", do.PauseOrder(order=name, reason="nobody opens"))
    office.wait(2 * H)
    assert office.keys(name) == []
    office.do("wu", do.ResumeOrder(order=name))
    office.wait(7 * M)
    assert office.keys(name) == ["arrive_within:0:near"]
    office.wait(3 * M)
    assert office.keys(name) == ["arrive_within:0:near", "arrive_within:0:over"]
    (pause,) = office.order(name).pauses
    assert (pause.from_, pause.to) == (MONDAY + 5 * M, MONDAY + 2 * H + 5 * M)
    assert (pause.by, pause.reason) == ("wu", "nobody opens")


def test_a_pause_in_working_days_puts_off_by_as_much() -> None:
    office = Office()
    name = office.open("complaint")
    office.do("boss", do.PauseOrder(order=name, reason="away"))
    office.wait(3 * H)
    office.do("boss", do.ResumeOrder(order=name))
    office.wait(2 * DAY - 1)
    assert office.keys(name) == ["answer_within:0:near"]
    office.wait(1)
    assert office.keys(name)[-1] == "answer_within:0:over"


def test_the_end_of_the_work_ends_the_pause() -> None:
    office = Office()
    name = office.accepted()
    office.do("wu", do.PauseOrder(order=name, reason="parts"))
    office.wait(H)
    assert office.do("wu", do.FinishOrder(order=name)).pauses[0].to == office.now


def test_an_order_is_not_paused_twice_nor_without_a_reason_nor_over_another_pause() -> None:
    office = Office()
    name = office.accepted()
    with pytest.raises(RefusedError, match="write a reason"):
        office.do("wu", do.PauseOrder(order=name, reason=""))
    with pytest.raises(RefusedError, match="not paused"):
        office.do("wu", do.ResumeOrder(order=name))
    office.do("wu", do.PauseOrder(order=name, reason="x"))
    office.wait(H)
    with pytest.raises(RefusedError, match="paused already"):
        office.do("wu", do.PauseOrder(order=name, reason="x"))
    with pytest.raises(RefusedError, match="before it was paused"):
        office.do("wu", do.ResumeOrder(order=name), at=MONDAY - 1)
    office.do("wu", do.ResumeOrder(order=name))
    with pytest.raises(RefusedError, match="paused then already"):
        office.do("wu", do.PauseOrder(order=name, reason="x"), at=MONDAY + M)


def test_what_was_done_in_time_and_sent_late_kept_its_limit() -> None:
    office = Office()
    name = office.open(zone="hall")
    office.wait(1 * H)
    office.do("wu", do.AcceptOrder(order=name), at=MONDAY + 4 * M)
    kept = {one.name: (one.due_at - MONDAY, one.kept) for one in office.book.deadlines(office.order(name))}
    assert kept["accept_within"] == (5 * M, True)
    assert kept["arrive_within"] == (15 * M, False)


def test_rework_is_looked_for_anew() -> None:
    office = Office()
    name = office.finished("home_repair")
    office.do("boss", do.VerifyOrder(order=name, good=False, note="drips"))
    office.wait(DAY)
    assert office.keys(name) == ["done_within:1:near", "done_within:1:over"]


def test_nothing_is_waited_for_once_all_is_over() -> None:
    office = Office()
    name = office.finished()
    assert office.book.next_at() is not None
    office.do("wu", do.CloseOrder(order=name))
    assert office.book.next_at() is None


def test_the_monday_of_these_tests_is_a_monday() -> None:
    assert dt.datetime.fromtimestamp(MONDAY / 1_000, dt.UTC).weekday() == 0
