"""Ways out: from a zone over the zones between to the gate that must let people through."""

import functools
import heapq
from collections.abc import Mapping

import msgspec

from cloud.plan.kinds import kind_of
from contract.site import Site, Zone

Stop = tuple[str, str]
"""`("zone", id)` or `("device", id)`."""


class _Reach(msgspec.Struct, frozen=True):
    """How to walk to a zone from everywhere: seconds, and the next zone on the way."""

    seconds: Mapping[str, int]
    after: Mapping[str, str]


class WaysOut:
    """The ways out of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def stops(self, zone: Zone) -> tuple[Stop, ...]:
        """The shortest walk to one of its gates (a door where it has none), with the doors of the route that it passes.

        Just the zone itself when its gates can't be walked to, or stand nowhere.
        """
        goal = self._goal(zone)
        if goal is None:
            return (("zone", zone.id),)
        end = self._site.devices[goal].zone or zone.id
        names = [zone.id]
        while names[-1] != end:
            names.append(self._to(end).after[names[-1]])
        found: list[Stop] = []
        for name in names:
            found.append(("zone", name))
            found += [
                ("device", one) for one in zone.escape_route if one != goal and self._is_door(one, name)
            ]
        return (*found, ("device", goal))

    def _goal(self, zone: Zone) -> str | None:
        ranked = [
            (self._kind(name) != "gate", self._to(end).seconds[zone.id], place, name)
            for place, name in enumerate(zone.escape_route)
            if (end := self._site.devices[name].zone) is not None and zone.id in self._to(end).seconds
        ]
        return min(ranked)[-1] if ranked else None

    def _is_door(self, device: str, zone: str) -> bool:
        return self._site.devices[device].zone == zone and self._kind(device) == "door"

    def _kind(self, device: str) -> str:
        return kind_of(self._site, self._site.devices[device])

    @functools.cached_property
    def _near(self) -> Mapping[str, Mapping[str, int]]:
        """Walking seconds by zone and neighbour; a way that only one end names is walked both ways."""
        found: dict[str, dict[str, int]] = {name: {} for name in self._site.zones}
        for zone in self._site.file.zones:
            for other, seconds in zone.adjacent.items():
                found[zone.id][other] = min(seconds, found[zone.id].get(other, seconds))
                found[other][zone.id] = min(seconds, found[other].get(zone.id, seconds))
        return found

    @functools.cached_property
    def _reached(self) -> dict[str, _Reach]:
        return {}

    def _to(self, end: str) -> _Reach:
        if end not in self._reached:
            self._reached[end] = self._walk(end)
        return self._reached[end]

    def _walk(self, end: str) -> _Reach:
        seconds: dict[str, int] = {}
        after: dict[str, str] = {}
        queue = [(0, end, end)]
        while queue:
            walked, name, came_from = heapq.heappop(queue)
            if name in seconds:
                continue
            seconds[name], after[name] = walked, came_from
            for other, more in self._near[name].items():
                if other not in seconds:
                    heapq.heappush(queue, (walked + more, other, name))
        return _Reach(seconds, after)
