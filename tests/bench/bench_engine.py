"""How fast the engine judges, and whether its memory stays flat: 200 zones, two rules or five, one core.

The time is the engine's own, with what the worker asks of it: events in batches of 100; for each group that is
committed, a coverage statement of every device, a settle, and the cells that are written.
"""

import gc
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloud.correlation.engine import Engine
from cloud.correlation.rules import By, EventFilter, Recurrence, Response, RuleBook, RuleVersion
from contract.batch import Coverage
from contract.events import Event
from contract.site import Device, Person, Site, SiteFile, Zone

ZONES = 200
BATCH = 100
GROUP = 10_000
START = 1_764_547_200_000


def site() -> Site:
    """In each zone a smoke detector, a reader and a door; ten guards."""
    zones = [f"z{number}" for number in range(ZONES)]
    devices = [
        Device(id=f"{kind}-{zone}", zone=zone, emits=emits)
        for zone in zones
        for kind, emits in (
            ("smoke", ("fire.alarm",)),
            ("reader", ("checkpoint.scan",)),
            ("door", ("door.opened",)),
        )
    ]
    people = tuple(Person(id=f"p{number}", roles=("rescue",)) for number in range(10))
    file = SiteFile(
        site="bench", zones=tuple(Zone(id=zone) for zone in zones), devices=tuple(devices), people=people
    )
    return Site(file)


def rules() -> RuleBook:
    """Three response rules on alarms, one with who is there already, one on forced doors, and one recurrence.

    Every scan is evidence for four of them.
    """
    alarm, scan = EventFilter("fire.alarm"), EventFilter("checkpoint.scan")
    rescue = By(role="rescue")
    found = (
        Response(id="ER-1", on=alarm, expect=scan, within="3m", by=rescue),
        Response(id="ER-2", on=alarm, expect=scan, within="2m", by=rescue, presence_ttl="30m"),
        Response(
            id="FS-1", on=alarm, expect=EventFilter("operator.acknowledged"), within="30s", match="site"
        ),
        Response(id="GE-1", on=EventFilter("door.forced"), expect=scan, within="5m"),
        Recurrence(id="PT-1", expect=scan, every="4h"),
    )
    return RuleBook(tuple(RuleVersion(rule, 0, None) for rule in found))


def batches(count: int, relevant: int, step_ms: int) -> Iterator[list[Event]]:
    """`count` events, `step_ms` apart; one of `relevant` is a trigger (one of ten) or evidence."""
    chance = random.Random(7)
    events: list[Event] = []
    for seq in range(count):
        zone = chance.randrange(ZONES)
        kind, device, person = "door.opened", f"door-z{zone}", None
        if seq % relevant == 0:
            if chance.random() < 0.1:
                kind, device = "fire.alarm", f"smoke-z{zone}"
            else:
                kind, device, person = "checkpoint.scan", f"reader-z{zone}", f"p{chance.randrange(10)}"
        events.append(Event(seq=seq, at=START + seq * step_ms, device=device, type=kind, person=person))
        if len(events) == BATCH:
            yield events
            events = []


def resident() -> int:
    """The process's resident memory in bytes."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def drive(count: int, relevant: int, step_ms: int, book: RuleBook) -> dict[str, float]:
    """Events per second of the engine alone, and its growth over the second half of the run."""
    model = site()
    engine = Engine(model, book, data_from=START)
    devices = [device.id for device in model.file.devices]
    spent, taken, halfway, told = 0.0, 0, 0, 0
    for events in batches(count, relevant, step_ms):
        taken += len(events)
        begun = time.process_time()
        engine.on_events(events)
        if taken % GROUP == 0:
            now = events[-1].at + 1
            statement = Coverage(now)
            for device in devices:
                engine.on_coverage(device, statement)
            told += len(engine.settle(now))
            engine.dirty_cells()
        spent += time.process_time() - begun
        if not halfway and taken >= count // 2:
            gc.collect()
            halfway = resident()
    gc.collect()
    return {"speed": taken / spent, "grown": (resident() - halfway) / 2**20, "told": told / taken}


def run(scale: float = 1.0) -> list[dict[str, Any]]:
    """See `tests.bench`. At full scale the mixed run has ten million events over 28 hours of the site's time."""
    five = rules()
    two = RuleBook(tuple(version for version in five.versions if version.rule.id in {"ER-1", "PT-1"}))
    mixed = drive(max(GROUP, int(10_000_000 * scale)), 50, 10, two)
    more = drive(max(GROUP, int(2_000_000 * scale)), 50, 10, five)
    every = drive(max(GROUP, int(300_000 * scale)), 1, 100, two)
    return [
        {"name": "engine.mixed_1_in_50", "value": mixed["speed"], "unit": "events/s"},
        {"name": "engine.mixed_1_in_50_five_rules", "value": more["speed"], "unit": "events/s"},
        {"name": "engine.mixed_growth_second_half", "value": mixed["grown"], "unit": "MiB"},
        {"name": "engine.every_event_decides", "value": every["speed"], "unit": "events/s"},
        {"name": "engine.every_effects_per_event", "value": every["told"], "unit": "effects"},
    ]


if __name__ == "__main__":
    for row in run():
        print(row["name"], round(row["value"], 3), row["unit"])
