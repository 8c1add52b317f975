"""The kind `response`: an alarm, who came, and what is known (verdicts.md sections 2 and 3)."""

from typing import Any

import pytest

from cloud.correlation.rules import By, EventFilter, RuleBook, RuleVersion
from cloud.correlation.verdict import BlindSpan, Outcome, Reason
from contract.events import raw_data
from tests.scene import T0, H, M, S, Story, book, reach


def story(**rule: Any) -> Story:
    return Story(book(reach(**rule)))


@pytest.mark.parametrize(
    ("at", "error", "outcome", "reason", "elapsed"),
    [
        (0, 0, Outcome.MET, Reason.IN_TIME, 0),
        (3 * M - 1, 0, Outcome.MET, Reason.IN_TIME, 3 * M - 1),
        (3 * M, 0, Outcome.MET, Reason.IN_TIME, 3 * M),
        (3 * M + 1, 0, Outcome.BREACHED, Reason.LATE, 3 * M + 1),
        (3 * M + 1, 1, Outcome.MET, Reason.WITHIN_CLOCK_ERROR, 3 * M + 1),
        (-1, 0, Outcome.BREACHED, Reason.NO_EVIDENCE, None),
        (-1, 1, Outcome.MET, Reason.IN_TIME, 0),
        (H, 0, Outcome.BREACHED, Reason.LATE, H),
        (H + 1, 0, Outcome.BREACHED, Reason.NO_EVIDENCE, None),
    ],
)
def test_a_scan_counts_from_the_alarm_to_the_limit_itself(
    at: int, error: int, outcome: Outcome, reason: Reason, elapsed: int | None
) -> None:
    told = story()
    told.alarm(0)
    told.scan(at, clock_error_ms=error)
    told.known(2 * H)
    told.settle(2 * H)
    verdict = told.verdict()
    assert (verdict.outcome, verdict.reason, verdict.elapsed_ms, verdict.final) == (
        outcome,
        reason,
        elapsed,
        True,
    )


def test_the_evidence_names_the_alarm_and_who_answered() -> None:
    told = story()
    alarm, _, scan = told.alarm(0), told.alarm(1 * M), told.scan(2 * M)
    told.scan(2 * M + 1)
    told.settle(2 * M + 2)
    verdict = told.verdict()
    assert verdict.evidence == (("panel", alarm.seq), ("cp-hall", scan.seq))
    assert verdict.joined == (("panel", 1),)


def test_before_the_limit_it_is_pending_and_after_it_overdue_until_the_sources_are_known() -> None:
    told = story()
    told.alarm(0)
    told.settle(3 * M)
    assert (told.verdict().outcome, told.verdict().overdue, told.alerts) == (Outcome.PENDING, False, [])
    told.settle(3 * M + 1)
    assert (told.verdict().outcome, told.verdict().overdue) == (Outcome.PENDING, True)
    told.known(3 * M)
    told.settle(3 * M + 2)
    assert told.verdict().outcome is Outcome.PENDING, "a scan at the limit itself may still come"
    told.known(3 * M + 1)
    told.settle(3 * M + 3)
    assert (told.verdict().outcome, told.verdict().final) == (Outcome.BREACHED, False)
    told.known(H + 1)
    told.settle(H + 1)
    assert (told.verdict().outcome, told.verdict().final) == (Outcome.BREACHED, True)


def test_the_alert_is_raised_once_on_the_clock_and_says_how_far_each_reader_is_known() -> None:
    told = story()
    told.alarm(0)
    told.known(1 * M, "cp-hall")
    told.settle(1 * M)
    assert told.engine.next_deadline() == T0 + 3 * M + 1
    told.settle(3 * M + 1)
    told.settle(9 * M)
    (alert,) = told.alerts
    assert alert.links == (("cp-gatehouse", 0), ("cp-hall", T0 + 1 * M))


def test_a_late_scan_that_is_known_at_the_limit_needs_no_alert() -> None:
    told = story()
    told.alarm(0)
    told.scan(3 * M + 500)
    told.settle(4 * M)
    assert told.verdict().overdue
    assert told.alerts == []


def test_an_alert_is_withdrawn_when_the_scan_turns_up() -> None:
    told = story()
    told.alarm(0)
    told.settle(4 * M)
    told.scan(2 * M)
    told.settle(5 * M)
    assert [revised.cleared for revised in told.said] == [False, True]
    assert told.verdict().outcome is Outcome.MET


@pytest.mark.parametrize(
    ("blind", "outcome"),
    [
        ((-M, 0), Outcome.BREACHED),
        ((-M, 1), Outcome.UNKNOWN),
        ((3 * M, 3 * M + 1), Outcome.UNKNOWN),
        ((3 * M + 1, 4 * M), Outcome.BREACHED),
    ],
)
def test_a_reader_that_was_blind_before_the_limit_leaves_it_unknown(
    blind: tuple[int, int], outcome: Outcome
) -> None:
    told = story()
    told.alarm(0)
    told.known(2 * H, blind=[blind])
    told.settle(2 * H)
    assert told.verdict().outcome is outcome


