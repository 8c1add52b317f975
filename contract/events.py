"""Events and readings: what happened, and what was measured.

Times are integer milliseconds since the epoch, UTC. `at` is event time after clock correction and
`clock_error_ms` >= 0 its uncertainty.
"""

import itertools
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from contract.parts import part_name, reset_name
from contract.state_words import ACTIVE, GOOD_TYPES, is_reset_over, state_of_type, state_word

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

ENDED_BY: Final[Mapping[str, frozenset[str]]] = {
    "gate.released": frozenset({"gate.locked"}),
    "gate.locked": frozenset({"gate.released"}),
    "door.opened": frozenset({"door.closed"}),
    "door.closed": frozenset({"door.opened"}),
    "door.forced": frozenset({"door.closed"}),
    "door.held": frozenset({"door.closed"}),
    "mains.lost": frozenset({"mains.restored"}),
    "mains.restored": frozenset({"mains.lost"}),
    "generator.started": frozenset({"generator.stopped"}),
    "generator.stopped": frozenset({"generator.started"}),
    "generator.on_load": frozenset({"generator.off_load"}),
    "generator.off_load": frozenset({"generator.on_load"}),
    "device.offline": frozenset({"device.online"}),
    "device.online": frozenset({"device.offline"}),
    "input.on": frozenset({"input.off"}),
    "input.off": frozenset({"input.on"}),
    "fire.alarm": frozenset({"fire.reset"}),
    "fire.prealarm": frozenset({"fire.reset"}),
    "fire.fault": frozenset({"fire.reset"}),
    "fire.isolated": frozenset({"fire.reset"}),
}
"""The types of events that end a state, beside an event of its own type that says `cleared`.

`fire.reset` without a part ends what stands at every part of its device, that of a system what belongs to the system.
"""

RESET_TYPES: Final = frozenset({"fire.reset"})
"""Types that, without a part, end what stands at a device and at all that is read through it."""

MOMENT_TYPES: Final = LOCATION_TYPES | frozenset(
    {
        "fire.reset",
        "access.denied",
        "checkpoint.unknown",
        "staff.on_duty",
        "staff.off_duty",
        "staff.handover",
        "operator.acknowledged",
        "operator.arrived",
        "operator.verified",
        "operator.closed",
        "request.opened",
        "request.accepted",
        "request.paused",
        "request.resumed",
        "request.done",
        "request.answered",
        "request.followed_up",
        "request.closed",
        "request.called_back",
        "drill.ended",
        "inspection.done",
        "measurement.recorded",
        "equipment.renewed",
        "verdict.reviewed",
        "presence.asked",
        "presence.answered",
        "guard.alive",
    }
)
"""Event types that tell of a moment: nothing of them lasts, so nothing of them ends."""

_FIRST_STAMP_MS: Final = 1_577_836_800_000
"""2020-01-01: an earlier stamp is one of a clock that was never set."""
_CLOCK: Final = b'"clock"'
_TOLD_LATE: Final = b'"told_late"'

