"""A device's own clock is evidence, not truth: what its stamps are worth, from how they came in. Pure.

A stamp that comes in is behind our own clock by the offset of the device's clock plus the time it took to come.
The least of these seen lately is therefore the offset; what a stamp is behind more than that, it has waited.
"""

from typing import Final

import msgspec

from edge.ports import Order

DRIFT_PPM: Final = 200
"""Quartz in cheap readers: 20 ppm at room temperature, up to 200 ppm in the cold."""
SECOND_MS: Final = 1_000
OFF_MS: Final = 60_000
DAY_MS: Final = 86_400_000
OLDEST_MS: Final = 1_577_836_800_000
"""2020-01-01: no device of this system was installed before."""
NO_TIME: Final = 0
"""In place of a stamp that can't be read: a time that can't be."""
AHEAD_MS: Final = DAY_MS
OLD_MS: Final = 400 * DAY_MS
"""A stamp further ahead, or older, is no time of anything that is told now."""
LIVE_ERROR_MS: Final = 5_000
"""A connection that brings nothing for longer is dead (`presence.LAG_MS`): how late a live message may be."""
UNKNOWN_MS: Final = 2**31 - 1
"""The error of a moment that is not known; see `clockmap.MAX_ERROR_MS`."""
_SAME_MS: Final = 2_000
_APART_MS: Final = 5_000
_OLD_STAMP_MS: Final = 2 * 3_600_000
"""Stamps as old as that may be a backlog told at the pace at which it came about; no clock is corrected by them."""


IMPOSSIBLE: Final = "impossible"
UNSURE: Final = "unsure"
OFF: Final = "off"


class DeviceClock(msgspec.Struct, frozen=True):
    """What is known of a device's clock.

    `offset`: boot clock minus device clock at `boot` ms. `doubt`: offset and time of a stamp that seemed to
    have waited long; another one as late, some seconds on, shows that the clock was set instead. `slow_by`: how much
    of the offset the clock is behind by if nothing that came in so far had waited; 0 once that is known. `latest`: the
    latest stamp since it was set. `unsure_ms`: how long the first one at `since` may have waited, by which all that
    are compared with it may be off; 0 once another one, some seconds on, came in as late.
    """

    offset: int
    boot: int
    doubt: tuple[int, int] | None = None
    slow_by: int = 0
    latest: int = 0
    unsure_ms: int = 0
    since: int = 0


class Stamped(msgspec.Struct, frozen=True):
    """When it happened: at `at` (boot clock ms), give or take `error_ms`; and what is wrong with the device's clock.

    `mark`: `impossible` (a stamp of no time, not used: a device that keeps nothing was heard live), `unsure` (whether
    the event waited or the clock is wrong can't be told: it is on record and proves nothing, see
    `contract.events.is_dated`), `off` (by more than a minute, corrected); None when well.
    """

    at: int
    error_ms: int
    mark: str | None


def stamp(
    known: DeviceClock | None,
    device_at: int,
    observed_at: int,
    cloud_now: int | None,
    *,
    buffers: bool,
    keeps: bool = False,
    order: Order = Order.ANY,
) -> tuple[DeviceClock | None, Stamped]:
    """Judge a stamp `device_at` (device's clock, ms since the epoch) that came in at `observed_at` (boot clock).

    `cloud_now` is cloud time at that moment, None when it is not known yet. `buffers`: the device keeps events
    by itself and is read later, so that an old stamp is no wonder; its clock is taken at its word. `keeps`: it is live,
    but tells what it could not tell before once it can; stamps of the past never show that its clock is wrong.
    `order`: a stamp before an earlier one of a device that tells all in order is one of a clock that was set back; one that seems late where
    nothing waits may be of a clock that was set, or of a network that held it up. Both are of now, give or take what they
    seem to be late.
    """
    skew = cloud_now - device_at if cloud_now is not None else None
    if device_at < OLDEST_MS or (skew is not None and skew < -AHEAD_MS):
        may_be_old = buffers or keeps
        error_ms, mark = (UNKNOWN_MS, UNSURE) if may_be_old else (LIVE_ERROR_MS, IMPOSSIBLE)
        return known, Stamped(observed_at, error_ms, mark)
    if skew is not None and skew > OLD_MS:
        return known, Stamped(observed_at, UNKNOWN_MS, UNSURE)
    if buffers and skew is not None:
        return known, _at_its_word(observed_at, skew)
    is_live = order is Order.LIVE
    oldest = UNKNOWN_MS if is_live else OFF_MS if keeps else _OLD_STAMP_MS
    if known is None:
        known, stamped = _first_contact(device_at, observed_at, skew, is_live=is_live)
    elif order and device_at < known.latest - _SAME_MS:
        return _set_back(known, device_at, observed_at)
    else:
        latest = known.latest
        known, stamped = _later_contact(known, device_at, observed_at, skew, oldest)
        device_at = max(device_at, latest)
    return msgspec.structs.replace(known, latest=device_at), stamped


def _set_back(known: DeviceClock, device_at: int, observed_at: int) -> tuple[DeviceClock, Stamped]:
    after = DeviceClock(observed_at - device_at, observed_at, latest=device_at)
    return after, Stamped(observed_at, max(0, after.offset - known.offset), OFF)


def _at_its_word(observed_at: int, skew: int) -> Stamped:
    if skew < -OFF_MS:
        # Ahead by that much at least, and kept for nobody knows how long.
        return Stamped(observed_at, -skew, UNSURE)
    return Stamped(observed_at - max(skew, 0), 0, None)


