"""The slow plain reference of the kind `quota`. See `reference`."""

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

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
    telling = [d.id for d in site.devices.values() if selected(rule, d) and tells(rule, site.emits(d))]
    keys = [(site.id, telling)] if rule.match == "site" else [(device, [device]) for device in telling]
    for key, devices in keys:
        own = [
            Told(one.at, 0, one.seq, words(rule, one), one.device) for one in events if one.device in devices
        ]
        own = [one for one in own if one.words]
        if rule.session and rule.session.point:
            for of, point, at, value in known.readings:
                if (of, point) == (key, rule.session.point):
                    own.append(Told(at, 1, 0, (in_range(rule.session, value),), key))
        point = measured(rule.count)
        own += days_read(site, [row for row in known.readings if row[1] == point and row[0] in devices])
        own.sort(key=lambda one: (one.at, one.is_reading and not rule.count, one.device, one.seq))
        start, end = period(site, rule.per, known.data_from)
        while start < now:
            if in_force(version, start):
                verdict = judged(version, key, devices, (start, end), own, known, now)
                found += [verdict] if verdict else []
            start, end = period(site, rule.per, end)
    return found


def measured(wanted: Any) -> str | None:
    """The point whose readings are what a filter asks for."""
    asks = wanted is not None and "measurement.recorded" in wanted.types and set(wanted.data) == {"point"}
    return wanted.data["point"] if asks and not wanted.unless else None


