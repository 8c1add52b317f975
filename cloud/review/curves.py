"""How a curve is cut into bins. Pure."""

import datetime as dt
import zoneinfo
from collections.abc import Iterable
from typing import Final

from cloud.store.reads import HOUR_MS

STEPS: Final = tuple(
    1_000 * seconds
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200)
)
"""Lengths of bins that people read easily, ms; beyond them whole days."""
DAY_MS: Final = 86_400_000


def step_for(span: int, most: int) -> int:
    """The shortest easy length, ms, by which `span` ms make at most `most` bins."""
    for step in STEPS:
        if span <= step * most:
            return step
    days = -(-span // (DAY_MS * most))
    return days * DAY_MS


def origin_for(since: int, step: int, zone: zoneinfo.ZoneInfo) -> int:
    """The site's midnight at or before `since`, ms, from which bins of `step` ms are counted.

    For bins of hours it is the whole hour (UTC) at or before it, since hours are kept so: where a zone is off by
    half an hour, such bins begin half an hour before midnight.
    """
    local = dt.datetime.fromtimestamp(since / 1_000, zone)
    midnight = int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1_000)
    return midnight - midnight % HOUR_MS if step >= HOUR_MS else midnight


def step_within(span: int, most: int) -> int:
    """The shortest easy length, ms, by which `span` ms touch at most `most` bins, wherever these begin."""
    return step_for(span, most - 1)


def merged(spans: Iterable[tuple[int, int]], since: int, until: int) -> list[tuple[int, int]]:
    """What spans of time cover of `[since, until)`, in order and without overlaps."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((max(start, since), min(end, until)) for start, end in spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
