"""Events and readings: what happened, and what was measured.

Times are integer milliseconds since the epoch, UTC. `at` is event time after clock correction and
`clock_error_ms` >= 0 its uncertainty.
"""

import itertools
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

EMPTY: Final = msgspec.Raw(b"{}")

LOCATION_TYPES: Final = frozenset({"checkpoint.scan", "access.granted"})
"""Event types that say where a person is."""

LIFE_SAFETY_TYPES: Final = frozenset(
    {
        "fire.alarm",
        "fire.prealarm",
        "fire.fault",
        "fire.isolated",
        "fire.reset",
        "fire.mode",
        "emergency.call",
        "gate.released",
        "gate.locked",
    }
)
"""Event types that travel in the life-safety lane, before any backlog."""

LASTING: Final[Mapping[str, tuple[str, ...]]] = {
    "lock": ("gate.released", "gate.locked"),
    "door": ("door.opened", "door.closed"),
    "mains": ("mains.lost", "mains.restored"),
    "engine": ("generator.started", "generator.stopped"),
    "load": ("generator.on_load", "generator.off_load"),
    "mode": ("generator.mode",),
}
"""Event types that tell how a device is from then on, until the next of the same line."""

LASTING_OF_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "fire": ("fire.alarm", "fire.reset"),
    "fault": ("generator.fault",),
}
"""The same of each part of a device by itself (`part_of`), such as the detectors of a panel."""

LASTING_TYPES: Final = frozenset(itertools.chain(*LASTING.values()))
"""The store finds the newest of each of a device at once (index `events_lasting`)."""

LASTING_PART_TYPES: Final = frozenset(itertools.chain(*LASTING_OF_PARTS.values()))
"""The store finds the newest of each of a device's parts at once (index `events_lasting_parts`)."""

KNOWN_TYPES: Final = (
    LIFE_SAFETY_TYPES
    | LOCATION_TYPES
    | frozenset(
        {
            "access.denied",
            "checkpoint.unknown",
            "door.opened",
            "door.closed",
            "door.forced",
            "door.held",
            "mains.lost",
            "mains.restored",
            "generator.started",
            "generator.stopped",
            "generator.on_load",
            "generator.off_load",
            "generator.fault",
            "generator.mode",
            "staff.on_duty",
            "staff.off_duty",
            "staff.handover",
            "operator.acknowledged",
            "operator.arrived",
            "operator.verified",
            "operator.closed",
            "request.opened",
            "request.accepted",
            "request.done",
            "request.answered",
            "request.followed_up",
            "request.closed",
            "request.called_back",
            "drill.ended",
            "inspection.done",
            "measurement.recorded",
            "equipment.renewed",
            "selftest.passed",
            "supervision.ok",
            "presence.asked",
            "presence.answered",
            "guard.alive",
            "device.online",
            "device.offline",
            "device.tamper",
            "device.blind",
            "device.fault",
            "input.on",
            "input.off",
        }
    )
)
"""The field's words for what can happen. An event of another type is kept, counted and shown."""


class Quality(StrEnum):
    """How far a reading can be trusted; a value that is not `good` is never used by a rule."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something a device or a person did at one moment.

    `(site, device, seq)` is its identity. On the wire `seq` counts within a lane of the agent's spool; the
    cloud makes it unique over epochs and lanes with `identity_base`. `zone` defaults to the device's own.
    `data` is one JSON object, kept as bytes until somebody asks (`event_data`).
    """

    seq: int
    at: int
    device: str
    type: str
    observed_at: int = 0
    clock_error_ms: int = 0
    zone: str | None = None
    person: str | None = None
    data: msgspec.Raw = EMPTY


class Readings(msgspec.Struct, frozen=True, omit_defaults=True):
    """Readings in columns of one length, so that NumPy takes them whole.

    `seq`, `at`: int64; `value`: float64, or null where `quality` is `bad`; `clock_error_ms` may be absent (0).
    """

    seq: list[int] = []
    device: list[str] = []
    point: list[str] = []
    at: list[int] = []
    value: list[float | None] = []
    quality: list[Quality] = []
    clock_error_ms: list[int] = []

    def __len__(self) -> int:
        """The number of readings."""
        return len(self.seq)


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One number that a device measured. `value` is None exactly when `quality` is `bad`."""

    seq: int
    at: int
    device: str
    point: str
    value: float | None
    quality: Quality = Quality.GOOD
    clock_error_ms: int = 0


_data_decoder = msgspec.json.Decoder(dict[str, Any])


def event_data(event: Event) -> dict[str, Any]:
    """The event's data as a dictionary; raises `msgspec.ValidationError` when it is not a JSON object."""
    return _data_decoder.decode(event.data)


def part_of(event: Event) -> str:
    """The point of its device that an event tells of, as `points` of a profile name it; empty where it names none."""
    part = _about(event).get("point")
    return part if isinstance(part, str) else ""


def is_cleared(event: Event) -> bool:
    """Whether it tells that what its type says no longer holds."""
    return _about(event).get("state") == "cleared"


def _about(event: Event) -> dict[str, Any]:
    try:
        return event_data(event)
    except msgspec.DecodeError:
        return {}


def raw_data(data: dict[str, Any] | None) -> msgspec.Raw:
    """A dictionary as the JSON bytes an `Event` carries, keys sorted."""
    return msgspec.Raw(msgspec.json.encode(data, order="sorted")) if data else EMPTY
