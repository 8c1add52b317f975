"""The slow plain reference of each kind, written straight from the contract of verdicts; no cleverness.

It shares the words with the engine (site, rules, verdicts), and none of its logic: every verdict is found by
looking at all events again.
"""

import datetime as dt
from typing import Any

from cloud.correlation.rules import (
    By,
    Duration,
    EventFilter,
    Quota,
    Response,
    RuleBook,
    RuleVersion,
    Staffing,
    Tour,
)
from cloud.correlation.verdict import BlindSpan, Outcome, Reason, Verdict
from contract.events import LOCATION_TYPES, MOMENT_TYPES, Event, event_data, is_dated
from contract.site import Site
from tests.properties.plain import FOREVER, NEVER, Known, in_force, ms, selected
from tests.properties.reference_duration import durations
from tests.properties.reference_quota import quotas
from tests.properties.reference_staffing import posts
from tests.properties.reference_tour import tours

RANK = {"declared": 0, "weak": 1, "strong": 2}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def reference(site: Site, rules: RuleBook, known: Known, now: int) -> list[Verdict]:
    """Every verdict as of `now`, sorted by `(rule, key, opened_at)`."""
    unique = {(event.device, event.seq): event for event in known.events if is_dated(event)}
    events = sorted(unique.values(), key=lambda event: (event.at, event.device, event.seq))
    found: list[Verdict] = []
    by_rule: dict[str, list[RuleVersion]] = {}
    for version in rules.versions:
        by_rule.setdefault(version.rule.id, []).append(version)
    for versions in by_rule.values():
        if isinstance(versions[0].rule, Response):
            found += responses(site, versions, events, known, now)
        elif isinstance(versions[0].rule, Duration):
            for version in versions:
                found += durations(site, version, events, known, now)
        elif isinstance(versions[0].rule, Tour):
            for version in versions:
                found += tours(site, version, events, known, now)
        elif isinstance(versions[0].rule, Staffing):
            for version in versions:
                found += posts(site, version, events, known, now)
        elif isinstance(versions[0].rule, Quota):
            for version in versions:
                found += quotas(site, version, events, known, now)
        else:
            for version in versions:
                found += recurrences(site, version, events, known, now)
    return sorted(found, key=lambda one: (one.rule, one.key, one.opened_at, one.evidence))


def responses(
    site: Site, versions: list[RuleVersion], events: list[Event], known: Known, now: int
) -> list[Verdict]:
    """The kind `response`."""
    triggers: dict[str, list[tuple[Event, RuleVersion]]] = {}
    for event in events:
        for version in versions:
            if (
                in_force(version, event.at)
                and event.device in site.devices
                and passes(version.rule.on, event)
            ):
                for key in keys_of(site, version.rule, event):
                    triggers.setdefault(key, []).append((event, version))
    found = []
    for key, of_key in triggers.items():
        opening: tuple[Event, RuleVersion] | None = None
        for event, version in of_key:
            if opening is None or event.at > joins_until(site, *opening, events):
                opening = (event, version)
                found.append(response(site, version, key, event, events, known, now))
    return found


def joins_until(site: Site, opener: Event, version: RuleVersion, events: list[Event]) -> int:
    """The last moment at which a trigger joins an episode."""
    rule: Any = version.rule
    last = opener.at + ms(rule.join)
    if rule.void_when and rule.void_when.ends_join:
        return min(
            [last, *(one.at for one in events if opener.at <= one.at and ends(site, rule, opener, one))]
        )
    return last


def ends(site: Site, rule: Any, trigger: Event, event: Event) -> bool:
    """Whether an event makes void what a trigger opened, its time left aside."""
    wanted = rule.void_when
    if not wanted or event.device not in site.devices or not passes(wanted, event):
        return False
    return event.device in ending_devices(site, rule, trigger) and (
        (wanted.match or rule.match) != "zone"
        or zone_of(site, event) in site.answering_zones.get(zone_of(site, trigger), frozenset())
    )


def ending_devices(site: Site, rule: Any, trigger: Event) -> set[str]:
    """The devices whose events relate to a trigger; for zones any, since the event says its zone."""
    match = rule.void_when.match or rule.match
    if match == "device":
        return {trigger.device}
    if match == "escape_route":
        zone = zone_of(site, trigger)
        return set(site.zones[zone].escape_route) if zone in site.zones else set()
    if match == "group":
        groups = site.groups_of.get(trigger.device, ())
        return {device for group in groups for device in site.groups[group].devices}
    return set(site.devices)