def test_the_blind_time_told_is_that_of_the_obligation_and_does_not_grow_after_it() -> None:
    told = story()
    told.alarm(0)
    told.known(5 * M, blind=[(2 * M, 5 * M)])
    told.settle(5 * M)
    count = len(told.said)
    told.known(6 * M, blind=[(2 * M, 6 * M)])
    told.settle(6 * M)
    assert len(told.said) == count
    assert told.verdict().blind == (
        BlindSpan("cp-gatehouse", T0 + 2 * M, T0 + 3 * M + 1),
        BlindSpan("cp-hall", T0 + 2 * M, T0 + 3 * M + 1),
    )


def test_a_zone_without_a_reader_is_unknown_for_lack_of_a_source() -> None:
    told = story()
    told.alarm(0, "panel-c")
    told.known(1)
    told.settle(3 * M + 1)
    verdict = told.verdict("cellar")
    assert (verdict.outcome, verdict.reason, verdict.final) == (Outcome.UNKNOWN, Reason.NO_SOURCE, True)


@pytest.mark.parametrize(("gap", "episodes"), [(10 * M, [0]), (10 * M + 1, [0, 10 * M + 1])])
def test_alarms_join_up_to_ten_minutes_after_the_first(gap: int, episodes: list[int]) -> None:
    told = story()
    told.alarm(0)
    told.alarm(gap)
    assert [verdict.opened_at - T0 for verdict in told.engine.verdicts(T0 + H)] == episodes


def test_joining_counts_from_the_first_alarm_not_from_the_last() -> None:
    told = story()
    for at in (0, 6 * M, 12 * M):
        told.alarm(at)
    assert [verdict.opened_at - T0 for verdict in told.engine.verdicts(T0 + H)] == [0, 12 * M]


def test_an_earlier_alarm_that_comes_late_takes_the_episode_over() -> None:
    told = story()
    told.alarm(2 * M)
    told.settle(2 * M + 1)
    told.alarm(0)
    told.settle(2 * M + 2)
    gone, taken = told.verdict(opened_at=2 * M), told.verdict(opened_at=0)
    assert (gone.outcome, gone.reason) == (Outcome.VOID, Reason.JOINED_ANOTHER)
    assert taken.outcome is Outcome.PENDING
    assert [verdict.opened_at for verdict in told.engine.verdicts(T0 + 2 * M + 2)] == [T0]


@pytest.mark.parametrize(
    ("rule", "kind", "device", "more", "key", "met"),
    [
        ({}, "checkpoint.scan", "cp-gatehouse", {}, "hall", True),
        ({}, "checkpoint.scan", "cp-hall", {"zone": "cellar"}, "hall", False),
        ({"by": By(role="rescue")}, "checkpoint.scan", "cp-hall", {"person": "card:1"}, "hall", True),
        ({"by": By(role="rescue")}, "checkpoint.scan", "cp-hall", {"person": "li"}, "hall", False),
        ({"by": By(role="rescue")}, "checkpoint.scan", "cp-hall", {}, "hall", False),
        (
            {"by": By(qualification="fire_control")},
            "checkpoint.scan",
            "cp-hall",
            {"person": "li"},
            "hall",
            True,
        ),
        ({"grade": "strong"}, "checkpoint.scan", "cp-hall", {"person": "nobody"}, "hall", False),
        ({"grade": "strong"}, "checkpoint.scan", "cp-hall", {"person": "li"}, "hall", True),
        (
            {"expect": EventFilter("operator.verified")},
            "operator.verified",
            "s",
            {"zone": "hall"},
            "hall",
            False,
        ),
        (
            {"expect": EventFilter("operator.verified"), "grade": "declared"},
            "operator.verified",
            "screen",
            {"zone": "hall"},
            "hall",
            True,
        ),
        (
            {"expect": EventFilter("gate.released"), "match": "escape_route"},
            "gate.released",
            "gate-n",
            {},
            "hall",
            True,
        ),
        ({"match": "site"}, "checkpoint.scan", "cp-gatehouse", {}, "demo", True),
        ({"match": "device", "expect": EventFilter("fire.reset")}, "fire.reset", "panel", {}, "panel", True),
        (
            {"match": "device", "expect": EventFilter("fire.reset")},
            "fire.reset",
            "panel-c",
            {},
            "panel",
            False,
        ),
        ({}, "checkpoint.scan", "cp-unheard-of", {"zone": "hall"}, "hall", False),
    ],
)
def test_evidence_counts_where_and_by_whom_the_rule_says(
    rule: dict[str, Any], kind: str, device: str, more: dict[str, Any], key: str, met: bool
) -> None:
    told = story(**rule)
    told.alarm(0)
    told.event(M, kind, device, **more)
    (verdict,) = told.engine.verdicts(T0 + 2 * M)
    assert (verdict.key, verdict.outcome is Outcome.MET) == (key, met)


