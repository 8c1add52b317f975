"""The slow plain reference of the kind `recurrence`. See `reference`."""

import datetime as dt
from typing import Any

from cloud.correlation.rules import RuleVersion
from cloud.correlation.verdict import Outcome, Reason, Verdict
from contract.events import Event
from contract.site import Site
from tests.properties.plain import (
    FOREVER,
    NEVER,
    Known,
    blind_spans,
    in_force,
    may,
    ms,
    passes,
    selected,
    site_day,
)
from tests.properties.reference_quota import measured

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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
            own += read_at(site, version, device.id, known, now)
            own.sort(key=lambda event: (event.at, event.device, event.seq))
            for window in windows_of(site, version, known.data_from, now):
                found += in_window(version, device.id, window, own, known, now)
    return found


def read_at(site: Site, version: RuleVersion, device: str, known: Known, now: int) -> list[Event]:
    """Of each stretch as long as the obligation the first reading in a window, and the last once it is over."""
    rule: Any = version.rule
    point, every = measured(rule.expect), ms(rule.every)
    spans = windows_of(site, version, known.data_from, now)
    stretches: dict[int, list[int]] = {}
    for of, name, at, _ in known.readings:
        if (of, name) == (device, point) and not rule.by and any(a <= at < b for a, b in spans):
            stretches.setdefault(at // every, []).append(at)
    counting: set[int] = set()
    for number, found in stretches.items():
        end = (number + 1) * every
        over = min(now, known.complete.get(device, NEVER)) >= end or now >= min(found) + every
        counting |= {min(found), max(found)} if over else {min(found)}
    return [Event(seq=-8, at=at, device=device, type="reading") for at in sorted(counting)]


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
                evidence=tuple((e.device, e.seq) for e in (anchor, decided) if e and e.seq >= 0),
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
