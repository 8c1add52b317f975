"""A schematic of zones that nobody drew: each a box, those that one can walk between near each other."""

import heapq
import math
from collections.abc import Mapping, Sequence
from typing import Final

from cloud.plan.shapes import HEAD, SPACE, Outline
from contract.site import Spot, Zone

WIDTH: Final = 16.0
"""Of a box, metres."""
GAP: Final = 4.0
ROW: Final = 12.0
"""The least height of a box."""
PER_ROW: Final = int((WIDTH - 1.0) // SPACE)


def walk_order(zones: Sequence[Zone]) -> list[Zone]:
    """Zones as one would walk them: from the one with the most neighbours on, the nearest first."""
    names = {zone.id: zone for zone in zones}
    left = sorted(zones, key=lambda zone: (-len(zone.adjacent.keys() & names.keys()), zone.id))
    seen: dict[str, Zone] = {}
    for start in left:
        queue = [(0, start.id)]
        while queue:
            walked, name = heapq.heappop(queue)
            if name not in seen:
                seen[name] = names[name]
                for other, seconds in names[name].adjacent.items():
                    if other in names and other not in seen:
                        heapq.heappush(queue, (walked + seconds, other))
    return list(seen.values())


def boxes(zones: Sequence[Zone], things: Mapping[str, int]) -> tuple[dict[str, Outline], Spot]:
    """An outline for each zone, and the size of the drawing. `things`: how many devices and parts each has to hold.

    Every other row runs backwards, so that the next in order is always beside or below.
    """
    order = walk_order(zones)
    columns = max(1, math.ceil(math.sqrt(len(order) * 1.4)))
    outlines: dict[str, Outline] = {}
    top = GAP
    for start in range(0, len(order), columns):
        row = order[start : start + columns]
        height = max(height_for(things.get(zone.id, 0)) for zone in row)
        for place, zone in enumerate(row):
            column = columns - 1 - place if start // columns % 2 else place
            left = GAP + column * (WIDTH + GAP)
            outlines[zone.id] = box(left, top, WIDTH, height)
        top += height + GAP
    width = GAP + min(columns, max(1, len(order))) * (WIDTH + GAP)
    return outlines, (width, max(top, 2 * GAP))


def box(left: float, top: float, width: float, height: float) -> Outline:
    """A rectangle, from its upper left corner on."""
    right, bottom = left + width, top + height
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def height_for(things: int) -> float:
    """Of a box that so many things have room in."""
    return max(ROW, HEAD + math.ceil(things / PER_ROW) * SPACE + 1.0)
