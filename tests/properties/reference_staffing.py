"""The slow plain reference of the kind `staffing`. See `reference`."""

import datetime as dt
import itertools
from typing import Any

import msgspec

from cloud.correlation.rules import RuleVersion
from cloud.correlation.verdict import BlindSpan, Outcome, Reason, Verdict
from contract.events import LOCATION_TYPES, Event, event_data
from contract.site import Site
from tests.properties.plain import FOREVER, NEVER, Known, in_force, ms


def posts(site: Site, version: RuleVersion, events: list[Event], known: Known, now: int) -> list[Verdict]:
    """Every span with too few people, moment by moment."""
    rule: Any = version.rule
    found = []
    for zone in [rule.post] if isinstance(rule.post, str) else rule.post:
        told = [event for event in events if counts(site, rule, event)]
        for window in windows(site, rule, max(known.data_from, version.start), now):
            found += spells(site, version, zone, told, window, known, now)
    return found


def counts(site: Site, rule: Any, event: Event) -> bool:
    """Whether an event tells where somebody who qualifies is."""
    person = site.people.get(event.person) if event.person else None
    if person is None or event.type not in {*LOCATION_TYPES, "staff.on_duty", "staff.off_duty"}:
        return False
    return rule.role is None or rule.role in person.roles


def able(site: Site, rule: Any, person: str, at: int) -> bool:
    """Whether somebody holds the qualification at a moment."""
    day = dt.datetime.fromtimestamp(at // 1_000, site.timezone).date()
    return rule.qualification is None or any(
        one.name == rule.qualification
        and (not one.from_ or one.from_ <= day)
        and (not one.to or day <= one.to)
        for one in site.people[person].qualifications
    )


def midnights(site: Site, since: int, until: int) -> list[int]:
    """When days begin, from the day of a moment to the day after another."""
    first = dt.datetime.fromtimestamp(since / 1_000, site.timezone).date()
    last = dt.datetime.fromtimestamp(until / 1_000, site.timezone).date()
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 2)]
    return [round(dt.datetime.combine(day, dt.time(), site.timezone).timestamp() * 1_000) for day in days]


def windows(site: Site, rule: Any, first: int, now: int) -> list[tuple[int, int]]:
    """The windows that began; each day has one."""
    if rule.during is None:
        return [(first, FOREVER)] if first <= now else []
    found = []
    day = dt.datetime.fromtimestamp(first / 1_000, site.timezone).date() - dt.timedelta(days=1)
    for offset in range(6):
        for window in rule.during:
            edges = []
            for text in (window.from_, window.to):
                hour, minute = map(int, text.split(":"))
                moment = dt.datetime.combine(
                    day + dt.timedelta(days=offset), dt.time(hour, minute), site.timezone
                )
                edges.append(round(moment.timestamp() * 1_000))
            found.append((edges[0], edges[1]))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return [(max(start, first), end) for start, end in joined if end > first and start <= now]


def present(site: Site, rule: Any, zone: str, told: list[Event], at: int) -> int:
    """How many people are in the zone at a moment, its own events counted in."""
    number = 0
    for person in {site.people[str(event.person)].id for event in told}:
        own = [one for one in told if site.people[str(one.person)].id == person and one.at <= at]
        if not own or own[-1].type == "staff.off_duty":
            continue
        last = own[-1]
        left = event_data(last).get("direction") in {"out", "exit"}
        ttl = ms(rule.presence_ttl) or FOREVER
        where = last.zone or site.devices[last.device].zone
        number += not left and where == zone and at < last.at + ttl and able(site, rule, person, at)
    return number


def spells(
    site: Site,
    version: RuleVersion,
    zone: str,
    told: list[Event],
    window: tuple[int, int],
    known: Known,
    now: int,
) -> list[Verdict]:
    """The spans of one window."""
    rule: Any = version.rule
    ttl = ms(rule.presence_ttl)
    moments = {window[0], window[1], *(one.at for one in told), *(one.at + ttl for one in told if ttl)}
    if rule.qualification is not None:
        moments |= set(midnights(site, window[0], min(window[1], now + ms(rule.tolerance))))
    borders = sorted(moment for moment in moments if window[0] <= moment <= window[1])
    short: list[list[int]] = []
    for start, end in itertools.pairwise(borders):
        if present(site, rule, zone, told, start) < rule.at_least:
            if short and short[-1][1] == start:
                short[-1][1] = end
            else:
                short.append([start, end])
    found = []
    for since, until in short:
        if since <= now and in_force(version, since):
            verdict = judged(site, version, zone, (since, until), window, known, now)
            found += [verdict] if verdict else []
    return found


def judged(
    site: Site,
    version: RuleVersion,
    zone: str,
    span: tuple[int, int],
    window: tuple[int, int],
    known: Known,
    now: int,
) -> Verdict | None:
    """One span."""
    rule: Any = version.rule
    since, end = span
    until = end if end <= now else None
    due = since + ms(rule.tolerance)
    sources = [
        d.id
        for d in site.file.devices
        if site.emits(d) & {*LOCATION_TYPES, "staff.on_duty"} and zone in site.zones_seen_by[d.id]
    ]
    complete = min((known.complete.get(one, NEVER) for one in sources), default=NEVER)

    def is_known(at: int) -> bool:
        return complete > at if sources else now > at

    if end <= due:
        return None
    verdict = Verdict(
        rule=rule.id,
        version=rule.version,
        kind="staffing",
        key=zone,
        opened_at=since,
        due_at=due,
        outcome=Outcome.PENDING,
        final=False,
        reason=Reason.WAITING,
    )
    if now <= due:
        return verdict
    if not is_known(due):
        return msgspec.structs.replace(verdict, reason=Reason.WAITING_FOR_COVERAGE, overdue=True)
    elapsed = until - since if until is not None else None
    verdict = msgspec.structs.replace(verdict, elapsed_ms=elapsed)
    ttl = ms(rule.presence_ttl) or FOREVER
    # The last unseen moment of a blind span is b - 1: who came then is there for `ttl`.
    blind = tuple(
        BlindSpan(one, max(a, since - ttl + 1), min(b, due + 1))
        for one in sorted(sources)
        for a, b in known.blind.get(one, [])
        if a <= due and b - 1 + ttl > since
    )
    if blind or not sources:
        reason = Reason.BLIND if blind else Reason.NO_SOURCE
        return msgspec.structs.replace(
            verdict, outcome=Outcome.UNKNOWN, reason=reason, final=True, blind=blind, elapsed_ms=None
        )
    reason = Reason.TOO_FEW_PEOPLE if until is None else Reason.ENDED_LATE
    final = until is not None and is_known(until)
    return msgspec.structs.replace(verdict, outcome=Outcome.BREACHED, reason=reason, final=final)
