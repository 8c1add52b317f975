"""What the data of a frame report: objects with a status, a value or an operation, each with its time. Pure.

Layouts and bits: github shootingfans/codec_gb26875_3_2011 constant/*.go @96ee4a48; bits of a system from 9 up stand
in fewer sources.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from contract.causes import Cause
from contract.parts import SYSTEM, TRANSMITTER
from edge.errors import Unusable

LABEL: Final = 6
_SYSTEM_STATUS: Final = 1
_COMPONENT_STATUS: Final = 2
_COMPONENT_ANALOG: Final = 3
_SYSTEM_OPERATION: Final = 4
_TRANSMITTER_STATUS: Final = 21
_TRANSMITTER_OPERATION: Final = 24

Bits = Mapping[int, tuple[str, str]]
"""By bit: the event type, and what it is."""

SYSTEM_BITS: Final[Bits] = {
    1: ("fire.alarm", "system"),
    2: ("fire.fault", "system"),
    3: ("fire.isolated", "system"),
    8: ("fire.fault", "main_power"),
    9: ("fire.fault", "backup_power"),
    10: ("fire.fault", "bus"),
    11: ("fire.mode", "manual"),
}
SYSTEM_RESET_BIT: Final = 13
"""The status of a system that has been reset."""
COMPONENT_BITS: Final[Bits] = {
    1: ("fire.alarm", "component"),
    2: ("fire.fault", "component"),
    3: ("fire.isolated", "component"),
    8: ("fire.fault", "power"),
}
TRANSMITTER_BITS: Final[Bits] = {
    1: ("fire.alarm", "transmitter"),
    2: ("device.fault", "transmitter"),
    3: ("device.fault", "main_power"),
    4: ("device.fault", "backup_power"),
    5: ("device.fault", "line_to_centre"),
    6: ("device.fault", "monitored_line"),
}
RESET_FLAG: Final = 0
MANUAL_ALARM_FLAG: Final = 2
ALARM_OVER_FLAG: Final = 3
"""Of operations: a reset, an alarm by hand, and that this one is over (警情消除)."""

ANALOGS: Final[Mapping[int, tuple[str, float]]] = {
    1: ("event_count", 1),
    2: ("height", 0.01),
    3: ("temperature", 0.1),
    4: ("pressure_mpa", 0.1),
    5: ("pressure_kpa", 0.1),
    6: ("gas_concentration", 0.1),
    7: ("time", 1),
    8: ("voltage", 0.1),
    9: ("current", 0.1),
    10: ("flow", 0.1),
    11: ("air_flow", 0.1),
    12: ("air_speed", 1),
}


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A status of what stands at `place` (within the transmitter), with the meaning of its bits.

    `system`: the one to which it belongs; empty for the transmitter itself. `reset`: it says that the panel was reset.
    """

    system: str
    place: str
    status: int
    bits: Bits
    label: bytes
    data: Mapping[str, str | int] = {}
    reset: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done at `place` of a system; both as in `Status`."""

    system: str
    place: str
    flags: int
    label: bytes
    data: Mapping[str, str | int] = {}


class Analog(msgspec.Struct, frozen=True, kw_only=True):
    """A number that a component measures."""

    place: str
    name: str
    value: float


Object = Status | Operation | Analog


def read_report(data: bytes) -> list[Object]:
    """The objects of a frame's data; none for kinds that report nothing.

    Raises:
        ValueError: The data are shorter or longer than their objects.
    """
    if len(data) < 2:
        raise Unusable(Cause.NO_REPORT, found=len(data))
    kind, count = data[0], data[1]
    if kind not in _LAYOUTS:
        return []
    size, read = _LAYOUTS[kind]
    if len(data) != 2 + count * size:
        raise Unusable(Cause.NO_REPORT, found=len(data))
    objects = [read(data[2 + index * size : 2 + (index + 1) * size]) for index in range(count)]
    return [one for one in objects if one is not None]


def tells_states(data: bytes) -> bool:
    """Whether data, as far as they can be read, may tell more than numbers."""
    return not data or data[0] != _COMPONENT_ANALOG


def _system(raw: bytes) -> str:
    """The system that the first two bytes of an object name; type 0, "general", is none by itself."""
    return f"{raw[0]}/{raw[1]}" if raw[0] else ""


def _system_status(raw: bytes) -> Object | None:
    status = int.from_bytes(raw[2:4], "little")
    data = {"system": raw[0], "system_address": raw[1]}
    reset = bool(status >> SYSTEM_RESET_BIT & 1)
    return Status(
        system=_system(raw),
        place=SYSTEM,
        status=status,
        bits=SYSTEM_BITS,
        label=raw[4:],
        data=data,
        reset=reset,
    )


def _component_status(raw: bytes) -> Object | None:
    address = int.from_bytes(raw[3:7], "little")
    text = raw[9:40].split(b"\0", 1)[0].decode("gb18030", "replace").strip()
    data: dict[str, str | int] = {
        "system": raw[0],
        "system_address": raw[1],
        "component": raw[2],
        "component_address": address,
    }
    return Status(
        system=_system(raw),
        place=str(address),
        status=int.from_bytes(raw[7:9], "little"),
        bits=COMPONENT_BITS,
        label=raw[40:],
        data=data | ({"text": text} if text else {}),
    )


def _component_analog(raw: bytes) -> Object | None:
    known = ANALOGS.get(raw[7])
    if known is None:
        return None
    name, scale = known
    address = int.from_bytes(raw[3:7], "little")
    number = int.from_bytes(raw[8:10], "little", signed=True)
    return Analog(place=f"{raw[0]}_{raw[1]}_{address}", name=name, value=float(f"{number * scale:.12g}"))


def _system_operation(raw: bytes) -> Object | None:
    data = {"system": raw[0], "system_address": raw[1], "operator": raw[3]}
    return Operation(system=_system(raw), place=SYSTEM, flags=raw[2], label=raw[4:], data=data)


def _transmitter_status(raw: bytes) -> Object | None:
    return Status(system="", place=TRANSMITTER, status=raw[0], bits=TRANSMITTER_BITS, label=raw[1:])


def _transmitter_operation(raw: bytes) -> Object | None:
    return Operation(system="", place=TRANSMITTER, flags=raw[0], label=raw[2:], data={"operator": raw[1]})


_LAYOUTS: Final[Mapping[int, tuple[int, Callable[[bytes], Object | None]]]] = {
    _SYSTEM_STATUS: (10, _system_status),
    _COMPONENT_STATUS: (46, _component_status),
    _COMPONENT_ANALOG: (16, _component_analog),
    _SYSTEM_OPERATION: (10, _system_operation),
    _TRANSMITTER_STATUS: (7, _transmitter_status),
    _TRANSMITTER_OPERATION: (8, _transmitter_operation),
}
