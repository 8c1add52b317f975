"""Walking: the zones of a site as a graph, with the seconds from one to the next."""

import heapq
import math

from contract.site import Site


class Graph:
    """The quickest ways between zones. Ties go to the zone named first in the alphabet, so they never vary."""

    def __init__(self, site: Site) -> None:
        self._next = {zone.id: dict(sorted(zone.adjacent.items())) for zone in site.file.zones}
        self._ways: dict[str, tuple[dict[str, int], dict[str, str]]] = {}

    def seconds(self, start: str, end: str) -> float:
        """The least seconds from `start` to `end`; infinite where no way leads there."""
        return self._from(start)[0].get(end, math.inf)

    def leg(self, zone: str, neighbour: str) -> int:
        """The seconds to an adjacent zone."""
        return self._next[zone][neighbour]

    def step(self, start: str, end: str) -> str | None:
        """The first zone of the quickest way from `start` to `end`; None when there or where no way leads."""
        before = self._from(start)[1]
        zone = end
        while zone in before and before[zone] != start:
            zone = before[zone]
        return zone if zone in before else None

    def _from(self, start: str) -> tuple[dict[str, int], dict[str, str]]:
        """Dijkstra from one zone, kept: seconds to each zone, and the zone before each on the way."""
        if start not in self._ways:
            self._ways[start] = self._walk_from(start)
        return self._ways[start]

    def _walk_from(self, start: str) -> tuple[dict[str, int], dict[str, str]]:
        seconds = {start: 0}
        before: dict[str, str] = {}
        reached = [(0, start)]
        while reached:
            so_far, zone = heapq.heappop(reached)
            if so_far > seconds[zone]:
                continue
            for neighbour, leg in self._next[zone].items():
                if so_far + leg < seconds.get(neighbour, math.inf):
                    seconds[neighbour] = so_far + leg
                    before[neighbour] = zone
                    heapq.heappush(reached, (so_far + leg, neighbour))
        return seconds, before
