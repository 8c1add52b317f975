"""Time labels of GB/T 26875.3: second, minute, hour, day, month, year of the century; local time. Pure.

Plain numbers in the captured frames and one codec, binary-coded decimals in another server: which, the label itself
or the time of day tells.
"""

import datetime as dt
import zoneinfo
from collections.abc import Iterator
from typing import Literal

Form = Literal["auto", "binary", "bcd"]


def label_ms(label: bytes, form: Form, zone: zoneinfo.ZoneInfo, now_ms: int) -> int | None:
    """The moment that a label names, in ms since the epoch; None when it is none.

    `auto`: where a label makes sense in both forms, the one nearer to `now_ms` is meant.
    """
    found = list(_moments(label, form, zone))
    return min(found, key=lambda at: abs(at - now_ms), default=None)


def _moments(label: bytes, form: Form, zone: zoneinfo.ZoneInfo) -> Iterator[int]:
    if form != "bcd":
        yield from _moment(tuple(label), zone)
    if form != "binary" and all(part >> 4 <= 9 and part & 0xF <= 9 for part in label):
        yield from _moment(tuple((part >> 4) * 10 + (part & 0xF) for part in label), zone)


def _moment(parts: tuple[int, ...], zone: zoneinfo.ZoneInfo) -> Iterator[int]:
    second, minute, hour, day, month, year = parts
    try:
        local = dt.datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return
    yield round(local.timestamp() * 1_000)
