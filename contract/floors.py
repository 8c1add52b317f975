"""What can be wrong with the drawings of a site's floors."""

from collections.abc import Iterable, Iterator

from contract.site import Floor, SiteFile, Spot
from contract.yamlfile import FieldPath, unknown_name

Mistake = tuple[FieldPath, str]
_CORNERS = 3


def floor_mistakes(model: SiteFile) -> Iterator[Mistake]:
    """Every mistake with its path: names that are not there, places outside the drawing, what is drawn twice."""
    zones = {zone.id for zone in model.zones}
    devices = {device.id for device in model.devices}
    drawn: dict[tuple[str, str], str] = {}
    for index, floor in enumerate(model.floors):
        path: FieldPath = ("floors", index)
        if min(floor.size) <= 0:
            yield (*path, "size"), "expected a width and a height in metres, both above 0"
        yield from _names(floor.zones, "zone", zones, (*path, "zones"))
        yield from _names(floor.devices, "device", devices, (*path, "devices"))
        yield from _names(floor.ways, "zone", zones, (*path, "ways"))
        yield from _shapes(floor, path)
        for what, names in (("zones", floor.zones), ("devices", floor.devices)):
            for name in names:
                other = drawn.setdefault((what, name), floor.id)
                if other != floor.id:
                    yield (*path, what, name), f"{name!r} is already drawn on floor {other!r}"


def _names(names: Iterable[str], what: str, known: set[str], path: FieldPath) -> Iterator[Mistake]:
    for name in names:
        if name not in known:
            yield (*path, name), unknown_name(what, name, known)


def _shapes(floor: Floor, path: FieldPath) -> Iterator[Mistake]:
    for zone, outline in floor.zones.items():
        if len(outline) < _CORNERS:
            yield (*path, "zones", zone), "expected the corners of an area, three or more"
        yield from _outside(outline, floor, (*path, "zones", zone))
    for device, spot in floor.devices.items():
        yield from _outside((spot,), floor, (*path, "devices", device))
    for zone, line in floor.ways.items():
        yield from _outside(line, floor, (*path, "ways", zone))
    for number, wall in enumerate(floor.walls):
        yield from _outside(wall, floor, (*path, "walls", number))


def _outside(spots: Iterable[Spot], floor: Floor, path: FieldPath) -> Iterator[Mistake]:
    width, height = floor.size
    for x, y in spots:
        if not (0 <= x <= width and 0 <= y <= height):
            yield path, f"({x:g}, {y:g}) lies outside the drawing, which is {width:g} by {height:g} m"
