"""The slow plain reference of the kind `tour`. See `reference`."""

import datetime as dt
from typing import Any

from cloud.correlation.rules import RuleVersion
from cloud.correlation.verdict import BlindSpan, Item, Outcome, Reason, Verdict
from contract.events import Event
from contract.site import Site
from tests.properties.plain import NEVER, Known, in_force, ms

WORST = ("missed", "impossible", "out_of_order", "too_fast", "late", "early", "blind")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def tours(site: Site, version: RuleVersion, events: list[Event], known: Known, now: int) -> list[Verdict]:
    """Every round, planned start by planned start."""
    rule: Any = version.rule
    route = next(one for one in site.file.routes if one.id == rule.route)
    starts = set()
    first = dt.datetime.fromtimestamp(known.data_from / 1_000, site.timezone).date()
    for offset in range(-1, 4):
        day = first + dt.timedelta(days=offset)
        for text in rule.starts if rule.starts is not None else route.starts:
            hour, minute = map(int, text.split(" ")[-1].split(":"))
            moment = dt.datetime.combine(day, dt.time(hour, minute), site.timezone)
            starts.add(round(moment.timestamp() * 1_000))
    return [
        tour(site, version, route, start, events, known, now)
        for start in sorted(starts)
        if known.data_from <= start <= now and in_force(version, start)
    ]


def tour(
    site: Site, version: RuleVersion, route: Any, start: int, events: list[Event], known: Known, now: int
) -> Verdict:
    """One round."""
    rule: Any = version.rule
    tolerance, within = ms(rule.start_tolerance), ms(rule.complete_within)
    first, last = start - tolerance, start + within + tolerance
    scans = [one for one in events if one.type == "checkpoint.scan" and first <= one.at <= last]
    found: list[Event | None] = []
    for leg in route.checkpoints:
        own = [one for one in scans if one.device == leg.device]
        before = [one for one in found if one is not None]
        if rule.order == "strict" and before:
            own = [one for one in own if place(one) > place(before[-1])]
        found.append(own[0] if own else None)
    seen = [one for one in found if one is not None]
    items = []
    for number, (leg, one) in enumerate(zip(route.checkpoints, found, strict=True)):
        if one is None:
            out = any(scan.device == leg.device for scan in scans)
            gone = any(a <= last and b > first for a, b in known.blind.get(leg.device, []))
            items.append(Item("out_of_order" if out else "blind" if gone else "missed", leg.device))
            continue
        before = next((other for other in reversed(found[:number]) if other is not None), None)
        least = sum((other.min_s or 0) * 1_000 for other in route.checkpoints[: number + 1])
        items.append(
            Item(
                word(site, rule, leg, number, one, before, (start, min(s.at for s in seen), least)),
                leg.device,
                one.at,
            )
        )
    sources = {leg.device for leg in route.checkpoints}
    complete = min(known.complete.get(device, NEVER) for device in sources)
    words = {item.word for item in items} - {"on_time"}
    outcome, reason, final = Outcome.PENDING, Reason.WAITING, False
    blind: tuple[BlindSpan, ...] = ()
    if not words:
        outcome, reason, final = Outcome.MET, Reason.ALL_ON_TIME, complete > max(one.at for one in seen)
    elif now > last and complete > last:
        worst = next(one for one in WORST if one in words)
        outcome, reason, final = Outcome.BREACHED, Reason(worst), True
        if worst == "blind":
            outcome = Outcome.UNKNOWN
            lost = sorted({item.device for item in items if item.word == "blind"})
            blind = tuple(
                BlindSpan(device, max(a, first), min(b, last + 1))
                for device in lost
                for a, b in known.blind.get(device, [])
                if a <= last and b > first
            )
    elif now > last:
        reason = Reason.WAITING_FOR_COVERAGE
    decided = outcome is not Outcome.PENDING
    whole = decided and len(seen) == len(route.checkpoints)
    return Verdict(
        rule=rule.id,
        version=rule.version,
        kind="tour",
        key=route.id,
        opened_at=start,
        due_at=last,
        outcome=outcome,
        final=final,
        reason=reason,
        elapsed_ms=max(0, max(one.at for one in seen) - start) if whole else None,
        evidence=tuple((one.device, one.seq) for one in seen) if decided else (),
        overdue=not decided and now > last,
        blind=blind,
        items=tuple(items),
    )


def place(event: Event) -> tuple[int, str, int]:
    """Where an event stands among the others."""
    return event.at, event.device, event.seq


def word(
    site: Site, rule: Any, leg: Any, number: int, one: Event, before: Event | None, of: tuple[int, int, int]
) -> str:
    """What is said of a checkpoint that was scanned."""
    start, begun, least = of
    tolerance, within = ms(rule.start_tolerance), ms(rule.complete_within)
    strict = rule.order == "strict"
    if before is not None:
        walked = one.at - before.at
        who = [site.people[e.person].id if e.person in site.people else e.person for e in (before, one)]
        zones = [e.zone or site.devices[e.device].zone for e in (before, one)]
        walk = steps(site, *zones) if who[0] and who[0] == who[1] else 0
        if abs(walked) + one.clock_error_ms + before.clock_error_ms < walk:
            return "impossible"
        if strict and leg.min_s is not None and walked < leg.min_s * 1_000:
            return "too_fast"
        if strict and leg.max_s is not None and walked > leg.max_s * 1_000:
            return "late"
    if one.at > (start + tolerance if strict and number == 0 else begun + within):
        return "late"
    return "early" if strict and one.at < start - tolerance + least else "on_time"


def steps(site: Site, start: Any, end: Any) -> int:
    """The least time between two zones, by trying ever longer ways; 0 where there is none."""
    best = {start: 0}
    for _ in site.zones:
        for zone, seconds in list(best.items()):
            for other, more in site.zones[zone].adjacent.items() if zone in site.zones else ():
                best[other] = min(best.get(other, seconds + more), seconds + more)
    return best.get(end, 0) * 1_000
