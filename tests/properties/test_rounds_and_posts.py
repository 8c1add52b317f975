"""Rounds, posts and states of readings: the engine equals the slow plain references, whatever comes in whatever order."""

import random

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.correlation.engine import Engine
from cloud.correlation.rules import Duration, RuleBook, RuleVersion, Staffing, Tour, While
from cloud.correlation.verdict import Outcome, Reason, Verdict
from contract.batch import Coverage
from contract.events import Event, Quality, Readings, raw_data
from contract.site import Device, Leg, Person, Route, Site, SiteFile, Window, Zone
from tests.properties.reference import reference
from tests.properties.test_engine import check_against_reference, lived, plain, replayed
from tests.properties.worlds import PEOPLE, READERS, SPAN, START, STEP, ZONES, History, moments

PROBES = ("t1", "t2")
TYPES = ("checkpoint.scan", "access.granted")


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Three zones side by side, a reader in each, two probes, two people, one route."""
    devices = [Device(id=name, zone=zone, emits=TYPES) for name, zone in zip(READERS, ZONES, strict=True)]
    devices += [Device(id=name, zone="z1", poll=draw(st.sampled_from([None, "10s"]))) for name in PROBES]
    zones = [Zone(id="z1", adjacent={"z2": 15}), Zone(id="z2", adjacent={"z1": 15, "z3": 40}), Zone(id="z3")]
    legs = [
        Leg(
            device=name,
            min_s=draw(st.sampled_from([None, None, 20])),
            max_s=draw(st.sampled_from([None, None, 120])),
        )
        for name in draw(st.sampled_from([READERS, READERS[:2], ("cp2", "cp1")]))
    ]
    people = [Person(id="p1", cards=("card:1",), roles=("guard",)), Person(id="p2", cards=("card:2",))]
    route = Route(id="r", checkpoints=tuple(legs), starts=("08:02", "08:06", "08:11"))
    return Site(
        SiteFile(site="s", zones=tuple(zones), devices=tuple(devices), people=tuple(people), routes=(route,))
    )


@st.composite
def rules(draw: st.DrawFn) -> list[RuleVersion]:
    """A rule of each of the kinds, one of them in two versions."""
    window = Window(
        from_=draw(st.sampled_from(["07:50", "08:02"])), to=draw(st.sampled_from(["08:05", "08:14"]))
    )
    tour = Tour(
        id="T",
        route="r",
        starts=draw(st.sampled_from([None, ("08:04",), ("08:01", "08:05", "daily 08:09")])),
        start_tolerance=draw(st.sampled_from(["0s", "30s", "2m"])),
        complete_within=draw(st.sampled_from(["1m", "3m"])),
        order=draw(st.sampled_from(["strict", "any"])),
    )
    staffing = Staffing(
        id="S",
        post=draw(st.sampled_from(["z1", ("z1", "z2")])),
        at_least=draw(st.integers(1, 2)),
        tolerance=draw(st.sampled_from(["10s", "1m", "3m"])),
        role=draw(st.sampled_from([None, None, "guard"])),
        during=draw(st.sampled_from([None, (window,)])),
        presence_ttl=draw(st.sampled_from(["0s", "1m", "5m"])),
    )
    hot = draw(
        st.sampled_from(
            [
                While(point="temperature", above=40),
                While(point="temperature", above=40, clear_below=38),
                While(point="temperature", below=39, clear_above=41),
            ]
        )
    )
    state = Duration(
        id="D",
        while_=hot,
        longer_than=draw(st.sampled_from(["10s", "1m", "3m"])),
        bridge=draw(st.sampled_from(["0s", "20s", "1m"])),
    )
    chosen = draw(st.sampled_from([[tour], [staffing], [state], [tour, staffing, state]]))
    versions = [RuleVersion(rule, 0, None) for rule in chosen]
    if draw(st.integers(0, 3)) == 0:
        change, rule = draw(moments), chosen[0]
        second = msgspec.structs.replace(rule, version=2)
        versions[:1] = [RuleVersion(rule, 0, change), RuleVersion(second, change, None)]
    return versions


@st.composite
def scans(draw: st.DrawFn) -> list[Event]:
    """People seen at readers, leaving, going off duty."""
    found = []
    for seq in range(draw(st.integers(0, 14))):
        out = draw(st.integers(0, 5)) == 0
        found.append(
            Event(
                seq=seq,
                at=draw(moments),
                device=draw(st.sampled_from(READERS)),
                type=draw(
                    st.sampled_from(
                        ["checkpoint.scan", "checkpoint.scan", *TYPES, "staff.off_duty", "staff.on_duty"]
                    )
                ),
                person=draw(st.sampled_from([None, *PEOPLE, "card:1", "card:9"])),
                zone=draw(st.sampled_from([None, None, None, *ZONES])),
                clock_error_ms=draw(st.sampled_from([0, 0, 20_000])),
                data=raw_data({"direction": "out"} if out else None),
            )
        )
    return found


@st.composite
def measured(draw: st.DrawFn) -> list[Readings]:
    """Readings around the limits, some of them bad."""
    found = []
    for _ in range(draw(st.integers(0, 16))):
        quality = draw(st.sampled_from([Quality.GOOD] * 5 + [Quality.UNCERTAIN]))
        found.append(
            Readings(
                seq=[0],
                device=[draw(st.sampled_from(PROBES))],
                point=["temperature"],
                at=[draw(moments)],
                value=[draw(st.sampled_from([37.0, 38.0, 39.0, 40.0, 40.5, 42.0]))],
                quality=[quality],
            )
        )
    return [one for one in found if one.quality[0] is Quality.GOOD]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A quarter of an hour."""
    now = START + SPAN + draw(st.sampled_from([-SPAN // 2, 0, 5_000, SPAN, 4 * SPAN]))
    events = [event for event in draw(scans()) if event.at <= now]
    readings = [one for one in draw(measured()) if one.at[0] <= now]
    statements = []
    devices = (*READERS, *PROBES)
    for device in draw(st.lists(st.sampled_from(devices), max_size=10)):
        start = draw(moments)
        blind = [(start, start + draw(st.integers(1, 12)) * STEP)] if draw(st.integers(0, 2)) == 0 else []
        statements.append((device, Coverage(draw(moments), blind)))
    if draw(st.booleans()):
        statements += [
            (device, Coverage(START + SPAN + draw(st.integers(0, 2)) * SPAN)) for device in devices
        ]
    return History(draw(sites()), RuleBook(tuple(draw(rules()))), events, statements, now, readings)


@given(histories())
def test_rounds_posts_and_readings_equal_the_slow_plain_reference(history: History) -> None:
    expected = plain(reference(history.site, history.rules, history.known, history.now))
    assert bare(replayed(history)) == bare(expected)


@given(histories(), st.randoms(use_true_random=False))
def test_order_batches_restarts_and_letting_go_change_nothing(
    history: History, chance: random.Random
) -> None:
    assert bare(replayed(history, chance)) == bare(replayed(history))
    live = lived(history, chance, restarts=chance.random() < 0.5, keep_ms=10_000_000_000)
    check_against_reference(live, history, bare)


@given(histories())
def test_readings_in_columns_are_the_same_as_one_by_one(history: History) -> None:
    engine = Engine(history.site, history.rules, data_from=START, keep_ms=None)
    for device, coverage in history.statements:
        engine.on_coverage(device, coverage)
    engine.on_events(history.events)
    for probe in PROBES:
        own = [one for one in history.readings if one.device[0] == probe]
        at = np.array([one.at[0] for one in own], np.int64)
        engine.on_column(probe, "temperature", at, np.array([one.value[0] for one in own], np.float64))
    assert engine.verdicts(history.now) == replayed(history)


def bare(verdicts: list[Verdict]) -> list[Verdict]:
    """Without the events that began and ended a span of a post: several may do it in one moment.

    Of a round only the answer: what is said of each checkpoint is tried by cases.
    """
    return [_bare_round(one) if one.kind == "tour" else _bare_post(one) for one in plain(verdicts)]


def _bare_post(one: Verdict) -> Verdict:
    return msgspec.structs.replace(one, evidence=()) if one.kind == "staffing" else one


def _bare_round(one: Verdict) -> Verdict:
    decided = one.outcome in {Outcome.BREACHED, Outcome.UNKNOWN}
    reason = Reason.WAITING if decided else one.reason
    return msgspec.structs.replace(one, reason=reason, items=(), evidence=(), blind=(), elapsed_ms=None)
