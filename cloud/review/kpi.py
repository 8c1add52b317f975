"""The figures of a period: how much was met, breached and unknown, how quickly people came, how long nobody could see.

The three outcomes are counted apart (verdicts.md section 2): unknown is neither good nor bad.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from cloud.correlation.periods import period_of
from cloud.correlation.verdict import EventId, Outcome, Verdict
from cloud.correlation.windows import local_day
from cloud.review.by import By
from cloud.review.places import device_of, zone_of_key
from contract.site import Site

Span = tuple[int, int]
_PERCENTILES: Final = (50, 90, 99)


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one group.

    `met` counts the states that ended in time too, of which there is no verdict: a door that was shut in time was
    kept as well as one that was not was breached. `rate` is met of met and breached, None where there is neither. `blind_ms` is how long devices were blind in
    what became unknown. `p50`, `p90`, `p99`, `worst`: how long the evidence took, in ms, late evidence included;
    None where there was none. A quota is no response: how far into the year it was met says nothing.
    """

    group: str
    met: int
    breached: int
    unknown: int
    pending: int
    rate: float | None
    blind_ms: int
    p50: int | None
    p90: int | None
    p99: int | None
    worst: int | None


def kpis(
    verdicts: Iterable[Verdict], by: By, site: Site, people: Mapping[EventId, str] | None = None
) -> list[Kpi]:
    """The figures by group, sorted by its name. `people`: who made an event, for `By.PERSON`.

    A verdict without a group of that kind (a round has no device) counts in none.
    """
    group_of = _grouping(by, site, people or {})
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        group = group_of(verdict)
        if group and (verdict.outcome is not Outcome.VOID or verdict.is_kept):
            groups.setdefault(group, []).append(verdict)
    return [_kpi(group, own) for group, own in sorted(groups.items())]


def _grouping(by: By, site: Site, people: Mapping[EventId, str]) -> Callable[[Verdict], str]:
    match by:
        case By.RULE:
            return lambda verdict: verdict.rule
        case By.ZONE:
            return lambda verdict: zone_of_key(site, verdict.key)
        case By.DEVICE:
            return lambda verdict: device.id if (device := device_of(site, verdict.key)) else ""
        case By.PERSON:
            return lambda verdict: _person(verdict, site, people)
        case By.DAY:
            return lambda verdict: local_day(verdict.opened_at, site.timezone).isoformat()
        case By.MONTH:
            return lambda verdict: _month(verdict.opened_at, site)


def _person(verdict: Verdict, site: Site, people: Mapping[EventId, str]) -> str:
    """Who gave the deciding evidence."""
    who = people.get(verdict.evidence[-1], "") if verdict.evidence and verdict.elapsed_ms is not None else ""
    person = site.people.get(who)
    return person.id if person else who


def _month(at: int, site: Site) -> str:
    return local_day(period_of(at, "month", site.timezone)[0], site.timezone).isoformat()[:7]


def _kpi(group: str, verdicts: Sequence[Verdict]) -> Kpi:
    counts = {outcome: sum(one.outcome is outcome for one in verdicts) for outcome in Outcome}
    met = counts[Outcome.MET] + sum(one.is_kept for one in verdicts)
    judged = met + counts[Outcome.BREACHED]
    took = [one.elapsed_ms for one in verdicts if one.elapsed_ms is not None and one.kind != "quota"]
    elapsed = np.array(took, np.int64)
    marks = np.percentile(elapsed, _PERCENTILES, method="inverted_cdf") if len(elapsed) else (None,) * 3
    p50, p90, p99 = (None if mark is None else int(mark) for mark in marks)
    return Kpi(
        group=group,
        met=met,
        breached=counts[Outcome.BREACHED],
        unknown=counts[Outcome.UNKNOWN],
        pending=counts[Outcome.PENDING],
        rate=met / judged if judged else None,
        blind_ms=blind_time(verdicts),
        p50=p50,
        p90=p90,
        p99=p99,
        worst=int(elapsed.max()) if len(elapsed) else None,
    )


def blind_time(verdicts: Iterable[Verdict]) -> int:
    """How long devices were blind in what the verdicts name, in ms; what two of them name counts once."""
    spans: dict[str, list[Span]] = {}
    for verdict in verdicts:
        for blind in verdict.blind:
            spans.setdefault(blind.device, []).append((blind.start, blind.end))
    total = 0
    for own in spans.values():
        reached = min(start for start, _ in own)
        for start, end in sorted(own):
            total += max(0, end - max(start, reached))
            reached = max(reached, end)
    return total
