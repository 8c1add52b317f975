"""The slow plain reference of each kind, written straight from the contract of verdicts; no cleverness.

It shares the words with the engine (site, rules, verdicts), and none of its logic: every verdict is found by
looking at all events again.
"""

from typing import Any

from cloud.correlation.rules import (
    Duration,
    Quota,
    Response,
    RuleBook,
    RuleVersion,
    Staffing,
    Tour,
)
from cloud.correlation.verdict import Item, Outcome, Reason, Verdict
from contract.events import LOCATION_TYPES, Event, event_data, is_dated, word_heard_at
from contract.site import Site
from tests.properties.plain import (
    FOREVER,
    NEVER,
    Known,
    blind_spans,
    emitting,
    in_force,
    may,
    ms,
    passes,
    zone_of,
)
from tests.properties.reference_duration import durations
from tests.properties.reference_quota import quotas
from tests.properties.reference_recurrence import recurrences
from tests.properties.reference_staffing import posts
from tests.properties.reference_tour import tours

RANK = {"declared": 0, "weak": 1, "strong": 2}


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
    if rule.pair:
        return event_data(event).get(rule.pair) == event_data(trigger).get(rule.pair)
    return event.device in ending_devices(site, rule, trigger) and (
        (wanted.match or rule.match) != "zone"
        or zone_of(site, event) in site.answering_zones.get(zone_of(site, trigger), frozenset())
    )


def ending_devices(site: Site, rule: Any, trigger: Event) -> set[str]:
    """The devices whose events relate to a trigger; for zones any, since the event says its zone."""
    match = "site" if rule.pair else rule.void_when.match or rule.match
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
    if not rule.pair and (rule.void_when.match or rule.match) == "zone":
        zones = site.answering_zones.get(zone_of(site, trigger), frozenset())
        return {device for device in found if site.zones_seen_by[device] & zones}
    return found


def response(
    site: Site, version: RuleVersion, key: str, trigger: Event, events: list[Event], known: Known, now: int
) -> Verdict:
    """One episode."""
    rule: Any = version.rule
    opened_at = trigger.at
    due_at, paused = counted(rule, key, opened_at, ms(rule.within), events)
    reach, endless = counted(rule, key, opened_at, ms(rule.horizon), events)
    reach = reach if endless is None else FOREVER
    sources = evidence_sources(site, rule, key)
    there = already_there(site, rule, key, opened_at, events)
    evidence = next(
        (
            event
            for event in events
            if event.at + event.clock_error_ms >= opened_at - ms(rule.early)
            and event.at <= reach
            and counts(site, rule, key, event)
            and word_heard_at(event) is None
        ),
        None,
    )
    ended = next(
        (
            one
            for one in events
            if opened_at <= one.at <= (due_at if paused is None else FOREVER)
            and ends(site, rule, trigger, one)
        ),
        None,
    )
    late, reviewed = None, False
    if there is None and paused is None:
        evidence, late, reviewed = with_late(site, rule, key, opened_at, (due_at, reach), evidence, events)
    if ended and (there or (evidence and evidence.at <= ended.at)):
        ended = None
    if decider := ended or evidence:  # a pause lasts until what decided; what is paused later changes nothing
        before = [one for one in events if one.at < decider.at]
        due_at, paused = counted(rule, key, opened_at, ms(rule.within), before)
        due_at, paused = due_at + (max(0, decider.at - paused) if paused is not None else 0), None
    tellers = ending_sources(site, rule, trigger) | (
        emitting(site, rule.pauses.types) if rule.pauses else set()
    )
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
        outcome, reason = Outcome.MET, Reason.REVIEWED if reviewed else Reason.IN_TIME
    elif evidence and evidence.at - evidence.clock_error_ms <= due_at:
        outcome, reason = Outcome.MET, Reason.REVIEWED if reviewed else Reason.WITHIN_CLOCK_ERROR
    elif paused is not None and paused <= now:
        reason = Reason.PAUSED
    elif now > due_at and complete > due_at:
        if not sources:
            outcome, reason = Outcome.UNKNOWN, Reason.NO_SOURCE
        elif blind:
            outcome, reason = Outcome.UNKNOWN, Reason.BLIND
        else:
            outcome, reason = Outcome.BREACHED, Reason.LATE if evidence else Reason.NO_EVIDENCE
            reason = Reason.LATE_DECLARED if late else reason
    elif now > due_at:
        reason = Reason.WAITING_FOR_COVERAGE
    shown = late if reason is Reason.LATE_DECLARED else evidence
    decided = there or shown if outcome is not Outcome.PENDING else None
    elapsed = 0 if there else max(0, shown.at - opened_at) if decided and shown else None
    said: tuple[Item, ...] = ()
    if late and reason in {Reason.LATE_DECLARED, Reason.REVIEWED}:
        heard = word_heard_at(late)
        said = (Item("told_late", late.device, late.at, heard),)
        elapsed = (heard or 0) - opened_at if reason is Reason.LATE_DECLARED else elapsed
    needs = [(trigger_sources(site, rule, key), opened_at)]
    if ms(rule.presence_ttl):
        needs.append((emitting(site, LOCATION_TYPES), opened_at))
    if not there:
        needs.append((sources, evidence.at if evidence else reach))
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
        overdue=outcome is Outcome.PENDING and now > due_at and reason is not Reason.PAUSED,
        blind=blind if reason is Reason.BLIND else (),
        items=said,
    )


