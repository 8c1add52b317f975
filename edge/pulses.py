"""What a poll can't promise: a state that lasts less than the time between two reads may come and go unseen. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from contract.profile.points import DeviceMap
from edge.plan import plan


class Unsure(msgspec.Struct, frozen=True, kw_only=True):
    """A point that tells events, read every `every_ms` at best; `shortest_ms` is how short they may be, if known."""

    device: str
    point: str
    every_ms: int
    shortest_ms: int


def not_guaranteed(devices: Iterable[DeviceMap], factors: Mapping[str, float]) -> list[Unsure]:
    """The points whose shortest pulse is shorter than the time between two reads.

    `factors`: the devices that are read more rarely than they should be, by how much (`busload.overloads`).
    """
    found: list[Unsure] = []
    for device in devices:
        for request in plan(device.points, device.limits):
            every = round(device.polls[request.poll] * factors.get(device.device, 1.0))
            found += [
                Unsure(device=device.device, point=point.name, every_ms=every, shortest_ms=point.shortest_ms)
                for point in request.points
                if point.states and point.shortest_ms is not None and point.shortest_ms <= every
            ]
    return found
