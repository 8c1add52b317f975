"""Doors that are held open or forced, from what any source tells of them. Pure; times are boot clock ms.

Held: open for longer than its site allows. Forced: opened while its lock held, and nobody was let in.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from contract.duration import parse_duration
from contract.site import Device
from edge.ports import Covered, Data, Failed, Happened, Observation

LET_IN_MS: Final = 15_000
"""How long after somebody was let in a door may be opened."""


class _Door:
    def __init__(self, device: Device, held_ms: int | None, forced: bool) -> None:
        self.id = device.id
        self.held_ms = held_ms
        self.forced = forced
        self.open_since: int | None = None
        self.held_told = False
        self.released: bool | None = None
        self.let_in: int | None = None
        self.is_known = True


class Doors:
    """The doors of a site that say `door` in its files."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._doors = {
            d.id: _Door(d, parse_duration(d.door.held).ms if d.door.held else None, d.door.forced)
            for d in devices
            if d.door is not None
        }

    def take(self, seen: Sequence[Observation]) -> list[Happened]:
        """What follows from what was seen."""
        found: list[Happened] = []
        for one in seen:
            if isinstance(one, Happened) and one.device in self._doors:
                found += self._happened(self._doors[one.device], one)
            elif isinstance(one, Failed | Covered):
                # What changed unseen is told when the door is known again; until then nothing is said of it.
                for device in one.devices:
                    if device in self._doors:
                        self._doors[device].is_known = isinstance(one, Covered)
        return found

    def _happened(self, door: _Door, seen: Happened) -> list[Happened]:
        match seen.type:
            case "door.opened":
                door.open_since, door.held_told = seen.at, False
                return self._opened(door, seen)
            case "door.closed":
                door.open_since = None
                if door.held_told:
                    door.held_told = False
                    return [_told(seen, "door.held", seen.at, {"state": "cleared"})]
            case "gate.released":
                door.released = True
            case "gate.locked":
                door.released = False
            case "access.granted":
                door.let_in = seen.at
            case _:
                pass
        return []

    def _opened(self, door: _Door, seen: Happened) -> list[Happened]:
        let_in = door.let_in is not None and abs(seen.at - door.let_in) <= LET_IN_MS
        if not door.forced or door.released is not False or let_in or "initial" in seen.data:
            return []
        return [_told(seen, "door.forced", seen.at, {})]

    def look_around(self, now: int) -> list[Happened]:
        """Who has been open for too long. To be called each second."""
        found = []
        for door in self._doors.values():
            since = door.open_since
            if since is None or door.held_ms is None or door.held_told or now - since < door.held_ms:
                continue
            if not door.is_known:
                continue
            door.held_told = True
            data: Data = {"state": "active", "open_ms": now - since}
            found.append(
                Happened(
                    device=door.id, type="door.held", at=since + door.held_ms, observed_at=now, data=data
                )
            )
        return found


def _told(seen: Happened, type_: str, at: int, data: Data) -> Happened:
    return Happened(
        device=seen.device,
        type=type_,
        at=at,
        observed_at=seen.observed_at,
        error_ms=seen.error_ms,
        zone=seen.zone,
        data=data,
    )
