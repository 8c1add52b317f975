"""Every limit at its very moment, a millisecond before and one after; and what was let go, let back in."""

import pytest

from cloud.correlation.rules import By, EventFilter, RuleBook, RuleVersion
from cloud.correlation.verdict import Outcome, Reason
from tests.scene import T0, H, M, S, Story, book, patrol, reach

KEEP = 26 * H
BREACHED, UNKNOWN, PENDING, MET = Outcome.BREACHED, Outcome.UNKNOWN, Outcome.PENDING, Outcome.MET


def outcome(told: Story, rule: str, key: str = "hall") -> Outcome:
    return told.verdict(key, 0, rule).outcome


# --- blind spans: both ends of what is asked, and one millisecond beyond


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-M, 0, BREACHED),
        (-M, 1, UNKNOWN),
        (3 * M - 1, 3 * M, UNKNOWN),
        (3 * M, 4 * M, UNKNOWN),
        (3 * M + 1, 4 * M, BREACHED),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_a_response_is_unknown_where_the_reader_was_blind_at_any_moment_up_to_the_limit(
    start: int, end: int, expected: Outcome, *, late: bool
) -> None:
    told = Story(book(reach()), keep_ms=KEEP)
    told.alarm(0)
    if late:
        told.known(2 * H)
        told.settle(2 * H)
    told.known(2 * H, "cp-hall", blind=[(start, end)])
    told.known(2 * H)
    told.settle(3 * H)
    assert outcome(told, "ER-1") is expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-M, 0, BREACHED),
        (0, 1, UNKNOWN),
        (2 * H - 1, 2 * H, UNKNOWN),
        (2 * H, 3 * H, UNKNOWN),
        (2 * H + 1, 3 * H, BREACHED),
    ],
)
def test_a_recurrence_is_unknown_where_the_reader_was_blind_at_any_moment_up_to_the_limit(
    start: int, end: int, expected: Outcome
) -> None:
    told = Story(book(patrol()), keep_ms=KEEP)
    told.known(5 * H, "cp-hall", blind=[(start, end)])
    told.settle(5 * H)
    assert outcome(told, "PT-1", "cp-hall") is expected


@pytest.mark.parametrize(
    ("start", "end", "expected"), [(-31 * S, -30 * S, BREACHED), (-30 * S, -30 * S + 1, UNKNOWN)]
)
def test_evidence_that_counts_early_may_be_hidden_early(start: int, end: int, expected: Outcome) -> None:
    told = Story(book(reach(early="30s")), keep_ms=KEEP)
    told.alarm(0)
    told.known(2 * H, "cp-hall", blind=[(start, end)])
    told.known(2 * H)
    told.settle(2 * H)
    assert outcome(told, "ER-1") is expected


@pytest.mark.parametrize(("at", "expected"), [(-30 * S - 1, BREACHED), (-30 * S, MET), (-1, MET)])
@pytest.mark.parametrize("late", [False, True])
def test_evidence_counts_as_early_as_it_may(at: int, expected: Outcome, *, late: bool) -> None:
    told = Story(book(reach(early="30s")), keep_ms=KEEP)
    told.alarm(0)
    if late:
        told.known(2 * H)
        told.settle(2 * H)
    told.scan(at)
    told.known(2 * H)
    told.settle(3 * H)
    assert outcome(told, "ER-1") is expected


# --- how far the devices are known


@pytest.mark.parametrize(
    ("known", "expected"), [(3 * M - 1, PENDING), (3 * M, PENDING), (3 * M + 1, BREACHED)]
)
def test_a_response_waits_until_its_reader_is_known_beyond_the_limit(known: int, expected: Outcome) -> None:
    told = Story(book(reach()), keep_ms=KEEP)
    told.alarm(0)
    told.known(2 * H, *(set(told.site.devices) - {"cp-hall"}))
    told.settle(2 * H)
    told.known(known, "cp-hall")
    told.settle(2 * H)
    assert outcome(told, "ER-1") is expected


@pytest.mark.parametrize(
    ("known", "expected"), [(2 * H - 1, PENDING), (2 * H, PENDING), (2 * H + 1, BREACHED)]
)
def test_a_recurrence_waits_until_its_reader_is_known_beyond_the_limit(known: int, expected: Outcome) -> None:
    told = Story(book(patrol()), keep_ms=KEEP)
    told.settle(5 * H)
    told.known(known, "cp-hall")
    told.settle(5 * H)
    assert outcome(told, "PT-1", "cp-hall") is expected


@pytest.mark.parametrize(("known", "final"), [(M - 1, False), (M, False), (M + 1, True)])
def test_an_answer_is_final_once_nothing_earlier_can_come(known: int, *, final: bool) -> None:
    told = Story(book(reach()), keep_ms=KEEP)
    told.alarm(0)
    told.scan(M)
    told.known(2 * H, *(set(told.site.devices) - {"cp-gatehouse"}))
    told.known(known, "cp-gatehouse")
    told.settle(2 * H)
    verdict = told.verdict()
    assert (verdict.outcome, verdict.final) == (MET, final)


