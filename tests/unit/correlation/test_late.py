"""What comes after a final verdict was told and let go: it is looked up, judged again and amended openly."""

import pytest

from cloud.correlation.rules import By, EventFilter
from cloud.correlation.verdict import Outcome, Reason
from tests.scene import T0, H, M, Story, book, patrol, reach

KEEP = 26 * H


def decided(**rule: object) -> Story:
    """An alarm that nobody answered: breached for good, and let go."""
    told = Story(book(reach(**rule)), keep_ms=KEEP)
    told.alarm(0)
    told.known(2 * H)
    told.settle(2 * H)
    assert told.engine.verdicts(T0 + 2 * H) == []
    return told


def test_a_scan_against_what_was_said_clears_who_was_blamed_and_says_how_late() -> None:
    told = decided()
    told.scan(2 * M)
    told.settle(5 * H)
    (revised,) = told.said[-1:]
    assert (revised.verdict.outcome, revised.revision, revised.cleared) == (Outcome.MET, 2, True)
    assert revised.late_ms == 3 * H
    assert len(told.alerts) == 1


def test_a_scan_after_the_limit_amends_how_long_it_took() -> None:
    told = decided()
    told.scan(30 * M)
    told.settle(5 * H)
    verdict = told.verdict()
    assert (verdict.outcome, verdict.elapsed_ms, verdict.final) == (Outcome.BREACHED, 30 * M, True)


@pytest.mark.parametrize("at", [-1, H + 1])
def test_a_scan_that_can_change_nothing_is_not_looked_up(at: int) -> None:
    told = decided()
    told.scan(at)
    told.settle(5 * H)
    assert told.asked == []


def test_scans_after_the_one_that_met_it_are_not_looked_up() -> None:
    told = Story(book(reach()), keep_ms=KEEP)
    told.alarm(0)
    told.scan(M)
    told.known(2 * M)
    told.settle(2 * M)
    for at in range(2 * M, 50 * M, M):
        told.scan(at)
        told.settle(at + 1)
    assert told.asked == []


def test_a_button_pressed_on_a_tablet_without_network_counts_when_it_arrives() -> None:
    told = decided(expect=EventFilter("operator.verified"), grade="declared")
    told.event(M, "operator.verified", "tablet", zone="hall")
    told.settle(3 * H)
    assert told.verdict().outcome is Outcome.MET


def test_an_alarm_before_a_decided_one_takes_it_over() -> None:
    told = decided()
    told.alarm(-5 * M)
    told.settle(3 * H)
    assert told.verdict(opened_at=0).outcome is Outcome.VOID
    assert told.verdict(opened_at=-5 * M).outcome is Outcome.BREACHED


def test_an_alarm_that_joins_a_decided_one_is_not_looked_up() -> None:
    told = decided()
    told.alarm(10 * M)
    told.settle(3 * H)
    assert told.asked == []
    assert [revised.revision for revised in told.said] == [1, *range(2, 1 + len(told.said))]


def test_what_a_late_alarm_opens_is_followed_to_its_end() -> None:
    told = decided()
    told.alarm(-20 * M, "panel-c", zone="hall")
    told.settle(3 * H)
    assert told.verdict(opened_at=-20 * M).outcome is Outcome.BREACHED
    told.scan(-10 * M)
    told.settle(4 * H)
    assert told.verdict(opened_at=-20 * M).elapsed_ms == 10 * M


def test_a_blind_span_told_too_late_turns_a_breach_into_unknown() -> None:
    told = decided()
    told.known(2 * H, "cp-hall", blind=[(M, 2 * M)])
    told.settle(3 * H)
    verdict = told.verdict()
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, Reason.BLIND)


def test_a_location_that_turns_up_late_shows_who_was_there_already() -> None:
    told = decided(by=By(role="rescue"), presence_ttl="30m")
    told.scan(-M, person="wang")
    told.settle(3 * H)
    assert told.verdict().reason is Reason.ALREADY_THERE


def test_a_wand_synced_two_days_later_amends_what_lies_between() -> None:
    told = Story(book(reach()), keep_ms=KEEP)
    for day in (0, 24 * H, 48 * H):
        told.alarm(day)
        told.known(day + 2 * H)
        told.settle(day + 2 * H)
    told.scan(24 * H + M)
    told.settle(51 * H)
    outcomes = [told.verdict(opened_at=day).outcome for day in (0, 24 * H, 48 * H)]
    assert outcomes == [Outcome.BREACHED, Outcome.MET, Outcome.BREACHED]


def test_a_late_scan_splits_an_obligation_that_was_let_go_however_long_it_was() -> None:
    told = Story(book(patrol()), keep_ms=KEEP)
    told.scan(H)
    told.scan(100 * H)
    told.scan(101 * H)
    told.known(101 * H + 1)
    told.settle(101 * H + 1)
    assert told.verdict("cp-hall", H, "PT-1").elapsed_ms == 99 * H
    told.scan(99 * H)
    told.settle(102 * H)
    assert told.verdict("cp-hall", H, "PT-1").elapsed_ms == 98 * H
    assert told.verdict("cp-hall", 99 * H, "PT-1").outcome is Outcome.MET


def test_what_is_being_looked_up_survives_a_restart() -> None:
    told = decided()
    told.scan(2 * M)
    told.restart()
    told.settle(5 * H)
    assert told.verdict().outcome is Outcome.MET
