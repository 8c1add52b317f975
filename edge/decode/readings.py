"""Numbers made into readings: told when they moved enough, when their quality changed, and once in a while."""

import msgspec

from contract.events import Quality
from contract.profile.points import Point
from edge.decode.values import Value
from edge.ports import Measured

_ALMOST = 1 - 1e-9
"""21.7 - 21.5 is a little less than 0.2 in binary."""


class Said(msgspec.Struct, frozen=True, gc=False):
    """The last reading told of a point."""

    number: float | None
    at: int


def reading(point: Point, value: Value, said: Said | None, at: int) -> Measured | None:
    """The reading to tell, if any; `at` is when the answer came in."""
    if said is not None and not _moved(point, value, said) and at - said.at < point.heartbeat_ms:
        return None
    quality = Quality.BAD if value.number is None else Quality.GOOD
    return Measured(
        device=point.told.device,
        point=point.reading or point.name,
        at=at,
        value=value.number,
        quality=quality,
    )


def _moved(point: Point, value: Value, said: Said) -> bool:
    if value.number is None or said.number is None:
        return value.number is not said.number
    step = abs(value.number - said.number)
    return step > 0 and step > point.deadband * _ALMOST
