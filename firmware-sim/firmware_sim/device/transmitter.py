"""A fire transmitter by GB/T 26875.3, from what public codecs tell of its frames. Pure.

`40 40`, sequence (2), version (2), time (6), source (6), destination (6), length (2), command (1), data, sum (1), `23 23`;
numbers low byte first. Its data is the status of one fire system: type 1, one object, system type and address, two
bytes of bits (0 normal, 1 fire, 2 fault, 3 isolated), time.
"""

import datetime as dt
import zoneinfo
from typing import Final

import msgspec

from firmware_sim.device import Inputs

BEAT_MS: Final = 30_000
_SEND, _CONFIRM = 2, 3
_BITS: Final = {"fire": 1, "fault": 2, "isolated": 3}
_NORMAL: Final = 1
_SYSTEM: Final = bytes([1, 3])
"""A fire alarm system at address 3."""


class _State(msgspec.Struct, frozen=True):
    fire: bool = False
    fault: bool = False
    isolated: bool = False
    bcd: bool = False
    off_by_ms: int = 0


class FireTransmitter:
    """A transmitter at an address of six bytes, its clock in `zone`.

    Inputs: `fire`, `fault`, `isolated` (bool); `bcd`: it writes its times as decimals; `off_by_ms`, its clock against
    true time.
    """

    def __init__(self, address: bytes, zone: zoneinfo.ZoneInfo) -> None:
        self._address = address
        self._zone = zone
        self._state = _State()
        self._sequence = 0
        self._said_at: int | None = None

    def update(self, now: int, inputs: Inputs) -> list[bytes]:
        """Live until `now` (ms since the epoch): the frames it sends; with no news one each `BEAT_MS`.

        Raises:
            KeyError: An input that it does not have.
        """
        if unknown := set(inputs) - set(_State.__struct_fields__):
            raise KeyError(*sorted(unknown))
        before = self._state
        self._state = msgspec.convert(msgspec.structs.asdict(before) | dict(inputs), _State)
        if self._state == before and self._said_at is not None and now - self._said_at < BEAT_MS:
            return []
        self._said_at = now
        return [self._frame(now)]

    def _frame(self, now: int) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        label = self._label(now)
        status = _NORMAL | sum(1 << bit for name, bit in _BITS.items() if getattr(self._state, name))
        data = bytes([1, 1]) + _SYSTEM + status.to_bytes(2, "little") + label
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
