"""Sensors that can't be believed: stuck, drifting away from their neighbours, or noisy."""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud.condition.joints import Column, joints

_HOUR_MS: Final = 3_600_000


class Limits(msgspec.Struct, frozen=True):
    """When a sensor is suspect. `resolution`: its smallest step; less than that is no change.

    `stuck_ms`: unchanged for so long while its neighbours moved by `moved`. `drift`: so far from where it stood
    against its neighbours a week ago. `noise`: the median step from reading to reading is so many resolutions, while
    the readings go nowhere.
    """

    resolution: float = 0.1
    stuck_ms: int = 6 * _HOUR_MS
    moved: float = 2.0
    drift: float = 3.0
    noise: float = 10.0


class Suspicion(msgspec.Struct, frozen=True):
    """What is wrong with a sensor (`stuck`, `drifting`, `noisy`), since when in ms, and by how much."""

    sensor: str
    what: str
    since: int
    by: float


def suspicions(columns: Mapping[str, Column], limits: Limits | None = None) -> list[Suspicion]:
    """What is suspect among sensors that measure the same thing side by side, sorted by sensor and what."""
    limits = limits or Limits()
    found: list[Suspicion] = []
    for name in sorted(columns):
        at, values = _in_order(columns[name])
        others = [_in_order(column) for other, column in columns.items() if other != name]
        found += [
            one for one in (_stuck(name, at, values, others, limits), _noisy(name, at, values, limits)) if one
        ]
    return sorted([*found, *_drifting(columns, limits)], key=lambda one: (one.sensor, one.what))


def _in_order(column: Column) -> Column:
    order = np.lexsort((column[1], column[0]))
    return column[0][order], column[1][order]


def _stuck(
    name: str, at: NDArray[np.int64], values: NDArray[np.float64], others: list[Column], limits: Limits
) -> Suspicion | None:
    if not len(values):
        return None
    changed = np.flatnonzero(np.abs(values - values[-1]) >= limits.resolution)
    since = int(at[changed[-1] + 1]) if len(changed) else int(at[0])
    if int(at[-1]) - since < limits.stuck_ms:
        return None
    moved = [float(np.ptp(own[times >= since])) for times, own in others if np.any(times >= since)]
    most = max(moved, default=0.0)
    return Suspicion(name, "stuck", since, most) if most >= limits.moved else None


def _noisy(name: str, at: NDArray[np.int64], values: NDArray[np.float64], limits: Limits) -> Suspicion | None:
    """Robust: the median absolute step, against the whole way that the readings went."""
    if len(values) < 20:
        return None
    steps = np.diff(values[-200:])
    step = float(np.median(np.abs(steps)))
    gone = abs(float(values[-1] - values[-len(steps) - 1]))
    if step < limits.noise * limits.resolution or gone > step * len(steps) / 4:
        return None
    return Suspicion(name, "noisy", int(at[-len(steps) - 1]), step)


def _drifting(columns: Mapping[str, Column], limits: Limits) -> list[Suspicion]:
    """Where it stands against its neighbours in the last day, against where it stood in the first."""
    found = joints(columns)
    day = 24 * 60
    if len(found.minutes) < 2 * day:
        return []
    suspect: list[Suspicion] = []
    for name, against in zip(found.names, found.over_peers, strict=True):
        first, last = against[:day], against[-day:]
        if np.isnan(first).all() or np.isnan(last).all():
            continue
        gone = float(np.nanmedian(last) - np.nanmedian(first))
        if abs(gone) >= limits.drift:
            suspect.append(Suspicion(name, "drifting", int(found.minutes[-day]), gone))
    return suspect
