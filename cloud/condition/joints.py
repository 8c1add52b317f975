"""Joints (busbars, switches, cables): each against its neighbours under the same load, and against its own past.

Everything is looked at minute by minute: a joint's temperature in a minute is the mean of its good readings there,
and what it was before where there was none, for ten minutes at the most. So the result does not depend on the order
in which readings come, nor on how often each sensor speaks.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

MINUTE_MS: Final = 60_000
HOLDS: Final = 10
"""For so many minutes a reading stands for what follows."""
RISE_OVER: Final = 5
"""The rise is the slope over so many minutes."""

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Column = tuple[Times, Values]
"""Times in ms, any order, and values; of one length."""


class Joints(msgspec.Struct, frozen=True):
    """By joint and minute. `minutes`: int64 `(m,)`, ms at the end of each; the others float64 `(joints, m)`.

    `over_peers`: K above the median of the other joints, NaN with fewer than two of them known. `rise`: K a minute,
    NaN with fewer than three minutes known.
    """

    names: tuple[str, ...]
    minutes: Times
    temperature: Values
    over_peers: Values
    rise: Values


def joints(columns: Mapping[str, Column]) -> Joints:
    """Look at the joints of one group, which share their load."""
    names = tuple(sorted(columns))
    minutes = _minutes([columns[name][0] for name in names])
    grid = np.array([_on_grid(columns[name], minutes) for name in names]).reshape(len(names), len(minutes))
    return Joints(names, minutes, grid, over_peers(grid), rise(grid))


def _minutes(times: list[Times]) -> Times:
    """The ends of the minutes from the first reading's to the last one's."""
    known = [at for at in times if len(at)]
    if not known:
        return np.empty(0, np.int64)
    first, last = (
        int(edge) // MINUTE_MS for edge in (min(at.min() for at in known), max(at.max() for at in known))
    )
    return (np.arange(first, last + 1, dtype=np.int64) + 1) * MINUTE_MS


def _on_grid(column: Column, minutes: Times) -> Values:
    at, values = column
    if not len(at):
        return np.full(len(minutes), np.nan)
    place = at // MINUTE_MS - (minutes[0] // MINUTE_MS - 1)
    sums = np.bincount(place, values, len(minutes))
    counts = np.bincount(place, minlength=len(minutes))
    known = counts > 0
    means = np.divide(sums, counts, out=np.full(len(minutes), np.nan), where=known)
    last = np.maximum.accumulate(np.where(known, np.arange(len(minutes)), -1))
    age = np.arange(len(minutes)) - last
    return np.where((last >= 0) & (age <= HOLDS), means[last], np.nan)


def over_peers(grid: Values) -> Values:
    """Each row less the median of the other rows, column by column; NaN where fewer than two others are known."""
    found = np.full(grid.shape, np.nan)
    for row in range(len(grid)):
        others = np.delete(grid, row, axis=0)
        enough = np.sum(~np.isnan(others), axis=0) >= 2
        if enough.any():
            found[row, enough] = grid[row, enough] - np.nanmedian(others[:, enough], axis=0)
    return found


def rise(grid: Values) -> Values:
    """The slope of each row over the last `RISE_OVER` minutes by least squares, in units a minute."""
    found = np.full(grid.shape, np.nan)
    if grid.shape[1] < 3:
        return found
    padded = np.concatenate([np.full((len(grid), RISE_OVER - 1), np.nan), grid], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, RISE_OVER, axis=1)
    known = ~np.isnan(windows)
    count = known.sum(axis=2)
    x = np.where(known, np.arange(RISE_OVER, dtype=np.float64), 0.0)
    y = np.where(known, windows, 0.0)
    enough = count >= 3
    n = np.where(enough, count, 1)
    above = (x * y).sum(axis=2) - x.sum(axis=2) * y.sum(axis=2) / n
    below = (x * x).sum(axis=2) - x.sum(axis=2) ** 2 / n
    np.divide(above, below, out=found, where=enough & (below > 0))
    return found
