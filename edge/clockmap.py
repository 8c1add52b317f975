"""From the boot clock of the machine to cloud time, by request and response samples. Pure.

Each sample says: the cloud's clock read `cloud` at some moment between `sent` and `received` of the boot clock.
So the offset at the middle is known within half the round trip; away from it the bound widens by the most that
the boot clock can drift. Where the bounds of several samples overlap, the truth lies in the overlap: its middle
is the estimate, half its width the error. (Marzullo, "Maintaining the time in a distributed system", 1983.)
"""

import bisect
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

MAX_DRIFT_PPM: Final = 500
"""CLOCK_BOOTTIME is slewed by NTP by at most 500 ppm; see adjtimex(2)."""
MAX_SAMPLES: Final = 128
MAX_BOOTS: Final = 16
MAX_ERROR_MS: Final = 2**31 - 1
"""What a 32-bit column holds, 24.8 days: an error that big says that the time is not known."""
_NEIGHBOURS: Final = 4


class Moment(msgspec.Struct, frozen=True):
    """A point in cloud time, ms since the epoch, and how far it may be off, ms."""

    at: int
    error_ms: int

    @property
    def earliest(self) -> int:
        """The first moment it may have been."""
        return self.at - self.error_ms


class Sample(msgspec.Struct, frozen=True):
    """At `boot` ms of the boot clock the cloud's clock was `offset` ms ahead of it, give or take `error_ms`."""

    boot: int
    offset: int
    error_ms: int


def measured(sent: int, received: int, cloud: int) -> Sample:
    """What a request sent and its reply received (boot clock, ms) say of the cloud's clock."""
    middle = (sent + received) // 2
    # One more ms for what the whole numbers hide.
    return Sample(middle, cloud - middle, (received - sent + 1) // 2 + 1)


class BootMap(msgspec.Struct, frozen=True):
    """The samples of one boot, ordered by time; without any, nothing of that boot can be placed."""

    samples: tuple[Sample, ...] = ()

    def with_sample(self, sample: Sample) -> "BootMap":
        """The map with one more sample; when it contradicts the newest one, the cloud's clock was set anew.

        Then the earlier samples speak of another clock and are let go.
        """
        if self.samples and not _agree(self.samples[-1], sample):
            return BootMap((sample,))
        samples = sorted((*self.samples, sample), key=lambda s: s.boot)
        return BootMap(tuple(samples[-MAX_SAMPLES:]))

    def resolve(self, boot: int) -> Moment | None:
        """Cloud time at `boot` ms of the boot clock; None before the first sample."""
        if not self.samples:
            return None
        low, high = self._bounds(boot)
        # A whole number, rounded to the middle, never leaves the bounds.
        offset = (low + high) // 2
        return Moment(boot + offset, high - offset)

    def _bounds(self, boot: int) -> tuple[int, int]:
        place = bisect.bisect_left(self.samples, boot, key=lambda s: s.boot)
        near = self.samples[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]
        bounds = [_bounds_at(sample, boot) for sample in near]
        low, high = max(low for low, _ in bounds), min(high for _, high in bounds)
        # Samples that contradict each other pairwise at a distance: the one with the least error holds.
        return (low, high) if low <= high else min(bounds, key=lambda bound: bound[1] - bound[0])


def _bounds_at(sample: Sample, boot: int) -> tuple[int, int]:
    reach = sample.error_ms + -(-abs(boot - sample.boot) * MAX_DRIFT_PPM // 1_000_000)
    return sample.offset - reach, sample.offset + reach


def _agree(one: Sample, other: Sample) -> bool:
    low, high = _bounds_at(one, other.boot)
    return low - other.error_ms <= other.offset <= high + other.error_ms


class Boot(msgspec.Struct, frozen=True):
    """What is known of one boot of the machine.

    `last_boot_ms` is the furthest that its clock is known to have run; `wall_offset` what the machine's own
    clock said at first, wall time minus boot time: a hint for when nothing better is known.
    """

    id: str
    wall_offset: int
    last_boot_ms: int = 0
    map: BootMap = BootMap()


class ClockMap(msgspec.Struct, frozen=True):
    """Every boot whose rows may still wait, oldest first; the last is the present one."""

    boots: tuple[Boot, ...] = ()

    def booted(self, boot: str, boot_ms: int, wall_ms: int) -> "ClockMap":
        """The map in boot `boot`, new or known, when its clock stands at `boot_ms` and the wall's at `wall_ms`."""
        known = {one.id: one for one in self.boots}
        present = known.pop(boot, None) or Boot(boot, wall_ms - boot_ms)
        return ClockMap((*known.values(), present)[-MAX_BOOTS:]).running(boot_ms)

    def running(self, boot_ms: int) -> "ClockMap":
        """The map when the present boot's clock stands at `boot_ms`."""
        *before, present = self.boots
        furthest = max(present.last_boot_ms, boot_ms)
        return ClockMap((*before, msgspec.structs.replace(present, last_boot_ms=furthest)))

    def with_sample(self, sample: Sample) -> "ClockMap":
        """The map with one more sample of the present boot."""
        *before, present = self.boots
        present = msgspec.structs.replace(present, map=present.map.with_sample(sample))
        return ClockMap((*before, present))

    def resolve(self, boot: str, boot_ms: int) -> Moment | None:
        """Cloud time of a moment of a boot, or None as long as a sample of it may still come.

        A boot that ended without any sample lies between the boots around it: the answer is an interval.
        """
        place = next((n for n, one in enumerate(self.boots) if one.id == boot), None)
        if place is None:
            return self._forgotten()
        one = self.boots[place]
        if one.map.samples or place == len(self.boots) - 1:
            return one.map.resolve(boot_ms)
        return self._between(place, boot_ms)

    def now(self, boot_ms: int) -> Moment | None:
        """Cloud time now, or None before the first sample of this boot."""
        return self.boots[-1].map.resolve(boot_ms) if self.boots else None

    def _forgotten(self) -> Moment | None:
        # Written before every boot that is remembered: all that is known is that it was earlier.
        latest = self._began_after(self.boots)
        return Moment(latest, MAX_ERROR_MS) if latest is not None else None

    def _between(self, place: int, boot_ms: int) -> Moment | None:
        one = self.boots[place]
        began = self._began_after(self.boots[place + 1 :])
        if began is None:
            return None
        latest = began - (one.last_boot_ms - boot_ms)
        ended = _ended_before(self.boots[:place])
        if ended is None:
            return Moment(min(boot_ms + one.wall_offset, latest), MAX_ERROR_MS)
        earliest = min(ended + boot_ms, latest)
        at = (earliest + latest) // 2
        return Moment(at, min(latest - at, MAX_ERROR_MS))

    def _began_after(self, later: Iterable[Boot]) -> int | None:
        """When the boots `later` began at the latest: their clocks stood at 0."""
        for one in later:
            if moment := one.map.resolve(0):
                return moment.at + moment.error_ms
        return None


def _ended_before(earlier: tuple[Boot, ...]) -> int | None:
    """The last moment known of the boots before, at the earliest that it may have been."""
    for one in reversed(earlier):
        if moment := one.map.resolve(one.last_boot_ms):
            return moment.earliest
    return None


_decoder: Final = msgspec.msgpack.Decoder(ClockMap)


def packed(clock_map: ClockMap) -> Mapping[str, bytes]:
    """The map as a note for the spool."""
    return {"clock": msgspec.msgpack.encode(clock_map)}


def unpacked(note: bytes | None) -> ClockMap:
    """The map that a note holds; an empty one for none."""
    return _decoder.decode(note) if note else ClockMap()
