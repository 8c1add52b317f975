"""Parts of devices: the one name that a part has, whatever its source calls it. Pure.

A detector of a panel, a component behind a fire transmitter, a bit of a state word: an event names it in `data.part`.
The edge sets it (`edge.parts`); `part_name` also understands data from before it did.

| what the source says | part |
|---|---|
| loop 3, address 12 | `3-12`; a module, `3-M12`; loop 3 as a whole, `3` |
| component address 0x0003000C of GB/T 26875.3 | `3-12`: the two high bytes are the loop, the two low ones the address |
| component address 132 | `132` |
| the same behind another system than type 1 at address 1 | `2/132` (system address 2), `11.2/132` (type 11) |
| a status of the system itself | its word: `system`, `main_power`; of another system, `2/system` |
| a reset of one of several systems behind a transmitter | the system: `system`, `2/system` |
| a register, coil or field | the name of the point: `oil_pressure_low` |
| one of several states of a point | point and state: `alarms_1.emergency_stop` |
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

LONGEST_PART: Final = 128
"""Letters of a name; what is longer is cut, here and in the store's index."""

WHOLE_DEVICE: Final = ""
"""In place of a part: the event tells of the device as a whole."""

SYSTEM: Final = "system"
"""The part that a system behind a transmitter is as a whole; `2/system` for others than the first fire system."""

TRANSMITTER: Final = "transmitter"
"""The part that a transmitter is itself."""

COMPONENT: Final = re.compile(r"(?:(?:\d{1,3}\.)?\d{1,3}/)?(?:\d{1,5}-\d{1,5}|\d{1,10})")
"""A part that is a component behind a fire transmitter."""

NOT_UNDERSTOOD: Final = "?"
"""In place of what a reset resets where the source names something that cannot be read: nothing ends by it."""

RESET_OVER: Final = "reset_over"
"""In the part of the end of a reset's signal, so that a store never takes it for the reset itself."""

_NO_PART: Final = frozenset({"reset", "manual"})
"""What is done to, or holds of, a system as a whole."""
_COMPONENT: Final = "component"
_FIRE_SYSTEM: Final = (1, 1)
_MOST: Final = 10**10
_WHOLE: Final = re.compile(r"([0-9]{1,20})(?:\.0*)?")
_NAME: Final = re.compile(r"[0-9A-Za-z]{1,16}")
_NAMES_OF_PARTS: Final = ("part", "loop", "address", "component_address")
_NAMES_NOTHING: Final = (None, "")
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—−―", "-"))


def part_name(data: Mapping[str, Any]) -> str:
    """The part that an event's data tell of; empty (`WHOLE_DEVICE`) where they name none."""
    part = data.get("part")
    if isinstance(part, str) and part:
        return part[:LONGEST_PART]
    if part is not None and (number := _number_told(part)) is not None:
        return str(number)
    return _named_by_source(data)[:LONGEST_PART]


def _named_by_source(data: Mapping[str, Any]) -> str:
    loop, address = _word_told(data.get("loop")), _word_told(data.get("address"))
    if (component := _number_told(data.get("component_address"))) is not None:
        what = data.get("what")
        state = f".{what}" if isinstance(what, str) and what != _COMPONENT else ""
        return f"{_system(data)}{component_part(component)}{state}"
    if address:
        module = "M" if data.get("device_kind") == "module" and not address.startswith("M") else ""
        return f"{loop}-{module}{address}" if loop else f"{module}{address}"
    if loop:
        return loop
    if isinstance(point := data.get("point"), str) and point:
        word = next((data[name] for name in ("alarm", "fault") if isinstance(data.get(name), str)), "")
        return f"{point}.{word}" if word else point
    what = data.get("what")
    return f"{_system(data)}{what}" if isinstance(what, str) and what not in _NO_PART else WHOLE_DEVICE


