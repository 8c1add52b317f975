"""What can be wrong with the drawings of a site's floors."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from contract.site import Floor, SiteFile, Spot
from contract.yamlfile import FieldPath, unknown_name

Mistake = tuple[FieldPath, str]
_CORNERS: Final = 3
_LEAST_M2: Final = 0.1
"""An area below this holds nothing."""


def floor_mistakes(model: SiteFile) -> Iterator[Mistake]:
    """Every mistake with its path: names that are not there, places outside the drawing, what is drawn twice."""
    zones = {zone.id for zone in model.zones}
    zone_of = {device.id: device.zone for device in model.devices}
    drawn: dict[tuple[str, str], str] = {}
    for index, floor in enumerate(model.floors):
        path: FieldPath = ("floors", index)
        if not all(0 < length < math.inf for length in floor.size):
            yield (*path, "size"), "expected a width and a height in metres, both above 0"
        yield from _names(floor.zones, "zone", zones, (*path, "zones"))
        yield from _names(floor.devices, "device", zone_of, (*path, "devices"))
        yield from _names(floor.ways, "zone", zones, (*path, "ways"))
        yield from _shapes(floor, path)
        for what, names in (("zones", floor.zones), ("devices", floor.devices)):
            for name in names:
                other = drawn.setdefault((what, name), floor.id)
                if other != floor.id:
                    yield (*path, what, name), f"{name!r} is already drawn on floor {other!r}"
        for zone in floor.ways:
            if zone in zones and zone not in floor.zones:
                yield (*path, "ways", zone), f"zone {zone!r} is not drawn on this floor"
    yield from _strayed(model, zone_of, drawn)


def _names(names: Iterable[str], what: str, known: Iterable[str], path: FieldPath) -> Iterator[Mistake]:
    known = set(known)
    for name in names:
        if name not in known:
            yield (*path, name), unknown_name(what, name, known)


def _strayed(
    model: SiteFile, zone_of: Mapping[str, str | None], drawn: Mapping[tuple[str, str], str]
) -> Iterator[Mistake]:
    """Devices drawn on another floor than their zone."""
    for index, floor in enumerate(model.floors):
        for device in floor.devices:
            zone = zone_of.get(device)
            other = drawn.get(("zones", zone or ""), floor.id)
            if other != floor.id and drawn["devices", device] == floor.id:
                yield ("floors", index, "devices", device), f"its zone {zone!r} is drawn on floor {other!r}"


def _shapes(floor: Floor, path: FieldPath) -> Iterator[Mistake]:
    for zone, outline in floor.zones.items():
        if len(outline) < _CORNERS:
            yield (*path, "zones", zone), "expected the corners of an area, three or more"
        elif not _area(outline) >= _LEAST_M2:
            yield (
                (*path, "zones", zone),
                "expected the corners of an area in their order; these enclose nothing",
            )
        yield from _outside(outline, floor, (*path, "zones", zone))
    for device, spot in floor.devices.items():
        yield from _outside((spot,), floor, (*path, "devices", device))
    lines: list[tuple[FieldPath, Sequence[Spot]]] = [
        *(((*path, "ways", zone), line) for zone, line in floor.ways.items()),
        *(((*path, "walls", number), line) for number, line in enumerate(floor.walls)),
    ]
    for where, line in lines:
        if len(line) < 2:
            yield where, "expected the points of a line, two or more"
        yield from _outside(line, floor, where)


def _area(outline: Sequence[Spot]) -> float:
    """In m²; NaN where a corner is."""
    pairs = zip(outline, (*outline[1:], outline[0]), strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2


def _outside(spots: Iterable[Spot], floor: Floor, path: FieldPath) -> Iterator[Mistake]:
    width, height = floor.size
    for x, y in spots:
        if not (0 <= x <= width and 0 <= y <= height):
            yield path, f"({x:g}, {y:g}) lies outside the drawing, which is {width:g} by {height:g} m"