def days_read(site: Site, readings: list[tuple[str, str, int, Any]]) -> list["Told"]:
    """Of each device the first reading of each day."""
    firsts: dict[tuple[str, dt.date], int] = {}
    for device, _, at, _ in readings:
        day = (device, dt.datetime.fromtimestamp(at // 1_000, site.timezone).date())
        firsts[day] = min(at, firsts.get(day, at))
    return [Told(at, 1, -8, ("counts",), device) for (device, _), at in firsts.items()]


class Told(msgspec.Struct, frozen=True, order=True):
    """Something that a device told, or could have told unseen; readings stand behind the events of their moment."""

    at: int
    is_reading: int
    seq: float
    words: tuple[str, ...]
    device: str = ""


def tells(rule: Any, emitted: frozenset[str]) -> bool:
    """Whether a device emits any type of what counts, or of both a start and a stop."""
    wanted = [rule.count] if rule.count else [rule.session.start, rule.session.stop]
    return all(any(name in emitted for name in one.types) for one in wanted)


def words(rule: Any, event: Event) -> tuple[str, ...]:
    """What an event is to a rule; the first that it is."""
    if rule.count:
        return ("counts",) if like(rule.count, event) else ()
    form = rule.session
    named = [("start", form.start), ("stop", form.stop), ("must", form.with_), ("must_not", form.without)]
    return tuple(name for name, wanted in named if like(wanted, event))[:1]


def in_range(form: Any, value: float) -> str:
    """What a reading says of a run."""
    low = form.min_at_least is not None and value < form.min_at_least
    high = form.max_below is not None and value >= form.max_below
    return "bad" if low or high else "good"


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


class Session(msgspec.Struct, frozen=True):
    """A run from a start on: what followed it, its stop if there is one, and what is said of it."""

    begun: int
    stop: Told | None
    inside: tuple[Told, ...]
    word: str
    limit: int


def sessions(rule: Any, told: list[Told]) -> list[Session]:
    """Every run."""
    starts = [place for place, one in enumerate(told) if one.words == ("start",)]
    found = []
    for number, place in enumerate(starts):
        until = starts[number + 1] if number + 1 < len(starts) else len(told)
        rest = told[place + 1 : until]
        stop = next((one for one in rest if one.words == ("stop",)), None)
        inside = tuple(rest[: rest.index(stop)] if stop else rest)
        wrong = [one.at for one in inside if one.words[0] in {"must_not", "bad"}]
        follows = [told[until].at] if until < len(told) else []
        ends = [stop.at] if stop else follows
        most = told[place].at + bounds(rule.session)[1]
        limit = min([*wrong, *ends, most, FOREVER])
        found.append(Session(told[place].at, stop, inside, word(rule, told[place].at, stop, inside), limit))
    return found


def word(rule: Any, begun: int, stop: Told | None, inside: tuple[Told, ...]) -> str:
    """What is said of a run; nothing where it has no stop."""
    if stop is None:
        return ""
    length = stop.at - begun
    least, most = bounds(rule.session)
    said = {one.words[0] for one in inside}
    if length < least:
        return "too_short"
    if length > most:
        return "too_long"
    if "must_not" in said:
        return "not_without"
    if rule.session.with_ is not None and "must" not in said:
        return "not_with"
    if "bad" in said:
        return "out_of_range"
    return "no_reading" if rule.session.point and "good" not in said else "counts"


def could_hide(rule: Any, told: list[Told], spans: list[tuple[int, int]], span: tuple[int, int]) -> bool:
    """Whether things in blind spans could make one more run of the period count, by trying them."""
    start, end = span
    if rule.count:
        return any(a < end and b > start for a, b in spans)
    near = [one for one in spans if one[1] > start]
    begun = {one.at for one in told if one.words == ("start",)}
    reach = end + wait(rule)
    count = number(rule, told, span, begun, reach)
    return any(
        number(rule, sorted([*told, *more]), span, begun, reach) > count
        for more in tries(rule, told, near, span)
    )


def wait(rule: Any) -> int:
    """How long the stop of a run is waited for that began unseen."""
    least, most = bounds(rule.session)
    return most if most < FOREVER else least


def number(rule: Any, told: list[Told], span: tuple[int, int], begun: set[int], reach: int) -> int:
    """How many runs of a period count; of those that began unseen the ones that end in reach."""
    return sum(
        one.word == "counts"
        and span[0] <= one.begun < span[1]
        and (one.begun in begun or (one.stop is not None and one.stop.at <= reach))
        for one in sessions(rule, told)
    )


def tries(
    rule: Any, told: list[Told], spans: list[tuple[int, int]], span: tuple[int, int]
) -> Iterator[list[Told]]:
    """What could have been told unseen: nothing but what must be in a run, a stop, a start, or several of them."""
    least, most = bounds(rule.session)
    fixed = {one.at for one in told} | {span[0], span[1] - 1}
    fixed |= {moment for a, b in spans for moment in (a, b - 1)}
    around = {0, 1, -1, least, -least, most, -most, least - 1, 1 - least}
    picks = {at + more for at in fixed for more in around if abs(more) < FOREVER}
    picks |= {at + one for at in set(picks) for one in (1, -1)}
    moments = sorted(at for at in picks if any(a <= at < b for a, b in spans))
    for at in moments:
        # Whatever stands there already, the unseen can be before it or behind it.
        for early in (-1.0, 1e9):
            yield fill(rule, at, early)
            yield [
                Told(at, 0, early + 0.1, ("stop",)),
                *fill(rule, at, early),
                *fill(rule, at - 1, early, spans),
            ]
            yield [Told(at, 0, early, ("start",)), *fill(rule, at, early + 0.1)]
            yield [
                Told(at, 0, early, ("stop",)),
                *fill(rule, at, early - 0.1),
                *fill(rule, at - 1, early - 0.1, spans),
                Told(at, 0, early + 0.1, ("start",)),
                *fill(rule, at, early + 0.2),
            ]
    for one, other in itertools.combinations_with_replacement(moments, 2):
        if not least <= other - one <= most:
            continue
        for early in (-1.0, 1e9):
            for late in (-1.0, 1e9):
                begin = [Told(one, 0, early, ("start",)), *fill(rule, one, early + 0.1)]
                yield [*begin, Told(other, 0, late + 0.2, ("stop",))]
    for one, other in itertools.combinations_with_replacement(moments, 2):
        for early in (-1.0, 1e9):
            first = [
                Told(one, 0, early, ("stop",)),
                *fill(rule, one, early - 0.1),
                *fill(rule, one - 1, -1, spans),
            ]
            yield [*first, Told(other, 0, 1e9, ("start",)), *fill(rule, other, 1e9 + 0.1)]


def fill(rule: Any, at: int, seq: float, spans: list[tuple[int, int]] | None = None) -> list[Told]:
    """What must be in a run, told at a moment."""
    if spans is not None and not any(a <= at < b for a, b in spans):
        return []
    found = [Told(at, 0, seq, ("must",))] if rule.session.with_ else []
    return [*found, Told(at, 1, 0, ("good",))] if rule.session.point else found


def bounds(form: Any) -> tuple[int, int]:
    """The shortest and the longest of a session that counts, in ms."""
    least, most = form.length or ("0s", None)
    return ms(least), ms(most) if most else FOREVER


def judged(
    version: RuleVersion,
    key: str,
    devices: list[str],
    span: tuple[int, int],
    told: list[Told],
    known: Known,
    now: int,
) -> Verdict | None:
    """One period of one key, of which some devices tell."""
    rule: Any = version.rule
    start, end = span
    if rule.count:
        items = [Item("counts", one.device, one.at) for one in told]
        done = sorted((one.at, one.device, int(one.seq), one.at) for one in told)
        under_way: list[Session] = []
    else:
        every = sessions(rule, told)
        items = [Item(one.word, key, one.begun, one.stop.at) for one in every if one.stop]
        done = sorted(
            (one.stop.at, key, int(one.stop.seq), one.begun)
            for one in every
            if one.stop and one.word == "counts"
        )
        under_way = [one for one in every if one.word != "counts"]
    own = [one for one in done if start <= one[3] < end]
    complete = min(known.complete.get(one, NEVER) for one in devices)
    fields: dict[str, Any] = {
        "rule": rule.id,
        "version": rule.version,
        "kind": "quota",
        "key": key,
        "opened_at": start,
        "due_at": end,
        "items": tuple(item for item in items if start <= (item.at or 0) < end),
    }
    if len(own) >= rule.at_least:
        enough = own[: rule.at_least]
        over = enough[-1][0]
        return Verdict(
            **fields,
            outcome=Outcome.MET,
            final=complete > over,
            reason=Reason.ENOUGH,
            elapsed_ms=over - start,
            evidence=tuple((device, seq) for _, device, seq, _ in enough if seq >= 0),
        )
    if start < known.data_from:
        return None
    fields["evidence"] = tuple((device, seq) for _, device, seq, _ in own if seq >= 0)
    blind = [(device, *one) for device in sorted(devices) for one in known.blind.get(device, [])]
    spans = [(a, b) for _, a, b in blind]
    sure = max([end, *(one.limit + 1 for one in under_way if start <= one.begun < end)])
    decided_at = sure
    decided = now >= sure and complete >= sure
    hides = decided and could_hide(rule, told, spans, span)
    if decided and not hides and rule.session:
        sure = max(sure, waits_for(rule, told, spans, span) + 1)
        decided = now >= sure and complete >= sure
    if not decided:
        over = now >= sure
        reason = Reason.WAITING_FOR_COVERAGE if over else Reason.WAITING
        return Verdict(**fields, outcome=Outcome.PENDING, final=False, reason=reason, overdue=over)
    last = max(min(decided_at, FOREVER), end + wait(rule) + 1) if rule.session else decided_at
    seen = tuple(BlindSpan(d, max(a, start), min(b, last)) for d, a, b in blind if a < last and b > start)
    outcome, reason = (Outcome.UNKNOWN, Reason.BLIND) if hides else (Outcome.BREACHED, Reason.TOO_FEW)
    return Verdict(**fields, outcome=outcome, final=True, reason=reason, blind=seen if hides else ())


def waits_for(rule: Any, told: list[Told], spans: list[tuple[int, int]], span: tuple[int, int]) -> int:
    """Until when a stop could still come of a run that began unseen in the period."""
    found = NEVER
    bad = [one.at for one in told if one.words == ("bad",)]
    edges = sorted(one.at for one in told if one.words[0] in {"start", "stop", "must_not", "bad"})
    for a, b in spans:
        first, last = max(a, span[0]), min(b, span[1]) - 1
        if first > last:
            continue
        # The last moment before each edge, and the last of all.
        for at in {last, *(edge - (edge in bad) for edge in edges if first <= edge - (edge in bad) <= last)}:
            follow = [edge for edge in edges if edge >= at and not (edge == at and edge in bad)]
            found = max(found, min([at + wait(rule), *follow]))
    return found
