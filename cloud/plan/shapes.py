"""Areas on a plan: what lies within them, where their middle is, where things can stand in them."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from contract.site import Spot

SPACE: Final = 3.2
"""What a device takes in each direction, metres."""
HEAD: Final = 4.0
"""Room for a zone's name at the top of it."""
_CLOSER: Final = 0.8
_MOST_TRIED: Final = 20_000
"""Places looked at before things stand along the edge."""
_LEAST: Final = 0.05
_FINE: Final = 24

Outline = tuple[Spot, ...]


def within(spot: Spot, outline: Outline) -> bool:
    """Even-odd rule."""
    x, y = spot
    inside = False
    for (x0, y0), (x1, y1) in _edges(outline):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside


def middle(outline: Outline) -> Spot:
    """The centroid of an area; where that lies outside of it, such as of an L, the place farthest from its edges."""
    area = x = y = 0.0
    for (x0, y0), (x1, y1) in _edges(outline):
        cross = x0 * y1 - x1 * y0
        area += cross
        x += (x0 + x1) * cross
        y += (y0 + y1) * cross
    if abs(area) < 1e-9:
        return sum(p[0] for p in outline) / len(outline), sum(p[1] for p in outline) / len(outline)
    centroid = round(x / (3 * area), 2), round(y / (3 * area), 2)
    if within(centroid, outline):
        return centroid
    (left, top), (right, bottom) = _bounds(outline)
    step = max(right - left, bottom - top) / _FINE
    inner = [spot for spot in _grid(left, top, right, bottom, step) if within(spot, outline)]
    return max(inner, key=lambda spot: _from_edge(spot, outline), default=centroid)


def places(outline: Outline, count: int, taken: Sequence[Spot] = ()) -> list[Spot]:
    """Places all over an area for `count` things, apart from each other and from those `taken` as far as there is room.

    No two are the same. Where an area is too narrow for any order, things stand along its edge.
    """
    if not count:
        return []
    (left, top), (right, bottom) = _bounds(outline)
    top += min(HEAD, (bottom - top) / 3)
    area = (right - left) * (bottom - top)
    step = math.sqrt(area / count)
    near = [(x, y) for x, y in taken if left - step < x < right + step and top - step < y < bottom + step]
    while step >= max(_LEAST, math.sqrt(area / _MOST_TRIED)):
        free = [
            spot
            for spot in _grid(left, top, right, bottom, step)
            if within(spot, outline) and all(math.dist(spot, other) >= step * _CLOSER for other in near)
        ]
        if len(free) >= count:
            return [free[place * len(free) // count] for place in range(count)]
        step *= _CLOSER
    return _along(outline, count)


def _along(outline: Outline, count: int) -> list[Spot]:
    lengths = [math.dist(*edge) for edge in _edges(outline)]
    apart = sum(lengths) / count
    found: list[Spot] = []
    passed = 0.0
    for ((x0, y0), (x1, y1)), length in zip(_edges(outline), lengths, strict=True):
        while len(found) < count and (at := (len(found) + 0.5) * apart - passed) <= length:
            found.append((x0 + (x1 - x0) * at / length, y0 + (y1 - y0) * at / length))
        passed += length
    return found


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


def _edges(outline: Outline) -> Iterator[tuple[Spot, Spot]]:
    return zip(outline, (*outline[1:], outline[0]), strict=True)


def _bounds(outline: Outline) -> tuple[Spot, Spot]:
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return (min(xs), min(ys)), (max(xs), max(ys))


def _from_edge(spot: Spot, outline: Outline) -> float:
    return min(_to_edge(spot, *edge) for edge in _edges(outline))


def _to_edge(spot: Spot, start: Spot, end: Spot) -> float:
    (x, y), (x0, y0), (x1, y1) = spot, start, end
    length = (x1 - x0) ** 2 + (y1 - y0) ** 2
    along = max(0.0, min(1.0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length)) if length else 0.0
    return math.dist(spot, (x0 + along * (x1 - x0), y0 + along * (y1 - y0)))
