"""What is known of each device just now, for whoever wants to read along. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from edge.ports import Covered, Data, Failed, Happened, Measured, Observation

FAILURES_TO_OFFLINE: Final = 3


class Reading(msgspec.Struct, frozen=True):
    """A point of a device has a value, or None while that is not known."""

    device: str
    point: str
    value: float | None


class Reach(msgspec.Struct, frozen=True):
    """A device is in reach, or not."""

    device: str
    online: bool


class Told(msgspec.Struct, frozen=True):
    """A device told an event."""

    device: str
    type: str
    zone: str | None
    person: str | None
    data: Data


Change = Reading | Reach | Told


class DeviceFace(msgspec.Struct, frozen=True, kw_only=True):
    """How others see a device: a name for people, its profile, what it may tell, the units of its readings."""

    name: str
    profile: str
    emits: tuple[str, ...] = ()
    units: Mapping[str, str] = {}


class Board:
    """The last of everything. Devices that are not in `faces` are nobody's business."""

    def __init__(self, faces: Mapping[str, DeviceFace]) -> None:
        self.faces = faces
        self.values: dict[tuple[str, str], float | None] = {}
        self.online: dict[str, bool] = {}
        self._failures: dict[str, int] = {}

    def take(self, seen: Sequence[Observation]) -> list[Change]:
        """What changed with that, in order."""
        changes: list[Change] = []
        for one in seen:
            match one:
                case Measured() if one.device in self.faces:
                    self.values[one.device, one.point] = one.value
                    changes.append(Reading(one.device, one.point, one.value))
                case Happened() if one.device in self.faces:
                    changes.append(Told(one.device, one.type, one.zone, one.person, one.data))
                case Covered():
                    changes += [change for name in one.devices for change in self._reached(name)]
                case Failed():
                    changes += [change for name in one.devices for change in self._failed(name)]
                case _:
                    continue
        return changes

    def _reached(self, device: str) -> list[Change]:
        self._failures.pop(device, None)
        return self._set(device, online=True)

    def _failed(self, device: str) -> list[Change]:
        self._failures[device] = self._failures.get(device, 0) + 1
        return self._set(device, online=False) if self._failures[device] >= FAILURES_TO_OFFLINE else []

    def _set(self, device: str, *, online: bool) -> list[Change]:
        if device not in self.faces or self.online.get(device) is online:
            return []
        self.online[device] = online
        return [Reach(device, online)]
