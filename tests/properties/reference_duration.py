"""The slow plain reference of the kind `duration`. See `reference`."""

import itertools
from typing import Any

import msgspec

from cloud.correlation.rules import RuleVersion
from cloud.correlation.verdict import BlindSpan, Outcome, Reason, Verdict
from contract.events import Event, event_data, has_ended
from contract.site import Site
from tests.properties.plain import FOREVER, NEVER, Known, in_force, ms, selected


def durations(site: Site, version: RuleVersion, events: list[Event], known: Known, now: int) -> list[Verdict]:
    """The kind `duration`: moment by moment, what is known of the state."""
    rule: Any = version.rule
    condition = rule.while_
    found: list[Verdict] = []
    for device in site.devices.values():
        if not selected(rule, device):
            continue
        if condition.point is not None:
            found += read_durations(version, device.id, known, now)
            continue
        if not set(condition.types) & site.emits(device):
            continue
        own = [event for event in events if event.device == device.id]
        told = [event for event in own if event.type in condition.types or ends_it(condition, event)]
        gaps = [gap for gap in known.blind.get(device.id, []) if gap[1] - gap[0] >= ms(rule.bridge or "0s")]
        for first, last in held(condition, told):
            found += [
                verdict
                for spell in spells_of(first, last, gaps)
                if in_force(version, spell[0])
                and (verdict := duration(version, device.id, spell, known, now)) is not None
            ]
    return found


def ends_it(condition: Any, event: Event) -> bool:
    """Whether an event of another type ends the state: the end of a fire is no fire."""
    return event.type in condition.ends and not has_ended(event)


def held(condition: Any, told: list[Event]) -> list[tuple[Event, Event | None]]:
    """From which event to which the state held."""
    found: list[tuple[Event, Event | None]] = []
    for place, event in enumerate(told):
        if is_so(condition, event) and not (place and is_so(condition, told[place - 1])):
            found.append((event, next((one for one in told[place:] if not is_so(condition, one)), None)))
    return [(first, last) for first, last in found if last is None or last.at > first.at]


def spells_of(first: Event, last: Event | None, gaps: list[tuple[int, int]]) -> list[tuple[Any, ...]]:
    """The spells between two events, moment by moment: what is not blind, where it changes."""
    end = last.at if last else FOREVER
    borders = sorted({first.at, end, *(moment for gap in gaps for moment in gap if first.at < moment < end)})
    found: list[list[Any]] = []
    for start, stop in itertools.pairwise(borders):
        blind = any(gap[0] <= start < gap[1] for gap in gaps)
        if blind:
            continue
        if found and found[-1][1] == start:
            found[-1][1] = stop
        else:
            found.append([start, stop])
    spells = []
    for start, stop in found:
        gap = next((gap for gap in gaps if gap[0] == stop), None) if stop != end else None
        until = None if stop == FOREVER else stop
        spells.append((start, until, last if until is not None and gap is None else None, gap, first))
    return spells


def is_so(condition: Any, event: Event) -> bool:
    """Whether an event says that the state holds."""
    if event.type not in condition.types:
        return False
    data = {"state": "active", **event_data(event)}
    if any(name in data and data[name] == value for name, value in condition.unless.items()):
        return False
    wanted = {"state": "active", **condition.data}
    return all(name in data and data[name] == value for name, value in wanted.items())


def duration(
    version: RuleVersion, device: str, spell: tuple[Any, ...], known: Known, now: int
) -> Verdict | None:
    """One spell of a state: since when, until when, by which event or which blind span, and what began it."""
    rule: Any = version.rule
    since, until, ended_by, gap, by = spell
    due = since + ms(rule.longer_than)
    complete = known.complete.get(device, NEVER)
    verdict = Verdict(
        rule=rule.id,
        version=rule.version,
        kind="duration",
        key=device,
        opened_at=since,
        due_at=due,
        outcome=Outcome.PENDING,
        final=False,
        reason=Reason.WAITING,
        evidence=((device, by.seq),) if by is not None else (),
    )
    if ended_by is not None and until <= due:
        return msgspec.structs.replace(
            verdict,
            outcome=Outcome.VOID,
            reason=Reason.ENDED_IN_TIME,
            final=complete > until,
            elapsed_ms=until - since,
            evidence=((device, by.seq), (device, ended_by.seq)) if by is not None else (),
        )
    if gap is not None and gap[1] <= due:
        return None
    cut = gap is not None and until <= due
    if now <= due or complete <= due:
        if now <= due:
            return verdict
        return msgspec.structs.replace(verdict, reason=Reason.WAITING_FOR_COVERAGE, overdue=True)
    if cut:
        hidden = (BlindSpan(device, gap[0], min(gap[1], due + 1)),)
        return msgspec.structs.replace(
            verdict, outcome=Outcome.UNKNOWN, reason=Reason.BLIND, final=True, blind=hidden
        )
    final = until is not None and complete > until
    breached = msgspec.structs.replace(verdict, outcome=Outcome.BREACHED, reason=Reason.LASTS, final=final)
    if ended_by is None:
        return breached
    return msgspec.structs.replace(
        breached,
        reason=Reason.ENDED_LATE,
        elapsed_ms=until - since,
        evidence=((device, by.seq), (device, ended_by.seq)) if by is not None else (),
    )


def read_durations(version: RuleVersion, device: str, known: Known, now: int) -> list[Verdict]:
    """The same of readings: reading by reading, and blind span by blind span."""
    rule: Any = version.rule
    condition = rule.while_
    told: set[tuple[int, int, int]] = set()
    for of, point, at, value in known.readings:
        if of == device and point == condition.point and says(condition, value) is not None:
            told.add((at, 1, int(bool(says(condition, value)))))
    spans = known.blind.get(device, [])
    long = [span for span in spans if span[1] - span[0] >= ms(rule.bridge or "0s")]
    told = {one for one in told if not any(start <= one[0] < end for start, end in long)}
    marks = sorted([*told, *((start, 0, end) for start, end in spans)])
    spells: list[tuple[Any, ...]] = []
    since: int | None = None
    lost: tuple[int, int] | None = None  # a short blind span since the last reading
    for at, is_reading, word in marks:
        if not is_reading and since is not None:
            if (at, word) in long:
                cut = lost or (at, word)
                spells += [(since, cut[0], None, cut, None)] if cut[0] > since and not lost else []
                if lost:
                    spells += [(since, at, None, (at, word), None)] if at > since else []
                since, lost = None, None
            elif at > since:
                lost = lost or (at, word)
        elif is_reading and word and since is None:
            since, lost = at, None
        elif is_reading and word:
            lost = None
        elif is_reading and since is not None:
            if lost is not None and lost[0] > since:
                spells.append((since, lost[0], None, lost, None))
            elif at > since:
                spells.append((since, at, at, None, None))
            since, lost = None, None
    if since is not None:
        spells.append((since, None, None, None, None))
    judged = [duration(version, device, spell, known, now) for spell in spells if in_force(version, spell[0])]
    return [one for one in judged if one is not None]


def says(condition: Any, value: float) -> bool | None:
    """Whether a value is beyond the limit, beyond the clear level, or neither."""
    value = abs(value) if condition.magnitude else value
    if condition.above is not None:
        if value > condition.above:
            return True
        clear = condition.clear_below
        return False if (value < clear if clear is not None else value <= condition.above) else None
    if value < condition.below:
        return True
    clear = condition.clear_above
    return False if (value > clear if clear is not None else value >= condition.below) else None