def reset_name(data: Mapping[str, Any]) -> str:
    """What the data of a reset say is reset: a part, a system behind a transmitter, or all of the device (empty).

    `NOT_UNDERSTOOD` where a part is named in a way that cannot be read. System type 0 of GB/T 26875.3 is "general": no system by itself.
    """
    if part := part_name(data):
        return part
    if any(data.get(name) not in _NAMES_NOTHING for name in _NAMES_OF_PARTS):
        return NOT_UNDERSTOOD
    kind, address = _number_told(data.get("system")), _number_told(data.get("system_address"))
    if kind is None or kind == 0 or address is None:
        return WHOLE_DEVICE
    return f"{_system(data)}{SYSTEM}"


def system_of(part: str) -> str:
    """The system, by its name as a part, to which a part behind a transmitter belongs; empty for the transmitter."""
    if part == TRANSMITTER:
        return WHOLE_DEVICE
    head, found, _ = part.rpartition("/")
    return f"{head}{found}{SYSTEM}"


def is_reset_with(part: str, reset: str) -> bool:
    """Whether the reset of `reset` (`reset_name`) ends what stands at a part."""
    return not reset or reset in {part, system_of(part)}


def component_part(address: int) -> str:
    """The part that a component address of GB/T 26875.3 is.

    In captured frames 0x000600D9 is loop 6, address 217 (test data of github shootingfans/codec_gb26875_3_2011).
    """
    loop, number = divmod(address, 0x1_0000)
    return f"{loop}-{number}" if loop else str(number)


def _system(data: Mapping[str, Any]) -> str:
    """`2/` where several systems may stand behind one device and it is not the first fire system."""
    kind, address = _number_told(data.get("system")), _number_told(data.get("system_address"))
    if kind is None or address is None or (kind, address) == _FIRE_SYSTEM:
        return ""
    return f"{address}/" if kind == _FIRE_SYSTEM[0] else f"{kind}.{address}/"


def _number_told(value: object) -> int | None:
    """A number of a part, told as a whole number, as a float without fraction or as a text; None for all else."""
    if isinstance(value, str):
        plain = unicodedata.normalize("NFKC", value[:LONGEST_PART]).strip()
        value = int(found[1]) if (found := _WHOLE.fullmatch(plain)) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST:
        return None
    return int(value) if value == int(value) else None


def _word_told(value: object) -> str:
    """A loop or an address as it stands in a part; empty for what is none."""
    if (number := _number_told(value)) is not None:
        return str(number)
    if not isinstance(value, str) or not _NAME.fullmatch(text := tidy_part(value[:LONGEST_PART])):
        return ""
    return text


def tidy_part(text: str) -> str:
    """A part as people write it, in the form that events have: full-width letters, other dashes and leading zeros go."""
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES).strip()
    plain = re.sub(r"\s*([-/.])\s*", r"\1", plain)
    return re.sub(r"(?<![0-9A-Za-z_])(M?)0+(?=[0-9])(?=[0-9]*(?![0-9A-Za-z_]))", r"\1", plain)


def kin_of(part: str) -> tuple[str, ...]:
    """The names under which a site's files may know a part, the nearest first.

    `2/3-12.power`: itself, the component `2/3-12`, and both without the system, for lists of the only panel there is.
    """
    whole = part.partition(".")[0] if "/" not in part else _without_state(part)
    plain = [name.rpartition("/")[2] for name in (part, whole)]
    return tuple(dict.fromkeys((part, whole, *plain)))


def _without_state(part: str) -> str:
    system, _, rest = part.rpartition("/")
    return f"{system}/{rest.partition('.')[0]}"


def renamed(part: str) -> str:
    """The name of today for a part that was stored as `loop-address-point`; others are as they were."""
    old = re.fullmatch(r"(\d+)-(\d+)-\w*?([dm]?)\d+", part)
    if old is None:
        return part
    return f"{old[1]}-{'M' if old[3] == 'm' else ''}{old[2]}"
