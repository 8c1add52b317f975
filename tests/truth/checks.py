"""What stands in the product compared with what stands at the device. Each check tells of the differences that it finds."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from cloud.correlation.people import says_of
from cloud.operations.alarm_kinds import UNDECIDED, AlarmKind
from contract.events import LASTING, LASTING_OF_PARTS, RESET_TYPES, Event, Phase, part_of, phase_of, raw_data
from contract.profile.model import MeterProfile, ModbusProfile
from edge.parts import PartNames
from edge.ports import Happened, Measured, Observation
from tests.truth.device import profile_of
from tests.truth.history import ALIVE, History, Played
from tests.truth.product import Span

BRIDGE_MS: Final = 40_000
"""A device that was away for longer than any profile bridges was not known meanwhile."""
NORMAL_MODE: Final = "auto"
"""A device that was always so says nothing of it."""
_LINES: Final = {**LASTING, "input": ("input.on", "input.off")}
_LINE_OF: Final = {kind: (line, kinds) for line, kinds in _LINES.items() for kind in kinds}


class Stands(msgspec.Struct, frozen=True):
    """What is so of a device or of a part of it."""

    type: str
    word: str = ""


Standing = dict[tuple[str, str, str], Stands]
"""By device, state and part."""


def standing(events: Iterable[Event]) -> Standing:
    """The states that stand after these events, by what the contract says of begin and end."""
    found: Standing = {}
    for event in events:
        line, kinds = _LINE_OF.get(event.type, (event.type, (event.type,)))
        key = (event.device, line, part_of(event))
        if event.type in RESET_TYPES:
            # Of a part it ends what stands there, of the whole panel everything.
            ended = part_of(event)
            found = {
                other: stands
                for other, stands in found.items()
                if not other[1].startswith("fire.") or (ended and other[2] != ended)
            }
        elif phase_of(event) is Phase.ENDS or kinds.index(event.type) > 0 or _mode(event) == NORMAL_MODE:
            found.pop(key, None)
        else:
            found[key] = Stands(event.type, _mode(event))
    return found


def _mode(event: Event) -> str:
    return str(msgspec.json.decode(event.data, type=dict[str, object]).get("mode", ""))


def as_events(seen: Iterable[Observation], names: PartNames) -> list[Event]:
    """The events among observations."""
    return [as_event(names.named(one)) for one in seen if isinstance(one, Happened)]


def as_event(one: Happened) -> Event:
    """An observation as the event that it becomes."""
    return Event(seq=1, at=one.at, device=one.device, type=one.type, data=raw_data(dict(one.data)))


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
        *_coverage(history),
        *_verdicts(history),
    ]
    if isinstance(profile_of(history.name), ModbusProfile | MeterProfile) and history.name not in ALIVE:
        found += _dates(history)
    return found


def _at_the_edge(history: History, fresh: Played, is_so: Standing) -> Iterator[str]:
    """What the agent told of states and numbers is what a reader finds that knows nothing of the history."""
    told = standing(as_events(history.played.seen, PartNames(history.product.site)))
    yield from _unequal("the agent has told", told, is_so)
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
        if one.event.type not in ends | RESET_TYPES and _mode(one.event) != NORMAL_MODE
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


def _coverage(history: History) -> Iterator[str]:
    """A device that was away was not known meanwhile."""
    _, blind = history.product.claimed("dev")
    for start, end in history.silent:
        if end - start > BRIDGE_MS:
            middle = (start + end) // 2
            if not any(since <= middle < until for since, until in blind):
                yield f"away from {start} to {end}, but blind only in {blind}"


def _verdicts(history: History) -> Iterator[str]:
    """Each beginning that was told has one obligation of its own."""
    for one in history.product.verdicts:
        if one.rule.startswith("begins-"):
            yield from _without_beginning(history, one.rule.removeprefix("begins-"), one.opened_at)


def _without_beginning(history: History, kind: str, opened_at: int) -> Iterator[str]:
    if not any(
        event.type == kind and event.at == opened_at and phase_of(event) is not Phase.ENDS
        for event in history.product.events
    ):
        yield f"an obligation at {opened_at}, when no {kind} began"


def _dates(history: History) -> Iterator[str]:
    """A change is dated within its error. Of polled devices: those that speak tell of it at once."""
    moments = sorted(history.moments)
    for one in history.played.seen:
        if not isinstance(one, Happened) or one.type.startswith("device.") or one.data.get("initial"):
            continue
        near = [at for at in moments if one.at - one.error_ms <= at <= one.observed_at]
        if not near and _within_reach(history.silent, one.at):
            yield f"nothing happened then: {one}"


def _within_reach(silent: Iterable[Span], at: int) -> bool:
    return not any(start - 1_000 <= at <= end + BRIDGE_MS for start, end in silent)
