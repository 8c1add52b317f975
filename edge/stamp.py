"""What a driver saw made into rows: in boot time, with the device's own clock judged. Pure."""

from collections.abc import Mapping

import msgspec

from contract.events import LIFE_SAFETY_TYPES, Quality
from edge.deviceclock import SECOND_MS, UNSURE, DeviceClock, stamp
from edge.ports import Happened, Measured
from edge.rows import EventRow, ReadingRow

MAX_DATA_BYTES = 16 * 1024
"""More than any device of the field says of one event; the rest is noise or malice."""


_UNDATED = f'"clock":"{UNSURE}"'.encode()


class DeviceClocks:
    """The clocks of an agent's devices, as far as they show. `buffering`, `keeping`: devices as in `deviceclock.stamp`."""

    def __init__(
        self, buffering: frozenset[str] = frozenset(), keeping: frozenset[str] = frozenset()
    ) -> None:
        self._buffering = buffering
        self._keeping = keeping
        self._known: dict[str, DeviceClock] = {}

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
            told |= {"device_at": seen.device_at} | ({"clock": stamped.mark} if stamped.mark else {})
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
