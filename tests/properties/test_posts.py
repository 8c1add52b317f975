"""Who is at a post, over restarts and late scans: the engine equals the slow plain reference."""

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.correlation.rules import RuleBook, RuleVersion, Staffing
from contract.batch import Coverage
from contract.events import Event, raw_data
from contract.site import Device, Person, Qualification, Site, SiteFile, Zone
from tests.properties.test_engine import Live, check_against_reference, lived, replayed
from tests.properties.test_rounds_and_posts import START, bare
from tests.properties.worlds import History

M = 60_000
HOUR = 60 * M
KEEP = 10_000_000_000
MIDNIGHT = START + 16 * HOUR
"""In Shanghai, where the posts are."""


def scan(seq: int, at: int, device: str, person: str = "p1", *, out: bool = False) -> Event:
    data = raw_data({"direction": "exit"} if out else None)
    return Event(seq=seq, at=at, device=device, type="checkpoint.scan", person=person, data=data)


def site() -> Site:
    """Two places, and people with licences that end and begin at midnight."""
    devices = tuple(Device(id=f"cp{n}", zone=f"z{n}", emits=("checkpoint.scan",)) for n in (1, 2))
    last, first = dt.date(2025, 12, 1), dt.date(2025, 12, 2)
    people = (
        Person(id="p1", qualifications=(Qualification(name="licence", to=last),)),
        Person(id="p2", qualifications=(Qualification(name="licence", from_=first),)),
        Person(
            id="p3",
            qualifications=(
                Qualification(name="licence", to=last),
                Qualification(name="licence", from_=last),
            ),
        ),
    )
    return Site(
        SiteFile(
            site="s",
            timezone="Asia/Shanghai",
            zones=(Zone(id="z1"), Zone(id="z2")),
            devices=devices,
            people=people,
        )
    )


def history(events: list[Event], now: int) -> History:
    rule = Staffing(id="S", at_least=1, tolerance="1m", post="z1", presence_ttl="8h")
    statements = [(name, Coverage(now)) for name in ("cp1", "cp2")]
    return History(site(), RuleBook((RuleVersion(rule, START, None),)), events, statements, now)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_a_late_older_scan_of_somebody_who_is_back_hides_no_absence(restart: bool, again: bool) -> None:
    early, left, back = (
        scan(1, START + M, "cp1"),
        scan(2, START + 5 * M, "cp2"),
        scan(3, START + 30 * M, "cp1"),
    )
    told = history([early, left, back], START + HOUR)
    live = Live(told, KEEP)
    for part in (left, back, early):
        live.take(part)
        live.settle(part.at)
        if restart and (again or part is left):
            live.restart()
    for statement in told.statements:
        live.take(statement)
    live.settle(told.now)
    check_against_reference(live, told, bare)
    assert [one.elapsed_ms for one in live.verdicts()] == [25 * M]


def test_a_late_first_arrival_after_a_restart_recalls_where_they_went() -> None:
    early, left = scan(1, START + M, "cp1"), scan(2, START + 5 * M, "cp2")
    told = history([early, left], START + HOUR)
    live = Live(told, KEEP)
    live.take(left)
    live.settle(START + 5 * M)
    live.restart()
    live.take(early)
    live.settle(START + 6 * M)
    for statement in told.statements:
        live.take(statement)
    live.settle(told.now)
    check_against_reference(live, told, bare)


near = st.one_of(
    st.integers(-6, 6).map(lambda step: MIDNIGHT + step * 10 * M),
    st.sampled_from([MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + 1]),
    st.integers(MIDNIGHT - HOUR, MIDNIGHT + HOUR),
)


@st.composite
def nights(draw: st.DrawFn) -> History:
    """Some people around the midnight at which licences end and begin, limits hit on purpose."""
    events = [
        scan(
            seq,
            draw(near),
            draw(st.sampled_from(["cp1", "cp1", "cp2"])),
            draw(st.sampled_from(["p1", "p2", "p3", "card:9"])),
            out=draw(st.integers(0, 5)) == 0,
        )
        for seq in range(draw(st.integers(0, 8)))
    ]
    rule = Staffing(
        id="S",
        at_least=draw(st.integers(1, 2)),
        tolerance=draw(st.sampled_from(["1m", "10m"])),
        post=draw(st.sampled_from(["z1", ("z1", "z2")])),
        qualification=draw(st.sampled_from([None, "licence", "licence"])),
        presence_ttl=draw(st.sampled_from(["0s", "10m", "20m", "8h"])),
    )
    limits = [one.at + more for one in events for more in (10 * M, 20 * M, 10 * M + 1)]
    now = draw(st.sampled_from([*limits, MIDNIGHT + 2 * HOUR]))
    statements = []
    for device in draw(st.lists(st.sampled_from(["cp1", "cp2"]), max_size=6)):
        start = draw(near)
        end = draw(st.sampled_from([start + 1, start + 10 * M, MIDNIGHT, *limits]))
        blind = [(start, end)] if draw(st.booleans()) and start < end else []
        statements.append((device, Coverage(draw(st.one_of(near, st.sampled_from([now, now + 1]))), blind)))
    version = RuleVersion(rule, START, None)
    return History(site(), RuleBook((version,)), [one for one in events if one.at < now], statements, now)


@given(nights(), st.randoms(use_true_random=False))
def test_licences_and_limits_of_a_night(history: History, chance: random.Random) -> None:
    assert bare(replayed(history, chance)) == bare(replayed(history))
    steps = (0, M, 16 * HOUR)
    live = lived(history, chance, restarts=chance.random() < 0.5, keep_ms=KEEP, steps=steps)
    check_against_reference(live, history, bare)
