"""What plans are drawn of."""

from pydantic import Field

from cloud.plan.kinds import AWAY, KINDS
from cloud.web.models import Model, Ms, Words

_SPOT = [97.0, 6.0]
_LINE = [[6.0, 18.0], [36.0, 18.0], [36.0, 40.0]]

Spot = tuple[float, float]


class PartView(Model):
    """A point of a device that looks at a zone, such as a detector of a fire panel."""

    id: str = Field(examples=["l1d001"])
    part: str = Field(examples=["1-1"], description="its name in events and alarms")
    name: Words
    zone: str = Field(examples=["b1"])
    at: Spot = Field(examples=[_SPOT])


class DrawnZoneView(Model):
    """A zone with its outline."""

    id: str = Field(examples=["b1"])
    name: Words
    outline: list[Spot] = Field(examples=[_LINE])
    label: Spot = Field(examples=[_SPOT], description="where its name stands")


class DrawnDeviceView(Model):
    """A device at its place."""

    id: str = Field(examples=["fire-panel"])
    name: Words
    zone: str | None = Field(examples=["control"])
    at: Spot = Field(examples=[_SPOT])
    kind: str = Field(
        examples=["panel"],
        description=f"{', '.join(KINDS)}; {AWAY}: it stands on another floor and only has parts on this one",
    )
    tags: list[str] = Field(examples=[["gate"]])
    parts: list[PartView]


class WayView(Model):
    """What this floor has of the way out of a zone, which may lie on another floor."""

    zone: str = Field(examples=["b1"])
    devices: list[str] = Field(
        examples=[["gate-n", "door-b1"]], description="all that must let people through, on any floor"
    )
    line: list[Spot] = Field(
        examples=[_LINE], description="empty where the way only enters or leaves the floor"
    )


class FloorView(Model):
    """A floor, in metres to the right and down from its upper left corner. `drawn` false: a schematic."""

    id: str = Field(examples=["ground"])
    name: Words
    width: float = Field(examples=[140.0])
    height: float = Field(examples=[90.0])
    drawn: bool
    walls: list[list[Spot]] = Field(examples=[[_LINE]])
    zones: list[DrawnZoneView]
    devices: list[DrawnDeviceView]
    ways: list[WayView]


class StateView(Model):
    """How a device, or a part of it, has been since `at`: what it told last of what lasts.

    Gates, doors, mains, engine, load and mode by device; fire and faults by part.
    """

    device: str = Field(examples=["gate-n"])
    zone: str | None = Field(examples=["gate-north"])
    type: str = Field(examples=["gate.locked"])
    at: Ms
    part: str | None = Field(
        default=None, examples=["1-1"], description="the part of the device; null: the device itself"
    )
    part_name: Words | None = None


class SeenView(Model):
    """Where somebody was known to be."""

    at: Ms
    zone: str | None = Field(examples=["b1"])
    device: str = Field(examples=["cp-b1-03"])
    type: str = Field(examples=["checkpoint.scan"])


class PersonView(Model):
    """Somebody who works here, whether they are on duty and at which post, and where they were seen last within a day."""

    id: str = Field(examples=["p-007"])
    name: Words
    roles: list[str] = Field(examples=[["guard", "rescue"]])
    on_duty: bool
    post: str | None = Field(
        default=None, examples=["control"], description="the zone that their shift stands at, if it has one"
    )
    last: SeenView | None
