"""Random small sites, rules and histories, made so that things meet: few zones, few moments, many ties."""

import datetime as dt
from typing import Any

import msgspec
from hypothesis import strategies as st

from cloud.correlation.rules import (
    By,
    Duration,
    EventFilter,
    Recurrence,
    Response,
    Rule,
    RuleBook,
    RuleVersion,
    Select,
    VoidWhen,
    While,
)
from contract.batch import Coverage
from contract.events import Event, Readings, raw_data
from contract.site import Device, Group, Person, Qualification, Site, SiteFile, Window, Zone
from tests.properties.plain import Known

START = 1_764_547_200_000
SPAN = 900_000
STEP = 10_000
ZONES = ("z1", "z2", "z3")
READERS = ("cp1", "cp2", "cp3")
GATES = ("g1", "g2")
PANELS = ("fp1", "fp2")
DEVICES = (*READERS, *GATES, *PANELS)
PEOPLE = ("p1", "p2")


class History(msgspec.Struct):
    """A site, its rules, and what happened: events, and statements in the order they were made."""

    site: Site
    rules: RuleBook
    events: list[Event]
    statements: list[tuple[str, Coverage]]
    now: int
    readings: list[Readings] = []

    @property
    def known(self) -> Known:
        """The same as the reference takes it."""
        complete: dict[str, int] = {}
        blind: dict[str, list[tuple[int, int]]] = {}
        for device, said in self.statements:
            complete[device] = max(complete.get(device, -(10**18)), said.complete_to)
            blind[device] = merged(blind.get(device, []) + list(said.blind))
        read = [(r.device[0], r.point[0], r.at[0], r.value[0]) for r in self.readings]
        return Known(self.events, complete, blind, START, [row for row in read if row[3] is not None])


def merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans with those that touch made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


