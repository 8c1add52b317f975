"""The kind `recurrence`: every checkpoint at least every two hours (verdicts.md section 3)."""

import pytest

from cloud.correlation.rules import EventFilter, RuleBook, RuleVersion, Select
from cloud.correlation.verdict import Outcome, Reason
from contract.site import Window
from tests.scene import T0, H, M, Story, book, patrol

KEY = "cp-hall"
SHANGHAI_MIDNIGHT = 16 * H
"""After `T0`, 08:00 in Shanghai."""


def judged(told: Story, now: int) -> list[tuple[int, Outcome, int | None]]:
    """When each of the hall's obligations opened, how it ended and after how long."""
    return [
        (verdict.opened_at - T0, verdict.outcome, verdict.elapsed_ms)
        for verdict in told.engine.verdicts(T0 + now)
        if verdict.key == KEY
    ]


@pytest.mark.parametrize(
    ("at", "outcome"),
    [(1, Outcome.MET), (2 * H - 1, Outcome.MET), (2 * H, Outcome.MET), (2 * H + 1, Outcome.BREACHED)],
)
def test_the_next_scan_meets_the_obligation_up_to_the_limit_itself(at: int, outcome: Outcome) -> None:
    told = Story(book(patrol()))
    told.scan(at)
    told.known(3 * H)
    assert judged(told, 3 * H)[0] == (0, outcome, at)


def test_a_scan_at_the_very_start_is_one_obligation_with_one_verdict() -> None:
    told = Story(book(patrol()))
    told.scan(0)
    told.scan(H)
    told.known(2 * H)
    assert judged(told, 2 * H) == [(0, Outcome.MET, H), (H, Outcome.PENDING, None)]


def test_each_scan_opens_the_next_obligation() -> None:
    told = Story(book(patrol()))
    for at in (H, 2 * H, 5 * H):
        told.scan(at)
    told.known(6 * H)
    assert judged(told, 6 * H) == [
        (0, Outcome.MET, H),
        (H, Outcome.MET, H),
        (2 * H, Outcome.BREACHED, 3 * H),
        (5 * H, Outcome.PENDING, None),
    ]


def test_until_the_reader_is_known_a_missed_scan_is_only_overdue() -> None:
    told = Story(book(patrol()))
    told.known(2 * H)
    told.settle(2 * H + 1)
    verdict = told.verdict(KEY, 0, "PT-1")
    assert (verdict.outcome, verdict.reason, verdict.overdue) == (
        Outcome.PENDING,
        Reason.WAITING_FOR_COVERAGE,
        True,
    )
    told.known(2 * H + 1)
    told.settle(2 * H + 2)
    verdict = told.verdict(KEY, 0, "PT-1")
    assert (verdict.outcome, verdict.final) == (Outcome.BREACHED, False)
    assert len(told.alerts) == 2, "one for each checkpoint"


def test_a_reader_that_was_blind_leaves_it_unknown() -> None:
    told = Story(book(patrol()))
    told.known(3 * H, blind=[(H, H + M)])
    told.settle(3 * H)
    assert (told.verdict(KEY, 0, "PT-1").outcome, told.verdict(KEY, 0, "PT-1").reason) == (
        Outcome.UNKNOWN,
        Reason.BLIND,
    )


def test_a_verdict_is_final_when_nothing_can_come_before_the_next_scan() -> None:
    told = Story(book(patrol()))
    told.scan(H)
    told.known(H)
    told.settle(H + 1)
    assert not told.verdict(KEY, 0, "PT-1").final
    told.known(H + 1)
    told.settle(H + 2)
    assert told.verdict(KEY, 0, "PT-1").final


def test_a_scan_that_comes_late_splits_the_obligation_it_lies_in() -> None:
    told = Story(book(patrol()))
    told.scan(3 * H)
    told.known(3 * H + 1)
    told.settle(3 * H + 1)
    assert told.verdict(KEY, 0, "PT-1").outcome is Outcome.BREACHED
    told.scan(H)
    told.settle(3 * H + 2)
    assert judged(told, 3 * H + 2)[:2] == [(0, Outcome.MET, H), (H, Outcome.MET, 2 * H)]


def test_in_weekly_windows_the_first_scan_is_due_from_the_window_s_start_and_none_over_its_end() -> None:
    nights = (Window(from_="22:00", to="06:00"),)
    told = Story(book(patrol(during=nights)))
    start = SHANGHAI_MIDNIGHT - 2 * H
    told.scan(start - H)
    told.scan(start + 7 * H)
    told.known(30 * H)
    assert judged(told, 30 * H) == [(start, Outcome.BREACHED, 7 * H)]


def test_a_window_begins_after_its_first_moment_not_at_it() -> None:
    told = Story(book(patrol(during=(Window(from_="10:00", to="20:00"),))))
    assert judged(told, 2 * H) == []
    assert judged(told, 2 * H + 1) == [(2 * H, Outcome.PENDING, None)]


def test_time_alone_opens_a_window_and_the_engine_says_when() -> None:
    told = Story(book(patrol(during=(Window(from_="10:00", to="20:00"),))))
    told.settle(1)
    assert told.engine.next_deadline() == T0 + 2 * H + 1
    told.settle(2 * H + 1)
    assert told.verdict(KEY, 2 * H, "PT-1").due_at == T0 + 4 * H


def test_only_the_selected_devices_are_asked() -> None:
    told = Story(book(patrol(select=Select(zone=("gatehouse", "cellar")))))
    assert [verdict.key for verdict in told.engine.verdicts(T0 + M)] == ["cp-gatehouse"]


def test_a_new_version_takes_over_at_its_date_without_cutting_what_is_open() -> None:
    rules = RuleBook(
        (RuleVersion(patrol(version=1), 0, T0 + H), RuleVersion(patrol(version=2, every="30m"), T0 + H, None))
    )
    told = Story(rules)
    told.scan(90 * M)
    told.known(2 * H)
    found = [
        (verdict.version, verdict.opened_at - T0, verdict.elapsed_ms)
        for verdict in told.engine.verdicts(T0 + 2 * H)
        if verdict.key == KEY
    ]
    assert found == [(1, 0, 90 * M), (2, H, 30 * M), (2, 90 * M, None)]


def test_scans_that_the_rule_does_not_ask_for_do_not_count() -> None:
    told = Story(book(patrol(expect=EventFilter("checkpoint.scan", {"ok": True}))))
    told.scan(H)
    told.known(3 * H)
    assert judged(told, 3 * H) == [(0, Outcome.BREACHED, None)]
