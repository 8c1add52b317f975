"""What stands in the product compared with what stands at the device. Each check tells of the differences that it finds."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cloud.correlation.people import says_of
from cloud.operations.alarm_kinds import UNDECIDED, AlarmKind
from contract.events import LASTING, LASTING_OF_PARTS, RESET_TYPES, Event, Phase, part_of, phase_of
from edge.parts import PartNames
from edge.ports import Measured, Observation
from tests.truth.dates import completeness, coverage, dates, obligations
from tests.truth.history import ALIVE, History, Played
from tests.truth.standing import NORMAL_MODE, Standing, as_events, mode_of, standing


def readings(seen: Iterable[Observation]) -> Mapping[tuple[str, str], float | None]:
    """The newest reading of each point."""
    return {(one.device, one.point): one.value for one in seen if isinstance(one, Measured)}


def differences(history: History) -> list[str]:
    """All that is wrong in the product after a history."""
    fresh = history.read_fresh()
    is_so = standing(as_events(fresh.seen, PartNames(history.product.site)))
    found = [
        *_at_the_edge(history, fresh, is_so),
        *_stored(history),
        *_on_pages(history, is_so),
        *_alarms(history, is_so),
        *_emergencies(history),
        *coverage(history),
    ]
    if history.name not in ALIVE:
        found += [*dates(history), *completeness(history), *obligations(history)]
    return found


def _at_the_edge(history: History, fresh: Played, is_so: Standing) -> Iterator[str]:
    """What the agent told of states and numbers is what a reader finds that knows nothing of the history."""
    told = standing(as_events(history.played.seen, PartNames(history.product.site)))
    yield from _unequal("the agent has told", told, is_so)
    if history.name in ALIVE:
        return  # their numbers move all the time
    at_last, found = readings(history.played.seen), readings(fresh.seen)
    for key in sorted(at_last.keys() & found.keys()):
        if not _are_near(at_last[key], found[key]):
            yield f"{key} was told last as {at_last[key]}, and is {found[key]}"


def _are_near(one: float | None, other: float | None) -> bool:
    """Whether two readings are the same but for changes smaller than a dead band, which profiles do not tell of."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=0.02, abs_tol=1.5)


def _unequal(where: str, said: Mapping[object, object], is_so: Mapping[object, object]) -> Iterator[str]:
    for key in sorted(said.keys() | is_so.keys(), key=str):
        if said.get(key) != is_so.get(key):
            yield f"{where} {key}: {said.get(key)}, and it is {is_so.get(key)}"


def _stored(history: History) -> Iterator[str]:
    """Every event that the agent kept is stored, once, as it was told; nothing else is."""
    told = Counter((row.device, row.type, bytes(row.data)) for row in history.product.told)
    stored = Counter((event.device, event.type, bytes(event.data)) for event in history.product.events)
    for one in (told - stored) + (stored - told):
        yield f"told {told[one]} times and stored {stored[one]} times: {one}"
    for row in history.product.store.partitions[0].quarantine:
        yield f"put aside: {row.kind}, {row.reason}"


def _on_pages(history: History, is_so: Standing) -> Iterator[str]:
    """The states that pages show of devices are those that stand."""
    lines = LASTING.keys() | {"fault", "fire"}
    line_of = {kind: line for line, kinds in {**LASTING, **LASTING_OF_PARTS}.items() for kind in kinds}
    wanted = {
        (device, line_of[stands.type], part if line_of[stands.type] in LASTING_OF_PARTS else "", stands.type)
        for (device, _, part), stands in is_so.items()
        if line_of.get(stands.type) in lines
    }
    ends = {kinds[1] for kinds in LASTING.values() if len(kinds) > 1}
    shown = {
        (one.event.device, line_of[one.event.type], one.part or "", one.event.type)
        for one in history.product.states
        if one.event.type not in ends | RESET_TYPES and mode_of(one.event) != NORMAL_MODE
    }
    for key in sorted(wanted ^ shown):
        yield f"pages {'show' if key in shown else 'do not show'} {key}"


def _alarms(history: History, is_so: Standing) -> Iterator[str]:
    """An alarm stands where its condition does, and nowhere else."""
    kinds = history.product.alarm_kinds
    wanted = {
        (kind.id, device, part if kind.each else "")
        for (device, _, part), stands in is_so.items()
        for kind in kinds.beginning.get(stands.type, ())
    }
    for device, known in history.product.tracker.known.items():
        if known.offline:
            wanted.add(("device-offline", device, ""))
    # What nothing tells the end of stands until somebody acknowledges it, and here nobody does.
    wanted |= {
        (kind.id, event.device, part_of(event) if kind.each else "")
        for event in history.product.events
        for kind in kinds.beginning.get(event.type, ())
        if kind.is_momentary and _is_told_without_end(kind, event, history)
    }
    active = {
        (one.kind, one.source, one.part)
        for one in history.product.alarms
        if one.active and one.kind not in UNDECIDED
    }
    for key in sorted(wanted ^ active):
        yield f"the alarm {key} {'stands' if key in active else 'does not stand'}"


def _is_told_without_end(kind: AlarmKind, event: Event, history: History) -> bool:
    """Whether the last word of an event's source says that something began, without naming a state."""
    part = part_of(event)
    of_source = [
        one
        for one in history.product.events
        if one.type == event.type and one.device == event.device and part_of(one) == part
    ]
    return kind.on is not None and says_of(kind.on, of_source[-1]) not in {None, Phase.ENDS}


def _emergencies(history: History) -> Iterator[str]:
    """There is an emergency of each kind of which there was an alarm, and of no other."""
    kinds = history.product.alarm_kinds
    begun = {
        kind.emergency
        for event in history.product.events
        if phase_of(event) is not Phase.ENDS
        for kind in kinds.beginning.get(event.type, ())
        if kind.emergency is not None
    }
    found = {one.life.emergency for one in history.product.emergencies}
    for kind in sorted(begun ^ found):
        yield f"emergency {kind}: {'there is one' if kind in found else 'there is none'}"
