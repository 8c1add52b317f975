"""What is drawn of a floor, in metres: zones with outlines, devices and their parts with places, ways out."""

import msgspec

from contract.site import Spot, Text


class Part(msgspec.Struct, frozen=True):
    """A point of a device that looks at a zone, such as a detector of a fire panel; `part`: its name in events."""

    id: str
    part: str
    zone: str
    at: Spot


class DrawnZone(msgspec.Struct, frozen=True):
    """A zone's outline, and where its name stands."""

    id: str
    outline: tuple[Spot, ...]
    label: Spot


class DrawnDevice(msgspec.Struct, frozen=True):
    """A device's place; `kind` as `cloud.plan.kinds` says, or `AWAY`."""

    id: str
    zone: str | None
    at: Spot
    kind: str
    parts: tuple[Part, ...] = ()


class Way(msgspec.Struct, frozen=True):
    """What a floor has of the way out of a zone: its line here, and every gate and door that must let people through.

    The zone may lie on another floor. `line` is empty where the way only leaves or enters the floor.
    """

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
