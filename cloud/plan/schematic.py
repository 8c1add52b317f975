"""A schematic of zones that nobody drew: each a box, those that one can walk between near each other."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from contract.site import Spot, Zone

WIDTH: Final = 16.0
"""Of a box, metres."""
GAP: Final = 4.0
ROW: Final = 12.0
"""The least height of a box."""
SPACE: Final = 3.2
"""What a device takes of a box in each direction."""
HEAD: Final = 4.0
"""Room for a zone's name at the top of its box."""
PER_ROW: Final = int((WIDTH - 1.0) // SPACE)


def walk_order(zones: Sequence[Zone]) -> list[Zone]:
    """Zones as one would walk them: from the one with the most neighbours on, the nearest first."""
    names = {zone.id: zone for zone in zones}
    left = sorted(zones, key=lambda zone: (-len(zone.adjacent.keys() & names.keys()), zone.id))
    seen: dict[str, Zone] = {}
    for start in left:
        queue = deque([start.id])
        while queue:
            name = queue.popleft()
            if name in seen:
                continue
            seen[name] = names[name]
            near = sorted((s, other) for other, s in names[name].adjacent.items() if other in names)
            queue.extend(other for _, other in near)
    return list(seen.values())


def boxes(zones: Sequence[Zone], things: Mapping[str, int]) -> tuple[dict[str, tuple[Spot, ...]], Spot]:
    """An outline for each zone, and the size of the drawing. `things`: how many devices and parts each has to hold."""
    order = walk_order(zones)
    columns = max(1, math.ceil(math.sqrt(len(order) * 1.4)))
    outlines: dict[str, tuple[Spot, ...]] = {}
    top = GAP
    for start in range(0, len(order), columns):
        row = order[start : start + columns]
        if start // columns % 2:
            row = row[::-1]
        height = max(_height(things.get(zone.id, 0)) for zone in row)
        for column, zone in enumerate(row):
            left = GAP + column * (WIDTH + GAP)
            right, bottom = left + WIDTH, top + height
            outlines[zone.id] = ((left, top), (right, top), (right, bottom), (left, bottom))
        top += height + GAP
    width = GAP + min(columns, max(1, len(order))) * (WIDTH + GAP)
    return outlines, (width, max(top, 2 * GAP))


def _height(things: int) -> float:
    return max(ROW, HEAD + math.ceil(things / PER_ROW) * SPACE + 1.0)


def places(outline: tuple[Spot, ...], count: int, taken: Sequence[Spot] = ()) -> list[Spot]:
    """Places within an area for `count` things, apart from each other and from those `taken` as far as there is room."""
    (left, top), (right, bottom) = _bounds(outline)
    free: list[Spot] = []
    step = SPACE
    while len(free) < count:
        free = [
            spot
            for spot in _grid(left, top + min(HEAD, (bottom - top) / 3), right, bottom, step)
            if _inside(spot, outline) and all(math.dist(spot, other) >= step * 0.8 for other in taken)
        ]
        step *= 0.8
        if step < 0.05:
            return [*free, *[((left + right) / 2, (top + bottom) / 2)] * (count - len(free))]
    return free[:count]


def _grid(left: float, top: float, right: float, bottom: float, step: float) -> list[Spot]:
    columns = max(1, int((right - left) // step))
    rows = max(1, int((bottom - top) // step))
    return [
        (
            round(left + (right - left) * (c + 0.5) / columns, 2),
            round(top + (bottom - top) * (r + 0.5) / rows, 2),
        )
        for r in range(rows)
        for c in range(columns)
    ]


def _bounds(outline: tuple[Spot, ...]) -> tuple[Spot, Spot]:
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return (min(xs), min(ys)), (max(xs), max(ys))


def _inside(spot: Spot, outline: tuple[Spot, ...]) -> bool:
    """Even-odd rule."""
    x, y = spot
    inside = False
    for (x0, y0), (x1, y1) in zip(outline, (*outline[1:], outline[0]), strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside
