"""Points made into the fewest requests that a device can take."""

from collections.abc import Iterable, Iterator
from operator import attrgetter

import msgspec

from contract.events import LIFE_SAFETY_TYPES
from contract.profile.model import Limits
from contract.profile.points import Point


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One read: `count` registers (or bits) from `address`, holding `points`.

    `optional`: the device may answer with an exception that it has none of them.
    """

    function: int
    address: int
    count: int
    poll: str
    optional: bool
    points: tuple[Point, ...]

    @property
    def life(self) -> bool:
        """Whether lives depend on what it reads."""
        told = {kind for point in self.points for rule in point.states for kind in (rule.on, rule.off)}
        return not told.isdisjoint(LIFE_SAFETY_TYPES)

    @property
    def key(self) -> str:
        """Its name within the device: `3:1024+12`."""
        return f"{self.function}:{self.address}+{self.count}"


def plan(points: Iterable[Point], limits: Limits) -> tuple[Request, ...]:
    """The fewest requests that read every point, each point whole within one of them.

    Points of different functions or polls are never read together; nor are optional ones with others, where
    one missing address makes the device refuse a whole request. Addresses that nobody asked for are read along
    only up to `limits.max_gap` in a row. Greedy from the lowest address is optimal here: the lowest point left
    must be read by some request, and none that reads it reaches further than the one which starts at it.
    """
    return tuple(request for group in _groups(points, limits) for request in _cover(group, limits))


def _groups(points: Iterable[Point], limits: Limits) -> list[list[Point]]:
    groups: dict[tuple[int, str, bool], list[Point]] = {}
    for point in points:
        groups.setdefault((point.function, point.poll, limits.refuses_missing and point.optional), []).append(
            point
        )
    return [sorted(groups[key], key=attrgetter("address", "end")) for key in sorted(groups)]


def _cover(points: list[Point], limits: Limits) -> Iterator[Request]:
    most = limits.max_bits if points[0].function in {1, 2} else limits.max_registers
    taken = [points[0]]
    end = points[0].end
    for point in points[1:]:
        if point.address - end <= limits.max_gap and point.end - taken[0].address <= most:
            taken.append(point)
            end = max(end, point.end)
        else:
            yield _request(taken, end)
            taken, end = [point], point.end
    yield _request(taken, end)


def _request(points: list[Point], end: int) -> Request:
    first = points[0]
    return Request(
        function=first.function,
        address=first.address,
        count=end - first.address,
        poll=first.poll,
        optional=not any(point.expected for point in points),
        points=tuple(points),
    )