def _first_contact(
    device_at: int, observed_at: int, skew: int | None, *, is_live: bool
) -> tuple[DeviceClock, Stamped]:
    offset = observed_at - device_at
    if skew is None or skew <= OFF_MS:
        mark = OFF if skew is not None and skew < -OFF_MS else None
        waited = skew if skew is not None and skew > SECOND_MS and not is_live else 0
        known = DeviceClock(offset, observed_at, unsure_ms=waited, since=observed_at)
        return known, Stamped(observed_at, abs(skew or 0), mark)
    known = DeviceClock(offset, observed_at, slow_by=skew)
    return known, _slow(observed_at, skew) if is_live else _waited_or_slow(observed_at - skew, skew)


def _slow(observed_at: int, slow_by: int) -> Stamped:
    """An event that hardly waited, by a clock that is slow."""
    return Stamped(observed_at, slow_by, OFF)


def _waited_or_slow(stamped_at: int, slow_by: int) -> Stamped:
    """An event between its stamp, by a good clock, and what it is by one that is slow."""
    half = (slow_by + 1) // 2
    return Stamped(stamped_at + half, half, UNSURE)


def _later_contact(
    known: DeviceClock, device_at: int, observed_at: int, skew: int | None, oldest: int
) -> tuple[DeviceClock, Stamped]:
    """A contact with a clock that is known. `oldest`: a stamp older than that never shows that a clock was set."""
    seen = observed_at - device_at
    if known.slow_by:
        return _after_a_late_first(known, seen, observed_at, skew, oldest)
    drifted = known.offset + abs(observed_at - known.boot) * DRIFT_PPM // 1_000_000
    late = seen - drifted
    is_live = oldest == UNKNOWN_MS
    if not is_live and late > _SAME_MS and skew is not None and abs(skew) <= _SAME_MS:
        # What is of this second by the cloud's time did not wait: the clock was ahead, and was put right.
        return DeviceClock(seen, observed_at), Stamped(
            observed_at, late if late <= OFF_MS else abs(skew), None
        )
    if late > (_SAME_MS if is_live else OFF_MS):
        return _seems_late(known, seen, observed_at, skew, oldest)
    unsure = _still_unsure(known, seen, observed_at, skew)
    after = DeviceClock(min(seen, drifted), observed_at, unsure_ms=unsure, since=known.since)
    off = skew is not None and abs(skew - max(late, 0)) > OFF_MS
    # One that jumps ahead can't be told from one that is further ahead and waited.
    ahead = -skew if skew is not None and skew < -OFF_MS and late < -OFF_MS else 0
    return after, Stamped(observed_at - max(late, 0), max(ahead, unsure), OFF if off else None)


def _seems_late(
    known: DeviceClock, seen: int, observed_at: int, skew: int | None, oldest: int
) -> tuple[DeviceClock, Stamped]:
    """A contact that waited for long, or is by a clock that was set."""
    drifted = known.offset + abs(observed_at - known.boot) * DRIFT_PPM // 1_000_000
    late = seen - drifted
    unsure = _still_unsure(known, seen, observed_at, skew)
    is_again = _confirmed(known.doubt, seen, observed_at)
    if is_again and (late if skew is None else skew) <= oldest:
        after = DeviceClock(seen, observed_at, unsure_ms=unsure, since=known.since)
        off = skew is not None and abs(skew) > OFF_MS
        return after, Stamped(observed_at, unsure, OFF if off else None)
    after = DeviceClock(drifted, observed_at, (seen, observed_at), unsure_ms=unsure, since=known.since)
    if oldest == UNKNOWN_MS:
        return after, Stamped(observed_at, late, OFF if skew is not None and abs(skew) > OFF_MS else None)
    was_off = skew is not None and abs(skew - late) > OFF_MS
    if is_again or was_off:
        return after, _waited_or_slow(observed_at - late, late)
    return after, Stamped(observed_at - late, unsure, None)


def _still_unsure(known: DeviceClock, seen: int, observed_at: int, skew: int | None) -> int:
    """How long the first stamp may have waited, by another one."""
    if not known.unsure_ms or _confirmed((known.offset, known.since), seen, observed_at):
        return 0
    return known.unsure_ms if skew is None else max(0, min(known.unsure_ms, skew))


def _after_a_late_first(
    known: DeviceClock, seen: int, observed_at: int, skew: int | None, oldest: int
) -> tuple[DeviceClock, Stamped]:
    """A contact while the clock was never seen right: right now, slow for sure, or as doubtful as before."""
    if skew is None or skew <= OFF_MS:
        off = skew is not None and skew < -OFF_MS
        return DeviceClock(seen, observed_at), Stamped(observed_at, abs(skew or 0), OFF if off else None)
    if skew <= oldest and _confirmed((known.offset, known.boot), seen, observed_at):
        return DeviceClock(seen, observed_at), Stamped(observed_at, 0, OFF)
    slow_by = min(known.slow_by, skew)
    # The newest is what the next is compared with; the least that it can be behind stays known.
    after = DeviceClock(seen, observed_at, slow_by=slow_by)
    is_live = oldest == UNKNOWN_MS
    return after, _slow(observed_at, skew) if is_live else _waited_or_slow(observed_at - skew, slow_by)


def _confirmed(doubt: tuple[int, int] | None, seen: int, observed_at: int) -> bool:
    """Two stamps equally late, but taken in at times apart: the clock was set, they did not wait."""
    if doubt is None:
        return False
    offset, boot = doubt
    return abs(seen - offset) <= _SAME_MS and observed_at - boot >= _APART_MS