def test_equipment_of_a_group_answers_for_the_group() -> None:
    told = story(on=EventFilter("mains.lost"), expect=EventFilter("generator.on_load"), match="group")
    told.event(0, "mains.lost", "ats")
    told.event(9 * S, "generator.on_load", "genset")
    (verdict,) = told.engine.verdicts(T0 + M)
    assert (verdict.key, verdict.outcome, verdict.elapsed_ms) == ("power", Outcome.MET, 9 * S)


def test_each_gate_on_the_escape_route_answers_for_itself() -> None:
    told = story(expect=EventFilter("gate.released"), match="escape_route", per="answerer", within="10s")
    told.alarm(0)
    told.event(4 * S, "gate.released", "gate-n")
    told.known(2 * H)
    found = {verdict.key: verdict.outcome for verdict in told.engine.verdicts(T0 + 2 * H)}
    assert found == {"gate-n": Outcome.MET, "gate-s": Outcome.BREACHED}


def test_only_triggers_with_the_data_that_the_rule_asks_for_open_anything() -> None:
    told = story(on=EventFilter("fire.alarm", {"loop": 1}))
    told.alarm(0, data=raw_data({"loop": 2}))
    told.alarm(1, data=raw_data({"loop": True}))
    told.alarm(2)
    told.alarm(3, data=raw_data({"loop": 1, "point": 7}))
    assert [verdict.opened_at - T0 for verdict in told.engine.verdicts(T0 + M)] == [3]


@pytest.mark.parametrize(
    ("seen", "where", "there"),
    [
        (0, "cp-hall", True),
        (-30 * M, "cp-hall", True),
        (-30 * M - 1, "cp-hall", False),
        (-M, "cp-gatehouse", True),
    ],
)
def test_who_is_there_already_has_met_it(seen: int, where: str, there: bool) -> None:
    told = story(by=By(role="rescue"), presence_ttl="30m", expect=EventFilter("access.granted"))
    told.scan(seen, where, person="wang")
    told.alarm(0)
    (verdict,) = told.engine.verdicts(T0 + M)
    assert (verdict.reason is Reason.ALREADY_THERE) is there
    assert (verdict.elapsed_ms == 0) is there


def test_who_is_there_already_needs_no_word_of_what_would_answer_later() -> None:
    told = story(presence_ttl="30m", expect=EventFilter("gate.released"), match="site")
    told.scan(0, "cp-hall", person="wang")
    told.alarm(0)
    told.known(1, "panel", "panel-c", "cp-hall", "cp-gatehouse")
    told.settle(M)
    (verdict,) = (one.verdict for one in told.last().values())
    assert (verdict.reason, verdict.final) == (Reason.ALREADY_THERE, True)


def test_who_was_seen_elsewhere_since_is_not_there_any_more() -> None:
    told = story(by=By(role="rescue"), presence_ttl="30m")
    told.alarm(0)
    told.scan(-2 * M, "cp-hall", person="wang")
    told.settle(1)
    assert told.verdict().reason is Reason.ALREADY_THERE
    told.scan(-M, "cp-hall", person="wang", zone="cellar")
    told.settle(2)
    assert (told.verdict().outcome, told.verdict().reason) == (Outcome.PENDING, Reason.WAITING)


def test_an_episode_is_judged_by_the_version_in_force_when_it_opened() -> None:
    versions = RuleBook(
        (
            RuleVersion(reach(version=1), 0, T0 + H),
            RuleVersion(reach(version=2, within="1m"), T0 + H, None),
        )
    )
    told = Story(versions)
    for at in (H - 1, 2 * H):
        told.alarm(at)
        told.scan(at + 2 * M)
    told.known(9 * H)
    found = [(verdict.version, verdict.outcome) for verdict in told.engine.verdicts(T0 + 9 * H)]
    assert found == [(1, Outcome.MET), (2, Outcome.BREACHED)]


def test_without_its_deciding_event_the_verdict_is_another() -> None:
    for left_out in ("alarm", "scan"):
        told = story()
        if left_out != "alarm":
            told.alarm(0)
        if left_out != "scan":
            told.scan(M)
        told.known(2 * H)
        found = [verdict.outcome for verdict in told.engine.verdicts(T0 + 2 * H)]
        assert found == ([] if left_out == "alarm" else [Outcome.BREACHED])


def test_events_that_nobody_knows_are_counted_and_decide_nothing() -> None:
    told = story()
    told.event(0, "kettle.boiled", "kettle")
    told.alarm(0, "no-such-panel", zone="hall")
    told.event(0, "operator.verified", "screen")
    assert told.engine.verdicts(T0 + M) == []
    assert dict(told.engine.unknown_events.types) == {"kettle.boiled": 1}
    assert dict(told.engine.unknown_events.devices) == {"kettle": 1, "no-such-panel": 1}
