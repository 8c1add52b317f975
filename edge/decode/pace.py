"""How often a request is really answered, against how often it must be for its changes to be seen. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from contract.causes import Cause
from edge.decode.sheet import Sheet
from edge.plan import Request

_TOO_LONG: Final = 2
_MOST: Final = 6


class Pace(msgspec.Struct, frozen=True, gc=False):
    """A request's score: up with each gap that is too long, down with each that is not; `is_slow` between top and 0."""

    score: int = 0
    is_slow: bool = False

    def after(self, *, too_long: bool) -> "Pace":
        """The score after one more gap."""
        score = min(_MOST, self.score + _TOO_LONG) if too_long else max(0, self.score - 1)
        return Pace(score, score == _MOST or (self.is_slow and score > 0))


Paces = Mapping[tuple[str, str], Pace]
"""By request key and cause."""

_WELL: Final = Pace()


def follow_pace(paces: Paces, sheet: Sheet, request: Request, gap_ms: int) -> Paces:
    """The paces after a request that tells of states was answered `gap_ms` after the time before.

    Those without a score are left out: most devices have none.
    """
    if not paces and gap_ms <= sheet.map.polls[request.poll]:
        return paces
    if not any(request.key in requests for requests in sheet.told.values()):
        return paces
    limits = {Cause.READ_TOO_RARELY: sheet.bridge_ms(request)}
    if (shortest := _shortest(request)) is not None and shortest > sheet.map.polls[request.poll]:
        limits[Cause.PULSE_MAY_BE_MISSED] = shortest
    scored = dict(paces)
    for cause, limit_ms in limits.items():
        pace = scored.pop((request.key, cause), _WELL).after(too_long=gap_ms > limit_ms)
        if pace.score:
            scored[request.key, cause] = pace
    return scored


def slow_points(paces: Paces, sheet: Sheet) -> dict[str, str]:
    """The points whose changes, or short pulses, may go unseen now, with the cause."""
    found: dict[str, str] = {}
    for (key, cause), pace in paces.items():
        if pace.is_slow:
            request = next(one for one in sheet.requests if one.key == key)
            for point in request.points:
                if point.states and (cause == Cause.READ_TOO_RARELY or point.shortest_ms is not None):
                    found.setdefault(point.name, cause)
    return found


def _shortest(request: Request) -> int | None:
    return min((point.shortest_ms for point in request.points if point.shortest_ms is not None), default=None)
