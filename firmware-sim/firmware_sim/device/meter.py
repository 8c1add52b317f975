"""A meter by DL/T 645-2007, played by its profile: bytes in, bytes out. Pure."""

from typing import Final

from contract.profile.model import Block, Item, MeterProfile
from firmware_sim.device import Inputs

_START: Final = 0x68
_END: Final = 0x16
_READ: Final = 0x11
_ANSWER: Final = 0x91
_REFUSAL: Final = 0xD1
_NO_SUCH: Final = 0x02
_SHIFT: Final = 0x33
_HEAD: Final = 10
_WAKE: Final = b"\xfe\xfe\xfe\xfe"


class Meter:
    """A meter of a profile with its 12 digits.

    Inputs: a value of the profile, in its unit as the meter shows it (before the site's ratios); `missing` for one that it
    does not have; `online`, whether it answers at all.
    """

    def __init__(self, profile: MeterProfile, address: str) -> None:
        self._address = bytes.fromhex(address.zfill(12))[::-1]
        self._blocks = {bytes.fromhex(block.id)[::-1]: block for block in profile.blocks}
        self._items = {item.name: item for block in profile.blocks for item in block.points}
        self._values = {name: bytes(item.size) for name, item in self._items.items()}
        self._online = True
        self._heard = bytearray()

    def update(self, _now: int, inputs: Inputs) -> None:
        """Put values where they stand.

        Raises:
            KeyError: The meter has no such value.
            ValueError: A value does not go in there.
        """
        for name, value in inputs.items():
            if name == "online":
                self._online = bool(value)
            else:
                self._values[name] = _encoded(self._items[name], value)

    def hears(self, data: bytes) -> bytes:
        """What it answers to bytes on its line; nothing to what is not for it."""
        self._heard += data
        answer = b""
        while (frame := self._next()) is not None:
            if self._online and frame[1:7] == self._address and frame[8] == _READ:
                answer += self._answer(bytes((byte - _SHIFT) & 0xFF for byte in frame[_HEAD:-2]))
        return answer

    def _next(self) -> bytes | None:
        while (start := self._heard.find(_START)) >= 0:
            del self._heard[:start]
            if len(self._heard) < _HEAD or len(self._heard) < (whole := _HEAD + self._heard[9] + 2):
                return None
            frame = bytes(self._heard[:whole])
            if frame[7] == _START and frame[-1] == _END and sum(frame[:-2]) & 0xFF == frame[-2]:
                del self._heard[:whole]
                return frame
            del self._heard[0]
        self._heard.clear()
        return None

    def _answer(self, identifier: bytes) -> bytes:
        block = self._blocks.get(identifier)
        if block is None:
            return self._frame(_REFUSAL, bytes([_NO_SUCH]))
        return self._frame(_ANSWER, identifier + self._data(block))

    def _data(self, block: Block) -> bytes:
        data = bytearray(max(item.at + item.size for item in block.points))
        for item in block.points:
            data[item.at : item.at + item.size] = self._values[item.name]
        return bytes(data)

    def _frame(self, control: int, data: bytes) -> bytes:
        body = bytes([_START]) + self._address + bytes([_START, control, len(data)])
        body += bytes((byte + _SHIFT) & 0xFF for byte in data)
        return _WAKE + body + bytes([sum(body) & 0xFF, _END])


def _encoded(item: Item, value: float | bool | str) -> bytes:
    if value == "missing":
        return b"\xff" * item.size
    number = round(float(value) / item.scale)
    if item.form == "bits":
        return number.to_bytes(item.size, "little")
    shown = f"{abs(number):0{2 * item.size}}"
    if len(shown) > 2 * item.size or (item.signed and int(shown[0]) > 7) or (number < 0 and not item.signed):
        raise ValueError(f"{value} does not go into {item.size} bytes of {item.name}")
    digits = bytearray(bytes.fromhex(shown))
    if number < 0:
        digits[0] |= 0x80
    return bytes(digits[::-1])
