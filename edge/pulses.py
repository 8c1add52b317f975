"""What a poll can't promise: a state that lasts less than the time between two reads may come and go unseen. Pure."""

from collections.abc import Iterable

import msgspec

from contract.profile.points import DeviceMap
from edge.plan import plan


class Unsure(msgspec.Struct, frozen=True, kw_only=True):
    """A point that tells events, read every `every_ms` at best; `shortest_ms` is how short they may be, if known."""

    device: str
    point: str
    every_ms: int
    shortest_ms: int


def not_guaranteed(devices: Iterable[DeviceMap], load: float = 0.0) -> list[Unsure]:
    """The points whose shortest pulse is shorter than the time between two reads, on a line with that load.

    A line with a load above 1 reads everything that much more rarely.
    """
    found: list[Unsure] = []
    for device in devices:
        for request in plan(device.points, device.limits):
            every = round(device.polls[request.poll] * max(1.0, load))
            found += [
                Unsure(device=device.device, point=point.name, every_ms=every, shortest_ms=point.shortest_ms)
                for point in request.points
                if point.states and point.shortest_ms is not None and point.shortest_ms <= every
            ]
    return found
