"""Every floor of a site as a drawing: its own where it has one, a schematic of the rest."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cloud.plan.drawing import Drawing, DrawnDevice, DrawnZone, Part, Way, middle
from cloud.plan.kinds import kind_of
from cloud.plan.schematic import boxes, places
from contract.site import Device, Floor, Site, Spot, Text, Zone

GROUND: Final = "0"
"""The id of the floor of zones that name none."""
_GROUND_NAME: Final = Text(zh="室外与公共区域", en="Grounds")


def drawings(site: Site) -> list[Drawing]:
    """Every zone once, and with it every device and part in it; drawn floors first, as the files have them."""
    drawn = [_drawing(site, floor, drawn=True) for floor in site.file.floors]
    known = {zone for floor in site.file.floors for zone in floor.zones}
    left: dict[str, list[Zone]] = {}
    for zone in site.file.zones:
        if zone.id not in known:
            left.setdefault(zone.floor or GROUND, []).append(zone)
    taken = {floor.id for floor in site.file.floors}
    return drawn + [_schematic(site, name, left[name], taken) for name in sorted(left)]


def _schematic(site: Site, name: str, zones: Sequence[Zone], taken: set[str]) -> Drawing:
    outlines, size = boxes(zones, {zone.id: _count(site, zone.id) for zone in zones})
    identity = f"{name}-rest" if name in taken else name
    title = _GROUND_NAME if name == GROUND else Text(zh=f"{name}层", en=f"Floor {name}")
    return _drawing(site, Floor(id=identity, name=title, size=size, zones=outlines), drawn=False)


def _count(site: Site, zone: str) -> int:
    parts = sum(binding.zone == zone for device in site.file.devices for binding in device.points.values())
    return parts + sum(device.zone == zone for device in site.file.devices)


def _drawing(site: Site, floor: Floor, *, drawn: bool) -> Drawing:
    spots = _spots(site, floor)
    zones = tuple(DrawnZone(name, outline, middle(outline)) for name, outline in floor.zones.items())
    devices = tuple(
        DrawnDevice(device.id, device.zone, spots[device.id], kind_of(site, device), _parts(device, spots))
        for device in site.file.devices
        if device.id in spots
    )
    away = tuple(_away(site, spots))
    ways = tuple(_ways(site, floor, spots))
    width, height = floor.size
    return Drawing(
        id=floor.id,
        name=floor.name,
        width=width,
        height=height,
        drawn=drawn,
        walls=floor.walls,
        zones=zones,
        devices=devices + away,
        ways=ways,
    )


def _spots(site: Site, floor: Floor) -> dict[str, Spot]:
    """Where each device (by id) and each part (by `device/part`) of a floor stands."""
    spots = dict(floor.devices)
    for zone, outline in floor.zones.items():
        wanted = [name for name in _things(site, zone) if name not in spots]
        already = [spots[name] for name in spots if _zone_of(site, name) == zone]
        spots |= dict(zip(wanted, places(outline, len(wanted), already), strict=True))
    return spots


def _things(site: Site, zone: str) -> Iterable[str]:
    placed = {device for floor in site.file.floors for device in floor.devices}
    yield from (device.id for device in site.file.devices if device.zone == zone and device.id not in placed)
    for device in site.file.devices:
        for point, binding in device.points.items():
            if binding.zone == zone and binding.device is None:
                yield f"{device.id}/{point}"


def _zone_of(site: Site, name: str) -> str | None:
    device = site.devices.get(name)
    return device.zone if device is not None else None


def _parts(device: Device, spots: Mapping[str, Spot]) -> tuple[Part, ...]:
    found = (
        (point, binding.zone, spots.get(f"{device.id}/{point}")) for point, binding in device.points.items()
    )
    return tuple(Part(point, zone, at) for point, zone, at in found if zone is not None and at is not None)


def _away(site: Site, spots: Mapping[str, Spot]) -> Iterable[DrawnDevice]:
    """Devices that stand elsewhere but have parts on this floor: their parts only, by way of the device itself."""
    for device in site.file.devices:
        parts = _parts(device, spots)
        if device.id not in spots and parts:
            yield DrawnDevice(device.id, device.zone, parts[0].at, "away", parts)


def _ways(site: Site, floor: Floor, spots: Mapping[str, Spot]) -> Iterable[Way]:
    centres = {name: middle(outline) for name, outline in floor.zones.items()}
    for name in floor.zones:
        zone = site.zones.get(name)
        if zone is None or not zone.escape_route:
            continue
        line = floor.ways.get(name) or _line_out(site, zone, centres, spots)
        if len(line) > 1:
            yield Way(name, zone.escape_route, line)


def _line_out(
    site: Site, zone: Zone, centres: Mapping[str, Spot], spots: Mapping[str, Spot]
) -> tuple[Spot, ...]:
    """From the middle of a zone over the zones between to the nearest of its gates and doors on this floor."""
    goals = {_zone_of(site, gate): gate for gate in reversed(zone.escape_route) if gate in spots}
    before: dict[str, str] = {}
    queue = deque([zone.id])
    while queue:
        name = queue.popleft()
        if name in goals:
            steps = [name]
            while steps[-1] != zone.id:
                steps.append(before[steps[-1]])
            return (*[centres[step] for step in reversed(steps)], spots[goals[name]])
        for other in sorted(site.zones[name].adjacent):
            if other in centres and other not in before and other != zone.id:
                before[other] = name
                queue.append(other)
    return ()