def ending_sources(site: Site, rule: Any, trigger: Event) -> set[str]:
    """The devices that can tell of the end."""
    if not rule.void_when:
        return set()
    found = emitting(site, rule.void_when.types) & ending_devices(site, rule, trigger)
    if (rule.void_when.match or rule.match) == "zone":
        zones = site.answering_zones.get(zone_of(site, trigger), frozenset())
        return {device for device in found if site.zones_seen_by[device] & zones}
    return found


def response(
    site: Site, version: RuleVersion, key: str, trigger: Event, events: list[Event], known: Known, now: int
) -> Verdict:
    """One episode."""
    rule: Any = version.rule
    opened_at, due_at = trigger.at, trigger.at + ms(rule.within)
    sources = evidence_sources(site, rule, key)
    there = already_there(site, rule, key, opened_at, events)
    evidence = next(
        (
            event
            for event in events
            if event.at + event.clock_error_ms >= opened_at - ms(rule.early)
            and event.at <= opened_at + ms(rule.horizon)
            and counts(site, rule, key, event)
        ),
        None,
    )
    ended = next(
        (one for one in events if opened_at <= one.at <= due_at and ends(site, rule, trigger, one)), None
    )
    if ended and (there or (evidence and evidence.at <= ended.at)):
        ended = None
    tellers = ending_sources(site, rule, trigger)
    asked = sources | tellers
    complete = min((known.complete.get(device, NEVER) for device in asked), default=FOREVER)
    blind = blind_spans(known, asked, opened_at - ms(rule.early), due_at)
    outcome, reason = Outcome.PENDING, Reason.WAITING
    if there:
        outcome, reason = Outcome.MET, Reason.ALREADY_THERE
    elif ended:
        outcome, reason = Outcome.VOID, Reason.NO_LONGER_DUE
        evidence = ended
    elif evidence and evidence.at <= due_at:
        outcome, reason = Outcome.MET, Reason.IN_TIME
    elif evidence and evidence.at - evidence.clock_error_ms <= due_at:
        outcome, reason = Outcome.MET, Reason.WITHIN_CLOCK_ERROR
    elif now > due_at and complete > due_at:
        if not sources:
            outcome, reason = Outcome.UNKNOWN, Reason.NO_SOURCE
        elif blind:
            outcome, reason = Outcome.UNKNOWN, Reason.BLIND
        else:
            outcome, reason = Outcome.BREACHED, Reason.LATE if evidence else Reason.NO_EVIDENCE
    elif now > due_at:
        reason = Reason.WAITING_FOR_COVERAGE
    decided = there or evidence if outcome is not Outcome.PENDING else None
    elapsed = 0 if there else max(0, evidence.at - opened_at) if decided and evidence else None
    needs = [(trigger_sources(site, rule, key), opened_at)]
    if ms(rule.presence_ttl):
        needs.append((emitting(site, LOCATION_TYPES), opened_at))
    if not there:
        needs.append((sources, evidence.at if evidence else opened_at + ms(rule.horizon)))
        if ended:
            needs.append((tellers, ended.at))
        elif evidence is None or evidence.at > opened_at:
            needs.append((tellers, min(due_at, evidence.at - 1) if evidence else due_at))
    final = outcome is not Outcome.PENDING and all(
        known.complete.get(device, NEVER) > needed for devices, needed in needs for device in devices
    )
    return Verdict(
        rule=rule.id,
        version=rule.version,
        kind="response",
        key=key,
        opened_at=opened_at,
        due_at=due_at,
        outcome=outcome,
        final=final,
        reason=reason,
        elapsed_ms=elapsed,
        evidence=((trigger.device, trigger.seq), *(((decided.device, decided.seq),) if decided else ())),
        overdue=outcome is Outcome.PENDING and now > due_at,
        blind=blind if reason is Reason.BLIND else (),
    )


def keys_of(site: Site, rule: Any, event: Event) -> list[str]:
    """The keys that a trigger opens."""
    zone = zone_of(site, event)
    if rule.per == "answerer":
        if rule.match == "escape_route":
            return list(site.zones[zone].escape_route) if zone in site.zones else []
        answering = emitting(site, rule.expect.types)
        if rule.match == "zone":
            zones = site.answering_zones.get(zone, frozenset())
            return [device for device in answering if site.zones_seen_by[device] & zones]
        if rule.match == "device":
            return [device for device in answering if device == event.device]
        if rule.match == "group":
            groups = site.groups_of.get(event.device, ())
            return [
                device
                for device in answering
                if any(device in site.groups[group].devices for group in groups)
            ]
        return list(answering)
    if rule.match in {"zone", "escape_route"}:
        return [zone]
    if rule.match == "device":
        return [event.device]
    return list(site.groups_of.get(event.device, ())) if rule.match == "group" else [site.id]


