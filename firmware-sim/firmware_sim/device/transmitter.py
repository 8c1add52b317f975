"""A fire transmitter by GB/T 26875.3, from what public codecs tell of its frames. Pure.

`40 40`, sequence (2), version (2), time (6), source (6), destination (6), length (2), command (1), data, sum (1), `23 23`;
numbers low byte first. Its data is the status of one fire system: type 1, one object, system type and address, two
bytes of bits (0 normal, 1 fire, 2 fault, 3 isolated), time; or of one component of it: type 2, one object, system type
and address, component type, component address (4: loop in the high two bytes), two bytes of the same bits, a text of 31
bytes, time.
"""

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterable
from typing import Final

import msgspec

from firmware_sim.device import Inputs

BEAT_MS: Final = 30_000
_SEND, _CONFIRM = 2, 3
_BITS: Final = {"fire": 1, "fault": 2, "isolated": 3}
_NORMAL: Final = 1
_SYSTEM: Final = bytes([1, 3])
"""A fire alarm system at address 3."""
_SMOKE_DETECTOR, _TEXT = 40, 31
_COMPONENT: Final = re.compile(r"(?:(?P<loop>\d+)-)?(?P<address>\d+)\.(?P<state>fire|fault|isolated)")


class _State(msgspec.Struct, frozen=True):
    fire: bool = False
    fault: bool = False
    isolated: bool = False
    bcd: bool = False
    off_by_ms: int = 0


class FireTransmitter:
    """A transmitter at an address of six bytes, its clock in `zone`.

    Inputs: `fire`, `fault`, `isolated` (bool) of the system, and of a component with its address before them, such as
    `3-12.fire` or `132.fault`; `bcd`: it writes its times as decimals; `off_by_ms`, its clock against true time.
    """

    def __init__(self, address: bytes, zone: zoneinfo.ZoneInfo) -> None:
        self._address = address
        self._zone = zone
        self._state = _State()
        self._components: dict[int, frozenset[str]] = {}
        self._sequence = 0
        self._said_at: int | None = None

    def update(self, now: int, inputs: Inputs) -> list[bytes]:
        """Live until `now` (ms since the epoch): the frames it sends; with no news one each `BEAT_MS`.

        Raises:
            KeyError: An input that it does not have.
        """
        of_components = {name: found for name in inputs if (found := _COMPONENT.fullmatch(name))}
        if unknown := set(inputs) - set(_State.__struct_fields__) - set(of_components):
            raise KeyError(*sorted(unknown))
        before, known = self._state, dict(self._components)
        own = {name: value for name, value in inputs.items() if name not in of_components}
        self._state = msgspec.convert(msgspec.structs.asdict(before) | own, _State)
        for name, found in of_components.items():
            address = int(found["loop"] or 0) << 16 | int(found["address"])
            states = self._components.get(address, frozenset())
            state = frozenset({found["state"]})
            self._components[address] = states | state if inputs[name] else states - state
        frames = [
            self._frame(now, self._component(address, states, now))
            for address, states in self._components.items()
            if states != known.get(address, frozenset())
        ]
        if self._state != before or self._said_at is None or now - self._said_at >= BEAT_MS:
            self._said_at = now
            frames.append(self._frame(now, self._system(now)))
        return frames

    def _system(self, now: int) -> bytes:
        so = [name for name in _BITS if getattr(self._state, name)]
        return bytes([1, 1]) + _SYSTEM + _status(so) + self._label(now)

    def _component(self, address: int, states: frozenset[str], now: int) -> bytes:
        place = _SYSTEM + bytes([_SMOKE_DETECTOR]) + address.to_bytes(4, "little")
        return bytes([2, 1]) + place + _status(states) + bytes(_TEXT) + self._label(now)

    def _frame(self, now: int, data: bytes) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        label = self._label(now)
        body = (
            self._sequence.to_bytes(2, "little")
            + b"\1\1"
            + label
            + self._address
            + bytes(6)
            + len(data).to_bytes(2, "little")
            + bytes([_SEND])
            + data
        )
        return b"\x40\x40" + body + bytes([sum(body) & 0xFF]) + b"\x23\x23"

    def _label(self, now: int) -> bytes:
        local = dt.datetime.fromtimestamp((now + self._state.off_by_ms) / 1_000, self._zone)
        parts = (local.second, local.minute, local.hour, local.day, local.month, local.year % 100)
        if self._state.bcd:
            return bytes((part // 10) << 4 | part % 10 for part in parts)
        return bytes(parts)


def _status(so: Iterable[str]) -> bytes:
    return (_NORMAL | sum(1 << _BITS[name] for name in so)).to_bytes(2, "little")


def confirmed(data: bytes) -> set[int]:
    """The sequence numbers that a receiver's bytes confirm."""
    found = set()
    for start in range(len(data) - 29):
        frame = data[start:]
        if frame[:2] == b"\x40\x40" and frame[26] == _CONFIRM:
            found.add(int.from_bytes(frame[2:4], "little"))
    return found


def sequence_of(frame: bytes) -> int:
    """The number of a frame."""
    return int.from_bytes(frame[2:4], "little")
