"""The slow plain reference of the kind `quota`. See `reference`."""

import datetime as dt
from typing import Any

from cloud.correlation.rules import RuleVersion
from cloud.correlation.verdict import BlindSpan, Item, Outcome, Reason, Verdict
from contract.events import Event, event_data
from contract.site import Site
from tests.properties.plain import FOREVER, NEVER, Known, in_force, ms, selected

MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


def quotas(site: Site, version: RuleVersion, events: list[Event], known: Known, now: int) -> list[Verdict]:
    """The kind `quota`: period by period, what counts in it."""
    rule: Any = version.rule
    found: list[Verdict] = []
    for device in site.devices.values():
        if not selected(rule, device) or not rule.item_types <= site.emits(device):
            continue
        own = [event for event in events if event.device == device.id]
        done = sessions(rule, own) if rule.session else counted(rule, own)
        start, end = period(site, rule.per, known.data_from)
        while start < now:
            if in_force(version, start):
                verdict = judged(version, device.id, (start, end), done, known, now)
                found += [verdict] if verdict else []
            start, end = period(site, rule.per, end)
    return found


def period(site: Site, per: str, at: int) -> tuple[int, int]:
    """The calendar period of a moment, by walking from day to day."""

    def starts(day: dt.date) -> bool:
        if per == "week":
            return day.isoweekday() == 1
        return day.day == 1 and (day.month - 1) % MONTHS[per] == 0

    def begins(day: dt.date) -> int:
        return round(dt.datetime.combine(day, dt.time(), site.timezone).timestamp() * 1_000)

    first = dt.datetime.fromtimestamp(at / 1_000, site.timezone).date()
    while not starts(first):
        first -= dt.timedelta(days=1)
    last = first + dt.timedelta(days=1)
    while not starts(last):
        last += dt.timedelta(days=1)
    return begins(first), begins(last)


def like(wanted: Any, event: Event) -> bool:
    """Whether a filter lets an event through."""
    if wanted is None or event.type not in wanted.types:
        return False
    data = event_data(event)
    return all(name in data and data[name] == value for name, value in wanted.data.items())


Done = tuple[list[tuple[int, int, int]], list[int], list[Item]]
"""What counts: when, which, and when it belongs; when what is under way began; what is said of each."""


def counted(rule: Any, own: list[Event]) -> Done:
    """Events that count."""
    found = [event for event in own if like(rule.count, event)]
    items = [Item("counts", event.device, event.at) for event in found]
    return [(event.at, event.seq, event.at) for event in found], [], items


def sessions(rule: Any, own: list[Event]) -> Done:
    """Sessions that count, by their ends; the beginnings of those under way; what is said of each that is over."""
    form = rule.session
    starts = [place for place, event in enumerate(own) if like(form.start, event)]
    found, under_way, said = [], [], []
    for number, place in enumerate(starts):
        until = starts[number + 1] if number + 1 < len(starts) else len(own)
        rest = [one for one in own[place + 1 : until] if not like(form.start, one)]
        stops = [one for one in rest if like(form.stop, one)]
        if not stops:
            if number + 1 == len(starts):
                under_way.append(own[place].at)
            continue
        inside = rest[: rest.index(stops[0])]
        length = stops[0].at - own[place].at
        least, most = bounds(form)
        word = "counts"
        if length < least:
            word = "too_short"
        elif length > most:
            word = "too_long"
        elif any(like(form.without, one) for one in inside):
            word = "not_without"
        elif form.with_ is not None and not any(like(form.with_, one) for one in inside):
            word = "not_with"
        said.append(Item(word, own[place].device, own[place].at, stops[0].at))
        if word == "counts":
            found.append((stops[0].at, stops[0].seq, own[place].at))
    return sorted(found), under_way, said


def bounds(form: Any) -> tuple[int, int]:
    """The shortest and the longest of a session that counts, in ms."""
    least, most = form.length or ("0s", None)
    return ms(least), ms(most) if most else FOREVER


def judged(
    version: RuleVersion,
    device: str,
    span: tuple[int, int],
    done: Done,
    known: Known,
    now: int,
) -> Verdict | None:
    """One period of one device."""
    rule: Any = version.rule
    start, end = span
    items = [item for item in done[0] if start <= item[2] < end]
    complete = known.complete.get(device, NEVER)
    fields: dict[str, Any] = {
        "rule": rule.id,
        "version": rule.version,
        "kind": "quota",
        "key": device,
        "opened_at": start,
        "due_at": end,
        "items": tuple(item for item in done[2] if start <= (item.at or 0) < end),
    }
    if len(items) >= rule.at_least:
        enough = items[: rule.at_least]
        over = enough[-1][0]
        return Verdict(
            **fields,
            outcome=Outcome.MET,
            final=complete > over,
            reason=Reason.ENOUGH,
            elapsed_ms=over - start,
            evidence=tuple((device, seq) for _, seq, _ in enough),
        )
    if start < known.data_from:
        return None
    fields["evidence"] = tuple((device, seq) for _, seq, _ in items)
    sure = end
    waiting = [begun for begun in done[1] if start <= begun < end]
    if waiting and bounds(rule.session)[1] < FOREVER:
        sure = max(end, waiting[-1] + bounds(rule.session)[1] + 1)
    if now < sure or complete < sure:
        over = now >= sure
        reason = Reason.WAITING_FOR_COVERAGE if over else Reason.WAITING
        return Verdict(**fields, outcome=Outcome.PENDING, final=False, reason=reason, overdue=over)
    shortest = bounds(rule.session)[0] if rule.session else 0
    blind = tuple(
        BlindSpan(device, max(first, start), min(last, sure))
        for first, last in known.blind.get(device, [])
        if min(last, sure) - max(first, start) >= max(shortest, 1)
    )
    outcome, reason = (Outcome.UNKNOWN, Reason.BLIND) if blind else (Outcome.BREACHED, Reason.TOO_FEW)
    return Verdict(**fields, outcome=outcome, final=True, reason=reason, blind=blind)