def counts(site: Site, rule: Any, key: str, event: Event) -> bool:
    """Whether an event is evidence for a key."""
    if event.device not in site.devices or not passes(rule.expect, event):
        return False
    person = site.people.get(event.person) if event.person else None
    strength = "strong" if person and event.type in LOCATION_TYPES else "weak"
    if event.type.startswith("operator."):
        strength = "declared"
    if RANK[strength] < RANK[rule.least_grade] or not may(site, rule.by, person, event.at):
        return False
    if rule.per == "answerer":
        return event.device == key
    if rule.match == "zone":
        return zone_of(site, event) in site.answering_zones.get(key, frozenset())
    if rule.match == "escape_route":
        return key in site.zones and event.device in site.zones[key].escape_route
    if rule.match == "device":
        return event.device == key
    return rule.match == "site" or key in site.groups_of.get(event.device, ())


def evidence_sources(site: Site, rule: Any, key: str) -> set[str]:
    """The devices that emit a type the rule expects and whose zone matches."""
    answering = emitting(site, rule.expect.types)
    if rule.per == "answerer" or rule.match == "device":
        return answering & {key}
    if rule.match == "zone":
        zones = site.answering_zones.get(key, frozenset())
        return {device for device in answering if site.zones_seen_by[device] & zones}
    if rule.match == "escape_route":
        return answering & set(site.zones[key].escape_route) if key in site.zones else set()
    if rule.match == "group":
        return answering & set(site.groups[key].devices)
    return answering


def trigger_sources(site: Site, rule: Any, key: str) -> set[str]:
    """The devices that can open an episode of a key."""
    triggering = emitting(site, rule.on.types)
    found = set()
    for device in triggering:
        zones = site.zones_seen_by[device] or {None}
        for zone in zones:
            sample = Event(seq=0, at=0, device=device, type="", zone=zone)
            if key in keys_of(site, rule, sample):
                found.add(device)
    return found


def already_there(site: Site, rule: Any, key: str, opened_at: int, events: list[Event]) -> Event | None:
    """The latest event that puts a qualifying person into a matching zone when the trigger came."""
    ttl = ms(rule.presence_ttl)
    if not ttl:
        return None
    latest: dict[str, Event] = {}
    for event in events:
        person = site.people.get(event.person) if event.person else None
        if event.type in LOCATION_TYPES and person and event.device in site.devices and event.at <= opened_at:
            latest[person.id] = event
    if rule.match == "zone" and rule.per == "trigger":
        zones = set(site.answering_zones.get(key, frozenset()))
    else:
        zones = {zone for device in evidence_sources(site, rule, key) for zone in site.zones_seen_by[device]}
    here = [
        event
        for person, event in latest.items()
        if event.at >= opened_at - ttl
        and (rule.match == "site" or zone_of(site, event) in zones)
        and may(site, rule.by, site.people[person], opened_at)
    ]
    return max(here, key=lambda event: (event.at, event.device, event.seq), default=None)


def recurrences(
    site: Site, version: RuleVersion, events: list[Event], known: Known, now: int
) -> list[Verdict]:
    """The kind `recurrence`."""
    rule: Any = version.rule
    found = []
    for device in site.file.devices:
        if selected(rule, device) and site.emits(device) & rule.expect.types:
            own = [
                event
                for event in events
                if event.device == device.id
                and passes(rule.expect, event)
                and may(site, rule.by, site.people.get(event.person or ""), event.at)
            ]
            for window in windows_of(site, version, known.data_from, now):
                found += in_window(version, device.id, window, own, known, now)
    return found


