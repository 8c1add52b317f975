"""How a curve is cut into bins. Pure."""

import datetime as dt
import zoneinfo
from typing import Final

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


def origin_for(since: int, zone: zoneinfo.ZoneInfo) -> int:
    """The site's midnight at or before `since`, ms, from which bins are counted."""
    local = dt.datetime.fromtimestamp(since / 1_000, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return int(midnight.timestamp() * 1_000)
