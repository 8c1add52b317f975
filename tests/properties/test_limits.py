"""The exact moments: limits to the millisecond in all orders, clocks put forward and back, deadlines over a restart."""

import datetime as dt
import itertools
import zoneinfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.correlation.engine import Engine
from cloud.correlation.episodes import Past
from cloud.correlation.rules import By, EventFilter, Recurrence, Response, RuleBook, RuleVersion
from cloud.correlation.verdict import Outcome, Overdue, Reason, Recall, Revised
from contract.batch import Coverage
from contract.events import Event
from contract.site import Device, Person, Site, SiteFile, Window, Zone
from tests.cases import sized
from tests.properties.plain import Known
from tests.properties.reference import reference

T0 = 1_764_547_200_000
HOUR = 3_600_000
LIMIT = 180_000
REACH = Response(
    id="ER-1",
    on=EventFilter("emergency.call"),
    expect=EventFilter("checkpoint.scan"),
    within="3m",
    by=By(role="rescue"),
)


def site(zones: int = 1, timezone: str = "Asia/Shanghai") -> Site:
    """Zones with a help point and a reader each, and somebody of the rescue team."""
    names = [f"z{number}" for number in range(zones)]
    devices = [Device(id=f"call-{name}", zone=name, emits=("emergency.call",)) for name in names]
    devices += [Device(id=f"cp-{name}", zone=name, emits=("checkpoint.scan",)) for name in names]
    return Site(
        SiteFile(
            site="s",
            timezone=timezone,
            zones=tuple(Zone(id=name) for name in names),
            devices=tuple(devices),
            people=(Person(id="p", roles=("rescue",)),),
        )
    )


def book(*rules: Response | Recurrence) -> RuleBook:
    """Rules in force since ever."""
    return RuleBook(tuple(RuleVersion(rule, 0, None) for rule in rules))


def call(at: int = T0, zone: str = "z0") -> Event:
    return Event(seq=1, at=at, device=f"call-{zone}", type="emergency.call")


def scan(at: int, seq: int = 2, error: int = 0) -> Event:
    return Event(seq=seq, at=at, device="cp-z0", type="checkpoint.scan", person="p", clock_error_ms=error)


ARRIVALS = [LIMIT - 1, LIMIT, LIMIT + 1]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("first", ARRIVALS)
def test_t35_the_limit_holds_to_the_millisecond_in_every_order(order: tuple[int, ...], first: int) -> None:
    wanted = {LIMIT - 1: Outcome.MET, LIMIT: Outcome.MET, LIMIT + 1: Outcome.BREACHED}[first]
    engine = Engine(site(), book(REACH), data_from=T0, keep_ms=None)
    said = Coverage(T0 + 10 * LIMIT)
    steps = [
        lambda: engine.on_events([call()]),
        lambda: engine.on_events([scan(T0 + first), scan(T0 + LIMIT + 5_000, seq=3)]),
        lambda: engine.on_coverage("call-z0", said),
        lambda: engine.on_coverage("cp-z0", said),
    ]
    for index in order:
        steps[index]()
        engine.settle(T0 + LIMIT + 1)
    (verdict,) = engine.verdicts(T0 + 10 * LIMIT)
    assert (verdict.outcome, verdict.elapsed_ms) == (wanted, first)


def t35(arrivals: list[tuple[int, int, int]], order: list[int]) -> None:
    """Arrivals `(after the call, clock error, late by)` taken in some order equal the reference."""
    here = site()
    events = [call(), *(scan(T0 + after, seq, error) for seq, (after, error, _) in enumerate(arrivals, 2))]
    late = [0, *(late for _, _, late in arrivals)]
    now = T0 + 30 * HOUR
    complete = dict.fromkeys(here.devices, now)
    known = Known(events, complete, {}, T0)
    expected = [msgspec.structs.replace(one, joined=()) for one in reference(here, book(REACH), known, now)]
    engine = Engine(here, book(REACH), data_from=T0)
    told: dict[int, Revised] = {}
    seen: list[Event] = []
    coming = sorted(
        range(len(events)), key=lambda index: (events[index].at + late[index], order[index % len(order)])
    )

    def settle(moment: int) -> None:
        asked = True
        while asked:
            asked = False
            for effect in engine.settle(moment):
                if isinstance(effect, Revised):
                    told[effect.verdict.opened_at] = effect
                if isinstance(effect, Recall):
                    asked = True
                    engine.on_history(effect, Past(list(seen)), list(told.values()))

    for index in coming:
        moment = events[index].at + late[index]
        for device in here.devices:
            engine.on_coverage(device, Coverage(moment))
        settle(moment)
        engine.on_events([events[index]])
        seen.append(events[index])
        settle(moment)
    for device in here.devices:
        engine.on_coverage(device, Coverage(now))
    settle(now)
    assert [msgspec.structs.replace(one.verdict, joined=()) for one in told.values()] == expected


