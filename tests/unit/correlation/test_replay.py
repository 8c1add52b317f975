"""Replay: lines in, verdicts as of `until` out; the same bytes whatever order the lines stand in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.correlation.replay import ReplayResult, replay
from cloud.correlation.rules import By, EventFilter, Recurrence, Response, RuleBook, RuleVersion
from contract.problems import ConfigError
from contract.site import Device, Person, Site, SiteFile, Zone
from tests.cases import sized

T0 = 1_764_547_200_000
MINUTE = 60_000
HOUR = 60 * MINUTE

SITE = Site(
    SiteFile(
        site="demo",
        zones=(Zone(id="b1", covers=("b2",)), Zone(id="b2")),
        devices=(
            Device(id="panel", zone="b1", emits=("fire.alarm",)),
            Device(id="cp-1", zone="b1", emits=("checkpoint.scan",)),
            Device(id="cp-2", zone="b2", emits=("checkpoint.scan",)),
        ),
        people=(Person(id="p-007", roles=("rescue",), cards=("card:7",)),),
    )
)
REACH = Response(
    id="ER-2",
    on=EventFilter("fire.alarm"),
    expect=EventFilter("checkpoint.scan"),
    within="2m",
    by=By(role="rescue"),
    presence_ttl="30m",
)
WALK = Recurrence(id="PT-1", expect=EventFilter("checkpoint.scan"), every="1h")
REACH_BOOK = RuleBook((RuleVersion(REACH, 0, None),))
BOOK = RuleBook((RuleVersion(REACH, 0, None), RuleVersion(WALK, 0, None)))

Line = dict[str, Any]


def line(device: str, **fields: Any) -> Line:
    return {"site": "demo", "device": device, **fields}


def alarm(seq: int, at: int, **fields: Any) -> Line:
    return line("panel", seq=seq, at=T0 + at, type="fire.alarm", **fields)


def scan(seq: int, at: int, device: str = "cp-1", **fields: Any) -> Line:
    return line(device, seq=seq, at=T0 + at, type="checkpoint.scan", person="card:7", **fields)


def run(lines: list[Line], rules: RuleBook = REACH_BOOK, **options: Any) -> ReplayResult:
    return replay(SITE, rules, [json.dumps(one).encode() + b"\n" for one in lines], **options)


def told(result: ReplayResult) -> list[Line]:
    return [json.loads(one) for one in result.verdicts]


def test_a_verdict_is_one_line_with_sorted_keys_and_no_spaces() -> None:
    (written,) = run([alarm(1, 0), scan(5, MINUTE)]).verdicts
    assert written == (
        b'{"blind":[],"due_at":1764547320000,"elapsed_ms":60000,"evidence":[["panel",1],["cp-1",5]],'
        b'"final":true,"items":[],"joined":[],"key":"b1","kind":"response","opened_at":1764547200000,"outcome":"met",'
        b'"overdue":false,"reason":"in_time","rule":"ER-2","version":1}'
    )


def test_verdicts_come_by_rule_then_key_then_opening() -> None:
    found = told(run([scan(1, HOUR, "cp-2"), scan(1, 0), alarm(2, HOUR), alarm(1, 0)], BOOK))
    order = [(one["rule"], one["key"], one["opened_at"]) for one in found]
    assert order == sorted(order)
    assert {one["rule"] for one in found} == {"ER-2", "PT-1"}


def test_events_at_or_after_until_are_not_seen() -> None:
    lines = [alarm(1, 0), scan(5, MINUTE)]
    assert told(run(lines, until=T0 + MINUTE))[0]["outcome"] == "pending"
    assert told(run(lines, until=T0 + MINUTE + 1))[0]["outcome"] == "met"


def test_until_is_by_default_just_after_the_last_of_all() -> None:
    assert run([alarm(1, 0), scan(5, MINUTE)]).until == T0 + MINUTE + 1
    assert run([alarm(1, 0), line("cp-1", complete_to=T0 + HOUR)]).until == T0 + HOUR + 1
    reading = line("t", point="temperature", at=T0 + 2 * HOUR, value=41.5, quality="good")
    assert run([alarm(1, 0), reading]).until == T0 + 2 * HOUR + 1


def test_the_data_begin_by_default_with_the_earliest_event() -> None:
    found = told(run([scan(1, HOUR), scan(2, 0, "cp-2")], BOOK))
    assert [(one["key"], one["opened_at"], one["outcome"]) for one in found] == [
        ("cp-1", T0, "met"),
        ("cp-1", T0 + HOUR, "pending"),
        ("cp-2", T0, "breached"),
    ]


def test_what_opened_before_the_start_is_not_told_but_who_came_before_is_there() -> None:
    lines = [alarm(1, 0), scan(5, HOUR - MINUTE), alarm(2, HOUR)]
    (found,) = told(run(lines, since=T0 + HOUR))
    assert (found["opened_at"], found["reason"]) == (T0 + HOUR, "already_there")


def test_a_device_without_a_coverage_line_is_known_up_to_until() -> None:
    assert told(run([alarm(1, 0)], until=T0 + 2 * MINUTE))[0]["outcome"] == "pending"
    assert told(run([alarm(1, 0)], until=T0 + 2 * MINUTE + 1))[0]["outcome"] == "breached"


def test_nothing_is_breached_before_every_reader_is_known_beyond_the_limit() -> None:
    lines = [alarm(1, 0), line("cp-1", complete_to=T0 + MINUTE)]
    (found,) = told(run(lines, until=T0 + HOUR))
    assert (found["outcome"], found["reason"], found["overdue"]) == ("pending", "waiting_for_coverage", True)


def test_a_blind_reader_makes_it_unknown_and_is_named() -> None:
    lines = [alarm(1, 0), line("cp-1", blind=[T0 + 5, T0 + 10])]
    (found,) = told(run(lines, until=T0 + HOUR))
    assert (found["outcome"], found["reason"]) == ("unknown", "blind")
    assert found["blind"] == [{"device": "cp-1", "start": T0 + 5, "end": T0 + 10}]


def test_coverage_beyond_until_makes_nothing_final_that_a_later_event_could_change() -> None:
    lines = [alarm(1, 0), scan(5, 10 * MINUTE), line("cp-1", complete_to=T0 + 9 * HOUR)]
    (early,) = told(run(lines, until=T0 + 5 * MINUTE))
    (late,) = told(run(lines, until=T0 + 11 * MINUTE))
    assert (early["outcome"], early["final"], early["elapsed_ms"]) == ("breached", False, None)
    assert (late["outcome"], late["elapsed_ms"]) == ("breached", 10 * MINUTE)


def test_an_event_that_stands_there_twice_counts_once_as_it_was_received_first() -> None:
    first = scan(5, MINUTE, received_at=T0 + MINUTE)
    again = scan(5, 3 * MINUTE, received_at=T0 + HOUR)
    for lines in ([alarm(1, 0), first, again, first], [again, first, first, alarm(1, 0)]):
        result = run(lines)
        assert told(result)[0]["elapsed_ms"] == MINUTE
        assert (result.events, result.repeated) == (2, 2)


def test_no_lines_are_no_verdicts() -> None:
    assert run([], BOOK).verdicts == []
    assert run([], BOOK, until=T0).verdicts == []
    assert replay(SITE, BOOK, [b"\n", b"  \r\n"]).verdicts == []


def test_what_nobody_knows_is_kept_and_counted() -> None:
    strange = line("robot", seq=1, at=T0, type="fire.alarm")
    odd = line("panel", seq=9, at=T0, type="panel.sang")
    result = run([strange, odd, alarm(1, 0)])
    assert result.unknown_devices == {"robot": 1}
    assert result.unknown_types == {"panel.sang": 1}
    assert result.events == 3
    assert len(result.verdicts) == 1


@pytest.mark.parametrize(
    ("bad", "field", "message"),
    [
        (b"{", "", "is no JSON"),
        (b"[1]", "", "expected object, got array"),
        (b'{"site":"demo"}', "", "missing required field device"),
        (b'{"site":"demo","device":"panel"}', "", "expected an event (type), a reading (point) or coverage"),
        (b'{"site":"other","device":"panel","blind":[1,2]}', "site", "expected 'demo', found 'other'"),
        (b'{"site":"demo","device":"panel","seq":1,"type":"fire.alarm"}', "at", "is missing"),
        (b'{"site":"demo","device":"panel","at":1,"type":"fire.alarm"}', "seq", "is missing"),
        (b'{"site":"demo","device":"panel","seq":1,"at":"now","type":"x"}', "at", "expected int, got str"),
        (
            b'{"site":"demo","device":"panel","seq":1,"at":1764547200000000,"type":"x"}',
            "at",
            "<= 4102444800000",
        ),
        (b'{"site":"demo","device":"panel","seq":1,"at":1.5,"type":"x"}', "at", "expected int, got float"),
        (b'{"site":"demo","device":"panel","seq":-1,"at":1,"type":"x"}', "seq", ">= 0"),
        (b'{"site":"demo","device":"","seq":1,"at":1,"type":"x"}', "device", "length >= 1"),
        (
            b'{"site":"demo","device":"panel","seq":1,"at":1,"type":"x","data":[]}',
            "data",
            "expected an object",
        ),
        (b'{"site":"demo","device":"t","point":"c","at":1}', "value", "is missing"),
        (
            b'{"site":"demo","device":"t","point":"c","at":1,"value":null}',
            "value",
            "null where the quality is bad",
        ),
        (b'{"site":"demo","device":"t","point":"c","at":1,"value":1,"quality":"ok"}', "quality", "'ok'"),
        (b'{"site":"demo","device":"t","blind":[5,4]}', "blind", "not after the end"),
        (b'{"site":"demo","device":"t","blind":[5]}', "blind", "length 2"),
        (b'{"site":"demo","device":"t\xff","blind":[4,5]}', "", "is no JSON"),
    ],
)
def test_a_bad_line_stops_the_run_and_is_named(bad: bytes, field: str, message: str) -> None:
    good = json.dumps(alarm(1, 0)).encode()
    with pytest.raises(ConfigError) as caught:
        replay(SITE, REACH_BOOK, [good, b"", bad], file="events.jsonl")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.field) == ("events.jsonl", 3, field)
    assert message in problem.message


@pytest.mark.parametrize("field", ["data", "value", "other"])
def test_a_line_that_is_nested_too_deeply_is_a_bad_one(field: str) -> None:
    deep = b'{"site":"demo","device":"t","seq":1,"at":1,"type":"x","%s":{"a":%s%s}}'
    with pytest.raises(ConfigError, match="events:1: "):
        replay(SITE, REACH_BOOK, [deep % (field.encode(), b"[" * 99_999, b"]" * 99_999)], file="events")


def test_bad_lines_can_be_skipped_and_are_counted() -> None:
    lines = [b"oops", json.dumps(alarm(1, 0)).encode(), b"{}"]
    result = replay(SITE, REACH_BOOK, lines, skip_bad=True)
    assert [problem.line for problem in result.bad] == [1, 3]
    assert len(result.verdicts) == 1


def test_fields_of_a_newer_export_are_passed_over() -> None:
    assert len(run([alarm(1, 0, observed_at=T0, colour="red")]).verdicts) == 1


def test_the_history_tells_every_revision_in_the_order_of_receipt() -> None:
    late = scan(5, MINUTE, received_at=T0 + 3 * HOUR)
    found = told(run([late, alarm(1, 0)], history=True, until=T0 + 4 * HOUR))
    assert [(one["revision"], one["decided_at"] - T0, one["outcome"], one["final"]) for one in found] == [
        (1, 0, "pending", False),
        (2, 2 * MINUTE + 1, "breached", False),
        (3, 3 * HOUR, "met", True),
    ]
    assert found[2]["cleared"]


def test_the_history_tells_how_late_a_final_verdict_was_amended() -> None:
    other = alarm(2, 2 * HOUR)
    late = scan(5, MINUTE, received_at=T0 + 3 * HOUR)
    found = told(run([late, other, alarm(1, 0)], history=True, until=T0 + 4 * HOUR))
    amended = next(one for one in found if one["late_ms"] is not None)
    assert (amended["opened_at"], amended["outcome"]) == (T0, "met")
    assert amended["late_ms"] == 3 * HOUR - 2 * MINUTE


MOMENTS = st.integers(0, 40).map(lambda number: number * MINUTE // 2)
RECEIVED = st.one_of(st.just({}), MOMENTS.map(lambda at: {"received_at": T0 + at}))
ERRORS = st.sampled_from([{}, {"clock_error_ms": 20_000}])
LINES = st.lists(
    st.one_of(
        st.builds(lambda seq, at, more: alarm(seq, at, **more), st.integers(0, 5), MOMENTS, RECEIVED),
        st.builds(
            lambda seq, at, device, more, error: scan(seq, at, device, **more, **error),
            st.integers(0, 5),
            MOMENTS,
            st.sampled_from(["cp-1", "cp-2", "robot"]),
            RECEIVED,
            ERRORS,
        ),
        st.builds(
            lambda device, to: line(device, complete_to=T0 + to), st.sampled_from(["cp-1", "cp-2"]), MOMENTS
        ),
        st.builds(lambda at: line("cp-1", blind=[T0 + at, T0 + at + MINUTE]), MOMENTS),
    ),
    max_size=14,
)
SHORT = RuleBook((RuleVersion(REACH, 0, None), RuleVersion(Recurrence(
    id="PT-1", expect=EventFilter("checkpoint.scan"), every="5m"
), 0, None)))  # fmt: skip


@given(LINES, st.randoms(use_true_random=False), st.booleans())
@sized(1.5)
def test_any_order_of_the_lines_gives_the_same_bytes(lines: list[Line], random: Any, history: bool) -> None:
    shuffled = [*lines, *lines[:3]]
    random.shuffle(shuffled)
    assert run(lines, SHORT, history=history).verdicts == run(shuffled, SHORT, history=history).verdicts


@given(LINES, MOMENTS)
@sized(1.5)
def test_the_last_revisions_of_the_history_are_the_verdicts(lines: list[Line], until: int) -> None:
    plain = told(run(lines, SHORT, until=T0 + until))
    last = {
        (one["rule"], one["key"], one["opened_at"]): one
        for one in told(run(lines, SHORT, until=T0 + until, history=True))
    }
    ended = [one for one in last.values() if one["outcome"] != "void"]
    extra = {"revision", "decided_at", "late_ms", "cleared", "joined"}
    bare = [{name: value for name, value in one.items() if name not in extra} for one in ended]
    wanted = [{name: value for name, value in one.items() if name != "joined"} for one in plain]
    by_opening = {(one["rule"], one["key"], one["opened_at"]): one for one in wanted}
    assert {(one["rule"], one["key"], one["opened_at"]): one for one in bare} == by_opening