def in_window(
    version: RuleVersion, device: str, window: tuple[int, int], own: list[Event], known: Known, now: int
) -> list[Verdict]:
    """The obligations of one window."""
    rule: Any = version.rule
    inside = [event for event in own if window[0] <= event.at < window[1]]
    anchors: list[Event | None] = [None, *inside]
    found = []
    for index, anchor in enumerate(anchors):
        opened_at = window[0] if anchor is None else anchor.at
        due_at = opened_at + ms(rule.every)
        following = inside[index] if index < len(inside) else None
        if due_at >= window[1] or not in_force(version, opened_at):
            continue
        if following and following.at == opened_at:  # one moment, one obligation
            continue
        complete = known.complete.get(device, NEVER)
        blind = blind_spans(known, {device}, opened_at, due_at)
        outcome, reason = Outcome.PENDING, Reason.WAITING
        if following and following.at <= due_at:
            outcome, reason = Outcome.MET, Reason.IN_TIME
        elif now > due_at and complete > due_at:
            if blind:
                outcome, reason = Outcome.UNKNOWN, Reason.BLIND
            else:
                outcome, reason = Outcome.BREACHED, Reason.LATE if following else Reason.NO_EVIDENCE
        elif now > due_at:
            reason = Reason.WAITING_FOR_COVERAGE
        decided = following if outcome is not Outcome.PENDING else None
        needed = following.at if following else window[1] - 1
        found.append(
            Verdict(
                rule=rule.id,
                version=rule.version,
                kind="recurrence",
                key=device,
                opened_at=opened_at,
                due_at=due_at,
                outcome=outcome,
                final=outcome is not Outcome.PENDING and complete > needed,
                reason=reason,
                elapsed_ms=decided.at - opened_at if decided else None,
                evidence=tuple((event.device, event.seq) for event in (anchor, decided) if event),
                overdue=outcome is Outcome.PENDING and now > due_at,
                blind=blind if reason is Reason.BLIND else (),
            )
        )
    return found


def windows_of(site: Site, version: RuleVersion, data_from: int, now: int) -> list[tuple[int, int]]:
    """The windows that have begun."""
    rule: Any = version.rule
    first = max(version.start, data_from)
    if rule.during is None:
        return [(first, FOREVER)] if first < now else []
    weekly = site.schedules[rule.during].windows if isinstance(rule.during, str) else rule.during
    days = [
        site_day(site, first) + dt.timedelta(days=offset)
        for offset in range(-2, (now - first) // 86_400_000 + 9)
    ]
    spans = []
    for window in weekly:
        for day in days:
            if DAYS[day.weekday()] in window.days or window.days == "daily":
                start = moment(site, day, window.from_)
                end = moment(site, day if window.to > window.from_ else day + dt.timedelta(days=1), window.to)
                spans.append((start, end))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    spans = [(max(start, first), end) for start, end in joined if end > first]
    return [span for span in spans if span[0] < now]


def site_day(site: Site, at: int) -> dt.date:
    """The day at the site."""
    return dt.datetime.fromtimestamp(at / 1000, site.timezone).date()


def moment(site: Site, day: dt.date, clock: str) -> int:
    """A local time as ms; one that does not exist is the next instant that does."""
    if clock == "24:00":
        day, clock = day + dt.timedelta(days=1), "00:00"
    local = dt.datetime.combine(day, dt.time.fromisoformat(clock))
    step = 0
    while True:
        wanted = local + dt.timedelta(minutes=step)
        instant = wanted.replace(tzinfo=site.timezone).astimezone(dt.UTC)
        if instant.astimezone(site.timezone).replace(tzinfo=None) == wanted:
            return round(instant.timestamp() * 1000)
        step += 1


def passes(wanted: EventFilter, event: Event) -> bool:
    """Whether an event has a type and the data that are asked for; without a word for it, the end of a state has not."""
    said, asked = event_data(event), wanted.data
    if event.type not in MOMENT_TYPES:
        said, asked = {"state": "active", **said}, {"state": "active", **asked}
    return event.type in wanted.types and all(said.get(name) == value for name, value in asked.items())


def may(site: Site, by: By | None, person: Any, at: int) -> bool:
    """Whether a person has the role and the qualification at that moment."""
    if by is None:
        return True
    if person is None or (by.role and by.role not in person.roles):
        return False
    day = site_day(site, at)
    return by.qualification is None or any(
        one.name == by.qualification and (one.from_ or day) <= day <= (one.to or day)
        for one in person.qualifications
    )


def emitting(site: Site, types: frozenset[str]) -> set[str]:
    """The devices that emit one of the types."""
    return {device.id for device in site.file.devices if site.emits(device) & types}


def zone_of(site: Site, event: Event) -> str:
    """The zone of an event: its own, else its device's."""
    return event.zone or site.devices[event.device].zone or ""


def blind_spans(known: Known, devices: set[str], first: int, last: int) -> tuple[BlindSpan, ...]:
    """What is blind of the moments `first..last`, both included."""
    return tuple(
        BlindSpan(device, max(start, first), min(end, last + 1))
        for device in sorted(devices)
        for start, end in sorted(known.blind.get(device, []))
        if start <= last and end > first
    )
