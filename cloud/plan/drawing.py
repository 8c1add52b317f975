"""What is drawn of a floor, in metres: zones with outlines, devices and their parts with places, ways out."""

import msgspec

from contract.site import Spot, Text


class Part(msgspec.Struct, frozen=True):
    """A point of a device that looks at a zone, such as a detector of a fire panel."""

    id: str
    zone: str
    at: Spot


class DrawnZone(msgspec.Struct, frozen=True):
    """A zone's outline, and where its name stands."""

    id: str
    outline: tuple[Spot, ...]
    label: Spot


class DrawnDevice(msgspec.Struct, frozen=True):
    """A device's place; `kind` as `cloud.plan.kinds` says."""

    id: str
    zone: str | None
    at: Spot
    kind: str
    parts: tuple[Part, ...] = ()


class Way(msgspec.Struct, frozen=True):
    """The line out of a zone, and the gates and doors that must let people through."""

    zone: str
    devices: tuple[str, ...]
    line: tuple[Spot, ...]


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """A floor. `drawn`: somebody drew it; else it is a schematic."""

    id: str
    name: Text
    width: float
    height: float
    drawn: bool
    walls: tuple[tuple[Spot, ...], ...] = ()
    zones: tuple[DrawnZone, ...] = ()
    devices: tuple[DrawnDevice, ...] = ()
    ways: tuple[Way, ...] = ()


def middle(outline: tuple[Spot, ...]) -> Spot:
    """The centroid of an area; of one without extent, the mean of its corners."""
    area = x = y = 0.0
    for (x0, y0), (x1, y1) in zip(outline, (*outline[1:], outline[0]), strict=True):
        cross = x0 * y1 - x1 * y0
        area += cross
        x += (x0 + x1) * cross
        y += (y0 + y1) * cross
    if abs(area) < 1e-9:
        return sum(p[0] for p in outline) / len(outline), sum(p[1] for p in outline) / len(outline)
    return round(x / (3 * area), 2), round(y / (3 * area), 2)
