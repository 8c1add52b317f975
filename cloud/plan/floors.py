"""Every floor of a site as a drawing: its own where it has one, a schematic of the rest."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.plan.drawing import Drawing, DrawnDevice, DrawnZone, Part, Way
from cloud.plan.kinds import AWAY, kind_of
from cloud.plan.schematic import GAP, WIDTH, box, boxes, height_for
from cloud.plan.shapes import middle, places
from cloud.plan.ways import Stop, WaysOut
from contract.site import Floor, Site, Spot, Text, Zone
from contract.site_parts import part_of_point

GROUND: Final = "0"
"""The id of the floor of zones that name none."""
_GROUND_NAME: Final = Text(zh="室外与公共区域", en="Grounds")
NOWHERE: Final = "nowhere"
"""The id of the floor of devices that neither stand in a zone nor were drawn."""
_NOWHERE_NAME: Final = Text(zh="未标位置的设备", en="Devices without a place")


def drawings(site: Site) -> list[Drawing]:
    """Every zone once, every device once, every part in the zone it looks at.

    Drawn floors first, as the files have them, then the schematics by name.
    """
    return _Drawer(site).drawings()


class _Sheet(msgspec.Struct, frozen=True):
    """A floor with the places of all that is on it: devices by id, parts by `device/part`."""

    floor: Floor
    drawn: bool
    spots: Mapping[str, Spot]
    centres: Mapping[str, Spot]


class _Drawer:
    """Draws one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ways = WaysOut(site)

    def drawings(self) -> list[Drawing]:
        floors = [(floor, True) for floor in self._site.file.floors]
        taken = {floor.id for floor, _ in floors}
        for name, zones in sorted(self._undrawn.items()):
            floors.append((self._schematic(name, zones, taken), False))
        sheets = [self._sheet(floor, drawn=drawn) for floor, drawn in floors]
        nowhere = self._things.get(None, [])
        if nowhere:
            sheets.append(_apart(nowhere, taken))
        return [self._drawing(sheet) for sheet in sheets]

    # --- what stands where

    @functools.cached_property
    def _undrawn(self) -> Mapping[str, Sequence[Zone]]:
        known = {zone for floor in self._site.file.floors for zone in floor.zones}
        found: dict[str, list[Zone]] = {}
        for zone in self._site.file.zones:
            if zone.id not in known:
                found.setdefault(zone.floor or GROUND, []).append(zone)
        return found

    @functools.cached_property
    def _things(self) -> Mapping[str | None, list[str]]:
        """By zone, the devices and parts that nobody drew."""
        placed = {device for floor in self._site.file.floors for device in floor.devices}
        found: dict[str | None, list[str]] = {}
        for device in self._site.file.devices:
            if device.id not in placed:
                found.setdefault(device.zone, []).append(device.id)
        for device in self._site.file.devices:
            for point, binding in device.points.items():
                if binding.zone is not None and binding.device is None:
                    found.setdefault(binding.zone, []).append(f"{device.id}/{point}")
        return found

    def _schematic(self, name: str, zones: Sequence[Zone], taken: set[str]) -> Floor:
        outlines, size = boxes(zones, {zone.id: len(self._things.get(zone.id, ())) for zone in zones})
        title = _GROUND_NAME if name == GROUND else Text(zh=f"{name}层", en=f"Floor {name}")
        return Floor(id=_free(name, taken), name=title, size=size, zones=outlines)

    def _sheet(self, floor: Floor, *, drawn: bool) -> _Sheet:
        spots = dict(floor.devices)
        centres = {name: middle(outline) for name, outline in floor.zones.items()}
        for zone, outline in floor.zones.items():
            wanted = self._things.get(zone, [])
            found = places(outline, len(wanted), [*spots.values(), centres[zone]])
            spots |= dict(zip(wanted, found, strict=True))
        return _Sheet(floor, drawn, spots, centres)

    # --- how it is drawn

    def _drawing(self, sheet: _Sheet) -> Drawing:
        floor = sheet.floor
        return Drawing(
            id=floor.id,
            name=floor.name,
            width=floor.size[0],
            height=floor.size[1],
            drawn=sheet.drawn,
            walls=floor.walls,
            zones=tuple(DrawnZone(name, line, sheet.centres[name]) for name, line in floor.zones.items()),
            devices=tuple(self._devices(sheet)),
            ways=tuple(self._ways_on(sheet)),
        )

    def _devices(self, sheet: _Sheet) -> Iterable[DrawnDevice]:
        """Those that stand here, then those of which only parts do."""
        away: list[DrawnDevice] = []
        for device in self._site.file.devices:
            parts = tuple(
                Part(point, part_of_point(self._site, device.id, point), binding.zone, at)
                for point, binding in device.points.items()
                if binding.zone is not None and (at := sheet.spots.get(f"{device.id}/{point}")) is not None
            )
            if device.id in sheet.spots:
                kind = kind_of(self._site, device)
                yield DrawnDevice(device.id, device.zone, sheet.spots[device.id], kind, parts)
            elif parts:
                away.append(DrawnDevice(device.id, device.zone, parts[0].at, AWAY, parts))
        yield from away

    def _ways_on(self, sheet: _Sheet) -> Iterable[Way]:
        """A floor tells of each way that begins on it, crosses it, or has a gate or door on it."""
        for zone, stops in self._routes:
            line = self._line(sheet, zone, stops)
            if line or zone.id in sheet.centres or any(name in sheet.spots for name in zone.escape_route):
                yield Way(zone.id, zone.escape_route, line)

    @functools.cached_property
    def _routes(self) -> Sequence[tuple[Zone, tuple[Stop, ...]]]:
        return [(zone, self._ways.stops(zone)) for zone in self._site.file.zones if zone.escape_route]

    def _line(self, sheet: _Sheet, zone: Zone, stops: tuple[Stop, ...]) -> tuple[Spot, ...]:
        """As somebody drew it from where one enters the floor, if it leads to a gate of this zone too."""
        here = [stop for stop in stops if stop[1] in (sheet.centres if stop[0] == "zone" else sheet.spots)]
        entered = next((name for what, name in here if what == "zone"), None)
        if entered in sheet.floor.ways and self._share(entered, zone):
            return sheet.floor.ways[entered]
        line = [sheet.centres[name] if what == "zone" else sheet.spots[name] for what, name in here]
        return tuple(line) if len(line) > 1 else ()

    def _share(self, name: str, zone: Zone) -> bool:
        return name == zone.id or bool(set(self._site.zones[name].escape_route) & set(zone.escape_route))


def _apart(devices: Sequence[str], taken: set[str]) -> _Sheet:
    size = (WIDTH + 2 * GAP, height_for(len(devices)) + 2 * GAP)
    area = box(GAP, GAP, size[0] - 2 * GAP, size[1] - 2 * GAP)
    floor = Floor(id=_free(NOWHERE, taken), name=_NOWHERE_NAME, size=size)
    return _Sheet(floor, False, dict(zip(devices, places(area, len(devices)), strict=True)), {})


def _free(name: str, taken: set[str]) -> str:
    """The id of a schematic beside the floors that were drawn."""
    while name in taken:
        name = f"{name}-rest"
    taken.add(name)
    return name
