"""What telemetry proposes for the readings of a checklist: a test sheet that fills itself. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from cloud.condition.generator_runs import GeneratorRun
from cloud.operations.checklist import Item, Source, converted
from cloud.store.reads import LatestReading
from contract.site import Text

FRESH_MS: Final = 10 * 60_000
"""A newest reading that is older says nothing of now."""
SETTLED_MS: Final = 30_000
"""An engine needs so long until its pressure and frequency mean something."""

NO_RUN: Final = Text(zh="工单开出后尚无运行记录", en="it has not run since the order was opened")
RUNS: Final = Text(zh="仍在运行，停机后可取时长", en="it still runs: the length is known when it stops")
NEVER: Final = Text(zh="该设备没有此读数", en="the device never gave this reading")
OLD: Final = Text(zh="读数已超过10分钟", en="the newest reading is older than 10 minutes")
UNREAD: Final = Text(zh="读数读不到", en="the reading could not be had")
NOT_IN_RUN: Final = Text(zh="这次运行期间没有此读数", en="there is no such reading of that run")
OTHER_UNIT: Final = Text(zh="读数单位不同", en="the reading has another unit")


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A reading for an item: `value` in the item's unit, as of `at`, ms; or None, and `why` says why there is none."""

    item: str
    point: str
    value: float | None = None
    at: int | None = None
    why: Text = Text()


class Telemetry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the device: the newest of each point, `(at, value)` of its run in order, and its units.

    `known_to`: up to when the device is known: a value that did not move is not told again, and stands until then.
    """

    run: GeneratorRun | None
    newest: Mapping[str, LatestReading]
    during: Mapping[str, Sequence[tuple[int, float]]]
    known_to: int = 0
    units: Mapping[str, str]


def run_for(runs: Iterable[GeneratorRun], opened_at: int, until: int) -> GeneratorRun | None:
    """The run that belongs to an order: the latest that began while it was open."""
    own = [run for run in runs if opened_at <= run.start <= until]
    return max(own, key=lambda run: run.start, default=None)


def sheet(items: Iterable[Item], known: Telemetry, now: int) -> list[Proposal]:
    """A proposal for each item that has a source, in their order."""
    return [_rounded(_proposal(item, item.source, known, now)) for item in items if item.source is not None]


def points_of(items: Iterable[Item]) -> Iterator[str]:
    """The points that their sources name."""
    for item in items:
        if item.source is not None and item.source.reading is not None:
            yield item.source.reading


def _proposal(item: Item, source: Source, known: Telemetry, now: int) -> Proposal:
    if source.run is not None:
        return _length(item, known.run)
    point = source.reading or ""
    if source.take == "now":
        return _newest(item, point, known, now)
    if known.run is None:
        return Proposal(item=item.id, point=point, why=NO_RUN)
    rows = [row for row in known.during.get(point, ()) if row[0] >= known.run.start + SETTLED_MS]
    if not rows:
        return Proposal(item=item.id, point=point, why=NOT_IN_RUN)
    at, value = {
        "last": lambda: rows[-1],
        "least": lambda: min(rows, key=lambda row: row[1]),
        "most": lambda: max(rows, key=lambda row: row[1]),
    }[source.take]()
    return _converted(item, point, value, at, known.units)


def _length(item: Item, run: GeneratorRun | None) -> Proposal:
    if run is None:
        return Proposal(item=item.id, point="", why=NO_RUN)
    if run.end is None:
        return Proposal(item=item.id, point="", why=RUNS)
    return _converted(item, "", float(run.end - run.start), run.end, {"": "ms"})


def _newest(item: Item, point: str, known: Telemetry, now: int) -> Proposal:
    row = known.newest.get(point)
    if row is None:
        return Proposal(item=item.id, point=point, why=NEVER)
    if row.value is None:
        return Proposal(item=item.id, point=point, at=row.at, why=UNREAD)
    if now - max(row.at, min(known.known_to, now)) > FRESH_MS:
        return Proposal(item=item.id, point=point, at=row.at, why=OLD)
    return _converted(item, point, row.value, row.at, known.units)


def _converted(item: Item, point: str, value: float, at: int, units: Mapping[str, str]) -> Proposal:
    found = converted(value, units.get(point, ""), item.unit)
    if found is None:
        return Proposal(item=item.id, point=point, at=at, why=OTHER_UNIT)
    return Proposal(item=item.id, point=point, value=found, at=at)


def _rounded(found: Proposal) -> Proposal:
    """As a person would write it down: two digits behind the point."""
    return found if found.value is None else msgspec.structs.replace(found, value=round(found.value, 2))
