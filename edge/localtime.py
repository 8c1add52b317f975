"""Moments that devices and people write without a zone. Pure."""

import datetime as dt
import zoneinfo


def local_moment(local: dt.datetime, zone: zoneinfo.ZoneInfo) -> tuple[int, int]:
    """The moment of a wall clock in `zone`, in ms since the epoch, and how far it may be off.

    In the hour that comes twice when summer time ends the middle of the two is told, and half their distance.
    """
    first = round(local.replace(tzinfo=zone, fold=0).timestamp() * 1_000)
    second = round(local.replace(tzinfo=zone, fold=1).timestamp() * 1_000)
    return (first + second) // 2, abs(second - first) // 2


def wall_clock(at_ms: int, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """What a wall clock in `zone` shows at a moment, without a zone."""
    return dt.datetime.fromtimestamp(at_ms / 1_000, zone).replace(tzinfo=None)
