"""The slow plain reference of the kind `tour`. See `reference`."""

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

from cloud.correlation.rules import RuleVersion
from cloud.correlation.verdict import Outcome, Reason, Verdict
from contract.events import Event
from contract.site import Site
from tests.properties.plain import FOREVER, NEVER, Known, in_force, ms

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
    legs = route.checkpoints
    scans = [one for one in scans if any(one.device == leg.device for leg in legs)]
    known_choices = [[place(one) for one in scans if one.device == leg.device] for leg in legs]
    gaps = [
        [
            (max(a, first), min(b - 1, last))
            for a, b in known.blind.get(leg.device, [])
            if a <= last and b > first
        ]
        for leg in legs
    ]
    hasty = is_hasty(site, scans)
    is_met = not hasty and served(rule, legs, known_choices, start)
    complete = min(known.complete.get(leg.device, NEVER) for leg in legs)
    outcome, final = Outcome.PENDING, False
    if is_met:
        zones = [site.devices[leg.device].zone for leg in legs]
        risky = any(steps(site, one, other) for one in zones for other in zones)
        ends = [last] if risky else [min_end(rule, legs, known_choices, start)]
        outcome, final = Outcome.MET, complete > ends[0]
    elif now > last and complete > last:
        picks = moments(rule, legs, known_choices, gaps, start)
        choices = [
            [
                *own,
                *(
                    (at, leg.device, seq)
                    for at in picks
                    for seq in (-1, FOREVER)
                    if any(a <= at <= b for a, b in blind)
                ),
            ]
            for own, blind, leg in zip(known_choices, gaps, legs, strict=True)
        ]
        hidden = not hasty and any(gaps) and served(rule, legs, choices, start)
        outcome, final = (Outcome.UNKNOWN if hidden else Outcome.BREACHED), True
    reason = Reason.ALL_ON_TIME if is_met else Reason.WAITING
    if outcome is Outcome.PENDING and now > last:
        reason = Reason.WAITING_FOR_COVERAGE
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
        overdue=outcome is Outcome.PENDING and now > last,
    )


Choice = tuple[int, str, int]


def is_hasty(site: Site, scans: list[Event]) -> bool:
    """Whether one person was at two checkpoints quicker than one can walk, of every pair of scans."""
    for one, other in itertools.combinations(scans, 2):
        if one.person not in site.people or other.person not in site.people:
            continue
        if site.people[one.person].id != site.people[other.person].id:
            continue
        zones = [event.zone or site.devices[event.device].zone for event in (one, other)]
        error = one.clock_error_ms + other.clock_error_ms
        if abs(one.at - other.at) + error < max(steps(site, *zones), 0) and one.at <= other.at:
            return True
    return False


def moments(
    rule: Any, legs: Any, choices: list[list[Choice]], gaps: list[list[tuple[int, int]]], start: int
) -> list[int]:
    """The unseen moments that may matter: what is known, the bounds, and what lies a leg or a round from them."""
    tolerance, within = ms(rule.start_tolerance), ms(rule.complete_within)
    fixed = {one[0] for own in choices for one in own} | {start - tolerance, start + tolerance}
    fixed |= {moment for own in gaps for gap in own for moment in gap}
    spans = {0, 1, within}
    if rule.order == "strict":
        spans |= {limit * 1_000 for leg in legs for limit in (leg.min_s, leg.max_s) if limit}
        for _ in legs[2:]:
            spans |= {
                one + limit * 1_000
                for one in set(spans)
                for leg in legs
                for limit in (leg.min_s, leg.max_s)
                if limit
            }
    found = {at + sign * span for at in fixed for span in spans for sign in (1, -1)}
    return sorted(at for at in found if any(a <= at <= b for own in gaps for a, b in own))


def served(rule: Any, legs: Any, choices: list[list[Choice]], start: int) -> bool:
    """Whether some choice of scans is a round as planned."""
    return next(ways(rule, legs, choices, start), None) is not None


def min_end(rule: Any, legs: Any, choices: list[list[Choice]], start: int) -> int:
    """When the round that is found first, by its scans in order, was complete."""
    return max(one[0] for one in min(ways(rule, legs, choices, start)))


def ways(rule: Any, legs: Any, choices: list[list[Choice]], start: int) -> Iterator[list[Choice]]:
    """Every choice of scans that is a round as planned."""
    tolerance, within = ms(rule.start_tolerance), ms(rule.complete_within)
    strict = rule.order == "strict"

    def extend(chosen: list[Choice]) -> Iterator[list[Choice]]:
        times = [one[0] for one in chosen]
        if times and max(times) - min(times) > within:
            return
        if len(chosen) == len(legs):
            if start - tolerance <= min(times) <= start + tolerance:
                yield chosen
            return
        leg = legs[len(chosen)]
        for one in choices[len(chosen)]:
            if strict and chosen:
                walked = one[0] - chosen[-1][0]
                unseen = one[2] in {-1, FOREVER} or chosen[-1][2] in {-1, FOREVER}
                behind = one[:2] >= chosen[-1][:2] if unseen else one > chosen[-1]
                if not behind or walked < (leg.min_s or 0) * 1_000:
                    continue
                if leg.max_s is not None and walked > leg.max_s * 1_000:
                    continue
            yield from extend([*chosen, one])

    yield from extend([])


def place(event: Event) -> tuple[int, str, int]:
    """Where an event stands among the others."""
    return event.at, event.device, event.seq


def steps(site: Site, start: Any, end: Any) -> int:
    """The least time between two zones, by trying ever longer ways; 0 where there is none."""
    best = {start: 0}
    for _ in site.zones:
        for zone, seconds in list(best.items()):
            for other, more in site.zones[zone].adjacent.items() if zone in site.zones else ():
                best[other] = min(best.get(other, seconds + more), seconds + more)
    return best.get(end, 0) * 1_000