moments = st.one_of(
    st.integers(0, SPAN // STEP).map(lambda step: START + step * STEP),
    st.integers(START, START + SPAN),
)


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Three zones, three readers, two gates, two panels, two people, one group."""
    zone = st.sampled_from(ZONES)
    maybe = st.one_of(zone, st.none())
    devices = [
        Device(id=name, zone=draw(maybe), emits=("checkpoint.scan", "access.granted")) for name in READERS
    ]
    devices += [Device(id=name, zone=draw(zone), emits=("gate.released",)) for name in GATES]
    devices += [
        Device(id=name, zone=draw(zone), emits=("fire.alarm", "fire.mode", "fire.reset")) for name in PANELS
    ]
    zones = [
        Zone(
            id=name,
            covers=tuple(draw(st.lists(zone.filter(lambda one, own=name: one != own), max_size=1))),
            escape_route=tuple(draw(st.lists(st.sampled_from((*GATES, "cp1")), max_size=2, unique=True))),
        )
        for name in ZONES
    ]
    people = [
        Person(id="p1", cards=("card:1",), roles=("rescue",)),
        Person(
            id="p2",
            cards=("card:2",),
            qualifications=(Qualification(name="licence", from_=dt.date(2025, 1, 1), to=draw(last_days)),),
        ),
    ]
    group = Group(id="grp", devices=tuple(draw(st.lists(st.sampled_from(DEVICES), min_size=1, unique=True))))
    file = SiteFile(
        site="s", zones=tuple(zones), devices=tuple(devices), people=tuple(people), groups=(group,)
    )
    return Site(file)


last_days = st.sampled_from([None, dt.date(2025, 11, 30), dt.date(2025, 12, 1), dt.date(2027, 1, 1)])
spans_of_time = st.sampled_from(["0s", "10s", "60s", "2m", "5m"])


@st.composite
def responses(draw: st.DrawFn, rule: str = "R") -> Response:
    """A response rule of any shape."""
    expect = draw(
        st.sampled_from([("checkpoint.scan",), ("checkpoint.scan", "access.granted"), ("gate.released",)])
    )
    return Response(
        id=rule,
        on=EventFilter("fire.alarm", draw(st.sampled_from([{}, {"loop": 1}]))),
        expect=EventFilter(expect),
        within=draw(st.sampled_from(["10s", "60s", "3m"])),
        match=draw(st.sampled_from(["zone", "zone", "device", "group", "escape_route", "site"])),
        per=draw(st.sampled_from(["trigger", "trigger", "answerer"])),
        by=draw(st.sampled_from([None, By(role="rescue"), By(qualification="licence")])),
        grade=draw(st.sampled_from([None, "weak", "strong"])),
        join=draw(spans_of_time),
        horizon=draw(st.sampled_from(["3m", "10m"])),
        presence_ttl=draw(spans_of_time),
        early=draw(st.sampled_from(["0s", "0s", "30s"])),
        void_when=draw(st.one_of(st.none(), void_whens())),
    )


@st.composite
def void_whens(draw: st.DrawFn) -> VoidWhen:
    """What makes an obligation void, told by panels, gates or readers."""
    return VoidWhen(
        draw(
            st.sampled_from(["fire.reset", "fire.reset", ("fire.reset", "gate.released"), "access.granted"])
        ),
        match=draw(st.sampled_from([None, "zone", "device", "group", "escape_route", "site"])),
        ends_join=draw(st.booleans()),
    )


@st.composite
def recurrences(draw: st.DrawFn, rule: str = "Q") -> Recurrence:
    """A recurrence rule, with or without windows."""
    window = Window(
        from_=draw(st.sampled_from(["07:50", "08:02"])), to=draw(st.sampled_from(["08:05", "08:10"]))
    )
    return Recurrence(
        id=rule,
        expect=EventFilter(("checkpoint.scan",)),
        every=draw(st.sampled_from(["10s", "2m", "5m"])),
        select=draw(st.sampled_from([Select(), Select(id="cp1"), Select(zone="z1")])),
        by=draw(st.sampled_from([None, None, By(role="rescue"), By(qualification="licence")])),
        during=draw(st.sampled_from([None, None, (window,)])),
    )


@st.composite
def durations(draw: st.DrawFn, rule: str = "D") -> Duration:
    """A duration rule of a panel's mode."""
    condition = draw(
        st.sampled_from(
            [
                While("fire.mode", {"mode": "manual"}),
                While("fire.mode", unless={"mode": "auto"}),
                While("fire.mode", {"mode": "manual"}, until="fire.alarm"),
                While("fire.alarm"),
                While("fire.alarm", {"loop": 1}),
                While("fire.alarm", {"state": "cleared"}),
            ]
        )
    )
    return Duration(
        id=rule,
        while_=condition,
        longer_than=draw(st.sampled_from(["10s", "60s", "3m"])),
        select=draw(st.sampled_from([Select(), Select(id="fp1")])),
        bridge=draw(st.sampled_from(["0s", "0s", "20s"])),
    )


@st.composite
def rule_books(draw: st.DrawFn) -> RuleBook:
    """A rule of each kind, each in one or two dated versions."""
    versions: list[RuleVersion] = []
    for strategy in (responses(), recurrences(), durations()):
        first: Rule = draw(strategy)  # type: ignore[arg-type]
        if draw(st.booleans()):
            change = draw(moments)
            second = msgspec.structs.replace(draw(strategy), version=2)  # type: ignore[arg-type,type-var]
            versions += [RuleVersion(first, 0, change), RuleVersion(second, change, None)]
        else:
            versions.append(RuleVersion(first, 0, None))
    return RuleBook(tuple(versions))


_DATA = {
    "fire.alarm": st.tuples(
        st.integers(1, 2), st.sampled_from([{}, {}, {"state": "active"}, {"state": "cleared"}])
    ).map(lambda drawn: {"loop": drawn[0], **drawn[1]}),
    "gate.released": st.sampled_from([{}, {}, {}, {"state": "cleared"}]),
    "fire.mode": st.sampled_from(["manual", "manual", "auto", "test", "over"]).map(
        lambda mode: {"mode": "manual", "state": "cleared"} if mode == "over" else {"mode": mode}
    ),
}


@st.composite
def happenings(draw: st.DrawFn) -> list[Event]:
    """Events with ties, clock errors, strangers' cards and zones of their own."""
    kinds: dict[str, Any] = {
        "checkpoint.scan": READERS,
        "access.granted": READERS,
        "gate.released": GATES,
        "fire.alarm": PANELS,
        "fire.mode": PANELS,
        "fire.reset": PANELS,
    }
    often = ["checkpoint.scan", "fire.alarm", "fire.mode", "fire.reset"]
    kind = st.sampled_from([*often, *kinds, "checkpoint.scan", "fire.alarm"])
    found = []
    for seq in range(draw(st.integers(0, 14))):
        name = draw(kind)
        people = st.sampled_from([None, *PEOPLE, "card:1", "card:2", "card:9"])
        found.append(
            Event(
                seq=seq,
                at=draw(moments),
                device=draw(st.sampled_from(kinds[name])),
                type=name,
                zone=draw(st.sampled_from([None, None, *ZONES])),
                person=draw(people) if name in {"checkpoint.scan", "access.granted"} else None,
                clock_error_ms=draw(st.sampled_from([0, 0, 5_000, 20_000])),
                data=raw_data(draw(_DATA[name]) if name in _DATA else None),
            )
        )
    return found


@st.composite
def statements(draw: st.DrawFn, honest_to: list[Event] | None = None) -> list[tuple[str, Coverage]]:
    """Coverage statements, some with blind spans."""
    found = []
    for device in draw(st.lists(st.sampled_from(DEVICES), max_size=10)):
        blind = []
        if draw(st.integers(0, 3)) == 0:
            start = draw(moments)
            blind = [(start, start + draw(st.integers(1, 12)) * STEP)]
        found.append((device, Coverage(draw(moments), blind)))
    if draw(st.booleans()):
        found += [(device, Coverage(START + SPAN + draw(st.integers(0, 2)) * SPAN)) for device in DEVICES]
    return found


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A whole small world."""
    now = START + SPAN + draw(st.sampled_from([-SPAN // 2, 0, 5_000, SPAN, 4 * SPAN]))
    events = [event for event in draw(happenings()) if event.at <= now]
    return History(draw(sites()), draw(rule_books()), events, draw(statements()), now)
