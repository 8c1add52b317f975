"""The whole catalogue: live on a site of 1,000 devices, a year replayed, late news, and two other tools beside it.

Live is the engine's own time as in `bench_engine`. Replay is from events and columns in memory to verdicts; the
year has one event in 50 that a rule asks about. `reelay` and `rtamt` (in the group `bench`) monitor one bounded
response, an alarm answered within 120 s, with a sample every 10 s; beside them the same by this engine, one key.
"""

import gc
import importlib
import importlib.util
import random
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from cloud.correlation.engine import Engine
from cloud.correlation.episodes import Past
from cloud.correlation.replay import judged_types
from cloud.correlation.rule_files import load_rules
from cloud.correlation.rules import EventFilter, Response, RuleBook, RuleVersion
from cloud.correlation.verdict import Outcome, Recall, Revised
from contract.batch import Coverage
from contract.events import Event
from contract.site import Device, Group, Site, SiteFile, Zone
from contract.site_files import load_site

HERE = Path(__file__).resolve().parents[2]
RULES = HERE / "config/rules"
START = 1_780_279_200_000
"""2026-06-01 10:00 in Shanghai: the shipped rules are in force."""
COPIES = 44
BATCH, GROUP = 100, 10_000
DAY = 86_400_000


def thousand() -> Site:
    """The trial site of the rules' cases 44 times over: 1,012 devices in 264 zones."""
    trial = load_site(RULES / "tests/site").file

    def named(number: int, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{name}-{number}" for name in names)

    zones: list[Zone] = []
    devices: list[Device] = []
    groups: list[Group] = []
    replace = msgspec.structs.replace
    for number in range(COPIES):
        for zone in trial.zones:
            near = {f"{name}-{number}": seconds for name, seconds in zone.adjacent.items()}
            covers, route = named(number, zone.covers), named(number, zone.escape_route)
            zones.append(
                replace(zone, id=f"{zone.id}-{number}", covers=covers, escape_route=route, adjacent=near)
            )
        devices.extend(
            replace(device, id=f"{device.id}-{number}", zone=f"{device.zone}-{number}")
            for device in trial.devices
        )
        groups.extend(
            replace(group, id=f"{group.id}-{number}", devices=named(number, group.devices))
            for group in trial.groups
        )
    routes = tuple(
        replace(
            route,
            id=f"{route.id}-{number}",
            checkpoints=tuple(replace(leg, device=f"{leg.device}-{number}") for leg in route.checkpoints),
        )
        for number in range(COPIES)
        for route in trial.routes
    )
    people = tuple(
        replace(person, id=f"{person.id}-{number}", cards=())
        for number in range(COPIES)
        for person in trial.people
    )
    return Site(
        replace(
            trial,
            zones=tuple(zones),
            devices=tuple(devices),
            groups=tuple(groups),
            routes=routes,
            people=trial.people + people,
        )
    )


RELEVANT = (
    ("fire.alarm", "panel"),
    ("checkpoint.scan", "reader"),
    ("checkpoint.scan", "reader-plant"),
    ("access.granted", "reader-control"),
    ("generator.on_load", "genset"),
    ("door.opened", "door"),
    ("door.closed", "door"),
    ("supervision.ok", "panel"),
    ("guard.alive", "tablet"),
)


def events(count: int, step_ms: int) -> Iterator[list[Event]]:
    """Batches of events; one of 50 is one that rules ask about."""
    chance = random.Random(7)
    found: list[Event] = []
    for seq in range(count):
        number = chance.randrange(COPIES)
        kind, device, person = "input.on", f"gate-{number}", None
        if seq % 50 == 0:
            kind, name = chance.choice(RELEVANT)
            device, person = f"{name}-{number}", f"rescuer-{number}" if name.startswith("reader") else None
        found.append(Event(seq=seq, at=START + seq * step_ms, device=device, type=kind, person=person))
        if len(found) == BATCH:
            yield found
            found = []


def live(site: Site, book: RuleBook, count: int) -> float:
    """Events per second of the engine with the whole catalogue."""
    engine = Engine(site, book, data_from=START)
    devices = list(site.devices)
    spent, taken = 0.0, 0
    for batch in events(count, 20):
        taken += len(batch)
        begun = time.process_time()
        engine.on_events(batch)
        if taken % GROUP == 0:
            now = batch[-1].at + 1
            statement = Coverage(now)
            for device in devices:
                engine.on_coverage(device, statement)
            engine.settle(now)
            engine.dirty_cells()
        spent += time.process_time() - begun
    return taken / spent


def replayed(site: Site, book: RuleBook, count: int) -> float:
    """Events per second of a replay: a year of them, from memory to verdicts."""
    step = 365 * DAY // count
    known = [event for batch in events(count, step) for event in batch]
    gc.collect()
    begun = time.process_time()
    engine = Engine(site, book, data_from=START, keep_ms=None)
    until = START + 365 * DAY
    for device in site.devices:
        engine.on_coverage(device, Coverage(until))
    types = judged_types(book)
    engine.on_events([event for event in known if event.type in types])
    engine.verdicts(until)
    return count / (time.process_time() - begun)


def readings(site: Site, book: RuleBook, count: int) -> float:
    """Readings per second of a replay by the rules of readings: ten columns over a year."""
    chance = np.random.default_rng(7)
    each = count // 10
    at = START + np.arange(each, dtype=np.int64) * (365 * DAY // each)
    climate = RuleBook(tuple(one for one in book.versions if one.rule.id in {"TE-2", "TE-3", "TE-3H"}))
    columns = [30 + 9 * np.sin(np.arange(each) / 5_000) + chance.normal(0, 0.5, each) for _ in range(10)]
    begun = time.process_time()
    engine = Engine(site, climate, data_from=START, keep_ms=None)
    for number, column in enumerate(columns):
        engine.on_coverage(f"room-{number}", Coverage(START + 365 * DAY))
        engine.on_column(f"room-{number}", "temperature", at, column)
    engine.verdicts(START + 365 * DAY)
    return count / (time.process_time() - begun)


def late(site: Site, book: RuleBook, count: int) -> float:
    """Milliseconds from a scan that is a day old to the amended verdict, with the look-up in a list in memory."""
    engine = Engine(site, book, data_from=START)
    stored: list[Event] = []
    told: dict[tuple[str, str, int], Revised] = {}
    for batch in events(count, 2 * DAY // count):
        engine.on_events(batch)
        stored += [event for event in batch if event.type != "input.on"]
        now = batch[-1].at + 1
        for device in site.devices:
            engine.on_coverage(device, Coverage(now))
        for effect in engine.settle(now):
            if isinstance(effect, Revised):
                verdict = effect.verdict
                told[verdict.rule, verdict.key, verdict.opened_at] = effect
    missed = next(
        one.verdict
        for (rule, _, opened), one in sorted(told.items(), key=lambda item: item[0][2])
        if rule == "ER-2" and one.verdict.outcome is Outcome.BREACHED and opened < START + DAY
    )
    number = missed.key.rpartition("-")[2]
    scan = Event(
        seq=10**9,
        at=missed.opened_at + 60_000,
        device=f"reader-{number}",
        type="checkpoint.scan",
        person=f"rescuer-{number}",
    )
    stored.append(scan)
    begun = time.perf_counter()
    engine.on_events([scan])
    effects = engine.settle(now)
    amended: list[Revised] = []
    while effects:
        amended += [effect for effect in effects if isinstance(effect, Revised)]
        for recall in (effect for effect in effects if isinstance(effect, Recall)):
            past = [one for one in stored if one.type in recall.types and recall.start <= one.at < recall.end]
            last = [
                one
                for (rule, key, opened), one in told.items()
                if (rule, key) == (recall.rule, recall.key) and recall.start <= opened < recall.end
            ]
            engine.on_history(recall, Past(past), last)
        effects = engine.settle(now)
    spent = (time.perf_counter() - begun) * 1_000
    if not any(
        one.verdict.episode == missed.episode and one.verdict.outcome is Outcome.MET for one in amended
    ):
        raise RuntimeError("the late scan amended nothing")
    return spent


def samples(count: int) -> list[tuple[bool, bool]]:
    """Alarm and scan, a sample every 10 s."""
    chance = random.Random(7)
    return [(chance.random() < 0.01, chance.random() < 0.1) for _ in range(count)]


def by_reelay(count: int) -> float:
    """Samples per second of `reelay`."""
    reelay: Any = importlib.import_module("reelay")
    monitor = reelay.discrete_timed_monitor(
        pattern="not((not {scan}) since[12:] {alarm})", semantics="boolean", condense=True
    )
    return _timed(samples(count), lambda _, alarm, scan: monitor.update({"alarm": alarm, "scan": scan}))


def by_rtamt(count: int) -> float:
    """Samples per second of `rtamt`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rtamt: Any = importlib.import_module("rtamt")
    spec = rtamt.StlDiscreteTimeOnlineSpecification()
    for name in ("alarm", "scan", "out"):
        spec.declare_var(name, "float")
    spec.spec = "out = not((not(scan>=0.5)) since[12:13] (alarm>=0.5))"
    spec.parse()
    return _timed(
        samples(count),
        lambda at, alarm, scan: spec.update(at, [("alarm", float(alarm)), ("scan", float(scan))]),
    )


def by_engine(count: int) -> float:
    """The same samples as events of one zone, judged by this engine; samples without either are none."""
    devices = (
        Device(id="smoke", zone="z", emits=("fire.alarm",)),
        Device(id="cp", zone="z", emits=("scan",)),
    )
    site = Site(SiteFile(site="s", zones=(Zone(id="z"),), devices=devices))
    rule = Response(
        id="R",
        on=EventFilter("fire.alarm"),
        expect=EventFilter("scan"),
        within="120s",
        join="0s",
        grade="weak",
    )
    engine = Engine(site, RuleBook((RuleVersion(rule, 0, None),)), data_from=START, keep_ms=None)
    found = [
        Event(seq=2 * number + kind, at=START + number * 10_000, device=name, type=told)
        for number, sample in enumerate(samples(count))
        for kind, (so, name, told) in enumerate(
            ((sample[0], "smoke", "fire.alarm"), (sample[1], "cp", "scan"))
        )
        if so
    ]
    begun = time.perf_counter()
    engine.on_events(found)
    for device in ("smoke", "cp"):
        engine.on_coverage(device, Coverage(START + (count + 100) * 10_000))
    engine.verdicts(START + (count + 100) * 10_000)
    return count / (time.perf_counter() - begun)


def _timed(found: list[tuple[bool, bool]], step: Callable[[int, bool, bool], object]) -> float:
    begun = time.perf_counter()
    for number, (alarm, scan) in enumerate(found):
        step(number, alarm, scan)
    return len(found) / (time.perf_counter() - begun)


def run(scale: float = 1.0) -> list[dict[str, Any]]:
    """See `tests.bench`. At full scale 2,000,000 events live, 4,000,000 in the year, 20,000,000 readings."""
    site = thousand()
    book = load_rules(RULES, site)
    count = max(GROUP, int(2_000_000 * scale))
    rows = [
        ("catalogue.live", live(site, book, count), "events/s"),
        ("catalogue.replay_events", replayed(site, book, 2 * count), "events/s"),
        (
            "catalogue.replay_readings",
            readings(site, book, max(10_000, int(20_000_000 * scale))),
            "readings/s",
        ),
        ("catalogue.late_event_a_day_old", late(site, book, 40_000), "ms"),
        ("response.this_engine", by_engine(max(1_000, int(1_000_000 * scale))), "samples/s"),
    ]
    for name, monitor, size in (("reelay", by_reelay, 500_000), ("rtamt", by_rtamt, 50_000)):
        if importlib.util.find_spec(name) is not None:
            rows.append((f"response.{name}", monitor(max(1_000, int(size * scale))), "samples/s"))
    return [{"name": name, "value": value, "unit": unit} for name, value, unit in rows]
