"""Quotas over weeks and months: the engine equals the slow plain reference, come what may in whatever order."""

import datetime as dt
import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cloud.correlation.rules import EventFilter, Quota, RuleBook, RuleVersion, Session
from cloud.correlation.verdict import Outcome
from contract.batch import Coverage
from contract.events import Event, Quality, Readings, raw_data
from contract.site import Device, Site, SiteFile
from tests.properties.reference import reference
from tests.properties.test_engine import Live, check_against_reference, lived, plain, replayed
from tests.properties.worlds import START, History

HOUR = 3_600_000
DAY = 24 * HOUR
SETS = ("dg1", "dg2")
TYPES = ("generator.started", "generator.stopped", "generator.on_load", "input.on", "measurement.recorded")
SITE = Site(SiteFile(site="s", devices=tuple(Device(id=name, emits=TYPES) for name in SETS)))
moments = st.one_of(
    st.integers(0, 75 * 24 * 6).map(lambda step: START + step * HOUR // 6),
    st.integers(START, START + 75 * DAY),
)


@st.composite
def rules(draw: st.DrawFn) -> Quota:
    """A quota of events, or of runs without load, with load, or of any."""
    # An event that must happen and must not is a contradiction.
    load = EventFilter("generator.on_load")
    must, must_not = draw(
        st.sampled_from([(None, None), (load, None), (None, load), (load, EventFilter("input.on"))])
    )
    session = Session(
        start=EventFilter("generator.started"),
        stop=EventFilter("generator.stopped", draw(st.sampled_from([{}, {"ok": True}]))),
        length=draw(
            st.sampled_from([None, ("10m", None), ("1d", "1d"), ("10m", "5d"), ("0s", "1d"), ("10m", "15m")])
        ),
        with_=must,
        without=must_not,
        **draw(
            st.sampled_from(
                [{}, {}, {"point": "load", "max_below": 5.0}, {"point": "load", "min_at_least": 30.0}]
            )
        ),
    )
    count = draw(
        st.sampled_from([EventFilter("input.on"), EventFilter("measurement.recorded", {"point": "load"})])
    )
    by_events = draw(st.integers(0, 3)) == 0
    return Quota(
        id="G",
        at_least=draw(st.integers(1, 2)),
        per=draw(st.sampled_from(["week", "month"])),
        count=count if by_events else None,
        session=None if by_events else session,
        warn_before=draw(st.sampled_from(["0s", "3d"])),
        match="site" if by_events and draw(st.booleans()) else "device",
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Some weeks of two sets."""
    now = START + draw(st.sampled_from([5, 31, 45, 80])) * DAY
    events = [
        Event(
            seq=seq,
            at=draw(moments),
            device=draw(st.sampled_from(SETS)),
            type=draw(st.sampled_from(["generator.started", "generator.stopped", *TYPES])),
            data=raw_data({"ok": True, "point": "load"} if draw(st.booleans()) else None),
        )
        for seq in range(draw(st.integers(0, 14)))
    ]
    statements = []
    for device in draw(st.lists(st.sampled_from(SETS), max_size=5)):
        start = draw(moments)
        blind = [(start, start + draw(st.integers(1, 40)) * HOUR)] if draw(st.booleans()) else []
        statements.append((device, Coverage(draw(moments), blind)))
    if draw(st.booleans()):
        statements += [(device, Coverage(now + DAY)) for device in SETS]
    rule = draw(rules())
    book = RuleBook((RuleVersion(rule, 0, None),))
    read = [
        reading(draw(moments), draw(st.sampled_from(SETS)), draw(st.sampled_from([1.0, 30.0])))
        for _ in range(draw(st.integers(0, 8)))
    ]
    seen = [event for event in events if event.at <= now]
    return History(SITE, book, seen, statements, now, [one for one in read if one.at[0] <= now])


def reading(at: int, device: str, value: float) -> Readings:
    """One good reading of the load."""
    return Readings(seq=[0], device=[device], point=["load"], at=[at], value=[value], quality=[Quality.GOOD])


PERIOD_ENDS = [
    round(dt.datetime(2025, month, day, tzinfo=SITE.timezone).timestamp() * 1_000)
    for month, day in ((12, 8), (12, 15), (12, 31))
] + [round(dt.datetime(2026, 1, 1, tzinfo=SITE.timezone).timestamp() * 1_000)]
M = 60_000


@st.composite
def edges(draw: st.DrawFn) -> History:
    """Runs around the end of a period: lengths at their bounds, a millisecond more and less; blind spans that touch."""
    end = draw(st.sampled_from(PERIOD_ENDS))
    ticks = st.sampled_from([0, 0, 1, -1])
    step = st.sampled_from(
        [-60, -31, -30, -21, -20, -16, -15, -11, -10, -6, -5, -1, 0, 1, 4, 5, 9, 10, 14, 15, 29, 30]
    )
    moment = st.builds(lambda minutes, tick: end + minutes * M + tick, step, ticks)
    kinds = ["generator.started", "generator.stopped", "generator.started", "generator.stopped", *TYPES]
    events = [
        Event(
            seq=seq,
            at=draw(moment),
            device="dg1",
            type=draw(st.sampled_from(kinds)),
            data=raw_data({"ok": True}),
        )
        for seq in range(draw(st.integers(0, 7)))
    ]
    times = [one.at for one in events]
    exact = (
        st.sampled_from([*times, *(at + 1 for at in times), *(at - 1 for at in times)]) if times else moment
    )
    readings = [
        reading(draw(st.one_of(moment, exact)), "dg1", draw(st.sampled_from([1.0, 4.9, 5.0, 30.0, 29.0])))
        for _ in range(draw(st.integers(0, 4)))
    ]
    now = draw(
        st.sampled_from([end - 1, end, end + 1, end + 15 * M, end + 15 * M + 1, end + 61 * M, end + DAY])
    )
    statements = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.one_of(moment, exact))
        stop = draw(
            st.one_of(st.sampled_from([start + 1, start + 10 * M, start + 10 * M + 1]), moment, exact)
        )
        blind = [(start, stop)] if start < stop else []
        statements.append(("dg1", Coverage(draw(st.one_of(moment, exact, st.just(now))), blind)))
    if draw(st.booleans()):
        statements.append(("dg1", Coverage(now + draw(ticks), [])))
    book = RuleBook((RuleVersion(draw(rules()), 0, None),))
    seen = [event for event in events if event.at < now]
    return History(SITE, book, seen, statements, now, [one for one in readings if one.at[0] < now])


@given(edges())
def test_at_its_bounds_a_quota_equals_the_slow_plain_reference(history: History) -> None:
    expected = plain(reference(history.site, history.rules, history.known, history.now))
    assert plain(replayed(history)) == expected


@given(edges(), st.randoms(use_true_random=False))
def test_at_its_bounds_order_batches_and_restarts_change_nothing(
    history: History, chance: random.Random
) -> None:
    assert replayed(history, chance) == replayed(history)
    steps = (0, HOUR, 9 * DAY)
    live = lived(history, chance, restarts=chance.random() < 0.5, keep_ms=1_000 * DAY, steps=steps)
    check_against_reference(live, history)


@given(histories())
def test_a_quota_equals_the_slow_plain_reference(history: History) -> None:
    expected = plain(reference(history.site, history.rules, history.known, history.now))
    assert plain(replayed(history)) == expected


@given(histories(), st.randoms(use_true_random=False))
def test_order_batches_restarts_and_letting_go_change_nothing(
    history: History, chance: random.Random
) -> None:
    assert replayed(history, chance) == replayed(history)
    steps = (0, HOUR, 9 * DAY)
    live = lived(history, chance, restarts=chance.random() < 0.5, keep_ms=1_000 * DAY, steps=steps)
    check_against_reference(live, history)


@given(histories())
def test_without_its_deciding_run_no_quota_is_met_as_it_was(history: History) -> None:
    for verdict in replayed(history):
        if verdict.outcome is Outcome.MET and verdict.evidence:
            device, seq = verdict.evidence[-1]
            rest = [event for event in history.events if (event.device, event.seq) != (device, seq)]
            assert verdict not in replayed(msgspec.structs.replace(history, events=rest))


def test_a_blind_span_that_is_told_of_seven_weeks_late_takes_a_shortfall_back() -> None:
    monday = START + 6 * DAY + 16 * HOUR
    now = START + 55 * DAY
    rule = Quota(
        id="G", at_least=1, per="week", count=EventFilter("input.on"), session=None, warn_before="0s"
    )
    late = ("dg1", Coverage(START, [(monday - HOUR, monday + HOUR)]))
    statements = [("dg1", Coverage(now + DAY, [])), late]
    live = Live(History(SITE, RuleBook((RuleVersion(rule, 0, None),)), [], statements, now), 1_000 * DAY)
    live.take(statements[0])
    live.settle(now)
    (before,) = [one for one in live.verdicts() if (one.key, one.opened_at) == ("dg1", monday)]
    live.take(late)
    live.settle(now)
    (after,) = [one for one in live.verdicts() if (one.key, one.opened_at) == ("dg1", monday)]
    assert (before.outcome, after.outcome) == (Outcome.BREACHED, Outcome.UNKNOWN)


def test_a_run_whose_stop_is_told_after_the_next_start_counts_where_it_began() -> None:
    now = START + 31 * DAY
    loaded = Session(
        start=EventFilter("generator.started"),
        stop=EventFilter("generator.stopped"),
        with_=EventFilter("generator.on_load"),
    )
    rule = Quota(id="G", at_least=1, per="week", count=None, session=loaded, warn_before="0s")

    def told(seq: int, at: int, kind: str) -> Event:
        return Event(seq=seq, at=at, device="dg1", type=f"generator.{kind}", data=raw_data(None))

    stop = told(3, START + 8 * DAY + 1, "stopped")
    parts: list[object] = [
        told(1, START, "started"),
        told(2, START + HOUR, "on_load"),
        told(4, START + 8 * DAY + HOUR, "started"),
        ("dg1", Coverage(START + 14 * DAY, [])),
        stop,
    ]
    events = [part for part in parts if isinstance(part, Event)]
    history = History(SITE, RuleBook((RuleVersion(rule, 0, None),)), events, [parts[3]], now)
    live = Live(history, 1_000 * DAY)
    for part in parts:
        live.take(part)
        if part is not stop:
            live.settle(START + 18 * DAY)
    live.settle(now)
    check_against_reference(live, history)
    assert (stop.device, stop.seq) in [one.evidence[-1] for one in live.verdicts() if one.evidence]


def test_a_run_that_is_open_where_coverage_ends_is_kept_although_a_later_start_is_known() -> None:
    monday = START + 6 * DAY + 16 * HOUR
    now = monday + 21 * DAY
    session = Session(start=EventFilter("generator.started"), stop=EventFilter("generator.stopped"))
    rule = Quota(id="G", at_least=1, per="week", count=None, session=session, warn_before="0s")

    def told(seq: int, at: int, kind: str) -> Event:
        return Event(seq=seq, at=at, device="dg1", type=f"generator.{kind}", data=raw_data(None))

    events = [
        told(1, START, "started"),
        told(3, monday + 7 * DAY + HOUR, "started"),
        told(2, monday + 7 * DAY, "stopped"),
    ]
    known = ("dg1", Coverage(monday + 7 * DAY, []))
    history = History(SITE, RuleBook((RuleVersion(rule, 0, None),)), events, [known], now)
    live = Live(history, 1_000 * DAY)
    for part in (events[0], events[1], known, events[2]):
        live.take(part)
        live.settle(monday + 8 * DAY)
    live.settle(now)
    check_against_reference(live, history)
    (first,) = [one for one in live.verdicts() if one.evidence]
    assert (first.outcome, first.opened_at < START) == (Outcome.MET, True)


def test_a_period_that_begins_in_the_moment_of_a_look_is_told_at_the_next() -> None:
    monday = START + 6 * DAY + 16 * HOUR
    rule = Quota(
        id="G", at_least=1, per="week", count=EventFilter("input.on"), session=None, warn_before="0s"
    )
    history = History(SITE, RuleBook((RuleVersion(rule, 0, None),)), [], [], monday + HOUR)
    live = Live(history, 1_000 * DAY)
    live.settle(monday)
    assert live.engine.next_deadline() == monday + 1
    live.settle(monday + HOUR)
    assert {one.opened_at for one in live.verdicts()} == {monday}
