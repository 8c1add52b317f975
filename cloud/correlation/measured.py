"""Readings as measurements: what a rule asks for as `measurement.recorded`, telemetry gives too (verdicts.md section 6)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud.correlation.rules import EventFilter, Select
from contract.site import Device, Site

MEASURED: Final = "measurement.recorded"
"""Somebody measured a point by hand."""


def measured_point(wanted: EventFilter | None) -> str | None:
    """The point whose good readings are what a filter asks for; None where it asks for more than that it was measured."""
    if wanted is None or MEASURED not in wanted.types or set(wanted.data) != {"point"} or wanted.unless:
        return None
    point = wanted.data["point"]
    return point if isinstance(point, str) else None


def measures(site: Site, device: Device, point: str | None, select: Select) -> bool:
    """Whether readings of a device count; of one without a profile nobody knows, so it must be one that a rule selects."""
    if point is None or not site.measures(device, point):
        return False
    return device.profile is not None or select != Select()


def firsts_and_lasts(at: NDArray[np.int64], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of moments in order, ms, the first and the last of each stretch of a length; stretches are counted from 1970."""
    if not len(at):
        return at, at
    changes = np.flatnonzero(np.diff(at // length)) + 1
    return at[np.concatenate(([0], changes))], at[np.concatenate((changes - 1, [len(at) - 1]))]