KNOWN_TYPES: Final = (
    LIFE_SAFETY_TYPES
    | MOMENT_TYPES
    | frozenset(
        {
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
            "selftest.passed",
            "supervision.ok",
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


class Phase(StrEnum):
    """What an event says of the state that its type names."""

    BEGINS = "begins"
    ENDS = "ends"
    MOMENT = "moment"
    UNCLEAR = "unclear"


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


TOLD_LATE: Final = "told_late"
"""The field of the data of a person's act that was told later than it was done: when the cloud heard of it, ms.

Nothing but that person's word says that it was done at `at`.
"""

STATE: Final = "state"
"""The field of the data that says whether what the type names begins or ends."""
_OPPOSITE: Final[Mapping[str, str]] = {
    one: other for one, ends in ENDED_BY.items() for other in ends if one in ENDED_BY.get(other, frozenset())
}
_SAID_BY_TYPE: Final = (
    frozenset(name for ends in ENDED_BY.values() for name in ends) | {"fire.mode", "generator.mode"}
) - {"fire.reset"}


class _Said(msgspec.Struct, frozen=True, gc=False):
    state: Any = None


_state_decoder = msgspec.json.Decoder(_Said)
_data_decoder = msgspec.json.Decoder(dict[str, Any])


def event_data(event: Event) -> dict[str, Any]:
    """The event's data as a dictionary; raises `msgspec.ValidationError` when it is not a JSON object."""
    return _data_decoder.decode(event.data)


def part_of(event: Event) -> str:
    """The part of its device that an event tells of (`contract.parts`); empty where it tells of all of it."""
    return part_name(_about(event))


def reset_of(event: Event) -> str:
    """What a reset resets (`contract.parts.reset_name`); empty for all of its device."""
    return reset_name(_about(event))


def phase_of(event: Event) -> Phase:
    """Whether an event begins a state, ends it, tells of a moment, or does not say clearly (verdicts.md section 6).

    `data.state` is `active` or `cleared`; absent or null means active. Foreign words are read as
    `contract.state_words` has them. Where the type alone says that all is well (`door.closed`), a word that says so too
    confirms it, and one that leaves it open is `UNCLEAR`. Where the type alone says how things are otherwise, such a
    word is the device's own and changes nothing. Elsewhere the event is `UNCLEAR`: it decides no verdict and ends
    nothing, since either answer could be the false one; an alarm of it is raised, since a person who looks in vain is
    the lesser harm. A reset is a moment, and one that says `cleared` is the end of its signal: it resets nothing.
    """
    if event.data == EMPTY:
        return Phase.MOMENT if event.type in MOMENT_TYPES else Phase.BEGINS
    return phase_told(event.type, _state_of(event))


def phase_told(type_: str, state: object) -> Phase:
    """The same of a type and the `state` in its data; None for none."""
    if type_ in MOMENT_TYPES:
        return Phase.ENDS if type_ in RESET_TYPES and is_reset_over(state) else Phase.MOMENT
    if state is None:
        return Phase.BEGINS
    word = state_of_type(type_, _OPPOSITE.get(type_), state)
    if word is not None:
        return Phase.BEGINS if word == ACTIVE else Phase.ENDS
    return Phase.BEGINS if type_ in _SAID_BY_TYPE - GOOD_TYPES else Phase.UNCLEAR


def has_ended(event: Event) -> bool:
    """Whether an event tells that what its type says no longer holds."""
    return phase_of(event) is Phase.ENDS


def type_now(event: Event) -> str | None:
    """The type that says how things are after an event: its own, or of one that has ended the opposite; None: none."""
    return _OPPOSITE.get(event.type) if has_ended(event) else event.type


def names_state(event: Event) -> bool:
    """Whether an event says clearly that a state begins or ends: its source tells of both."""
    return event.data != EMPTY and event.type not in MOMENT_TYPES and state_word(_state_of(event)) is not None


def is_mode(type_: str) -> bool:
    """Whether a type tells how something is set, such as `generator.mode`: each of its events is a setting, none an end."""
    return type_.endswith(".mode")


def _state_of(event: Event) -> object:
    try:
        return _state_decoder.decode(event.data).state
    except (msgspec.DecodeError, RecursionError):
        return None


def _about(event: Event) -> dict[str, Any]:
    try:
        return event_data(event)
    except (msgspec.DecodeError, RecursionError):
        return {}


def is_dated(event: Event) -> bool:
    """Whether it is known when it happened, so that it may prove something.

    An agent marks what may have waited for nobody knows how long with `clock: unsure`; one of earlier days marked every
    stamp of more than a day ago `impossible`. What lives depend on counts from when it was told all the same.
    """
    if event.type in LIFE_SAFETY_TYPES or _CLOCK not in bytes(event.data):
        return True
    about = _about(event)
    if about.get("clock") != "impossible":
        return about.get("clock") != "unsure"
    stamp = about.get("device_at")
    return not isinstance(stamp, int) or not _FIRST_STAMP_MS <= stamp < event.at


def told_late(event: Event) -> int | None:
    """When the cloud heard of a person's act that was told later than it was done, ms; None: at once, or no such act."""
    if _TOLD_LATE not in bytes(event.data):
        return None
    heard = _about(event).get(TOLD_LATE)
    return heard if isinstance(heard, int) else None


SPOOL_FULL: Final = "spool_full"
"""`data.what` of a `device.fault` of an agent: its disk takes nothing but alarms."""


def word_heard_at(event: Event) -> int | None:
    """When the cloud heard of what a person only said, where that was later than it was done; None for all else.

    A scan proves itself, however late a tablet without a network hands it over.
    """
    return None if event.type in LOCATION_TYPES else told_late(event)


def raw_data(data: dict[str, Any] | None) -> msgspec.Raw:
    """A dictionary as the JSON bytes an `Event` carries, keys sorted."""
    return msgspec.Raw(msgspec.json.encode(data, order="sorted")) if data else EMPTY