@pytest.mark.parametrize(("now", "overdue"), [(3 * M - 1, False), (3 * M, False), (3 * M + 1, True)])
def test_nobody_is_alarmed_before_the_limit_is_over(now: int, *, overdue: bool) -> None:
    told = Story(book(reach()), keep_ms=KEEP)
    told.alarm(0)
    told.settle(now)
    assert (bool(told.alerts), told.verdict().overdue) == (overdue, overdue)


# --- what joins, and what is already there


@pytest.mark.parametrize(("at", "episodes"), [(10 * M - 1, 1), (10 * M, 1), (10 * M + 1, 2)])
@pytest.mark.parametrize("late", [False, True])
def test_an_alarm_joins_up_to_the_join_itself(at: int, episodes: int, *, late: bool) -> None:
    told = Story(book(reach()), keep_ms=KEEP)
    told.alarm(0)
    if late:
        told.known(2 * H)
        told.settle(2 * H)
    told.alarm(at)
    told.known(3 * H)
    told.settle(3 * H)
    assert len(told.last()) == episodes


@pytest.mark.parametrize(("ago", "there"), [(30 * M - 1, True), (30 * M, True), (30 * M + 1, False)])
def test_a_scan_counts_as_presence_for_as_long_as_it_may(ago: int, *, there: bool) -> None:
    told = Story(book(reach(presence_ttl="30m", by=By(role="rescue"))), keep_ms=KEEP)
    told.scan(H - ago, person="wang")
    told.alarm(H)
    told.known(3 * H)
    told.settle(3 * H)
    assert (told.verdict(opened_at=H).reason is Reason.ALREADY_THERE) is there


# --- memory that was let go


def present(**more: object) -> Story:
    return Story(book(reach(presence_ttl="30m", by=By(role="rescue"), **more)), keep_ms=H)


@pytest.mark.parametrize("restart", [False, True])
def test_an_alarm_that_comes_after_presence_was_let_go_still_finds_who_was_there(*, restart: bool) -> None:
    told = present()
    told.scan(0, person="wang")
    told.scan(20 * M, "cp-gatehouse", person="wang")
    told.scan(9 * H, person="wang")
    told.known(10 * H)
    told.settle(10 * H)
    if restart:
        told.restart()
    told.alarm(10 * M)
    told.settle(11 * H)
    verdict = told.verdict(opened_at=10 * M)
    assert (verdict.outcome, verdict.reason) == (MET, Reason.ALREADY_THERE)
    assert told.asked, "what was let go was looked up"


@pytest.mark.parametrize("restart", [False, True])
def test_a_location_that_comes_late_changes_what_was_decided_before_a_restart(*, restart: bool) -> None:
    told = present()
    told.alarm(H)
    told.known(10 * H)
    told.settle(10 * H)
    assert told.verdict(opened_at=H).outcome is BREACHED
    if restart:
        told.restart()
        told.settle(10 * H + 1)
    told.scan(H - 29 * M, person="wang")
    told.settle(11 * H)
    verdict = told.verdict(opened_at=H)
    assert (verdict.outcome, verdict.reason) == (MET, Reason.ALREADY_THERE)


def test_an_open_episode_keeps_who_was_there_when_it_opened() -> None:
    told = present()
    told.scan(0, person="wang")
    told.alarm(M)
    told.known(0, "panel", "panel-c")  # the panel is not known: an earlier alarm may still open it
    for at in range(1, 9):
        told.known(at * H, "cp-hall", "cp-gatehouse")
        told.scan(at * H, "cp-gatehouse", person="wang")
        told.settle(at * H)
    told.alarm(30 * S)
    told.known(10 * H)
    told.settle(10 * H)
    assert told.verdict(opened_at=30 * S).reason is Reason.ALREADY_THERE


@pytest.mark.parametrize(("at", "judged"), [(M - 1, True), (M, False), (2 * M - 1, False), (2 * M, True)])
def test_a_permit_excuses_a_device_for_its_span_alone(at: int, *, judged: bool) -> None:
    rule = reach(id="GR-1", expect=EventFilter("fire.mode"), match="device")
    permit = {"panel": ((T0 + M, T0 + 2 * M),)}
    told = Story(RuleBook((RuleVersion(rule, 0, None, suspended=permit),)), keep_ms=KEEP)
    told.alarm(at)
    told.alarm(at, "panel-c")
    told.known(2 * H)
    told.settle(2 * H)
    keys = {key for _, key, _ in told.last()}
    assert keys == ({"panel", "panel-c"} if judged else {"panel-c"})
