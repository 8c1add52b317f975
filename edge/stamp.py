"""What a driver saw made into rows: in boot time, with the device's own clock judged. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from contract.events import LIFE_SAFETY_TYPES, STATE, Phase, Quality, phase_told
from edge.deviceclock import SECOND_MS, UNKNOWN_MS, UNSURE, DeviceClock, stamp
from edge.ports import Happened, Measured
from edge.rows import EventRow, ReadingRow

MAX_DATA_BYTES = 16 * 1024
"""More than any device of the field says of one event; the rest is noise or malice."""


_HARDLY_LATE_MS: Final = 2_000
_NO_EVIDENCE: Final = ("fire.", "emergency.")
"""What is asked for rather than done: a wide error makes no late answer of it count as one in time."""
_UNDATED = f'"clock":"{UNSURE}"'.encode()


class DeviceClocks:
    """The clocks of an agent's devices, as far as they show. `buffering`, `keeping`: devices as in `deviceclock.stamp`."""

    def __init__(
        self, buffering: frozenset[str] = frozenset(), keeping: frozenset[str] = frozenset()
    ) -> None:
        self._buffering = buffering
        self._keeping = keeping
        self._known: dict[str, DeviceClock] = {}
        self._latest: dict[str, int] = {}
        self._moved: dict[str, tuple[int, int]] = {}

    def buffers(self, device: str) -> bool:
        """Whether a device keeps its events while it is away."""
        return device in self._buffering

    def event_row(self, seen: Happened, cloud_now: int | None) -> EventRow:
        """The row of an event; `cloud_now` is cloud time at `seen.observed_at`, as well as it is known."""
        at, error_ms, told = seen.at, seen.error_ms, dict[str, object](seen.data)
        if seen.device_at is not None:
            known, stamped = stamp(
                self._known.get(seen.device),
                seen.device_at,
                seen.observed_at,
                cloud_now,
                buffers=seen.device in self._buffering,
                keeps=seen.device in self._keeping,
                order=seen.order,
            )
            if known is not None:
                self._known[seen.device] = known
            # A stamp of whole seconds says no more than that.
            least = 0 if seen.device_at % SECOND_MS else SECOND_MS
            at, error_ms = stamped.at, max(error_ms, stamped.error_ms + least)
            if seen.device not in self._buffering:
                at, error_ms = self._in_order(seen, seen.device_at, at, error_ms)
            told |= {"device_at": seen.device_at} | ({"clock": stamped.mark} if stamped.mark else {})
        self._latest[seen.device] = max(at, self._latest.get(seen.device, at))
        return EventRow(
            device=seen.device,
            type=seen.type,
            at=at,
            observed_at=seen.observed_at,
            error_ms=error_ms,
            zone=seen.zone,
            person=seen.person,
            data=_json(told),
        )

    def _in_order(self, seen: Happened, device_at: int, at: int, error_ms: int) -> tuple[int, int]:
        """When a danger began: never before what its device told before it, so that a reset that came in first leaves it.

        It may have waited, or the clock was set: the error covers both. An end with a later stamp is after it then.
        """
        if seen.type not in LIFE_SAFETY_TYPES:
            return at, error_ms
        if phase_told(seen.type, seen.data.get(STATE)) in {Phase.ENDS, Phase.MOMENT}:
            stamped, moved = self._moved.get(seen.device, (device_at, at))
            if device_at < stamped or at >= moved:
                return at, error_ms
            return moved, _covers(max(moved - at + error_ms, seen.observed_at - moved))
        if at < self._latest.get(seen.device, at):
            self._moved[seen.device] = (device_at, seen.observed_at)
            return seen.observed_at, _covers(seen.observed_at - at + error_ms)
        if seen.type.startswith(_NO_EVIDENCE) and seen.observed_at - at > _HARDLY_LATE_MS:
            return at, _covers(max(error_ms, seen.observed_at - at))
        return at, error_ms


def _covers(error_ms: int) -> int:
    return min(UNKNOWN_MS, error_ms)


def is_undated(row: EventRow) -> bool:
    """Whether nobody knows when the event of a row was (`contract.events.is_dated`)."""
    return row.type not in LIFE_SAFETY_TYPES and _UNDATED in row.data


def reading_row(seen: Measured) -> ReadingRow:
    """The row of a reading; a value that is not `good` enough to have one has none."""
    bad = seen.value is None or seen.quality is Quality.BAD
    return ReadingRow(
        device=seen.device,
        point=seen.point,
        at=seen.at,
        value=None if bad else seen.value,
        quality=Quality.BAD if bad else seen.quality,
    )


def _json(data: Mapping[str, object]) -> bytes:
    body = msgspec.json.encode(data, order="sorted")
    return body if len(body) <= MAX_DATA_BYTES else msgspec.json.encode({"cut": len(body)})
