"""Registers that hold the device's own clock made into a number. Pure."""

import datetime as dt
import math

from contract.profile.points import Point

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_CENTURY = 2_000


def date_number(point: Point, raw: int) -> float:
    """The s since 1970 by the device's clock, as if that were UTC; not a number where there is no such day."""
    parts = {"MM": 1, "DD": 1, "hh": 0, "mm": 0, "ss": 0}
    data = raw.to_bytes(2 * point.width, "big")
    by_register = len(point.form) == point.width
    place = 0
    for word in point.form:
        size = 2 if by_register or word == "YYYY" else 1
        part = data[place : place + size]
        place += size
        if point.bcd and not part.hex().isdecimal():
            return math.nan
        parts[word] = int(part.hex()) if point.bcd else int.from_bytes(part, "big")
    year = parts["YYYY"] if "YYYY" in parts else _CENTURY + parts.get("YY", -_CENTURY)
    try:
        moment = dt.datetime(
            year, parts["MM"], parts["DD"], parts["hh"], parts["mm"], parts["ss"], tzinfo=dt.UTC
        )
    except ValueError:
        return math.nan
    return (moment - _EPOCH).total_seconds()
