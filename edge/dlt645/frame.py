"""Frames of DL/T 645-2007, chapter 5: 68H, address, 68H, control, length, data plus 33H each, checksum, 16H. Pure."""

from typing import Final

import msgspec

START: Final = 0x68
END: Final = 0x16
READ: Final = 0x11
"""Control code of the master's read; a normal answer has bit 7 set, one with more to follow bit 5, a refusal bit 6."""
ANSWER: Final = 0x91
MORE: Final = 0xB1
REFUSAL: Final = 0xD1
WAKE: Final = b"\xfe\xfe\xfe\xfe"
"""Sent before a frame, to wake the receiver; an answer may begin with any number of them."""
_SHIFT: Final = 0x33
_HEAD: Final = 10
_NO_SUCH: Final = 0x02
"""The bit of a refusal's error word that says that there is no such data."""


class Frame(msgspec.Struct, frozen=True):
    """A frame: of which meter (12 digits), what it is, and its data without the shift."""

    address: str
    control: int
    data: bytes

    @property
    def identifier(self) -> str:
        """What its data are, DI3 to DI0 as eight hexadecimal digits; nothing where it has none."""
        return self.data[3::-1].hex().upper() if len(self.data) >= 4 else ""

    @property
    def has_no_such(self) -> bool:
        """Whether a refusal says that the meter does not have what it was asked for."""
        return bool(self.data and self.data[0] & _NO_SUCH)


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    address = bytes.fromhex(frame.address)[::-1]
    data = bytes((byte + _SHIFT) & 0xFF for byte in frame.data)
    body = bytes([START]) + address + bytes([START, frame.control, len(data)]) + data
    return body + bytes([sum(body) & 0xFF, END])


def ask(address: str, identifier: str) -> Frame:
    """A read of what has that identifier."""
    return Frame(address, READ, bytes.fromhex(identifier)[::-1])


class FrameReader:
    """Frames out of a stream of bytes; what is none is passed over."""

    def __init__(self) -> None:
        self._held = bytearray()

    def reset(self) -> None:
        """Forget what has come."""
        self._held.clear()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole now."""
        self._held += data
        found: list[Frame] = []
        while (frame := self._next()) is not None:
            found.append(frame)
        return found

    def _next(self) -> Frame | None:
        while (start := self._held.find(START)) >= 0:
            del self._held[:start]
            if len(self._held) < _HEAD:
                return None
            whole = _HEAD + self._held[9] + 2
            is_frame = self._held[7] == START
            if is_frame and len(self._held) < whole:
                return None
            if is_frame and _is_sound(self._held[:whole]):
                frame = _frame(bytes(self._held[:whole]))
                del self._held[:whole]
                return frame
            del self._held[0]
        self._held.clear()
        return None


def _is_sound(body: bytearray) -> bool:
    return body[-1] == END and sum(body[:-2]) & 0xFF == body[-2]


def _frame(body: bytes) -> Frame:
    data = bytes((byte - _SHIFT) & 0xFF for byte in body[_HEAD:-2])
    return Frame(body[6:0:-1].hex(), body[8], data)
