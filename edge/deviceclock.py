"""A device's own clock is evidence, not truth: what its stamps are worth, from how they came in. Pure.

A stamp that comes in is behind our own clock by the offset of the device's clock plus the time it took to come.
The least of these seen lately is therefore the offset; what a stamp is behind more than that, it has waited.
"""

from typing import Final

import msgspec

DRIFT_PPM: Final = 200
"""Quartz in cheap readers: 20 ppm at room temperature, up to 200 ppm in the cold."""
OFF_MS: Final = 60_000
DAY_MS: Final = 86_400_000
OLDEST_MS: Final = 1_577_836_800_000
"""2020-01-01: no device of this system was installed before."""
LIVE_SKEW_MS: Final = DAY_MS
BUFFERED_SKEW_MS: Final = 400 * DAY_MS
_SAME_MS: Final = 2_000
_APART_MS: Final = 5_000


class DeviceClock(msgspec.Struct, frozen=True):
    """What is known of a device's clock.

    `offset`: boot clock minus device clock at `boot` ms. `doubt`: offset and time of a stamp that seemed to
    have waited long; another one as late, some seconds on, shows that the clock was set instead.
    """

    offset: int
    boot: int
    doubt: tuple[int, int] | None = None


class Stamped(msgspec.Struct, frozen=True):
    """When it happened (boot clock ms), how far that may be off, and what is wrong with the device's clock.

    `mark`: `impossible` (the stamp was not used) or `off` (by more than a minute, corrected); None when well.
    """

    at: int
    error_ms: int
    mark: str | None


def stamp(
    known: DeviceClock | None, device_at: int, observed_at: int, cloud_now: int | None, *, buffers: bool
) -> tuple[DeviceClock | None, Stamped]:
    """Judge a stamp `device_at` (device's clock, ms since the epoch) that came in at `observed_at` (boot clock).

    `cloud_now` is cloud time at that moment, None when it is not known yet. `buffers`: the device keeps events
    by itself and is read later, so that an old stamp is no wonder; its clock is taken at its word.
    """
    skew = cloud_now - device_at if cloud_now is not None else None
    if _impossible(device_at, skew, BUFFERED_SKEW_MS if buffers else LIVE_SKEW_MS):
        return known, Stamped(observed_at, 0, "impossible")
    if buffers and skew is not None:
        return known, Stamped(observed_at - max(skew, 0), 0, "off" if skew < -OFF_MS else None)
    if known is None:
        return _first_contact(device_at, observed_at, skew)
    return _later_contact(known, device_at, observed_at, skew)


def _impossible(device_at: int, skew: int | None, most: int) -> bool:
    return device_at < OLDEST_MS or (skew is not None and not -LIVE_SKEW_MS <= skew <= most)


def _first_contact(device_at: int, observed_at: int, skew: int | None) -> tuple[DeviceClock, Stamped]:
    # Whether it waited or its clock is slow can't be told yet: it happened at any time in between.
    error = max(skew, 0) if skew is not None else 0
    mark = "off" if skew is not None and abs(skew) > OFF_MS else None
    return DeviceClock(observed_at - device_at, observed_at), Stamped(observed_at, error, mark)


def _later_contact(
    known: DeviceClock, device_at: int, observed_at: int, skew: int | None
) -> tuple[DeviceClock, Stamped]:
    seen = observed_at - device_at
    drifted = known.offset + abs(observed_at - known.boot) * DRIFT_PPM // 1_000_000
    late = seen - drifted
    if late > OFF_MS and _confirmed(known.doubt, seen, observed_at):
        late, drifted = 0, seen
    doubt = (seen, observed_at) if late > OFF_MS else None
    after = DeviceClock(min(seen, drifted), observed_at, doubt)
    off = skew is not None and abs(skew - max(late, 0)) > OFF_MS
    return after, Stamped(observed_at - max(late, 0), 0, "off" if off else None)


def _confirmed(doubt: tuple[int, int] | None, seen: int, observed_at: int) -> bool:
    """Two stamps equally late, but taken in at times apart: the clock was set, they did not wait."""
    if doubt is None:
        return False
    offset, boot = doubt
    return abs(seen - offset) <= _SAME_MS and observed_at - boot >= _APART_MS
