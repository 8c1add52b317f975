"""Which scans serve a round best, and whether blind time could hide one that was walked as planned. Pure.

On time is a round that is begun within the tolerance of its planned start and complete within its time from its first
scan on; in a strict order each leg also takes its least and at most its longest time (verdicts.md section 6, tours).
"""

import bisect
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from cloud.correlation.runs import FOREVER
from cloud.correlation.timeline import Mark, Span

Scans = Mapping[str, Sequence[Mark]]
"""By device, in order."""


class Step(msgspec.Struct, frozen=True):
    """A checkpoint, and how long after the one before it may be scanned, in ms."""

    device: str
    least: int = 0
    most: int = FOREVER


class Plan(msgspec.Struct, frozen=True):
    """A round as planned: it begins in `begin`, both ends included, and is complete `within` ms of its first scan."""

    steps: tuple[Step, ...]
    begin: Span
    within: int
    strict: bool


class Place(msgspec.Struct, frozen=True):
    """When a checkpoint can have been scanned: a known scan, or any moment of blind time, both ends included."""

    device: str
    first: int
    last: int
    mark: Mark | None = None


def serving(plan: Plan, scans: Scans) -> list[list[Mark | None]]:
    """The ways to walk a round that are worth a look: each is a scan of each checkpoint, None where there is none."""
    if not plan.strict:
        begins = sorted({mark.at for own in scans.values() for mark in own})
        early = [at for at in begins if plan.begin[0] <= at <= plan.begin[1]]
        return [
            [_first_from(scans.get(step.device, ()), at) for step in plan.steps] for at in early or begins[:1]
        ] or [[None] * len(plan.steps)]
    firsts: Sequence[Mark | None] = scans.get(plan.steps[0].device, ()) or (None,)
    found = []
    for first in firsts:
        if first is None or not plan.begin[0] <= first.at <= plan.begin[1]:
            found.append(_in_order(plan, scans, first))
            continue
        place = Place(first.device, first.at, first.at, first)
        way = _forward(plan, scans, {}, place)
        found.append([one.mark for one in way] if way is not None else _in_order(plan, scans, first))
    return found


def _first_from(own: Sequence[Mark], at: int) -> Mark | None:
    """The first scan from a moment on; one before it where there is no other."""
    place = bisect.bisect_left(own, at, key=lambda mark: mark.at)
    if place < len(own):
        return own[place]
    return own[-1] if own else None


def _in_order(plan: Plan, scans: Scans, first: Mark | None) -> list[Mark | None]:
    """Each checkpoint's first scan behind the one before that takes its least time, else the first at all."""
    found: list[Mark | None] = [first]
    before = first
    for step in plan.steps[1:]:
        behind = [one for one in scans.get(step.device, ()) if before is None or one.place > before.place]
        slow = [one for one in behind if before is None or one.at - before.at >= step.least]
        mark = next(iter(slow or behind), None)
        found.append(mark)
        before = before if mark is None else mark
    return found


def hidden_way(plan: Plan, scans: Scans, gaps: Mapping[str, Sequence[Span]]) -> list[Place] | None:
    """A way to walk the round as planned with what blind time can hide; None where there is none.

    Args:
        plan: The round.
        scans: The known scans in its window, by device.
        gaps: The blind moments in its window, by device, both ends included.
    """
    choices = [
        [
            *(Place(step.device, mark.at, mark.at, mark) for mark in scans.get(step.device, ())),
            *(Place(step.device, *gap) for gap in gaps.get(step.device, ())),
        ]
        for step in plan.steps
    ]
    if not all(choices):
        return None
    if not plan.strict:
        return _any_way(plan, choices)
    for begin in _begins(plan, choices):
        way = _forward(plan, scans, gaps, begin)
        if way is not None:
            return way
    return None


def _any_way(plan: Plan, choices: Sequence[Sequence[Place]]) -> list[Place] | None:
    edges = {moment for own in choices for one in own for moment in (one.first, one.last)}
    edges |= {moment - plan.within for moment in edges} | set(plan.begin)
    for begin in sorted(edges):
        if not plan.begin[0] <= begin <= plan.begin[1]:
            continue
        way = [
            next((one for one in own if one.last >= begin and one.first <= begin + plan.within), None)
            for own in choices
        ]
        walked = [one for one in way if one is not None]
        if len(walked) == len(way) and any(one.first <= begin <= one.last for own in choices for one in own):
            return walked
    return None


def _begins(plan: Plan, choices: Sequence[Sequence[Place]]) -> Iterator[Place]:
    """When the first checkpoint can have been scanned: each known scan, and the moments of blind time that may matter."""
    edges = {moment for own in choices for one in own for moment in (one.first, one.last)} | set(plan.begin)
    before = {0, 1, plan.within}
    least = most = 0
    for step, prior in zip(plan.steps[1:], plan.steps, strict=False):
        least += max(step.least, int(prior.device > step.device))
        most = min(most + step.most, FOREVER)
        before |= {least, most}
    moments = sorted({edge - one for edge in edges for one in before})
    for place in choices[0]:
        for at in [place.first] if place.mark else moments:
            if max(place.first, plan.begin[0]) <= at <= min(place.last, plan.begin[1]):
                yield Place(place.device, at, at, place.mark)


def _forward(
    plan: Plan, scans: Scans, gaps: Mapping[str, Sequence[Span]], begin: Place
) -> list[Place] | None:
    """A way from a begin on, in order."""
    until = begin.first + plan.within
    reached: list[dict[Place, Place]] = []
    ends = [begin]
    for step in plan.steps[1:]:
        level: dict[Place, Place] = {}
        for before in ends:
            for one in _next(step, before, scans, gaps, until):
                level.setdefault(one, before)
        reached.append(level)
        ends = sorted(level, key=lambda one: (one.first, one.last))
        if not ends:
            return None
    way = [ends[0]]
    for level in reversed(reached):
        way.append(level[way[-1]])
    return way[::-1]


def _next(
    step: Step, before: Place, scans: Scans, gaps: Mapping[str, Sequence[Span]], until: int
) -> Iterator[Place]:
    """Where a step can lead from a place. In one moment the order of events is that of their devices."""
    least = max(step.least, int(before.device > step.device))
    first, last = before.first + least, min(before.last + step.most, until)
    for mark in scans.get(step.device, ()):
        if before.mark is not None:
            fits = mark.place > before.mark.place and step.least <= mark.at - before.first
            if fits and mark.at <= last:
                yield Place(step.device, mark.at, mark.at, mark)
        elif first <= mark.at <= last:
            yield Place(step.device, mark.at, mark.at, mark)
    for start, end in gaps.get(step.device, ()):
        if max(start, first) <= min(end, last):
            yield Place(step.device, max(start, first), min(end, last))
