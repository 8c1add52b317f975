"""Derived points: what the joints of a group say of each other, minute by minute, as readings like any others.

A group of the site with three joints or more (devices with the tag `joint`) shares its load. Each of its joints gets
the points `temperature.over_peers` (K) and `temperature.rise` (K a minute), told at the end of each minute.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from cloud.condition.joints import HOLDS, MINUTE_MS, RISE_OVER, Column, joints
from contract.events import Quality, Readings
from contract.site import Site

POINT: Final = "temperature"
OVER_PEERS: Final = "temperature.over_peers"
RISE: Final = "temperature.rise"
TAG: Final = "joint"
_GRACE_MS: Final = 30_000
"""Readings of a minute may be so late; what comes later is stored, and changes no derived reading."""
_KEPT_MS: Final = (HOLDS + RISE_OVER + 1) * MINUTE_MS

Point = tuple[str, str]


def groups_of_joints(site: Site) -> dict[str, tuple[str, ...]]:
    """The groups that have three joints or more, by id."""
    tagged = {device.id for device in site.file.devices if TAG in device.tags}
    found = {group.id: tuple(one for one in group.devices if one in tagged) for group in site.file.groups}
    return {name: members for name, members in found.items() if len(members) > 2}


def derived(site: Site, readings: Mapping[Point, Column]) -> dict[Point, Column]:
    """All derived readings of a recording, by device and point."""
    found: dict[Point, Column] = {}
    for members in groups_of_joints(site).values():
        empty = np.empty(0, np.int64), np.empty(0, np.float64)
        looked = joints({name: readings.get((name, POINT), empty) for name in members})
        for row, name in enumerate(looked.names):
            for point, values in ((OVER_PEERS, looked.over_peers[row]), (RISE, looked.rise[row])):
                known = ~np.isnan(values)
                found[name, point] = looked.minutes[known], values[known]
    return found


class Derivation:
    """The same as readings come: it keeps what the next minutes need."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._members = {name for members in groups_of_joints(site).values() for name in members}
        self._kept: list[tuple[str, int, float]] = []
        self._told_to: int | None = None
        self.next_at: int | None = None
        """When `due` wants to be called next; None while no reading of a joint is kept."""

    def take(self, readings: Readings) -> None:
        """Take in readings; those of joints are kept for a while."""
        if not self._members:
            return
        rows = zip(
            readings.device, readings.point, readings.at, readings.value, readings.quality, strict=True
        )
        for device, point, at, value, quality in rows:
            wanted = point == POINT and device in self._members
            if wanted and quality is Quality.GOOD and value is not None:
                self._kept.append((device, at, value))
                if self.next_at is None:
                    self.next_at = (at // MINUTE_MS + 1) * MINUTE_MS + _GRACE_MS

    def due(self, now: int) -> Readings:
        """The derived readings of the minutes that are over by now, each told once."""
        if self.next_at is None or now < self.next_at:
            return Readings()
        until = (now - _GRACE_MS) // MINUTE_MS * MINUTE_MS
        found = derived(self._site, self._columns(until))
        told_to = self._told_to
        rows = [
            (device, point, int(at), float(value))
            for (device, point), (times, values) in sorted(found.items())
            for at, value in zip(times, values, strict=True)
            if told_to is None or at > told_to
        ]
        self._told_to = until
        self._kept = [row for row in self._kept if row[1] >= until - _KEPT_MS]
        self.next_at = until + MINUTE_MS + _GRACE_MS if self._kept else None
        return readings_of(rows)

    def _columns(self, until: int) -> dict[Point, Column]:
        found: dict[Point, Column] = {}
        for name in self._members:
            own = [row for row in self._kept if row[0] == name and row[1] < until]
            at = np.array([row[1] for row in own], np.int64)
            found[name, POINT] = at, np.array([row[2] for row in own], np.float64)
        return found


def readings_of(rows: Iterable[tuple[str, str, int, float]]) -> Readings:
    """Good readings in columns; their number is their minute, as they have none of their own."""
    rows = list(rows)
    return Readings(
        seq=[row[2] // MINUTE_MS for row in rows],
        device=[row[0] for row in rows],
        point=[row[1] for row in rows],
        at=[row[2] for row in rows],
        value=[row[3] for row in rows],
        quality=[Quality.GOOD] * len(rows),
    )
