"""How long it takes at least to walk between zones, by what the site says of those side by side. Pure."""

import heapq
from collections.abc import Mapping

from contract.site import Site


def walking_ms(site: Site, start: str) -> Mapping[str, int]:
    """By zone, the least time from `start` in ms (Dijkstra 1959); zones that nothing leads to are not in it."""
    best: dict[str, int] = {}
    waiting = [(0, start)]
    while waiting:
        seconds, zone = heapq.heappop(waiting)
        if zone in best:
            continue
        best[zone] = seconds
        if zone in site.zones:
            for other, more in site.zones[zone].adjacent.items():
                heapq.heappush(waiting, (seconds + more, other))
    return {zone: seconds * 1_000 for zone, seconds in best.items()}