def with_late(
    site: Site,
    rule: Any,
    key: str,
    opened_at: int,
    until: tuple[int, int],
    evidence: Event | None,
    events: list[Event],
) -> tuple[Event | None, Event | None, bool]:
    """The evidence with what was only said later than it was, the first of that, and whether a supervisor accepted it."""
    due_at, reach = until
    late: Event | None = None
    for event in events:
        heard = word_heard_at(event)
        if heard is None or not counts(site, rule, key, event):
            continue
        if event.at + event.clock_error_ms < opened_at - ms(rule.early) or event.at > reach:
            continue
        if event.at - event.clock_error_ms > due_at:
            continue
        place = (event.at, event.device, event.seq)
        first = evidence is None or place < (evidence.at, evidence.device, evidence.seq)
        if heard <= due_at:
            return (event if first else evidence), late, False
        if first and any(accepts(site, rule, key, opened_at, event, one) for one in events):
            return event, event, True
        late = late or event
    return evidence, late, False


def accepts(site: Site, rule: Any, key: str, opened_at: int, said: Event, event: Event) -> bool:
    """Whether a supervisor who did not say it accepts what was said of an episode."""
    person = site.people.get(event.person or "")
    wanted = {"rule": rule.id, "key": key, "opened_at": opened_at, "accepts": True}
    return (
        event.type == "verdict.reviewed"
        and event_data(event) == wanted
        and person is not None
        and "supervisor" in person.roles
        and event.person != said.person
    )


def counted(rule: Any, key: str, start: int, length: int, events: list[Event]) -> tuple[int, int | None]:
    """When a length has passed that does not count while it is paused; or since when it is, and what it stood at."""
    told = [
        (one.at, passes(rule.pauses.from_, one))
        for one in events
        if rule.pauses
        and one.at >= start
        and one.type in rule.pauses.types
        and event_data(one).get(rule.pair) == key
    ]
    at, left, since = start, length, None
    for moment, begins in told:
        passed = max(0, moment - at)
        if since is None and passed >= left:
            break
        left -= passed if since is None else 0
        at = max(at, moment)
        since = (at if since is None else since) if begins else None
    return (at + left, None) if since is None else (since + left, since)


def keys_of(site: Site, rule: Any, event: Event) -> list[str]:
    """The keys that a trigger opens."""
    if rule.pair:
        return [event_data(event)[rule.pair]] if event.type else [site.id]
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
    if rule.pair:
        return event_data(event).get(rule.pair) == key
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
    if rule.pair:
        return answering
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
    if rule.pair:
        return triggering
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