arrivals = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(ARRIVALS), st.integers(-5_000, HOUR + 5_000)),
        st.sampled_from([0, 0, 1, 1_000, 5_000]),
        st.one_of(st.just(0), st.integers(0, 24 * HOUR)),
    ),
    max_size=4,
)
orders = st.lists(st.integers(0, 9), min_size=5, max_size=5)


@given(arrivals, orders)
def test_t35_arrivals_late_by_up_to_a_day_equal_the_reference(
    found: list[tuple[int, int, int]], order: list[int]
) -> None:
    t35(found, order)


@pytest.mark.long
@sized(1_000, long=1)
@given(arrivals, orders)
def test_t35_a_hundred_thousand_cases(found: list[tuple[int, int, int]], order: list[int]) -> None:
    t35(found, order)


def patrol(from_: str, to: str) -> Recurrence:
    window = Window(from_=from_, to=to)
    return Recurrence(id="PT", expect=EventFilter("checkpoint.scan"), every="30m", during=(window,))


def starts(zone: str, day: dt.date, from_: str, to: str) -> list[str]:
    """When the windows of that day, the one before and the one after begin, in UTC."""
    here = site(timezone=zone)
    midnight = dt.datetime.combine(day, dt.time(), tzinfo=zoneinfo.ZoneInfo(zone))
    since = int((midnight - dt.timedelta(days=1)).timestamp() * 1000)
    engine = Engine(here, book(patrol(from_, to)), data_from=since, keep_ms=None)
    found = engine.verdicts(since + 3 * 24 * HOUR)
    opened = sorted({one.opened_at for one in found if one.key == "cp-z0"})
    return [dt.datetime.fromtimestamp(at / 1000, dt.UTC).strftime("%dT%H:%M") for at in opened]


@pytest.mark.parametrize(
    ("zone", "day", "window", "expected"),
    [
        ("Europe/Berlin", dt.date(2026, 3, 29), ("02:30", "05:00"), ["28T01:30", "29T01:00", "30T00:30"]),
        ("Europe/Berlin", dt.date(2026, 10, 25), ("02:30", "05:00"), ["24T00:30", "25T00:30", "26T01:30"]),
        ("Asia/Shanghai", dt.date(2028, 2, 29), ("00:00", "01:00"), ["27T16:00", "28T16:00", "29T16:00"]),
        ("Asia/Shanghai", dt.date(2027, 1, 1), ("00:00", "01:00"), ["30T16:00", "31T16:00", "01T16:00"]),
        (
            "America/New_York",
            dt.date(2026, 3, 8),
            ("22:00", "06:00"),
            ["07T05:00", "08T03:00", "09T02:00", "10T02:00"],
        ),
    ],
)
def test_t34_windows_begin_once_each_day_whatever_the_clocks_do(
    zone: str, day: dt.date, window: tuple[str, str], expected: list[str]
) -> None:
    assert sorted(starts(zone, day, *window)) == sorted(expected)


def test_t36_a_link_down_over_a_deadline_gives_an_alert_and_no_verdict_until_the_backlog_is_there() -> None:
    engine = Engine(site(), book(REACH), data_from=T0)
    engine.on_events([call()])
    engine.on_coverage("call-z0", Coverage(T0 + 1_000))
    engine.settle(T0 + 1_000)
    assert engine.next_deadline() == T0 + LIMIT + 1
    effects = engine.settle(T0 + LIMIT + 1)
    assert [effect.due_at for effect in effects if isinstance(effect, Overdue)] == [T0 + LIMIT]
    outcomes = [effect.verdict for effect in effects if isinstance(effect, Revised)]
    assert [(one.outcome, one.reason) for one in outcomes] == [(Outcome.PENDING, Reason.WAITING_FOR_COVERAGE)]
    engine.on_events([scan(T0 + 100_000)])
    for device in ("call-z0", "cp-z0"):
        engine.on_coverage(device, Coverage(T0 + HOUR))
    (cleared,) = [effect for effect in engine.settle(T0 + HOUR) if isinstance(effect, Revised)]
    assert (cleared.verdict.outcome, cleared.cleared, cleared.verdict.final) == (Outcome.MET, True, True)


def test_t37_a_restart_with_a_thousand_deadlines_pending_fires_each_once() -> None:
    here = site(zones=1_000)
    first = Engine(here, book(REACH), data_from=T0)
    cells: dict[str, bytes] = {}
    for number in range(1_000):
        first.on_events([call(T0 + number, zone=f"z{number}")])
    first.settle(T0 + 1_000)
    cells.update({name: cell for name, cell in first.dirty_cells().items() if cell is not None})
    half = first.settle(T0 + LIMIT + 500)
    cells.update({name: cell for name, cell in first.dirty_cells().items() if cell is not None})
    again = Engine(here, book(REACH), data_from=T0)
    again.restore(cells)
    rest = again.settle(T0 + LIMIT + 1_001)
    alerts = [effect.episode.key for effect in (*half, *rest) if isinstance(effect, Overdue)]
    assert sorted(alerts) == sorted(f"z{number}" for number in range(1_000))
    assert not [effect for effect in again.settle(T0 + LIMIT + 2_000) if isinstance(effect, Overdue)]
